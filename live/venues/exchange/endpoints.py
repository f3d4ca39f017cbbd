"""The exchange's endpoints: where each is found by REST and by WebSocket API, what it weighs, and who may ask.

Source: Binance Spot API documentation, REST and WebSocket API; both offer the same operations at the same weights.
"""

from collections.abc import Callable

import msgspec

from live.venues.exchange import account_operations, errors, market_operations, order_operations
from live.venues.exchange.errors import VenueError
from live.venues.exchange.operations import Desk, Prepare, Run
from live.venues.exchange.parameters import Parameters
from live.venues.exchange.security import Security

Weigh = Callable[[Parameters], int]
"""Give what a request weighs, which its parameters may decide; malformed ones weigh the least that the endpoint does."""

_ORDER_AMEND_REJECTED = -2038


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One operation and where it is found.

    Attributes:
        operation: its name in the WebSocket API, and wherever operations are named.
        method, path: where REST has it; the path follows /api/v3/.
        weigh: its request weight.
        prepare: reads its parameters.
        prepare_by_socket: reads them in the WebSocket API, where that answers otherwise.
        engine: whether it goes to the matching engine, before which a signed request's time is checked again.
        places: whether its answer tells the count of unfilled orders.
    """

    operation: str
    method: str
    path: str
    security: Security
    weigh: Weigh
    prepare: Prepare
    prepare_by_socket: Prepare | None = None
    engine: bool = False
    places: bool = False


def _always(weight: int) -> Weigh:
    return lambda parameters: weight


def _with(name: str, weight: int, otherwise: int) -> Weigh:
    return lambda parameters: weight if parameters.peek(name) else otherwise


def _depth_weight(parameters: Parameters) -> int:
    text = parameters.peek("limit") or "100"
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return next((weight for largest, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= largest), 250)


def _day_weight(parameters: Parameters) -> int:
    if parameters.peek("symbol"):
        return 2
    count = _count_symbols(parameters)
    return 80 if not count or count > 100 else 40 if count > 20 else 2


def _window_weight(parameters: Parameters) -> int:
    return min(200, 4 * max(1, _count_symbols(parameters)))


def _count_symbols(parameters: Parameters) -> int:
    return (parameters.peek("symbols") or "").count('"') // 2


def _test_weight(parameters: Parameters) -> int:
    return 20 if (parameters.peek("computeCommissionRates") or "").lower() == "true" else 1


def _refuse(error: Callable[[], VenueError]) -> Prepare:
    def prepare(desk: Desk, parameters: Parameters, unit: int) -> Run:
        parameters.ignore(*parameters.values)

        def run(account: str, now: int) -> object:
            raise error()

        return run

    return prepare


def _no_order_lists() -> VenueError:
    return errors.new_order_rejected("OCO orders are not supported for this symbol")


def _no_amends() -> VenueError:
    return VenueError(_ORDER_AMEND_REJECTED, "Order amend is not supported for this symbol.")


def _public(operation: str, path: str, weigh: Weigh, prepare: Prepare) -> Endpoint:
    return Endpoint(operation=operation, method="GET", path=path, security=Security.NONE, weigh=weigh, prepare=prepare)


def _read(operation: str, path: str, weigh: Weigh, prepare: Prepare) -> Endpoint:
    return Endpoint(operation=operation, method="GET", path=path, security=Security.USER_DATA, weigh=weigh, prepare=prepare)


def _trade(operation: str, method: str, path: str, prepare: Prepare, *, weight: int = 1, places: bool = False) -> Endpoint:
    return Endpoint(
        operation=operation,
        method=method,
        path=path,
        security=Security.TRADE,
        weigh=_always(weight),
        prepare=prepare,
        engine=True,
        places=places,
    )


ENDPOINTS = (
    _public("ping", "ping", _always(1), market_operations.ping),
    _public("time", "time", _always(1), market_operations.time),
    Endpoint(
        operation="exchangeInfo",
        method="GET",
        path="exchangeInfo",
        security=Security.NONE,
        weigh=_always(20),
        prepare=market_operations.exchange_information,
        prepare_by_socket=market_operations.exchange_information_by_socket,
    ),
    _public("depth", "depth", _depth_weight, market_operations.depth),
    _public("trades.recent", "trades", _always(25), market_operations.trades),
    _public("trades.historical", "historicalTrades", _always(25), market_operations.historical_trades),
    _public("trades.aggregate", "aggTrades", _always(4), market_operations.aggregate_trades),
    _public("klines", "klines", _always(2), market_operations.klines),
    _public("uiKlines", "uiKlines", _always(2), market_operations.klines),
    _public("avgPrice", "avgPrice", _always(2), market_operations.average_price),
    _public("ticker.24hr", "ticker/24hr", _day_weight, market_operations.ticker_day),
    _public("ticker.tradingDay", "ticker/tradingDay", _window_weight, market_operations.ticker_trading_day),
    _public("ticker", "ticker", _window_weight, market_operations.ticker_window),
    _public("ticker.price", "ticker/price", _with("symbol", 2, 4), market_operations.ticker_price),
    _public("ticker.book", "ticker/bookTicker", _with("symbol", 2, 4), market_operations.ticker_book),
    _trade("order.place", "POST", "order", order_operations.place, places=True),
    Endpoint(
        operation="order.test",
        method="POST",
        path="order/test",
        security=Security.TRADE,
        weigh=_test_weight,
        prepare=order_operations.test,
    ),
    _trade("order.cancel", "DELETE", "order", order_operations.cancel),
    _trade("openOrders.cancelAll", "DELETE", "openOrders", order_operations.cancel_all),
    _trade("order.cancelReplace", "POST", "order/cancelReplace", order_operations.cancel_replace, places=True),
    _trade("order.amend.keepPriority", "PUT", "order/amend/keepPriority", _refuse(_no_amends), weight=4),
    _trade("orderList.place", "POST", "order/oco", _refuse(_no_order_lists)),
    _trade("orderList.place.oco", "POST", "orderList/oco", _refuse(_no_order_lists)),
    _trade("orderList.place.oto", "POST", "orderList/oto", _refuse(errors.unsupported_operation)),
    _trade("orderList.place.otoco", "POST", "orderList/otoco", _refuse(errors.unsupported_operation)),
    _trade("orderList.cancel", "DELETE", "orderList", _refuse(errors.unknown_order_sent)),
    _trade("sor.order.place", "POST", "sor/order", _refuse(errors.unsupported_operation)),
    _trade("sor.order.test", "POST", "sor/order/test", _refuse(errors.unsupported_operation)),
    _read("orderList.status", "orderList", _always(4), account_operations.order_list),
    _read("order.amendments", "order/amendments", _always(4), account_operations.amendments),
    _read("order.status", "order", _always(4), account_operations.order),
    _read("openOrders.status", "openOrders", _with("symbol", 6, 80), account_operations.open_orders),
    _read("allOrders", "allOrders", _always(20), account_operations.all_orders),
    _read("allOrderLists", "allOrderList", _always(20), account_operations.nothing),
    _read("openOrderLists.status", "openOrderList", _always(6), account_operations.nothing),
    _read("myTrades", "myTrades", _with("orderId", 5, 20), account_operations.my_trades),
    _read("myAllocations", "myAllocations", _always(20), account_operations.nothing),
    _read("myPreventedMatches", "myPreventedMatches", _with("orderId", 20, 2), account_operations.prevented_matches),
    _read("myFilters", "myFilters", _always(40), account_operations.filters),
    _read("account.status", "account", _always(20), account_operations.account),
    _read("account.commission", "account/commission", _always(20), account_operations.commission),
    _read("account.rateLimits.orders", "rateLimit/order", _always(40), account_operations.order_counts),
)
"""Everything that can be asked for."""

BY_OPERATION = {endpoint.operation: endpoint for endpoint in ENDPOINTS}
"""The endpoints by their name in the WebSocket API."""
