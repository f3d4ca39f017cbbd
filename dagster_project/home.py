"""The home: where everything that changes lies, so that no other module spells a path."""

import os
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "INTERLOCK_HOME"


@dataclass(frozen=True)
class Home:
    """Name the places under `INTERLOCK_HOME`; none of them is created by asking for it.

    Attributes:
        root: the directory itself.
    """

    root: Path

    @property
    def lake(self) -> Path:
        """Give the directory of Delta tables."""
        return self.root / "lake"

    @property
    def bars(self) -> Path:
        """Give the Delta table of published bars."""
        return self.lake / "bars"

    @property
    def staging(self) -> Path:
        """Give the directory of what was read and not yet judged."""
        return self.lake / "staging"

    @property
    def sessions(self) -> Path:
        """Give the directory of closed sessions that were pulled from the live service, one folder each."""
        return self.lake / "sessions"

    @property
    def great_expectations(self) -> Path:
        """Give the Great Expectations project, whose Data Docs lie under `uncommitted/data_docs/local_site`."""
        return self.root / "gx"

    @property
    def datasets(self) -> Path:
        """Give the directory of frozen datasets, one folder each, named by content digest."""
        return self.root / "datasets"

    @property
    def submissions(self) -> Path:
        """Give the directory of submitted strategy versions, one folder each, named by version digest."""
        return self.root / "submissions"

    @property
    def evidence(self) -> Path:
        """Give the directory of evidence, one folder a strategy version."""
        return self.root / "evidence"

    @property
    def bundles(self) -> Path:
        """Give the directory of signed bundles."""
        return self.root / "bundles"

    @property
    def trials(self) -> Path:
        """Give the append-only ledger of trials."""
        return self.root / "trials" / "trials.jsonl"

    @property
    def mlflow(self) -> Path:
        """Give the directory of MLflow's database and artifacts."""
        return self.root / "mlflow"

    @property
    def dagster(self) -> Path:
        """Give the directory of the Dagster instance (`DAGSTER_HOME`)."""
        return self.root / "dagster"

    @property
    def reports(self) -> Path:
        """Give the directory of reports for people."""
        return self.root / "reports"


def open_home(root: Path | None = None) -> Home:
    """Give the home at `root`, or at `INTERLOCK_HOME`, or at `data/`."""
    return Home((root or Path(os.environ.get(HOME_VARIABLE) or "data")).resolve())
