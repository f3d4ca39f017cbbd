"""Market events other than bars: what they do to the market, and who hears of them."""

import pytest

from live.core import inputs, records
from live.core.errors import InputError
from live.core.market_events import Bar, BookDelta, BookSnapshot, FundingRate, Quote, QuoteBar, Trade
from live.core.runner import subscriptions
from live.core.strategy import Strategy
from live.core.vocabulary import Side

BTC = "binance-spot:BTCUSDT"


def trade(desk, price, quantity=10, **changes):
    """Make a trade a second later."""
    desk.now += 10**9
    return Trade(desk.now, desk.now, BTC, price, quantity, Side.BUY, **changes)


def quote(desk, bid, ask, **changes):
    """Make a quote a second later."""
    desk.now += 10**9
    return Quote(desk.now, desk.now, BTC, bid, 100, ask, 200, **changes)


def quote_bar(desk, bid, ask, **changes):
    """Make a flat bar of bid and ask a minute later."""
    desk.now += 60 * 10**9
    return QuoteBar(desk.now, desk.now, BTC, bid, bid, bid, bid, ask, ask, ask, ask, **changes)


def market(desk):
    """Give the market of BTCUSDT."""
    return desk.engine._work.markets[BTC]


def test_a_strategy_is_fed_with_what_it_overrides_and_nothing_else():
    """Its handlers say what it reads."""

    class Trades(Strategy):
        def __init__(self, parameters):
            pass

        def on_trade(self, trade, context):
            pass

        def on_book(self, book, context):
            pass

    assert subscriptions(Trades) == {Trade, BookSnapshot, BookDelta}
    assert subscriptions(type("Bars", (Trades,), {"on_bar": lambda *_: None})) == {Trade, BookSnapshot, BookDelta, Bar}


def test_a_trade_is_the_last_price_and_wakes_the_strategy(desk):
    """With its price and quantity as floats."""
    desk.strategy.market_script = lambda seen, context: context.target_units(BTC, 100)
    desk.feed(trade(desk, 10_050, 20))
    seen = desk.strategy.seen[0]
    assert (seen.price, seen.quantity, seen.aggressor) == (100.5, 0.02, Side.BUY)
    assert market(desk).last_price == 10_050
    assert [one.quantity for one in desk.submitted] == [100]


def test_a_quote_is_the_price_until_the_first_trade(desk):
    """The middle, rounded down; after a trade only the spread is read from quotes."""
    desk.feed(quote(desk, 10_000, 10_005))
    assert (market(desk).last_price, market(desk).bid_price, market(desk).ask_quantity) == (10_002, 10_000, 200)
    assert (desk.strategy.seen[0].mid, desk.strategy.seen[0].bid_quantity) == (100.025, 0.1)
    desk.feed(trade(desk, 10_100), quote(desk, 10_090, 10_110))
    assert (market(desk).last_price, market(desk).ask_price) == (10_100, 10_110)


def test_a_bar_of_bid_and_ask_is_a_quote_that_lasted(desk):
    """It sets bid, ask and, without trades, the last price."""
    desk.feed(quote_bar(desk, 10_000, 10_010))
    seen = desk.strategy.seen[0]
    assert (seen.bid_close, seen.ask_close, seen.close) == (100.0, 100.1, 100.05)
    assert (seen.bid, seen.ask) == ((100.0,) * 4, (100.1,) * 4)
    assert market(desk).last_price == 10_005


