"""Operations that change orders: place, test, cancel, cancel all, cancel and replace.

Source: Binance Spot API documentation, "Trading endpoints".
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

from live.venues.exchange import errors, payloads
from live.venues.exchange.errors import VenueError
from live.venues.exchange.exchange import Canceled, CancelReplaced, Placed
from live.venues.exchange.operations import Desk, Run, read_order_ids
from live.venues.exchange.orders import (
    CancelReplaceMode,
    CancelRestrictions,
    OrderRequest,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from live.venues.exchange.parameters import Parameters
from live.venues.exchange.payloads import Payload

_BAD_STRATEGY_TYPE = -1134
_SMALLEST_STRATEGY_TYPE = 1_000_000

_TRANSFER = "TRANSFER"
"""A mode between accounts of one owner, which no symbol allows here."""

_PEG = ("pegPriceType", "pegOffsetValue", "pegOffsetType")


class ResponseType(StrEnum):
    """How much an answer to a new order says."""

    ACK = "ACK"
    RESULT = "RESULT"
    FULL = "FULL"


class ExceededMode(StrEnum):
    """Whether a cancel-replace still cancels when the account may place no more orders."""

    DO_NOTHING = "DO_NOTHING"
    CANCEL_ONLY = "CANCEL_ONLY"


_ANSWERS: Mapping[ResponseType, Callable[[Placed, int], Payload]] = {
    ResponseType.ACK: payloads.order_ack,
    ResponseType.RESULT: payloads.order_result,
    ResponseType.FULL: payloads.order_full,
}


def place(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Place an order."""
    request = _read_order(desk, parameters)
    answer = _read_answer(parameters, request.type)

    def run(account: str, now: int) -> Payload:
        refusal = desk.order_refusal(account, now)
        if refusal is not None:
            raise refusal
        placed = desk.exchange.place(account, request, now)
        desk.orders.add(account, now)
        return answer(placed, unit)

    return run


