"""Operations that read an account: its orders, trades, balances, commissions and limits.

Source: Binance Spot API documentation, "Account Endpoints".
"""

from live.venues.exchange import errors, information, payloads
from live.venues.exchange.operations import Desk, Run, read_order_ids, read_times
from live.venues.exchange.parameters import Parameters
from live.venues.exchange.payloads import Payload

_MOST = 1_000
_DEFAULT = 500
_HOURS = 24
_TRADE_COMBINATIONS = frozenset(
    frozenset(names)
    for names in ((), ("orderId",), ("startTime",), ("endTime",), ("fromId",), ("startTime", "endTime"), ("orderId", "fromId"))
)
"""What `myTrades` can be asked beside the symbol and the limit."""


def order(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Query an order, which is not found before the read lag has passed."""
    symbol = desk.required_symbol(parameters)
    order_id, client_order_id = read_order_ids(parameters)

    def run(account: str, now: int) -> Payload:
        found = desk.exchange.order(account, symbol, order_id, client_order_id)
        if not desk.is_readable(found.time, now):
            raise errors.no_such_order()
        return payloads.order_status(found, unit)

    return run


def open_orders(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """List the open orders."""
    symbol = desk.optional_symbol(parameters)

    def run(account: str, now: int) -> list[Payload]:
        found = desk.exchange.open_orders(account, symbol)
        return [payloads.order_status(order, unit) for order in found if desk.is_readable(order.time, now)]

    return run


def all_orders(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """List orders, whatever became of them."""
    symbol = desk.required_symbol(parameters)
    order_id = parameters.integer("orderId")
    start, end = read_times(parameters, _HOURS)
    limit = parameters.limit(_DEFAULT, _MOST)

    def run(account: str, now: int) -> list[Payload]:
        found = desk.exchange.all_orders(account, symbol, order_id=order_id, start=start, end=end, limit=limit)
        return [payloads.order_status(order, unit) for order in found if desk.is_readable(order.time, now)]

    return run


def my_trades(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """List an account's trades."""
    symbol = desk.required_symbol(parameters)
    order_id, from_id = parameters.integer("orderId"), parameters.integer("fromId")
    asked = frozenset(name for name in ("orderId", "startTime", "endTime", "fromId") if parameters.peek(name) is not None)
    if asked not in _TRADE_COMBINATIONS:
        raise errors.invalid_parameter_combination()
    start, end = read_times(parameters, _HOURS)
    limit = parameters.limit(_DEFAULT, _MOST)

    def run(account: str, now: int) -> list[Payload]:
        found = desk.exchange.my_trades(account, symbol, order_id=order_id, from_id=from_id, start=start, end=end, limit=limit)
        return [payloads.account_trade(execution, unit) for execution in found if desk.is_readable(execution.time, now)]

    return run


def prevented_matches(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """List matches that self-trade prevention kept from happening."""
    symbol = desk.required_symbol(parameters)
    match_id, order_id = parameters.integer("preventedMatchId"), parameters.integer("orderId")
    from_id = parameters.integer("fromPreventedMatchId")
    if (match_id is None) == (order_id is None) or (from_id is not None and order_id is None):
        raise errors.invalid_parameter_combination()
    limit = parameters.limit(_DEFAULT, _MOST)

    def run(account: str, now: int) -> list[Payload]:
        found = desk.exchange.prevented_matches(
            account, symbol, prevented_match_id=match_id, order_id=order_id, from_id=from_id, limit=limit
        )
        return [payloads.prevented_match(match, unit) for match in found if desk.is_readable(match.time, now)]

    return run


def account(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Show an account."""
    omit_zero = parameters.boolean("omitZeroBalances", default=False)

    def run(name: str, now: int) -> Payload:
        return payloads.account_information(desk.exchange.account(name), unit, omit_zero=omit_zero)

    return run


def commission(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Show what trades of a symbol cost an account."""
    symbol = desk.required_symbol(parameters)

    def run(name: str, now: int) -> Payload:
        return payloads.account_commission(symbol, desk.exchange.account(name).rates)

    return run


def order_counts(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Show how many unfilled orders an account has placed."""

    def run(name: str, now: int) -> list[Payload]:
        desk.order_refusal(name, now)
        return [information.rate_limit_usage(usage) for usage in desk.orders.usage(name, now)]

    return run


def filters(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Show the filters that concern an account on a symbol."""
    rules = desk.symbol(parameters.required_symbol())

    def run(name: str, now: int) -> Payload:
        return information.relevant_filters(rules, desk.exchange.rules)

    return run


def nothing(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """List what this exchange has none of, such as order lists."""
    parameters.ignore(*parameters.values)
    return lambda name, now: []


def amendments(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """List what was amended of an order, which is nothing while no symbol allows it."""
    desk.required_symbol(parameters)
    if parameters.integer("orderId") is None:
        raise errors.mandatory_parameter("orderId")
    parameters.integer("fromExecutionId")
    parameters.limit(_DEFAULT, _MOST)
    return lambda name, now: []


def order_list(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Query an order list, of which there are none."""
    number, text = parameters.integer("orderListId"), parameters.client_order_id("origClientOrderId")
    if number is None and text is None:
        raise errors.invalid_parameter_combination("'orderListId' should also be sent.")

    def run(name: str, now: int) -> Payload:
        raise errors.no_such_order_list()

    return run
