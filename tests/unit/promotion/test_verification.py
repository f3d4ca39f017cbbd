import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from live.promotion import (
    MAXIMUM_VALIDITY,
    PAYLOAD_TYPE,
    BundleRefused,
    Evidence,
    EvidenceError,
    PromotionError,
    Refusal,
    SigningKey,
    StrategyFolder,
    build_bundle,
    encode_canonical,
    pack_files,
    read_version,
    sha256_hex,
    sign_bundle,
    verify_bundle,
    write_bundle,
)
from live.promotion.bundle import MAXIMUM_BUNDLE_BYTES
from live.promotion.signatures import sign_payload

CREATED_AT = 1_700_000_000_000_000_000
EXPIRES_AT = CREATED_AT + 30 * 24 * 3600 * 1_000_000_000

Fields = dict[str, Any]
Refuses = Callable[..., str]


def envelope_of(payload: bytes, *keys: SigningKey, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Sign any payload as any type, as only somebody who holds the keys could."""
    signatures = [
        {"keyid": key.public.keyid, "sig": base64.b64encode(sign_payload(payload, payload_type, key.private)).decode()}
        for key in sorted(keys, key=lambda key: key.public.keyid)
    ]
    return encode_canonical({"payload": base64.b64encode(payload).decode(), "payloadType": payload_type, "signatures": signatures})


@pytest.fixture(name="envelope")
def _envelope(payload: bytes, gate_key: SigningKey) -> bytes:
    return sign_bundle(payload, gate_key)


@pytest.fixture(name="refuses")
def _refuses(gate_key: SigningKey, approver_key: SigningKey) -> Refuses:
    """Verify a file that must be refused for the given reason, and give the sentence that says why."""

    def refuses(raw: bytes, reason: Refusal, **arguments: Any) -> str:
        trusted = arguments.pop("trusted", [gate_key.public, approver_key.public])
        now = arguments.pop("now", CREATED_AT)
        with pytest.raises(BundleRefused) as caught:
            verify_bundle(raw, trusted, now, **arguments)
        assert caught.value.reason is reason, str(caught.value)
        return str(caught.value)

    return refuses


def test_a_signed_bundle_gives_back_what_went_in(
    folder: StrategyFolder, evidence: Evidence, payload: bytes, envelope: bytes, gate_key: SigningKey
) -> None:
    """Version, evidence and sources come out equal, with the digest of the payload and the key that signed."""
    verified = verify_bundle(envelope, [gate_key.public], CREATED_AT)
    assert (verified.version, verified.evidence, verified.archive) == (folder.version, evidence, folder.archive)
    assert (verified.digest, verified.signers) == (sha256_hex(payload), (gate_key.public,))
    assert (verified.created_at, verified.expires_at) == (CREATED_AT, EXPIRES_AT)


def test_what_is_signed_is_the_standard_dsse_encoding(payload: bytes, envelope: bytes, gate_key: SigningKey) -> None:
    """The signature holds over DSSE's pre-authentication encoding, written here by hand from its specification."""
    encoding = b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    document = json.loads(envelope)
    assert base64.b64decode(document["payload"]) == payload
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(gate_key.public.public))
    public.verify(base64.b64decode(document["signatures"][0]["sig"]), encoding)


def test_signatures_come_once_and_in_order(refuses: Refuses, envelope: bytes, approver_key: SigningKey) -> None:
    """Two signatures have one order, and no key signs twice, or one bundle would have many files."""
    document = json.loads(sign_bundle(envelope, approver_key))
    signatures = document["signatures"]
    for changed in (signatures[::-1], signatures[:1] * 2):
        refuses(encode_canonical({**document, "signatures": changed}), Refusal.NOT_CANONICAL)


def test_a_second_signature_does_not_change_which_bundle_it_is(envelope: bytes, gate_key: SigningKey, approver_key: SigningKey) -> None:
    """An approver signs the same digest, in any order of signing, and signing again changes nothing."""
    approved = sign_bundle(envelope, approver_key)
    trusted = [gate_key.public, approver_key.public]
    verified = verify_bundle(approved, trusted, CREATED_AT, ("gate", "approver"))
    assert verified.digest == verify_bundle(envelope, trusted, CREATED_AT).digest
    assert {signer.name for signer in verified.signers} == {"gate-host", "ann"}
    assert sign_bundle(approved, gate_key) == approved
    assert sign_bundle(sign_bundle(base64.b64decode(json.loads(envelope)["payload"]), approver_key), gate_key) == approved


