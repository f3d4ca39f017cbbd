"""Conformance evidence: which cases of the adapter kit passed at which address, with which adapter, signed.

A venue may be traded LIVE only through an adapter that showed there, not long ago, that it does what the engine relies on. The file is a
DSSE envelope over canonical JSON, signed by a key of role `conformance` or by the gate key of the host that ran the kit. What it says
counts for one venue, one address, one adapter source and one kit; anything else is another adapter, which has shown nothing yet.
"""

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from live.promotion.bundle import EnvelopeDocument, EnvelopeSignature, decode_base64
from live.promotion.documents import encode_canonical, is_canonical, parse_canonical, sha256_hex
from live.promotion.durable_files import read_bounded, replace_file
from live.promotion.errors import BundleRefused, DocumentError, PromotionError
from live.promotion.keys import Role, SigningKey, TrustedKey
from live.promotion.signatures import sign_payload, signature_holds
from live.promotion.strategy_version import Sha256

CONFORMANCE_SCHEMA = 1
CONFORMANCE_PAYLOAD_TYPE = "application/vnd.interlock.conformance+json"
CONFORMANCE_ROLES: tuple[Role, ...] = ("conformance", "gate")
MAXIMUM_AGE = 30 * 24 * 3600 * 1_000_000_000
"""How long evidence counts, nanoseconds: venues change without asking anybody."""
CLOCK_TOLERANCE = 60 * 1_000_000_000
"""How far in the future evidence may lie, nanoseconds: it may be made on another host, with a clock of its own."""
MAXIMUM_BYTES = 1024 * 1024
FOLDER = "conformance"

Outcome = Literal["passed", "failed", "skipped"]


class ConformanceCode(StrEnum):
    """Why there is no conformance evidence that counts."""

    MISSING = "MISSING"
    UNREADABLE = "UNREADABLE"
    UNSIGNED = "UNSIGNED"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    OTHER_VENUE = "OTHER_VENUE"
    OTHER_ADDRESS = "OTHER_ADDRESS"
    OTHER_ADAPTER = "OTHER_ADAPTER"
    OTHER_KIT = "OTHER_KIT"
    FAILED = "FAILED"
    INCOMPLETE = "INCOMPLETE"
    EXPIRED = "EXPIRED"


class ConformanceRefused(PromotionError):
    """There is no conformance evidence that counts; `code` says why, and the message the same in a sentence."""

    def __init__(self, code: ConformanceCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class CaseResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Record what became of one case of the kit.

    Attributes:
        case: its number, like `AC-01`.
        sentence: what it shows.
        outcome: `skipped` is for what the venue's capabilities say that it cannot do.
        detail: why it failed or was skipped; empty when it passed.
        milliseconds: how long it took.
    """

    case: Annotated[str, msgspec.Meta(pattern=r"^AC-\d{2,3}$")]
    sentence: str
    outcome: Outcome
    detail: str = ""
    milliseconds: int = 0


class AdapterAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name an adapter at a venue: what evidence must be of, to count for it.

    Attributes:
        venue_id: the venue, as in its instruments' ids.
        dialect: how it is spoken to.
        http: its REST address.
        web_socket: its address for streams.
        web_socket_api: its address for requests over sockets.
        adapter_digest: of the adapter's source and of the library beneath it, see `live.driver.adapter_digest`.
        kit_version: of the conformance kit.
    """

    venue_id: str
    dialect: str
    http: str
    web_socket: str
    web_socket_api: str
    adapter_digest: Sha256
    kit_version: str


class ConformanceEvidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold one run of the kit.

    Attributes:
        schema: version of this schema.
        adapter: what ran, and where.
        started_at: when the run began, nanoseconds UTC.
        finished_at: when it ended, nanoseconds UTC; its age counts from here.
        cases: what became of each case, in the kit's order.
    """

    schema: int
    adapter: AdapterAddress
    started_at: int
    finished_at: int
    cases: tuple[CaseResult, ...]


@dataclass(frozen=True)
class VerifiedConformance:
    """Hold evidence that counts; made by `verify_conformance` only.

    Attributes:
        digest: SHA-256 of the signed payload.
        evidence: what was shown.
        signers: the trusted keys that signed it, by name.
        expires_at: when it stops counting, nanoseconds UTC.
    """

    digest: str
    evidence: ConformanceEvidence
    signers: tuple[str, ...]
    expires_at: int

    @property
    def skipped(self) -> tuple[str, ...]:
        """Name the cases that the venue's capabilities left out."""
        return tuple(result.case for result in self.evidence.cases if result.outcome == "skipped")


def conformance_path(home: Path, venue_id: str) -> Path:
    """Say where a home keeps the evidence of a venue."""
    return home / FOLDER / f"{venue_id}.json"


def sign_conformance(evidence: ConformanceEvidence, key: SigningKey) -> bytes:
    """Sign evidence, whatever it says, and give the envelope.

    Raises:
        PromotionError: the key's role signs no such evidence.
    """
    if key.public.role not in CONFORMANCE_ROLES:
        raise PromotionError(
            f"conformance evidence is signed by a key of role {' or '.join(CONFORMANCE_ROLES)}, received key {key.public.name} of role "
            f"{key.public.role}: make one with `interlock keys new NAME --role conformance`"
        )
    payload = encode_canonical(evidence)
    signature = sign_payload(payload, CONFORMANCE_PAYLOAD_TYPE, key.private)
    entry = EnvelopeSignature(keyid=key.public.keyid, sig=base64.b64encode(signature).decode("ascii"))
    text = base64.b64encode(payload).decode("ascii")
    return encode_canonical(EnvelopeDocument(payload=text, payloadType=CONFORMANCE_PAYLOAD_TYPE, signatures=(entry,)))


def write_conformance(home: Path, venue_id: str, envelope: bytes) -> Path:
    """Put an envelope where arming looks for it, in one step, and give its path.

    Raises:
        PromotionError: the disk refuses.
    """
    path = conformance_path(home, venue_id)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, envelope)
    except OSError as error:
        raise PromotionError(f"{path} cannot be written ({error.strerror}): free the disk or choose another home") from error
    return path


