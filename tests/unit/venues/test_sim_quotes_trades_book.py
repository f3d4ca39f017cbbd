"""Matching on quotes, trades and books, and the place in the queue."""

import pytest
from simulated_market import Market

from live.core.vocabulary import Liquidity, OrderType, Side, TimeInForce
from live.venues.sim import CostModel, FillModel, SimulationSettings
from live.venues.sim.settings import Excess, Improvement, QueueCancels, QueueModel, Source, StopPrice

FREE = CostModel(maker_fee_ppm=0, taker_fee_ppm=0, slippage_basis_points=0)


def market(fill=None, costs=FREE, **changes):
    """Open a venue without costs."""
    return Market(SimulationSettings(fill=fill or FillModel(), costs=costs, **changes))


def fills(sim):
    """Give all executions so far."""
    return [(one.price, one.quantity) for one in sim.executions()]


# Quotes


def test_a_market_order_crosses_the_spread_at_once_and_takes_no_more_than_is_quoted():
    """The rest waits for the quote to change; the same quote again offers nothing more."""
    sim = market()
    sim.quote(9_990, 5, 10_010, 4)
    sim.submit(Side.BUY, 10)
    assert fills(sim) == [(10_010, 4)]
    assert sim.quote(9_990, 5, 10_010, 4) == []
    assert sim.quote(9_990, 5, 10_010, 5) == [(10_010, 5)]
    assert sim.quote(9_990, 5, 10_020, 5) == [(10_020, 1)]


def test_a_sell_hits_the_bid():
    """And two orders share its size."""
    sim = market()
    sim.quote(9_990, 5, 10_010, 4)
    sim.submit(Side.SELL, 3)
    sim.submit(Side.SELL, 3, "O2")
    assert fills(sim) == [(9_990, 3), (9_990, 2)]


def test_a_resting_limit_fills_at_its_price_when_the_other_side_reaches_it():
    """By what the other side shows."""
    sim = market()
    sim.quote(9_990, 5, 10_010, 4)
    sim.submit(Side.BUY, 6, limit=10_000)
    assert sim.quote(9_990, 5, 10_001, 4) == []
    assert sim.quote(9_980, 5, 9_999, 4) == [(10_000, 4)]
    assert sim.executions()[0].liquidity is Liquidity.MAKER
    assert sim.quote(9_980, 5, 10_000, 4) == [(10_000, 2)]


@pytest.mark.parametrize("time_in_force", [TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL])
def test_what_may_not_rest_ends_at_once_on_a_quote(time_in_force):
    """Four are quoted, six wanted."""
    sim = market()
    sim.quote(9_990, 5, 10_010, 4)
    sim.submit(Side.BUY, 6, limit=10_010, time_in_force=time_in_force)
    assert fills(sim) == ([(10_010, 4)] if time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL else [])
    assert sim.ends() == [("OrderExpired", "O1", time_in_force.value)]


def test_stops_trigger_on_the_side_they_would_take():
    """A buy on the ask, a sell on the bid."""
    sim = market()
    sim.quote(9_990, 5, 10_010, 5)
    sim.submit(Side.BUY, 1, "up", trigger=10_020)
    sim.submit(Side.SELL, 1, "down", trigger=9_980)
    assert sim.quote(9_981, 5, 10_019, 5) == []
    assert sim.quote(9_975, 5, 10_025, 5) == [(10_025, 1), (9_975, 1)]


def test_a_stop_gets_its_trigger_from_a_quote_where_that_is_declared():
    """As much as is quoted there, and the rest a tick worse."""
    sim = market(FillModel(stop_price=StopPrice.TRIGGER, excess=Excess.NEXT_TICK))
    sim.quote(9_990, 5, 10_010, 5)
    sim.submit(Side.BUY, 7, trigger=10_020)
    assert sim.quote(9_975, 5, 10_025, 5) == [(10_020, 5), (10_021, 2)]


def test_a_maker_order_that_meets_the_ask_is_refused():
    """At the ask exactly it would trade."""
    sim = market()
    sim.quote(9_990, 5, 10_010, 5)
    assert sim.submit(Side.BUY, 1, limit=10_010, kind=OrderType.LIMIT_MAKER)[1].reason == "Order would immediately match and take."


def test_where_nothing_stands_an_order_waits_for_the_next_quote():
    """By declaration, or because there was no quote yet."""
    sim = market()
    sim.submit(Side.BUY, 1)
    assert sim.quote(9_990, 5, 10_010, 5) == [(10_010, 1)]
    later = market(FillModel(standing=False))
    later.quote(9_990, 5, 10_010, 5)
    later.submit(Side.BUY, 1)
    assert fills(later) == []
    assert later.quote(9_991, 5, 10_011, 5) == [(10_011, 1)]


# Trades


