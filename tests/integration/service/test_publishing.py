import asyncio
import threading
import time

import pytest

from live.core import inputs
from live.driver.published import newest_prefix
from live.journal import JournalReader, read_tape, verify_journal
from live.journal.prefix import PREFIX_JOURNAL, PREFIX_TAPE, list_prefixes, read_prefix
from live.service import publishing, watching

pytestmark = pytest.mark.anyio


async def look(desk):
    """Let the service look whether a prefix is due, as it does every few seconds."""
    await desk.service._running.watching.publish_when_due()


def rows_of(journal):
    """Read every row of a journal."""
    with JournalReader(journal) as reader:
        return list(reader.rows())


async def test_a_running_session_is_published_when_the_day_ends(host, run_desk, wall):
    """The prefix is the journal's first rows and the tape they refer to, and holds by itself; trading goes on."""
    host.bundle(days=3)
    host.configure()
    midnight = (wall.now // host.DAY + 1) * host.DAY
    wall.now = midnight - host.MINUTE
    async with run_desk() as desk:
        await desk.arm()
        for told in (0, desk.BUY, 0):
            await desk.bar(told)
        session = desk.service.session
        await look(desk)
        assert newest_prefix(host.home, session.session_id) is None
        wall.now = midnight + 1
        await look(desk)
        folder = newest_prefix(host.home, session.session_id)
        prefix = read_prefix(folder)
        assert prefix.anchor.at == midnight + 1
        assert session.anchors.history().anchors[-1] == prefix.anchor
        await desk.bar(desk.FLAT)
        assert rows_of(folder / PREFIX_JOURNAL) == rows_of(session.journal_path)[: prefix.anchor.seq]
        verified = verify_journal(folder / PREFIX_JOURNAL)
        assert (verified.head, verified.records) == (prefix.anchor.head, prefix.anchor.seq)
        assert len(list(read_tape(folder / PREFIX_TAPE))) == 3
    assert not (host.home / "published" / session.session_id).exists()


async def test_the_service_looks_by_itself(host, run_desk, wall, monkeypatch):
    """Within the first minute after midnight, with nobody asking."""
    assert watching.PUBLISH_LOOK_SECONDS < 30
    monkeypatch.setattr(watching, "PUBLISH_LOOK_SECONDS", 0.01)
    async with run_desk() as desk:
        wall.now = (wall.now // host.DAY + 1) * host.DAY
        await desk.until(lambda: newest_prefix(host.home, desk.service.session.session_id), "a prefix is published")


async def test_an_hour_is_published_too_and_the_one_before_stays_for_whoever_reads_it(host, run_desk, wall):
    """Not sooner; and never more than the newest two are kept."""
    wall.now = wall.now // host.DAY * host.DAY + 1
    async with run_desk() as desk:
        folder = host.home / "published" / desk.service.session.session_id
        wall.now += publishing.PUBLISH_EVERY - 1
        await look(desk)
        assert list_prefixes(folder) == []
        wall.now += 1
        for expected in (1, 2, 2):
            await look(desk)
            await look(desk)
            found = list_prefixes(folder)
            assert len(found) == expected
            assert read_prefix(found[-1]).anchor.at == wall.now
            wall.now += publishing.PUBLISH_EVERY


async def test_a_prefix_that_cannot_be_written_stops_no_trade(host, run_desk, wall):
    """It is counted and logged, nothing halts, and the next one is tried in its own time."""
    host.home.mkdir()
    (host.home / "published").write_text("a file where a directory has to be")
    async with run_desk() as desk:
        await desk.arm()
        wall.now += publishing.PUBLISH_EVERY
        await look(desk)
        assert "interlock_prefix_failures_total 1.0" in (await desk.client.get("/metrics")).text
        assert desk.service.halted is None
        await desk.bar()
        await desk.bar(desk.BUY)
        await desk.bar()
        assert len(await desk.call("GET", "/v1/fills")) == 1
        (host.home / "published").unlink()
        await look(desk)
        assert not (host.home / "published").exists()
        wall.now += publishing.PUBLISH_EVERY
        await look(desk)
        told = (await desk.client.get("/metrics")).text
        (line,) = [line for line in told.splitlines() if line.startswith("interlock_prefix_published_timestamp_seconds ")]
        assert float(line.split()[1]) == pytest.approx(wall.now / 1e9)


async def test_a_prefix_leaves_the_journal_its_room_on_the_disk(host, run_desk, wall, monkeypatch):
    """A copy that would fill the disk is not begun: a full disk halts trading."""
    monkeypatch.setattr(publishing, "SPARE_BYTES", 1 << 62)
    async with run_desk() as desk:
        wall.now += publishing.PUBLISH_EVERY
        await look(desk)
        assert newest_prefix(host.home, desk.service.session.session_id) is None
        assert "interlock_prefix_failures_total 1.0" in (await desk.client.get("/metrics")).text
        assert desk.service.halted is None


async def test_a_halted_session_is_published_as_far_as_it_came(host, run_desk, wall):
    """Nobody may be there to restart it before the morning."""
    async with run_desk() as desk:
        await desk.arm()
        await desk.bar()
        desk.service.session.driver.halt("a test")
        wall.now += publishing.PUBLISH_EVERY
        await look(desk)
        session = desk.service.session
        prefix = read_prefix(newest_prefix(host.home, session.session_id))
        assert (prefix.anchor.seq, prefix.anchor.at) == (session.journal.tip.seq, wall.now)


async def test_a_stop_does_not_wait_for_a_prefix(host, run_desk, wall, monkeypatch):
    """What is being copied is given up, its files are let go of, and the journal is sealed as ever."""
    reached = threading.Event()

    def pause(publisher):
        reached.set()
        publisher._stop.wait(60)
        return written(publisher)

    written = publishing.Publisher._pause
    monkeypatch.setattr(publishing.Publisher, "_pause", pause)
    async with run_desk() as desk:
        await desk.bar()
        wall.now += publishing.PUBLISH_EVERY
        watcher = desk.service._running.watching
        task = asyncio.create_task(watcher.publish_when_due())
        watcher._looks.append(task)
        await asyncio.to_thread(reached.wait, 60)
        session = desk.service.session
    assert task.done()
    assert verify_journal(session.journal_path, session.anchors.path).sealed
    assert not (host.home / "published" / session.session_id).exists()


async def test_a_session_that_was_killed_keeps_its_prefix_until_the_next_start_seals_it(host, run_desk, wall):
    """What a crash left beside it, half a copy too, goes with it."""
    async with run_desk() as desk:
        session_id = desk.service.session.session_id
    folder = host.home / "published" / session_id
    (folder / ".torn.partial").mkdir(parents=True)
    async with run_desk():
        assert not folder.exists()


async def test_the_event_loop_turns_while_a_long_session_is_published(host, run_desk, wall):
    """The longest turn with a prefix of many thousand rows being written stays near the longest without one."""

    async def longest_turn(work):
        longest, task = 0.0, asyncio.ensure_future(work)
        while not task.done():
            begun = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - begun)
        return longest

    async with run_desk() as desk:
        driver = desk.service.session.driver
        for number in range(20_000):
            seq = driver.feed(inputs.ClockTicked(driver.now()))
            if number % 500 == 0:
                await driver.durable(seq)
        await driver.durable(seq)
        wall.now += publishing.PUBLISH_EVERY
        longest = await longest_turn(look(desk))
        assert newest_prefix(host.home, desk.service.session.session_id) is not None
        assert longest < 0.25
