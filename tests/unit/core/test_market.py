"""Market view: bars that contradict themselves never become a price."""

import pytest
from msgspec.structs import replace

from live.core.errors import InputError
from live.core.inputs import Bar
from live.core.market import InstrumentMarket

GOOD = Bar(100, 100, "v:BTCUSDT", 105, 110, 95, 100, 7)


def test_a_bar_moves_the_last_price_and_the_median():
    """The last close is the price, the median of the last nine the slow reference."""
    market = InstrumentMarket()
    for number, close in enumerate([100, 104, 96, 110]):
        market.observe(replace(GOOD, ts_event=number, close=close))
    assert (market.last_price, market.slow_reference(), market.event_time) == (110, 100, 3)


def test_one_wild_bar_moves_the_price_but_not_the_median():
    """The two references disagree after an error, which is what the collar judges by."""
    market = InstrumentMarket()
    for number in range(9):
        market.observe(replace(GOOD, ts_event=number))
    market.observe(replace(GOOD, ts_event=9, close=1_000, high=1_000))
    assert (market.last_price, market.slow_reference()) == (1_000, 100)


def test_history_is_no_current_price():
    """A warm-up bar feeds the slow reference only."""
    market = InstrumentMarket()
    market.observe(replace(GOOD, warm_up=True))
    assert (market.last_price, market.slow_reference()) == (None, 100)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"low": 0}, "not positive"),
        ({"open": -5, "low": -5}, "not positive"),
        ({"high": 94}, "outside its low and high"),
        ({"open": 111}, "outside its low and high"),
        ({"open": 94}, "outside its low and high"),
        ({"close": 111}, "outside its low and high"),
        ({"close": 94}, "outside its low and high"),
        ({"volume": -1}, "negative volume"),
        ({"high": 2**62}, "beyond"),
        ({"ts_event": 99}, "not after the one before at 100"),
        ({"ts_event": 100}, "not after the one before at 100"),
    ],
)
def test_a_bar_that_contradicts_itself_is_refused_with_what_is_wrong(changes, said):
    """A price that cannot be is an error that says which, and the view stays as it was."""
    market = InstrumentMarket()
    market.observe(GOOD)
    with pytest.raises(InputError, match=said):
        market.observe(replace(GOOD, **{"ts_event": 101, **changes}))
    assert (market.last_price, market.event_time) == (100, 100)
