import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from live.core.inputs import ClockTicked, Input
from live.core.records import OrderTransitioned, Record
from live.journal import (
    GroupCommitWriter,
    JournalError,
    JournalFailedError,
    JournalFile,
    JournalReader,
    JournalTimeoutError,
    verify_journal,
)

MakeRecord = Callable[[int], OrderTransitioned]
TIMEOUT = 30


class _Gate:
    """Hold the writer's thread before a commit, to see what happens meanwhile."""

    def __init__(self) -> None:
        self.reached = threading.Semaphore(0)
        self.open = threading.Semaphore(0)
        self.groups: list[list[Input | Record]] = []

    def __call__(self, entries: list[Input | Record]) -> None:
        self.groups.append(entries)
        self.reached.release()
        assert self.open.acquire(timeout=TIMEOUT)


def test_a_step_is_numbered_at_once_and_durable_later(tmp_path: Path, record: MakeRecord, tick: Callable[[int], ClockTicked]) -> None:
    """The engine goes on while the disk works."""
    gate = _Gate()
    with GroupCommitWriter(JournalFile.create(tmp_path / "j", session_id="s"), before_commit=gate) as writer:
        assert writer.submit_step(tick(1), [record(1), record(2)], (1, 0)) == 3
        assert writer.submit_step(None, [record(3)], (1, 1)) == 4
        assert writer.submit_step(None, [], (1, 2)) == 4
        assert (writer.last_seq, writer.durable_seq) == (4, 0)
        gate.open.release(2)
        writer.wait_durable(4, TIMEOUT)
        assert (writer.durable_seq, writer.tip.seq) == (4, 4)
    with JournalReader(tmp_path / "j") as reader:
        assert [row.entry() for row in reader.rows()] == [tick(1), record(1), record(2), record(3)]


def test_what_comes_in_during_a_commit_forms_the_next_group(tmp_path: Path, record: MakeRecord) -> None:
    """Groups form by themselves; nobody waits for one to fill."""
    gate = _Gate()
    with GroupCommitWriter(JournalFile.create(tmp_path / "j", session_id="s"), before_commit=gate) as writer:
        writer.submit_step(None, [record(1)], (1, 1))
        assert gate.reached.acquire(timeout=TIMEOUT)
        for number in range(2, 6):
            writer.submit_step(None, [record(number)], (1, number))
        gate.open.release(2)
        writer.wait_durable(5, TIMEOUT)
    assert gate.groups == [[record(1)], [record(number) for number in range(2, 6)]]
    with JournalReader(tmp_path / "j") as reader:
        assert [(commit.first_seq, commit.last_seq) for commit in reader.commits()] == [(1, 1), (2, 5)]


def test_a_flood_is_committed_in_bounded_groups(tmp_path: Path, record: MakeRecord) -> None:
    """Under load the first steps do not wait for the last."""
    gate = _Gate()
    gate.open.release(100)
    with GroupCommitWriter(JournalFile.create(tmp_path / "j", session_id="s"), before_commit=gate) as writer:
        for number in range(5_000):
            writer.submit_step(None, [record(number)], (1, number))
        writer.wait_durable(5_000, TIMEOUT)
    assert max(len(group) for group in gate.groups) <= 1_000
    assert [entry for group in gate.groups for entry in group] == [record(number) for number in range(5_000)]


def test_a_group_is_committed_at_latest_after_five_milliseconds(tmp_path: Path, record: MakeRecord) -> None:
    """Steps that take long to write do not make the first of them wait: what is left over forms the next group, in order."""
    ticks = iter(range(10_000))

    def clock() -> float:
        return next(ticks) / 1_000

    gate = _Gate()
    journal = JournalFile.create(tmp_path / "j", session_id="s")
    with GroupCommitWriter(journal, before_commit=gate, clock=clock) as writer:
        writer.submit_step(None, [record(0)], (1, 0))
        assert gate.reached.acquire(timeout=TIMEOUT)
        for number in range(1, 13):
            writer.submit_step(None, [record(number)], (1, number))
        gate.open.release(100)
        writer.wait_durable(13, TIMEOUT)
    assert [len(group) for group in gate.groups] == [1, 5, 5, 2]
    assert [entry for group in gate.groups for entry in group] == [record(number) for number in range(13)]


