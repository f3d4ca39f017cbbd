"""Find the strategy code that a recorded session ran with: in signed bundles that this host trusts, and nowhere else."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dagster_project.home import Home
from live.configuration import load_configuration
from live.core.errors import InterlockError
from live.core.inputs import Deployment
from live.core.strategy import Strategy
from live.promotion import TrustedKey, load_strategy, read_version, verify_bundle
from live.promotion.bundle import open_envelope, read_bundle
from live.promotion.errors import PromotionError
from live.promotion.verification import VerifiedBundle

BUNDLE_NAMES = ("bundles/**/*.bundle.json", "registry/**/*.bundle.json")
"""Where below a home bundles lie: those that were signed here, and those that were pulled from the registry."""

LoadStrategies = Callable[[tuple[Deployment, ...]], Mapping[str, tuple[Strategy, int]]]


SHOWN_REFUSALS = 3
"""Refused bundles that an error names; a home may hold hundreds."""


class Refusal(NamedTuple):
    """Say why a bundle is not trusted; strategy and version are what it claims, empty when it cannot be read."""

    strategy_id: str
    label: str
    reason: str


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
        refusals: list[Refusal] = []
        for path in bundles:
            verified = _verify(path, trusted, refusals)
            if verified is not None and verified.version.label in wanted:
                loaded = load_strategy(verified, home.root)
                found[verified.version.strategy_id] = (loaded.strategy, loaded.warm_up_bars)
        if missing := {label: strategy_id for label, strategy_id in wanted.items() if strategy_id not in found}:
            looked = _say(refusals, missing) or f"{len(bundles)} bundles were looked at"
            raise StrategyNotFound(
                f"no trusted bundle holds {', '.join(sorted(missing))}, which the session ran ({looked}): put it below {home.bundles}"
            )
        return found

    return load


def _say(refusals: Sequence[Refusal], missing: Mapping[str, str]) -> str:
    """Name refused bundles of missing strategies, those of the very version first, and count the rest."""
    told = sorted((one for one in refusals if one.strategy_id in missing.values()), key=lambda one: (one.label not in missing, one.reason))
    rest = len(told) - SHOWN_REFUSALS
    said = "; ".join(one.reason for one in told[:SHOWN_REFUSALS])
    return f"{said}; {rest} more of its bundles were refused" if rest > 0 else said


def _verify(path: Path, trusted: Sequence[TrustedKey], refusals: list[Refusal]) -> VerifiedBundle | None:
    """Verify one bundle; a refused one hides none of the others."""
    label = strategy_id = ""
    try:
        raw = path.read_bytes()
        bundle = read_bundle(open_envelope(raw).payload)
        version = read_version(bundle.strategy_version)
        label, strategy_id = version.label, version.strategy_id
        return verify_bundle(raw, trusted, bundle.created_at)
    except OSError as error:
        refusals.append(Refusal(strategy_id, label, f"{path} cannot be read: {error.strerror}"))
    except PromotionError as error:
        refusals.append(Refusal(strategy_id, label, f"{path}: {error}"))
    return None
