"""Retention: of orders that ended, those that ended last are kept, in whichever order they began."""

import pytest

from live.core import retention
from live.core.entities import Order
from live.core.orders import OrderState
from live.core.retention import EndedOrders
from live.core.vocabulary import OrderType, Side, TimeInForce

NOW = 10 * retention.DAY


def remember(*ends: int) -> EndedOrders:
    """Take in orders that began one after the other and ended so long before now, and a newest one, which is kept anyhow.

    Of those that ended at one time the newest comes first.
    """
    kind = (Side.BUY, OrderType.MARKET, TimeInForce.IMMEDIATE_OR_CANCEL, 1, None, 100, 0, OrderState.FILLED)
    orders = [Order(f"o{number}", number, 1, "s", "a", "v:BTCUSDT", *kind) for number in range(len(ends) + 1)]
    for order, ago in zip(orders, (*ends, 0), strict=True):
        order.ended_at = NOW - ago
    ended = EndedOrders()
    for order in sorted(orders, key=lambda order: (order.ended_at, -order.intent_id)):
        ended.add(order)
    return ended


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RETAINED_ORDERS", 1), ("RETAINED_ENDED", 3), ("RETAINED_FILLS", 4)):
        monkeypatch.setattr(retention, name, value)


def test_orders_that_ended_last_are_kept_though_others_began_later():
    """Of four with the newest, three are kept besides what is kept for being newest."""
    assert remember(1, 9, 8, 2).forget({"f0": "o0", "f1": "o1"}, 4, NOW) == ["o1", "o2"]


def test_of_too_many_fills_those_of_orders_that_ended_last_are_kept():
    """Though there are no more orders than are kept."""
    fills = {f"f{number}{part}": f"o{number}" for number in range(2) for part in range(3)}
    assert remember(1, 9).forget(fills, 2, NOW) == ["o1"]


def test_orders_that_ended_at_once_go_in_the_order_they_began():
    """So that every fold forgets the same, whichever ended first within that time."""
    assert remember(5, 5, 5).forget({}, 3, NOW) == ["o0"]


def test_where_nothing_has_to_go_nothing_does():
    """As many orders and fills as are kept."""
    assert remember(9, 1).forget({f"f{number}": "o0" for number in range(4)}, 2, NOW) == []


def test_fills_that_may_stay_make_no_room_for_more_orders():
    """Too many fills of the first order, and more orders than are kept."""
    fills = {f"f{part}": "o0" for part in range(5)}
    assert remember(9, 8, 7, 6).forget(fills, 4, NOW) == ["o0", "o1"]
