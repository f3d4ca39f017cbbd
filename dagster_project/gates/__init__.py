"""Gates: what a strategy version must prove, one file a gate, judged under one policy.

`submit_strategy` freezes a strategy folder, `evaluate` judges it on a dataset, and `write_evidence` keeps what was found.
`determinism`, `replay` and `limits` need nothing but the live host's install and are those of `live.driver.evidence`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster_project.gates.errors import GateError, PolicyError, StatisticsError, SubmissionError
    from dagster_project.gates.evaluation import GATES, Evaluation, evaluate
    from dagster_project.gates.policy import GatePolicy, load_policy
    from dagster_project.gates.stored_evidence import StoredEvidence, read_evidence, write_evidence
    from dagster_project.gates.submissions import Submission, list_submissions, open_submission, submit_strategy

__all__ = [
    "GATES",
    "Evaluation",
    "GateError",
    "GatePolicy",
    "PolicyError",
    "StatisticsError",
    "StoredEvidence",
    "Submission",
    "SubmissionError",
    "evaluate",
    "list_submissions",
    "load_policy",
    "open_submission",
    "read_evidence",
    "submit_strategy",
    "write_evidence",
]

_MODULES = {
    "GATES": "evaluation",
    "Evaluation": "evaluation",
    "GateError": "errors",
    "GatePolicy": "policy",
    "PolicyError": "errors",
    "StatisticsError": "errors",
    "StoredEvidence": "stored_evidence",
    "Submission": "submissions",
    "SubmissionError": "errors",
    "evaluate": "evaluation",
    "list_submissions": "submissions",
    "load_policy": "policy",
    "open_submission": "submissions",
    "read_evidence": "stored_evidence",
    "submit_strategy": "submissions",
    "write_evidence": "stored_evidence",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is asked for: the process that probes a strategy needs little, and must start fast."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
