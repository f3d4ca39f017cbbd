"""Weights, bans and counts of unfilled orders, as Binance's pages on limits describe them."""

import pytest

from live.venues.exchange.endpoints import BY_OPERATION
from live.venues.exchange.errors import VenueError
from live.venues.exchange.parameters import Parameters
from live.venues.exchange.security import Security
from live.venues.exchange.weights import OrderCounts, RequestLimits, RequestWeights, order_count_headers, weight_headers

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND
NOON = 20_780 * DAY + DAY // 2


def refused(weights: RequestWeights, now: int, weight: int = 1, address: str = "a") -> VenueError:
    """Give what a request beyond a limit is told."""
    with pytest.raises(VenueError) as found:
        weights.charge(address, weight, now)
    return found.value


def test_weight_adds_up_within_a_minute_of_the_clock() -> None:
    """The used weight grows with every request and starts anew with the minute, for each address by itself."""
    weights = RequestWeights()
    assert weights.charge("a", 20, NOON + 59 * SECOND).count == 20
    usage = weights.charge("a", 5, NOON + 59 * SECOND)
    assert weight_headers(usage) == {"X-MBX-USED-WEIGHT": "25", "X-MBX-USED-WEIGHT-1M": "25"}
    assert weights.charge("b", 1, NOON + 59 * SECOND).count == 1
    assert weights.charge("a", 1, NOON + MINUTE).count == 1


def test_too_much_weight_is_told_how_long_to_wait() -> None:
    """The request beyond the limit gets 429, -1003 and the seconds until the window ends, and the next window is open."""
    weights = RequestWeights(RequestLimits(request_weight=10))
    weights.charge("a", 10, NOON + 30 * SECOND)
    error = refused(weights, NOON + 30 * SECOND + 1)
    assert (error.http_status, error.code, error.headers["Retry-After"]) == (429, -1003, "30")
    assert error.retry_at == NOON + MINUTE
    assert error.message.startswith("Too much request weight used; current limit is 10 request weight per 1 MINUTE. ")
    weights.charge("a", 10, NOON + MINUTE)


def test_requests_are_limited_whatever_they_weigh() -> None:
    """RAW_REQUESTS counts requests over five minutes."""
    weights = RequestWeights(RequestLimits(raw_requests=3))
    for minute in range(3):
        weights.charge("a", 1, NOON + minute * MINUTE)
    assert refused(weights, NOON + 4 * MINUTE).headers["Retry-After"] == "60"
    weights.charge("a", 1, NOON + 5 * MINUTE)


def test_who_goes_on_after_429_is_banned_for_longer_each_time() -> None:
    """Ten warnings, then 418 for two minutes; the next ban is five times as long, and none is longer than three days."""
    weights = RequestWeights(RequestLimits(request_weight=1, strikes=10))
    now, lengths = NOON, list[int]()
    for _ in range(7):
        weights.charge("a", 1, now)
        assert {refused(weights, now).http_status for _ in range(10)} == {429}
        error = refused(weights, now)
        assert (error.http_status, error.code) == (418, -1003)
        lengths.append(int(error.headers["Retry-After"]))
        assert error.retry_at == now + lengths[-1] * SECOND
        assert error.message.startswith(f"Way too much request weight used; IP banned until {now // 1_000 + lengths[-1] * 1_000}. ")
        assert refused(weights, now + lengths[-1] * SECOND - 1).http_status == 418
        assert weights.charge("b", 1, now).count == 1
        now += lengths[-1] * SECOND
        now += -now % MINUTE + MINUTE
    assert lengths == [120, 600, 3_000, 15_000, 75_000, 3 * 86_400, 3 * 86_400]


def test_warnings_are_forgotten_with_the_window() -> None:
    """Who stops when told is not banned, however often that happens."""
    weights = RequestWeights(RequestLimits(request_weight=1, strikes=2))
    for minute in range(10):
        weights.charge("a", 1, NOON + minute * MINUTE)
        assert {refused(weights, NOON + minute * MINUTE).http_status for _ in range(2)} == {429}


def test_a_ban_can_be_ordered() -> None:
    """A ban of a given length begins at once."""
    weights = RequestWeights()
    assert weights.ban("a", NOON, 5 * SECOND).headers["Retry-After"] == "5"
    assert refused(weights, NOON + 5 * SECOND - 1).http_status == 418
    weights.charge("a", 1, NOON + 5 * SECOND)


def test_unfilled_orders_are_counted_in_ten_seconds_and_in_a_day() -> None:
    """The taker example of the FAQ: every new order adds one, a first fill takes one off, and the count starts anew with its window."""
    counts = OrderCounts()
    assert order_count_headers(counts.add("a", NOON)) == {"X-MBX-ORDER-COUNT-10S": "1", "X-MBX-ORDER-COUNT-1D": "1"}
    counts.add("a", NOON + SECOND)
    counts.give_back("a", 1, NOON + SECOND)
    assert [usage.count for usage in counts.usage("a", NOON + SECOND)] == [1, 1]
    assert [usage.count for usage in counts.usage("a", NOON + 10 * SECOND)] == [0, 1]
    assert [usage.count for usage in counts.usage("b", NOON)] == [0, 0]
    assert [usage.count for usage in counts.usage("a", NOON + DAY)] == [0, 0]


def test_fills_give_back_no_more_than_was_counted() -> None:
    """The FAQ's last example: orders of yesterday that fill today lower today's count, and never below nothing."""
    counts = OrderCounts()
    for _ in range(10):
        counts.add("a", NOON)
    counts.give_back("a", 15, NOON)
    assert [usage.count for usage in counts.add("a", NOON)] == [1, 1]


