"""Orders meet in price-time priority, at the price of the one that waited."""

from fractions import Fraction

import pytest
from floor import BUY, FOK, IOC, SELL, Floor, request, units

from live.venues.exchange.errors import VenueError
from live.venues.exchange.orders import ExpiryReason, OrderStatus, OrderType


@pytest.fixture
def floor() -> Floor:
    """Give an exchange with an empty book."""
    return Floor()


def test_the_best_price_trades_first_and_among_equals_the_oldest(floor: Floor) -> None:
    """A buyer meets the cheapest seller, then the older of two at the next price, each at the seller's price."""
    worse_first = floor.limit("maker", SELL, 1, 101).order.order_id
    worse_second = floor.limit("maker", SELL, 1, 101).order.order_id
    best = floor.limit("maker", SELL, 1, 100).order.order_id
    floor.drain()

    floor.limit("alice", BUY, "2.5", 105)

    trades = floor.trade_events()
    assert [(trade.seller_order_id, trade.price, trade.quantity) for trade in trades] == [
        (best, units(100), units(1)),
        (worse_first, units(101), units(1)),
        (worse_second, units(101), units("0.5")),
    ]
    assert [trade.trade_id for trade in trades] == [1, 2, 3]
    assert not trades[0].buyer_is_maker


def test_a_seller_meets_the_highest_bid_first(floor: Floor) -> None:
    """The other side works the same with prices turned round."""
    floor.limit("maker", BUY, 1, 99)
    floor.limit("maker", BUY, 1, 100)
    floor.drain()

    placed = floor.limit("alice", SELL, "1.5", 98)

    trades = floor.trade_events()
    assert [(trade.price, trade.quantity) for trade in trades] == [(units(100), units(1)), (units(99), units("0.5"))]
    assert trades[0].buyer_is_maker
    assert placed.order.status is OrderStatus.FILLED
    assert placed.order.cumulative_quote == units("149.5")


def test_what_does_not_trade_rests_at_its_limit(floor: Floor) -> None:
    """A partly filled limit order stays on the book with the rest of its quantity."""
    floor.limit("maker", SELL, 1, 100)

    placed = floor.limit("alice", BUY, 3, 100)

    assert placed.order.status is OrderStatus.PARTIALLY_FILLED
    assert floor.exchange.depth("BTCUSDT").bids == ((units(100), units(2)),)
    assert floor.exchange.depth("BTCUSDT").asks == ()
    assert floor.balance("alice", "USDT") == (1_000_000 - 300, 200)


def test_a_partly_filled_order_keeps_its_place(floor: Floor) -> None:
    """Who was first and traded a part still comes before who was second."""
    first = floor.limit("alice", SELL, 2, 100).order.order_id
    floor.limit("bob", SELL, 2, 100)
    floor.market("maker", BUY, 1)

    floor.market("maker", BUY, 1)

    assert floor.exchange.order("alice", "BTCUSDT", first).status is OrderStatus.FILLED


def test_a_price_better_than_the_limit_gives_the_difference_back(floor: Floor) -> None:
    """A buyer pays the seller's price, and what the limit had locked beyond it is free again."""
    floor.limit("maker", SELL, 1, 90)

    floor.limit("alice", BUY, 1, 100)

    assert floor.balance("alice", "USDT") == (1_000_000 - 90, 0)
    assert floor.balance("alice", "BTC") == (101, 0)


def test_an_immediate_or_cancel_order_lets_its_rest_expire(floor: Floor) -> None:
    """IOC trades what is there and expires with the rest, which is free again."""
    floor.limit("maker", SELL, 1, 100)

    placed = floor.place("alice", request(BUY, OrderType.LIMIT, 3, 100, force=IOC))

    assert placed.order.status is OrderStatus.EXPIRED
    assert placed.order.expiry_reason is ExpiryReason.UNFILLED_IOC_QUANTITY_EXPIRED
    assert placed.order.executed == units(1)
    assert floor.balance("alice", "USDT") == (1_000_000 - 100, 0)
    assert floor.exchange.depth("BTCUSDT").bids == ()


@pytest.mark.parametrize(("offered", "status", "executed"), [("2.99999", OrderStatus.EXPIRED, 0), (3, OrderStatus.FILLED, 3)])
def test_a_fill_or_kill_order_trades_whole_or_not_at_all(floor: Floor, offered: str, status: OrderStatus, executed: int) -> None:
    """FOK leaves the book as it was unless all of it can trade within its limit."""
    floor.limit("maker", SELL, offered, 100)
    floor.limit("maker", SELL, 1, 101)

    placed = floor.place("alice", request(BUY, OrderType.LIMIT, 3, 100, force=FOK))

    assert placed.order.status is status
    assert placed.order.expiry_reason == (None if executed else ExpiryReason.UNFILLED_FOK_ORDER_EXPIRED)
    assert placed.order.executed == units(executed)
    assert floor.balance("alice", "BTC")[0] == 100 + executed


