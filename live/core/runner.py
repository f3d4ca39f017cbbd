"""Runner: one strategy instance, fed with what it takes in."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from live.core.context import RunningContext, Worth
from live.core.entities import Order
from live.core.errors import StrategyError
from live.core.inputs import Deployment
from live.core.market import InstrumentMarket
from live.core.market_events import Bar, BookDelta, BookSnapshot, FundingRate, Quote, QuoteBar, Trade
from live.core.portfolio import Wish
from live.core.records import FillRecorded
from live.core.requests import Request
from live.core.state import EngineState
from live.core.strategy import Strategy
from live.core.views import BookView, FundingView, QuoteBarView, QuoteView, view_order

Feed = tuple[Callable[[Any, RunningContext], None], RunningContext, list[Wish | Request], int, int, "StrategyRunner"]
"""The strategy's handler, its context and wishes, the price and quantity units of the instrument, and the runner."""

_HANDLERS: dict[str, tuple[type[Any], ...]] = {
    "on_bar": (Bar,),
    "on_quote_bar": (QuoteBar,),
    "on_trade": (Trade,),
    "on_quote": (Quote,),
    "on_book": (BookSnapshot, BookDelta),
    "on_funding": (FundingRate,),
}


def subscriptions(strategy: type[Strategy]) -> frozenset[type[Any]]:
    """Give the kinds of market events that a strategy takes in: those whose handler it overrides."""
    return frozenset(kind for name, kinds in _HANDLERS.items() if getattr(strategy, name) is not getattr(Strategy, name) for kind in kinds)


class WarmUp(NamedTuple):
    """Say how far a strategy's warm-up has come; the bar after the last that it needs is the first that it may decide on.

    Attributes:
        lasts: whether it is not over yet.
        needed: bars of each instrument.
        had: how many of these came, by instrument id.
    """

    lasts: bool
    needed: int
    had: dict[str, int]


