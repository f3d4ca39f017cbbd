"""What an order must be before the engine sees it: the right parameters for its type, and every filter of its symbol.

Source: Binance Spot API documentation, "New order" (mandatory parameters by type) and "Filters". Filters are tried in the order in
which `exchangeInfo` lists them, and the first that fails is named.
"""

from collections.abc import Callable

from live.venues.exchange import errors
from live.venues.exchange.accounts import Account
from live.venues.exchange.fixed8 import ONE, Fixed8, quote_amount
from live.venues.exchange.orders import OrderRequest, OrderType, Side, TimeInForce, VenueOrder
from live.venues.exchange.symbols import ExchangeRules, SymbolRules

MANDATORY: dict[OrderType, tuple[str, ...]] = {
    OrderType.LIMIT: ("timeInForce", "quantity", "price"),
    OrderType.MARKET: (),
    OrderType.STOP_LOSS: ("quantity", "stopPrice"),
    OrderType.STOP_LOSS_LIMIT: ("timeInForce", "quantity", "price", "stopPrice"),
    OrderType.TAKE_PROFIT: ("quantity", "stopPrice"),
    OrderType.TAKE_PROFIT_LIMIT: ("timeInForce", "quantity", "price", "stopPrice"),
    OrderType.LIMIT_MAKER: ("quantity", "price"),
}
"""Parameters without which an order of a type is refused; of the rest it takes none, but a market order `quoteOrderQty`."""

STOP_TYPES = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})
"""Types that wait for a price: what the filters call algo orders."""

TAKES_AT_ANY_PRICE = frozenset({OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT})
"""Types without a limit price."""

_UNSUPPORTED = {
    OrderType.MARKET: "Market orders are not supported for this symbol.",
    OrderType.STOP_LOSS: "Stop loss orders are not supported for this symbol.",
    OrderType.STOP_LOSS_LIMIT: "Stop loss limit orders are not supported for this symbol.",
    OrderType.TAKE_PROFIT: "Take profit orders are not supported for this symbol.",
    OrderType.TAKE_PROFIT_LIMIT: "Take profit limit orders are not supported for this symbol.",
}


def check_parameters(request: OrderRequest, rules: SymbolRules) -> None:
    """Refuse an order whose parameters do not go with its type, or that its symbol does not take.

    Raises:
        VenueError: -1102, -1106, -1128 or -1013.
    """
    kind = request.type
    sent = {
        "timeInForce": request.time_in_force,
        "quantity": request.quantity,
        "quoteOrderQty": request.quote_quantity,
        "price": request.price,
        "stopPrice": request.stop_price,
    }
    mandatory = MANDATORY[kind]
    for name in mandatory:
        if sent[name] is not None:
            continue
        if name != "stopPrice":
            raise errors.mandatory_parameter(name)
        if request.trailing_delta is None:
            raise errors.one_of_parameters("stopPrice", "trailingDelta")
    allowed = ("quantity", "quoteOrderQty") if kind is OrderType.MARKET else mandatory
    for name, value in sent.items():
        if value is not None and name not in allowed:
            raise errors.parameter_not_required(name)
    if kind is OrderType.MARKET:
        if request.quantity is None and request.quote_quantity is None:
            raise errors.one_of_parameters("quantity", "quoteOrderQty")
        if request.quantity is not None and request.quote_quantity is not None:
            raise errors.invalid_parameter_combination()
    if kind not in rules.order_types:
        raise errors.VenueError(errors.INVALID_MESSAGE, _UNSUPPORTED.get(kind, "Unsupported order combination."))
    if request.iceberg_quantity:
        raise errors.VenueError(errors.INVALID_MESSAGE, "Iceberg orders are not supported for this symbol.")
    if request.trailing_delta is not None:
        raise errors.VenueError(errors.INVALID_MESSAGE, "Trailing stop orders are not supported for this symbol.")
    if request.stp_mode is not None and request.stp_mode not in rules.stp_modes:
        raise errors.VenueError(errors.INVALID_MESSAGE, "This symbol does not allow the specified self-trade prevention mode.")
    if rules.status != "TRADING":
        raise errors.market_closed()


