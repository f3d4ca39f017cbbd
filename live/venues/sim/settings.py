"""Settings of a simulated venue: how it fills, what it charges, how late it is and what it refuses.

Every struct is shaped like a TOML table. The defaults are the rules that the gates judge a strategy by: pessimistic where
the market data leaves a choice.
"""

from enum import StrEnum

import msgspec

from live.core.decimals import PARTS_PER_MILLION
from live.core.errors import InputError
from live.venues.sim.costs import CostModel
from live.venues.sim.latency import LatencyModel


class FillPrice(StrEnum):
    """At which price of which bar a market order fills."""

    NEXT_OPEN = "NEXT_OPEN"
    SAME_CLOSE = "SAME_CLOSE"
    NEXT_CLOSE = "NEXT_CLOSE"
    """The close of the bar after, as zipline does; what rests fills in that bar before it."""
    NEXT_MIDDLE = "NEXT_MIDDLE"
    """Half of the next bar's high and low, to the nearest step and half of one up, as pybroker does: nobody need have traded there."""
    NEXT_AVERAGE = "NEXT_AVERAGE"
    """A quarter of the next bar's open, high, low and close, likewise."""


LATE_PRICES = (FillPrice.NEXT_CLOSE, FillPrice.NEXT_MIDDLE, FillPrice.NEXT_AVERAGE)
"""Those that are known only at the end of the next bar."""


class IntrabarPath(StrEnum):
    """In which order the prices inside a bar are taken to have traded."""

    ADVERSE_FIRST = "ADVERSE_FIRST"
    """After the open, whatever is worst for each order: stops trigger before limits fill, and a stop limit that its trigger
    makes rest does not fill in that bar."""
    OPEN_HIGH_LOW_CLOSE = "OPEN_HIGH_LOW_CLOSE"
    OPEN_LOW_HIGH_CLOSE = "OPEN_LOW_HIGH_CLOSE"
    NEAREST_FIRST = "NEAREST_FIRST"
    """The high first when it is nearer to the open than the low is, else the low."""


class Excess(StrEnum):
    """What becomes of the part of a market order that is larger than what the market shows."""

    WAIT = "WAIT"
    """It fills on what comes next."""
    EXPIRE = "EXPIRE"
    """It ends, as an immediate or cancel order does."""
    NEXT_TICK = "NEXT_TICK"
    """It fills at once, one tick worse than the last price."""


class Source(StrEnum):
    """A kind of market data."""

    BARS = "BARS"
    QUOTE_BARS = "QUOTE_BARS"
    QUOTES = "QUOTES"
    TRADES = "TRADES"
    BOOK = "BOOK"


class Improvement(StrEnum):
    """What a resting limit order gets from a bar that opens at a better price."""

    NONE = "NONE"
    """Its own price: it stood there when the market came."""
    OPEN = "OPEN"
    """The open, and of a trade that goes through its price the trade's."""
    WORST_OF_BAR = "WORST_OF_BAR"
    """The bar's price that is worst for it, but no worse than its own."""


class StopPrice(StrEnum):
    """What a stop that a bar triggers gets, before slippage. Quotes and trades give their own price unless it is TRIGGER."""

    TRIGGER_OR_OPEN = "TRIGGER_OR_OPEN"
    """Its trigger price, or the open of a bar that opens beyond it."""
    TRIGGER = "TRIGGER"
    """Its trigger price even when nobody traded there."""
    TRIGGER_OR_CLOSE = "TRIGGER_OR_CLOSE"
    """The worse of its trigger price and the bar's close."""
    TRIGGER_WITHIN_BAR = "TRIGGER_WITHIN_BAR"
    """Its trigger price, or of a bar that lies beyond it as a whole the price nearest to it."""


class TriggeredStop(StrEnum):
    """What becomes of a stop whose trigger price the market is beyond when it arrives."""

    REJECT = "REJECT"
    """It is rejected, as at Binance."""
    TRIGGER = "TRIGGER"
    """It triggers on arrival."""
    REST = "REST"
    """It rests, and triggers by what comes next."""


class QueueCancels(StrEnum):
    """Whose orders left when a level shrinks by more than what traded there."""

    BEHIND = "BEHIND"
    """Those behind ours: cancels never bring us forward."""
    PRO_RATA = "PRO_RATA"
    """Those before and behind ours, in proportion to what rests there."""


class QueueModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Choose whether trades at the price of a resting order may fill it.

    Attributes:
        enabled: keep the place of every resting order in the queue at its price. Without it only a trade through the price fills.
        ahead: quantity units before us when no quote or book says what rests there.
        cancels: who left when the visible quantity shrinks without trades.
    """

    enabled: bool = False
    ahead: int = 0
    cancels: QueueCancels = QueueCancels.BEHIND

    def __post_init__(self) -> None:
        """Refuse a negative queue.

        Raises:
            InputError: `ahead` is negative.
        """
        if self.ahead < 0:
            raise InputError(f"queue.ahead must be at least 0 quantity units, received {self.ahead}: declare what rests before us")


class FillModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Choose when and at what price orders fill.

    Attributes:
        price: which price of a bar a market order fills at.
        price_step: to what a middle or average is rounded, in price units; 0 takes the tick.
        path: in which order the prices inside a bar traded.
        touch: whether a bar or trade at exactly the price of a resting limit order fills it; else the market must trade through.
        improvement: what a resting limit order gets from a bar that opens, or a trade that goes through it, at a better price.
        stop_price: what a stop gets that a bar triggers; TRIGGER holds for quotes and trades too.
        limits_rest: whether a limit order that could take at a bar's price rests first, and fills as a resting one by the next bar.
        through_fills_all: whether a bar or trade through the price of a resting order fills all of it, whatever the participation cap.
        trades_have_sides: whether the last trade that a buyer began stands for the ask, and the last that a seller began for the bid; else
            the last trade stands for both.
        standing: whether a taking order fills at once on the last quote, book or trade; else it waits for the next one.
        maximum_data_age: how old that last quote, book or trade may be for an order that travelled, in nanoseconds before its arrival.
        bar_interval: length of a bar in nanoseconds, from which its open time follows; 0 takes the time the bar before it was received.
        excess: what becomes of a market order larger than what is quoted.
        sources: which market data fills orders; other kinds are only looked at for prices.
    """

    price: FillPrice = FillPrice.NEXT_OPEN
    price_step: int = 0
    path: IntrabarPath = IntrabarPath.ADVERSE_FIRST
    touch: bool = False
    improvement: Improvement = Improvement.NONE
    stop_price: StopPrice = StopPrice.TRIGGER_OR_OPEN
    limits_rest: bool = False
    through_fills_all: bool = False
    trades_have_sides: bool = False
    standing: bool = True
    maximum_data_age: int = 0
    bar_interval: int = 0
    excess: Excess = Excess.WAIT
    sources: tuple[Source, ...] = tuple(Source)

    def __post_init__(self) -> None:
        """Refuse a model that contradicts itself.

        Raises:
            InputError: a time or step is negative, or nothing fills orders.
        """
        for name, value in (("maximum_data_age", self.maximum_data_age), ("bar_interval", self.bar_interval)):
            if value < 0:
                raise InputError(f"fill.{name} must be at least 0 nanoseconds, received {value}")
        if self.price_step < 0:
            raise InputError(f"fill.price_step must be at least 0 price units, received {self.price_step}")
        if not self.sources:
            raise InputError(f"fill.sources must name the market data that fills orders, received none: write some of {', '.join(Source)}")


class VenueFilters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Choose what the venue refuses, beside the tick, the lot and the smallest notional of the instrument.

    Attributes:
        maximum_orders: open orders of one account in one instrument, MAX_NUM_ORDERS; 0 means no bound.
        price_up_ppm: how far above the last price a limit may be, parts per million of it, PERCENT_PRICE; 0 means no bound.
        price_down_ppm: how far below it, below 1,000,000; 0 means no bound.
        minimum_notional: whether the instrument's smallest notional is asked for.
        triggered_stops: what becomes of a stop that would trigger on arrival.
    """

    maximum_orders: int = 0
    price_up_ppm: int = 0
    price_down_ppm: int = 0
    minimum_notional: bool = True
    triggered_stops: TriggeredStop = TriggeredStop.REJECT

    def __post_init__(self) -> None:
        """Refuse a negative bound.

        Raises:
            InputError: a bound is out of range.
        """
        for name, value in (("maximum_orders", self.maximum_orders), ("price_up_ppm", self.price_up_ppm)):
            if value < 0:
                raise InputError(f"filters.{name} must be at least 0, received {value}: 0 means no bound")
        if not 0 <= self.price_down_ppm < PARTS_PER_MILLION:
            raise InputError(f"filters.price_down_ppm must lie within 0..{PARTS_PER_MILLION - 1}, received {self.price_down_ppm}")


class SimulationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Declare a simulated venue: everything but its instruments.

    Attributes:
        fill: when and at what price orders fill.
        costs: fees and slippage.
        latency: how long requests, answers and market data travel.
        participation_ppm: largest share of a bar's or trade's volume that our orders take together, parts per million; 0 means no cap.
        queue: place in the queue of resting orders.
        filters: what the venue refuses.
        seed: decides everything that is drawn: delays, and whether slippage happens.
    """

    fill: FillModel = FillModel()
    costs: CostModel = CostModel()
    latency: LatencyModel = LatencyModel()
    participation_ppm: int = 0
    queue: QueueModel = QueueModel()
    filters: VenueFilters = VenueFilters()
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a share of more than everything.

        Raises:
            InputError: `participation_ppm` is out of range.
        """
        if not 0 <= self.participation_ppm <= PARTS_PER_MILLION:
            raise InputError(
                f"participation_ppm must lie within 0..{PARTS_PER_MILLION}, received {self.participation_ppm}: 100000 is a tenth, 0 no cap"
            )
