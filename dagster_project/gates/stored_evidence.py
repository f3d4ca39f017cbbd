"""Evidence on disk: what an evaluation leaves under `<home>/evidence/<version digest>/<dataset digest>/`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from dagster_project.equity import returns_by_day
from dagster_project.gates.errors import GateError
from dagster_project.gates.evaluation import Evaluation
from dagster_project.gates.submissions import Submission, open_submission
from dagster_project.home import Home
from live.core.decimals import MONEY_SCALE, format_scaled
from live.promotion import Evidence, EvidenceError, encode_canonical
from live.promotion.durable_files import replace_file

EVIDENCE_FILE = "evidence.json"
REPORT_FILE = "report.md"
EQUITY_FILE = "equity.json"
RUN_FILE = "run.json"
_DATASET_CHARACTERS = 12
_DAY_SECONDS = 24 * 3600


class _Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    run_id: str


@dataclass(frozen=True)
class StoredEvidence:
    """Hold what was stored for one strategy version and one dataset.

    Attributes:
        path: the folder.
        evidence: what the gates said.
        report_markdown: the gate report for people.
        run_id: the MLflow run that holds the details.
    """

    path: Path
    evidence: Evidence
    report_markdown: str
    run_id: str


def write_evidence(home: Home, evaluation: Evaluation, run_id: str) -> Path:
    """Write evidence, report and daily equity, in place of what an earlier evaluation on the same dataset left.

    Args:
        home: where to.
        evaluation: what the gates found.
        run_id: the MLflow run that was written about it.

    Raises:
        GateError: the disk refuses.
    """
    place = home.evidence / evaluation.submission.digest / evaluation.dataset_digest[:_DATASET_CHARACTERS]
    try:
        place.mkdir(parents=True, exist_ok=True)
        replace_file(place / REPORT_FILE, evaluation.report_markdown.encode())
        replace_file(place / EQUITY_FILE, msgspec.json.encode(_daily_equity(evaluation)))
        replace_file(place / RUN_FILE, msgspec.json.encode({"run_id": run_id}))
        replace_file(place / EVIDENCE_FILE, encode_canonical(evaluation.evidence))
    except OSError as error:
        raise GateError(f"{place} cannot be written ({error.strerror}): free the disk or correct its permissions") from error
    return place


def read_evidence(home: Home, reference: str) -> StoredEvidence:
    """Read the newest evidence of a submission, named by its label or digest.

    Raises:
        SubmissionError: there is no such submission.
        GateError: it was not evaluated yet, or what was stored is damaged or another version's.
    """
    submission = open_submission(home, reference)
    folder = home.evidence / submission.digest
    found = [_read(path.parent, submission) for path in folder.glob(f"*/{EVIDENCE_FILE}")]
    if not found:
        raise GateError(f"{submission.label} was not evaluated yet: materialise strategy_evidence or run `interlock evaluate`")
    return max(found, key=lambda stored: stored.evidence.created_at)


def _read(place: Path, submission: Submission) -> StoredEvidence:
    try:
        evidence = msgspec.json.decode((place / EVIDENCE_FILE).read_bytes(), type=Evidence)
        report = (place / REPORT_FILE).read_text(encoding="utf-8")
        run = msgspec.json.decode((place / RUN_FILE).read_bytes(), type=_Run)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, EvidenceError) as error:
        raise GateError(f"the evidence in {place} cannot be read ({error}): evaluate {submission.label} again") from error
    if evidence.strategy_version_digest != submission.digest:
        raise GateError(f"the evidence in {place} is another version's: evaluate {submission.label} again")
    return StoredEvidence(place, evidence, report, run.run_id)


def _daily_equity(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Give one row a UTC day that closed: its date, closing equity as decimal text, and simple return."""
    closing = {(point.ts - 1) // (_DAY_SECONDS * 1_000_000_000): point.equity for point in evaluation.curve}
    return [
        {
            "day": datetime.fromtimestamp(day * _DAY_SECONDS, UTC).date().isoformat(),
            "equity": format_scaled(closing[day], MONEY_SCALE),
            "return": value,
        }
        for day, value in returns_by_day(evaluation.curve)
    ]
