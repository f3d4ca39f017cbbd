"""Close-out: every position is out at the end, at a price that is stated, whatever the venue's delays and the strategy's wishes."""

import pytest

from live.core.inputs import Deployment
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.market_events import Bar
from live.core.strategy import Strategy
from live.driver.close_out import CloseOut
from live.driver.replay import ReplayResult, ReplaySetup, replay
from live.driver.replay_observer import ReplayObserver
from live.venues.sim import CostModel, FillModel, FillPrice, SimulationSettings
from live.venues.sim.latency import Delay, LatencyModel

MINUTE = 60 * 10**9
START = 1_704_067_200 * 10**9
NAMES = ("sim:BTCUSDT", "sim:ETHUSDT")
INSTRUMENTS = tuple(Instrument(instrument_id=name, base=name[4:7], quote="USDT", price_scale=2, quantity_scale=3) for name in NAMES)
LIMITS = Limits(dict.fromkeys(NAMES, 10_000), 10**13, 10**13, 10, 100, 10**13, 50_000, 10 * MINUTE)
FREE = CostModel(maker_fee_ppm=0, taker_fee_ppm=0, slippage_basis_points=0)


class Holder(Strategy):
    """Hold both, rest a bid, and want back in whenever it is out."""

    def __init__(self, parameters=None) -> None:
        self._rested = False

    def on_bar(self, bar, context) -> None:
        """Hold."""
        context.target_units(bar.instrument_id, 1_000)
        if not self._rested:
            context.submit_order(bar.instrument_id, "BUY", 10, order_type="LIMIT", limit_price=bar.close * 0.98)
            self._rested = True

    def on_fill(self, fill, context) -> None:
        """Go back in."""
        if not context.position(fill.instrument_id):
            context.target_units(fill.instrument_id, 1_000)


def run(how: CloseOut, **settings) -> ReplayResult:
    """Replay ten bars of each instrument, from 100.00 up by 0.10 a bar; each opens 0.05 below its close."""
    bars = [
        Bar(START + n * MINUTE, START + n * MINUTE, name, 9_995 + 10 * n, 10_000 + 10 * n, 9_995 + 10 * n, 10_000 + 10 * n, 10**9)
        for n in range(1, 11)
        for name in NAMES
    ]
    setup = ReplaySetup(
        deployments=(Deployment("holder", "holder@1", "paper", "sim", NAMES, LIMITS),),
        instruments=INSTRUMENTS,
        balances=(("paper", "USDT", 10**12),),
        close_out=how,
        simulation=SimulationSettings(costs=FREE, **settings),
    )
    return replay({"holder": (Holder(), 0)}, bars, setup, observer=ReplayObserver("paper", "USDT"))


LATE = LatencyModel(submit=Delay(nanoseconds=70 * 10**9), cancel=Delay(nanoseconds=10**9), answer=Delay(nanoseconds=5 * 10**9))


@pytest.mark.parametrize(
    ("how", "profit"),
    # Each bought at the open of the second bar, 100.15, and worth 101.00 at the last close, 100.95 at the last open.
    [(CloseOut.NONE, "1.70000000"), (CloseOut.LAST_PRICE, "1.70000000"), (CloseOut.LAST_OPEN, "1.60000000")],
)
def test_positions_end_at_the_stated_price(how, profit):
    """Both instruments, and a strategy that wants back in stays out."""
    result = run(how)
    assert result.performance is not None
    assert result.performance.profit == profit
    assert bool(result.positions) is (how is CloseOut.NONE)
    assert result.denials == ({} if how is CloseOut.NONE else {"STATE_REDUCE_ONLY": 2})


def test_a_venue_that_fills_at_the_close_closes_out_there():
    """At once, with no bar to come."""
    result = run(CloseOut.LAST_PRICE, fill=FillModel(price=FillPrice.SAME_CLOSE))
    assert result.positions == {}
    assert result.performance is not None
    assert result.performance.profit == "1.80000000"


def test_orders_that_travel_arrive_before_the_end():
    """With more than a bar on the way, and answers that come later still."""
    result = run(CloseOut.LAST_PRICE, latency=LATE)
    assert result.positions == {}
    assert result.fills > 2
