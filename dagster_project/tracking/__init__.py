"""Tracking: runs and trials in MLflow, the ledger that counts them, and the registry of bundles.

A notebook needs one line: `log_trial(home, dataset.digest, folder, curve, result=result)`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster_project.tracking.errors import TrackingError, TrialLedgerError
    from dagster_project.tracking.registry import RegisteredVersion, describe_versions, find_version, register_bundle
    from dagster_project.tracking.runs import Recorded, log_evaluation, log_trial, record_evaluation
    from dagster_project.tracking.store import Tracking, open_tracking, tracking_uri
    from dagster_project.tracking.trials import Attempt, Trial, TrialLedger, distinct_trials, missing_runs, missing_trials

__all__ = [
    "Attempt",
    "Recorded",
    "RegisteredVersion",
    "Tracking",
    "TrackingError",
    "Trial",
    "TrialLedger",
    "TrialLedgerError",
    "describe_versions",
    "distinct_trials",
    "find_version",
    "log_evaluation",
    "log_trial",
    "missing_runs",
    "missing_trials",
    "open_tracking",
    "record_evaluation",
    "register_bundle",
    "tracking_uri",
]

_MODULES = {
    "Attempt": "trials",
    "Recorded": "runs",
    "RegisteredVersion": "registry",
    "Tracking": "store",
    "TrackingError": "errors",
    "Trial": "trials",
    "TrialLedger": "trials",
    "TrialLedgerError": "errors",
    "describe_versions": "registry",
    "distinct_trials": "trials",
    "find_version": "registry",
    "log_evaluation": "runs",
    "log_trial": "runs",
    "missing_runs": "trials",
    "missing_trials": "trials",
    "open_tracking": "store",
    "record_evaluation": "runs",
    "register_bundle": "registry",
    "tracking_uri": "store",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is asked for: gates read the ledger, and the runs measure with what gates are made of."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
