import json
import sqlite3
import time
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from dagster_project.home import Home
from dagster_project.lake.retention import DAY, load_retention_policy, plan_retention
from dagster_project.lake.session_sources import LiveService, LocalHome, SessionSourceError, choose_source
from dagster_project.lake.sessions import (
    PUBLISHED_FILE,
    SessionArchiveError,
    archived_sessions,
    files_of,
    journal_of,
    news_of,
    open_session,
    provisional_sessions,
    pull_sessions,
    read_index,
    tape_of,
)
from live.driver.published import published_folder
from live.driver.recovery import anchors_path
from live.journal import Anchor, AnchorLog, JournalReader, read_anchors, read_tape, verify_journal
from live.journal.prefix import PREFIX_JOURNAL, PREFIX_TAPE, prefix_name, write_prefix
from live.promotion.cache import cached_bundle_path

pytestmark = pytest.mark.anyio


async def record(run_desk, *, sessions=1):
    """Record sessions that each buy, sell and rest an order."""
    for _ in range(sessions):
        async with run_desk() as desk:
            await desk.arm()
            for told in (0, desk.BUY, 0, desk.FLAT, desk.REST, 0):
                await desk.bar(told)


def table(home, name):
    """Read a Delta table as a list of rows."""
    from deltalake import DeltaTable

    return sorted(DeltaTable(str(home.lake / name)).to_pyarrow_table().to_pylist(), key=lambda row: (row["session_id"], row["seq"]))


