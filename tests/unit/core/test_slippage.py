"""What own orders lately paid: sums that expire, extend and come back from a snapshot."""

import pytest

from live.core.entities import Order
from live.core.pace import HOUR
from live.core.records import FillRecorded
from live.core.slippage import LEAST, REMEMBERED, Slippage
from live.core.vocabulary import Liquidity, OrderType, Side, TimeInForce

ACCOUNT, INSTRUMENT = "main", "local:BTCUSDT"


def fill(kept: Slippage, number: int, ts: int, paid_ppm: int, quantity: int = 1, *, again: bool = False, side: Side = Side.BUY) -> None:
    """Book an execution of a market order whose reference is a million, so that a price unit is a part per million."""
    order_id, price = f"IL{number}", 1_000_000 + (paid_ppm if side is Side.BUY else -paid_ppm)
    order = Order(
        order_id, number, 1, "s", ACCOUNT, INSTRUMENT, side, OrderType.MARKET, TimeInForce.IMMEDIATE_OR_CANCEL, 10, None, 1_000_000, 0
    )
    order.filled_quantity = int(again)
    record = FillRecorded(
        ts, order_id, "s", ACCOUNT, INSTRUMENT, "V", "T", side, price, quantity, 0, "USDT", Liquidity.TAKER, ts, late=False
    )
    kept.fill(order, record)


def lately(kept: Slippage, now: int) -> int | None:
    """Ask for the account and instrument of all these tests."""
    return kept.lately(ACCOUNT, INSTRUMENT, now)


def test_few_orders_say_nothing():
    """The average is given from the third order on, weighed by quantity, and of sells as of buys."""
    kept = Slippage()
    fill(kept, 1, 1, 10)
    fill(kept, 2, 2, 20, side=Side.SELL)
    assert lately(kept, 3) is None
    fill(kept, 3, 3, 60, quantity=2)
    assert LEAST == 3
    assert lately(kept, 3) == (10 + 20 + 2 * 60) // 4


def test_orders_of_more_than_an_hour_ago_no_longer_count():
    """An order counts for an hour after its first fill, to the nanosecond, whether or not anything filled since."""
    kept = Slippage()
    for number, ts in enumerate((0, 10, 20, 30)):
        fill(kept, number, ts, 100 * (number + 1))
    assert lately(kept, HOUR - 1) == (100 + 200 + 300 + 400) // 4
    assert lately(kept, HOUR) == (200 + 300 + 400) // 3
    assert lately(kept, HOUR + 10) is None
    fill(kept, 9, HOUR + 5, 900)
    assert lately(kept, HOUR + 5) == (200 + 300 + 400 + 900) // 4


def test_only_the_newest_orders_count():
    """Of many orders the newest twenty are averaged."""
    kept = Slippage()
    for number in range(REMEMBERED + 5):
        fill(kept, number, number, number)
    newest = range(5, REMEMBERED + 5)
    assert lately(kept, 30) == sum(newest) // REMEMBERED


def test_executions_of_one_order_are_one_entry():
    """An order that fills in parts counts once, at the average of its parts."""
    kept = Slippage()
    for number in range(3):
        fill(kept, number, number, 10)
    fill(kept, 1, 5, 70, quantity=2, again=True)
    assert lately(kept, 5) == (10 + 10 + (10 + 2 * 70) // 3 * 3) // 5
    assert [len(paid) for _, _, paid in kept.write_down(5)] == [3]


@pytest.mark.parametrize("elapsed", [1, HOUR, HOUR + 1])
def test_what_is_read_back_goes_on_as_what_was_written_down(elapsed):
    """A further part of an order that has run out counts anew, whether or not a snapshot came between."""
    kept, restored = Slippage(), Slippage()
    for number in range(3):
        fill(kept, number, 0, 10 * number)
    restored.read_back(kept.write_down(elapsed))
    for one in (kept, restored):
        fill(one, 1, elapsed, 50, again=True)
        for number in (7, 8):
            fill(one, number, elapsed + 1, 90)
    assert lately(kept, elapsed + 1) == lately(restored, elapsed + 1)
    assert kept.write_down(elapsed + 1) == restored.write_down(elapsed + 1)
