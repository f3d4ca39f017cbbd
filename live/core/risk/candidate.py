"""The order under judgement, with everything a check may read about it."""

from typing import NamedTuple

from live.core.decimals import PARTS_PER_MILLION, divide_up
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.market import InstrumentMarket
from live.core.records import IntentRecorded
from live.core.risk.codes import DenialCode
from live.core.state import EngineState, Order
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
        market: last prices of the instrument, None when none were ever seen.
        marks: last price of every instrument with one, in price units.
        profit_today: profit since 00:00 UTC in money units, None when it cannot be computed.
        now: engine time, nanoseconds UTC.
    """

    __slots__ = ("instrument", "intent", "limits", "market", "marks", "now", "profit_today", "state")

    def __init__(
        self,
        intent: IntentRecorded,
        *,
        state: EngineState,
        limits: Limits,
        instrument: Instrument | None,
        market: InstrumentMarket | None,
        marks: dict[str, int],
        profit_today: int | None,
        now: int,
    ) -> None:
        self.intent = intent
        self.state = state
        self.limits = limits
        self.instrument = instrument
        self.market = market
        self.marks = marks
        self.profit_today = profit_today
        self.now = now

    @property
    def position(self) -> int:
        """Give the strategy's signed position, in quantity units."""
        return self.state.ledger.quantity(self.intent.strategy_id, self.intent.instrument_id)

    def open_quantity(self, side: Side) -> int:
        """Add up what the strategy's live orders of one side may still fill, unknown orders at their worst case."""
        orders = self.state.live_orders_of(self.intent.strategy_id, self.intent.instrument_id)
        return sum(order.remaining for order in orders if order.side is side)

    @property
    def worst_long(self) -> int:
        """Give the position if every live buy and this order, when a buy, fill and no sell does."""
        own = self.intent.quantity if self.intent.side is Side.BUY else 0
        return self.position + self.open_quantity(Side.BUY) + own

    @property
    def worst_short(self) -> int:
        """Give the position if every live sell and this order, when a sell, fill and no buy does."""
        own = self.intent.quantity if self.intent.side is Side.SELL else 0
        return self.position - self.open_quantity(Side.SELL) - own

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
