"""Gate `data_quality`: is what the strategy was judged on whole, validated, enough, and what the strategy asks for?"""

from collections.abc import Sequence

from dagster_project.datasets import DatasetManifest
from dagster_project.gates.policy import DataQualityPolicy
from live.promotion import GateResult, StrategyVersion


def missing_data(manifest: DatasetManifest, version: StrategyVersion) -> list[str]:
    """List what a strategy asks for and the dataset does not hold; anything here means that nothing can be replayed."""
    held = {file.instrument_id for file in manifest.files}
    missing = [f"it holds no {one.instrument_id}" for one in version.instruments if one.instrument_id not in held]
    wanted = version.data.interval_seconds
    if manifest.interval_seconds != wanted:
        missing.append(f"its bars last {manifest.interval_seconds} s and the strategy asks for {wanted} s")
    return missing


def data_quality_gate(
    manifest: DatasetManifest, problems: Sequence[str], version: StrategyVersion, policy: DataQualityPolicy
) -> GateResult:
    """Demand a sound dataset of validated rows that holds the strategy's instruments at its interval for long enough.

    Args:
        manifest: of the dataset.
        problems: what verifying its files found.
        version: what asks for data.
        policy: the bounds.
    """
    missing = missing_data(manifest, version)
    wanted = {instrument.instrument_id for instrument in version.instruments}
    rows = {file.instrument_id: file.rows for file in manifest.files if file.instrument_id in wanted}
    bars = max(0, min(rows.values(), default=0) - version.data.warm_up_bars)
    validations = len(manifest.lineage.validation_ids)
    found = [*missing, *problems]
    if not validations:
        found.append("no row carries the id of a validation")
    if bars < policy.minimum_bars:
        found.append(f"{bars} bars are left after the warm-up, {policy.minimum_bars} are needed")
    return GateResult(
        gate="data_quality",
        passed=not found,
        kind="integrity",
        measured={"problems": len(missing) + len(problems), "bars": bars, "validations": validations},
        threshold={"maximum_problems": 0, "minimum_bars": policy.minimum_bars, "minimum_validations": 1},
        detail=f"dataset {manifest.name}: {'; '.join(found)}"
        if found
        else f"dataset {manifest.name} is whole and validated, with {bars} bars of each instrument after the warm-up",
    )
