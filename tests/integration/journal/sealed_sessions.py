"""Small homes of sessions that were closed and sealed, one after the other."""

from pathlib import Path

from live.core.inputs import Bar, ClockTicked, SessionStarted
from live.core.instruments import Instrument
from live.core.snapshots import take_snapshot
from live.core.state import EngineState
from live.driver.recovery import JOURNALS, TAPES, anchors_path
from live.journal import AnchorLog, JournalFile, TapeWriter, seal_journal

INSTRUMENT = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=5)
DAY = 86_400_000_000_000


def session_name(number: int) -> str:
    """Name the n-th session, from 1."""
    return f"{number:06d}-{chr(64 + number) * 8}"


def leave_sessions(home: Path, count: int, *, begin_at: int = 1, head: str = "", with_state: bool = True, sealed: bool = True) -> str:
    """Leave closed sessions, each with a tape of two segments and sealed on a day of its own; gives the last head."""
    with AnchorLog(anchors_path(home)) as anchors:
        for number in range(begin_at, begin_at + count):
            name = session_name(number)
            with TapeWriter(home / TAPES / name, name, [INSTRUMENT], roll_events=2) as tape:
                for event in range(3):
                    tape.append(Bar(number * 10 + event, number * 10 + event, INSTRUMENT.instrument_id, 1, 2, 3, 4, number))
            path = home / JOURNALS / f"{name}.journal"
            journal = JournalFile.create(path, session_id=name, predecessor_head=head, created_at=number)
            if with_state:
                journal.append_snapshot(take_snapshot(EngineState()), number * 10)
                journal.append_step(SessionStarted(number * 10, name, name[7:], 0, "", "", "", head, ()), [], (1, 0))
                journal.append_step(ClockTicked(number * 10 + 5), [], (2, 1))
            journal.close()
            head = journal.head
            if sealed:
                seal_journal(path, anchors, at=number * DAY)
    return head
