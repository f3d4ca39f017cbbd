import shutil
from itertools import islice

import msgspec
import pytest
from msgspec.structs import replace

from dagster_project.home import Home
from dagster_project.lake.session_copies import ANCHORS_FILE, SESSION_FILE
from dagster_project.lake.session_sources import LocalHome
from dagster_project.lake.sessions import archived_sessions, journal_of, open_session, pull_sessions, tape_of
from dagster_project.reports.strategies import strategy_loader
from dagster_project.reports.validation import Verdict, earlier_validation, validate_session, write_validation
from live.core.inputs import SessionStarted
from live.core.records import FillRecorded
from live.journal import AnchorLog, JournalFile, JournalReader, SnapshotTaken, seal_journal

pytestmark = pytest.mark.anyio


@pytest.fixture(name="home")
async def _home(host, run_desk):
    """Record one session that traded, and archive it."""
    async with run_desk() as desk:
        await desk.arm()
        await desk.bar()
        await desk.bar(desk.BUY)
        await desk.bar(desk.FLAT)
        await desk.bar()
    home = Home(host.home)
    pull_sessions(home, LocalHome(host.home))
    return home


def load(host, home):
    """Load strategies from the host's bundles, by its trusted key."""
    return strategy_loader(home, list(host.bundles.values()), [host.key.public])


def forge(home, change):
    """Rewrite the archived session with a changed record, its chain, seal and description made anew, as the archive's owner could."""
    (session,) = archived_sessions(home)
    journal = journal_of(home, session.session_id)
    forged = journal.with_suffix(".forged")
    with JournalReader(journal) as reader:
        new = JournalFile.create(forged, session_id=session.session_id, predecessor_head=reader.meta.predecessor_head)
        _, body = reader.first_snapshot()
        for row in reader.rows():
            entry = row.entry()
            if isinstance(entry, SnapshotTaken):
                if not new.last_seq:
                    new.append_snapshot(body, row.ts)
                continue
            place = (row.segment, row.offset)
            one = change(row.seq, entry)
            new.append_step(None, [one], place) if row.is_output else new.append_step(one, [], place)
        new.close()
    forged.replace(journal)
    anchors = home.sessions / session.session_id / ANCHORS_FILE
    anchors.unlink()
    with AnchorLog(anchors) as log:
        seal = seal_journal(journal, log, at=session.sealed_at)
    described = home.sessions / session.session_id / SESSION_FILE
    described.write_bytes(msgspec.json.encode(replace(session, file_sha256=seal.file_sha256, head=seal.head)))
    return open_session(home, session.session_id)


async def test_an_archived_session_is_proven_identical(host, home):
    """The report says so with both digests, on a page of its own, and the next run does not replay it again."""
    (session,) = archived_sessions(home)
    assert earlier_validation(home, session) is None
    report = validate_session(home, session, load(host, home))
    assert report.verdict is Verdict.IDENTICAL
    assert report.result.recorded_digest == report.result.replayed_digest == session.parity_digest
    page = write_validation(home, report)
    assert page == home.reports / "sessions" / session.session_id / "validation.html"
    assert "Replayed: identical, record for record." in page.read_text()
    assert earlier_validation(home, session) == report


async def test_a_forged_record_is_named(host, home):
    """Whoever can make chain and seal anew still cannot make the engine say it: the report names the record and both sides."""
    (session,) = archived_sessions(home)
    with JournalReader(journal_of(home, session.session_id)) as reader:
        (row,) = islice(reader.rows(kinds=("FillRecorded",)), 1)
    forged = forge(home, lambda _, entry: replace(entry, price=4_242) if isinstance(entry, FillRecorded) else entry)
    report = validate_session(home, forged, load(host, home))
    assert report.verdict is Verdict.DIFFERS
    assert report.sentence.startswith(f"Record {row.seq} (FillRecorded) differs: recorded ")
    page = write_validation(home, report).read_text()
    assert f"{row.seq} FillRecorded" in page
    assert "4242" in page
    assert earlier_validation(home, forged) == report


async def test_an_archive_that_was_changed_is_damaged(host, home):
    """A byte that changed after it was verified is found before anything is replayed."""
    (session,) = archived_sessions(home)
    journal = journal_of(home, session.session_id)
    content = bytearray(journal.read_bytes())
    content[-100] ^= 1
    journal.write_bytes(bytes(content))
    report = validate_session(home, session, load(host, home))
    assert report.verdict is Verdict.DAMAGED
    assert journal.name in report.reason
    write_validation(home, report)
    assert earlier_validation(home, session) is None


async def test_another_engine_proves_nothing(host, home):
    """Equal records by another program are reported as that, and not as identical."""
    forged = forge(home, lambda _, entry: replace(entry, engine_digest="0" * 64) if isinstance(entry, SessionStarted) else entry)
    report = validate_session(home, forged, load(host, home))
    assert report.verdict is Verdict.CODE_DIFFERS
    assert "proves nothing" in report.sentence


async def test_what_cannot_be_replayed_says_why(host, home):
    """Without a trusted bundle of the version, or without its tape, the session is neither identical nor different."""
    (session,) = archived_sessions(home)
    report = validate_session(home, session, strategy_loader(home, list(host.bundles.values()), []))
    assert report.verdict is Verdict.NOT_REPLAYED
    assert "no trusted bundle holds probe@" in report.reason
    shutil.rmtree(tape_of(home, session.session_id))
    assert "ends after event 0 of segment 1" in validate_session(home, session, load(host, home)).reason


async def test_what_was_refused_is_told_of_the_wanted_strategy_only_and_counted_beyond_three(host, home):
    """A home may hold hundreds of refused bundles: those of other strategies say nothing about this one."""
    (session,) = archived_sessions(home)
    refused = [host.bundle("probe", source=f"{host.PROBE}\n# {number}\n") for number in range(4)]
    others = [host.bundle("other", source=f"{host.PROBE}\n# {number}\n") for number in range(4)]
    own = next(path for path in host.directory.glob("bundles/*") if path not in {*refused, *others})
    reason = validate_session(home, session, strategy_loader(home, [*others, *refused, own], [])).reason
    assert reason.count(".bundle.json: ") == 3
    assert reason.index(own.name) < min(reason.index(path.name) for path in refused if path.name in reason)
    assert "; 2 more of its bundles were refused): put it below" in reason
    assert not any(path.name in reason for path in others)
    assert "(4 bundles were looked at)" in validate_session(home, session, strategy_loader(home, others, [])).reason
