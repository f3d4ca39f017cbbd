"""Verify a bundle: every reason to refuse it, in an order that believes nothing before its signature holds."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from live.core.errors import LimitError
from live.promotion.archive import read_archive
from live.promotion.bundle import Bundle, OpenedEnvelope, check_validity, decode_base64, open_envelope, read_bundle
from live.promotion.documents import sha256_hex
from live.promotion.errors import BundleRefused, DocumentError, PromotionError, Refusal
from live.promotion.evidence import Evidence
from live.promotion.keys import Role, TrustedKey
from live.promotion.signatures import signature_holds
from live.promotion.sources import check_sources
from live.promotion.strategy_version import StrategyVersion, read_version


@dataclass(frozen=True)
class VerifiedBundle:
    """Hold what a verified bundle says; made by `verify_bundle` only.

    Attributes:
        digest: SHA-256 of the signed payload; it names the bundle, whoever signs.
        version: the strategy version.
        evidence: what the gates measured for it.
        archive: the source archive, whose digest is the version's.
        created_at: start of validity, nanoseconds UTC.
        expires_at: end of validity, nanoseconds UTC.
        signers: the trusted keys that signed it.
        engine_matches: whether the evidence was measured on this host's engine; None when the host did not say which it runs.
    """

    digest: str
    version: StrategyVersion
    evidence: Evidence
    archive: bytes
    created_at: int
    expires_at: int
    signers: tuple[TrustedKey, ...]
    engine_matches: bool | None


def verify_bundle(
    raw: bytes,
    trusted_keys: Sequence[TrustedKey],
    now: int,
    required_roles: Sequence[Role] = ("gate",),
    revoked: Container[str] = (),
    *,
    engine_digest: str | None = None,
) -> VerifiedBundle:
    """Give what a bundle file holds if it may run here at `now` (nanoseconds UTC), else refuse it.

    Every signature must be by a trusted key, so that no byte of the file can change unnoticed; each required role must
    have signed, with its own key. `revoked` may name a bundle, a strategy version or a source archive by its digest.
    An engine other than the one the evidence was measured on is reported, not refused.

    Raises:
        BundleRefused: it may not; `reason` says why.
        PromotionError: the trusted keys contradict themselves.
    """
    opened = open_envelope(raw)
    signers = _check_signatures(opened, trusted_keys, required_roles)
    bundle = read_bundle(opened.payload)
    digest = sha256_hex(opened.payload)
    _check_time(bundle, now)
    version = _read_version(bundle)
    for name, revocable in (("bundle", digest), ("strategy version", version.digest), ("source", version.source_digest)):
        if revocable in revoked:
            raise BundleRefused(
                Refusal.REVOKED, f"the {name} {revocable[:12]} of {version.strategy_id} was revoked: promote another version"
            )
    archive = decode_base64(bundle.archive)
    _check_archive(archive, version)
    _check_evidence(bundle.evidence, version)
    return VerifiedBundle(
        digest=digest,
        version=version,
        evidence=bundle.evidence,
        archive=archive,
        created_at=bundle.created_at,
        expires_at=bundle.expires_at,
        signers=signers,
        engine_matches=None if engine_digest is None else engine_digest == bundle.evidence.engine_digest,
    )


def _check_signatures(opened: OpenedEnvelope, trusted_keys: Sequence[TrustedKey], required_roles: Sequence[Role]) -> tuple[TrustedKey, ...]:
    keys = _index_keys(trusted_keys)
    if not opened.document.signatures:
        raise BundleRefused(Refusal.MISSING_SIGNATURE, "the bundle carries no signature: sign it with a gate key")
    signers: list[TrustedKey] = []
    for entry in opened.document.signatures:
        key = keys.get(entry.keyid)
        if key is None:
            raise BundleRefused(
                Refusal.UNKNOWN_KEY,
                f"the bundle is signed by key {entry.keyid[:16]}, which is not trusted here: pin it under [[trusted_keys]] if it should be",
            )
        if not signature_holds(opened.payload, opened.document.payloadType, key.public, decode_base64(entry.sig)):
            raise BundleRefused(
                Refusal.BAD_SIGNATURE, f"the signature of key {key.name} does not belong to this bundle: it was changed after signing"
            )
        signers.append(key)
    signed_roles = {key.role for key in signers}
    if missing := [role for role in required_roles if role not in signed_roles]:
        signed = ", ".join(f"{key.name} ({key.role})" for key in signers)
        raise BundleRefused(
            Refusal.WRONG_ROLE, f"a signature in the role {missing[0]} is required here, received those of {signed}: have it signed"
        )
    return tuple(signers)


def _index_keys(trusted_keys: Sequence[TrustedKey]) -> dict[str, TrustedKey]:
    """Index keys by id; one key in two roles would let one person be both, so it is refused."""
    keys: dict[str, TrustedKey] = {}
    for key in trusted_keys:
        if keys.setdefault(key.keyid, key) != key:
            raise PromotionError(
                f"key {key.keyid[:16]} is trusted as {keys[key.keyid].name} and as {key.name}: a key has one name and one role"
            )
    return keys


def _check_time(bundle: Bundle, now: int) -> None:
    try:
        check_validity(bundle.created_at, bundle.expires_at)
    except PromotionError as error:
        raise BundleRefused(Refusal.MALFORMED, str(error)) from error
    if now < bundle.created_at:
        raise BundleRefused(
            Refusal.NOT_YET_VALID,
            f"the bundle holds from {format_time(bundle.created_at)}, and here it is {format_time(now)}: check both clocks",
        )
    if now >= bundle.expires_at:
        raise BundleRefused(
            Refusal.EXPIRED, f"the bundle expired at {format_time(bundle.expires_at)}, and it is {format_time(now)}: promote it again"
        )


def _read_version(bundle: Bundle) -> StrategyVersion:
    try:
        return read_version(bundle.strategy_version)
    except LimitError as error:
        raise BundleRefused(Refusal.LIMITS, str(error)) from error
    except DocumentError as error:
        raise BundleRefused(Refusal.MALFORMED, str(error)) from error


def _check_archive(archive: bytes, version: StrategyVersion) -> None:
    if sha256_hex(archive) != version.source_digest:
        raise BundleRefused(
            Refusal.ARCHIVE_MISMATCH,
            f"the sources are {sha256_hex(archive)[:12]} and the version names {version.source_digest[:12]}: build the bundle again",
        )
    try:
        check_sources(read_archive(archive), version.entry_point)
    except PromotionError as error:
        raise BundleRefused(Refusal.ARCHIVE_MISMATCH, f"the sources may not run: {error}") from error


def _check_evidence(evidence: Evidence, version: StrategyVersion) -> None:
    if evidence.strategy_version_digest != version.digest:
        raise BundleRefused(
            Refusal.EVIDENCE_MISMATCH,
            f"the evidence is for {evidence.strategy_version_digest[:12]} and the bundle holds {version.digest[:12]}: gather it again",
        )
    if not evidence.integrity_passed:
        failed = [result.gate for result in evidence.results if result.kind == "integrity" and not result.holds]
        raise BundleRefused(
            Refusal.INTEGRITY_GATES, f"integrity gates must pass to run anywhere; not passed: {', '.join(failed) or 'none are recorded'}"
        )


def format_time(nanoseconds: int) -> str:
    """Write a time given in nanoseconds UTC for people, to the second."""
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
