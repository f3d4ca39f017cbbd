"""A session that runs over midnight: what is known of it before it ends, and that nothing changes or doubles once it did."""

from datetime import UTC, datetime

import msgspec
import pytest

from dagster_project.home import Home
from dagster_project.lake.session_sources import LocalHome
from dagster_project.lake.sessions import archived_sessions, files_of, known_sessions, news_of, provisional_sessions, pull_sessions
from dagster_project.reports.summary import summarise_day
from dagster_project.reports.writing import due_summaries, write_summary
from live.driver.published import newest_prefix
from live.journal import JournalReader, read_tape
from live.journal.prefix import PREFIX_JOURNAL, PREFIX_TAPE

pytestmark = pytest.mark.anyio

HOUR = 3_600_000_000_000
CLOSES = (10_000, 10_000, 10_100, 10_400, 10_300, 10_250)


def day_of(nanoseconds):
    """Give the UTC day of a time."""
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).date()


@pytest.fixture(name="midnight")
def _midnight(host, wall):
    """Set the machine's clock ten minutes before a midnight, and give that."""
    host.bundle(days=3)
    host.configure()
    midnight = (wall.now // host.DAY + 1) * host.DAY
    wall.now = midnight - 10 * host.MINUTE
    return midnight


async def look(desk):
    """Let the service look whether a prefix is due, as it does every few seconds."""
    await desk.service._running.watching.publish_when_due()


async def anchor(desk):
    """Let the service anchor what it recorded, as it does each minute."""
    await desk.service._running.watching._anchor()


async def trade(desk, told, closes=CLOSES):
    """Show bars that tell the probe what to do."""
    for close, word in zip(closes, told, strict=False):
        await desk.bar(word, close=close)


def table(home, name):
    """Read a Delta table as a list of rows."""
    from deltalake import DeltaTable

    return sorted(DeltaTable(str(home.lake / name)).to_pyarrow_table().to_pylist(), key=lambda row: (row["session_id"], row["seq"]))


def numbers(summary):
    """Give everything of a summary that is a number or happened on the day, and nothing that vouches for it."""
    document = msgspec.to_builtins(summary)
    records = [(one["session_id"], one["records"], one["first_market"], one["last_market"]) for one in document["sessions"]]
    return {name: value for name, value in document.items() if name not in {"sessions", "inputs"}} | {"records": records}


def pull(host):
    """Archive what the host recorded or published."""
    home = Home(host.home)
    return home, pull_sessions(home, LocalHome(host.home))


async def test_yesterday_is_complete_while_the_session_still_runs_and_the_same_once_it_ended(host, run_desk, wall, midnight):
    """Profit, marks, equity, orders, alarms and gaps of the day are the same number for number, before the seal and after."""
    yesterday = day_of(midnight - 1)
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, desk.BUY, 0, desk.REST, 0, 0])
        await anchor(desk)
        wall.now = midnight + 5_000_000_000
        await look(desk)
        await trade(desk, [desk.FLAT, 0, desk.BUY, 0])
        home, report = pull(host)
        assert [one.status for one in report.statuses] == ["provisional"]
        running = summarise_day(home, yesterday)
        assert running.complete
        assert running.reaches is None
        assert running.warnings == ()
        assert [(one.status, one.reaches) for one in running.sessions] == [("provisional", wall.now)]
        assert running.totals["fills"] == 2
        assert running.deployments[0].positions[0].mark == "103.00"  # the last bar has the engine time of the tick after midnight
        page = write_summary(home, running).page.read_text()
        assert ">complete<" in page
        assert "it had not ended when this was made; all that it recorded on this day is counted" in page
        wall.now += host.MINUTE
    home, report = pull(host)
    assert [one.status for one in report.statuses] == ["archived"]
    ended = summarise_day(home, yesterday)
    assert numbers(ended) == numbers(running)
    assert [one.status for one in ended.sessions] == ["archived"]
    assert yesterday in [one.day for one in due_summaries(home, day_of(midnight), 31)]


async def test_bars_after_the_last_record_of_the_day_are_valued_on_it(host, run_desk, wall, midnight):
    """A quiet strategy records nothing for hours: the market of the day still ends with the day, before the seal and after."""
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, desk.BUY, 0])
        await anchor(desk)
        for number in range(9):
            await desk.bar(close=10_100 + number)
        wall.now = midnight + 1
        await look(desk)
        home, _ = pull(host)
        running = summarise_day(home, day_of(midnight - 1))
        # Of twelve bars the last has the engine time of the tick after midnight, and belongs to that day.
        assert len(running.accounts[0].curve.points) == 11
        for number in range(5):
            await desk.bar(close=9_000 + number)
    home, _ = pull(host)
    assert numbers(summarise_day(home, day_of(midnight - 1))) == numbers(running)


