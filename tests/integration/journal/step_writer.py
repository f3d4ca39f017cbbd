"""Child process: write market events and steps without end, and report on standard output which rows are durable."""

import os
import sys
from pathlib import Path

from live.core.inputs import Bar, ClockTicked
from live.core.instruments import Instrument
from live.core.orders import OrderEvent, OrderState
from live.core.records import OrderTransitioned
from live.journal import GroupCommitWriter, JournalFile, TapeWriter

INSTRUMENT = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=5)
ROLL_EVENTS = 500
SNAPSHOT_EVERY = 100


def make_bar(number: int) -> Bar:
    """Make the n-th market event, from 1."""
    return Bar(number, number, "binance-spot:BTCUSDT", 100 + number, 200, 50, 150, number)


def make_records(number: int) -> list[OrderTransitioned]:
    """Make the records of the n-th step, one to three of them."""
    return [OrderTransitioned(number, f"IL{number}", OrderEvent.ACCEPT, OrderState.OPEN, str(part)) for part in range(number % 3 + 1)]


def main(home: Path) -> None:
    """Write until killed."""
    tape = TapeWriter(home / "tape", "session-1", [INSTRUMENT], roll_events=ROLL_EVENTS)
    journal = JournalFile.create(home / "session.journal", session_id="session-1", created_at=1)
    writer = GroupCommitWriter(
        journal, before_commit=lambda _: tape.sync(), on_durable=lambda seq: void(os.write(1, b"%d\n" % seq)), queue_limit=64
    )
    number = 0
    while True:
        number += 1
        tape.append(make_bar(number))
        writer.submit_step(None, make_records(number), tape.position)
        writer.submit_step(ClockTicked(number), [], tape.position)
        if number % SNAPSHOT_EVERY == 0:
            writer.submit_snapshot(b"state after %d" % number, number)


def void(_: int) -> None:
    """Drop a result."""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