def test_a_step_is_committed_however_slow_the_clock_says_it_was(tmp_path: Path, record: MakeRecord) -> None:
    """Time that ran out before a group began does not keep it from having one step."""
    ticks = iter(range(10_000))
    with GroupCommitWriter(JournalFile.create(tmp_path / "j", session_id="s"), clock=lambda: float(next(ticks))) as writer:
        for number in range(4):
            writer.submit_step(None, [record(number)], (1, number))
        writer.wait_durable(4, TIMEOUT)
    with JournalReader(tmp_path / "j") as reader:
        assert [(commit.first_seq, commit.last_seq) for commit in reader.commits()][-1][1] == 4


def test_each_commit_is_announced_in_order(tmp_path: Path, record: MakeRecord) -> None:
    """Effects leave by these numbers."""
    announced: list[int] = []
    with GroupCommitWriter(JournalFile.create(tmp_path / "j", session_id="s"), on_durable=announced.append) as writer:
        for number in range(1, 101):
            writer.submit_step(None, [record(number)], (1, number))
    assert announced == sorted(set(announced))
    assert announced[-1] == 100


def test_a_number_is_announced_only_when_it_is_in_the_file(tmp_path: Path, record: MakeRecord) -> None:
    """Durable means that another process can read it."""
    found: list[tuple[int, int]] = []

    def look(seq: int) -> None:
        with JournalReader(tmp_path / "j") as reader:
            commit = reader.last_commit()
            found.append((seq, commit.last_seq if commit else 0))

    with GroupCommitWriter(JournalFile.create(tmp_path / "j", session_id="s"), on_durable=look) as writer:
        for number in range(1, 21):
            writer.wait_durable(writer.submit_step(None, [record(number)], (1, number)), TIMEOUT)
    assert found == [(number, number) for number in range(1, 21)]


def test_snapshots_stand_between_the_steps_around_them(tmp_path: Path, record: MakeRecord) -> None:
    """A snapshot is the state after everything submitted before it."""
    with GroupCommitWriter(JournalFile.create(tmp_path / "j", session_id="s")) as writer:
        writer.submit_step(None, [record(1)], (1, 1))
        assert writer.submit_snapshot(b"state", 5) == 2
        assert writer.submit_step(None, [record(2)], (1, 2)) == 3
    with JournalReader(tmp_path / "j") as reader:
        assert reader.last_snapshot() == (2, b"state")
    assert verify_journal(tmp_path / "j").snapshots == 1


