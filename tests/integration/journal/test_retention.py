"""Old sessions move away whole, nothing that is needed goes, and what follows them stays proven."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sealed_sessions import DAY, leave_sessions, session_name

from live.cli.journal import app
from live.cli.output import run_reporting_errors
from live.driver.recovery import JOURNALS, TAPES, recover, session_journals
from live.driver.retention import RetentionError, apply_retention, plan_retention
from live.journal import JournalDamagedError, read_tape, verify_journal
from live.journal.disk import file_digest
from live.journal.moved import MOVED_FILE, read_moved
from live.journal.succession import Proof, find_predecessor

HERE = Path(__file__).parent


@pytest.fixture
def home(memory: Path) -> Path:
    """Give a home of five sealed sessions."""
    leave_sessions(memory / "home", 5)
    return memory / "home"


def moving(home: Path, *, keep_sessions: int | None = None, keep_days: int | None = None) -> list[int]:
    """List the numbers of the sessions that a plan of today moves."""
    plans = plan_retention(home, now=6 * DAY, keep_sessions=keep_sessions, keep_days=keep_days)
    return [int(plan.session_id[:6]) for plan in plans if plan.moves]


def files_below(directory: Path) -> dict[str, str]:
    """Give the digest of every file."""
    return {str(path.relative_to(directory)): file_digest(path) for path in sorted(directory.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("keep", "moves"),
    [
        ({"keep_sessions": 2}, [1, 2, 3]),
        ({"keep_sessions": 5}, []),
        ({"keep_sessions": 99}, []),
        ({"keep_days": 3}, [1, 2]),
        ({"keep_days": 0}, [1, 2, 3, 4]),
        ({"keep_days": 2, "keep_sessions": 3}, [1, 2]),
        ({"keep_sessions": 1}, [1, 2, 3, 4]),
    ],
)
def test_the_oldest_move_and_what_either_rule_keeps_stays(home: Path, keep: dict[str, int], moves: list[int]) -> None:
    """The newest session holds the state, so it stays whatever was asked for."""
    assert moving(home, **keep) == moves


@pytest.mark.parametrize("keep", [{}, {"keep_sessions": 0}, {"keep_days": -1}])
def test_a_plan_that_keeps_nothing_is_refused(home: Path, keep: dict[str, int]) -> None:
    """Somebody has to say what to keep."""
    with pytest.raises(RetentionError):
        moving(home, **keep)


def test_sessions_that_the_next_start_needs_stay(home: Path, tmp_path: Path) -> None:
    """Sessions that crashed before their first commit hold no state: the one before them does, and stays."""
    head = leave_sessions(tmp_path / "other", 3)
    leave_sessions(tmp_path / "other", 2, begin_at=4, head=head, with_state=False)
    plans = plan_retention(tmp_path / "other", now=9 * DAY, keep_sessions=1, keep_days=None)
    assert [plan.moves for plan in plans] == [True, True, False, False, False]
    assert plans[2].reason == "the next start needs it"


def test_a_session_that_was_not_sealed_stays_and_all_after_it(tmp_path: Path) -> None:
    """It was not closed; what comes after it is not the oldest any more."""
    head = leave_sessions(tmp_path, 1)
    head = leave_sessions(tmp_path, 1, begin_at=2, head=head, sealed=False)
    leave_sessions(tmp_path, 2, begin_at=3, head=head)
    plans = plan_retention(tmp_path, now=9 * DAY, keep_sessions=1, keep_days=None)
    assert [plan.moves for plan in plans] == [True, False, False, False]
    assert plans[1].reason.startswith("not sealed")
    assert plans[2].reason == "an older session stays"


def test_a_session_that_changed_or_that_the_next_does_not_follow_stays(home: Path, tmp_path: Path) -> None:
    """What does not hold is for a person to look at, and not to be put out of sight."""
    first = home / JOURNALS / f"{session_name(1)}.journal"
    content = bytearray(first.read_bytes())
    content[-1] ^= 1
    first.write_bytes(bytes(content))
    assert moving(home, keep_sessions=2) == []
    leave_sessions(tmp_path / "other", 1)
    leave_sessions(tmp_path / "other", 2, begin_at=2, head="ab" * 32)
    plans = plan_retention(tmp_path / "other", now=9 * DAY, keep_sessions=1, keep_days=None)
    assert "does not follow its head" in plans[0].reason


def test_what_moves_is_the_same_there_and_the_next_start_is_the_same_here(home: Path, tmp_path: Path) -> None:
    """Journal and tape go together; their heads stay, so the first that is left still proves what it follows."""
    before, started = files_below(home), recover(home)
    moved = apply_retention(home, tmp_path / "archive", plan_retention(home, now=1, keep_sessions=2, keep_days=None), now=7)
    assert [one.session_id for one in moved] == [session_name(number) for number in (1, 2, 3)]
    after, archived = files_below(home), files_below(tmp_path / "archive")
    assert {**after, **archived} == {**before, f"{JOURNALS}/{MOVED_FILE}": after[f"{JOURNALS}/{MOVED_FILE}"]}
    assert not set(after) & set(archived)
    assert len(session_journals(home)) == 2
    assert not (home / TAPES / session_name(3)).exists()
    again = recover(home)
    assert (again.number, again.head, again.market) == (started.number, started.head, started.market)
    assert len(list(read_tape(tmp_path / "archive" / TAPES / session_name(1)))) == 3
    left = home / JOURNALS / f"{session_name(4)}.journal"
    assert find_predecessor(left) == (session_name(3), Proof.MOVED)
    assert find_predecessor(home / JOURNALS / f"{session_name(5)}.journal") == (session_name(4), Proof.JOURNAL)
    assert find_predecessor(tmp_path / "archive" / JOURNALS / f"{session_name(1)}.journal") == (None, Proof.FIRST)
    verify_journal(tmp_path / "archive" / JOURNALS / f"{session_name(1)}.journal", home / JOURNALS / "anchors.jsonl")


def test_an_archive_on_another_disk_gets_copies(home: Path, tmp_path: Path) -> None:
    """Where no link can be made the bytes are copied, compared, and only then removed here."""
    before = files_below(home)
    apply_retention(home, tmp_path / "archive", plan_retention(home, now=1, keep_sessions=4, keep_days=None), now=7)
    archived = files_below(tmp_path / "archive")
    assert len(archived) == 3
    assert all(before[path] == digest for path, digest in archived.items())


def test_another_file_of_the_same_name_in_the_archive_stops_the_move(home: Path, tmp_path: Path) -> None:
    """Nothing is written over, and nothing goes from here that is not there."""
    before = files_below(home)
    taken = tmp_path / "archive" / JOURNALS / f"{session_name(1)}.journal"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"another")
    with pytest.raises(RetentionError, match="is another file"):
        apply_retention(home, tmp_path / "archive", plan_retention(home, now=1, keep_sessions=4, keep_days=None), now=7)
    assert before.items() <= files_below(home).items()


def test_an_archive_that_cannot_be_written_is_said(home: Path, tmp_path: Path) -> None:
    """Nothing goes from here; a later run with another directory moves it."""
    before = files_below(home)
    (tmp_path / "archive").write_text("a file stands in the way")
    plans = plan_retention(home, now=1, keep_sessions=4, keep_days=None)
    with pytest.raises(RetentionError, match="check the disks, then run it again"):
        apply_retention(home, tmp_path / "archive", plans, now=7)
    assert before.items() <= files_below(home).items()
    assert [moved.session_id for moved in apply_retention(home, tmp_path / "other", plans, now=8)] == [session_name(1)]
    assert find_predecessor(home / JOURNALS / f"{session_name(2)}.journal") == (session_name(1), Proof.MOVED)


def test_the_archive_is_not_the_home(home: Path) -> None:
    """Moving onto itself would be no move."""
    with pytest.raises(RetentionError, match="is the home itself"):
        apply_retention(home, home / "tape" / "..", [], now=7)


def test_a_replaced_head_in_the_list_of_moved_sessions_is_found(home: Path, tmp_path: Path) -> None:
    """The list stands for journals that are not here; it cannot say anything else than they did."""
    apply_retention(home, tmp_path / "archive", plan_retention(home, now=1, keep_sessions=2, keep_days=None), now=7)
    path = home / JOURNALS / MOVED_FILE
    head = read_moved(path)[2].head
    path.write_text(path.read_text().replace(head, "0" * 64))
    with pytest.raises(JournalDamagedError, match="one of the two was replaced"):
        find_predecessor(home / JOURNALS / f"{session_name(4)}.journal")
    path.unlink()
    assert find_predecessor(home / JOURNALS / f"{session_name(4)}.journal").proof is Proof.NONE
    path.write_text("no JSON\n")
    with pytest.raises(JournalDamagedError, match="line 1 of"):
        read_moved(path)


def test_a_crash_while_sessions_move_is_finished_by_the_next_run(memory: Path) -> None:
    """At every moment each file is in one place, or the same in both, and a start finds what it needs."""
    result = subprocess.run([sys.executable, HERE / "crash_points.py", "retain", memory], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert len(found) > 20
    assert set(found) == {"finished"}


def test_the_command_shows_a_plan_and_does_nothing_until_it_is_told_to(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person sees what would go, and why the rest stays."""
    monkeypatch.setenv("INTERLOCK_HOME", str(home))
    before = files_below(home)

    def run(*words: str) -> str:
        assert run_reporting_errors(lambda: app(["retain", *words], standalone_mode=False), as_json=False) == 0
        return capsys.readouterr().out

    assert "3 sessions would move" in run("--keep-sessions", "2")
    assert files_below(home) == before
    assert "3 sessions were moved" in run("--keep-sessions", "2", "--to", str(tmp_path / "archive"), "--apply")
    assert len(session_journals(home)) == 2
    document = json.loads(run("--keep-sessions", "2", "--json"))
    assert [plan["moves"] for plan in document["plan"]] == [False, False]
    assert (
        run_reporting_errors(
            lambda: app(["verify", str(home / JOURNALS / f"{session_name(4)}.journal")], standalone_mode=False), as_json=False
        )
        == 0
    )
    assert f"session {session_name(3)}: its journal was moved away" in " ".join(capsys.readouterr().out.split())


def test_a_session_that_holds_the_only_market_data_stays(memory: Path) -> None:
    """How far the market was followed is read from tapes: sessions after it that saw none do not stand for it."""
    head = leave_sessions(memory / "home", 2)
    leave_sessions(memory / "home", 2, begin_at=3, head=head)
    for number in (3, 4):
        for path in (memory / "home" / TAPES / session_name(number)).iterdir():
            path.unlink()
    before = recover(memory / "home")
    plans = plan_retention(memory / "home", now=9 * DAY, keep_sessions=1, keep_days=None)
    assert [plan.moves for plan in plans] == [True, False, False, False]
    apply_retention(memory / "home", memory / "archive", plans, now=9)
    assert recover(memory / "home").market == before.market