class StrategyRunner:
    """Feed one strategy, event by event.

    Attributes:
        deployment: what the strategy is bound to.
        strategy: the instance.
        context: what it sees, with the wishes it makes.
        wishes: the context's list of wishes.
        listens: whether the strategy wants to hear what becomes of its orders.
        hears_fills: whether it wants to hear of its executions.
        subscriptions: the kinds of market events it takes in.
    """

    __slots__ = (
        "_bars_seen",
        "_markets",
        "_state",
        "_units",
        "_warm_up_bars",
        "context",
        "deployment",
        "hears_fills",
        "listens",
        "strategy",
        "subscriptions",
        "wishes",
    )

    def __init__(
        self,
        strategy: Strategy,
        deployment: Deployment,
        warm_up_bars: int,
        state: EngineState,
        markets: Mapping[str, InstrumentMarket],
        worth: Worth,
        seed: int,
    ) -> None:
        """Take a strategy whose instruments are all defined; `seed` is the session's."""
        self.strategy = strategy
        self.deployment = deployment
        self.listens = type(strategy).on_order is not Strategy.on_order
        self.hears_fills = getattr(strategy.on_fill, "__func__", None) is not Strategy.on_fill
        self.subscriptions = subscriptions(type(strategy))
        self._warm_up_bars = warm_up_bars
        self._bars_seen = dict.fromkeys(deployment.instrument_ids, 0)
        instruments = {instrument_id: state.instruments[instrument_id] for instrument_id in deployment.instrument_ids}
        self._units = {name: (10**one.price_scale, 10**one.quantity_scale) for name, one in instruments.items()}
        self.context = RunningContext(deployment, state, markets, self._units, worth, seed)
        self.context.warming_up = warm_up_bars > 0
        self.wishes = self.context.wishes
        self._state = state
        self._markets = markets

    def on_start(self) -> None:
        """Let the strategy begin.

        Raises:
            StrategyError: as `on_quote`.
        """
        self.context.now = self._state.now
        self._call(lambda: self.strategy.on_start(self.context), "its start")

    def feed(self, kind: type[Bar | Trade], instrument_id: str) -> Feed:
        """Give what it takes to hand an instrument's bars or trades to the strategy: it stays the same from event to event."""
        price_unit, quantity_unit = self._units[instrument_id]
        hand_over = self.strategy.on_bar if kind is Bar else self.strategy.on_trade
        return hand_over, self.context, self.wishes, price_unit, quantity_unit, self

    def count_warm_up(self, instrument_id: str) -> None:
        """Count a bar toward the warm-up, and end it when every instrument has had enough of them."""
        self._bars_seen[instrument_id] += 1
        self.context.warming_up = any(seen <= self._warm_up_bars for seen in self._bars_seen.values())

    @property
    def warm_up(self) -> WarmUp:
        """Tell how far the warm-up has come."""
        needed = self._warm_up_bars
        return WarmUp(self.context.warming_up, needed, {name: min(seen, needed) for name, seen in self._bars_seen.items()})

    def failure(self, error: BaseException, event: str) -> StrategyError:
        """Say that the strategy failed on an event, or asked for something that is no target and no order."""
        said = str(error) if isinstance(error, StrategyError) else f"{type(error).__name__}: {error}"
        return StrategyError(f"strategy {self.deployment.strategy_id} failed on {event}: {said}; mend it and promote it again")

    def on_quote(self, quote: Quote) -> None:
        """Hand a quote to the strategy; wishes made before its warm-up is over, or by history, are dropped.

        Raises:
            StrategyError: the strategy failed, or asked for something that is no target and no order.
        """
        instrument_id = quote.instrument_id
        view = QuoteView(instrument_id, quote.ts_event, quote, *self._units[instrument_id])
        self._take_in(quote, self.strategy.on_quote, view, "quote")

    def on_quote_bar(self, bar: QuoteBar) -> None:
        """Hand a bar of bid and ask to the strategy, as `on_quote` does with a quote; it counts toward the warm-up where bars do not come.

        Raises:
            StrategyError: as `on_quote`.
        """
        instrument_id = bar.instrument_id
        if self.context.warming_up and Bar not in self.subscriptions:
            self.count_warm_up(instrument_id)
        view = QuoteBarView(instrument_id, bar.ts_event, bar, self._units[instrument_id][0])
        self._take_in(bar, self.strategy.on_quote_bar, view, "bar of bid and ask")

    def on_book(self, event: BookSnapshot | BookDelta) -> None:
        """Hand the order book after a change to the strategy, as `on_quote` does with a quote.

        Raises:
            StrategyError: as `on_quote`.
        """
        instrument_id = event.instrument_id
        book = self._markets[instrument_id].book
        assert book is not None, "the market took the event in before the strategies"
        view = BookView(instrument_id, event.ts_event, book, *self._units[instrument_id])
        self._take_in(event, self.strategy.on_book, view, "book")

    def on_funding(self, event: FundingRate) -> None:
        """Hand a funding rate to the strategy, as `on_quote` does with a quote.

        Raises:
            StrategyError: as `on_quote`.
        """
        view = FundingView(event.instrument_id, event.ts_event, event, self._units[event.instrument_id][0])
        self._take_in(event, self.strategy.on_funding, view, "funding rate")

    def on_fill(self, fill: FillRecorded) -> None:
        """Hand the strategy one of its own executions; wishes made before its warm-up is over are dropped.

        Raises:
            StrategyError: as `on_quote`.
        """
        self.context.now = fill.ts
        try:
            self.strategy.on_fill(fill, self.context)
        except (Exception, SystemExit) as error:  # a strategy that leaves must not take the service along
            raise self.failure(error, f"the fill {fill.trade_id} of order {fill.order_id}") from error
        if self.context.warming_up:
            self.context.forget()

    def on_order(self, order: Order) -> None:
        """Tell the strategy what became of an order it asked for.

        Raises:
            StrategyError: as `on_quote`.
        """
        self.context.now = self._state.now
        view = view_order(order, self._state.instruments[order.instrument_id])
        self._call(lambda: self.strategy.on_order(view, self.context), f"the order {order.order_id}")

    def on_timer(self, name: str, now: int) -> None:
        """Tell the strategy that a timer fell due.

        Raises:
            StrategyError: as `on_quote`.
        """
        self.context.now = now
        self._call(lambda: self.strategy.on_timer(name, self.context), f"the timer {name}")

    def _take_in(
        self,
        event: Quote | QuoteBar | BookSnapshot | BookDelta | FundingRate,
        hand_over: Callable[[Any, RunningContext], None],
        view: object,
        what: str,
    ) -> None:
        self.context.now = event.ts_init
        try:
            hand_over(view, self.context)
        except (Exception, SystemExit) as error:  # a strategy that leaves must not take the service along
            raise self.failure(error, f"the {what} of {event.instrument_id} at {event.ts_event}") from error
        if self.wishes and (event.warm_up or self.context.warming_up):
            self.context.forget()

    def _call(self, call: Callable[[], None], what: str) -> None:
        try:
            call()
        except (Exception, SystemExit) as error:  # a strategy that leaves must not take the service along
            raise self.failure(error, what) from error
        if self.context.warming_up:
            self.context.forget()
