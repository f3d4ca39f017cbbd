import shutil
from itertools import islice

import msgspec
import pytest
from msgspec.structs import replace

from live.core.inputs import SessionStarted
from live.core.records import DecisionRecorded, FillRecorded, IntentRecorded
from live.driver.recovery import session_journals
from live.driver.session_replay import SessionReplayError, replay_session
from live.journal import JournalFile, JournalReader, SnapshotTaken, verify_journal
from live.promotion import load_strategy, verify_bundle

pytestmark = pytest.mark.anyio


def loader(host):
    """Load the recorded strategies from the host's bundles."""

    def load(deployments):
        found = {}
        for deployment in deployments:
            raw = host.bundles[deployment.strategy_id].read_bytes()
            loaded = load_strategy(verify_bundle(raw, [host.key.public], host.created_at), host.home)
            found[deployment.strategy_id] = (loaded.strategy, loaded.warm_up_bars)
        return found

    return load


async def trade(desk):
    """Rest, cancel, buy, sell: something of everything that a session records."""
    await desk.rest_an_order()
    await desk.bar(desk.BUY)
    await desk.bar()
    await desk.bar(desk.FLAT)
    await desk.bar()


def forge(journal, forged, change):
    """Write a journal again with some entries changed and the chain computed anew, as an attacker with the program could."""
    with JournalReader(journal) as reader:
        new = JournalFile.create(forged, session_id=reader.meta.session_id, predecessor_head=reader.meta.predecessor_head)
        _, body = reader.first_snapshot()
        for row in reader.rows():
            entry = row.entry()
            if isinstance(entry, SnapshotTaken):
                if new.last_seq == 0:
                    new.append_snapshot(body, row.ts)
                continue
            for one in change(row.seq, entry):
                position = (row.segment, row.offset)
                new.append_step(None, [one], position) if row.is_output else new.append_step(one, [], position)
        new.close()
    verify_journal(forged)


@pytest.fixture(name="recorded")
async def _recorded(host, run_desk):
    """Record one session that traded and closed."""
    async with run_desk() as desk:
        await trade(desk)
    (journal,) = session_journals(host.home)
    return journal


async def test_a_closed_session_replays_record_for_record(host, recorded):
    """Both parity digests are the same, nothing is left over, and it is known to have closed."""
    result = replay_session(recorded, loader(host))
    assert result.identical
    assert result.recorded_digest == result.replayed_digest
    assert (result.closed, result.tail_records, result.failure) == (True, 0, None)
    assert result.records > 20
    assert result.market_events == 6


async def test_a_session_replays_twice_the_same(host, recorded):
    """Replaying changes nothing that was recorded."""
    before = recorded.read_bytes()
    assert replay_session(recorded, loader(host)) == replay_session(recorded, loader(host))
    assert recorded.read_bytes() == before


async def test_a_crashed_session_replays_as_far_as_it_was_durable(host, run_desk, tmp_path):
    """What the engine did after the last durable record is its tail, and not a difference."""
    async with run_desk() as desk:
        await trade(desk)
        held = desk.hold_journal()
        driver = desk.service.session.driver
        driver.feed(host.make_bar(driver.now() + host.MINUTE, told=desk.REST, close=11_000))
        crashed = tmp_path / "crashed"
        shutil.copytree(host.home, crashed)
        held.let_go()
    (journal,) = session_journals(crashed)
    result = replay_session(journal, loader(host))
    assert result.identical
    assert not result.closed
    assert result.tail_records > 0


async def test_a_session_with_history_replays(host, run_desk):
    """The history that warmed a strategy up is on the tape and is fed again."""
    host.bundle(warm_up=5)
    bars = [host.make_bar(host.MARKET + number * host.MINUTE, told=2 if number == 9 else 0) for number in range(12)]
    host.write_tape(*bars)
    host.configure(speed=0.0, start="2020-09-13T12:33:40Z")
    async with run_desk() as desk:
        await desk.until(lambda: desk.service.session.player.ended, "the tape is played to its end")
    (journal,) = session_journals(host.home)
    result = replay_session(journal, loader(host))
    assert result.identical
    assert result.market_events == 5 + 4


