"""Admission: whether this host lets a bundle run under an alias, judged by the host's own demands and nothing else.

An alias asks for a promotion. `candidate` asks to run without a venue's money, so the gate's signature is enough;
`champion` asks for what `LIVE` asks for: an approver's signature too, and evidence gates that hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, get_args

from live.promotion.errors import BundleRefused, PromotionError
from live.promotion.evidence import Evidence, reevaluate
from live.promotion.keys import Role, TrustedKey
from live.promotion.verification import VerifiedBundle, verify_bundle

Alias = Literal["candidate", "champion"]
ALIASES: tuple[Alias, ...] = get_args(Alias)

_ROLES: dict[Alias, tuple[Role, ...]] = {"candidate": ("gate",), "champion": ("gate", "approver")}
LIVE_ROLES = _ROLES["champion"]
"""Who must have signed a bundle whose orders leave for a venue, with a key each: the gate, and a person."""


class Verdict(StrEnum):
    """Why an alias leads to nothing that may run or be armed, beside the reasons to refuse a bundle (`Refusal`)."""

    ALIAS_REMOVED = "ALIAS_REMOVED"
    ALIAS_NOT_SET = "ALIAS_NOT_SET"
    UNTAGGED = "UNTAGGED"
    NO_ARTIFACT = "NO_ARTIFACT"
    WRONG_DIGEST = "WRONG_DIGEST"
    WRONG_STRATEGY = "WRONG_STRATEGY"
    REQUIREMENTS = "REQUIREMENTS"
    EVIDENCE_GATES = "EVIDENCE_GATES"
    REVOKED = "REVOKED"
    CACHE_UNREADABLE = "CACHE_UNREADABLE"
    CACHE_UNWRITABLE = "CACHE_UNWRITABLE"
    SYNC_STALE = "SYNC_STALE"
    REGISTRY_SILENT = "REGISTRY_SILENT"


class AdmissionRefused(PromotionError):
    """A bundle may not run under an alias; `code` is a `Verdict` or a `Refusal`, and the message says the same in a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Demands:
    """Hold what this host demands, whatever a registry says.

    Attributes:
        trusted_keys: keys that may sign.
        requirements: bounds of the evidence, gate by gate, as `reevaluate` reads them.
        revoked: digests of bundles, strategy versions and sources that may not run any more.
    """

    trusted_keys: Sequence[TrustedKey]
    requirements: Mapping[str, Mapping[str, float]]
    revoked: Sequence[str]


def admit(
    raw: bytes, *, alias: Alias, strategy_id: str, digest: str, demands: Demands, now: int, engine_digest: str | None = None
) -> VerifiedBundle:
    """Give what a bundle file holds if it may run under an alias at `now` (nanoseconds UTC), else refuse it.

    Args:
        raw: the file.
        alias: what is asked for.
        strategy_id: whose alias it is.
        digest: the bundle that is expected, by its digest.
        demands: what this host demands.
        now: the machine's time, nanoseconds UTC.
        engine_digest: of this host's engine, to be compared with the evidence's.

    Raises:
        AdmissionRefused: it may not; `code` says why.
    """
    try:
        bundle = verify_bundle(raw, demands.trusted_keys, now, _ROLES[alias], demands.revoked, engine_digest=engine_digest)
    except BundleRefused as error:
        raise AdmissionRefused(error.reason, str(error)) from error
    if bundle.digest != digest:
        raise AdmissionRefused(
            Verdict.WRONG_DIGEST,
            f"the file is bundle {bundle.digest[:12]} and {digest[:12]} was expected: register the version with its own bundle",
        )
    if bundle.version.strategy_id != strategy_id:
        raise AdmissionRefused(
            Verdict.WRONG_STRATEGY, f"the bundle holds {bundle.version.strategy_id}, not {strategy_id}: register it under its own name"
        )
    if reasons := reevaluate(bundle.evidence, demands.requirements):
        raise AdmissionRefused(Verdict.REQUIREMENTS, f"the evidence does not meet this host's demands: {'; '.join(reasons)}")
    if alias == "champion":
        check_evidence_gates(bundle.evidence, "a champion's")
    return bundle


def check_evidence_gates(evidence: Evidence, whose: str) -> None:
    """Refuse evidence whose gates for real money do not hold; `whose` begins the sentence.

    Raises:
        AdmissionRefused: one does not hold, or there are none.
    """
    if not evidence.evidence_passed:
        failed = ", ".join(result.gate for result in evidence.results if result.kind == "evidence" and not result.holds)
        raise AdmissionRefused(
            Verdict.EVIDENCE_GATES, f"{whose} evidence gates must hold; not passed: {failed or 'there are none in the evidence'}"
        )