async def test_the_day_that_is_not_over_is_told_so_far_and_up_to_when(host, run_desk, wall, midnight):
    """Each hour a newer prefix makes the summary of today due again, with the time that its numbers reach to."""
    wall.now = midnight + HOUR
    today = day_of(midnight)
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, desk.BUY, 0])
        found = []
        for _ in range(2):
            wall.now += HOUR
            await look(desk)
            home, _ = pull(host)
            (due,) = [one for one in due_summaries(home, today, 31) if one.day == today]
            found.append(summary := summarise_day(home, today, over=False))
            assert due.inputs == summary.inputs
            write_summary(home, summary)
            assert today not in [one.day for one in due_summaries(home, today, 31)]
            assert summary.reaches == wall.now
            moment = f"{datetime.fromtimestamp(wall.now // 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC"
            assert summary.headline.endswith(f"in 1 session, up to {moment}.")
            assert summary.warnings == (f"Session {summary.sessions[0].session_id} has not ended and is counted up to {moment}",)
            assert not summary.complete
            await trade(desk, [desk.FLAT, 0])
        assert [one.totals["fills"] for one in found] == [1, 2]


async def test_a_day_that_is_over_stays_as_it_is_while_the_session_runs_on(host, run_desk, wall, midnight):
    """What was recorded later belongs to a later anchor: the summary is not made anew each hour."""
    async with run_desk() as desk:
        await desk.bar()
        wall.now = midnight + 1
        await look(desk)
        home, _ = pull(host)
        yesterday = day_of(midnight - 1)
        first = summarise_day(home, yesterday)
        write_summary(home, first)
        await desk.bar()
        wall.now += HOUR
        await look(desk)
        home, report = pull(host)
        assert len(report.pulled) == 1
        assert yesterday not in [one.day for one in due_summaries(home, day_of(midnight), 31)]
        assert summarise_day(home, yesterday) == first


async def test_a_day_that_the_prefix_does_not_reach_is_not_called_complete(host, run_desk, wall, midnight):
    """The service published an hour before the day ended and nothing since: what came after is not known to be nothing."""
    wall.now = midnight - 2 * HOUR
    async with run_desk() as desk:
        await desk.bar()
        wall.now += HOUR
        await look(desk)
        home, _ = pull(host)
        yesterday = summarise_day(home, day_of(midnight - 1))
        assert (yesterday.complete, yesterday.reaches) == (False, midnight - HOUR)
        today = summarise_day(home, day_of(midnight), over=False)
        assert (today.complete, today.totals["sessions"]) == (False, 0)
        assert "is provisional and not counted: it has not ended, and nothing that it recorded after " in today.warnings[0]


async def test_nothing_is_counted_twice_after_newer_prefixes_and_the_seal(host, run_desk, wall, midnight):
    """Fills and orders of a session are replaced as one, by the next prefix and by the session that ended."""
    seen = []
    async with run_desk() as desk:
        await desk.arm()
        for told in ([0, desk.BUY, 0], [desk.FLAT, desk.REST], [0]):
            await trade(desk, told)
            wall.now += HOUR
            await look(desk)
            home, _ = pull(host)
            assert news_of(home, LocalHome(host.home)) == []
            assert pull_sessions(home, LocalHome(host.home)).pulled == ()
            seen.append((len(table(home, "fills")), len(table(home, "orders"))))
            assert len(provisional_sessions(home)) == len(known_sessions(home)) == 1
        before = table(home, "fills")
    assert seen == [(1, 1), (2, 3), (2, 3)]
    home, _ = pull(host)
    assert table(home, "fills") == before
    assert len(table(home, "orders")) == 3
    assert known_sessions(home) == archived_sessions(home)
    assert provisional_sessions(home) == []
    pull(host)
    assert list((home.lake / "provisional").iterdir()) == []


