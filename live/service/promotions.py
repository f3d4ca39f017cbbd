"""Promotions: where each loaded deployment stands with the registry, as the cache of `interlock sync` says.

The cache can only ask and take away. It shows a version as pending, and withdraws the one that is loaded; what may be loaded is
judged again from the bundle itself, and nothing here arms.
"""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import NamedTuple

from live.configuration import Configuration
from live.promotion.admission import Verdict
from live.promotion.cache import Accepted, AliasState, CacheError, StrategyState, read_followed
from live.service.deployments import DeploymentStatus

NANOSECONDS = 1_000_000_000
CLOCK_TOLERANCE = NANOSECONDS
"""How far ahead of this process's time a pass of sync may lie; further, and one of the two has no clock to go by; nanoseconds."""


class Withdrawal(NamedTuple):
    """Say why what is loaded may not be armed, or not any more; `code` is a `Verdict` or a `Refusal`."""

    code: str
    reason: str


class Standing(NamedTuple):
    """Say where a deployment stands with the registry.

    Attributes:
        pending: the version that is accepted and not loaded.
        withdrawn: why the loaded version may not be armed any more.
        asked: what the alias asks for, None when the registry was never asked.
        checked_at: when the registry last answered, nanoseconds UTC.
        unreachable: why the registry does not answer, empty when it does.
    """

    pending: Accepted | None = None
    withdrawn: Withdrawal | None = None
    asked: AliasState | None = None
    checked_at: int = 0
    unreachable: str = ""


class Promotions:
    """Keep the standing of one session's deployments as it was when the cache was last looked at.

    Attributes:
        standings: by strategy id, of the deployments that follow an alias.
    """

    def __init__(self, configuration: Configuration, deployments: Mapping[str, DeploymentStatus], wall: Callable[[], int]) -> None:
        self.standings: dict[str, Standing] = {}
        self._configuration = configuration
        self._wall = wall
        self._lock = Lock()
        self._deployments = {name: status for name, status in deployments.items() if status.settings.alias is not None}
        self.look()

    def look(self) -> None:
        """Read the cache again; may run on any thread."""
        with self._lock:  # of two looks at once the one that read earlier must not have the last word
            self.standings = {name: _stand(self._configuration, status) for name, status in self._deployments.items()}

    def of(self, strategy_id: str) -> Standing:
        """Give the standing of a deployment; one that names a file has none."""
        return self.standings.get(strategy_id, Standing())

    def stale(self, strategy_id: str) -> Withdrawal | None:
        """Say why what is known of a deployment's alias is too old to arm by; None when it is not.

        Without a registry's word nobody knows what was revoked. What trades goes on: only arming asks for it.
        """
        standing, registry = self.standings.get(strategy_id), self._configuration.registry
        if standing is None or registry is None:
            return None
        age, longest = self._wall() - standing.checked_at, registry.maximum_age_seconds
        if -CLOCK_TOLERANCE <= age <= longest * NANOSECONDS:
            return None
        asked = f"arming needs an answer of the registry that is not older than {longest:g} s"
        if standing.checked_at == 0:
            when = "it never gave one"
        elif age < 0:
            when = f"the newest lies {-age // NANOSECONDS} s in the future, so look at the clock"
        else:
            when = f"the newest is {age // NANOSECONDS} s old"
        if standing.unreachable:
            return Withdrawal(Verdict.REGISTRY_SILENT, f"{asked}, and {when}: {standing.unreachable}")
        return Withdrawal(Verdict.SYNC_STALE, f"{asked}, and {when}: start `interlock sync --watch`")

    @property
    def pending(self) -> dict[str, Accepted]:
        """Give what could be loaded now, by strategy id."""
        return {name: standing.pending for name, standing in self.standings.items() if standing.pending is not None}


def _stand(configuration: Configuration, status: DeploymentStatus) -> Standing:
    assert configuration.registry is not None, "a deployment that follows an alias has a registry"
    try:
        state = read_followed(configuration.home, status.settings.strategy, configuration.registry.url)
    except CacheError as error:
        return Standing(withdrawn=_withdrawn_from(status, Verdict.CACHE_UNREADABLE, str(error)))
    if state is None:
        reason = f"the cache of {status.settings.strategy} is gone: run `interlock sync`, which writes it anew"
        return Standing(withdrawn=_withdrawn_from(status, Verdict.CACHE_UNREADABLE, reason))
    alias = status.settings.alias
    assert alias is not None, "only deployments that follow an alias are looked at"
    asked = state.aliases.get(alias)
    accepted = None if asked is None else asked.accepted
    loaded = None if status.bundle is None else status.bundle.digest
    pending = accepted if accepted is not None and accepted.bundle != loaded else None
    return Standing(pending, _withdrawal(status, state, asked), asked, state.checked_at, state.unreachable)


def _withdrawal(status: DeploymentStatus, state: StrategyState, asked: AliasState | None) -> Withdrawal | None:
    """Say whether the loaded version was revoked, or its alias leads to nothing any more."""
    if status.bundle is None:
        return None
    version = status.bundle.version
    if revoked := {status.bundle.digest, version.digest, version.source_digest} & set(state.revoked):
        return Withdrawal(Verdict.REVOKED, f"{version.label} was revoked ({min(revoked)[:12]}): promote another version")
    if asked is None:
        return Withdrawal(Verdict.ALIAS_NOT_SET, f"the registry was not asked about {status.settings.alias}: run `interlock sync`")
    return None if asked.accepted is not None else Withdrawal(asked.code, asked.reason)


def _withdrawn_from(status: DeploymentStatus, code: str, reason: str) -> Withdrawal | None:
    return None if status.bundle is None else Withdrawal(code, reason)