def read_conformance(home: Path, venue_id: str) -> bytes:
    """Read a venue's envelope, without believing it.

    Raises:
        ConformanceRefused: there is none, or it cannot be read.
    """
    path = conformance_path(home, venue_id)
    try:
        return read_bounded(path, MAXIMUM_BYTES)
    except FileNotFoundError:
        raise ConformanceRefused(
            ConformanceCode.MISSING, f"the adapter never showed its conformance at {venue_id}: run `interlock venue check {venue_id}`"
        ) from None
    except OSError as error:
        raise ConformanceRefused(
            ConformanceCode.UNREADABLE, f"{path} cannot be read ({error.strerror}): run `interlock venue check {venue_id}` again"
        ) from None


def verify_conformance(
    raw: bytes,
    trusted_keys: Sequence[TrustedKey],
    adapter: AdapterAddress,
    now: int,
    required_cases: Collection[str] = (),
) -> VerifiedConformance:
    """Give what an envelope shows if it counts for `adapter` at `now` (nanoseconds UTC), else refuse it.

    Each of `required_cases` must be there, and every case that is there passed, or be skipped and say why; at least one passed.

    Raises:
        ConformanceRefused: it does not count; `code` says why.
    """
    payload, signers = _open(raw, trusted_keys, adapter.venue_id)
    evidence = _read(payload, adapter.venue_id)
    _check_adapter(evidence.adapter, adapter)
    _check_cases(evidence, required_cases)
    _check_age(evidence, now)
    return VerifiedConformance(sha256_hex(payload), evidence, signers, evidence.finished_at + MAXIMUM_AGE)


def _open(raw: bytes, trusted_keys: Sequence[TrustedKey], venue_id: str) -> tuple[bytes, tuple[str, ...]]:
    again = f"run `interlock venue check {venue_id}` again"
    try:
        document = msgspec.json.decode(raw, type=EnvelopeDocument)
        payload = decode_base64(document.payload)
        signatures = [(entry.keyid, decode_base64(entry.sig)) for entry in document.signatures]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BundleRefused) as error:
        raise ConformanceRefused(ConformanceCode.UNREADABLE, f"the conformance evidence is no envelope ({error}): {again}") from None
    if not is_canonical(raw, document) or document.payloadType != CONFORMANCE_PAYLOAD_TYPE:
        raise ConformanceRefused(
            ConformanceCode.UNREADABLE, f"the conformance evidence is not spelled as it is written, or is another document: {again}"
        )
    if not signatures:
        raise ConformanceRefused(ConformanceCode.UNSIGNED, f"the conformance evidence carries no signature: {again} with --key")
    trusted = {key.keyid: key for key in trusted_keys if key.role in CONFORMANCE_ROLES}
    signers: list[str] = []
    for keyid, signature in signatures:
        key = trusted.get(keyid)
        if key is None:
            raise ConformanceRefused(
                ConformanceCode.UNSIGNED,
                f"the conformance evidence is signed by key {keyid[:16]}, which is not trusted here as {' or '.join(CONFORMANCE_ROLES)}: "
                "pin it under [[trusted_keys]] if it should be",
            )
        if not signature_holds(payload, CONFORMANCE_PAYLOAD_TYPE, key.public, signature):
            raise ConformanceRefused(
                ConformanceCode.BAD_SIGNATURE, f"the signature of key {key.name} does not belong to this conformance evidence: {again}"
            )
        signers.append(key.name)
    return payload, tuple(signers)


