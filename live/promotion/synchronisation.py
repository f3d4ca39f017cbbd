"""Synchronisation: one pass from the registry's aliases to verified bundles in the cache, with the verdict written back.

An alias asks, this host's own demands decide. The verdict goes back as tags of the version, so that whoever moved the alias
sees in the registry what became of it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from live.promotion.admission import ALIASES, AdmissionRefused, Alias, Demands, Verdict, admit
from live.promotion.cache import (
    CACHE_SCHEMA,
    Accepted,
    AliasState,
    CacheError,
    StrategyState,
    held_state,
    read_cached_bundle,
    read_state,
    write_cached_bundle,
    write_state,
)
from live.promotion.errors import Refusal
from live.promotion.evidence import is_sha256
from live.promotion.registry import ModelRegistry, ModelVersion, RegistryError, RegistryMissing, RegistryRefused

BUNDLE_TAG = "interlock.bundle"
ARTIFACT_TAG = "interlock.bundle_artifact"
LABEL_TAG = "interlock.strategy_version"
STATUS_TAG = "interlock.status"
REASON_TAG = "interlock.reason"
_SAID_WITH_A_CLOCK = (Refusal.EXPIRED, Refusal.NOT_YET_VALID)
LONGEST_TAG = 1_000
"""Characters of a reason in the registry; all of it is in the cache."""


class Found(NamedTuple):
    """Pair what a pass decided about an alias with the version it decided about, None when the alias names none."""

    state: AliasState
    version: ModelVersion | None


class Synchroniser:
    """Follow the aliases of strategies into one home."""

    def __init__(self, registry: ModelRegistry, home: Path, demands: Demands, wall: Callable[[], int]) -> None:
        self._registry = registry
        self._home = home
        self._demands = demands
        self._wall = wall

    def synchronise(self, strategy_id: str) -> StrategyState:
        """Make one pass for one strategy: both aliases, the cache, the tags.

        A registry that does not answer takes nothing away: what was accepted stays accepted as long as this host's own
        demands still hold for it.

        Raises:
            CacheError: the cache cannot be written.
        """
        with held_state(self._home, strategy_id):
            return self._pass(strategy_id)

    def _pass(self, strategy_id: str) -> StrategyState:
        before = self._before(strategy_id)
        earlier: Mapping[Alias, AliasState] = before.aliases if before is not None else {}
        checked_at, unreachable = self._wall(), ""
        states: dict[Alias, AliasState]
        try:
            numbers = self._registry.aliases(strategy_id)
            found: dict[Alias, Found] = {
                alias: self._follow(strategy_id, alias, numbers.get(alias), earlier.get(alias)) for alias in ALIASES
            }
            states = self._write_back(found)
        except RegistryError as error:
            unreachable, checked_at = str(error), before.checked_at if before is not None else 0
            states = {alias: self._without_registry(strategy_id, alias, state) for alias, state in earlier.items()}
        state = StrategyState(CACHE_SCHEMA, strategy_id, self._registry.url, checked_at, unreachable, tuple(self._demands.revoked), states)
        write_state(self._home, state)
        return state

    def _before(self, strategy_id: str) -> StrategyState | None:
        """Read what the pass before left; a damaged cache, or another registry's, is rebuilt and leaves nothing to load until then."""
        try:
            before = read_state(self._home, strategy_id)
        except CacheError:
            return None
        return before if before is not None and before.registry == self._registry.url else None

    def _follow(self, strategy_id: str, alias: Alias, number: int | None, before: AliasState | None) -> Found:
        """Decide about the version that an alias names now."""
        if number is None:
            return Found(self._nothing_named(strategy_id, alias, before), None)
        try:
            version = self._registry.version(strategy_id, number)
        except RegistryMissing:
            return Found(self._nothing_named(strategy_id, alias, before), None)
        digest = version.tags.get(BUNDLE_TAG, "")
        try:
            accepted = Accepted(number, digest, self._admit(strategy_id, alias, version, digest))
        except AdmissionRefused as refused:
            kept = self._still_accepted(strategy_id, alias, before)
            state = AliasState("refused", refused.code, str(refused), number, digest, self._wall(), kept)
            return Found(self._since(state, before), version)
        reason = f"accepted as {alias}: it may be loaded while nothing is armed, and trades only once a person arms it"
        return Found(self._since(AliasState("accepted", "", reason, number, digest, self._wall(), accepted), before), version)

    def _admit(self, strategy_id: str, alias: Alias, version: ModelVersion, digest: str) -> str:
        """Give the label of a version whose bundle may run under an alias, fetching the bundle when the cached one will not do.

        Raises:
            AdmissionRefused: it may not.
            RegistryError: the bundle cannot be fetched at this time.
        """
        artifact = version.tags.get(ARTIFACT_TAG, "")
        if not is_sha256(digest) or not artifact or not version.run_id:
            raise AdmissionRefused(
                Verdict.UNTAGGED,
                f"version {version.number} is no registered bundle: it needs a run and the tags {BUNDLE_TAG} and {ARTIFACT_TAG}, "
                "register it from the pipeline",
            )
        if (label := self._cached_label(strategy_id, alias, digest)) is not None:
            return label
        try:
            content = self._registry.artifact(version.run_id, artifact)
        except (RegistryMissing, RegistryRefused) as error:
            raise AdmissionRefused(Verdict.NO_ARTIFACT, f"{artifact} cannot be fetched ({error}): register the version again") from None
        bundle = admit(content, alias=alias, strategy_id=strategy_id, digest=digest, demands=self._demands, now=self._wall())
        try:
            write_cached_bundle(self._home, digest, content)
        except CacheError as error:
            raise AdmissionRefused(Verdict.CACHE_UNWRITABLE, str(error)) from None
        return bundle.version.label

    def _cached_label(self, strategy_id: str, alias: Alias, digest: str) -> str | None:
        """Give the label of a cached bundle that still may run; None when there is none, so that it is fetched and judged anew."""
        try:
            content = read_cached_bundle(self._home, digest)
            return admit(
                content, alias=alias, strategy_id=strategy_id, digest=digest, demands=self._demands, now=self._wall()
            ).version.label
        except (OSError, AdmissionRefused):
            return None

    def _still_accepted(self, strategy_id: str, alias: Alias, before: AliasState | None) -> Accepted | None:
        accepted = before.accepted if before is not None else None
        if accepted is None or self._cached_label(strategy_id, alias, accepted.bundle) is None:
            return None
        return accepted

    def _nothing_named(self, strategy_id: str, alias: Alias, before: AliasState | None) -> AliasState:
        """Say that an alias names nothing: it did before, or it never did."""
        ask = f"set it in MLflow, or with `interlock promote {alias} {strategy_id} VERSION`"
        if before is None or before.status == "unset":
            reason = f"no version of {strategy_id} has the alias {alias}: {ask}"
            return self._since(AliasState("unset", Verdict.ALIAS_NOT_SET, reason, None, "", self._wall(), None), before)
        last = before.registry_version
        named = f", which named version {last}," if last is not None else ""
        reason = f"the alias {alias} of {strategy_id}{named} was removed or its version deleted: {ask} if it should trade again"
        return self._since(AliasState("removed", Verdict.ALIAS_REMOVED, reason, None, "", self._wall(), None), before)

    def _without_registry(self, strategy_id: str, alias: Alias, before: AliasState) -> AliasState:
        """Hold this host's own demands against what was accepted: expiry and revocation need no registry."""
        accepted = before.accepted
        if accepted is None:
            return before
        try:
            content = read_cached_bundle(self._home, accepted.bundle)
            admit(content, alias=alias, strategy_id=strategy_id, digest=accepted.bundle, demands=self._demands, now=self._wall())
        except OSError as error:
            refused = AdmissionRefused(
                Verdict.CACHE_UNREADABLE, f"the cached bundle {accepted.bundle[:12]} cannot be read: {error.strerror}"
            )
        except AdmissionRefused as error:
            refused = error
        else:
            return before
        return AliasState("refused", refused.code, str(refused), accepted.registry_version, accepted.bundle, self._wall(), None)

    def _since(self, now: AliasState, before: AliasState | None) -> AliasState:
        """Keep the time of what was found before in the same way, and its words where a clock is in them: they are not news each pass."""
        same = before is not None and (before.status, before.code, before.registry_version, before.bundle) == (
            now.status,
            now.code,
            now.registry_version,
            now.bundle,
        )
        if before is None or not same:
            return now
        reason = before.reason if now.code in _SAID_WITH_A_CLOCK else now.reason
        return AliasState(now.status, now.code, reason, now.registry_version, now.bundle, before.since, now.accepted)

    def _write_back(self, found: Mapping[Alias, Found]) -> dict[Alias, AliasState]:
        """Tag each version with what its aliases led to; one that is refused under any alias is refused, and says under which."""
        states: dict[Alias, AliasState] = {alias: one.state for alias, one in found.items()}
        versions = {one.version.number: one.version for one in found.values() if one.version is not None}
        for number, version in versions.items():
            named: list[Alias] = [alias for alias, one in found.items() if one.version is not None and one.version.number == number]
            refused: list[Alias] = [alias for alias in named if states[alias].status == "refused"]
            told = [f"refused as {alias}, {states[alias].code}: {states[alias].reason}" for alias in refused]
            told += [states[alias].reason for alias in named if alias not in refused]
            reason = "; ".join(told)
            shortened = reason if len(reason) <= LONGEST_TAG else f"{reason[: LONGEST_TAG - 1]}…"
            try:
                # The reason first: whoever sees the status change finds the reason that belongs to it.
                for key, value in ((REASON_TAG, shortened), (STATUS_TAG, "refused" if refused else "accepted")):
                    if version.tags.get(key) != value:
                        self._registry.set_tag(version, key, value)
            except RegistryError as error:
                for alias in named:
                    states[alias] = _noted(states[alias], f"the verdict could not be written back: {error}")
        return states


def _noted(state: AliasState, note: str) -> AliasState:
    return AliasState(state.status, state.code, state.reason, state.registry_version, state.bundle, state.since, state.accepted, note)
