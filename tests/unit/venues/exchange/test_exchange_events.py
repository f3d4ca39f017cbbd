"""What happens is told in order, once, and without gaps."""

import pytest
from floor import BUY, SELL, Floor, request, units

from live.venues.exchange.errors import VenueError
from live.venues.exchange.events import AccountEvent, AggregateTradeEvent, BalanceEvent, BalanceState, DepthEvent, OrderEvent, TradeEvent
from live.venues.exchange.exchange import Exchange
from live.venues.exchange.operations import Desk
from live.venues.exchange.orders import ExecutionType, OrderStatus, OrderType, TimeInForce
from live.venues.exchange.user_data import execution_report


def test_a_taker_hears_of_its_order_then_its_trades_then_its_end_then_its_balances() -> None:
    """The reports follow the engine; balances come last, once."""
    floor = Floor()
    floor.limit("maker", SELL, 1, 100)
    floor.limit("maker", SELL, 1, 101)
    floor.drain()

    floor.place("alice", request(BUY, OrderType.LIMIT, 3, 101, force=TimeInForce.IOC))

    told = [event for event in floor.drain() if isinstance(event, OrderEvent | AccountEvent)]
    reports = [event for event in told if isinstance(event, OrderEvent)]
    assert [(report.execution_type, report.order.status) for report in reports] == [
        (ExecutionType.NEW, OrderStatus.NEW),
        (ExecutionType.TRADE, OrderStatus.PARTIALLY_FILLED),
        (ExecutionType.TRADE, OrderStatus.PARTIALLY_FILLED),
        (ExecutionType.EXPIRED, OrderStatus.EXPIRED),
    ]
    assert [report.order.executed for report in reports] == [0, units(1), units(2), units(2)]
    assert [report.execution_id for report in reports] == sorted({report.execution_id for report in reports})
    assert told[-1] == AccountEvent(
        "alice", floor.now, (BalanceState("BTC", units(102), 0), BalanceState("USDT", units(1_000_000 - 201), 0))
    )


def test_an_account_update_names_every_asset_that_the_order_may_change() -> None:
    """Base and quote, as the venue's own updates do, though a new buy moves only quote."""
    floor = Floor()
    floor.limit("alice", BUY, 1, 100)

    assert [event.balances for event in floor.account_events()] == [
        (BalanceState("BTC", units(100), 0), BalanceState("USDT", units(1_000_000 - 100), units(100)))
    ]


def test_a_report_of_a_trade_is_marked_as_the_venue_marks_it() -> None:
    """`M`, which the documentation says to ignore, is true on trades and on nothing else."""
    floor = Floor()
    floor.limit("bob", SELL, 1, 100)
    floor.limit("alice", BUY, 1, 100)

    reports = [execution_report(event, 1_000) for event in floor.order_events()]
    assert [(report["x"], report["m"], report["M"]) for report in reports] == [
        ("NEW", False, False),
        ("NEW", False, False),
        ("TRADE", True, True),
        ("TRADE", False, True),
    ]


def test_maker_and_taker_hear_of_the_same_trade() -> None:
    """Each from its own side, with the same trade id, price and quantity."""
    floor = Floor()
    floor.limit("bob", SELL, 1, 100)
    floor.drain()

    floor.limit("alice", BUY, 1, 100)

    trades = [event.execution for event in floor.order_events() if event.execution is not None]
    assert [(trade.account, trade.is_maker, trade.is_buyer) for trade in trades] == [("bob", True, False), ("alice", False, True)]
    assert len({(trade.trade_id, trade.price, trade.quantity, trade.time) for trade in trades}) == 1


def test_the_house_is_told_nothing() -> None:
    """Its orders make public events alone."""
    floor = Floor()
    floor.trade_at(100)

    assert {type(event) for event in floor.drain()} == {TradeEvent, AggregateTradeEvent, DepthEvent}
    assert floor.exchange.open_orders("maker") == ()


def test_depth_events_join_and_end_in_the_books_state() -> None:
    """Update ids have no gaps, and the changes applied in turn give the book."""
    floor = Floor()
    first = floor.limit("alice", BUY, 2, 100).order.order_id
    floor.limit("maker", BUY, 1, 100)
    floor.limit("maker", SELL, 3, 101)
    floor.market("maker", BUY, 2)
    floor.cancel("alice", first)
    floor.limit("maker", SELL, 2, 100)

    known: dict[str, dict[int, int]] = {"bids": {}, "asks": {}}
    last = 0
    for event in floor.depth_events():
        assert event.first_update_id == last + 1
        assert event.last_update_id == last + len(event.bids) + len(event.asks)
        last = event.last_update_id
        known["bids"].update(event.bids)
        known["asks"].update(event.asks)
    depth = floor.exchange.depth("BTCUSDT")
    assert depth.last_update_id == last
    assert {price: quantity for price, quantity in known["bids"].items() if quantity} == dict(depth.bids)
    assert {price: quantity for price, quantity in known["asks"].items() if quantity} == dict(depth.asks)


