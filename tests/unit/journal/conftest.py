"""Small real journals and tapes for the tests of this directory."""

from collections.abc import Callable
from pathlib import Path

import pytest

from live.core.inputs import Bar, ClockTicked
from live.core.instruments import Instrument
from live.core.orders import OrderEvent, OrderState
from live.core.records import OrderTransitioned
from live.journal import JournalFile

START_OF_2024 = 1_704_067_200_000_000_000
SECOND = 1_000_000_000


@pytest.fixture
def instrument() -> Instrument:
    """Define one instrument."""
    return Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=5)


@pytest.fixture
def record() -> Callable[[int], OrderTransitioned]:
    """Make the n-th output record."""

    def make(number: int) -> OrderTransitioned:
        return OrderTransitioned(START_OF_2024 + number * SECOND, f"ILNONCE{number:05d}", OrderEvent.ACCEPT, OrderState.OPEN, "")

    return make


@pytest.fixture
def tick() -> Callable[[int], ClockTicked]:
    """Make the n-th input."""
    return lambda number: ClockTicked(START_OF_2024 + number * SECOND)


@pytest.fixture
def bar() -> Callable[[int], Bar]:
    """Make the n-th market event."""

    def make(number: int) -> Bar:
        time = START_OF_2024 + number * 60 * SECOND
        return Bar(time, time, "binance-spot:BTCUSDT", 4_000_000 + number, 4_000_100, 3_999_900, 4_000_050, 1_000 + number)

    return make


@pytest.fixture
def write_journal(record: Callable[[int], OrderTransitioned], tick: Callable[[int], ClockTicked]) -> Callable[[Path, int], JournalFile]:
    """Write a closed journal of so many steps, each an input and an output in a commit of its own, with a snapshot at the end."""

    def write(path: Path, steps: int) -> JournalFile:
        journal = JournalFile.create(path, session_id="session-1", predecessor_head="", created_at=START_OF_2024)
        for number in range(steps):
            journal.append_step(tick(number), [record(number)], (1, number))
            journal.commit()
        journal.append_snapshot(b"the state", START_OF_2024 + steps * SECOND)
        journal.close()
        return journal

    return write
