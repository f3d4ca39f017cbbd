"""Retention: of orders that ended, those that ended last are kept, in whichever order they began."""

import pytest

from live.core import retention
from live.core.entities import Order
from live.core.orders import OrderState
from live.core.vocabulary import OrderType, Side, TimeInForce

NOW = 10 * retention.DAY


def ended(*ends: int) -> dict[str, Order]:
    """Make orders that began one after the other and ended so long before now, and a newest one, which is kept anyhow."""
    kind = (Side.BUY, OrderType.MARKET, TimeInForce.IMMEDIATE_OR_CANCEL, 1, None, 100, 0, OrderState.FILLED)
    orders = [Order(f"o{number}", number, 1, "s", "a", "v:BTCUSDT", *kind) for number in range(len(ends) + 1)]
    for order, ago in zip(orders, (*ends, 0), strict=True):
        order.ended_at = NOW - ago
    return {order.order_id: order for order in orders}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RETAINED_ORDERS", 1), ("RETAINED_ENDED", 3), ("RETAINED_FILLS", 4)):
        monkeypatch.setattr(retention, name, value)


def test_orders_that_ended_last_are_kept_though_others_began_later():
    """Of four with the newest, three are kept besides what is kept for being newest."""
    orders, keys = retention.forget_old_orders(ended(1, 9, 8, 2), {"f0": "o0", "f1": "o1"}, NOW)
    assert list(orders) == ["o0", "o3", "o4"]
    assert keys == {"f0": "o0"}


def test_of_too_many_fills_those_of_orders_that_ended_last_are_kept():
    """Though there are no more orders than are kept."""
    fills = {f"f{number}{part}": f"o{number}" for number in range(2) for part in range(3)}
    orders, keys = retention.forget_old_orders(ended(1, 9), fills, NOW)
    assert list(orders) == ["o0", "o2"]
    assert set(keys.values()) == {"o0"}


def test_orders_that_ended_at_once_go_in_the_order_they_began():
    """So that every fold forgets the same."""
    orders, _ = retention.forget_old_orders(ended(5, 5, 5), {}, NOW)
    assert list(orders) == ["o1", "o2", "o3"]


def test_where_nothing_has_to_go_nothing_does():
    """As many orders and fills as are kept."""
    everything, fills = ended(9, 1), {f"f{number}": "o0" for number in range(4)}
    assert retention.forget_old_orders(everything, fills, NOW) == (everything, fills)