def test(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Check an order without placing it."""
    request = _read_order(desk, parameters)
    _read_answer(parameters, request.type)
    commission = parameters.boolean("computeCommissionRates", default=False)

    def run(account: str, now: int) -> Payload:
        desk.exchange.test(account, request, now)
        return payloads.order_test_commission(desk.exchange.account(account).rates) if commission else {}

    return run


def cancel(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Cancel an order."""
    symbol = desk.required_symbol(parameters)
    order_id, client_order_id = read_order_ids(parameters)
    new_client_order_id = parameters.client_order_id("newClientOrderId")
    restrictions = _read_restrictions(parameters)

    def run(account: str, now: int) -> Payload:
        outcome = desk.exchange.cancel(account, symbol, order_id, client_order_id, new_client_order_id, restrictions, now)
        return payloads.canceled(outcome, unit)

    return run


def cancel_all(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Cancel all open orders of a symbol."""
    symbol = desk.required_symbol(parameters)

    def run(account: str, now: int) -> list[Payload]:
        return [payloads.canceled(outcome, unit) for outcome in desk.exchange.cancel_all(account, symbol, now)]

    return run


def cancel_replace(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Cancel an order and place another."""
    request = _read_order(desk, parameters)
    answer = _read_answer(parameters, request.type)
    mode = parameters.required_choice("cancelReplaceMode", CancelReplaceMode)
    order_id, client_order_id = read_order_ids(parameters, "cancelOrderId", "cancelOrigClientOrderId")
    new_client_order_id = parameters.client_order_id("cancelNewClientOrderId")
    restrictions = _read_restrictions(parameters)
    exceeded = parameters.choice("orderRateLimitExceededMode", ExceededMode) or ExceededMode.DO_NOTHING

    def replace(account: str, now: int) -> CancelReplaced:
        return desk.exchange.cancel_replace(
            account,
            request,
            mode,
            now,
            cancel_order_id=order_id,
            cancel_original_client_order_id=client_order_id,
            cancel_new_client_order_id=new_client_order_id,
            restrictions=restrictions,
        )

    def cancel_only(account: str, now: int, refusal: VenueError) -> CancelReplaced:
        try:
            outcome = desk.exchange.cancel(account, request.symbol, order_id, client_order_id, new_client_order_id, restrictions, now)
        except VenueError as error:
            return CancelReplaced(error, refusal if mode is CancelReplaceMode.ALLOW_FAILURE else None)
        return CancelReplaced(outcome, refusal)

    def run(account: str, now: int) -> Payload:
        refusal = desk.order_refusal(account, now)
        if refusal is None:
            outcome = replace(account, now)
            # A new order that was not attempted counts all the same, says the documentation of the endpoint.
            desk.orders.add(account, now)
        elif exceeded is ExceededMode.DO_NOTHING:
            raise refusal
        else:
            outcome = cancel_only(account, now, refusal)
        new_order = outcome.new_order
        return _both_outcomes(
            outcome.cancel,
            answer(new_order, unit) if isinstance(new_order, Placed) else new_order,
            unit,
            limited=refusal is not None and mode is CancelReplaceMode.STOP_ON_FAILURE,
        )

    return run


def _both_outcomes(cancel: Canceled | VenueError | None, new_order: Payload | VenueError | None, unit: int, *, limited: bool) -> Payload:
    assert cancel is not None, "a cancel-replace always tries to cancel"
    payload = payloads.cancel_replaced(cancel, new_order, unit)
    canceled, placed = isinstance(cancel, Canceled), isinstance(new_order, dict)
    if canceled and placed:
        return payload
    refusal = errors.cancel_replace_partially_failed(payload) if canceled or placed else errors.cancel_replace_failed(payload)
    if limited:
        refusal.http_status = 429
    raise refusal


def _read_order(desk: Desk, parameters: Parameters) -> OrderRequest:
    symbol = desk.required_symbol(parameters)
    side = parameters.required_choice("side", Side, errors.invalid_side())
    kind = parameters.required_choice("type", OrderType, errors.invalid_order_type())
    if any(parameters.text(name) is not None for name in _PEG):
        raise errors.new_order_rejected("Pegged orders are not supported for this symbol.")
    request = OrderRequest(
        symbol=symbol,
        side=side,
        type=kind,
        time_in_force=parameters.choice("timeInForce", TimeInForce, errors.invalid_time_in_force()),
        quantity=_positive(parameters, "quantity"),
        quote_quantity=_positive(parameters, "quoteOrderQty"),
        price=_positive(parameters, "price"),
        stop_price=_positive(parameters, "stopPrice"),
        client_order_id=parameters.client_order_id("newClientOrderId"),
        stp_mode=_read_prevention(parameters),
        iceberg_quantity=parameters.decimal("icebergQty"),
        trailing_delta=parameters.integer("trailingDelta"),
        strategy_id=parameters.integer("strategyId"),
        strategy_type=parameters.integer("strategyType"),
    )
    if request.strategy_type is not None and request.strategy_type < _SMALLEST_STRATEGY_TYPE:
        raise VenueError(_BAD_STRATEGY_TYPE, f"`strategyType` was less than {_SMALLEST_STRATEGY_TYPE}.")
    return request


def _positive(parameters: Parameters, name: str) -> int | None:
    value = parameters.decimal(name)
    if value == 0:
        raise VenueError(errors.INVALID_MESSAGE, f"Invalid {name}.")
    return value


def _read_prevention(parameters: Parameters) -> SelfTradePrevention | None:
    if parameters.peek("selfTradePreventionMode") == _TRANSFER:
        raise VenueError(errors.INVALID_MESSAGE, "This symbol does not allow the specified self-trade prevention mode.")
    return parameters.choice("selfTradePreventionMode", SelfTradePrevention)


def _read_answer(parameters: Parameters, kind: OrderType) -> Callable[[Placed, int], Payload]:
    chosen = parameters.choice("newOrderRespType", ResponseType)
    default = ResponseType.FULL if kind in {OrderType.LIMIT, OrderType.MARKET} else ResponseType.ACK
    return _ANSWERS[chosen or default]


def _read_restrictions(parameters: Parameters) -> CancelRestrictions | None:
    # The endpoint's page shows this text; the list of errors has a longer one.
    refusal = VenueError(errors.INVALID_CANCEL_RESTRICTIONS, "Invalid cancelRestrictions")
    return parameters.choice("cancelRestrictions", CancelRestrictions, refusal)
