from collections.abc import Callable, Iterable

import msgspec
import pytest

from live.core.inputs import ClockTicked
from live.core.records import SCHEMA_VERSIONS, OrderTransitioned
from live.journal import EntryError, ParityDigest, SchemaVersionError, decode_entry, encode_entry, entry_time


def test_an_entry_comes_back_as_it_was(record: Callable[[int], OrderTransitioned]) -> None:
    """Encoding loses nothing."""
    assert decode_entry("OrderTransitioned", 1, encode_entry(record(1))) == record(1)


def test_an_unknown_kind_is_refused() -> None:
    """A record of a newer program is not guessed at."""
    with pytest.raises(SchemaVersionError, match="'OrderTeleported', which this program does not know"):
        decode_entry("OrderTeleported", 1, b"\x90")


def test_a_newer_schema_is_refused_and_both_versions_are_named(record: Callable[[int], OrderTransitioned]) -> None:
    """A body whose fields may mean something else is not read."""
    newest = SCHEMA_VERSIONS["OrderTransitioned"]
    with pytest.raises(SchemaVersionError, match=f"written as version {newest + 1}, this program reads up to {newest}"):
        decode_entry("OrderTransitioned", newest + 1, encode_entry(record(1)))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x93\x01\x02\x03",
        msgspec.msgpack.encode(["ClockTicked", "noon"]),
        msgspec.msgpack.encode(["ClockTicked"]),
        msgspec.msgpack.encode(["ClockTicked", 5, 6]),
        b"\xdc\x00\x02" + msgspec.msgpack.encode("ClockTicked") + b"\x05",
        msgspec.msgpack.encode(["SessionClosed", 5, ""]),
    ],
    ids=["empty", "no msgpack", "untagged", "wrong type", "too short", "too long", "not shortest form", "another kind"],
)
def test_a_malformed_body_is_refused(body: bytes) -> None:
    """What is not exactly an entry's canonical encoding is no entry."""
    with pytest.raises(EntryError, match="ClockTicked"):
        decode_entry("ClockTicked", 1, body)


def test_versions_count_from_one() -> None:
    """A row that claims version 0 is damaged."""
    with pytest.raises(EntryError, match="received 0 for ClockTicked"):
        decode_entry("ClockTicked", 0, encode_entry(ClockTicked(5)))


def test_an_entry_stands_at_its_receipt_or_its_engine_time(record: Callable[[int], OrderTransitioned]) -> None:
    """Inputs and records name their time differently; the journal has one column."""
    assert entry_time(ClockTicked(5)) == 5
    assert entry_time(record(2)) == record(2).ts


def test_the_parity_digest_tells_order_and_content_apart() -> None:
    """Two sequences have the same digest only when they are the same."""

    def digest(*bodies: bytes) -> str:
        parity = ParityDigest()
        for body in bodies:
            parity.update(body)
        return parity.hexdigest()

    assert digest(b"a", b"b") == digest(b"a", b"b")
    assert digest(b"a", b"b") != digest(b"b", b"a")
    assert digest(b"a") != digest(b"a", b"b")


@pytest.mark.parametrize("together", [list, tuple, iter])
def test_several_records_at_once_give_the_digest_of_one_at_a_time(together: Callable[[list[bytes]], Iterable[bytes]]) -> None:
    """How a commit feeds the digest cannot be seen in it, nor in what it holds its records."""
    one_by_one, at_once, bodies = ParityDigest(), ParityDigest(), [b"a", b"bc", b"d"]
    for body in bodies:
        one_by_one.update(body)
    at_once.update_all(together(bodies))
    assert (one_by_one.hexdigest(), one_by_one.count) == (at_once.hexdigest(), at_once.count)