def files(folder):
    """List everything below a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


async def test_closed_sessions_are_pulled_whole_and_published(host, run_desk, wall):
    """Journal, tape and anchors are the same bytes and hold by themselves; fills and orders are in the lake."""
    await record(run_desk, sessions=2)
    home = Home(host.home)
    report = pull_sessions(home, LocalHome(host.home))
    assert [one.status for one in report.statuses] == ["archived", "archived"]
    for session in archived_sessions(home):
        folder = home.sessions / session.session_id
        assert journal_of(home, session.session_id).read_bytes() == (host.home / "journal" / f"{session.session_id}.journal").read_bytes()
        verified = verify_journal(journal_of(home, session.session_id), folder / "anchors.jsonl")
        assert verified.sealed
        assert (verified.head, verified.records, verified.parity_digest) == (session.head, session.records, session.parity_digest)
        assert list(read_tape(tape_of(home, session.session_id))) == list(read_tape(host.home / "tape" / session.session_id))
        assert [one.events for one in session.segments] == [6]
        assert session.closed
        assert session.tape_complete
        assert session.days == (str(datetime.fromtimestamp(wall.now // 10**9, UTC).date()),)
    fills, orders = table(home, "fills"), table(home, "orders")
    assert (len(fills), len(orders)) == (report.fills, report.orders) == (4, 6)
    rows = []
    for session in archived_sessions(home):
        connection = sqlite3.connect(journal_of(home, session.session_id))
        rows += connection.execute("SELECT seq FROM records WHERE kind = 'FillRecorded' ORDER BY seq").fetchall()
        connection.close()
    assert [(row["seq"],) for row in fills] == rows
    first = fills[0]
    assert (first["side"], first["price"], first["quantity_units"], first["fee_asset"]) == (
        "BUY",
        first["price_units"] / 100,
        100_000,
        "USDT",
    )
    assert first["time"].timestamp() == first["ts"] / 1e9
    assert [row["state"] for row in orders[:3]] == ["FILLED", "FILLED", "OPEN"]


async def test_pulling_again_changes_nothing(host, run_desk):
    """Nothing is copied or published twice, and the tables stay at their version."""
    await record(run_desk)
    home = Home(host.home)
    pull_sessions(home, LocalHome(host.home))
    before = files(home.lake)
    report = pull_sessions(home, LocalHome(host.home))
    assert (report.pulled, report.fills, report.orders) == ((), 0, 0)
    assert files(home.lake) == before
    assert news_of(home, LocalHome(host.home)) == []


async def test_a_pull_that_was_interrupted_before_publishing_is_finished_by_the_next(host, run_desk):
    """The mark comes last; rows that were written before it are replaced and not doubled."""
    await record(run_desk)
    home = Home(host.home)
    pull_sessions(home, LocalHome(host.home))
    fills = table(home, "fills")
    (session,) = archived_sessions(home)
    (home.sessions / session.session_id / PUBLISHED_FILE).unlink()
    assert archived_sessions(home) == []
    assert news_of(home, LocalHome(host.home)) == [f"{session.session_id} sealed"]
    assert pull_sessions(home, LocalHome(host.home)).pulled == (session.session_id,)
    assert table(home, "fills") == fills


async def test_a_running_session_is_known_and_left_alone_until_it_is_sealed(host, run_desk, wall):
    """While it runs it is open, nothing of it is in the archive; once it closed it is pulled."""
    home = Home(host.home)
    async with run_desk() as desk:
        await desk.bar()
        running = desk.service.session.session_id
        assert news_of(home, LocalHome(host.home)) == [f"{running} open"]
        report = pull_sessions(home, LocalHome(host.home))
        assert news_of(home, LocalHome(host.home)) == []
        tip = desk.service.session.journal.tip
        desk.service.session.anchors.anchor(session_id=running, commit=tip.commit, seq=tip.seq, head=tip.head, at=wall.now)
        assert news_of(home, LocalHome(host.home)) == [f"{running} open since {wall.now}"]
        assert [one.status for one in report.statuses] == ["open"]
        assert sorted(path.name for path in home.sessions.iterdir()) == ["index.json"]
    assert news_of(home, LocalHome(host.home)) == [f"{running} sealed"]
    assert [one.status for one in pull_sessions(home, LocalHome(host.home)).statuses] == ["archived"]


async def test_a_damaged_journal_is_refused_by_name_and_nothing_of_it_is_published(host, run_desk):
    """The sound session beside it is archived; the reason names the file, and stays in the index."""
    await record(run_desk, sessions=2)
    damaged, sound = sorted((host.home / "journal").glob("*.journal"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(bytes(content))
    home = Home(host.home)
    report = pull_sessions(home, LocalHome(host.home))
    assert [(one.session_id, one.status) for one in report.statuses] == [(damaged.stem, "refused"), (sound.stem, "archived")]
    assert report.statuses[0].reason.startswith(f"{damaged.name} has the sha256 ")
    assert "it was changed, restore it from a copy" in report.statuses[0].reason
    assert {row["session_id"] for row in (*table(home, "fills"), *table(home, "orders"))} == {sound.stem}
    assert sorted(path.name for path in home.sessions.iterdir()) == [sound.stem, "index.json"]
    assert read_index(home) == report.statuses


async def test_a_damaged_or_foreign_tape_is_refused_by_name(host, run_desk):
    """A changed byte breaks the digest in the name; a segment of another session breaks what its header says."""
    await record(run_desk, sessions=2)
    first, second = sorted((host.home / "tape").iterdir())
    (segment,) = first.iterdir()
    whole = segment.read_bytes()
    content = bytearray(whole)
    content[-20] ^= 1
    segment.write_bytes(bytes(content))
    home = Home(host.home)
    reasons = [one.reason for one in pull_sessions(home, LocalHome(host.home)).statuses]
    assert reasons[0].startswith(f"tape segment {segment.name} has digest ")
    assert reasons[1] == ""
    segment.unlink()
    (other,) = second.iterdir()
    (first / other.name.replace("000001", "000002", 1)).write_bytes(other.read_bytes())
    segment.write_bytes(whole)
    assert "it does not belong here" in pull_sessions(home, LocalHome(host.home)).statuses[0].reason


async def test_a_tape_that_lost_its_end_is_archived_and_said_to_be_incomplete(host, run_desk):
    """Records are never lost with it: a power loss may cost the tape's tail."""
    await record(run_desk)
    (tape,) = (host.home / "tape").iterdir()
    for segment in tape.iterdir():
        segment.unlink()
    home = Home(host.home)
    pull_sessions(home, LocalHome(host.home))
    assert not archived_sessions(home)[0].tape_complete


