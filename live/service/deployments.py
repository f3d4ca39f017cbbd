"""Deployments: from configured bundles to loaded strategies; a refused bundle is shown, and never runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from live.configuration import Configuration, DeploymentSettings
from live.core.errors import InterlockError
from live.core.inputs import Deployment
from live.core.limits import Limits, describe_limits, parse_limits, tightest
from live.core.strategy import Strategy
from live.driver.engine_digest import engine_digest
from live.promotion import LoadedStrategy, VerifiedBundle, load_strategy, reevaluate, verify_bundle
from live.service.errors import DeploymentRefused


@dataclass(frozen=True)
class DeploymentStatus:
    """Say what became of one configured deployment.

    Attributes:
        settings: as configured.
        refused: why its bundle was refused, None when it was loaded.
        bundle: what was verified.
        loaded: the strategy, ready for the engine.
        limits: the tightest of bundle, account and deployment.
    """

    settings: DeploymentSettings
    refused: str | None
    bundle: VerifiedBundle | None = None
    loaded: LoadedStrategy | None = None
    limits: Limits | None = None

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
    path = configuration.path(settings.bundle)
    try:
        bundle = verify_bundle(
            path.read_bytes(), configuration.trusted_keys, now, revoked=configuration.promotion.revoked, engine_digest=engine_digest()
        )
        _check_deployment(bundle, settings, configuration)
        limits = effective_limits(bundle, configuration, settings)
        return DeploymentStatus(settings, None, bundle, load_strategy(bundle, home), limits)
    except OSError as error:
        return DeploymentStatus(settings, f"the bundle {path} cannot be read: {error.strerror}")
    except InterlockError as error:
        return DeploymentStatus(settings, str(error))


def _check_deployment(bundle: VerifiedBundle, settings: DeploymentSettings, configuration: Configuration) -> None:
    """Refuse a bundle of another strategy, of instruments of another venue, or below this host's own demands.

    Raises:
        DeploymentRefused: naming what does not fit.
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
