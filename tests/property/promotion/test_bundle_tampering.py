import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.promotion import BundleRefused, TrustedKey, verify_bundle

NOW = 1_700_000_000_000_000_000


def assert_refused(raw: bytes, trusted: list[TrustedKey]) -> None:
    """Insist that a changed file is refused by reason, and by no other exception."""
    with pytest.raises(BundleRefused):
        verify_bundle(raw, trusted, NOW)


def test_the_unchanged_bundle_is_accepted(envelope: bytes, trusted: list[TrustedKey]) -> None:
    """The tests below refuse because of the change, not because of the bundle."""
    assert verify_bundle(envelope, trusted, NOW, ("gate", "approver")).version.strategy_id == "ema_cross"


def test_no_single_bit_of_the_file_can_be_flipped(envelope: bytes, trusted: list[TrustedKey]) -> None:
    """Every bit of every byte of a bundle with two signatures is tried, and each flip is refused."""
    assert len(envelope) < 8_000, "keep the bundle small: each of its bits is tried"
    changed = bytearray(envelope)
    for offset in range(len(envelope)):
        for bit in range(8):
            changed[offset] ^= 1 << bit
            try:
                verify_bundle(bytes(changed), trusted, NOW)
                pytest.fail(f"bit {bit} at offset {offset} was flipped and nobody noticed")
            except BundleRefused:
                changed[offset] = envelope[offset]


@given(data=st.data())
def test_no_byte_of_the_file_can_be_replaced(data: st.DataObject, envelope: bytes, trusted: list[TrustedKey]) -> None:
    """Any other byte at any offset is refused."""
    offset = data.draw(st.integers(0, len(envelope) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != envelope[offset]))
    assert_refused(envelope[:offset] + bytes([value]) + envelope[offset + 1 :], trusted)


@given(data=st.data())
def test_nothing_can_be_cut_out_or_put_in(data: st.DataObject, envelope: bytes, trusted: list[TrustedKey]) -> None:
    """A missing piece, an added piece and a repeated piece are refused wherever they are."""
    start = data.draw(st.integers(0, len(envelope) - 1))
    end = data.draw(st.integers(start + 1, len(envelope)))
    piece = data.draw(st.binary(min_size=1, max_size=20))
    assert_refused(envelope[:start] + envelope[end:], trusted)
    assert_refused(envelope[:start] + piece + envelope[start:], trusted)
    assert_refused(envelope[:end] + envelope[start:], trusted)


@given(st.binary(max_size=200))
def test_any_other_file_is_refused(trusted: list[TrustedKey], raw: bytes) -> None:
    """Bytes that are no bundle end in a refusal, never in an error of a parser."""
    assert_refused(raw, trusted)
