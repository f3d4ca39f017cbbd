"""Find the strategy code that a recorded session ran with: in signed bundles that this host trusts, and nowhere else."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dagster_project.home import Home
from live.configuration import load_configuration
from live.core.errors import InterlockError
from live.core.inputs import Deployment
from live.core.strategy import Strategy
from live.promotion import TrustedKey, load_strategy, verify_bundle
from live.promotion.bundle import open_envelope, read_bundle
from live.promotion.errors import PromotionError
from live.promotion.verification import VerifiedBundle

BUNDLE_NAMES = ("bundles/**/*.bundle.json", "registry/**/*.bundle.json")
"""Where below a home bundles lie: those that were signed here, and those that were pulled from the registry."""

LoadStrategies = Callable[[tuple[Deployment, ...]], Mapping[str, tuple[Strategy, int]]]


class StrategyNotFound(InterlockError):
    """No trusted bundle holds a version that a session ran."""


def trusted_bundles(home: Home) -> tuple[list[Path], tuple[TrustedKey, ...]]:
    """List the bundles of a home and of the configured deployments, and the keys that this host trusts.

    The configuration is the one of the live service: `interlock.toml`, or what INTERLOCK_CONFIG names.

    Raises:
        ConfigurationError: it cannot be read.
    """
    configuration = load_configuration()
    named = (configuration.path(bundle) for one in configuration.deployments if (bundle := one.bundle))
    found = {path for pattern in BUNDLE_NAMES for path in home.root.glob(pattern)} | {path for path in named if path.is_file()}
    return sorted(found), configuration.trusted_keys


def strategy_loader(home: Home, bundles: Sequence[Path], trusted: Sequence[TrustedKey]) -> LoadStrategies:
    """Make a function that gives the strategies of recorded deployments.

    A bundle that expired since still holds the code that ran: each is judged as of when it was made.
    """

    def load(deployments: tuple[Deployment, ...]) -> Mapping[str, tuple[Strategy, int]]:
        wanted = {deployment.version: deployment.strategy_id for deployment in deployments}
        found: dict[str, tuple[Strategy, int]] = {}
        refusals: list[str] = []
        for path in bundles:
            verified = _verify(path, trusted, refusals)
            if verified is not None and verified.version.label in wanted:
                loaded = load_strategy(verified, home.root)
                found[verified.version.strategy_id] = (loaded.strategy, loaded.warm_up_bars)
        if missing := sorted(label for label, strategy_id in wanted.items() if strategy_id not in found):
            looked = "; ".join(refusals) or f"{len(bundles)} bundles were looked at"
            raise StrategyNotFound(
                f"no trusted bundle holds {', '.join(missing)}, which the session ran ({looked}): put it below {home.bundles}"
            )
        return found

    return load


def _verify(path: Path, trusted: Sequence[TrustedKey], refusals: list[str]) -> VerifiedBundle | None:
    """Verify one bundle; a refused one hides none of the others."""
    try:
        raw = path.read_bytes()
        return verify_bundle(raw, trusted, read_bundle(open_envelope(raw).payload).created_at)
    except OSError as error:
        refusals.append(f"{path} cannot be read: {error.strerror}")
    except PromotionError as error:
        refusals.append(f"{path}: {error}")
    return None