def check_filters(
    request: OrderRequest, rules: SymbolRules, exchange: ExchangeRules, account: Account, average_price: Callable[[], Fixed8]
) -> None:
    """Refuse an order that breaks a filter.

    The average price is asked for only when a filter needs it; 0, while nothing has traded, turns those filters off.

    Raises:
        VenueError: -1013 "Filter failure: X", -2010 for filters that count open orders.
    """
    for price in (request.price, request.stop_price):
        if price is not None and not _within(price, rules.min_price, rules.max_price, rules.tick_size):
            raise errors.filter_failure("PRICE_FILTER")
    quantity = request.quantity
    if quantity is not None:
        if not _within(quantity, rules.min_quantity, rules.max_quantity, rules.step_size):
            raise errors.filter_failure("LOT_SIZE")
        if request.type in TAKES_AT_ANY_PRICE and not _within(
            quantity, rules.market_min_quantity, rules.market_max_quantity, rules.market_step_size
        ):
            raise errors.filter_failure("MARKET_LOT_SIZE")
    if request.price is not None:
        _check_percent_price(request.side, request.price, rules, average_price())
    _check_notional(request, rules, exchange, average_price)
    _check_open_orders(request, rules, exchange, account)


def check_position(quantity: Fixed8, rules: SymbolRules, account: Account) -> None:
    """Refuse a buy while the account's position exceeds the most that is allowed, or that would overflow it.

    Raises:
        VenueError: -2010 "Filter failure: MAX_POSITION".
    """
    if not rules.max_position:
        return
    balance = account.balance(rules.base_asset)
    waiting = sum(order.remaining for order in account.open.get(rules.symbol, {}).values() if order.side is Side.BUY)
    if balance.free + balance.locked + waiting + quantity > rules.max_position:
        raise errors.new_order_rejected("Filter failure: MAX_POSITION")


def counts_as_algo(order: VenueOrder) -> bool:
    """Say whether an open order counts as an algo order: a stop, for as long as it has not been triggered."""
    return order.type in STOP_TYPES and not order.triggered


def _within(value: Fixed8, least: Fixed8, most: Fixed8, step: Fixed8) -> bool:
    return value > 0 and value >= least and (not most or value <= most) and (not step or value % step == 0)


def _check_percent_price(side: Side, price: Fixed8, rules: SymbolRules, average: Fixed8) -> None:
    if not average:
        return
    up, down = (
        (rules.bid_multiplier_up, rules.bid_multiplier_down) if side is Side.BUY else (rules.ask_multiplier_up, rules.ask_multiplier_down)
    )
    # A factor is compared as a product, as a quotient would have to be rounded.
    if (up and price * ONE > average * up) or (down and price * ONE < average * down):
        raise errors.filter_failure("PERCENT_PRICE_BY_SIDE")


def _check_notional(request: OrderRequest, rules: SymbolRules, exchange: ExchangeRules, average_price: Callable[[], Fixed8]) -> None:
    market = request.type is OrderType.MARKET
    if request.quote_quantity is not None:
        notional = request.quote_quantity
    else:
        price = request.price or request.stop_price or average_price()
        if not price:
            return
        notional = quote_amount(price, request.quantity or 0)
    if notional < rules.min_notional and (rules.apply_min_to_market or not market):
        raise errors.filter_failure("NOTIONAL")
    if rules.max_notional and notional > rules.max_notional and (rules.apply_max_to_market or not market):
        raise errors.filter_failure("NOTIONAL")
    most_base, most_quote = exchange.max_assets.get(rules.base_asset), exchange.max_assets.get(rules.quote_asset)
    if (most_base is not None and (request.quantity or 0) > most_base) or (most_quote is not None and notional > most_quote):
        raise errors.filter_failure("MAX_ASSET")


def _check_open_orders(request: OrderRequest, rules: SymbolRules, exchange: ExchangeRules, account: Account) -> None:
    # The venue refuses these as its engine does, with -2010, though its list of errors has every filter under -1013.
    if request.type is OrderType.MARKET or request.time_in_force in {TimeInForce.IOC, TimeInForce.FOK}:
        return
    here = account.open.get(rules.symbol, {})
    everywhere = account.open.values()
    if rules.max_orders and len(here) >= rules.max_orders:
        raise errors.new_order_rejected("Filter failure: MAX_NUM_ORDERS")
    if exchange.max_orders and sum(map(len, everywhere)) >= exchange.max_orders:
        raise errors.new_order_rejected("Filter failure: EXCHANGE_MAX_NUM_ORDERS")
    if request.type not in STOP_TYPES:
        return
    if rules.max_algo_orders and sum(map(counts_as_algo, here.values())) >= rules.max_algo_orders:
        raise errors.new_order_rejected("Filter failure: MAX_NUM_ALGO_ORDERS")
    if exchange.max_algo_orders and sum(sum(map(counts_as_algo, orders.values())) for orders in everywhere) >= exchange.max_algo_orders:
        raise errors.new_order_rejected("Filter failure: EXCHANGE_MAX_NUM_ALGO_ORDERS")