def test_a_book_gives_best_prices_and_stops_giving_them_after_a_gap(desk):
    """No order rests on a book with a hole, and a person hears of it; the next snapshot mends it."""
    snapshot = BookSnapshot(desk.now, desk.now, BTC, 10, ((9_990, 5), (9_980, 7)), ((10_010, 3),))
    desk.feed(snapshot, BookDelta(desk.now, desk.now, BTC, 11, 12, ((9_995, 4),), ()))
    view = desk.strategy.seen[-1]
    assert (view.best_bid, view.best_ask, view.bids(2)) == ((99.95, 0.004), (100.1, 0.003), [(99.95, 0.004), (99.9, 0.005)])
    assert market(desk).bid_price == 9_995
    desk.feed(BookDelta(desk.now, desk.now, BTC, 20, 21, ((9_996, 4),), ()))
    assert desk.alarms == ["BOOK_NOT_TRUSTED"]
    assert (market(desk).bid_price, market(desk).feed_healthy) == (None, False)
    desk.want(100)
    assert desk.code == "FEED_GAP"
    desk.feed(BookSnapshot(desk.now, desk.now, BTC, 30, ((9_990, 5),), ((10_010, 3),)))
    assert (market(desk).bid_price, market(desk).feed_healthy) == (9_990, True)


def test_a_funding_rate_is_told_and_marks_the_price(desk):
    """The rate is a share, the mark price in quote."""
    desk.feed(FundingRate(desk.now, desk.now, BTC, 100_000, 10_020))
    assert (desk.strategy.seen[0].rate, desk.strategy.seen[0].mark_price) == (0.0001, 100.2)
    assert market(desk).mark_price == 10_020


@pytest.mark.parametrize(
    "event",
    [
        Trade(2**61, 1, BTC, 0, 1, Side.BUY),
        Trade(2**61, 1, BTC, 100, 0, Side.BUY),
        Quote(2**61, 1, BTC, 101, 1, 100, 1),
        Quote(2**61, 1, BTC, 0, 1, 100, 1),
        Quote(2**61, 1, BTC, 99, -1, 100, 1),
        QuoteBar(2**61, 1, BTC, 99, 99, 99, 99, 98, 98, 98, 98),
        QuoteBar(2**61, 1, BTC, 99, 98, 99, 99, 100, 100, 100, 100),
        FundingRate(2**61, 1, BTC, 1, 0),
        Trade(2**61, 1, "binance-spot:NOSUCH", 1, 1, Side.BUY),
    ],
)
def test_a_malformed_event_is_refused_whole(desk, event):
    """The engine says what was wrong, and its market is as it was."""
    before = (market(desk).last_price, market(desk).bid_price)
    with pytest.raises(InputError):
        desk.feed(event)
    assert (market(desk).last_price, market(desk).bid_price) == before


def test_history_feeds_strategies_and_no_price(desk):
    """Warm-up events of every kind leave the last price alone, and what a strategy wishes on them is dropped."""
    desk.strategy.market_script = lambda seen, context: context.target_units(BTC, 100)
    desk.feed(trade(desk, 10_000, warm_up=True), quote(desk, 10_000, 10_001, warm_up=True), quote_bar(desk, 10_000, 10_001, warm_up=True))
    assert len(desk.strategy.seen) == 3
    assert (market(desk).last_price, market(desk).bid_price, desk.said) == (None, None, [])


def test_the_slow_reference_is_the_median_of_the_last_nine_trades(desk):
    """One wild trade does not move it."""
    desk.feed(*(trade(desk, price) for price in (*[10_000] * 8, 99_999)))
    assert market(desk).slow_reference() == 10_000


def test_an_exit_is_tried_again_by_the_minute_where_no_bars_come(desk):
    """The venue refused the sale: a trade a minute later leads to the next try."""
    desk.feed(trade(desk, 10_000))
    desk.strategy.market_script = lambda seen, context: context.target_units(BTC, 100)
    desk.feed(trade(desk, 10_000))
    desk.fill()
    desk.strategy.market_script = lambda seen, context: context.target_units(BTC, 0)
    desk.feed(trade(desk, 10_000))
    desk.feed(inputs.OrderRejected(desk.now, desk.now, desk.order.order_id, "busy"))
    assert desk.submitted == []
    desk.feed(trade(desk, 10_000))
    assert len(desk.of(records.IntentRecorded)) == 0
    desk.now += 60 * 10**9
    desk.feed(trade(desk, 10_000))
    assert [one.side for one in desk.state.live_orders.values()] == [Side.SELL]