def test_one_order_too_many_waits_for_its_window() -> None:
    """The 101st unfilled order in ten seconds gets 429, -1015 and the seconds until the window ends."""
    counts = OrderCounts()
    for _ in range(100):
        counts.check("a", NOON)
        counts.add("a", NOON)
    with pytest.raises(VenueError) as found:
        counts.check("a", NOON + 3 * SECOND)
    error = found.value
    assert (error.http_status, error.code, error.headers["Retry-After"]) == (429, -1015, "7")
    assert error.retry_at == NOON + 10 * SECOND
    assert error.message == "Too many new orders; current limit is 100 orders per 10 SECOND."
    counts.check("a", NOON + 10 * SECOND)
    counts.check("b", NOON)


def test_a_used_weight_is_that_of_the_current_window() -> None:
    """Asking does not weigh, and sees an old window's weight no more."""
    weights = RequestWeights()
    weights.charge("a", 20, NOON)
    assert weights.usage("a", NOON + MINUTE - 1).count == 20
    assert weights.usage("a", NOON + MINUTE).count == 0


WEIGHTS = {
    "ping": 1,
    "time": 1,
    "exchangeInfo": 20,
    "depth": 5,
    "trades.recent": 25,
    "trades.historical": 25,
    "trades.aggregate": 4,
    "klines": 2,
    "uiKlines": 2,
    "avgPrice": 2,
    "ticker.24hr": 80,
    "ticker.tradingDay": 4,
    "ticker": 4,
    "ticker.price": 4,
    "ticker.book": 4,
    "order.place": 1,
    "order.test": 1,
    "order.cancel": 1,
    "openOrders.cancelAll": 1,
    "order.cancelReplace": 1,
    "order.amend.keepPriority": 4,
    "orderList.place": 1,
    "orderList.place.oco": 1,
    "orderList.place.oto": 1,
    "orderList.place.otoco": 1,
    "orderList.cancel": 1,
    "orderList.status": 4,
    "order.amendments": 4,
    "sor.order.place": 1,
    "sor.order.test": 1,
    "order.status": 4,
    "openOrders.status": 80,
    "allOrders": 20,
    "allOrderLists": 20,
    "openOrderLists.status": 6,
    "myTrades": 20,
    "myAllocations": 20,
    "myPreventedMatches": 2,
    "myFilters": 40,
    "account.status": 20,
    "account.commission": 20,
    "account.rateLimits.orders": 40,
}
"""What each operation weighs when it is asked without parameters, from its page."""


def test_every_operation_weighs_what_its_page_says() -> None:
    """No endpoint has a weight of its own making."""
    assert {name: endpoint.weigh(Parameters({})) for name, endpoint in BY_OPERATION.items()} == WEIGHTS


def test_who_may_ask_and_what_reaches_the_engine_follow_from_the_operation() -> None:
    """Only signed trading requests reach the engine, where their time is checked again; two of them tell the order counts."""
    trading = {name for name in BY_OPERATION if name.startswith(("order.", "orderList.", "openOrders.cancelAll", "sor."))}
    trading -= {"order.status", "order.amendments", "orderList.status"}
    engine = {name for name, endpoint in BY_OPERATION.items() if endpoint.engine}
    assert {name for name, endpoint in BY_OPERATION.items() if endpoint.security is Security.TRADE} == trading
    assert engine == trading - {"order.test"}
    assert {name for name, endpoint in BY_OPERATION.items() if endpoint.places} == {"order.place", "order.cancelReplace"}
    public = {name for name, endpoint in BY_OPERATION.items() if endpoint.security is Security.NONE}
    assert {name.partition(".")[0] for name in public} == {
        "ping",
        "time",
        "exchangeInfo",
        "depth",
        "trades",
        "klines",
        "uiKlines",
        "avgPrice",
        "ticker",
    }


@pytest.mark.parametrize(
    ("operation", "sent", "weight"),
    [
        ("depth", {"limit": "100"}, 5),
        ("depth", {"limit": "101"}, 25),
        ("depth", {"limit": "500"}, 25),
        ("depth", {"limit": "501"}, 50),
        ("depth", {"limit": "1000"}, 50),
        ("depth", {"limit": "1001"}, 250),
        ("depth", {"limit": "9" * 30}, 5),
        ("ticker.24hr", {"symbol": "BTCUSDT"}, 2),
        ("ticker.24hr", {"symbols": '["A","B"]'}, 2),
        ("ticker.24hr", {"symbols": str([f"A{n}" for n in range(20)]).replace("'", '"')}, 2),
        ("ticker.24hr", {"symbols": str([f"A{n}" for n in range(21)]).replace("'", '"')}, 40),
        ("ticker.24hr", {"symbols": str([f"A{n}" for n in range(100)]).replace("'", '"')}, 40),
        ("ticker.24hr", {"symbols": str([f"A{n}" for n in range(101)]).replace("'", '"')}, 80),
        ("ticker.price", {"symbol": "BTCUSDT"}, 2),
        ("ticker.book", {"symbol": "BTCUSDT"}, 2),
        ("ticker", {"symbols": '["A","B"]'}, 8),
        ("ticker.tradingDay", {"symbols": str([f"A{n}" for n in range(99)]).replace("'", '"')}, 200),
        ("openOrders.status", {"symbol": "BTCUSDT"}, 6),
        ("myTrades", {"symbol": "BTCUSDT", "orderId": "1"}, 5),
        ("myPreventedMatches", {"symbol": "BTCUSDT", "orderId": "1"}, 20),
        ("order.test", {"computeCommissionRates": "true"}, 20),
    ],
)
def test_parameters_change_what_a_request_weighs(operation: str, sent: dict[str, str], weight: int) -> None:
    """More levels and more symbols weigh more, and one symbol or one order less."""
    assert BY_OPERATION[operation].weigh(Parameters(sent)) == weight