async def test_every_session_of_a_home_replays_from_where_it_began(host, run_desk):
    """The second session begins with the first one's position and lease gone, by its own opening snapshot."""
    for _ in range(3):
        async with run_desk() as desk:
            await desk.arm()
            await desk.bar()
            await desk.bar(desk.BUY)
            await desk.bar()
            await desk.bar(desk.FLAT)
    for journal in session_journals(host.home):
        assert replay_session(journal, loader(host)).identical


async def test_a_session_that_a_failure_halted_fails_again_in_the_same_place(host, run_desk):
    """The failure is part of what the session was: it is reproduced and reported."""
    async with run_desk() as desk:
        await trade(desk)
        driver = desk.service.session.driver
        with pytest.raises(Exception, match="told to fail"):
            driver.feed(host.make_bar(driver.now() + host.MINUTE, told=desk.FAIL))
    (journal,) = session_journals(host.home)
    result = replay_session(journal, loader(host))
    assert result.identical
    assert "told to fail" in result.failure


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (DecisionRecorded, {"reason": "another reason"}),
        (FillRecorded, {"price": 1}),
        (IntentRecorded, {"quantity": 1}),
    ],
)
async def test_a_forged_record_is_named_though_its_chain_holds(host, recorded, tmp_path, kind, change):
    """Whoever can compute the chain anew still cannot make the engine say something else."""
    forged = tmp_path / recorded.name
    named = []

    def alter(seq, entry):
        if isinstance(entry, kind) and not named:
            named.append((seq, entry))
            return [replace(entry, **change)]
        return [entry]

    forge(recorded, forged, alter)
    result = replay_session(forged, loader(host), tape=host.home / "tape" / recorded.stem)
    assert not result.identical
    ((seq, entry),) = named
    assert (result.difference.seq, result.difference.kind) == (seq, kind.__name__)
    ((name, value),) = change.items()
    assert repr(value) in result.difference.recorded
    assert repr(msgspec.to_builtins(getattr(entry, name))) in result.difference.replayed


async def test_a_record_left_out_is_named(host, recorded, tmp_path):
    """The next thing that was recorded is where the replay says something that the journal lacks."""
    forged = tmp_path / recorded.name
    with JournalReader(recorded) as reader:
        (row,) = islice(reader.rows(kinds=("DecisionRecorded",)), 1)
    forge(recorded, forged, lambda seq, entry: [] if seq == row.seq else [entry])
    result = replay_session(forged, loader(host), tape=host.home / "tape" / recorded.stem)
    assert result.difference.seq == row.seq
    assert "DecisionRecorded" in result.difference.replayed


async def test_a_record_put_in_is_named(host, recorded, tmp_path):
    """A record that the engine never said differs where it stands."""
    forged = tmp_path / recorded.name
    with JournalReader(recorded) as reader:
        (row,) = islice(reader.rows(kinds=("FillRecorded",)), 1)
    forge(recorded, forged, lambda seq, entry: [entry, entry] if seq == row.seq else [entry])
    result = replay_session(forged, loader(host), tape=host.home / "tape" / recorded.stem)
    assert result.difference.seq == row.seq + 1
    assert "FillRecorded" in result.difference.recorded


async def test_another_engine_is_said_and_is_never_parity(host, recorded, tmp_path):
    """Equal records by another program are no proof that this one reproduces the session."""
    forged = tmp_path / recorded.name
    forge(recorded, forged, lambda _, entry: [replace(entry, engine_digest="0" * 64) if isinstance(entry, SessionStarted) else entry])
    result = replay_session(forged, loader(host), tape=host.home / "tape" / recorded.stem)
    assert result.code_differs
    assert result.difference is None
    assert not result.identical


async def test_a_tape_that_is_not_all_there_is_said(host, recorded):
    """Without its market data a session cannot be shown to be reproduced, and that is not called a difference."""
    tape = host.home / "tape" / recorded.stem
    shutil.rmtree(tape)
    with pytest.raises(SessionReplayError, match=r"the tape .* ends after event 0 of segment 1, the journal goes on to event"):
        replay_session(recorded, loader(host))


async def test_a_session_that_never_began_has_nothing_to_replay(host):
    """A crash right after the journal's creation leaves a file without a session."""
    path = host.home / "journal" / "000001-CRASHED1.journal"
    JournalFile.create(path, session_id=path.stem).abandon()
    with pytest.raises(SessionReplayError, match="ended before its session began"):
        replay_session(path, loader(host))