def test_a_market_order_fills_at_the_last_trade_or_at_the_quote_where_there_is_one():
    """With slippage against it."""
    sim = market(costs=CostModel(slippage_basis_points=1))
    sim.trade(10_000, 5)
    sim.submit(Side.BUY, 1)
    sim.quote(9_990, 5, 10_010, 5)
    sim.trade(10_000, 5)
    sim.submit(Side.BUY, 1, "O2")
    assert fills(sim) == [(10_001, 1), (10_012, 1)]


def test_a_trade_older_than_the_last_bar_is_no_price():
    """The order waits for the next of either."""
    sim = market()
    sim.trade(10_000, 5)
    sim.bar(10_000, 10_200, 10_000, 10_200)
    sim.submit(Side.BUY, 1)
    assert fills(sim) == []
    assert sim.trade(10_190, 5) == [(10_190, 1)]


def test_only_the_declared_sources_fill():
    """Bars are looked at, trades fill."""
    sim = market(FillModel(sources=(Source.TRADES,)))
    sim.trade(10_000, 5)
    sim.submit(Side.BUY, 1, limit=9_900)
    assert sim.bar(10_000, 10_000, 9_000, 10_000) == []
    assert sim.trade(9_899, 5) == [(9_900, 1)]


def test_a_trade_through_the_price_fills_and_one_at_the_price_does_not():
    """Whatever it traded; a touch may be declared to fill, and then no more than traded."""
    sim = market()
    sim.trade(10_000, 5)
    sim.submit(Side.BUY, 9, limit=9_990)
    assert sim.trade(9_990, 100) == []
    assert sim.trade(9_989, 1) == [(9_990, 9)]
    touching = market(FillModel(touch=True))
    touching.trade(10_000, 5)
    touching.submit(Side.BUY, 9, limit=9_990)
    assert touching.trade(9_990, 4, Side.BUY) == []
    assert touching.trade(9_990, 4) == [(9_990, 4)]


def test_our_share_of_a_trade_can_be_capped():
    """A tenth of a hundred."""
    sim = market(participation_ppm=100_000)
    sim.trade(10_000, 5)
    sim.submit(Side.BUY, 15, limit=9_990)
    assert sim.trade(9_980, 100) == [(9_990, 10)]
    assert sim.trade(9_980, 100) == [(9_990, 5)]


def test_a_stop_fills_at_the_trade_that_triggers_it():
    """Beyond its own price when the market jumped."""
    sim = market()
    sim.trade(10_000, 5)
    sim.submit(Side.SELL, 1, trigger=9_950)
    assert sim.trade(9_951, 5) == []
    assert sim.trade(9_940, 5) == [(9_940, 1)]


def test_a_stop_gets_its_trigger_from_a_trade_where_that_is_declared():
    """Though nobody traded there."""
    sim = market(FillModel(stop_price=StopPrice.TRIGGER))
    sim.trade(10_000, 5)
    sim.submit(Side.SELL, 1, trigger=9_950)
    assert sim.trade(9_940, 5) == [(9_950, 1)]


# The queue


def queueing(cancels=QueueCancels.BEHIND, ahead=0):
    """Open a venue that keeps places in the queue."""
    return market(queue=QueueModel(enabled=True, ahead=ahead, cancels=cancels))


def test_an_order_joins_behind_what_is_quoted_and_moves_with_what_takers_sell_there():
    """Fifty rest before it: thirty and twenty trade, then its turn comes; trades that buyers began do not count."""
    sim = queueing()
    sim.quote(9_990, 50, 10_010, 50)
    sim.submit(Side.BUY, 10, limit=9_990)
    assert sim.trade(9_990, 30) == []
    assert sim.trade(9_990, 1_000, Side.BUY) == []
    assert sim.trade(9_990, 24) == [(9_990, 4)]
    assert sim.trade(9_990, 100) == [(9_990, 6)]


def test_two_orders_at_one_price_fill_in_the_order_they_came():
    """What the first gets, the second does not."""
    sim = queueing()
    sim.quote(9_990, 50, 10_010, 50)
    sim.submit(Side.BUY, 10, "first", limit=9_990)
    sim.submit(Side.BUY, 10, "second", limit=9_990)
    assert sim.trade(9_990, 65) == [(9_990, 10), (9_990, 5)]
    assert (sim.venue.remaining("first"), sim.venue.remaining("second")) == (0, 5)


@pytest.mark.parametrize(("cancels", "needed"), [(QueueCancels.BEHIND, 50), (QueueCancels.PRO_RATA, 25)])
def test_cancels_move_an_order_forward_only_in_proportion_and_only_where_declared(cancels, needed):
    """Fifty rest before it and fifty come behind; then half of the hundred is canceled."""
    sim = queueing(cancels)
    sim.quote(9_990, 50, 10_010, 50)
    sim.submit(Side.BUY, 10, limit=9_990)
    sim.quote(9_990, 100, 10_010, 50)
    sim.quote(9_990, 50, 10_010, 50)
    assert sim.trade(9_990, needed) == []
    assert sim.trade(9_990, 1) == [(9_990, 1)]