def test_a_bundle_is_written_under_its_strategy_and_digest(
    tmp_path: Path, payload: bytes, envelope: bytes, approver_key: SigningKey
) -> None:
    """The file name does not depend on who signed, so an approval replaces the file in one step."""
    path = write_bundle(envelope, tmp_path / "bundles")
    assert path.name == f"ema_cross-{sha256_hex(payload)[:12]}.bundle.json"
    assert path.read_bytes() == envelope
    approved = sign_bundle(envelope, approver_key)
    assert write_bundle(approved, tmp_path / "bundles") == path
    assert path.read_bytes() == approved
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_bundle_that_cannot_be_written_leaves_nothing(tmp_path: Path, payload: bytes, envelope: bytes) -> None:
    """When the place is taken, the error says so and no temporary file stays behind."""
    taken = tmp_path / f"ema_cross-{sha256_hex(payload)[:12]}.bundle.json"
    taken.mkdir()
    with pytest.raises(PromotionError, match="cannot be written"):
        write_bundle(envelope, tmp_path)
    assert [entry for entry in tmp_path.iterdir() if entry.is_file()] == []


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"not json"])
def test_a_file_that_is_not_json_is_refused(refuses: Refuses, raw: bytes) -> None:
    """A cut or foreign file is named as such."""
    refuses(raw, Refusal.NOT_JSON)


@pytest.mark.parametrize("raw", [b"{}", b"[]", b"1", b"[" * 100_000, b'{"payload":"","payloadType":1,"signatures":[]}'])
def test_a_file_of_another_shape_is_refused(refuses: Refuses, raw: bytes) -> None:
    """JSON that is no envelope is refused."""
    refuses(raw, Refusal.MALFORMED)


def test_another_spelling_of_the_same_envelope_is_refused(refuses: Refuses, envelope: bytes) -> None:
    """White space, key order, an escape and repeated keys change the file, though not what it says."""
    document = json.loads(envelope)
    for raw in (
        envelope + b"\n",
        b" " + envelope,
        json.dumps(document).encode(),
        json.dumps(dict(reversed(document.items())), separators=(",", ":")).encode(),
        envelope.replace(b"application/", b"application\\/"),
        envelope.replace(b'"payloadType"', b'"payloadType":"x","payloadType"'),
    ):
        refuses(raw, Refusal.NOT_CANONICAL)


def test_an_added_field_is_refused(refuses: Refuses, envelope: bytes) -> None:
    """Unsigned fields beside the payload could mislead a reader."""
    document = json.loads(envelope)
    refuses(encode_canonical({**document, "note": "approved"}), Refusal.MALFORMED)
    document["signatures"][0]["note"] = "approved"
    refuses(encode_canonical(document), Refusal.MALFORMED)


