"""What a strategy is and what it may see and say.

A strategy is handed market events one at a time and says which position it wants, or asks for orders of its own. It has
no clock, no files, no network and no randomness but the seeded one of its context, so the same events always give the
same decisions. It never reaches a venue: the portfolio turns targets into intents, and risk decides about each.
"""

from random import Random
from typing import Any, ClassVar, Protocol

from live.core.decimals import Number
from live.core.instruments import Instrument
from live.core.records import FillRecorded
from live.core.views import BarView, BookView, FundingView, OrderView, QuoteBarView, QuoteView, TradeView
from live.core.vocabulary import OrderType, Side, TimeInForce

__all__ = [
    "BarView",
    "BookView",
    "FundingView",
    "OrderView",
    "QuoteBarView",
    "QuoteView",
    "Strategy",
    "StrategyContext",
    "TradeView",
]


class StrategyContext(Protocol):
    """What a strategy may ask and say."""

    @property
    def warming_up(self) -> bool:
        """Tell whether wishes and orders are still ignored because indicators lack history."""
        ...

    @property
    def now(self) -> int:
        """Give the time of the current event, nanoseconds UTC."""
        ...

    @property
    def random(self) -> Random:
        """Give the strategy's own source of chance, seeded by the session, so that a replay draws the same."""
        ...

    def instrument(self, instrument_id: str) -> Instrument:
        """Give the definition of an instrument of this strategy."""
        ...

    def units(self, instrument_id: str, amount: Number | str) -> int:
        """Turn an amount of the base asset into quantity units on the lot, rounded toward zero."""
        ...

    def position(self, instrument_id: str) -> int:
        """Give this strategy's signed position, in quantity units."""
        ...

    def average_price(self, instrument_id: str) -> float | None:
        """Give what the held position cost per unit of the base asset, in quote; None while flat."""
        ...

    def last_price(self, instrument_id: str) -> float | None:
        """Give the last price, in quote per base; None before the first."""
        ...

    def equity(self, asset: str) -> float | None:
        """Give what the account is worth in a quote asset; None while a held instrument has no price."""
        ...

    def balance(self, asset: str) -> float:
        """Give the account's balance of an asset."""
        ...

    def target_fraction(self, instrument_id: str, fraction: float, *, limit_price: Number | None = None, reason: str = "") -> None:
        """Want a position worth `fraction` of the account's equity; with `limit_price`, by a resting limit order."""
        ...

    def target_units(self, instrument_id: str, units: int, *, limit_price: Number | None = None, reason: str = "") -> None:
        """Want a position of `units` quantity units; with `limit_price`, by a resting limit order."""
        ...

    def submit_order(  # noqa: PLR0913 - an order has that many parts
        self,
        instrument_id: str,
        side: Side | str,
        quantity: int,
        *,
        order_type: OrderType | str = OrderType.MARKET,
        limit_price: Number | None = None,
        trigger_price: Number | None = None,
        time_in_force: TimeInForce | str | None = None,
        expires_at: int | None = None,
        reduce_only: bool = False,
        label: str = "",
        reason: str = "",
    ) -> str:
        """Ask for one order of `quantity` quantity units and give its label, by which it is canceled or replaced.

        Market orders and stops are immediate or cancel, others good till canceled, unless `time_in_force` says otherwise.
        """
        ...

    def cancel_order(self, label: str) -> None:
        """Ask for the end of an order; one that has ended already is none of anybody's business."""
        ...

    def replace_order(
        self, label: str, *, quantity: int | None = None, limit_price: Number | None = None, trigger_price: Number | None = None
    ) -> None:
        """Cancel an order, and once it ended send a new one under its label with what is given changed."""
        ...

    def cancel_all(self, instrument_id: str | None = None) -> None:
        """Ask for the end of every order the strategy asked for, in one instrument or in all."""
        ...

    def open_orders(self, instrument_id: str | None = None) -> list[OrderView]:
        """List the orders the strategy asked for that may still fill, oldest first."""
        ...

    def set_timer(self, name: str, due: int) -> None:
        """Ask for `on_timer` at engine time `due`, nanoseconds UTC; setting a name again moves it."""
        ...

    def cancel_timer(self, name: str) -> None:
        """Forget a timer."""
        ...


class Strategy:
    """Base class of every strategy.

    Override the handlers of what the strategy reads: it is fed with what it overrides and nothing else. Say the target on
    every event: the engine records a decision only when it changes. A subclass declares `Parameters`, a frozen msgspec
    Struct, and takes one in its constructor.
    """

    Parameters: ClassVar[type[Any]]

    def __init__(self, parameters: Any) -> None:
        """Begin with parameters; a class that declares no constructor of its own finds them in `self.parameters`."""
        self.parameters: Any = parameters

    @classmethod
    def warm_up_bars(cls, parameters: Any) -> int:
        """Give how many bars of each instrument must pass before wishes and orders count; none unless overridden."""
        del parameters
        return 0

    def on_start(self, context: StrategyContext) -> None:
        """Begin: called once before the first event of a session."""
        del context

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Take in a finished bar."""
        del bar, context

    def on_quote_bar(self, bar: QuoteBarView, context: StrategyContext) -> None:
        """Take in a finished bar of bid and ask."""
        del bar, context

    def on_trade(self, trade: TradeView, context: StrategyContext) -> None:
        """Take in one trade of the market."""
        del trade, context

    def on_quote(self, quote: QuoteView, context: StrategyContext) -> None:
        """Take in a change of the best bid or ask."""
        del quote, context

    def on_book(self, book: BookView, context: StrategyContext) -> None:
        """Take in a change of the order book."""
        del book, context

    def on_funding(self, funding: FundingView, context: StrategyContext) -> None:
        """Take in a funding rate that fell due."""
        del funding, context

    def on_fill(self, fill: FillRecorded, context: StrategyContext) -> None:
        """Take in one of this strategy's own executions."""
        del fill, context

    def on_order(self, order: OrderView, context: StrategyContext) -> None:
        """Take in a change of state of an order that this strategy asked for."""
        del order, context

    def on_timer(self, name: str, context: StrategyContext) -> None:
        """Take in a timer that fell due."""
        del name, context
