"""No crash makes a start go on with something promised missing: every state of the disk that a crash can leave is tried.

A session writer is traced once; from its system calls come the states, and the shipped recovery judges each of them.
"""

import shutil
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pytest
from crash_states import NOTHING_PROMISED, Cause, CrashState, crash_states, flips_of, later_flips
from crash_verdict import RECOVERED, judge
from system_calls import Operation, injected_paths, record, run_with_failures

HERE = Path(__file__).parent
WRITER = HERE / "session_writer.py"
SEED = 20_240_601
SHARES = 4
REQUIRED_STATES = 2_000
HARMLESS = {"unlink", "mkdir"}
"""A name that stays, or a directory that is there already: whether it matters is seen from what recovery makes of it."""
ORDINAL = 240
"""No thread makes so many calls of one kind, so each can be led to its failing call by making others first."""

Recording = list[tuple[int, Operation]]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """Trace two whole sessions."""
    return trace(tmp_path_factory.mktemp("recording"))


def trace(directory: Path, *mistakes: str) -> Recording:
    """Trace two whole sessions of a writer that makes mistakes."""
    home = directory / "home"
    home.mkdir()
    return record([WRITER, "sessions", home, *mistakes], home, directory / "calls")


def try_states(states: Iterable[CrashState], scratch: Path) -> Counter[tuple[Cause, str]]:
    """Start on each state, and count what became of it."""
    verdicts: Counter[tuple[Cause, str]] = Counter()
    home = scratch / "home"
    for state in states:
        home.mkdir()
        state.materialise(home)
        try:
            verdict = judge(home, state.cause, state.promises)
        except AssertionError as error:
            raise AssertionError(f"{state.describe()}: {error}") from error
        assert state.cause is not Cause.TORN_WRITE or verdict == RECOVERED or "of 32 bytes" in state.what, state.describe()
        verdicts[state.cause, verdict] += 1
        shutil.rmtree(home)
    return verdicts


def test_thousands_of_states_are_tried(recording: Recording) -> None:
    """The shares below are all of these, and no two of them are the same."""
    digests = Counter(state.digest() for state in crash_states(recording, SEED))
    causes = Counter(state.cause for state in crash_states(recording, SEED))
    print(f"{len(digests)} crash states: {dict(causes)}")  # noqa: T201 - shown by `pytest -s`
    assert set(digests.values()) == {1}
    assert len(digests) >= REQUIRED_STATES
    assert all(causes[cause] > 300 for cause in Cause)


@pytest.mark.parametrize("share", range(SHARES))
def test_every_crash_state_recovers_or_is_refused(recording: Recording, memory: Path, share: int) -> None:
    """After SIGKILL and power loss a start always goes on, with everything promised; damage it may refuse instead."""
    verdicts = try_states(islice(crash_states(recording, SEED), share, None, SHARES), memory)
    assert sum(verdicts.values()) > REQUIRED_STATES / SHARES
    for cause in (Cause.KILLED, Cause.POWER_LOSS):
        assert {verdict for found, verdict in verdicts if found is cause} == {RECOVERED}


def test_a_flipped_bit_in_what_was_promised_is_never_taken_for_a_crash(recording: Recording, memory: Path) -> None:
    """SQLite alone would drop every commit behind the bit without a word; most flips are refused, harmless ones are not."""
    verdicts = try_states(flips_of(recording, SEED), memory)
    assert verdicts[Cause.BIT_FLIP, "JournalDamagedError"] > 200
    assert verdicts[Cause.BIT_FLIP, "TapeDamagedError"] > 5


def test_a_bit_that_flips_long_after_is_found_in_every_file(recording: Recording, memory: Path) -> None:
    """Journals are sealed and segments named by their digests: not a bit of them changes unseen. Anchors vouch for journals."""
    states = list(later_flips(recording, SEED, 40))
    verdicts = try_states(states, memory)
    sealed = sum("journal/0" in state.what or "tape/" in state.what for state in states)
    assert verdicts.total() == len(states) > sealed > 200
    assert verdicts.total() - verdicts[Cause.BIT_FLIP, RECOVERED] >= sealed


