import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from live.core.inputs import ClockTicked
from live.driver.recovery import NO_PROGRESS, RecoveryError, market_progress, recover, session_journals
from live.journal import JournalDamagedError, JournalFile, JournalReader, read_tape, verify_journal
from live.promotion import load_strategy_folder

pytestmark = pytest.mark.anyio


def crash(host, directory: Path) -> None:
    """Go on with a copy of the home as it is at this moment, which is what a killed process leaves behind."""
    shutil.copytree(host.home, directory)
    (directory / "service.json").unlink(missing_ok=True)
    host.home = directory
    host.environment["INTERLOCK_HOME"] = str(directory)


def leave_empty_journal(host, number: int) -> Path:
    """Leave what a crash right after the creation of a journal leaves: the file, and nothing in it."""
    path = host.home / "journal" / f"{number:06d}-CRASHED{number}.journal"
    JournalFile.create(path, session_id=path.stem).abandon()
    return path


def followed(host) -> list[tuple[str, int]]:
    """List the market events that all sessions followed, history apart."""
    found = []
    for journal in session_journals(host.home):
        tape = host.home / "tape" / journal.stem
        if tape.is_dir():
            found += [(event.instrument_id, event.ts_init) for _, _, event in read_tape(tape) if not event.warm_up]
    return found


async def test_a_fresh_home_begins_with_nothing(host, run_desk):
    """The first session has number 1, no predecessor and no position."""
    async with run_desk() as desk:
        session = desk.service.session
        assert session.session_id.startswith("000001-")
        assert (session.recovered.head, session.recovered.market) == ("", NO_PROGRESS)
        assert not desk.state.ledger.positions


@pytest.mark.parametrize("empty", [1, 3])
async def test_a_crash_before_the_first_commit_does_not_lock_the_home(host, run_desk, empty):
    """Sessions that recorded nothing left nothing at a venue: the next one begins from nothing, and chains to them."""
    for number in range(1, empty + 1):
        leave_empty_journal(host, number)
    with JournalReader(session_journals(host.home)[-1]) as reader:
        head = reader.head
    async with run_desk() as desk:
        assert desk.service.session.recovered.head == head
        assert desk.service.session.session_id.startswith(f"{empty + 1:06d}-")
        assert await desk.rest_an_order()


async def test_empty_journals_after_a_session_hide_nothing_of_it(host, run_desk):
    """Positions, kills and the market's progress are those of the last session that recorded something."""
    async with run_desk() as desk:
        await desk.arm()
        await desk.bar()
        await desk.bar(desk.BUY)
        await desk.bar()
        await desk.call("POST", "/v1/strategies/probe/kill")
        position = await desk.call("GET", "/v1/positions")
        progress = market_progress(host.home, session_journals(host.home))
        now = desk.state.now
    for number in (2, 3):
        leave_empty_journal(host, number)
    recovered = recover(host.home)
    assert recovered.market == progress
    assert progress.time == now
    assert recovered.state.now == now
    async with run_desk() as desk:
        assert desk.service.session.session_id.startswith("000004-")
        assert [one["quantity"] for one in await desk.call("GET", "/v1/positions")] == [one["quantity"] for one in position]
        assert (await desk.call("GET", "/v1/deployments"))[0]["state"] == "KILLED"


async def test_records_without_a_snapshot_refuse_the_start(host):
    """A journal that holds rows but no state to fold them into is none that this program wrote."""
    path = host.home / "journal" / "000001-STRANGE2.journal"
    journal = JournalFile.create(path, session_id=path.stem)
    journal.append_step(ClockTicked(1), [], (1, 0))
    journal.close()
    with pytest.raises(RecoveryError, match="holds 1 records and no snapshot"):
        recover(host.home)


async def test_a_damaged_journal_refuses_the_start(host, run_desk):
    """Nothing trades on a record that is not as it was written, and the first damaged place is named."""
    async with run_desk() as desk:
        await desk.bar()
    (journal,) = session_journals(host.home)
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 1
    journal.write_bytes(bytes(content))
    with pytest.raises(JournalDamagedError, match="is damaged"):
        async with run_desk():
            pass


async def test_a_torn_tape_is_cut_and_said(host, run_desk, tmp_path):
    """What a crash tore off the tape's end is cut off, counted, and shown in the state."""
    async with run_desk() as desk:
        for _ in range(5):
            await desk.bar()
        crash(host, tmp_path / "crashed")
    (tape,) = host.home.glob("tape/*/*.tape")
    with tape.open("ab") as file:
        file.write(b"torn")
    async with run_desk() as desk:
        recovered = (await desk.call("GET", "/v1/state"))["recovered"]
        assert recovered["from_session"] == 1
        assert recovered["tape_truncated_bytes"] == 4
        assert recovered["tape_complete"]
    assert len(followed(host)) == 5