def test_a_market_order_takes_at_any_price_and_expires_with_what_the_book_has_not(floor: Floor) -> None:
    """What a market order cannot trade expires; nothing rests."""
    floor.limit("maker", SELL, 1, 100)
    floor.limit("maker", SELL, 1, 5_000)

    placed = floor.market("alice", BUY, 3)

    assert placed.order.status is OrderStatus.EXPIRED
    assert placed.order.expiry_reason is ExpiryReason.INSUFFICIENT_LIQUIDITY
    assert placed.order.executed == units(2)
    assert placed.order.cumulative_quote == units(5_100)
    assert floor.balance("alice", "USDT") == (1_000_000 - 5_100, 0)


def test_a_market_order_meets_an_empty_book_and_expires(floor: Floor) -> None:
    """Without anybody to trade with an order in base is accepted and expires."""
    assert floor.market("alice", SELL, 1).order.status is OrderStatus.EXPIRED
    assert floor.balance("alice", "BTC") == (100, 0)


def test_a_market_order_that_would_cost_more_than_there_is_is_refused_as_a_whole(floor: Floor) -> None:
    """The cost is that of the book, not of the best price."""
    floor.limit("maker", SELL, 1, 100)
    floor.limit("maker", SELL, 1, 999_950)

    with pytest.raises(VenueError, match="insufficient balance") as caught:
        floor.market("alice", BUY, 2)

    assert caught.value.code == -2010
    assert floor.balance("alice", "USDT") == (1_000_000, 0)


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_market_order_in_quote_comes_as_close_as_whole_lots_allow(floor: Floor, side: str) -> None:
    """`quoteOrderQty` never spends or asks more, and leaves less than a lot."""
    floor.limit("maker", SELL, "0.001", 70_000)
    floor.limit("maker", SELL, 1, 70_003)
    floor.limit("maker", BUY, "0.001", 69_000)
    floor.limit("maker", BUY, 1, 68_997)

    placed = floor.place("alice", request(side, OrderType.MARKET, quote="100.5"))

    order = placed.order
    assert order.status is OrderStatus.FILLED
    assert order.quantity == order.executed
    assert order.quantity % units("0.00001") == 0
    assert order.cumulative_quote <= units("100.5") < order.cumulative_quote + units("70003") // 100_000
    assert order.quote_quantity == units("100.5")


def test_a_market_order_in_quote_is_refused_by_an_empty_book(floor: Floor) -> None:
    """Nobody can say how much base an amount of quote is when nobody quotes."""
    with pytest.raises(VenueError, match=r"-2010 Order book liquidity is less than symbol minimum quantity\."):
        floor.place("alice", request(BUY, OrderType.MARKET, quote=100))


def test_a_market_order_in_quote_is_refused_by_a_book_below_the_least_lot(floor: Floor) -> None:
    """A book that holds less than one lot cannot fill one."""
    floor.limit("maker", SELL, "0.000005", 70_000)

    with pytest.raises(VenueError, match=r"-2010 Order book liquidity is less than LOT_SIZE filter minimum quantity\."):
        floor.place("alice", request(BUY, OrderType.MARKET, quote=100))


@pytest.mark.parametrize(("price", "rests"), [("99.99", True), (100, False), (101, False)])
def test_a_post_only_order_never_takes(floor: Floor, price: str, rests: bool) -> None:
    """LIMIT_MAKER rests, or is refused when it would trade."""
    floor.limit("maker", SELL, 1, 100)

    if rests:
        assert floor.place("alice", request(BUY, OrderType.LIMIT_MAKER, 1, price)).order.status is OrderStatus.NEW
        return
    with pytest.raises(VenueError, match=r"-2010 Order would immediately match and take\."):
        floor.place("alice", request(BUY, OrderType.LIMIT_MAKER, 1, price))
    assert floor.exchange.open_orders("alice") == ()


@pytest.mark.parametrize(("side", "asset", "free"), [(BUY, "USDT", 1_000_000), (SELL, "BTC", 100)])
def test_an_order_locks_all_it_could_cost_and_is_refused_beyond(floor: Floor, side: str, asset: str, free: int) -> None:
    """The whole of a balance can be ordered with, and one lot more cannot."""
    floor.limit("alice", side, 100, 10_000)

    assert floor.balance("alice", asset) == (0, free)
    with pytest.raises(VenueError, match="insufficient balance"):
        floor.limit("alice", side, "0.001", 10_000)


def test_amounts_of_quote_are_rounded_down_and_nothing_is_lost() -> None:
    """A product beyond eight places is cut off for buyer and seller alike."""
    floor = Floor()
    floor.limit("maker", SELL, "0.00000003", "0.5")
    floor.limit("maker", BUY, "0.00000003", "0.5")

    assert floor.balance("maker", "USDT") == (Fraction(0), Fraction(0))
    assert floor.exchange.recent_trades("BTCUSDT")[0].quote_quantity == 1
