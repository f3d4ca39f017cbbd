"""Gate `cost_stress`: does the strategy still earn when trading costs more than assumed?"""

from collections.abc import Mapping

from dagster_project.gates.policy import CostStressPolicy
from dagster_project.gates.sharpe import annualised
from live.promotion import GateResult
from live.venues.sim import CostModel


def multiplied(costs: CostModel, multiple: int) -> CostModel:
    """Give the costs with every fee and the slippage multiplied."""
    return CostModel(
        maker_fee_ppm=costs.maker_fee_ppm * multiple,
        taker_fee_ppm=costs.taker_fee_ppm * multiple,
        slippage_basis_points=costs.slippage_basis_points * multiple,
    )


def cost_stress_gate(sharpes: Mapping[int, float | None], policy: CostStressPolicy) -> GateResult:
    """Demand a Sharpe ratio above the bound at the decisive multiple of fees and slippage.

    Args:
        sharpes: Sharpe ratio per day by multiple, 1 included; None where it has no meaning.
        policy: the bound.
    """
    decisive = policy.decisive_multiple
    yearly = {multiple: annualised(sharpe) for multiple, sharpe in sorted(sharpes.items()) if sharpe is not None}
    said = ", ".join(f"{value:.2f} at {multiple}x" for multiple, value in yearly.items())
    return GateResult(
        gate="cost_stress",
        passed=decisive in yearly and yearly[decisive] > policy.minimum_sharpe,
        kind="evidence",
        measured={f"sharpe_at_{multiple}x": value for multiple, value in yearly.items()},
        threshold={f"minimum_sharpe_at_{decisive}x": policy.minimum_sharpe},
        detail=f"annual Sharpe ratio by multiple of fees and slippage: {said}" if said else "the returns never moved",
    )
