"""Reporting: what an account's orders and executions mean to the engine, in the order in which it has to hear of them.

`ts_init` is 0 throughout: the loop stamps it. Orders under ids that are not ours are external ones.
"""

from collections.abc import Callable, Iterable, Iterator

from live.core.decimals import MONEY_SCALE, parse_scaled
from live.core.engine.reports import OUR_ORDER_IDS
from live.core.inputs import (
    ExecutionReported,
    ExternalOrderObserved,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    VenueReport,
)
from live.core.instruments import Instrument
from live.venues.ccxt_adapter.frames import OrderFrame
from live.venues.ccxt_adapter.translation import NANOSECONDS_PER_MILLISECOND, SeenOrder, SeenStatus
from live.venues.protocol import OwnTrade


def is_ours(order_id: str) -> bool:
    """Tell whether an order's id is one that a session of this program gave out."""
    return order_id.startswith(OUR_ORDER_IDS)


def execution(trade: OwnTrade) -> ExecutionReported:
    """Report an execution of an order of ours."""
    return ExecutionReported(
        0,
        trade.ts_event,
        trade.order_id,
        trade.venue_order_id,
        trade.trade_id,
        trade.price,
        trade.quantity,
        trade.fee,
        trade.fee_asset,
        trade.liquidity,
    )


def end_of(order: SeenOrder) -> OrderCanceled | OrderExpired | OrderRejected | None:
    """Report how an order ended; None while it works, and when it filled, which its executions say."""
    match order.status:
        case SeenStatus.CANCELED:
            return OrderCanceled(0, order.ts_event, order.order_id, order.words, order.executed_quantity)
        case SeenStatus.EXPIRED:
            return OrderExpired(0, order.ts_event, order.order_id, order.words, order.executed_quantity)
        case SeenStatus.REJECTED:
            return OrderRejected(0, order.ts_event, order.order_id, order.words)
        case SeenStatus.WORKING | SeenStatus.FILLED:
            return None


def placed(order: SeenOrder) -> Iterator[VenueReport]:
    """Report the answer to a new order: accepted, what filled of it at once, and its end if that came at once too."""
    end = end_of(order)
    if not isinstance(end, OrderRejected):
        yield OrderAccepted(0, order.ts_event, order.order_id, order.venue_order_id)
    yield from map(execution, order.trades)
    if end is not None:
        yield end


def external(account_id: str, order: SeenOrder) -> ExternalOrderObserved:
    """Report an order that is not ours."""
    remaining = order.quantity - order.executed_quantity if order.status is SeenStatus.WORKING else 0
    return ExternalOrderObserved(
        0,
        order.ts_event,
        account_id,
        order.instrument_id,
        order.venue_order_id,
        order.order_id,
        order.side,
        remaining,
        order.limit_price,
    )


def streamed(
    account_id: str, frame: OrderFrame, instrument: Instrument, recognises: Callable[[str], bool] = is_ours
) -> Iterable[VenueReport]:
    """Report what the account's stream said of an order; one that is not recognised is somebody else's in this account.

    Raises:
        DecimalError: a number is finer than the instrument's scale.
    """
    when = frame.time * NANOSECONDS_PER_MILLISECOND
    executed = parse_scaled(frame.executed_quantity, instrument.quantity_scale)
    if not recognises(frame.order_id):
        remaining = parse_scaled(frame.quantity, instrument.quantity_scale) - executed if frame.works else 0
        price = parse_scaled(frame.limit_price, instrument.price_scale) or None
        return (
            ExternalOrderObserved(
                0, when, account_id, instrument.instrument_id, frame.venue_order_id, frame.order_id, frame.side, remaining, price
            ),
        )
    match frame.event:
        case "ACCEPTED":
            return (OrderAccepted(0, when, frame.order_id, frame.venue_order_id),)
        case "REJECTED":
            return (OrderRejected(0, when, frame.order_id, frame.reason),)
        case "CANCELED":
            return (OrderCanceled(0, when, frame.order_id, frame.reason, executed),)
        case "EXPIRED":
            return (OrderExpired(0, when, frame.order_id, frame.reason, executed),)
        case "TRADED":
            return (
                ExecutionReported(
                    0,
                    when,
                    frame.order_id,
                    frame.venue_order_id,
                    frame.trade_id,
                    parse_scaled(frame.price, instrument.price_scale),
                    parse_scaled(frame.traded_quantity, instrument.quantity_scale),
                    parse_scaled(frame.fee, MONEY_SCALE),
                    frame.fee_asset or instrument.quote,
                    frame.liquidity,
                ),
            )
        case _:
            return ()
