"""Submissions: a strategy folder as it was when somebody asked for judgement, frozen under the digest of its version.

The copy holds strategy.toml with the chosen parameters as defaults, the sources and weights, and the card. Prose may be
improved and a fit declared later without a new version, so submitting the same version again replaces those.
"""

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from dagster_project.gates.bars import check_judged_on_bars
from dagster_project.gates.errors import SubmissionError
from dagster_project.home import Home
from live.promotion import PromotionError, StrategyFolder, load_strategy_folder, read_archive
from live.promotion.durable_files import sync_directory, write_new

SHORTEST_PREFIX = 7
_PROSE = ("card.md", "notebook.py")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Submission:
    """Hold a frozen strategy version.

    Attributes:
        path: its folder under `<home>/submissions`.
        folder: what the folder amounts to, read and checked anew.
    """

    path: Path
    folder: StrategyFolder

    @property
    def label(self) -> str:
        """Give the short name of the version, like `ema_cross@3f9a1c2`; it names the Dagster partition."""
        return self.folder.version.label

    @property
    def digest(self) -> str:
        """Give the digest of the strategy version."""
        return self.folder.version.digest


def submit_strategy(home: Home, folder: Path, parameters: Mapping[str, object] | None = None) -> Submission:
    """Freeze a strategy folder with chosen parameters, whole or not at all; the same version again gives the same place.

    Raises:
        PromotionError: the folder is not acceptable.
        GateError: it takes in something else than bars.
        SubmissionError: the copy is not the version that was read, or the disk refuses.
    """
    chosen = load_strategy_folder(folder, parameters)
    check_judged_on_bars(chosen.version)
    place = home.submissions / chosen.version.digest
    try:
        home.submissions.mkdir(parents=True, exist_ok=True)
        copy = Path(tempfile.mkdtemp(prefix=".", dir=home.submissions))
        try:
            _write_copy(copy, chosen)
            written = load_strategy_folder(copy).version.digest
            if written != chosen.version.digest:
                raise SubmissionError(f"{folder} changed while it was copied: it became version {written[:12]}, submit it again")
            _put(copy, place)
        finally:
            shutil.rmtree(copy, ignore_errors=True)
    except OSError as error:
        raise SubmissionError(f"{place} cannot be written ({error.strerror}): free the disk or correct its permissions") from error
    return _open(place)


def open_submission(home: Home, reference: str) -> Submission:
    """Open a submission by label (`ema_cross@3f9a1c2`), digest, or the first seven or more characters of the digest.

    Raises:
        SubmissionError: there is none, several begin so, or its folder is not what was submitted.
    """
    name, separator, prefix = reference.rpartition("@")
    if len(prefix) < SHORTEST_PREFIX:
        raise SubmissionError(f"a submission is named by its label or digest, received {reference!r}: write it like ema_cross@3f9a1c2")
    found = [_open(place) for place in _places(home) if place.name.startswith(prefix)]
    if separator:
        found = [submission for submission in found if submission.folder.version.strategy_id == name]
    if len(found) != 1:
        known = ", ".join(submission.label for submission in list_submissions(home)) or "nothing yet"
        problem = "several submissions begin so" if found else "no such submission"
        raise SubmissionError(f"{reference}: {problem}; submitted: {known}")
    return found[0]


def list_submissions(home: Home) -> list[Submission]:
    """List what was submitted, in order of label.

    Raises:
        SubmissionError: a folder is not what was submitted.
    """
    return sorted((_open(place) for place in _places(home)), key=lambda submission: submission.label)


def _places(home: Home) -> list[Path]:
    if not home.submissions.is_dir():
        return []
    return [place for place in home.submissions.iterdir() if _DIGEST.fullmatch(place.name)]


def _open(place: Path) -> Submission:
    try:
        folder = load_strategy_folder(place)
    except PromotionError as error:
        raise SubmissionError(f"{place} is not a whole submission any more ({error}): submit the strategy again") from error
    if folder.version.digest != place.name:
        raise SubmissionError(f"{place} now holds version {folder.version.digest[:12]}: somebody changed it, submit the strategy again")
    return Submission(place, folder)


def _write_copy(copy: Path, chosen: StrategyFolder) -> None:
    files = dict(read_archive(chosen.archive))
    files["strategy.toml"] = _with_parameters(
        (chosen.path / "strategy.toml").read_text(encoding="utf-8"), chosen.version.parameters
    ).encode()
    files.update({name: (chosen.path / name).read_bytes() for name in _PROSE if (chosen.path / name).is_file()})
    for name, content in files.items():
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new(path, content, 0o444)
    for directory in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        sync_directory(directory)
    copy.chmod(0o755)


def _with_parameters(text: str, parameters: Mapping[str, object]) -> str:
    """Write the chosen values over the defaults, and leave everything else, comments too, as it is."""
    document: Any = tomlkit.parse(text)
    for name, value in parameters.items():
        document["parameters"][name]["default"] = value
    return tomlkit.dumps(document)


def _put(copy: Path, place: Path) -> None:
    """Give the copy its name; a submission that is there already stays when it says the same, and else makes way."""
    if place.exists() and _contents(place) == _contents(copy):
        return
    if place.exists():
        retired = Path(tempfile.mkdtemp(prefix=".", dir=place.parent))
        place.rename(retired / "old")
        copy.rename(place)
        shutil.rmtree(retired)
    else:
        copy.rename(place)
    sync_directory(place.parent)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
