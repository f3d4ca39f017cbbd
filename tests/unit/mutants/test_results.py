"""What became of mutants: read from mutmut's own files, matched with explanations."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "mutants" / "results.py"

MUTATED = """\
class Ledger:
    def xǁLedgerǁdeposit__mutmut_orig(self, amount: int) -> int:
        if amount < 0:
            return 0
    def xǁLedgerǁdeposit__mutmut_1(self, amount: int) -> int:
        if amount <= 0:
            return 0
def x__book__mutmut_orig(sign: int = 1) -> int:
    return sign
def x__book__mutmut_1(sign: int = 2) -> int:
    return sign
"""
SPANS = {
    "xǁLedgerǁdeposit__mutmut_orig": [2, 4],
    "xǁLedgerǁdeposit__mutmut_1": [5, 7],
    "x__book__mutmut_orig": [8, 9],
    "x__book__mutmut_1": [10, 11],
}


@pytest.fixture(name="results", scope="module")
def _results() -> Any:
    """Load the module from where the command finds it; it is no package."""
    specification = importlib.util.spec_from_file_location("mutants_results", FILE)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["mutants_results"] = module
    specification.loader.exec_module(module)
    return module


def _leave(tree: Path, exit_codes: dict[str, int | None]) -> None:
    folder = tree / "mutants" / "live" / "core"
    folder.mkdir(parents=True)
    (folder / "ledger.py").write_text(MUTATED, encoding="utf-8")
    (folder / "ledger.py.spans").write_text(json.dumps({"version": 1, "spans": SPANS}), encoding="utf-8")
    (folder / "ledger.py.meta").write_text(json.dumps({"exit_code_by_key": exit_codes}), encoding="utf-8")


def test_a_mutant_is_told_by_its_lines(results, tmp_path):
    """Module, function and the changed lines come out as the code has them, a changed default too."""
    _leave(tmp_path, {"live.core.ledger.xǁLedgerǁdeposit__mutmut_1": 1, "live.core.ledger.x__book__mutmut_1": 0})
    deposit, book = results.read_mutants(tmp_path)
    assert deposit == results.Mutant("live/core/ledger.py", "Ledger.deposit", "if amount < 0:", "if amount <= 0:", killed=True)
    assert book == results.Mutant(
        "live/core/ledger.py", "_book", "def _book(sign: int = 1) -> int:", "def _book(sign: int = 2) -> int:", killed=False
    )


@pytest.mark.parametrize(
    ("exit_code", "killed", "covered"), [(1, True, True), (36, True, True), (0, False, True), (33, False, False), (35, False, True)]
)
def test_only_a_run_that_broke_counts_as_noticed(results, tmp_path, exit_code, killed, covered):
    """A failed test and a run without end are noticed; a pass, no test at all, and what nobody understands are not."""
    _leave(tmp_path, {"live.core.ledger.x__book__mutmut_1": exit_code})
    (mutant,) = results.read_mutants(tmp_path)
    assert (mutant.killed, mutant.covered) == (killed, covered)


def test_what_was_not_run_does_not_count(results, tmp_path):
    """A sample leaves the others out of the score."""
    _leave(tmp_path, {"live.core.ledger.xǁLedgerǁdeposit__mutmut_1": None, "live.core.ledger.x__book__mutmut_1": 1})
    assert results.score(results.read_mutants(tmp_path)) == 100.0


def test_an_explanation_is_void_once_the_line_is_another(results):
    """It fits the very change it was written for, and no other."""
    mutant = results.Mutant("live/core/ledger.py", "_book", "return sign", "return None", killed=False)
    explanation = results.Explanation("live/core/ledger.py", "_book", "return sign", "return None", why="said")
    assert explanation.fits(mutant)
    assert not explanation.fits(results.Mutant("live/core/ledger.py", "_book", "return -sign", "return None", killed=False))


def test_an_explained_survivor_still_counts_as_one(results):
    """The score knows no explanations."""
    alive = results.Mutant("", "", "", "", killed=False)
    dead = results.Mutant("", "", "", "", killed=True)
    assert results.score([alive, dead, dead, dead]) == 75.0


def test_a_modules_last_result_is_kept_in_place_of_the_one_before(results, tmp_path):
    """Modules can be run one by one, each at its commit, and are shown together."""
    mutant = results.Mutant("live/core/ledger.py", "_book", "return sign", "return None", killed=True)
    first = results.Result("live/core/ledger.py", "aaa", "2026-01-01", 2, (mutant,))
    again = results.Result("live/core/ledger.py", "bbb", "2026-01-02", 2, (mutant, mutant))
    tables = results.Result(results.TABLES, "aaa", "2026-01-01", 9, ())
    for result in (first, tables, again):
        results.keep(tmp_path / "results", result)
    assert results.kept(tmp_path / "results") == [again, tables]


def test_a_module_has_as_many_mutants_as_were_made_however_few_were_tried(results, tmp_path):
    """A sample is shown as one."""
    _leave(tmp_path, {"live.core.ledger.xǁLedgerǁdeposit__mutmut_1": None, "live.core.ledger.x__book__mutmut_1": 1})
    names = results.read_names(tmp_path)["live/core/ledger.py"]
    assert names == ["live.core.ledger.xǁLedgerǁdeposit__mutmut_1", "live.core.ledger.x__book__mutmut_1"]


@pytest.mark.parametrize(
    ("original", "changed", "counts"),
    [
        ('stop(order, "session started")', 'stop(order, "XXsession startedXX")', False),
        ('stop(order, "session started")', "stop(order, None)", True),
        ('stop(order, "session started")', 'stop(None, "session started")', True),
        ('rows("SELECT seq FROM entries")', 'rows("XXSELECT seq FROM entriesXX")', True),
        ('alarm("MARGIN_CALL", "", "said so")', 'alarm("margin_call", "", "said so")', True),
        ('alarm("MARGIN_CALL", "", "said so")', 'alarm("MARGIN_CALL", "XXXX", "said so")', True),
    ],
)
def test_the_words_of_a_text_are_no_behaviour_but_its_codes_are(results, tmp_path, original, changed, counts):
    """A change counts unless it is to the content of a text with a space in it."""
    folder = tmp_path / "mutants" / "live"
    folder.mkdir(parents=True)
    (folder / "one.py").write_text(f"def x_f__mutmut_orig():\n    {original}\ndef x_f__mutmut_1():\n    {changed}\n", encoding="utf-8")
    spans = {"x_f__mutmut_orig": [1, 2], "x_f__mutmut_1": [3, 4]}
    (folder / "one.py.spans").write_text(json.dumps({"version": 1, "spans": spans}), encoding="utf-8")
    (folder / "one.py.meta").write_text(json.dumps({"exit_code_by_key": {"live.one.x_f__mutmut_1": 0}}), encoding="utf-8")
    assert bool(results.read_names(tmp_path)["live/one.py"]) is counts
    assert bool(results.read_mutants(tmp_path)) is counts


def test_a_file_whose_mutants_were_never_tried_is_named(results):
    """A score says nothing of what it leaves out: of a sample that missed a file, and of one that was never run."""
    mutant = results.Mutant("live/tried.py", "_book", "return sign", "return None", killed=True)
    kept = [
        results.Result("live/tried.py", "aaa", "2026-01-01", 2, (mutant,)),
        results.Result("live/rules.py (tables)", "aaa", "2026-01-01", 2, (mutant,)),
        results.Result("live/missed.py", "aaa", "2026-01-01", 2, ()),
        results.Result("live/without.py", "aaa", "2026-01-01", 0, ()),
    ]
    files = ["live/tried.py", "live/rules.py", "live/missed.py", "live/without.py", "live/never.py"]
    assert results.untried(files, kept) == ["live/missed.py", "live/never.py"]
