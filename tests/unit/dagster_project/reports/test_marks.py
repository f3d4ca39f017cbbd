"""Prices that value positions in a summary, out of tapes that hold every kind of market event."""

from dagster_project.reports.marks import Marks
from live.core.market_events import Bar, BookDelta, BookSnapshot, FundingRate, Quote, QuoteBar, Trade
from live.core.vocabulary import Side

BTC, ETH = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT"
SECOND = 1_000_000_000


def quote(ts, bid, ask, name=BTC):
    """Give a quote."""
    return Quote(ts, ts, name, bid, 5, ask, 5)


def trade(ts, price, name=BTC, **other):
    """Give a trade."""
    return Trade(ts, ts, name, price, 5, Side.BUY, **other)


def prices(*events, known=None):
    """Give the marks after events."""
    marks = Marks(known)
    for event in events:
        marks.observe(event)
    return marks.prices


def test_a_mark_is_the_last_trade_or_close_and_else_the_middle_of_bid_and_ask():
    """The engine's own rule, for each kind of event."""
    bar = Bar(9, 9, BTC, 100, 130, 90, 120, 7)
    assert prices(quote(1, 100, 102)) == {BTC: 101}
    assert prices(quote(1, 100, 102), trade(2, 110)) == {BTC: 110}
    assert prices(trade(1, 110), quote(2, 100, 102)) == {BTC: 110}
    assert prices(trade(1, 110), bar) == {BTC: 120}
    assert prices(QuoteBar(9, 9, BTC, 100, 130, 90, 120, 101, 131, 91, 124)) == {BTC: 122}
    assert prices(BookSnapshot(1, 1, BTC, 7, ((100, 5),), ((104, 5),))) == {BTC: 102}
    assert prices(BookSnapshot(1, 1, BTC, 7, ((100, 5),), ((104, 5),)), BookDelta(2, 2, BTC, 8, 8, ((102, 1),), ())) == {BTC: 103}
    assert prices(trade(1, 110), trade(1, 7, ETH)) == {BTC: 110, ETH: 7}


def test_what_is_no_price_of_now_moves_no_mark():
    """History, funding, and what no engine would have taken in leave what was known before."""
    known = {BTC: 99}
    assert prices(trade(1, 110, warm_up=True), known=known) == known
    assert prices(FundingRate(1, 1, BTC, 100, 500), known=known) == known
    assert prices(trade(1, 0), quote(1, 104, 100), known=known) == known
    assert prices(quote(1, 100, 102), known=known) == {BTC: 101}


def test_a_session_finds_its_prices_anew():
    """A quote speaks where the trades are those of the session before, as for the engine that was started again."""
    marks = Marks()
    marks.observe(trade(1, 110))
    marks.begin_session()
    assert marks.prices == {BTC: 110}
    marks.observe(quote(2, 100, 102))
    assert marks.prices == {BTC: 101}