def test_unused_bits_of_base64_are_refused(refuses: Refuses, envelope: bytes) -> None:
    """The last digit before the padding has bits that decode to nothing; they have one value only."""
    signature = json.loads(envelope)["signatures"][0]["sig"]
    assert signature.endswith("==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = signature[:-3] + alphabet[alphabet.index(signature[-3]) ^ 1] + "=="
    assert base64.b64decode(other) == base64.b64decode(signature)
    refuses(envelope.replace(signature.encode(), other.encode()), Refusal.NOT_CANONICAL)
    refuses(envelope.replace(signature.encode(), signature.replace("+", "-").replace("/", "_")[:-2].encode()), Refusal.NOT_CANONICAL)


def test_a_file_that_is_too_large_is_refused_unread(refuses: Refuses) -> None:
    """Size is judged before content."""
    refuses(b" " * (MAXIMUM_BUNDLE_BYTES + 1), Refusal.TOO_LARGE)


def test_another_payload_type_is_refused(refuses: Refuses, payload: bytes, gate_key: SigningKey) -> None:
    """A signature made for another kind of document does not make a bundle."""
    refuses(envelope_of(payload, gate_key, payload_type="application/vnd.in-toto+json"), Refusal.WRONG_PAYLOAD_TYPE)


def test_a_bundle_without_a_signature_is_refused(refuses: Refuses, payload: bytes) -> None:
    """Nothing is trusted for being well-formed."""
    refuses(envelope_of(payload), Refusal.MISSING_SIGNATURE)


def test_a_signature_by_an_unknown_key_is_refused(
    refuses: Refuses, envelope: bytes, gate_key: SigningKey, approver_key: SigningKey
) -> None:
    """Even beside a good signature, one that cannot be checked is refused: no byte of the file may go unnoticed."""
    refuses(envelope, Refusal.UNKNOWN_KEY, trusted=[approver_key.public])
    refuses(envelope, Refusal.UNKNOWN_KEY, trusted=[])
    refuses(sign_bundle(envelope, approver_key), Refusal.UNKNOWN_KEY, trusted=[gate_key.public])


def test_a_signature_of_another_payload_is_refused(
    refuses: Refuses, envelope: bytes, fields: Fields, gate_key: SigningKey, approver_key: SigningKey
) -> None:
    """A signature cannot be moved to another bundle, nor to another key."""
    document, other = json.loads(envelope), json.loads(envelope_of(encode_canonical({**fields, "expires_at": EXPIRES_AT + 1}), gate_key))
    words = refuses(encode_canonical({**document, "signatures": other["signatures"]}), Refusal.BAD_SIGNATURE)
    assert "gate-host" in words
    document["signatures"][0]["keyid"] = approver_key.public.keyid
    refuses(encode_canonical(document), Refusal.BAD_SIGNATURE)
    document["signatures"][0]["sig"] = ""
    refuses(encode_canonical(document), Refusal.BAD_SIGNATURE)


def test_one_bad_signature_spoils_a_good_one(refuses: Refuses, envelope: bytes, approver_key: SigningKey) -> None:
    """Every signature must hold, also one whose role is not required here."""
    document = json.loads(sign_bundle(envelope, approver_key))
    for entry in document["signatures"]:
        if entry["keyid"] == approver_key.public.keyid:
            entry["sig"] = base64.b64encode(bytes(64)).decode()
    refuses(encode_canonical(document), Refusal.BAD_SIGNATURE)


def test_live_needs_an_approver_beside_the_gate(refuses: Refuses, payload: bytes, envelope: bytes, approver_key: SigningKey) -> None:
    """One signature is not enough for LIVE, and an approver's alone is enough for nothing."""
    refuses(envelope, Refusal.WRONG_ROLE, required_roles=("gate", "approver"))
    refuses(sign_bundle(payload, approver_key), Refusal.WRONG_ROLE)
    refuses(sign_bundle(payload, approver_key), Refusal.WRONG_ROLE, required_roles=("gate", "approver"))


def test_a_key_for_something_else_signs_no_bundle(refuses: Refuses, payload: bytes, gate_key: SigningKey) -> None:
    """A key of another role is refused when signing, and its signature when verifying."""
    spec_key = SigningKey(msgspec.structs.replace(gate_key.public, role="spec"), gate_key.private)
    with pytest.raises(PromotionError, match="role spec"):
        sign_bundle(payload, spec_key)
    refuses(envelope_of(payload, spec_key), Refusal.WRONG_ROLE, trusted=[spec_key.public])


def test_one_key_cannot_be_gate_and_approver(envelope: bytes, gate_key: SigningKey) -> None:
    """A key pinned in two roles would let one signature count twice, so the configuration itself is refused."""
    both = [gate_key.public, msgspec.structs.replace(gate_key.public, role="approver", name="ann")]
    with pytest.raises(PromotionError, match="one name and one role"):
        verify_bundle(envelope, both, CREATED_AT, ("gate", "approver"))
    assert verify_bundle(envelope, [gate_key.public, gate_key.public], CREATED_AT)


def test_a_bundle_holds_from_its_creation_until_just_before_its_end(refuses: Refuses, envelope: bytes, gate_key: SigningKey) -> None:
    """Validity includes its first nanosecond and excludes its last."""
    for now in (CREATED_AT, EXPIRES_AT - 1):
        assert verify_bundle(envelope, [gate_key.public], now)
    assert "2023-11-14 22:13:20 UTC" in refuses(envelope, Refusal.NOT_YET_VALID, now=CREATED_AT - 1)
    assert "2023-12-14 22:13:20 UTC" in refuses(envelope, Refusal.EXPIRED, now=EXPIRES_AT)


@pytest.mark.parametrize("expires_at", [CREATED_AT, CREATED_AT - 1, CREATED_AT + MAXIMUM_VALIDITY + 1])
def test_a_period_that_is_empty_or_endless_is_refused(
    refuses: Refuses, folder: StrategyFolder, evidence: Evidence, fields: Fields, gate_key: SigningKey, expires_at: int
) -> None:
    """Neither built nor accepted: a bundle outlives neither its own end nor a year."""
    with pytest.raises(PromotionError, match="366 days"):
        build_bundle(folder, evidence, CREATED_AT, expires_at)
    refuses(envelope_of(encode_canonical({**fields, "expires_at": expires_at}), gate_key), Refusal.MALFORMED)


def test_a_revoked_bundle_version_or_source_is_refused(
    refuses: Refuses, folder: StrategyFolder, payload: bytes, envelope: bytes, gate_key: SigningKey
) -> None:
    """Revoking a version stops every bundle of it, and revoking a source every version of it."""
    for digest in (sha256_hex(payload), folder.version.digest, folder.version.source_digest):
        assert digest[:12] in refuses(envelope, Refusal.REVOKED, revoked={digest})
    assert verify_bundle(envelope, [gate_key.public], CREATED_AT, revoked={"0" * 64})


@pytest.mark.parametrize("part", ["bundle", "strategy_version", "evidence"])
@pytest.mark.parametrize("schema", [0, 2, "1", None])
def test_another_schema_is_refused(refuses: Refuses, fields: Fields, gate_key: SigningKey, part: str, schema: object) -> None:
    """A document of another schema is not read as if it were of this one, wherever in the bundle it is."""
    (fields if part == "bundle" else fields[part])["schema"] = schema
    refuses(envelope_of(encode_canonical(fields), gate_key), Refusal.WRONG_SCHEMA)


@pytest.mark.parametrize(
    ("field", "value"), [("archive", 1), ("created_at", "now"), ("created_at", 1.5), ("surprise", 1), ("evidence", {"schema": 1})]
)
def test_a_signed_payload_of_another_shape_is_refused(
    refuses: Refuses, fields: Fields, gate_key: SigningKey, field: str, value: object
) -> None:
    """A signature says who wrote it, not that it makes sense."""
    refuses(envelope_of(encode_canonical({**fields, field: value}), gate_key), Refusal.MALFORMED)


@pytest.mark.parametrize("field", ["schema", "strategy_version", "evidence", "archive", "created_at", "expires_at"])
def test_a_payload_without_one_of_its_fields_is_refused(fields: Fields, gate_key: SigningKey, field: str) -> None:
    """No field has a default that could stand in for it."""
    del fields[field]
    with pytest.raises(BundleRefused):
        verify_bundle(envelope_of(encode_canonical(fields), gate_key), [gate_key.public], CREATED_AT)


def test_a_signed_payload_that_is_not_canonical_is_refused(refuses: Refuses, fields: Fields, gate_key: SigningKey) -> None:
    """Two spellings of one bundle would have two digests, and revoking one would leave the other."""
    refuses(envelope_of(json.dumps(fields).encode(), gate_key), Refusal.NOT_CANONICAL)
    refuses(envelope_of(b"not json", gate_key), Refusal.NOT_CANONICAL)


def test_sources_other_than_the_versions_are_refused(refuses: Refuses, fields: Fields, gate_key: SigningKey) -> None:
    """The archive must be the one whose digest the strategy version and so the evidence names."""
    archive = pack_files({"strategy.py": b"class EmaCrossStrategy: ...\n"})
    fields["archive"] = base64.b64encode(archive).decode()
    refuses(envelope_of(encode_canonical(fields), gate_key), Refusal.ARCHIVE_MISMATCH)


@pytest.mark.parametrize("archive", [b"", b"no archive", pack_files({"other.py": b"A = 1\n"})])
def test_sources_that_could_not_run_are_refused(refuses: Refuses, fields: Fields, gate_key: SigningKey, archive: bytes) -> None:
    """An archive that is malformed or lacks the entry point is refused here, before anything is unpacked."""
    fields["archive"] = base64.b64encode(archive).decode()
    fields["strategy_version"]["source_digest"] = sha256_hex(archive)
    fields["evidence"]["strategy_version_digest"] = read_version(fields["strategy_version"]).digest
    refuses(envelope_of(encode_canonical(fields), gate_key), Refusal.ARCHIVE_MISMATCH)


def test_evidence_for_another_version_is_refused(
    refuses: Refuses, folder: StrategyFolder, evidence: Evidence, fields: Fields, gate_key: SigningKey
) -> None:
    """Evidence cannot be moved from one version to another, not when building and not when verifying."""
    with pytest.raises(EvidenceError, match="is for strategy version"):
        build_bundle(folder, msgspec.structs.replace(evidence, strategy_version_digest="0" * 64), CREATED_AT, EXPIRES_AT)
    fields["strategy_version"]["parameters"]["fast"] = 21
    refuses(envelope_of(encode_canonical(fields), gate_key), Refusal.EVIDENCE_MISMATCH)


@pytest.mark.parametrize(
    ("limit", "value"),
    [("price_collar_ppm", 10**6), ("maximum_order_notional", 10**18), ("maximum_open_orders", 0), ("maximum_order_quantity", {})],
)
def test_absurd_limits_are_refused_though_signed(refuses: Refuses, fields: Fields, gate_key: SigningKey, limit: str, value: object) -> None:
    """The host checks limits itself: a key holder cannot sign away the ceilings."""
    fields["strategy_version"]["limits"][limit] = value
    refuses(envelope_of(encode_canonical(fields), gate_key), Refusal.LIMITS)


def test_a_version_that_contradicts_itself_is_refused(refuses: Refuses, fields: Fields, gate_key: SigningKey) -> None:
    """The version is read with every check of a fresh one."""
    fields["strategy_version"]["strategy_id"] = "../../etc"
    refuses(envelope_of(encode_canonical(fields), gate_key), Refusal.MALFORMED)


@pytest.mark.parametrize("how", ["failed", "contradicted", "absent"])
def test_without_integrity_gates_nothing_runs(
    refuses: Refuses, folder: StrategyFolder, evidence: Evidence, fields: Fields, gate_key: SigningKey, how: str
) -> None:
    """A failed gate, a pass that its own number denies, and no integrity gate at all are refused when building and when verifying."""
    determinism, sharpe = fields["evidence"]["results"]
    changed = {
        "failed": [{**determinism, "passed": False}, sharpe],
        "contradicted": [{**determinism, "measured": {"differences": 3}}, sharpe],
        "absent": [sharpe],
    }
    fields["evidence"]["results"] = changed[how]
    refuses(envelope_of(encode_canonical(fields), gate_key), Refusal.INTEGRITY_GATES)
    with pytest.raises(EvidenceError, match="integrity gates"):
        build_bundle(folder, msgspec.convert(fields["evidence"], Evidence), CREATED_AT, EXPIRES_AT)


def test_a_failed_evidence_gate_does_not_keep_a_bundle_from_dry_runs(fields: Fields, gate_key: SigningKey) -> None:
    """Evidence gates are for LIVE; the host asks for them there."""
    fields["evidence"]["results"][1]["passed"] = False
    verified = verify_bundle(envelope_of(encode_canonical(fields), gate_key), [gate_key.public], CREATED_AT)
    assert not verified.evidence.evidence_passed


def test_another_engine_is_reported_and_not_refused(envelope: bytes, gate_key: SigningKey) -> None:
    """The host decides what evidence from another engine is worth; without its own digest it cannot."""
    assert verify_bundle(envelope, [gate_key.public], CREATED_AT, engine_digest="e" * 64).engine_matches is True
    assert verify_bundle(envelope, [gate_key.public], CREATED_AT, engine_digest="f" * 64).engine_matches is False
    assert verify_bundle(envelope, [gate_key.public], CREATED_AT).engine_matches is None


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"not json", b'{"a": 1}'])
def test_only_a_bundle_can_be_signed(gate_key: SigningKey, raw: bytes) -> None:
    """A key does not sign what it cannot read."""
    with pytest.raises(BundleRefused):
        sign_bundle(raw, gate_key)
