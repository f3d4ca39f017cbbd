"""Slippage: whatever fills, the average is that of the newest orders of the last hour, and a restart makes no difference to it."""

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from live.core.pace import HOUR
from live.core.slippage import LEAST, REMEMBERED, WORST_PPM, Slippage
from live.core.vocabulary import OrderType, Side

KEY = ("real", "local:BTCUSDT")
FILLS = st.lists(
    st.tuples(
        st.integers(0, HOUR // 4),  # time that passed
        st.integers(0, 30),  # which order
        st.integers(1, 10**7) | st.just(2**62),  # price
        st.integers(1, 10**9),  # quantity
        st.booleans(),  # a restart before it
    ),
    max_size=80,
)


class Model:
    """Keep every order that paid something, and add all of them up each time."""

    def __init__(self) -> None:
        self.orders: list[list[Any]] = []

    def fill(self, now: int, number: int, worse: int, quantity: int, *, first: bool) -> None:
        """Take in an execution."""
        self.orders = [one for one in self.orders if one[0] > now - HOUR]
        known = [one for one in self.orders if one[1] == number and not first]
        if known:
            known[0][2] = (known[0][2] * known[0][3] + worse * quantity) // (known[0][3] + quantity)
            known[0][3] += quantity
        else:
            self.orders = [*self.orders, [now, number, worse, quantity]][-REMEMBERED:]

    def lately(self, now: int) -> int | None:
        """Average those of the last hour."""
        newest = [one for one in self.orders if one[0] > now - HOUR]
        if len(newest) < LEAST:
            return None
        return sum(worse * quantity for _, _, worse, quantity in newest) // sum(quantity for _, _, _, quantity in newest)


@given(fills=FILLS, side=st.sampled_from(Side), later=st.integers(0, 2 * HOUR))
def test_the_average_is_that_of_the_newest_orders_and_survives_restarts(fills, side, later):
    """A straightforward sum over what should count says the same after every fill, and what is written down is the same as well."""
    slippage, restarted, model, filled = Slippage(), Slippage(), Model(), dict.fromkeys(range(31), 0)
    now, reference = 0, 1_000
    for passed, number, price, quantity, restart in fills:
        if restart:
            again = Slippage()
            again.read_back(restarted.write_down(now))
            restarted = again
        now += passed
        order: Any = SimpleNamespace(
            order_id=str(number),
            account_id=KEY[0],
            instrument_id=KEY[1],
            order_type=OrderType.MARKET,
            side=side,
            trigger_price=None,
            reference_price=reference,
            filled_quantity=filled[number],
        )
        record: Any = SimpleNamespace(ts=now, price=price, quantity=quantity)
        for one in (slippage, restarted):
            one.fill(order, record)
        worse = (price - reference if side is Side.BUY else reference - price) * 1_000_000 // reference
        model.fill(now, number, max(-WORST_PPM, min(worse, WORST_PPM)), quantity, first=not filled[number])
        filled[number] += quantity
        assert slippage.lately(*KEY, now) == restarted.lately(*KEY, now) == model.lately(now)
        assert slippage.write_down(now) == restarted.write_down(now)
    assert slippage.lately(*KEY, now + later) == model.lately(now + later)
