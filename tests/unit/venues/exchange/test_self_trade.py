"""Self-trade prevention does what the scenarios of Binance's FAQ show."""

import pytest
from floor import BUY, SELL, Floor, request, units

from live.venues.exchange.errors import VenueError
from live.venues.exchange.exchange import Placed
from live.venues.exchange.orders import ExecutionType, OrderStatus, OrderType, SelfTradePrevention, TimeInForce
from live.venues.exchange.symbols import BTCUSDT

NONE = SelfTradePrevention.NONE
IN_MATCH = OrderStatus.EXPIRED_IN_MATCH


@pytest.fixture
def floor() -> Floor:
    """Give an exchange with three bids of alice, at 120, 110 and 100."""
    floor = Floor()
    for quantity, price in (("1.2", 120), ("1.3", 110), ("8.1", 100)):
        floor.place("alice", request(BUY, OrderType.LIMIT, quantity, price, mode=NONE))
    floor.drain()
    return floor


def sell(floor: Floor, mode: SelfTradePrevention, quantity: str = "3") -> Placed:
    """Let alice sell at 100."""
    return floor.place("alice", request(SELL, OrderType.LIMIT, quantity, 100, mode=mode))


def statuses(floor: Floor) -> list[OrderStatus]:
    """Give the statuses of alice's orders."""
    return [order.status for order in floor.exchange.all_orders("alice", "BTCUSDT")]


def test_without_prevention_an_account_trades_with_itself(floor: Floor) -> None:
    """Scenario A: NONE lets both sides fill."""
    placed = sell(floor, NONE, "1.2")

    assert placed.order.status is OrderStatus.FILLED
    assert statuses(floor)[0] is OrderStatus.FILLED
    assert len(floor.exchange.my_trades("alice", "BTCUSDT")) == 2
    assert floor.balance("alice", "BTC") == (100, 0)


def test_the_makers_expire_and_the_taker_rests(floor: Floor) -> None:
    """Scenario B: EXPIRE_MAKER."""
    placed = sell(floor, SelfTradePrevention.EXPIRE_MAKER)

    assert statuses(floor) == [IN_MATCH, IN_MATCH, IN_MATCH, OrderStatus.NEW]
    assert [(match.price, match.maker_prevented_quantity, match.taker_prevented_quantity) for match in placed.prevented] == [
        (units(120), units("1.2"), 0),
        (units(110), units("1.3"), 0),
        (units(100), units("8.1"), 0),
    ]
    assert [match.prevented_match_id for match in placed.prevented] == [0, 1, 2]
    assert placed.order.prevented_match_id is None
    maker = floor.exchange.all_orders("alice", "BTCUSDT")[0]
    assert (maker.prevented, maker.prevented_match_id) == (units("1.2"), 0)
    assert floor.balance("alice", "USDT") == (1_000_000, 0)


def test_the_taker_expires_and_the_makers_stay(floor: Floor) -> None:
    """Scenarios C and E: EXPIRE_TAKER, whatever the makers' mode."""
    placed = sell(floor, SelfTradePrevention.EXPIRE_TAKER)

    assert statuses(floor) == [OrderStatus.NEW, OrderStatus.NEW, OrderStatus.NEW, IN_MATCH]
    assert (placed.order.prevented, placed.order.prevented_match_id) == (units(3), 0)
    assert (placed.prevented[0].taker_prevented_quantity, placed.prevented[0].maker_prevented_quantity) == (units(3), 0)
    assert floor.balance("alice", "BTC") == (100, 0)


def test_both_expire(floor: Floor) -> None:
    """Scenario D: EXPIRE_BOTH ends at the first meeting."""
    placed = sell(floor, SelfTradePrevention.EXPIRE_BOTH)

    assert statuses(floor) == [IN_MATCH, OrderStatus.NEW, OrderStatus.NEW, IN_MATCH]
    match = placed.prevented[0]
    assert (match.taker_prevented_quantity, match.maker_prevented_quantity) == (units(3), units("1.2"))


def test_a_market_order_past_its_own_makers_expires_for_want_of_others(floor: Floor) -> None:
    """Scenario F: the makers expire in the match, the taker because nobody is left."""
    placed = floor.place("alice", request(SELL, OrderType.MARKET, 1, mode=SelfTradePrevention.EXPIRE_MAKER))

    assert placed.order.status is OrderStatus.EXPIRED
    assert statuses(floor)[:3] == [IN_MATCH, IN_MATCH, IN_MATCH]


