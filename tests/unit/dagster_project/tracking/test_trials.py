"""What the ledger of trials counts, and what it refuses."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dagster_project.tracking.errors import TrialLedgerError
from dagster_project.tracking.trials import FIRST_PREVIOUS, Attempt, Trial, TrialLedger, distinct_trials, missing_runs, missing_trials
from live.promotion import sha256_hex

DATASET = sha256_hex(b"dataset")
OTHER_DATASET = sha256_hex(b"another dataset")


def _attempt(name: str = "a", **fields: Any) -> Attempt:
    attempt = Attempt(
        at=1_600_000_000_000_000_000,
        strategy_id="ema_cross",
        version_digest=sha256_hex(name.encode()),
        dataset_digest=DATASET,
        parameters={"fast": 20, "slow": 50.5, "side": "long", "exit": True},
        sharpe=0.05,
        days=365,
        run_id=f"run-{name}",
        source="gates",
    )
    return replace(attempt, **fields)


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> TrialLedger:
    return TrialLedger(tmp_path / "trials" / "trials.jsonl")


def _filled(ledger: TrialLedger, count: int) -> list[Trial]:
    return [ledger.append(_attempt(str(number))) for number in range(count)]


def test_a_ledger_that_was_never_begun_holds_no_trial(ledger: TrialLedger) -> None:
    """Reading creates nothing."""
    assert ledger.trials() == ()
    assert not ledger.path.parent.exists()


def test_trials_come_back_as_they_were_appended(ledger: TrialLedger) -> None:
    """Each has its number and the hash of the line before; another reader sees the same."""
    appended = _filled(ledger, 3)
    lines = ledger.path.read_bytes().splitlines()
    assert TrialLedger(ledger.path).trials() == tuple(appended)
    assert [trial.number for trial in appended] == [1, 2, 3]
    assert [trial.previous for trial in appended] == [FIRST_PREVIOUS, sha256_hex(lines[0]), sha256_hex(lines[1])]
    assert appended[1].parameters == {"fast": 20, "slow": 50.5, "side": "long", "exit": True}


def test_a_strategy_that_never_trades_is_a_trial_too(ledger: TrialLedger) -> None:
    """Its Sharpe ratio is undefined, and it counts."""
    assert ledger.append(_attempt(sharpe=None, days=0)).sharpe is None
    assert [trial.sharpe for trial in ledger.trials()] == [None]


@pytest.mark.parametrize("sharpe", [math.nan, math.inf, -math.inf])
def test_a_sharpe_ratio_that_is_not_finite_is_refused(sharpe: float) -> None:
    """JSON would write it as null, which means something else."""
    with pytest.raises(TrialLedgerError, match="pass None"):
        _attempt(sharpe=sharpe)


def test_a_parameter_that_is_not_finite_is_refused() -> None:
    """It would come back as nothing."""
    with pytest.raises(TrialLedgerError, match="fast = nan"):
        _attempt(parameters={"fast": math.nan})


@pytest.mark.parametrize(
    "fields",
    [{"version_digest": "3f9a1c2"}, {"dataset_digest": ""}, {"run_id": ""}, {"strategy_id": ""}, {"days": -1}, {"source": "guess"}],
    ids=str,
)
def test_an_attempt_that_could_not_be_read_again_is_not_written(ledger: TrialLedger, fields: dict[str, Any]) -> None:
    """A malformed line would close the ledger for everybody."""
    with pytest.raises(TrialLedgerError, match="malformed"):
        ledger.append(_attempt(**fields))
    assert ledger.trials() == ()


def test_a_line_of_another_schema_is_refused(ledger: TrialLedger) -> None:
    """What a later release meant is not guessed."""
    _filled(ledger, 1)
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b'"schema":1', b'"schema":2'))
    with pytest.raises(TrialLedgerError, match=r"line 1 .* is damaged"):
        ledger.trials()


def test_a_torn_last_line_costs_only_the_append_that_did_not_return(ledger: TrialLedger) -> None:
    """At every byte the trials before it are read, and the next append stands on a line of its own."""
    _filled(ledger, 2)
    before, head = ledger.path.read_bytes(), ledger.head_path.read_bytes()
    ledger.append(_attempt("torn"))
    whole = ledger.path.read_bytes()
    for end in range(len(before), len(whole)):
        ledger.path.write_bytes(whole[:end])
        ledger.head_path.write_bytes(head)
        assert [trial.number for trial in ledger.trials()] == [1, 2]
        if (len(whole) - 1 - end) % 40:  # an append waits for the disk, so not at every byte
            continue
        again = ledger.append(_attempt("again"))
        assert again.number == 3
        assert [trial.run_id for trial in ledger.trials()] == ["run-0", "run-1", "run-again"]


def test_a_crash_between_line_and_head_loses_nothing(ledger: TrialLedger) -> None:
    """The line is on disk, so it counts; the next append brings the head up to it."""
    _filled(ledger, 1)
    head = ledger.head_path.read_bytes()
    ledger.append(_attempt("b"))
    ledger.head_path.write_bytes(head)
    assert len(ledger.trials()) == 2
    ledger.append(_attempt("c"))
    assert [trial.run_id for trial in ledger.trials()] == ["run-0", "run-b", "run-c"]
    assert json.loads(ledger.head_path.read_bytes())["number"] == 3


def test_the_first_append_may_be_cut_short_as_well(ledger: TrialLedger) -> None:
    """A single line without a head is what a crash in the first append leaves."""
    _filled(ledger, 1)
    ledger.head_path.unlink()
    assert len(ledger.trials()) == 1
    assert ledger.append(_attempt("b")).number == 2
    assert len(ledger.trials()) == 2


def _remove_last_line(ledger: TrialLedger) -> None:
    ledger.path.write_bytes(b"".join(ledger.path.read_bytes().splitlines(keepends=True)[:-1]))


def _tear_last_line(ledger: TrialLedger) -> None:
    ledger.path.write_bytes(ledger.path.read_bytes()[:-1])


def _empty(ledger: TrialLedger) -> None:
    ledger.path.write_bytes(b"")


def _remove(ledger: TrialLedger) -> None:
    ledger.path.unlink()


def _remove_head(ledger: TrialLedger) -> None:
    ledger.head_path.unlink()


def _damage_head(ledger: TrialLedger) -> None:
    ledger.head_path.write_bytes(b"{")


def _put_head_of_another(ledger: TrialLedger) -> None:
    ledger.head_path.write_bytes(json.dumps({"number": 3, "sha256": "0" * 64}).encode())


CHANGES: list[Callable[[TrialLedger], None]] = [
    _remove_last_line,
    _tear_last_line,
    _empty,
    _remove,
    _remove_head,
    _damage_head,
    _put_head_of_another,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_ledger_whose_end_or_head_was_changed_is_neither_read_nor_extended(
    ledger: TrialLedger, change: Callable[[TrialLedger], None]
) -> None:
    """What was counted once counts: nobody takes the last trial back, and no append covers it up."""
    _filled(ledger, 3)
    change(ledger)
    with pytest.raises(TrialLedgerError, match="restore both files"):
        ledger.trials()
    with pytest.raises(TrialLedgerError, match="restore both files"):
        ledger.append(_attempt("b"))


def test_a_ledger_that_cannot_be_begun_says_so(tmp_path: Path) -> None:
    """A file stands where the directory belongs."""
    (tmp_path / "trials").write_text("")
    with pytest.raises(TrialLedgerError, match="cannot be begun"):
        TrialLedger(tmp_path / "trials" / "trials.jsonl").append(_attempt())


def test_judging_a_version_again_is_one_attempt_and_the_latest_counts(ledger: TrialLedger) -> None:
    """Running the gates twice does not raise the hurdle."""
    ledger.append(_attempt("a", sharpe=0.01))
    ledger.append(_attempt("b", sharpe=0.02))
    ledger.append(_attempt("a", sharpe=0.03))
    assert [(trial.number, trial.sharpe) for trial in distinct_trials(ledger.trials(), DATASET)] == [(2, 0.02), (3, 0.03)]


def test_attempts_on_another_dataset_do_not_count(ledger: TrialLedger) -> None:
    """The hurdle is that of the dataset the strategy was chosen on."""
    ledger.append(_attempt("a"))
    ledger.append(_attempt("a", dataset_digest=OTHER_DATASET))
    assert [trial.number for trial in distinct_trials(ledger.trials(), OTHER_DATASET)] == [2]


def test_renaming_a_strategy_resets_nothing(ledger: TrialLedger) -> None:
    """Attempts under any name count for every version on the dataset."""
    ledger.append(_attempt("a", strategy_id="ema_cross"))
    ledger.append(_attempt("b", strategy_id="ema_cross_final"))
    assert len(distinct_trials(ledger.trials(), DATASET)) == 2


class _Runs:
    """Hold the runs that are still there."""

    def __init__(self, *run_ids: str) -> None:
        self.run_ids = run_ids

    def has_run(self, run_id: str) -> bool:
        return run_id in self.run_ids

    def trial_run_ids(self) -> list[str]:
        return list(self.run_ids)


def test_ledger_and_runs_contradict_each_other_by_name(ledger: TrialLedger) -> None:
    """A deleted run is named by its trial, a run the ledger does not know by its id."""
    trials = [ledger.append(_attempt("a")), ledger.append(_attempt("b"))]
    runs = _Runs("run-b", "run-c")
    assert missing_runs(trials, runs) == trials[:1]
    assert missing_trials(trials, runs) == ["run-c"]
