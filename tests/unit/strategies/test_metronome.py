"""Metronome: what it sends, trade by trade."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from live.promotion import load_archive, load_strategy_folder, unload

FOLDER = Path(__file__).parents[3] / "strategies" / "metronome"


class Desk:
    """Take orders as an engine would, and fill them when it is told to."""

    def __init__(self, instrument):
        self.held = 0
        self.alive = {}
        self.sent = []
        self._instrument = instrument

    def instrument(self, name):
        """Give the definition."""
        assert name == self._instrument.instrument_id
        return self._instrument

    def units(self, name, amount):
        """Count the lots of an amount."""
        return int(amount * 10 ** self.instrument(name).quantity_scale)

    def position(self, name):
        """Give what is held."""
        del name
        return self.held

    def open_orders(self, name):
        """List what is alive."""
        del name
        return list(self.alive.values())

    def submit_order(self, name, side, quantity, *, label, limit_price, **more):
        """Take an order."""
        del name
        order = SimpleNamespace(label=label, side=side, quantity=quantity, limit_price=limit_price, **more)
        self.alive[label] = order
        self.sent.append(order)

    def fill(self):
        """Fill the order that trades."""
        order = self.alive.pop("beat")
        self.held += order.quantity if order.side == "BUY" else -order.quantity


@pytest.fixture(name="loaded")
def _loaded():
    read = load_strategy_folder(FOLDER, {"every": 2})
    loaded = load_archive(read.version, read.archive, Path("/nowhere"))
    yield loaded
    unload(loaded)


@pytest.fixture(name="play")
def _play(loaded):
    """Give a desk, and a function that lets the market trade so many times."""
    (instrument,) = loaded.version.instruments
    desk = Desk(instrument)

    def play(trades, price=60_000.0):
        for _ in range(trades):
            loaded.strategy.on_trade(SimpleNamespace(instrument_id=instrument.instrument_id, price=price), desk)
        return desk

    return play


def test_it_buys_and_sells_in_turn_after_so_many_trades(play):
    """Every second trade of the market brings the next order, and what is sold is what is held."""
    desk = play(2)
    desk.fill()
    play(2)
    assert [(order.side, order.quantity) for order in desk.sent if order.label == "beat"] == [("BUY", 1000), ("SELL", 1000)]
    desk.fill()
    assert desk.held == 0


def test_it_waits_for_the_order_that_is_on_its_way(play):
    """An order whose answer is lost is followed by no other one."""
    desk = play(20)
    assert [order.label for order in desk.sent] == ["net", "beat"]


def test_no_order_can_meet_its_own(play):
    """What it would sell at worst lies above what it bids, so that a venue has no self-trade to prevent."""
    desk = play(2)
    desk.fill()
    play(2)
    resting, sale = desk.alive["net"], desk.alive["beat"]
    assert (resting.order_type, resting.side, sale.side, sale.time_in_force) == ("LIMIT", "BUY", "SELL", "IOC")
    assert resting.limit_price < sale.limit_price < 60_000.0