def test_stale_shared_memory_of_sqlite_changes_nothing(recording: Recording, memory: Path) -> None:
    """What the index of the log holds after a power loss is anything at all; it is not looked at."""
    home = memory / "home"
    tried = 0
    for state in islice((one for one in crash_states(recording, SEED) if one.cause is Cause.KILLED), 0, None, 8):
        for log in [path for path in state.files if path.endswith("-wal")]:
            home.mkdir()
            state.materialise(home)
            (home / log.replace("-wal", "-shm")).write_bytes(b"\xa5" * 32_768)
            assert judge(home, state.cause, state.promises) == RECOVERED, state.describe()
            shutil.rmtree(home)
            tried += 1
    assert tried > 30


@pytest.mark.parametrize("after", [0.3, 0.45, 0.9])
def test_a_crash_during_recovery_is_recovered_from(recording: Recording, memory: Path, tmp_path: Path, after: float) -> None:
    """Recovery and sealing may themselves be cut off anywhere: the next start finds all that was promised before."""
    crashed = [state for state in crash_states(recording, SEED) if state.cause is Cause.TORN_WRITE and _holds_open_tape(state)]
    state = crashed[int(after * len(crashed))]
    home = tmp_path / "home"
    home.mkdir()
    state.materialise(home)
    again = record([WRITER, "recover", home], home, tmp_path / "calls")
    promises = state.promises._replace(handled={})
    verdicts = try_states(crash_states(again, SEED, promises), memory)
    assert sum(verdicts.values()) > 50


def _holds_open_tape(state: CrashState) -> bool:
    return any(path.endswith(".tape") for path in state.files) and any(path.endswith("-wal") for path in state.files)


@pytest.mark.parametrize(
    ("mistake", "found"),
    [
        ("early", "were said to be durable"),
        ("lazy_commits", "were said to be durable"),
        ("unsynced_tape", "a durable intent rests on"),
        ("unsynced_names", "is gone"),
    ],
)
def test_a_writer_that_promises_too_early_is_found(tmp_path: Path, memory: Path, mistake: str, found: str) -> None:
    """The enumeration is able to fail: each mistake loses something promised in a state that it tries."""
    with pytest.raises(AssertionError, match=found):
        try_states(crash_states(trace(tmp_path, mistake), SEED), memory)


@pytest.mark.parametrize(
    ("call", "thread", "error", "stride"),
    [
        ("write", "main", "EIO", 1),
        ("write", "main", "ENOSPC", 3),
        ("write", "compressor", "ENOSPC", 1),
        ("pwrite64", "main", "EIO", 9),
        ("pwrite64", "main", "ENOSPC", 13),
        ("pwrite64", "journal", "EIO", 4),
        ("pwrite64", "journal", "ENOSPC", 5),
        ("fdatasync", "main", "EIO", 2),
        ("fdatasync", "journal", "EIO", 1),
        ("fsync", "main", "EIO", 1),
        ("fsync", "compressor", "EIO", 1),
        ("rename", "main", "EIO", 1),
        ("rename", "compressor", "EIO", 1),
        ("unlink", "main", "EIO", 1),
        ("ftruncate", "main", "EIO", 1),
        ("link", "main", "EIO", 1),
        ("mkdir", "main", "ENOSPC", 1),
    ],
)
def test_a_failing_disk_halts_the_writer_and_costs_nothing_promised(memory: Path, call: str, thread: str, error: str, stride: int) -> None:
    """The n-th call of a real process fails, for every n or every few: nothing is promised after it, and all before is there."""
    run_with_failures([WRITER, "inject", memory, call, thread, str(ORDINAL), str(stride)], memory / "calls", call, error, ORDINAL)
    failed = injected_paths(memory / "calls")
    ends: Counter[str] = Counter()
    for said in memory.glob("*.said"):
        *lines, end = said.read_text().splitlines()
        promises = NOTHING_PROMISED
        for line in lines:
            assert line != "accepted after a failure", f"{call} {said.stem} of {thread}"
            promises = promises.keep(line.split())
        assert judge(memory / said.stem, Cause.KILLED, promises) == RECOVERED
        struck = [path for path in failed if path.startswith(f"{memory}/{said.stem}/")]
        # SQLite drops the error of a directory's sync; the names that matter were synced before.
        harmful = [path for path in struck if call not in HARMLESS and not path.endswith("/journal")]
        assert end.startswith("halted ") or not harmful, f"{call} {said.stem} of {thread} failed on {harmful}, and nothing halted"
        ends[end.split()[0]] += 1
    print(f"{call} of {thread} fails with {error}: {dict(ends)}")  # noqa: T201 - shown by `pytest -s`
    assert ends["halted"] > 0
    assert len(failed) >= ends.total() - 1