def test_no_more_can_be_ahead_than_is_visible():
    """Fifty were, and two are left: even if cancels count as behind."""
    sim = queueing()
    sim.quote(9_990, 50, 10_010, 50)
    sim.submit(Side.BUY, 10, limit=9_990)
    sim.quote(9_990, 2, 10_010, 50)
    assert sim.trade(9_990, 5) == [(9_990, 3)]


def test_what_traded_is_not_counted_as_canceled():
    """Twenty of fifty trade, and the quote that says so moves nothing again."""
    sim = queueing(QueueCancels.PRO_RATA)
    sim.quote(9_990, 50, 10_010, 50)
    sim.submit(Side.BUY, 10, limit=9_990)
    sim.trade(9_990, 20)
    sim.quote(9_990, 30, 10_010, 50)
    assert sim.trade(9_990, 31) == [(9_990, 1)]


def test_a_price_inside_the_spread_has_no_queue_and_an_unseen_one_the_declared():
    """The best bid is 9,990."""
    sim = queueing(ahead=7)
    sim.quote(9_990, 50, 10_010, 50)
    sim.submit(Side.BUY, 1, "inside", limit=10_000)
    assert sim.trade(10_000, 1) == [(10_000, 1)]
    sim.submit(Side.BUY, 1, "unseen", limit=9_980)
    assert sim.trade(9_980, 7) == []
    assert sim.trade(9_980, 1) == [(9_980, 1)]


# The book

BIDS = ((9_990, 5), (9_980, 10))
ASKS = ((10_010, 5), (10_020, 10))


def test_a_market_order_walks_the_book():
    """Level by level, each its own execution."""
    sim = market()
    sim.book(BIDS, ASKS)
    sim.submit(Side.BUY, 8)
    assert fills(sim) == [(10_010, 5), (10_020, 3)]
    assert [one.trade_id for one in sim.executions()] == ["TO1-5", "TO1-8"]


def test_what_we_took_is_gone_until_the_level_changes():
    """A second order finds the rest; a snapshot with another quantity gives the level back."""
    sim = market()
    sim.book(BIDS, ASKS)
    sim.submit(Side.BUY, 8)
    sim.submit(Side.BUY, 8, "O2")
    assert fills(sim)[2:] == [(10_020, 7)]
    assert sim.book(BIDS, ASKS) == []
    assert sim.book(BIDS, ((10_010, 6), (10_020, 10))) == [(10_010, 1)]


def test_a_limit_order_walks_to_its_limit_and_rests():
    """And then fills at its price as far as the other side comes."""
    sim = market()
    sim.book(BIDS, ASKS)
    sim.submit(Side.BUY, 8, limit=10_015)
    assert fills(sim) == [(10_010, 5)]
    assert sim.book(((10_000, 1),), ((10_012, 2), (10_015, 9))) == [(10_015, 2), (10_015, 1)]
    assert sim.executions()[-1].liquidity is Liquidity.MAKER


@pytest.mark.parametrize(("excess", "last"), [(Excess.EXPIRE, []), (Excess.NEXT_TICK, [(10_021, 5)]), (Excess.WAIT, [])])
def test_a_book_that_ends_leaves_the_rest_to_the_declared_rule(excess, last):
    """Fifteen are offered, twenty wanted."""
    sim = market(FillModel(excess=excess))
    sim.book(BIDS, ASKS)
    sim.submit(Side.BUY, 20)
    assert fills(sim) == [(10_010, 5), (10_020, 10), *last]
    assert [end[2] for end in sim.ends()] == (["IOC"] if excess is Excess.EXPIRE else [])


def test_a_crossed_book_fills_nothing():
    """Its prices cannot be believed."""
    sim = market()
    sim.book(((10_020, 5),), ((10_010, 5),))
    sim.submit(Side.BUY, 1)
    assert fills(sim) == []
    assert sim.book(BIDS, ASKS) == [(10_010, 1)]


def test_the_queue_begins_behind_what_the_book_shows():
    """Ten rest at 9,980."""
    sim = queueing()
    sim.book(BIDS, ASKS)
    sim.submit(Side.BUY, 1, limit=9_980)
    assert sim.trade(9_980, 10) == []
    assert sim.trade(9_980, 1) == [(9_980, 1)]


def test_a_stop_walks_the_book_that_triggers_it():
    """The best ask reaches 10,030."""
    sim = market()
    sim.book(BIDS, ASKS)
    sim.submit(Side.BUY, 6, trigger=10_030)
    assert sim.book(BIDS, ((10_030, 5), (10_040, 5))) == [(10_030, 5), (10_040, 1)]


@pytest.mark.parametrize(("improvement", "price"), [(Improvement.NONE, 9_900), (Improvement.OPEN, 9_850)])
def test_a_limit_that_a_trade_goes_through_gets_the_trade_s_price_where_orders_get_the_open(improvement, price):
    """A bar's open that is played as a trade fills what the bar's open would fill, at the same price."""
    sim = market(FillModel(improvement=improvement))
    sim.trade(10_000, 100)
    sim.submit(Side.BUY, 5, limit=9_900)
    assert sim.trade(9_850, 100) == [(price, 5)]