async def test_a_prefix_is_news_once(host, run_desk, wall, midnight):
    """The sensor asks for each prefix by the time it reaches to, and is quiet when it was pulled."""
    async with run_desk() as desk:
        await desk.bar()
        wall.now = midnight + 1
        await look(desk)
        session_id = desk.service.session.session_id
        home = Home(host.home)
        assert news_of(home, LocalHome(host.home))[-1] == f"{session_id} through {midnight + 1}"
        home, _ = pull(host)
        assert news_of(home, LocalHome(host.home)) == []
        (session,) = provisional_sessions(home)
        files, published = files_of(home, session), newest_prefix(host.home, session_id)
        assert files.journal.read_bytes() == (published / PREFIX_JOURNAL).read_bytes()
        assert list(read_tape(files.tape)) == list(read_tape(published / PREFIX_TAPE))


@pytest.mark.parametrize("part", ["journal", "tape", "anchor"])
async def test_a_prefix_that_was_changed_is_refused_and_the_one_before_stays(host, run_desk, wall, midnight, part):
    """It must be the bytes that were written and end at an anchor of the log; what is refused is said and counted for nothing."""
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, desk.BUY, 0])
        wall.now = midnight + 1
        await look(desk)
        home, _ = pull(host)
        (before,) = provisional_sessions(home)
        await trade(desk, [desk.FLAT, 0])
        wall.now += HOUR
        await look(desk)
        folder = newest_prefix(host.home, before.session_id)
        if part == "anchor":
            description = folder / "prefix.json"
            head = desk.service.session.anchors.history().anchors[-1].head
            description.write_text(description.read_text().replace(head, "0" * 64))
        else:
            changed = folder / PREFIX_JOURNAL if part == "journal" else next((folder / PREFIX_TAPE).iterdir())
            content = bytearray(changed.read_bytes())
            content[len(content) // 2] ^= 1
            changed.unlink()  # a whole segment is a link to the session's own
            changed.write_bytes(bytes(content))
        home, report = pull(host)
        assert [one.status for one in report.statuses] == ["refused"]
        assert provisional_sessions(home) == [before]
        assert len(table(home, "fills")) == 1
        assert not summarise_day(home, day_of(midnight), over=False).complete
        assert not list((home.lake / "provisional" / before.session_id).glob(".*"))


async def test_a_session_that_is_refused_after_it_ended_takes_its_prefix_with_it(host, run_desk, wall, midnight):
    """Its journal does not have the bytes that were sealed: nothing of the session stays in the tables."""
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, desk.BUY, 0])
        wall.now = midnight + 1
        await look(desk)
        home, _ = pull(host)
        assert len(table(home, "fills")) == 1
        journal = desk.service.session.journal_path
    journal.write_bytes(journal.read_bytes() + b"x")
    home, report = pull(host)
    assert [one.status for one in report.statuses] == ["refused"]
    assert (table(home, "fills"), table(home, "orders"), known_sessions(home)) == ([], [], [])


async def test_the_prefix_is_the_beginning_of_what_is_sealed(host, run_desk, wall, midnight):
    """Row for row and bar for bar."""
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, desk.BUY, 0])
        wall.now = midnight + 1
        await look(desk)
        home, _ = pull(host)
        (session,) = provisional_sessions(home)
        await trade(desk, [desk.FLAT, 0])
    files = files_of(home, session)
    bars = list(read_tape(files.tape))
    assert list(read_tape(host.home / "tape" / session.session_id))[: len(bars)] == bars
    with JournalReader(files.journal) as prefix, JournalReader(host.home / "journal" / f"{session.session_id}.journal") as whole:
        rows = list(prefix.rows())
        assert list(whole.rows(limit=len(rows))) == rows
        assert list(whole.commits())[: session.commits] == list(prefix.commits())


async def test_a_source_that_fails_takes_nothing_away(host, run_desk, wall, midnight):
    """The journal that was sealed cannot be copied now: what was verified before stays counted, and the day is not called complete."""
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, desk.BUY, 0])
        await anchor(desk)
        wall.now = midnight + 1
        await look(desk)
        pull(host)
        tape = desk.service.session.tape.directory
    away = tape.rename(tape.with_name("away"))
    (broken,) = away.iterdir()
    tape.mkdir()
    (tape / broken.name).symlink_to(away / "nowhere")
    home, report = pull(host)
    assert [one.status for one in report.statuses] == ["refused"]
    assert len(table(home, "fills")) == 1
    summary = summarise_day(home, day_of(midnight - 1))
    assert (summary.totals["fills"], summary.complete) == (1, False)
    assert "is refused and not counted further: " in summary.warnings[0]
