"""Deployments: from configured bundles and aliases to loaded strategies; a refused bundle is shown, and never runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from live.configuration import Configuration, DeploymentSettings
from live.core.errors import InterlockError
from live.core.inputs import Deployment
from live.core.limits import Limits, describe_limits, parse_limits, tightest
from live.core.strategy import Strategy
from live.driver.engine_digest import engine_digest
from live.promotion import LoadedStrategy, VerifiedBundle, load_strategy, reevaluate, verify_bundle
from live.promotion.admission import LIVE_ROLES, Alias, admit, check_evidence_gates
from live.promotion.bundle import MAXIMUM_BUNDLE_BYTES
from live.promotion.cache import Accepted, cached_bundle_path, read_followed
from live.promotion.durable_files import read_bounded
from live.promotion.keys import Role
from live.service.errors import DeploymentRefused


@dataclass(frozen=True)
class DeploymentStatus:
    """Say what became of one configured deployment.

    Attributes:
        settings: as configured.
        refused: why its bundle was refused, None when it was loaded or there is none yet.
        waiting: why there is no bundle to load for its alias, None when there is one.
        bundle: what was verified.
        loaded: the strategy, ready for the engine.
        limits: the tightest of bundle, account and deployment.
        accepted: the registry's version that was loaded, None for a deployment that names a file.
    """

    settings: DeploymentSettings
    refused: str | None = None
    waiting: str | None = None
    bundle: VerifiedBundle | None = None
    loaded: LoadedStrategy | None = None
    limits: Limits | None = None
    accepted: Accepted | None = None

    @property
    def deployment(self) -> Deployment | None:
        """Give the deployment as the engine knows it."""
        if self.bundle is None or self.limits is None:
            return None
        version, settings = self.bundle.version, self.settings
        instrument_ids = tuple(instrument.instrument_id for instrument in version.instruments)
        return Deployment(version.strategy_id, version.label, settings.account, settings.venue, instrument_ids, self.limits)

    @property
    def runnable(self) -> tuple[Strategy, int] | None:
        """Give the strategy and its declared warm-up bars."""
        if self.loaded is None:
            return None
        strategy: Strategy = self.loaded.strategy
        return strategy, self.loaded.warm_up_bars


def load_deployments(configuration: Configuration, home: Path, now: int) -> list[DeploymentStatus]:
    """Verify and load every configured deployment; one that is refused says why and does not keep others from running."""
    return [_load(configuration, settings, home, now) for settings in configuration.deployments]


def _load(configuration: Configuration, settings: DeploymentSettings, home: Path, now: int) -> DeploymentStatus:
    try:
        if settings.alias is not None:
            return _load_alias(configuration, settings, settings.alias, home, now)
        assert settings.bundle is not None, "a deployment names a bundle or an alias"
        raw = _read(configuration.path(settings.bundle))
        roles: tuple[Role, ...] = LIVE_ROLES if settings.mode == "LIVE" else ("gate",)
        revoked = configuration.promotion.revoked
        bundle = verify_bundle(raw, configuration.trusted_keys, now, roles, revoked, engine_digest=engine_digest())
        return _load_bundle(configuration, settings, bundle, home)
    except InterlockError as error:
        return DeploymentStatus(settings, refused=str(error))


def _load_alias(configuration: Configuration, settings: DeploymentSettings, alias: Alias, home: Path, now: int) -> DeploymentStatus:
    """Load what the cache holds for an alias, judged again from its file: whoever can write the cache cannot promote.

    Raises:
        InterlockError: the cache or the bundle cannot be read, or the bundle may not run.
    """
    assert configuration.registry is not None, "an alias is looked up in a registry"
    state = read_followed(home, settings.strategy, configuration.registry.url)
    if state is None:
        return DeploymentStatus(settings, waiting=f"the registry was never asked about {settings.strategy}: run `interlock sync`")
    entry = state.aliases.get(alias)
    if entry is None or entry.accepted is None:
        missing = state.unreachable or f"the registry was not asked about the alias {alias}: run `interlock sync`"
        return DeploymentStatus(settings, waiting=missing if entry is None else entry.reason)
    accepted = entry.accepted
    # What was revoked since this process read its configuration counts as well.
    demands = replace(configuration.demands, revoked=(*configuration.promotion.revoked, *state.revoked))
    bundle = admit(
        _read(cached_bundle_path(home, accepted.bundle)),
        alias=alias,
        strategy_id=settings.strategy,
        digest=accepted.bundle,
        demands=demands,
        now=now,
        engine_digest=engine_digest(),
    )
    return replace(_load_bundle(configuration, settings, bundle, home), accepted=accepted)


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, MAXIMUM_BUNDLE_BYTES)
    except OSError as error:
        raise DeploymentRefused(f"the bundle {path} cannot be read: {error.strerror}") from None


def _load_bundle(configuration: Configuration, settings: DeploymentSettings, bundle: VerifiedBundle, home: Path) -> DeploymentStatus:
    _check_deployment(bundle, settings, configuration)
    limits = effective_limits(bundle, configuration, settings)
    return DeploymentStatus(settings, bundle=bundle, loaded=load_strategy(bundle, home), limits=limits)


def _check_deployment(bundle: VerifiedBundle, settings: DeploymentSettings, configuration: Configuration) -> None:
    """Refuse a bundle of another strategy, of instruments of another venue, or below this host's own demands.

    Raises:
        DeploymentRefused: naming what does not fit.
        AdmissionRefused: it would trade real money, and a gate that this takes does not hold.
    """
    version = bundle.version
    if version.strategy_id != settings.strategy:
        raise DeploymentRefused(f"the bundle holds {version.strategy_id}, the deployment names {settings.strategy}: correct one of them")
    for instrument in version.instruments:
        if instrument.venue_id != settings.venue:
            raise DeploymentRefused(
                f"{instrument.instrument_id} does not trade on {settings.venue}: deploy the strategy on {instrument.venue_id}"
            )
    if reasons := reevaluate(bundle.evidence, configuration.promotion.requirements):
        raise DeploymentRefused(f"the evidence does not meet this host's demands: {'; '.join(reasons)}")
    if settings.mode == "LIVE" and not configuration.venues[settings.venue].simulated:
        check_evidence_gates(bundle.evidence, f"real money is behind {settings.venue}, so the")


def effective_limits(bundle: VerifiedBundle, configuration: Configuration, settings: DeploymentSettings) -> Limits:
    """Give the tightest of the bundle's, the account's and the deployment's limits.

    Raises:
        LimitError: a tighter limit is malformed or absurd.
    """
    version = bundle.version
    instruments = version.instruments_by_id
    limits = version.limits
    tighter: Sequence[dict[str, object]] = (configuration.accounts[settings.account].limits, settings.limits)
    for table in tighter:
        if table:
            limits = tightest(limits, parse_limits({**describe_limits(limits, instruments), **table}, instruments))
    return limits