async def test_an_archive_that_is_damaged_is_an_error_that_names_it(tmp_path, host, run_desk):
    """Neither a summary nor a validation guesses what a folder may have held."""
    await record(run_desk)
    home = Home(host.home)
    pull_sessions(home, LocalHome(host.home))
    (session,) = archived_sessions(home)
    (home.sessions / session.session_id / "session.json").write_text("{}")
    with pytest.raises(SessionArchiveError, match=rf"{session.session_id}/session.json is no archived session"):
        open_session(home, session.session_id)


@pytest.mark.parametrize("name", ["../../elsewhere", "000001-ABCDEFGH/../..", "", "000001-abcdefgh"])
def test_a_source_that_names_a_session_badly_is_refused(tmp_path, name):
    """Another machine wrote the name: it must not lead out of the archive."""
    from dagster_project.lake.session_sources import SessionListing

    class Source(LocalHome):
        """List one session under a name of the test's choice."""

        def sessions(self):
            """List it."""
            return [SessionListing(name, True, 1, 1, ())]

    home = Home(tmp_path / "home")
    with pytest.raises(SessionSourceError, match="which is no name of a recording"):
        pull_sessions(home, Source(tmp_path))
    assert list(home.sessions.iterdir()) == []


def test_the_source_is_the_home_itself_unless_no_service_ran_on_it(tmp_path, monkeypatch):
    """One home serves both halves by default; INTERLOCK_URL counts where no journals are; what is named counts always."""
    monkeypatch.delenv("INTERLOCK_URL", raising=False)
    assert isinstance(choose_source(tmp_path), LocalHome)
    monkeypatch.setenv("INTERLOCK_URL", "http://127.0.0.1:9")
    assert isinstance(choose_source(tmp_path), LiveService)
    (tmp_path / "journal").mkdir()
    assert isinstance(choose_source(tmp_path), LocalHome)
    assert choose_source(tmp_path, "http://127.0.0.1:9/").name == "http://127.0.0.1:9"
    assert choose_source(tmp_path, str(tmp_path / "other")).name == f"home {tmp_path / 'other'}"


def test_a_service_that_does_not_answer_is_said(tmp_path):
    """Nothing listens there: one sentence, and nothing is archived."""
    with pytest.raises(SessionSourceError, match=r"no live service answers at http://127\.0\.0\.1:9"):
        pull_sessions(Home(tmp_path), LiveService("http://127.0.0.1:9"))


def test_sessions_are_pulled_from_a_service_over_http(host, service, tmp_path):
    """A second home gets the same bytes by token as the first one holds; the session that runs stays where it is."""
    service.start()
    service.arm()
    service.call("POST", "/v1/kill", {"reason": "a test"})
    service.signal()
    service.start()
    url = json.loads((host.home / "service.json").read_text())
    source = LiveService(f"http://{url['host']}:{url['port']}", service.token)
    home = Home(tmp_path / "research")
    report = pull_sessions(home, source)
    assert [one.status for one in report.statuses] == ["archived", "open"]
    (session,) = archived_sessions(home)
    original = host.home / "journal" / f"{session.session_id}.journal"
    assert journal_of(home, session.session_id).read_bytes() == original.read_bytes()
    assert read_anchors(home.sessions / session.session_id / "anchors.jsonl").seals[0].file_sha256 == session.file_sha256
    with pytest.raises(SessionSourceError, match=r"409: session .* is not handed out before it is sealed: it is running"):
        source.copy_journal(report.statuses[1].session_id, tmp_path / "stolen.journal")
    with pytest.raises(SessionSourceError, match=r"401: .* \(set INTERLOCK_TOKEN\)"):
        pull_sessions(home, LiveService(source.name, "no such token"))


