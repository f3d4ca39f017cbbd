import pytest

from live.driver.published import newest_prefix
from live.journal import JournalReader, read_tape, verify_journal
from live.journal.prefix import PREFIX_JOURNAL, PREFIX_TAPE, read_prefix

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
