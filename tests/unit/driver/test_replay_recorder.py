"""The recorder of a replay: what it counts and when it commits, with a journal and without one."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from live.core import inputs, records
from live.core.engine import Engine
from live.core.orders import OrderEvent, OrderState
from live.core.records import OutputRecord
from live.core.risk.codes import DenialCode
from live.core.strategy import Strategy
from live.core.vocabulary import Liquidity, Side
from live.driver.replay import COMMIT_INTERVAL, ReplayRecorder, ReplaySetup, replay
from live.journal import JournalFile, JournalReader, ParityDigest, encode_entry
from tests.unit.driver.test_replay import BTC, bars, setup

FILL = ("alpha", "paper", BTC.instrument_id, "V1", "T1", Side.BUY, 10_000, 1, 0, "USDT", Liquidity.TAKER, 1, False)
ALARMS = ("NEGATIVE_BALANCE", "MARGIN_CALL")


@pytest.fixture(name="journal", params=["a journal", "none"])
def _journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JournalFile | None]:
    if request.param == "none":
        yield None
        return
    with JournalFile.create(tmp_path / "replay.journal", session_id="replay", durable=False) as journal:
        yield journal


def said(number: int) -> list[OutputRecord]:
    """Make the records of a step: mostly moves, of every code of denials now and then one, more often a fill, sometimes an alarm."""
    moved: list[OutputRecord] = [records.OrderTransitioned(number, "ILSESSION11", OrderEvent.ACCEPT, OrderState.OPEN, "")]
    if number % 7 == 0:
        moved.append(records.OrderDenied(number, "ILSESSION11", list(DenialCode)[number // 7 % len(DenialCode)], "test"))
    if number % 3 == 0:
        moved.append(records.FillRecorded(number, "ILSESSION11", *FILL))
    if 700 < number < 800:
        moved.append(records.AlarmRaised(number, ALARMS[number % 2], "", "test"))
    return moved


def test_denials_alarms_and_fills_are_counted_as_they_were_said(journal: JournalFile | None) -> None:
    """Over several commits, of which some hold none of them, and with inputs between them."""
    recorder = ReplayRecorder(journal, Engine({}))
    everything: list[OutputRecord] = []
    for number in range(4 * COMMIT_INTERVAL):
        outputs = said(number) if number < 2 * COMMIT_INTERVAL else said(1)
        everything += outputs
        recorder.step(None if number % 2 else inputs.ClockTicked(number), outputs, number)
    digest = recorder.commit()
    coded = [one for one in everything if isinstance(one, records.OrderDenied | records.AlarmRaised)]
    assert recorder.tally == Counter(f"{type(one).__name__} {one.code}" for one in coded)
    assert len(recorder.tally) == len(DenialCode) + len(ALARMS)
    assert recorder.fills == sum(isinstance(one, records.FillRecorded) for one in everything)
    assert recorder.entries == len(everything) + 2 * COMMIT_INTERVAL
    parity = ParityDigest()
    parity.update_all([encode_entry(one) for one in everything])
    assert digest == parity.hexdigest()


def test_a_commit_is_due_after_so_many_entries(tmp_path: Path) -> None:
    """Snapshots are no entries, nor is what the journal held before: they neither bring a commit forward nor put it off."""
    path = tmp_path / "replay.journal"
    with JournalFile.create(path, session_id="replay", durable=False) as journal:
        journal.append_step(None, said(1), (1, 0))
        journal.commit()
        recorder = ReplayRecorder(journal, Engine({}))
        for number in range(2 * COMMIT_INTERVAL):
            if number in {0, 5, COMMIT_INTERVAL + 5}:
                recorder.snapshot(b"the state", number)
            recorder.step(None, said(1), number)
        assert recorder.entries == 2 * COMMIT_INTERVAL
        assert not journal.uncommitted
    with JournalReader(path) as reader:
        assert [commit.last_seq for commit in reader.commits()] == [1, COMMIT_INTERVAL + 3, 2 * COMMIT_INTERVAL + 4]


def test_what_waits_for_its_commit_is_let_go_without_a_journal() -> None:
    """However long a replay takes, no more than a commit's records are held."""
    recorder = ReplayRecorder(None, Engine({}))
    for number in range(COMMIT_INTERVAL):
        recorder.step(None, said(1), number)
    assert not recorder._steps


class Denied(Strategy):
    """Ask for orders that are allowed, too large, and too far from the price, in turn."""

    Parameters = dict

    def on_bar(self, bar, context) -> None:
        """Ask for three, and change the target now and then."""
        name, turn = bar.instrument_id, bar.ts_event // 60_000_000_000 % 5
        for quantity in (10, 20_000 if turn else 30):
            context.submit_order(name, "BUY" if turn % 2 else "SELL", quantity)
        context.submit_order(name, "BUY", 10, order_type="LIMIT", limit_price=round(bar.close * 0.5, 2))
        context.target_units(name, 100 + turn)


def test_a_result_counts_what_its_journal_holds(tmp_path: Path) -> None:
    """Decisions, intents, fills, denials by code and all entries, the same with a journal and without."""
    path = tmp_path / "replay.journal"
    whole: ReplaySetup = setup()
    with JournalFile.create(path, session_id="replay", durable=False) as journal:
        result = replay({"follower": (Denied({}), 0)}, bars(300), whole, journal=journal)
    with JournalReader(path) as reader:
        rows = list(reader.rows())
        assert len(list(reader.commits())) > 3
    kinds = Counter(row.kind for row in rows)
    denied = [entry for row in rows if isinstance(entry := row.entry(), records.OrderDenied)]
    assert result.denials == Counter(one.code for one in denied)
    assert len(result.denials) > 1
    assert (result.decisions, result.intents, result.fills) == (kinds["DecisionRecorded"], kinds["IntentRecorded"], kinds["FillRecorded"])
    assert len({result.decisions, result.intents, result.fills}) == 3
    assert result.records == len(rows) - kinds["SnapshotTaken"]
    assert replay({"follower": (Denied({}), 0)}, bars(300), whole) == result
