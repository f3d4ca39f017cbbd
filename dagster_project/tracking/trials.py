"""The ledger of trials: every strategy version that was ever judged on a dataset, in a file that only grows.

A Sharpe ratio means little without the number of attempts it was chosen from (Bailey and Lopez de Prado, "The Deflated
Sharpe Ratio", 2014). MLflow lets anyone delete a run, so the count does not come from there. Each line carries the SHA-256 of
the line before it, and the head file beside the ledger carries the number and the SHA-256 of the last one: a line that
is edited, removed, moved, or cut off the end is noticed at the next reading. Whoever rewrites both files is not noticed here;
the runs that MLflow still holds then contradict the ledger (`missing_trials`).
"""

import fcntl
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Protocol

import msgspec

from dagster_project.tracking.errors import TrialLedgerError
from live.promotion.documents import sha256_hex
from live.promotion.durable_files import replace_file, sync_directory
from live.promotion.parameters import ParameterValue
from live.promotion.strategy_version import Sha256

TRIAL_SCHEMA = 1
FIRST_PREVIOUS = "0" * 64
"""What the first line carries in place of a predecessor's hash."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """State that a strategy version was judged on a dataset; the ledger makes a trial of it.

    Attributes:
        at: when it was judged, nanoseconds UTC.
        strategy_id: the strategy's id.
        version_digest: digest of the strategy version.
        dataset_digest: digest of the market data.
        parameters: the version's parameters.
        sharpe: Sharpe ratio of daily returns, not annualised; None when it has no meaning, as for a strategy that never trades or that
            failed an integrity gate.
        days: number of daily returns.
        run_id: the MLflow run that holds the details.
        source: who judged it.
    """

    at: int
    strategy_id: Annotated[str, msgspec.Meta(min_length=1)]
    version_digest: Sha256
    dataset_digest: Sha256
    parameters: dict[str, ParameterValue]
    sharpe: float | None
    days: Annotated[int, msgspec.Meta(ge=0)]
    run_id: Annotated[str, msgspec.Meta(min_length=1)]
    source: Literal["gates", "notebook"]

    def __post_init__(self) -> None:
        """Refuse a number that is not finite, which JSON would turn into nothing.

        Raises:
            TrialLedgerError: there is one.
        """
        if self.sharpe is not None and not math.isfinite(self.sharpe):
            raise TrialLedgerError(f"a trial's Sharpe ratio is finite, or None when undefined; received {self.sharpe}: pass None")
        for name, value in self.parameters.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise TrialLedgerError(f"a trial's parameters are finite, received {name} = {value}: judge a version that can be named")


class Trial(Attempt, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold an attempt as one line of the ledger.

    Attributes:
        schema: version of this schema.
        number: position in the ledger, from 1.
        previous: SHA-256 of the line before.
    """

    schema: Literal[1]
    number: int
    previous: Sha256


class RunStore(Protocol):
    """Know which MLflow runs there are; `Tracking` does."""

    def has_run(self, run_id: str) -> bool:
        """Say whether the run is there and not deleted."""
        ...

    def trial_run_ids(self) -> list[str]:
        """Give the runs that say they are trials, were written whole and are not deleted."""
        ...


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    sha256: str


class _Contents(NamedTuple):
    trials: tuple[Trial, ...]
    head: _Head
    whole_bytes: int