def test_several_threads_may_submit(tmp_path: Path, record: MakeRecord) -> None:
    """Every number is handed out once and every row stands at its number."""
    numbers: list[int] = []

    def submit(writer: GroupCommitWriter) -> None:
        numbers.extend(writer.submit_step(None, [record(1)], (1, 0)) for _ in range(500))

    with GroupCommitWriter(JournalFile.create(tmp_path / "j", session_id="s")) as writer:
        threads = [threading.Thread(target=submit, args=(writer,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(numbers) == list(range(1, 2_001))
    assert verify_journal(tmp_path / "j").records == 2_000


def test_a_full_queue_makes_the_next_step_wait(tmp_path: Path, record: MakeRecord) -> None:
    """A disk that cannot follow slows the engine instead of filling memory."""
    gate = _Gate()
    with GroupCommitWriter(JournalFile.create(tmp_path / "j", session_id="s"), before_commit=gate, queue_limit=2) as writer:
        writer.submit_step(None, [record(1)], (1, 1))
        assert gate.reached.acquire(timeout=TIMEOUT)
        writer.submit_step(None, [record(2)], (1, 2))
        writer.submit_step(None, [record(3)], (1, 3))
        submitted = threading.Event()

        def submit() -> None:
            writer.submit_step(None, [record(4)], (1, 4))
            submitted.set()

        thread = threading.Thread(target=submit)
        thread.start()
        assert writer.last_seq == 3
        assert not submitted.is_set()
        gate.open.release(10)
        assert submitted.wait(TIMEOUT)
        thread.join()
    assert verify_journal(tmp_path / "j").records == 4


def test_a_wait_ends_when_its_time_is_over(tmp_path: Path, record: MakeRecord) -> None:
    """A stuck disk is reported, not waited for without end."""
    gate = _Gate()
    with GroupCommitWriter(JournalFile.create(tmp_path / "j", session_id="s"), before_commit=gate) as writer:
        seq = writer.submit_step(None, [record(1)], (1, 1))
        with pytest.raises(JournalTimeoutError, match="seq 1 was not durable within 0 s"):
            writer.wait_durable(seq, 0)
        gate.open.release()
        writer.wait_durable(seq, TIMEOUT)


def test_a_failure_before_a_commit_ends_the_writer_for_good(tmp_path: Path, record: MakeRecord) -> None:
    """What an intent rests on could not be made durable, so the intent must not become durable either."""
    failures: list[BaseException] = []
    failed = threading.Event()
    journal = JournalFile.create(tmp_path / "j", session_id="s")

    def refuse_the_second(entries: list[Input | Record]) -> None:
        if entries == [record(2)]:
            raise OSError("the tape is gone")

    def note(error: BaseException) -> None:
        failures.append(error)
        failed.set()

    writer = GroupCommitWriter(journal, before_commit=refuse_the_second, on_failure=note)
    writer.wait_durable(writer.submit_step(None, [record(1)], (1, 1)), TIMEOUT)
    seq = writer.submit_step(None, [record(2)], (1, 2))
    with pytest.raises(JournalFailedError, match="the tape is gone"):
        writer.wait_durable(seq, TIMEOUT)
    assert failed.wait(TIMEOUT)
    for submit in (lambda: writer.submit_step(None, [record(3)], (1, 3)), lambda: writer.submit_snapshot(b"", 1)):
        with pytest.raises(JournalFailedError, match="takes nothing more"):
            submit()
    writer.wait_durable(1, 0)
    writer.close()
    assert [str(error) for error in failures] == ["the tape is gone"]
    with JournalReader(tmp_path / "j") as reader:
        assert [row.entry() for row in reader.rows()] == [record(1)]


def test_whoever_waits_for_room_learns_of_a_failure(tmp_path: Path, record: MakeRecord) -> None:
    """Nobody waits for a disk that is gone."""
    gate = _Gate()

    def fail(entries: list[Input | Record]) -> None:
        gate(entries)
        raise OSError("no more")

    outcome: list[str] = []
    writer = GroupCommitWriter(JournalFile.create(tmp_path / "j", session_id="s"), before_commit=fail, queue_limit=1)
    writer.submit_step(None, [record(1)], (1, 1))
    assert gate.reached.acquire(timeout=TIMEOUT)
    writer.submit_step(None, [record(2)], (1, 2))

    def submit() -> None:
        try:
            writer.submit_step(None, [record(3)], (1, 3))
        except JournalFailedError as error:
            outcome.append(str(error))

    thread = threading.Thread(target=submit)
    thread.start()
    gate.open.release()
    thread.join(TIMEOUT)
    writer.close()
    assert len(outcome) == 1
    assert "no more" in outcome[0]


def test_a_position_that_goes_back_ends_the_writer(tmp_path: Path, record: MakeRecord) -> None:
    """Numbers are handed out before rows are written, so a row that cannot be written is a failure."""
    failures: list[BaseException] = []
    writer = GroupCommitWriter(JournalFile.create(tmp_path / "j", session_id="s"), on_failure=failures.append)
    writer.submit_step(None, [record(1)], (2, 0))
    seq = writer.submit_step(None, [record(2)], (1, 0))
    with pytest.raises(JournalFailedError, match="never goes back"):
        writer.wait_durable(seq, TIMEOUT)
    writer.close()
    assert len(failures) == 1


def test_closing_commits_everything_that_was_submitted(tmp_path: Path, record: MakeRecord) -> None:
    """An orderly end loses nothing, and leaves one plain file."""
    writer = GroupCommitWriter(JournalFile.create(tmp_path / "j", session_id="s"))
    for number in range(1_000):
        writer.submit_step(None, [record(number)], (1, number))
    writer.close()
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["j"]
    assert verify_journal(tmp_path / "j").records == 1_000
    with pytest.raises(JournalError, match="is closed"):
        writer.submit_step(None, [record(1)], (1, 1_000))
