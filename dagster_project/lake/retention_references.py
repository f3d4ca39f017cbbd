"""References: what still needs a file, so that retention holds it whatever its age."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from dagster_project.datasets.dataset import NAMES_NAME
from dagster_project.home import Home
from dagster_project.lake.sessions import PUBLISHED_FILE, archived_sessions, journal_of
from live.core.errors import InterlockError
from live.core.inputs import SessionStarted
from live.driver.recovery import JOURNALS, TAPES, session_journals
from live.journal import JournalReader
from live.promotion.bundle import FILE_SUFFIX, open_envelope, read_bundle
from live.promotion.cache import REGISTRY_FOLDER, cached_bundle_path, cached_bundles, read_state
from live.promotion.strategy_version import read_version

MILLISECOND = 1_000_000
REFERRING = ("datasets", "submissions", "evidence", "bundles", REGISTRY_FOLDER)
"""Folders whose items other documents refer to: while one of these cannot be read, all of them are held."""


class References:
    """Collect, for each item, why it is needed."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._reasons: defaultdict[Path, list[str]] = defaultdict(list)
        self._unreadable: list[str] = []

    def reasons(self, path: Path) -> tuple[str, ...]:
        """Give why an item is needed, empty when nothing needs it."""
        folder = path.relative_to(self._home.root).parts[0]
        unknown = [f"it may be needed: {reason}" for reason in self._unreadable] if folder in REFERRING else []
        return (*dict.fromkeys(self._reasons.get(path, [])), *unknown)

    def needs(self, path: Path, reason: str) -> None:
        """Note why an item is needed."""
        self._reasons[path].append(reason)

    def version(self, digest: object, reason: str) -> None:
        """Note why a submitted strategy version is needed."""
        self.needs(self._home.submissions / str(digest), reason)

    def dataset(self, digest: object, reason: str) -> None:
        """Note why a dataset is needed."""
        self.needs(self._home.datasets / str(digest), reason)

    def unreadable(self, path: Path, error: Exception) -> None:
        """Note a document that cannot be read: what it refers to is not known."""
        self._unreadable.append(f"{path.relative_to(self._home.root)} cannot be read ({type(error).__name__})")


def find_references(home: Home, deployed: Iterable[Path] = ()) -> References:
    """Read everything that refers to something: evidence, trials, bundles, aliases, names of datasets, sessions, configuration.

    Args:
        home: whose files.
        deployed: bundle files that the live service's configuration names.
    """
    references = References(home)
    _from_evidence(home, references)
    _from_trials(home, references)
    _from_names(home, references)
    labels = _from_bundles(home, references)
    _from_aliases(home, references)
    for path in deployed:
        references.needs(path.resolve(), "the live service's configuration deploys it")
    _from_sessions(home, references, labels)
    _from_recovery(home, references)
    return references


def deleted_runs(home: Home) -> dict[str, int]:
    """Give the MLflow runs that somebody deleted, and when, nanoseconds UTC; empty without a tracking database."""
    path = home.mlflow / "mlflow.db"
    if not path.exists():
        return {}
    connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT run_uuid, deleted_time FROM runs WHERE lifecycle_stage = 'deleted'").fetchall()
    finally:
        connection.close()
    return {run: deleted * MILLISECOND for run, deleted in rows if deleted is not None}


def _from_evidence(home: Home, references: References) -> None:
    for path in sorted(home.evidence.glob("*/*/evidence.json")):
        reason = f"evidence {path.parent.relative_to(home.evidence)} refers to it"
        try:
            document: dict[str, Any] = msgspec.json.decode(path.read_bytes())
            references.dataset(document["dataset_digest"], reason)
            references.version(document["strategy_version_digest"], reason)
        except (OSError, msgspec.MsgspecError, KeyError, TypeError) as error:
            references.unreadable(path, error)


def _from_trials(home: Home, references: References) -> None:
    if not home.trials.exists():
        return
    try:
        for line in home.trials.read_bytes().splitlines():
            trial: dict[str, Any] = msgspec.json.decode(line)
            references.dataset(trial["dataset_digest"], f"trial {trial['number']} was made on it")
    except (OSError, msgspec.MsgspecError, KeyError, TypeError) as error:
        references.unreadable(home.trials, error)


def _from_names(home: Home, references: References) -> None:
    for path in sorted((home.datasets / NAMES_NAME).glob("[!.]*")):
        references.dataset(path.read_text().strip(), f"it is the newest dataset named {path.name}")


def _from_bundles(home: Home, references: References) -> dict[str, list[Path]]:
    """Note what bundles refer to, signed here or pulled from the registry; gives the bundles of each version label."""
    labels: dict[str, list[Path]] = {}
    for path in (*sorted(home.bundles.glob(f"*{FILE_SUFFIX}")), *cached_bundles(home.root)):
        try:
            bundle = read_bundle(open_envelope(path.read_bytes()).payload)
            labels.setdefault(read_version(bundle.strategy_version).label, []).append(path)
        except (OSError, InterlockError) as error:
            references.unreadable(path, error)
            continue
        evidence = bundle.evidence
        reason = f"bundle {path.name} was signed over it"
        references.dataset(evidence.dataset_digest, reason)
        references.version(evidence.strategy_version_digest, reason)
        for folder in (home.evidence / evidence.strategy_version_digest).glob("*"):
            references.needs(folder, reason)
    return labels


def _from_aliases(home: Home, references: References) -> None:
    """Hold the bundles that an alias of the registry lets load, which trading falls back on while the registry is down."""
    for path in sorted((home.root / REGISTRY_FOLDER).glob("*.json")):
        try:
            state = read_state(home.root, path.stem)
        except InterlockError as error:
            references.unreadable(path, error)
            continue
        for alias, found in state.aliases.items() if state is not None else ():
            if found.accepted is not None:
                references.needs(cached_bundle_path(home.root, found.accepted.bundle), f"{path.stem} runs it under the alias {alias}")


def _from_sessions(home: Home, references: References, labels: dict[str, list[Path]]) -> None:
    """Hold the code that archived sessions ran, and the sessions that daily summaries count."""
    for session in archived_sessions(home):
        with JournalReader(journal_of(home, session.session_id)) as reader:
            started = next((row.entry() for row in reader.rows(kinds=(SessionStarted.__name__,), limit=1)), None)
        for deployment in started.deployments if isinstance(started, SessionStarted) else ():
            for path in labels.get(deployment.version, ()):
                references.needs(path, f"session {session.session_id} ran it and cannot be replayed without it")
        for day in session.days:
            if (home.reports / "daily" / day).is_dir():
                references.needs(home.sessions / session.session_id, f"the daily summary of {day} counts it")


def _from_recovery(home: Home, references: References) -> None:
    """Hold what the next start of the service recovers from, and what the archive does not have yet."""
    journals = session_journals(home.root)
    for path in journals:
        tape = home.root / TAPES / path.stem
        if not (home.sessions / path.stem / PUBLISHED_FILE).exists():
            for one in (path, tape):
                references.needs(one, "the archive has no verified copy of it")
    if journals:
        references.needs(journals[-1], "the next start of the service recovers from it")
    followed = [path.stem for path in journals if any((home.root / TAPES / path.stem).glob("*.tape*"))]
    if followed:
        references.needs(home.root / TAPES / followed[-1], "it says how far the market was followed")
        references.needs(home.root / JOURNALS / f"{followed[-1]}.journal", "its tape says how far the market was followed")
