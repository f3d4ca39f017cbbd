"""The bundle: a strategy version, one evidence for it and its sources, in one signed file.

The file is a DSSE envelope (https://github.com/secure-systems-lab/dsse). The payload is canonical JSON, and the bundle's
digest is the SHA-256 of the payload, so a second signature does not change which bundle it is.
"""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec

from live.promotion.documents import encode_canonical, is_canonical, parse_canonical, sha256_hex
from live.promotion.durable_files import replace_file
from live.promotion.errors import BundleRefused, DocumentError, EvidenceError, PromotionError, Refusal
from live.promotion.evidence import EVIDENCE_SCHEMA, Evidence
from live.promotion.keys import SigningKey
from live.promotion.signatures import sign_payload
from live.promotion.strategy_folder import StrategyFolder
from live.promotion.strategy_version import STRATEGY_VERSION_SCHEMA, describe_version, read_version

BUNDLE_SCHEMA = 1
PAYLOAD_TYPE = "application/vnd.interlock.bundle+json"
MAXIMUM_BUNDLE_BYTES = 16 * 1024 * 1024
"""The largest archive, in base64 twice, and room for the rest; a longer file is refused before it is parsed."""
MAXIMUM_VALIDITY = 366 * 24 * 3600 * 1_000_000_000
"""A bundle that holds for longer than a year outlives the market it was measured on; nanoseconds."""
FILE_SUFFIX = ".bundle.json"

_SIGNING_ROLES = frozenset({"gate", "approver"})


class Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold a bundle's payload as it is written.

    Attributes:
        schema: version of this schema.
        strategy_version: the document of `describe_version`.
        evidence: what the gates measured for it.
        archive: the source archive in base64.
        created_at: start of validity, nanoseconds UTC.
        expires_at: end of validity, nanoseconds UTC; the bundle does not hold at this instant any more.
    """

    schema: int
    strategy_version: dict[str, Any]
    evidence: Evidence
    archive: str
    created_at: int
    expires_at: int


class EnvelopeSignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spell one signature of an envelope, with the signature in base64."""

    keyid: str
    sig: str


class EnvelopeDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spell an envelope as the DSSE protocol names its fields, with the payload in base64."""

    payload: str
    payloadType: str  # noqa: N815 - the protocol's name
    signatures: tuple[EnvelopeSignature, ...]


@dataclass(frozen=True)
class OpenedEnvelope:
    """Hold a well-formed envelope whose signatures nobody has checked yet."""

    document: EnvelopeDocument
    payload: bytes


def build_bundle(folder: StrategyFolder, evidence: Evidence, created_at: int, expires_at: int) -> bytes:
    """Write the payload of a bundle that holds from `created_at` until `expires_at`, both nanoseconds UTC.

    Raises:
        EvidenceError: the evidence is for another strategy version, or its integrity gates did not pass.
        PromotionError: the validity is empty or longer than `MAXIMUM_VALIDITY`.
    """
    if evidence.strategy_version_digest != folder.version.digest:
        raise EvidenceError(
            f"the evidence is for strategy version {evidence.strategy_version_digest[:12]} and the folder is {folder.version.digest[:12]}: "
            "gather evidence for what is in the folder now"
        )
    if not evidence.integrity_passed:
        failed = [result.gate for result in evidence.results if result.kind == "integrity" and not result.holds]
        raise EvidenceError(
            f"integrity gates must pass before a bundle is built; not passed: {', '.join(failed) or 'there are none in the evidence'}"
        )
    check_validity(created_at, expires_at)
    return encode_canonical(
        Bundle(
            schema=BUNDLE_SCHEMA,
            strategy_version=describe_version(folder.version),
            evidence=evidence,
            archive=_encode_base64(folder.archive),
            created_at=created_at,
            expires_at=expires_at,
        )
    )


def check_validity(created_at: int, expires_at: int) -> None:
    """Refuse a period of validity that is empty or absurdly long.

    Raises:
        PromotionError: it is.
    """
    if created_at < 0 or not 0 < expires_at - created_at <= MAXIMUM_VALIDITY:
        days = MAXIMUM_VALIDITY // (24 * 3600 * 1_000_000_000)
        raise PromotionError(
            f"a bundle holds for more than nothing and at most {days} days, received {created_at} to {expires_at} ns: choose an end inside"
        )


def sign_bundle(payload_or_envelope: bytes, key: SigningKey) -> bytes:
    """Sign a payload, or add a signature to an envelope, and give the envelope; signing again changes nothing.

    Raises:
        PromotionError: the key's role signs no bundles.
        BundleRefused: the envelope, or the payload, is malformed.
    """
    if key.public.role not in _SIGNING_ROLES:
        raise PromotionError(f"bundles are signed by a gate or an approver key, received key {key.public.name} of role {key.public.role}")
    try:
        value = parse_canonical(payload_or_envelope)
    except DocumentError as error:
        raise BundleRefused(Refusal.NOT_CANONICAL, f"what is to be signed is no bundle: {error}") from error
    payload, signatures = payload_or_envelope, dict[str, str]()
    if "payloadType" in _table(value):
        opened = open_envelope(payload_or_envelope)
        payload = opened.payload
        signatures = {entry.keyid: entry.sig for entry in opened.document.signatures}
    read_bundle(payload)
    signatures[key.public.keyid] = _encode_base64(sign_payload(payload, PAYLOAD_TYPE, key.private))
    entries = tuple(EnvelopeSignature(keyid=keyid, sig=sig) for keyid, sig in sorted(signatures.items()))
    return encode_canonical(EnvelopeDocument(payload=_encode_base64(payload), payloadType=PAYLOAD_TYPE, signatures=entries))


def write_bundle(envelope: bytes, directory: Path) -> Path:
    """Write a signed bundle as `<strategy>-<first 12 digits of its digest>.bundle.json` in one step, and give its path.

    Raises:
        BundleRefused: the envelope is malformed.
        PromotionError: the disk refuses.
    """
    opened = open_envelope(envelope)
    version = read_version(read_bundle(opened.payload).strategy_version)
    path = directory / f"{version.strategy_id}-{sha256_hex(opened.payload)[:12]}{FILE_SUFFIX}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        replace_file(path, envelope)
    except OSError as error:
        raise PromotionError(f"{path} cannot be written ({error.strerror}): free the disk or choose another place") from error
    return path


def open_envelope(raw: bytes) -> OpenedEnvelope:
    """Read an envelope without believing it, insisting on the one spelling it can have.

    Raises:
        BundleRefused: the bytes are too many, not JSON, not canonical, of another shape, or of another payload type.
    """
    if len(raw) > MAXIMUM_BUNDLE_BYTES:
        raise BundleRefused(Refusal.TOO_LARGE, f"a bundle file may hold {MAXIMUM_BUNDLE_BYTES} bytes, received {len(raw)}: this is not one")
    try:
        document = msgspec.json.decode(raw, type=EnvelopeDocument)
    except msgspec.ValidationError as error:
        raise BundleRefused(Refusal.MALFORMED, f"the file is JSON but no bundle: {error}; fetch it again") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleRefused(Refusal.NOT_JSON, f"the file is not JSON: {error}; fetch it again") from error
    keyids = [entry.keyid for entry in document.signatures]
    if not is_canonical(raw, document) or keyids != sorted(set(keyids)):
        raise BundleRefused(
            Refusal.NOT_CANONICAL, "the file is not spelled the way bundles are written: it was changed after signing, fetch it again"
        )
    if document.payloadType != PAYLOAD_TYPE:
        raise BundleRefused(
            Refusal.WRONG_PAYLOAD_TYPE, f"a payload of type {PAYLOAD_TYPE} was expected, received {document.payloadType!r}: not a bundle"
        )
    return OpenedEnvelope(document, decode_base64(document.payload))


def read_bundle(payload: bytes) -> Bundle:
    """Read a payload's fields, without checking what they say.

    Raises:
        BundleRefused: the payload is not canonical JSON, of another schema version, or of another shape.
    """
    try:
        value = parse_canonical(payload)
    except DocumentError as error:
        raise BundleRefused(Refusal.NOT_CANONICAL, f"the payload is no canonical document: {error}") from error
    table = _table(value)
    schemas = (
        ("bundle", table, BUNDLE_SCHEMA),
        ("strategy version", _table(table.get("strategy_version")), STRATEGY_VERSION_SCHEMA),
        ("evidence", _table(table.get("evidence")), EVIDENCE_SCHEMA),
    )
    for name, part, expected in schemas:
        if part.get("schema") != expected:
            raise BundleRefused(
                Refusal.WRONG_SCHEMA,
                f"{name} schema {expected} was expected, received {part.get('schema')!r}: build the bundle with this release",
            )
    try:
        return msgspec.convert(value, Bundle)
    except msgspec.ValidationError as error:
        raise BundleRefused(Refusal.MALFORMED, f"the bundle's fields are malformed: {error}; build it again") from error


def decode_base64(text: str) -> bytes:
    """Read base64 that has exactly one spelling: standard alphabet, padded, no slack bits.

    Raises:
        BundleRefused: the text is spelled in another way.
    """
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BundleRefused(Refusal.NOT_CANONICAL, f"a part of the bundle is not base64: {error}; fetch it again") from error
    if _encode_base64(content) != text:
        raise BundleRefused(
            Refusal.NOT_CANONICAL, "a part of the bundle is not spelled in canonical base64: it was changed after signing, fetch it again"
        )
    return content


def _encode_base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _table(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
