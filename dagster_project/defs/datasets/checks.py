"""Checks of datasets."""

import dagster as dg

from dagster_project.datasets import verify_datasets
from dagster_project.defs.datasets.assets import replay_dataset
from dagster_project.defs.resources import HomeResource


@dg.asset_check(asset=replay_dataset)
def dataset_sound(home: HomeResource) -> dg.AssetCheckResult:
    """Every frozen dataset of this home is byte for byte what was frozen."""
    verified = verify_datasets(home.open())
    problems = [f"{digest[:12]}: {problem}" for digest, found in verified.items() for problem in found]
    return dg.AssetCheckResult(
        passed=not problems,
        description=problems[0] if problems else f"{len(verified)} frozen, all sound",
        metadata={
            "datasets": len(verified),
            "problems": dg.MetadataValue.md("\n".join(f"- {problem}" for problem in problems) or "none"),
        },
    )
