from pathlib import Path

import pytest

from live.core.inputs import Bar, ClockTicked, SessionStarted
from live.core.instruments import Instrument
from live.core.snapshots import take_snapshot
from live.core.state import EngineState
from live.driver.recovery import JOURNALS, TAPES, recover
from live.journal import JournalFile, TapeWriter

NAME = "000001-ABCDEFGH"
INSTRUMENT = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=6)


@pytest.mark.parametrize(("written", "handled", "complete"), [(3, 3, True), (3, 2, True), (2, 3, False), (0, 0, True), (0, 1, False)])
def test_a_tape_that_lost_whole_events_is_noticed(tmp_path: Path, written: int, handled: int, complete: bool) -> None:
    """A tape that ends before the point to which the journal says the engine had handled it is reported as incomplete."""
    journal = JournalFile.create(tmp_path / JOURNALS / f"{NAME}.journal", session_id=NAME)
    journal.append_snapshot(take_snapshot(EngineState()), 0)
    journal.append_step(SessionStarted(0, NAME, "ABCDEFGH", 0, "", "", "", "", ()), [], (1, 0))
    journal.append_step(ClockTicked(10), [], (1, handled))
    journal.close()
    with TapeWriter(tmp_path / TAPES / NAME, NAME, [INSTRUMENT]) as tape:
        for number in range(written):
            tape.append(Bar(number, number, INSTRUMENT.instrument_id, 1, 1, 1, 1, 1))
    assert recover(tmp_path).tape_complete is complete