async def test_a_crashed_session_is_sealed_by_the_next(host, run_desk, tmp_path):
    """From then on not a byte of it can change unseen."""
    async with run_desk() as desk:
        await desk.rest_an_order()
        crash(host, tmp_path / "crashed")
    anchors = host.home / "journal" / "anchors.jsonl"
    (journal,) = session_journals(host.home)
    assert not verify_journal(journal, anchors).sealed
    async with run_desk():
        assert verify_journal(journal, anchors).sealed


@pytest.mark.parametrize("stops", [(1, 2, 3), (7, 8, 8, 9), (1,) * 12])
@pytest.mark.parametrize("how", ["crash", "stop"])
async def test_the_market_goes_on_where_it_stopped(host, run_desk, tmp_path, stops, how):
    """However often and wherever a session ends, no bar is repeated and none is lost, those of one moment included."""
    bars = [
        host.make_bar(host.MARKET + number * host.MINUTE, instrument_id) for number in range(40) for instrument_id in (host.BTC, host.ETH)
    ]
    host.write_tape(*bars)
    host.configure(speed=0.0, start="")
    copies = 0
    for stop in stops:
        async with run_desk() as desk:
            await desk.played(stop)
            if how == "crash":
                copies += 1
                crash(host, tmp_path / f"crashed-{copies}")
    async with run_desk() as desk:
        await desk.until(lambda: desk.service.session.player.ended, "the tape is played to its end")
    assert followed(host) == [(bar.instrument_id, bar.ts_init) for bar in bars]


async def test_averages_after_a_restart_are_those_of_a_run_without_one(host, run_desk, tmp_path):
    """The declared history warms a strategy up again to within what it says that older bars weigh: 0.04 % of the slow average."""
    folder = load_strategy_folder(Path(str(files("strategies"))) / "ema_cross", {})
    host.bundles.clear()
    host.sign(folder)
    closes = [500_000]
    for number in range(1_200):
        closes.append(closes[-1] + (number * 7_919) % 2_001 - 1_000)
    bars = [host.make_bar(host.MARKET + number * 30 * host.MINUTE, close=close) for number, close in enumerate(closes)]
    host.write_tape(*bars, instruments=folder.version.instruments)
    host.configure(speed=0.0, start="")

    async def averages():
        async with run_desk() as desk:
            await desk.until(lambda: desk.service.session.player.ended, "the tape is played to its end")
            strategy = desk.service.session.deployments["ema_cross"].loaded.strategy
            return strategy._fast, strategy._slow

    async with run_desk() as desk:
        await desk.played(len(bars) - 1)
        crash(host, tmp_path / "crashed")
    fast, slow = await averages()
    host.home = tmp_path / "uninterrupted"
    host.environment["INTERLOCK_HOME"] = str(host.home)
    expected_fast, expected_slow = await averages()
    assert fast == pytest.approx(expected_fast, rel=0.0004)
    assert slow == pytest.approx(expected_slow, rel=0.0004)
    assert slow != expected_slow, "the restart did begin its averages anew, with a history that is not the whole"


async def test_history_does_not_count_as_followed(host, run_desk, tmp_path):
    """A session that crashed while it warmed up followed nothing: the tape before it says how far the market was followed."""
    host.bundle(warm_up=5)
    bars = [host.make_bar(host.MARKET + number * host.MINUTE) for number in range(20)]
    host.write_tape(*bars)
    host.configure(speed=0.0, start="2020-09-13T12:31:40Z")
    async with run_desk() as desk:
        await desk.played(3)
        crash(host, tmp_path / "first")
    host.configure(speed=0.001, start="2020-09-13T12:31:40Z")
    async with run_desk() as desk:
        await desk.until(lambda: desk.service.session.tape.position[1] >= 5, "the history was fed")
        assert not desk.service.session.player.played
        crash(host, tmp_path / "second")
    host.configure(speed=0.0, start="2020-09-13T12:31:40Z")
    async with run_desk() as desk:
        await desk.until(lambda: desk.service.session.player.ended, "the tape is played to its end")
    assert [at for _, at in followed(host)] == [bar.ts_init for bar in bars[6:]]