def _read(payload: bytes, venue_id: str) -> ConformanceEvidence:
    try:
        evidence = msgspec.convert(parse_canonical(payload), ConformanceEvidence)
    except (DocumentError, msgspec.ValidationError) as error:
        raise ConformanceRefused(
            ConformanceCode.UNREADABLE, f"the conformance evidence cannot be read ({error}): run `interlock venue check {venue_id}` again"
        ) from None
    if evidence.schema != CONFORMANCE_SCHEMA:
        raise ConformanceRefused(
            ConformanceCode.UNREADABLE,
            f"conformance schema {CONFORMANCE_SCHEMA} was expected, received {evidence.schema}: run `interlock venue check {venue_id}`",
        )
    return evidence


def _check_adapter(shown: AdapterAddress, wanted: AdapterAddress) -> None:
    again = f"run `interlock venue check {wanted.venue_id}` again"
    if shown.venue_id != wanted.venue_id:
        raise ConformanceRefused(
            ConformanceCode.OTHER_VENUE, f"the conformance evidence is of {shown.venue_id}, not of {wanted.venue_id}: {again}"
        )
    here, there = ((one.dialect, one.http, one.web_socket, one.web_socket_api) for one in (wanted, shown))
    if here != there:
        raise ConformanceRefused(
            ConformanceCode.OTHER_ADDRESS, f"conformance was shown at {' '.join(there)}, configured is {' '.join(here)}: {again}"
        )
    if shown.adapter_digest != wanted.adapter_digest:
        raise ConformanceRefused(
            ConformanceCode.OTHER_ADAPTER,
            f"adapter {shown.adapter_digest[:12]} showed conformance and {wanted.adapter_digest[:12]} would trade: {again}",
        )
    if shown.kit_version != wanted.kit_version:
        raise ConformanceRefused(
            ConformanceCode.OTHER_KIT, f"conformance was shown to kit {shown.kit_version} and this is {wanted.kit_version}: {again}"
        )


def _check_cases(evidence: ConformanceEvidence, required_cases: Collection[str]) -> None:
    results = {result.case: result for result in evidence.cases}
    failed = [name for name, result in results.items() if result.outcome == "failed" or (result.outcome == "skipped" and not result.detail)]
    if failed:
        said = "; ".join(f"{name} {results[name].detail or results[name].sentence}" for name in failed)
        raise ConformanceRefused(ConformanceCode.FAILED, f"the adapter does not conform: {said}")
    missing = sorted(set(required_cases) - results.keys())
    if missing or len(results) != len(evidence.cases) or not any(result.outcome == "passed" for result in results.values()):
        said = ", ".join(missing) or "none passed, or one is there twice"
        raise ConformanceRefused(
            ConformanceCode.INCOMPLETE, f"the conformance evidence lacks cases ({said}): run `interlock venue check` with all of them"
        )


def _check_age(evidence: ConformanceEvidence, now: int) -> None:
    age = now - evidence.finished_at
    if -CLOCK_TOLERANCE <= age < MAXIMUM_AGE:
        return
    venue_id = evidence.adapter.venue_id
    if age < 0:
        said = f"lies {-age // 1_000_000_000} s in the future: look at both clocks, then run `interlock venue check {venue_id}` again"
    else:
        days = MAXIMUM_AGE // (24 * 3600 * 1_000_000_000)
        said = f"is {age // (24 * 3600 * 1_000_000_000)} days old, it counts for {days}: run `interlock venue check {venue_id}` again"
    raise ConformanceRefused(ConformanceCode.EXPIRED, f"the conformance evidence of {venue_id} {said}")
