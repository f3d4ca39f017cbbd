"""A day on trades, quotes and books with explicit orders: a summary's fold goes through it as through bars."""

from datetime import UTC, datetime

import pytest

from dagster_project.lake.session_days import WallClock
from dagster_project.reports.fold import DayFold
from live.core.inputs import Deployment
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.market_events import BookSnapshot, Quote, Trade
from live.core.risk.codes import DenialCode
from live.core.strategy import Strategy
from live.core.vocabulary import Side
from live.driver.replay import ReplaySetup, replay
from live.journal import JournalFile
from live.journal.anchors import Anchor, AnchorHistory
from live.journal.segments import write_segment

SECOND = 1_000_000_000
START = 1_520_000_000 * SECOND
BTC = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=4)
LIMITS = Limits(
    maximum_order_quantity={BTC.instrument_id: 10_000},
    maximum_order_notional=20_000 * 10**8,
    maximum_position_notional=20_000 * 10**8,
    maximum_open_orders=4,
    maximum_orders_per_minute=60,
    maximum_daily_loss=9_000 * 10**8,
    price_collar_ppm=100_000,
    maximum_data_age=3_600 * SECOND,
    maximum_cancels_per_minute=1,
)


class Buyer(Strategy):
    """Buy at the fifth trade, rest two orders, and cancel both in a minute that has room for one."""

    def __init__(self, parameters):
        self.trades = 0

    def on_trade(self, trade, context):
        """Follow the plan."""
        self.trades += 1
        if self.trades == 5:
            context.submit_order(trade.instrument_id, "BUY", 5_000, reason="it is the fifth")
            for label, price in (("low", 950), ("lower", 940)):
                context.submit_order(trade.instrument_id, "BUY", 1_000, order_type="LIMIT", limit_price=price, label=label)
        if self.trades == 9:
            context.cancel_all()


def market():
    """Give ten seconds with a book, two quotes and two trades in each."""
    name = BTC.instrument_id
    for number in range(10):
        ts, price = START + number * SECOND, 1_000_00 + 100 * number
        yield BookSnapshot(ts, ts, name, number + 1, ((price - 10, 50_000),), ((price + 10, 50_000),))
        for at in (ts + 100_000_000, ts + 600_000_000):
            yield Quote(at, at, name, price - 10, 50_000, price + 10, 50_000)
            yield Trade(at + 1, at + 1, name, price + (at - ts) // 100_000_000, 700, Side.BUY)


@pytest.fixture(name="fold")
def _fold(tmp_path):
    """Fold a replayed session of that market."""
    setup = ReplaySetup(
        deployments=(Deployment("buyer", "buyer@1", "replay", "binance-spot", (BTC.instrument_id,), LIMITS),),
        instruments=(BTC,),
        balances=(("replay", "USDT", 100_000 * 10**8),),
    )
    events = list(market())
    journal = JournalFile.create(tmp_path / "replay.journal", session_id="REPLAY", durable=False)
    assert replay({"buyer": (Buyer(None), 0)}, events, setup, journal=journal).fills >= 1
    journal.close()
    (tmp_path / "tape").mkdir()
    write_segment(tmp_path / "tape", events, [BTC], "REPLAY")
    clock = WallClock(AnchorHistory((Anchor("REPLAY", 1, 10**6, "0" * 64, START),), (), 0))
    fold = DayFold(datetime.fromtimestamp(START // SECOND, UTC).date(), {})
    fold.span = fold.session("REPLAY", tmp_path / "replay.journal", tmp_path / "tape", clock)
    return fold, events


def test_trades_price_what_is_held_once_a_second(fold):
    """The mark is the last trade; the curve has at most a point a second, and no bars are missed where none are expected."""
    fold, events = fold
    assert fold.marks == {BTC.instrument_id: events[-1].price}
    assert fold.opening_marks == {BTC.instrument_id: 1_000_00}
    (curve,) = fold.equity.values()
    assert [point.ts % SECOND for point in curve.points] == [0] * len(curve.points)
    assert 1 <= len(curve.points) <= 11
    assert not fold.bar_times


def test_a_refused_cancel_counts_for_the_strategy_that_asked(fold):
    """It is no order, and its record's words begin with the order that was to end, not with the strategy."""
    fold, _ = fold
    assert fold.denials == {(("buyer", "replay"), DenialCode.CANCEL_RATE_EXCEEDED): 1}


def test_a_session_spans_its_events_of_every_kind(fold):
    """First and last are those of the market, whatever it said."""
    fold, events = fold
    assert (fold.span.first_market, fold.span.last_market) == (events[0].ts_event, events[-1].ts_event)
