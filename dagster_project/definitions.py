"""What Dagster loads: everything under `defs/`, and the policies that hold for all of it."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Load every domain's definitions and run them in one process."""
    loaded = dg.load_from_defs_folder(path_within_project=Path(__file__))
    return dg.Definitions.merge(loaded, dg.Definitions(executor=dg.in_process_executor))
