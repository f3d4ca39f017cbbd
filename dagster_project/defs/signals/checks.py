"""What a look at a signal must show."""

import dagster as dg

from dagster_project.defs.signals.assets import momentum_signal
from dagster_project.signals import SignalError
from dagster_project.signals.momentum import MAXIMUM_CHANCE


@dg.asset_check(
    asset=momentum_signal,
    name="signal_beats_shuffled",
    description="Labels of other bars hardly ever give as high an information coefficient; a warning, since a signal alone trades nothing.",
)
def signal_beats_shuffled(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Compare the signal's information coefficient with those of labels that belong to other bars."""
    event = context.instance.get_latest_materialization_event(momentum_signal.key)
    materialization = None if event is None else event.asset_materialization
    if materialization is None:
        raise SignalError("momentum_signal was never materialized: materialize it, then run this check")
    chance = materialization.metadata["chance"].value
    coefficient = materialization.metadata["information_coefficient"].value
    if not isinstance(chance, float) or not isinstance(coefficient, float):
        raise SignalError("the last momentum_signal carries no numbers to judge: materialize it again")
    return dg.AssetCheckResult(
        passed=chance <= MAXIMUM_CHANCE,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"information coefficient {coefficient:+.4f}; labels of other bars do as well with a chance of {chance:.0%}",
        metadata={"chance": chance, "information_coefficient": coefficient, "maximum_chance": MAXIMUM_CHANCE},
    )
