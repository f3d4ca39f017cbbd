import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CHECKER = ROOT / ".ci" / "check_sign_off"
CHECKLISTS = ROOT / "docs" / "checklists"
TODAY = re.compile(r"docs/checklists/signed/\d{4}-\d{2}-\d{2}-collar\.md")

FILLED_IN = {
    "What was wrong": "the collar let a price through that was one tick too far",
    "What is different": "it does not",
    "Author": "Ann",
    "Author signed on": "2026-01-30",
    "Reviewer": "Bob",
    "Reviewer signed on": "2026-01-31",
}


class Repository:
    """A repository of git with one commit, in which somebody works."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_") and name != "BASE"},
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "a"), ("EMAIL", "a@b"))},
        }
        path.mkdir()
        self.git("init", "--quiet", "--initial-branch=trunk")
        (path / "docs" / "checklists").mkdir(parents=True)
        shutil.copy(CHECKLISTS / "risk-and-execution-change.md", path / "docs" / "checklists")
        self.write("live/core/risk/checks/form.py", "limit = 1\n")
        self.write("live/core/orders.py", "states = 1\n")
        self.write("live/core/market.py", "bars = 1\n")
        self.commit()

    def git(self, *arguments: str) -> str:
        """Run git."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env=self.environment, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self) -> None:
        """Commit everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a change")

    def check(self, *arguments: str, expect: int, **environment: str) -> str:
        """Run the check and give what it says."""
        done = subprocess.run(
            [sys.executable, str(CHECKER), *arguments],
            cwd=self.path,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr

    def make_copy(self) -> Path:
        """Let the template be written, unsigned."""
        found = TODAY.search(self.check("--template", "collar", expect=0))
        assert found is not None
        return self.path / found[0]

    def sign(self) -> Path:
        """Let the template be written, tick every box and sign it as two people."""
        copy = self.make_copy()
        text = copy.read_text().replace("- [ ]", "- [x]")
        for name, value in FILLED_IN.items():
            text = re.sub(rf"^{name}:$", f"{name}: {value}", text, flags=re.MULTILINE)
        copy.write_text(text)
        return copy


@pytest.fixture(name="repository")
def _repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


GUARDED = (
    "live/core/risk/checks/form.py",
    "live/core/risk/checks/new.py",
    "live/core/orders.py",
    "live/core/portfolio.py",
    "live/core/ledger.py",
    "live/core/limits.py",
    *(f"live/core/engine/{name}.py" for name in ("deciding", "executions", "reports", "watch", "authority", "control")),
)


@pytest.mark.parametrize("name", GUARDED)
def test_risk_and_order_code_needs_a_signature(repository: Repository, name: str):
    """A change of any guarded file, committed or not, is refused without a copy, by its name and with the way to make one."""
    repository.write(name, "changed = 1\n")
    said = repository.check("--base", "HEAD", expect=1)
    assert name in said
    assert "--template" in said
    repository.commit()
    assert name in repository.check(expect=1)


@pytest.mark.parametrize("name", GUARDED)
def test_every_guarded_file_exists(name: str):
    """The guard watches files that are there; one that was renamed would leave it watching nothing."""
    assert (ROOT / name).exists() or name == "live/core/risk/checks/new.py"


def test_other_code_needs_none(repository: Repository):
    """Market data, docs and tests change freely, and it says what it compared with."""
    for name in ("live/core/market.py", "docs/index.md", "tests/unit/core/test_risk.py", "live/core/engine/engine.py"):
        repository.write(name, "changed = 1\n")
    repository.commit()
    said = repository.check(expect=0)
    assert "no risk or order code differs from" in said
    assert "the commit before" in said


def test_a_signed_copy_lets_the_change_land(repository: Repository):
    """With every box ticked, two names, two dates and the digest of this very change, it passes, before and after the commit."""
    repository.write("live/core/risk/checks/form.py", "limit = 2\n")
    repository.write("live/core/orders.py", "states = 2\n")
    repository.commit()
    copy = repository.sign()
    assert f"signed in docs/checklists/signed/{copy.name}" in repository.check(expect=0)
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--amend", "--no-edit")
    assert "signed in" in repository.check(expect=0)


def test_a_removed_file_is_a_change(repository: Repository):
    """To take a risk check away needs a signature too."""
    (repository.path / "live/core/risk/checks/form.py").unlink()
    repository.commit()
    assert "form.py" in repository.check(expect=1)
    repository.sign()
    repository.check(expect=0)


Damage = Callable[[str], str]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(lambda text: text.replace("- [x]", "- [ ]", 1), "a box is not ticked: The two sentences", id="an open box"),
        pytest.param(
            lambda text: re.sub(r"^- \[x\] Mutation.*\n", "", text, flags=re.MULTILINE), "a box is missing: Mutation", id="no box"
        ),
        pytest.param(lambda text: text.replace("it does not", ""), "What is different: a sentence is missing", id="no story"),
        pytest.param(lambda text: text.replace("Author: Ann", "Author:"), "Author: a name is missing", id="no author"),
        pytest.param(lambda text: text.replace("Reviewer: Bob", "Reviewer: ANN"), "the author cannot review it", id="one person"),
        pytest.param(lambda text: text.replace("2026-01-31", "soon"), "Reviewer signed on: a date", id="no date"),
        pytest.param(lambda text: re.sub(r"Digest: \w+", "Digest:", text), "it states the digest nothing", id="no digest"),
    ],
)
def test_a_copy_that_is_not_complete_is_refused(repository: Repository, damage: Damage, said: str):
    """Each thing that is missing is named."""
    repository.write("live/core/orders.py", "states = 2\n")
    repository.commit()
    copy = repository.sign()
    copy.write_text(damage(copy.read_text()))
    assert said in repository.check(expect=1)


def test_an_edit_after_the_signature_makes_it_stale(repository: Repository):
    """The digest is of the change that was looked at; a later edit is another, and the new digest is told."""
    repository.write("live/core/orders.py", "states = 2\n")
    repository.commit()
    copy = repository.sign()
    repository.write("live/core/orders.py", "states = 3\n")
    said = repository.check(expect=1)
    assert f"{copy.name}: it is of another change" in said
    assert re.search(r"the digest of this change is [0-9a-f]{64}", said)


def test_the_copy_of_an_earlier_change_does_not_count(repository: Repository):
    """A copy that came with another commit is not part of this change, even when the same edit is made again."""
    for day, text in (("01", "states = 2\n"), ("02", "states = 1\n")):
        repository.write("live/core/orders.py", text)
        copy = repository.sign()
        copy.rename(copy.with_name(f"2026-01-{day}-states.md"))
        assert "the last commit" in repository.check(expect=0)
        repository.commit()
        assert "signed in" in repository.check(expect=0)
    repository.write("live/core/orders.py", "states = 2\n")
    repository.commit()
    assert "no signed checklist comes with them" in repository.check(expect=1)


def test_a_change_cannot_take_away_the_boxes_that_it_must_tick(repository: Repository):
    """A checklist that the same change makes shorter asks for what it asked before."""
    repository.write("live/core/orders.py", "states = 2\n")
    checklist = repository.path / "docs/checklists/risk-and-execution-change.md"
    whole = checklist.read_text()
    checklist.write_text(re.sub(r"(?m)^- \[ \] Mutation.*\n", "", whole))
    repository.commit()
    copy = repository.sign()
    repository.check(expect=0)
    copy.write_text(re.sub(r"(?m)^- \[x\] Mutation.*\n", "", copy.read_text()))
    assert "a box is missing: Mutation" in repository.check(expect=1)


def test_a_copy_that_is_named_wrongly_is_refused(repository: Repository):
    """A copy is found again by its date."""
    repository.write("live/core/orders.py", "states = 2\n")
    repository.commit()
    repository.sign().rename(repository.path / "docs/checklists/signed/2026-02-31-collar.md")
    assert "its name is not <date>-<topic>.md" in repository.check(expect=1)


def test_a_branch_is_compared_with_where_it_left(repository: Repository):
    """Every commit of a branch counts, not only its last; what the base branch got since does not."""
    repository.git("branch", "main")
    repository.git("checkout", "--quiet", "-b", "topic")
    repository.write("live/core/orders.py", "states = 2\n")
    repository.commit()
    repository.write("docs/index.md", "more\n")
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.write("live/core/limits.py", "limit = 2\n")
    repository.commit()
    repository.git("checkout", "--quiet", "topic")
    said = repository.check(expect=1)
    assert "where it left main" in said
    assert "live/core/orders.py" in said
    assert "limits.py" not in said
    repository.check("--base", "HEAD~1", expect=0)
    repository.check(expect=0, BASE="HEAD~1")


def test_with_nothing_to_compare_with_it_says_so(repository: Repository, tmp_path: Path):
    """A first commit, a shallow clone and an unpacked archive pass, and nobody takes that for a check; a wrong base does not pass."""
    assert "NOT CHECKED" in repository.check(expect=0)
    repository.write("live/core/orders.py", "states = 2\n")
    repository.commit()
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.path}", str(clone))
    repository.path = clone
    assert "a shallow clone" in repository.check(expect=0)
    assert "is no commit here" in repository.check("--base", "gone", expect=2)
    repository.path = tmp_path / "archive"
    repository.path.mkdir()
    assert "no git work tree" in repository.check(expect=0, GIT_CEILING_DIRECTORIES=str(tmp_path))


def test_the_template_is_never_written_over(repository: Repository):
    """A copy that somebody ticked is not lost, a topic is a file name, and an unticked copy signs nothing."""
    repository.write("live/core/orders.py", "states = 2\n")
    repository.commit()
    copy = repository.make_copy()
    assert "live/core/orders.py" in copy.read_text()
    assert "a box is not ticked" in repository.check(expect=1)
    assert "is there already" in repository.check("--template", "collar", expect=2)
    assert "received '../x'" in repository.check("--template", "../x", expect=2)


def test_the_arbitrage_example_is_worked_out_right():
    """The numbers of the worked example follow from its formulas, so that nobody copies a wrong one."""
    text = (CHECKLISTS / "arbitrage.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    stated = {name: float(value) for name, value in re.findall(r"^(\w+)\s+=\s+(?:.* = )?(-?[\d.]+)(?: |$)", example, re.MULTILINE)}
    notional, volatility = stated["Q"], stated["s_day"]
    fees = stated["f_buy"] + stated["f_sell"] + stated["f_buy"] * stated["f_sell"] / 1e4
    slippage = stated["h_buy"] + stated["h_sell"]
    withdrawal = 1e4 * stated["W"] * stated["p"] / notional / stated["n"]
    leg = volatility * (stated["t_leg"] / 86_400) ** 0.5 * stated["k"]
    transfer = volatility * (stated["t_move"] / 86_400) ** 0.5 * stated["k"]
    assert stated["fees"] == pytest.approx(fees, abs=0.01)
    assert stated["slippage"] == pytest.approx(slippage)
    assert stated["withdrawal"] == pytest.approx(withdrawal, abs=0.01)
    assert stated["leg"] == pytest.approx(leg, abs=0.01)
    assert stated["transfer"] == pytest.approx(transfer, abs=0.01)
    assert stated["break_even_inventory"] == pytest.approx(fees + slippage + withdrawal + leg, abs=0.02)
    assert stated["break_even_transfer"] == pytest.approx(fees + slippage + withdrawal * stated["n"] + transfer, abs=0.02)
