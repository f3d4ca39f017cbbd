"""The gate policy: every threshold and every number of probes, with a digest that enters the evidence."""

import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import msgspec

from dagster_project.gates.errors import PolicyError
from live.promotion import encode_canonical, sha256_hex

POLICY_SCHEMA = 1
DEFAULT_POLICY = Path(__file__).with_name("policy.toml")

Count = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class DataQualityPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bound `data_quality`; bars are counted of each instrument, after the warm-up."""

    minimum_bars: Count


class DeterminismPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Choose the PYTHONHASHSEED of the two processes that `determinism` compares."""

    hash_seeds: tuple[str, str]


class ReplayPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bound `replay`."""

    minimum_fills: Count


class LimitsPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bound `limits`: the order limit over the largest order sent."""

    maximum_looseness: float


class LookAheadPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Say how often `look_ahead` cuts history off.

    Attributes:
        opening_cuts: cuts one bar after the other from the end of the warm-up.
        spread_places: places spread evenly over the rest.
        cuts_at_each_place: cuts one bar after the other that end at each place.
        poisoned_cuts: cuts after which later bars are there and are garbage.
        minimum_cuts: how many cuts history must leave room for.
        maximum_edge_lost: standard errors by which more may be earned on the true history than on one that is a little different.
    """

    opening_cuts: Count
    spread_places: Count
    cuts_at_each_place: Count
    poisoned_cuts: Count
    minimum_cuts: Count
    maximum_edge_lost: Annotated[float, msgspec.Meta(gt=0.0)]


class WarmUpPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Say from how many bars `warm_up` starts anew, how many it compares then, and what may differ."""

    starts: Count
    compared_bars: Count
    relative_tolerance: Share
    maximum_differing_share: Share


class DeflatedSharpePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bound `deflated_sharpe`; probabilities."""

    minimum_days: Count
    minimum_deflated: Share
    minimum_probabilistic: Share


class CostStressPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Say by what `cost_stress` multiplies fees and slippage, and the annualised Sharpe ratio to exceed at the decisive multiple."""

    multiples: tuple[Count, ...]
    decisive_multiple: Count
    minimum_sharpe: float


class RegimesPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Say how `regimes` slices days, and which share of equity a slice may lose."""

    volatility_days: Count
    trend_days: Count
    minimum_days: Count
    maximum_slice_loss: Share


class GatePolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Hold the policy of every gate, each under the gate's name."""

    schema: int
    data_quality: DataQualityPolicy
    determinism: DeterminismPolicy
    replay: ReplayPolicy
    limits: LimitsPolicy
    look_ahead: LookAheadPolicy
    warm_up: WarmUpPolicy
    deflated_sharpe: DeflatedSharpePolicy
    cost_stress: CostStressPolicy
    regimes: RegimesPolicy

    def __post_init__(self) -> None:
        """Refuse a policy of another schema, or one that decides on costs it does not try.

        Raises:
            PolicyError: it is one.
        """
        if self.schema != POLICY_SCHEMA:
            raise PolicyError(f"a policy of schema {POLICY_SCHEMA} was expected, received schema {self.schema}: write it for this release")
        stress = self.cost_stress
        if stress.decisive_multiple not in stress.multiples or 1 in stress.multiples or len(set(stress.multiples)) != len(stress.multiples):
            raise PolicyError(
                f"cost_stress.multiples are distinct, above 1, and hold the decisive one, received {list(stress.multiples)} and "
                f"{stress.decisive_multiple}: correct them"
            )
        if len(set(self.determinism.hash_seeds)) == 1:
            raise PolicyError("determinism.hash_seeds are equal, so nothing that depends on a hash would differ: choose two")

    @cached_property
    def digest(self) -> str:
        """Give the SHA-256 of the policy's values; comments and spelling do not change it."""
        return sha256_hex(encode_canonical(msgspec.to_builtins(self)))


def load_policy(path: Path | None = None) -> GatePolicy:
    """Read a policy file; without one, the policy that lies beside this code.

    Raises:
        PolicyError: the file cannot be read, is not TOML, or a value is missing, unknown or out of range.
    """
    chosen = path or DEFAULT_POLICY
    try:
        table: dict[str, Any] = tomllib.loads(chosen.read_text(encoding="utf-8"))
        return msgspec.convert(table, GatePolicy)
    except OSError as error:
        raise PolicyError(f"{chosen} cannot be read ({error.strerror}): give a policy file") from error
    except msgspec.ValidationError as error:
        raise PolicyError(f"{chosen}: {error}; compare it with {DEFAULT_POLICY.name} beside the gates") from error
    except ValueError as error:
        raise PolicyError(f"{chosen} is not TOML in UTF-8: {error}") from error