class TrialLedger:
    """Read and extend the ledger at `path`; several processes may do so at once.

    A crash in the middle of an append leaves a torn last line. No call returned for it, so readers leave it out and the next
    append cuts it off; a last line that was counted once and is torn now is refused, like any other change.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.head_path = path.with_suffix(".head")

    def trials(self) -> tuple[Trial, ...]:
        """Give every trial in order; none when the ledger was never begun.

        Raises:
            TrialLedgerError: a line is damaged, missing or out of place, or the disk refused.
        """
        if not self.path.exists() and not self.head_path.exists():
            return ()
        with self._locked(os.O_RDONLY, fcntl.LOCK_SH) as descriptor:
            return self._read(descriptor).trials

    def append(self, attempt: Attempt) -> Trial:
        """Add an attempt and give it with its number; it is on disk when the call returns.

        Raises:
            TrialLedgerError: the ledger is damaged, the attempt is malformed, or the disk refused.
        """
        self._begin()
        with self._locked(os.O_RDWR | os.O_APPEND, fcntl.LOCK_EX) as descriptor:
            contents = self._read(descriptor)
            number = contents.head.number + 1
            line, trial = _number(attempt, number, contents.head.sha256)
            # The head of an append that was cut short is written first, so it is never more than one line behind.
            if self._stored_head() != contents.head:
                self._write_head(contents.head)
            os.ftruncate(descriptor, contents.whole_bytes)
            if os.write(descriptor, line + b"\n") != len(line) + 1:
                raise TrialLedgerError(f"{self.path} took only a part of trial {number}: free the disk, then append it again")
            os.fsync(descriptor)
            self._write_head(_Head(number, sha256_hex(line)))
        return trial

    def _begin(self) -> None:
        if self.path.exists() or self.head_path.exists():
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644))
            sync_directory(self.path.parent)
        except OSError as error:
            raise TrialLedgerError(f"{self.path} cannot be begun ({error.strerror}): correct the directory or its permissions") from error

    @contextmanager
    def _locked(self, flags: int, lock: int) -> Iterator[int]:
        try:
            descriptor = os.open(self.path, flags | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, lock)
                yield descriptor
            finally:
                os.close(descriptor)
        except FileNotFoundError as error:
            raise TrialLedgerError(f"{self.path} is gone and its head {self.head_path.name} is not: {_ADVICE}") from error
        except OSError as error:
            raise TrialLedgerError(f"{self.path} cannot be used ({error.strerror}): check the disk and the permissions") from error

    def _read(self, descriptor: int) -> _Contents:
        with os.fdopen(os.dup(descriptor), "rb") as stream:
            stream.seek(0)
            whole = stream.read().rpartition(b"\n")[0]
        lines = whole.split(b"\n") if whole else []
        trials: list[Trial] = []
        hashes = [FIRST_PREVIOUS]
        for number, line in enumerate(lines, start=1):
            try:
                trial = _decoder.decode(line)
            except (msgspec.MsgspecError, TrialLedgerError, UnicodeDecodeError) as error:
                raise TrialLedgerError(f"line {number} of {self.path} is damaged ({error}): {_ADVICE}") from error
            if trial.number != number or trial.previous != hashes[-1]:
                raise TrialLedgerError(
                    f"line {number} of {self.path} is trial {trial.number} and does not follow from the line before: "
                    f"a line was edited, removed or moved; {_ADVICE}"
                )
            trials.append(trial)
            hashes.append(sha256_hex(line))
        self._check_head(hashes)
        return _Contents(tuple(trials), _Head(len(trials), hashes[-1]), len(whole) + 1 if lines else 0)

    def _check_head(self, hashes: Sequence[str]) -> None:
        """Hold the lines against the head, which a crash between the two writes leaves one line behind."""
        head, number = self._stored_head(), len(hashes) - 1
        if head.number > number:
            raise TrialLedgerError(f"{self.path} ends with trial {number} and once had {head.number}: its end was cut off; {_ADVICE}")
        if head.number < number - 1 or hashes[head.number] != head.sha256:
            raise TrialLedgerError(f"{self.head_path} speaks of another trial {head.number} than the ledger: one was changed; {_ADVICE}")

    def _stored_head(self) -> _Head:
        try:
            return msgspec.json.decode(self.head_path.read_bytes(), type=_Head)
        except FileNotFoundError:
            return _Head(0, FIRST_PREVIOUS)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise TrialLedgerError(f"{self.head_path} is damaged ({error}): {_ADVICE}") from error

    def _write_head(self, head: _Head) -> None:
        replace_file(self.head_path, msgspec.json.encode(head))


_ADVICE = "restore both files from a copy, do not begin a new ledger, since every trial counts"
_decoder = msgspec.json.Decoder(Trial)


def distinct_trials(trials: Iterable[Trial], dataset_digest: str) -> list[Trial]:
    """Give the latest trial of each strategy version that was judged on the dataset, whatever its name, in order of their numbers.

    Judging a version again adds a trial and no attempt. A renamed copy is another version, so it adds an attempt and resets nothing.
    """
    latest = {trial.version_digest: trial for trial in trials if trial.dataset_digest == dataset_digest}
    return sorted(latest.values(), key=lambda trial: trial.number)


def missing_runs(trials: Iterable[Trial], tracking: RunStore) -> list[Trial]:
    """Give the trials whose MLflow run was deleted: they still count, and somebody should say why."""
    return [trial for trial in trials if not tracking.has_run(trial.run_id)]


def missing_trials(trials: Iterable[Trial], tracking: RunStore) -> list[str]:
    """Give the MLflow runs that say they are trials and are not in the ledger: a crash came between, or the ledger was replaced."""
    known = {trial.run_id for trial in trials}
    return [run_id for run_id in tracking.trial_run_ids() if run_id not in known]


def _number(attempt: Attempt, number: int, previous: str) -> tuple[bytes, Trial]:
    """Write the line and read it again: constructing a struct checks no types, reading one does."""
    plain = msgspec.to_builtins(attempt)
    line = msgspec.json.encode({**plain, "schema": TRIAL_SCHEMA, "number": number, "previous": previous})
    try:
        return line, _decoder.decode(line)
    except msgspec.MsgspecError as error:
        raise TrialLedgerError(f"the attempt is malformed ({error}): give digests of 64 hexadecimal digits, a run and a source") from error
