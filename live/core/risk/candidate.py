"""The order under judgement, with everything a check may read about it."""

from collections.abc import Mapping
from typing import NamedTuple

from live.core.decimals import PARTS_PER_MILLION, divide_up
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.market import InstrumentMarket
from live.core.records import IntentRecorded
from live.core.risk.codes import DenialCode
from live.core.state import EngineState, Lease, Order, Target
from live.core.vocabulary import Side

FEE_RESERVE_PPM = 2_000
"""Fee set aside on every buy: 0.2 %, twice Binance Spot's base rate of 0.1 %."""


class Denial(NamedTuple):
    """Say why an order is refused: the code, and what was measured against which bound."""

    code: DenialCode
    detail: str


class Candidate:
    """Hold an intent and the state it is judged against.

    Attributes:
        intent: the order under judgement.
        state: the engine's state; the intent itself is not among its live orders yet.
        limits: the strategy's effective limits.
        instrument: definition of the instrument, None when unknown.
        markets: last prices by instrument.
        profit_today: profit since 00:00 UTC in money units, None when it cannot be computed.
        now: engine time, nanoseconds UTC.
        position: the strategy's signed position, in quantity units.
        worst_long: the position if every live buy and this order, when a buy, fill and no sell does.
        worst_short: the position if every live sell and this order, when a sell, fill and no buy does.
    """

    __slots__ = (
        "instrument",
        "intent",
        "limits",
        "markets",
        "now",
        "position",
        "profit_today",
        "state",
        "worst_long",
        "worst_short",
    )

    def __init__(
        self,
        intent: IntentRecorded,
        *,
        state: EngineState,
        limits: Limits,
        instrument: Instrument | None,
        markets: Mapping[str, InstrumentMarket],
        profit_today: int | None,
        now: int,
    ) -> None:
        self.intent = intent
        self.state = state
        self.limits = limits
        self.instrument = instrument
        self.markets = markets
        self.profit_today = profit_today
        self.now = now
        self.position = state.ledger.quantity(intent.account_id, intent.strategy_id, intent.instrument_id)
        buying = intent.quantity if intent.side is Side.BUY else 0
        self.worst_long = self.position + buying
        self.worst_short = self.position - (intent.quantity - buying)
        for order in state.live_orders_of(intent.strategy_id, intent.instrument_id):
            if order.side is Side.BUY:
                self.worst_long += order.remaining
            else:
                self.worst_short -= order.remaining

    @property
    def market(self) -> InstrumentMarket | None:
        """Give the last prices of the intent's instrument, None when none were ever seen."""
        return self.markets.get(self.intent.instrument_id)

    @property
    def reduces(self) -> bool:
        """Tell whether the worst case of this order only brings the position nearer to zero."""
        if self.intent.side is Side.SELL:
            return self.position > 0 and self.worst_short >= 0
        return self.position < 0 and self.worst_long <= 0


def worst_price(order: IntentRecorded | Order, collar_ppm: int) -> int:
    """Give the price at which an order may fill at worst, in price units.

    A market buy may fill as far above its reference as the collar allows; a sell's worst value for exposure is its
    reference, since a lower price makes it smaller.
    """
    if order.limit_price is not None:
        return order.limit_price
    if order.side is Side.BUY:
        return divide_up(order.reference_price * (PARTS_PER_MILLION + collar_ppm), PARTS_PER_MILLION)
    return order.reference_price


def largest_exit(target: Target, limits: Limits, lease: Lease | None, instrument: Instrument, last_price: int | None) -> int:
    """Give the largest quantity, on the lot, that one order toward an exit may have under every bound on one order.

    A position may be worth more than one order may be, because its price rose, a limit was tightened or a fill came
    late; its exit must not be denied for that. Never below one lot: the checks, not this, refuse what is too small.
    """
    largest = min(limits.maximum_order_quantity.get(instrument.instrument_id, 0), instrument.maximum_quantity)
    price = target.limit_price if target.limit_price is not None else last_price
    if price is not None and price > 0:
        notional = limits.maximum_order_notional
        if lease is not None:
            notional = min(notional, lease.maximum_order_notional)
        largest = min(largest, instrument.quantity_worth(notional, price))
    return max(instrument.lot_size, largest - largest % instrument.lot_size)
