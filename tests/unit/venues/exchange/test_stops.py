"""Stops wait for the last price, from the side on which it stands."""

import pytest
from floor import BUY, SELL, Floor, request, units

from live.venues.exchange.errors import VenueError
from live.venues.exchange.orders import ExecutionType, ExpiryReason, OrderStatus, OrderType, Side

DIRECTIONS = [
    (OrderType.STOP_LOSS, BUY, 110, "109.99"),
    (OrderType.STOP_LOSS, SELL, 90, "90.01"),
    (OrderType.TAKE_PROFIT, BUY, 90, "90.01"),
    (OrderType.TAKE_PROFIT, SELL, 110, "109.99"),
]
"""Type, side, stop price, and a last price that is just not enough."""


@pytest.fixture
def floor() -> Floor:
    """Give an exchange that has traded at 100 and has a far book."""
    floor = Floor()
    floor.trade_at(100)
    floor.limit("maker", BUY, 10, 50)
    floor.limit("maker", SELL, 10, 200)
    floor.drain()
    return floor


@pytest.mark.parametrize(("kind", "side", "stop", "almost"), DIRECTIONS)
def test_a_stop_waits_until_the_last_price_reaches_it(floor: Floor, kind: OrderType, side: Side, stop: int, almost: str) -> None:
    """The order is unseen on the book until a trade at its stop price or beyond, and then takes."""
    order_id = floor.place("alice", request(side, kind, 1, stop=stop)).order.order_id
    floor.trade_at(almost)
    waiting = floor.exchange.order("alice", "BTCUSDT", order_id)
    assert (waiting.status, waiting.is_working, waiting.working_time) == (OrderStatus.NEW, False, -1)

    floor.trade_at(stop)

    woken = floor.exchange.order("alice", "BTCUSDT", order_id)
    assert (woken.status, woken.is_working, woken.working_time) == (OrderStatus.FILLED, True, floor.now)
    assert floor.exchange.my_trades("alice", "BTCUSDT")[0].price == units(200 if side is BUY else 50)


@pytest.mark.parametrize(("kind", "side", "stop", "almost"), DIRECTIONS)
def test_a_stop_that_has_been_reached_already_is_refused(floor: Floor, kind: OrderType, side: Side, stop: int, almost: str) -> None:
    """A stop at the last price would trigger at once."""
    del almost
    floor.trade_at(stop)

    with pytest.raises(VenueError, match=r"-2010 Order would trigger immediately\."):
        floor.place("alice", request(side, kind, 1, stop=stop))


def test_a_stop_limit_rests_at_its_limit_once_it_is_woken(floor: Floor) -> None:
    """The report says NEW again, now working, and funds were locked from the beginning."""
    order_id = floor.place("alice", request(BUY, OrderType.STOP_LOSS_LIMIT, 1, 112, stop=110)).order.order_id
    assert floor.balance("alice", "USDT") == (1_000_000 - 112, 112)
    assert floor.exchange.depth("BTCUSDT").bids[0][0] == units(50)
    floor.drain()

    floor.trade_at(110)

    events = [event for event in floor.order_events() if event.account == "alice"]
    assert [(event.execution_type, event.order.is_working) for event in events] == [(ExecutionType.NEW, True)]
    assert floor.exchange.depth("BTCUSDT").bids[0] == (units(112), units(1))
    assert floor.exchange.order("alice", "BTCUSDT", order_id).status is OrderStatus.NEW


def test_a_woken_stop_wakes_the_next(floor: Floor) -> None:
    """The trade of one stop moves the last price over another's."""
    floor.limit("maker", BUY, 1, 89)
    floor.limit("maker", BUY, 1, 79)
    first = floor.place("alice", request(SELL, OrderType.STOP_LOSS, 1, stop=90)).order.order_id
    second = floor.place("bob", request(SELL, OrderType.STOP_LOSS, 1, stop=89)).order.order_id

    floor.trade_at(90)

    assert floor.exchange.my_trades("alice", "BTCUSDT", order_id=first)[0].price == units(89)
    assert floor.exchange.my_trades("bob", "BTCUSDT", order_id=second)[0].price == units(79)


def test_a_price_that_was_only_passed_through_wakes_a_stop(floor: Floor) -> None:
    """One order that trades at 110 and at 100 after it has reached 110."""
    order_id = floor.place("alice", request(SELL, OrderType.TAKE_PROFIT, 1, stop=110)).order.order_id
    floor.limit("maker", BUY, 1, 112)
    floor.limit("maker", BUY, 1, 60)

    floor.market("maker", SELL, 2)

    assert floor.exchange.last_price("BTCUSDT") != units(112)
    assert floor.exchange.order("alice", "BTCUSDT", order_id).status is OrderStatus.FILLED


def test_a_price_that_was_only_left_behind_wakes_a_stop_as_well(floor: Floor) -> None:
    """One order that trades at 85 and then at 112 has been below 90."""
    order_id = floor.place("alice", request(SELL, OrderType.STOP_LOSS, 1, stop=90)).order.order_id
    floor.limit("maker", SELL, 1, 85)
    floor.limit("maker", SELL, 1, 112)

    floor.market("maker", BUY, 2)

    assert floor.exchange.order("alice", "BTCUSDT", order_id).status is OrderStatus.FILLED


def test_a_canceled_stop_never_wakes(floor: Floor) -> None:
    """What it had locked is free, and its price passes without it."""
    order_id = floor.place("alice", request(SELL, OrderType.STOP_LOSS, 1, stop=90)).order.order_id
    floor.cancel("alice", order_id)

    floor.trade_at(90)

    assert floor.exchange.order("alice", "BTCUSDT", order_id).status is OrderStatus.CANCELED
    assert floor.balance("alice", "BTC") == (100, 0)


def test_a_buying_stop_that_its_account_cannot_pay_expires_when_woken(floor: Floor) -> None:
    """A stop without a limit holds nothing while it waits."""
    order_id = floor.place("alice", request(BUY, OrderType.STOP_LOSS, 1, stop=110)).order.order_id
    floor.place("alice", request(BUY, OrderType.LIMIT, 100, "9999.5", symbol="ETHUSDT"))

    floor.trade_at(110)

    expired = floor.exchange.order("alice", "BTCUSDT", order_id)
    assert (expired.status, expired.expiry_reason) == (OrderStatus.EXPIRED, ExpiryReason.REJECTED)
    assert floor.order_events()[-1].expiry_reason is ExpiryReason.REJECTED
    assert floor.balance("alice", "USDT") == (50, 999_950)


def test_of_stops_at_one_price_the_oldest_wakes_first(floor: Floor) -> None:
    """Age decides among equals."""
    floor.limit("maker", BUY, 1, 89)
    first = floor.place("alice", request(SELL, OrderType.STOP_LOSS, 1, stop=90)).order.order_id
    floor.place("bob", request(SELL, OrderType.STOP_LOSS, 1, stop=90))

    floor.trade_at(90)

    assert floor.exchange.my_trades("alice", "BTCUSDT", order_id=first)[0].price == units(89)
    assert floor.exchange.my_trades("bob", "BTCUSDT")[0].price == units(50)
