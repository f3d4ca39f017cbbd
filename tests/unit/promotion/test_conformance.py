import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from live.promotion import PromotionError, SigningKey, encode_canonical
from live.promotion.conformance import (
    CLOCK_TOLERANCE,
    CONFORMANCE_SCHEMA,
    MAXIMUM_AGE,
    AdapterAddress,
    CaseResult,
    ConformanceCode,
    ConformanceEvidence,
    ConformanceRefused,
    conformance_path,
    read_conformance,
    sign_conformance,
    verify_conformance,
    write_conformance,
)
from tests.unit.promotion.conftest import make_key

NOW = 1_700_000_000_000_000_000
ADAPTER = AdapterAddress(
    venue_id="binance-spot",
    dialect="binance",
    http="http://127.0.0.1:18080",
    web_socket="ws://127.0.0.1:18080",
    web_socket_api="ws://127.0.0.1:18080",
    adapter_digest="a" * 64,
    kit_version="1",
)
PASSED = (
    CaseResult(case="AC-01", sentence="A limit order rests.", outcome="passed"),
    CaseResult(case="AC-02", sentence="It is canceled.", outcome="passed"),
)
CASES = ("AC-01", "AC-02")


def evidence(cases: tuple[CaseResult, ...] = PASSED, **changes: Any) -> ConformanceEvidence:
    """Make evidence of a run that ended a minute ago; `changes` are of the evidence."""
    whole = ConformanceEvidence(
        schema=CONFORMANCE_SCHEMA, adapter=ADAPTER, started_at=NOW - 90 * 10**9, finished_at=NOW - 60 * 10**9, cases=cases
    )
    return msgspec.structs.replace(whole, **changes)


@pytest.fixture(name="key")
def _key() -> SigningKey:
    return make_key("checker", "conformance")


def refusal(raw: bytes, key: SigningKey, now: int = NOW) -> ConformanceRefused:
    """Give the refusal of an envelope."""
    with pytest.raises(ConformanceRefused) as refused:
        verify_conformance(raw, [key.public], ADAPTER, now, CASES)
    return refused.value


def test_what_was_signed_counts_for_thirty_days(key: SigningKey) -> None:
    """To the nanosecond, from the end of the run; who signed and what was left out is known."""
    raw = sign_conformance(evidence(), key)
    found = verify_conformance(raw, [key.public], ADAPTER, NOW, CASES)
    assert (found.signers, found.skipped, found.evidence) == (("checker",), (), evidence())
    assert found.expires_at == evidence().finished_at + 30 * 24 * 3600 * 10**9
    assert verify_conformance(raw, [key.public], ADAPTER, found.expires_at - 1, CASES) == found
    late = refusal(raw, key, found.expires_at)
    assert late.code == ConformanceCode.EXPIRED
    assert "is 30 days old, it counts for 30: run `interlock venue check binance-spot` again" in str(late)


def test_evidence_of_the_future_is_another_clocks(key: SigningKey) -> None:
    """A minute ahead is a clock a little off, more is one that cannot be gone by."""
    raw = sign_conformance(evidence(finished_at=NOW + CLOCK_TOLERANCE), key)
    verify_conformance(raw, [key.public], ADAPTER, NOW, CASES)
    early = refusal(raw, key, NOW - 10**9)
    assert early.code == ConformanceCode.EXPIRED
    assert "lies 61 s in the future" in str(early)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("venue_id", "kraken-spot", ConformanceCode.OTHER_VENUE),
        ("http", "https://api.binance.com", ConformanceCode.OTHER_ADDRESS),
        ("web_socket", "wss://stream.binance.com", ConformanceCode.OTHER_ADDRESS),
        ("web_socket_api", "wss://ws-api.binance.com", ConformanceCode.OTHER_ADDRESS),
        ("dialect", "kraken", ConformanceCode.OTHER_ADDRESS),
        ("adapter_digest", "b" * 64, ConformanceCode.OTHER_ADAPTER),
        ("kit_version", "0", ConformanceCode.OTHER_KIT),
    ],
)
def test_it_counts_for_one_adapter_at_one_address(key: SigningKey, name: str, value: str, code: ConformanceCode) -> None:
    """What was shown on a test network says nothing of the real one, nor does what another adapter showed."""
    other = msgspec.structs.replace(ADAPTER, **{name: value})
    assert refusal(sign_conformance(evidence(adapter=other), key), key).code == code


@pytest.mark.parametrize(
    ("last", "code", "said"),
    [
        (CaseResult(case="AC-02", sentence="s", outcome="failed", detail="sent twice"), ConformanceCode.FAILED, "AC-02 sent twice"),
        (CaseResult(case="AC-02", sentence="s", outcome="skipped"), ConformanceCode.FAILED, "AC-02 s"),
        (CaseResult(case="AC-03", sentence="s", outcome="passed"), ConformanceCode.INCOMPLETE, "AC-02"),
        (CaseResult(case="AC-01", sentence="s", outcome="passed"), ConformanceCode.INCOMPLETE, "AC-02"),
    ],
)
def test_every_case_must_have_passed(key: SigningKey, last: CaseResult, code: ConformanceCode, said: str) -> None:
    """One that failed, was left out without a reason, is missing, or hides behind another of its number refuses all."""
    refused = refusal(sign_conformance(evidence((PASSED[0], last)), key), key)
    assert refused.code == code
    assert said in str(refused)