def test_what_a_running_session_published_is_pulled_over_http(host, service, tmp_path):
    """The same bytes as in its home, verified against its anchors; it is provisional until the session is sealed."""
    host.write_tape(*(host.make_bar(host.MARKET + number * host.MINUTE) for number in range(1, 4)))
    host.configure(speed=1_000)
    service.start()
    service.until(lambda: list((host.home / "tape").glob("*/*.tape")), "the first bar is on the tape")
    service.call("POST", "/v1/kill", {"reason": "a test"})
    (journal,) = (host.home / "journal").glob("*.journal")
    with JournalReader(journal) as reader:
        commit = reader.last_commit()
    anchor = Anchor(journal.stem, commit.number, commit.last_seq, commit.head, time.time_ns())
    with AnchorLog(anchors_path(host.home)) as log:
        log.anchor(session_id=anchor.session_id, commit=anchor.commit, seq=anchor.seq, head=anchor.head, at=anchor.at)
    folder = published_folder(host.home, journal.stem) / prefix_name(anchor)
    folder.parent.mkdir(parents=True)
    written = write_prefix(journal, host.home / "tape" / journal.stem, folder, anchor, lambda: None)
    assert written.segments
    url = json.loads((host.home / "service.json").read_text())
    source = LiveService(f"http://{url['host']}:{url['port']}", service.token)
    home = Home(tmp_path / "research")
    assert news_of(home, source)[-1] == f"{journal.stem} through {anchor.at}"
    assert [one.status for one in pull_sessions(home, source).statuses] == ["provisional"]
    (session,) = provisional_sessions(home)
    files = files_of(home, session)
    assert files.journal.read_bytes() == (folder / PREFIX_JOURNAL).read_bytes()
    assert list(read_tape(files.tape)) == list(read_tape(folder / PREFIX_TAPE))
    service.call("GET", f"/v1/sessions/{journal.stem}/prefixes/000000000001-1/journal", expect=404)
    service.call("GET", f"/v1/sessions/{journal.stem}/prefixes/..%2F..%2Fjournal/journal", expect=404)
    service.signal()
    assert not folder.parent.exists()


async def test_old_recordings_could_go_once_they_are_archived_and_nothing_needs_them(host, run_desk):
    """The archive's copy, the code that ran and what the next start recovers from are held, each with its reason."""
    await record(run_desk, sessions=5)
    home = Home(host.home)
    pull_sessions(home, LocalHome(host.home))
    sessions = archived_sessions(home)
    home.bundles.mkdir()
    bundle = home.bundles / host.bundles["probe"].name
    bundle.write_bytes(host.bundles["probe"].read_bytes())
    cached = cached_bundle_path(home.root, "b" * 64)
    cached.parent.mkdir(parents=True)
    cached.write_bytes(bundle.read_bytes())
    (home.reports / "daily" / sessions[0].days[0]).mkdir(parents=True)
    policy = replace(
        load_retention_policy(), classes=tuple(replace(one, keep_newest=min(one.keep_newest, 1)) for one in load_retention_policy().classes)
    )
    now = time.time_ns() + 4_000 * DAY
    items = {item.path: item for item in plan_retention(home, policy, now).items}
    for older in sessions[:-1]:
        assert items[f"journal/{older.session_id}.journal"].action == "delete"
        assert items[f"tape/{older.session_id}"].action == "delete"
        kept = items[f"lake/sessions/{older.session_id}"]
        assert (kept.action, kept.reasons) == ("hold", (f"the daily summary of {older.days[0]} counts it",))
    everything = replace(policy, classes=tuple(replace(one, keep_newest=0) for one in policy.classes))
    items = {item.path: item for item in plan_retention(home, everything, now).items}
    newest = sessions[-1].session_id
    assert items[f"journal/{newest}.journal"].reasons[0] == "the next start of the service recovers from it"
    assert items[f"tape/{newest}"].reasons == ("it says how far the market was followed",)
    for path in (f"bundles/{bundle.name}", f"registry/bundles/{cached.name}"):
        assert items[path].reasons[0] == f"session {sessions[0].session_id} ran it and cannot be replayed without it"
