"""Retention: whatever becomes of orders, what is forgotten step by step is what a look at all of them would forget."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.core import retention
from live.core.entities import Order
from live.core.orders import OrderState
from live.core.retention import EndedOrders
from live.core.vocabulary import OrderType, Side, TimeInForce

NEWEST, ENDED, FILLS, LASTING = 3, 5, 8, 20

steps = st.lists(
    st.tuples(
        st.integers(0, 4).map(lambda passed: passed * passed),
        st.sampled_from(["want", "want", "deny", "fill", "fill", "cancel", "not sent", "live again"]),
        st.integers(0, 30),
        st.integers(0, 4),
    ),
    min_size=30,
    max_size=120,
)


def want(number: int) -> Order:
    """Make an order."""
    kind = (Side.BUY, OrderType.MARKET, TimeInForce.IMMEDIATE_OR_CANCEL, 1, None, 100, 0, OrderState.OPEN)
    return Order(f"o{number}", number, 1, "s", "a", "v:BTCUSDT", *kind)


def kept_by_definition(orders: dict[str, Order], fills: dict[str, str], now: int) -> set[str]:
    """Look at all orders: the newest, those that live, and of those that may fill the ones that ended last, with their fills."""
    never_left = (OrderState.DENIED, OrderState.NOT_SENT)
    ended = [one for one in orders.values() if one.ended_at > now - LASTING and one.state not in never_left]
    ended.sort(key=lambda one: (one.ended_at, one.intent_id))
    kept = {one.order_id for one in orders.values() if not one.ended_at} | set(list(orders)[-NEWEST:])
    if len(fills) <= FILLS:
        return kept | {one.order_id for one in ended[-ENDED:]}
    count, room = Counter(fills.values()), FILLS
    for one in reversed(ended[-ENDED:]):
        room -= count[one.order_id]
        if room < 0:
            break
        kept.add(one.order_id)
    return kept


@given(steps)
def test_what_is_forgotten_is_what_a_look_at_all_orders_would_forget(steps: list[tuple[int, str, int, int]]) -> None:
    """Orders end, end once more and live again, several at one time; now and then a state is restored in the middle."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("RETENTION", LASTING), ("RETAINED_ENDED", ENDED), ("RETAINED_FILLS", FILLS)):
            patch.setattr(retention, name, value)
        now, orders, fills, ended = 100, dict[str, Order](), dict[str, str](), EndedOrders()
        states = {"deny": OrderState.DENIED, "fill": OrderState.FILLED, "cancel": OrderState.CANCELED, "not sent": OrderState.NOT_SENT}
        intents = 0
        for passed, what, which, count in steps:
            now += passed
            if what == "want" or not orders:
                intents += 1
                orders[f"o{intents}"] = want(intents)
                expected = kept_by_definition(orders, fills, now)
                if intents % 2 == 0:
                    forgotten = ended.forget(fills, intents - NEWEST + 1, now)
                    assert set(forgotten) == set(orders) - expected
                    orders = {name: one for name, one in orders.items() if name in expected}
                    fills = {key: name for key, name in fills.items() if name in expected}
                continue
            order = list(orders.values())[which % len(orders)]
            if what == "live again":
                order.state, order.ended_at = OrderState.OPEN, 0
                ended.discard(order.order_id)
                continue
            order.state, order.ended_at = states[what], now
            ended.add(order)
            fills |= {f"{order.order_id}-{now}-{part}": order.order_id for part in range(count if what == "fill" else 0)}
            if count == 4:  # a restart
                ended = EndedOrders()
                for one in sorted(orders.values(), key=lambda one: (one.ended_at, one.intent_id)):
                    if one.ended_at:
                        ended.add(one)