def test_both_are_decremented_by_what_would_have_traded(floor: Floor) -> None:
    """Scenario G: DECREMENT takes the same off both, and who has nothing left expires."""
    placed = sell(floor, SelfTradePrevention.DECREMENT, "2")

    assert statuses(floor) == [IN_MATCH, OrderStatus.NEW, OrderStatus.NEW, IN_MATCH]
    second = floor.exchange.all_orders("alice", "BTCUSDT")[1]
    assert (second.prevented, second.remaining) == (units("0.8"), units("0.5"))
    assert (placed.order.prevented, placed.order.executed) == (units(2), 0)
    assert floor.exchange.depth("BTCUSDT").bids[0] == (units(110), units("0.5"))
    assert floor.balance("alice", "USDT") == (1_000_000 - 55 - 810, 55 + 810)
    assert floor.exchange.prevented_matches("alice", "BTCUSDT", order_id=second.order_id) == placed.prevented[1:]


def test_reports_of_prevention_name_it(floor: Floor) -> None:
    """Maker and taker each get a TRADE_PREVENTION report that carries the match."""
    floor.drain()

    sell(floor, SelfTradePrevention.EXPIRE_BOTH)

    events = floor.order_events()
    assert [event.execution_type for event in events] == [
        ExecutionType.NEW,
        ExecutionType.TRADE_PREVENTION,
        ExecutionType.TRADE_PREVENTION,
    ]
    assert [event.order.order_id for event in events] == [4, 1, 4]
    assert all(event.prevented is not None for event in events[1:])


def test_other_accounts_are_met_as_ever(floor: Floor) -> None:
    """Prevention concerns the taker's own account alone."""
    placed = floor.place("bob", request(SELL, OrderType.LIMIT, 1, 100, mode=SelfTradePrevention.EXPIRE_BOTH))

    assert placed.order.status is OrderStatus.FILLED
    assert placed.prevented == ()


@pytest.mark.parametrize(
    ("mode", "status", "executed"),
    [
        (SelfTradePrevention.EXPIRE_TAKER, IN_MATCH, "0"),
        (SelfTradePrevention.EXPIRE_BOTH, IN_MATCH, "0"),
        (SelfTradePrevention.EXPIRE_MAKER, OrderStatus.FILLED, "1"),
        (SelfTradePrevention.DECREMENT, OrderStatus.FILLED, "0.48695"),
    ],
)
def test_a_market_order_in_quote_keeps_from_its_own_account_too(
    floor: Floor, mode: SelfTradePrevention, status: OrderStatus, executed: str
) -> None:
    """Whatever the mode, alice trades with bob alone, for no more than she asked, and no balance goes astray."""
    floor.limit("bob", BUY, 1, 115)

    placed = floor.place("alice", request(SELL, OrderType.MARKET, quote=200, mode=mode))

    assert (placed.order.status, placed.order.executed) == (status, units(executed))
    assert {trade.price for trade in placed.executions} <= {units(115)}
    assert placed.order.cumulative_quote <= units(200)
    assert placed.order.locked == 0
    assert floor.balance("alice", "BTC")[1] == 0
    assert placed.prevented


def test_a_fill_or_kill_order_does_not_count_on_its_own_account(floor: Floor) -> None:
    """Only what others offer can fill it; otherwise nothing happens, to its own orders neither."""
    floor.limit("bob", BUY, 1, 100)

    placed = floor.place("alice", request(SELL, OrderType.LIMIT, 3, 100, force=TimeInForce.FOK, mode=SelfTradePrevention.EXPIRE_MAKER))

    assert (placed.order.status, placed.order.executed, placed.prevented) == (OrderStatus.EXPIRED, 0, ())
    assert statuses(floor)[:3] == [OrderStatus.NEW] * 3


def test_a_mode_that_the_symbol_does_not_have_is_refused() -> None:
    """The symbol lists its modes, and its default where none is sent."""
    from msgspec.structs import replace

    floor = Floor(symbols=(replace(BTCUSDT, stp_modes=(NONE,), default_stp_mode=NONE),))

    assert floor.limit("alice", BUY, 1, 100).order.stp_mode is NONE
    with pytest.raises(VenueError, match=r"-1013 This symbol does not allow the specified self-trade prevention mode\."):
        floor.place("alice", request(BUY, OrderType.LIMIT, 1, 100, mode=SelfTradePrevention.DECREMENT))