def test_trades_of_one_taker_at_one_price_are_one_aggregate_trade() -> None:
    """Two makers at 100 and one at 101 are three trades and two aggregates."""
    floor = Floor()
    for price in (100, 100, 101):
        floor.limit("maker", SELL, 1, price)
    floor.drain()

    floor.market("alice", BUY, 3)
    floor.limit("maker", SELL, 1, 101)
    floor.market("alice", BUY, 1)

    aggregates = floor.exchange.aggregate_trades("BTCUSDT")
    assert [(each.aggregate_id, each.price, each.quantity, each.first_trade_id, each.last_trade_id) for each in aggregates] == [
        (1, units(100), units(2), 1, 2),
        (2, units(101), units(1), 3, 3),
        (3, units(101), units(1), 4, 4),
    ]
    assert [event.aggregate_id for event in floor.drain(AggregateTradeEvent) if isinstance(event, AggregateTradeEvent)] == [1, 2, 3]


def test_a_snapshot_of_an_order_changes_no_more() -> None:
    """What was told or given stays as it was when the order goes on."""
    floor = Floor()
    placed = floor.limit("alice", BUY, 1, 100).order
    told = floor.order_events()[0].order
    asked = floor.exchange.order("alice", "BTCUSDT", placed.order_id)

    floor.market("maker", SELL, 1)

    assert [order.status for order in (placed, told, asked)] == [OrderStatus.NEW] * 3


def test_a_deposit_is_told_as_a_change_of_balance() -> None:
    """What comes from outside is no trading."""
    floor = Floor()
    floor.exchange.deposit("alice", "USDT", units(5), floor.tick())

    assert floor.drain() == [BalanceEvent("alice", floor.now, "USDT", units(5))]
    assert floor.balance("alice", "USDT") == (1_000_005, 0)
    with pytest.raises(VenueError, match="insufficient balance"):
        floor.exchange.deposit("alice", "USDT", -units(1_000_006), floor.tick())


def test_time_never_runs_backwards() -> None:
    """A request with an earlier time happens at the latest seen."""
    floor = Floor()
    latest = floor.limit("alice", BUY, 1, 100).time
    floor.now -= 5_000

    assert floor.limit("alice", BUY, 1, 100).time == latest


def test_a_clock_that_was_set_back_slows_time_down_until_it_has_caught_up() -> None:
    """Time goes on at half the clock's pace from where it was, at once, and with the clock again when both agree."""
    exchange = Exchange()
    for now, shown in ((1_000, 1_000), (61_000, 61_000), (1_020, 61_000), (1_040, 61_010), (1_039, 61_010), (1_059, 61_020)):
        exchange.advance(now)
        assert exchange.now == shown
    exchange.advance(1_059 + 120_000)
    assert exchange.now == 1_059 + 120_000
    exchange.advance(exchange.now + 1)
    assert exchange.now == 1_059 + 120_001


def test_a_clock_that_was_set_back_hides_no_order() -> None:
    """What was done while the clock was ahead is found at once, however far its time lies in the future."""
    floor = Floor()
    order = floor.limit("alice", BUY, 1, 100).order
    desk = Desk(floor.exchange)

    assert desk.is_readable(order.time, order.time - 60_000_000)
    assert not Desk(floor.exchange, read_lag=1).is_readable(order.time, order.time - 60_000_000)


def test_first_fills_give_credit_once_and_makers_more() -> None:
    """A taker's first fill takes one off the count of unfilled orders, a maker's five; later fills none."""
    floor = Floor()
    floor.limit("alice", SELL, 3, 100)
    floor.limit("bob", BUY, 1, 100)
    floor.limit("bob", BUY, 1, 100)

    assert (floor.exchange.take_fill_credits("alice"), floor.exchange.take_fill_credits("bob")) == (5, 2)
    assert floor.exchange.take_fill_credits("alice") == 0


def test_histories_can_be_asked_by_id_time_and_length() -> None:
    """Oldest first, from an id or a time on, or the newest without either."""
    floor = Floor()
    times = [floor.limit("alice", BUY, 1, 100).time for _ in range(5)]
    floor.market("maker", SELL, 5)
    orders, trades, exchange = (1, 2, 3, 4, 5), (1, 2, 3, 4, 5), floor.exchange

    def ids(**wanted: int) -> tuple[int, ...]:
        return tuple(order.order_id for order in exchange.all_orders("alice", "BTCUSDT", **wanted))

    def trade_ids(**wanted: int) -> tuple[int, ...]:
        return tuple(trade.trade_id for trade in exchange.my_trades("alice", "BTCUSDT", **wanted))

    assert ids() == orders
    assert ids(limit=2) == orders[-2:]
    assert ids(order_id=2, limit=2) == orders[1:3]
    assert ids(start=times[1], end=times[3]) == orders[1:4]
    assert trade_ids() == trades
    assert trade_ids(limit=2) == trades[-2:]
    assert trade_ids(from_id=2, limit=2) == trades[1:3]
    assert trade_ids(order_id=3) == trades[2:3]
    assert trade_ids(start=floor.now + 1) == ()
    assert [trade.trade_id for trade in exchange.recent_trades("BTCUSDT", 2)] == [4, 5]
    assert [trade.trade_id for trade in exchange.recent_trades("BTCUSDT", 2, from_id=2)] == [2, 3]
    assert [trade.aggregate_id for trade in exchange.aggregate_trades("BTCUSDT", from_id=1, limit=1)] == [1]