def test_a_case_that_hides_another_is_refused(key: SigningKey) -> None:
    """Of two results of one case nobody knows which holds."""
    twice = (*PASSED, msgspec.structs.replace(PASSED[1], sentence="again"))
    assert refusal(sign_conformance(evidence(twice), key), key).code == ConformanceCode.INCOMPLETE


def test_what_the_venue_cannot_do_may_be_left_out_and_is_named(key: SigningKey) -> None:
    """A reason is needed, and nothing shown at all is no evidence."""
    skipped = CaseResult(case="AC-02", sentence="s", outcome="skipped", detail="no stop orders there")
    found = verify_conformance(sign_conformance(evidence((PASSED[0], skipped)), key), [key.public], ADAPTER, NOW, CASES)
    assert found.skipped == ("AC-02",)
    nothing = (msgspec.structs.replace(skipped, case="AC-01"), skipped)
    assert refusal(sign_conformance(evidence(nothing), key), key).code == ConformanceCode.INCOMPLETE


def test_the_gates_key_may_sign_too_and_no_other(key: SigningKey) -> None:
    """An approver vouches for strategies, not for adapters, and a key that nobody pinned vouches for nothing."""
    gate, approver = make_key("gate-host", "gate"), make_key("ann", "approver")
    raw = sign_conformance(evidence(), gate)
    assert verify_conformance(raw, [gate.public], ADAPTER, NOW, CASES).signers == ("gate-host",)
    assert refusal(raw, key).code == ConformanceCode.UNSIGNED
    with pytest.raises(PromotionError, match="signed by a key of role conformance or gate, received key ann of role approver"):
        sign_conformance(evidence(), approver)
    as_approver = msgspec.structs.replace(gate.public, role="approver")
    with pytest.raises(ConformanceRefused, match="not trusted here as conformance or gate"):
        verify_conformance(raw, [as_approver], ADAPTER, NOW, CASES)


def change_payload(raw: bytes) -> bytes:
    """Make a failure a success in what was signed."""
    document = msgspec.json.decode(raw)
    payload = base64.b64decode(document["payload"]).replace(b'"AC-02"', b'"AC-03"')
    return encode_canonical({**document, "payload": base64.b64encode(payload).decode()})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (change_payload, ConformanceCode.BAD_SIGNATURE),
        (lambda raw: encode_canonical({**msgspec.json.decode(raw), "signatures": []}), ConformanceCode.UNSIGNED),
        (lambda raw: encode_canonical({**msgspec.json.decode(raw), "payloadType": "other"}), ConformanceCode.UNREADABLE),
        (lambda raw: encode_canonical({**msgspec.json.decode(raw), "payload": "?"}), ConformanceCode.UNREADABLE),
        (lambda raw: raw + b"\n", ConformanceCode.UNREADABLE),
        (lambda raw: raw[:-5], ConformanceCode.UNREADABLE),
        (lambda raw: b"", ConformanceCode.UNREADABLE),
        (lambda raw: b"\xff", ConformanceCode.UNREADABLE),
        (lambda raw: b"[" * 100_000, ConformanceCode.UNREADABLE),
    ],
)
def test_a_changed_or_damaged_file_is_refused(key: SigningKey, change: Callable[[bytes], bytes], code: ConformanceCode) -> None:
    """Nothing of it is believed before its signature holds."""
    assert refusal(change(sign_conformance(evidence(), key)), key).code == code


def test_another_schema_is_not_read(key: SigningKey) -> None:
    """What a later release wrote may mean something else."""
    assert "conformance schema 1 was expected, received 2" in str(refusal(sign_conformance(evidence(schema=2), key), key))


def test_a_home_keeps_one_file_a_venue(tmp_path: Path, key: SigningKey) -> None:
    """It is written in one step, the newer one in the older one's place, and a missing or absurd one says what to run."""
    with pytest.raises(ConformanceRefused, match="never showed its conformance at binance-spot: run `interlock venue check"):
        read_conformance(tmp_path, "binance-spot")
    for cases in (PASSED[:1], PASSED):
        raw = sign_conformance(evidence(cases), key)
        assert write_conformance(tmp_path, "binance-spot", raw) == conformance_path(tmp_path, "binance-spot")
        assert read_conformance(tmp_path, "binance-spot") == raw
    assert [path.name for path in (tmp_path / "conformance").iterdir()] == ["binance-spot.json"]
    conformance_path(tmp_path, "binance-spot").write_bytes(b"x" * 2_000_000)
    with pytest.raises(ConformanceRefused, match="it is larger than"):
        read_conformance(tmp_path, "binance-spot")


def test_thirty_days_are_thirty_days() -> None:
    """The bound is the promise of the specification."""
    assert MAXIMUM_AGE == 30 * 86_400 * 10**9
