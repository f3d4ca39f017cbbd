"""Market data: mark the market, open the day, wake the strategies, and let time pass for what waits."""

from collections.abc import Callable
from typing import Any

from live.core import inputs
from live.core.engine.deciding import Deciding
from live.core.engine.performance import Performance
from live.core.engine.watch import Watch
from live.core.engine.workspace import Workspace
from live.core.errors import InputError
from live.core.market import InstrumentMarket
from live.core.market_events import Bar, BookDelta, BookSnapshot, FundingRate, Quote, QuoteBar, Trade
from live.core.runner import Feed, StrategyRunner
from live.core.views import BarView, TradeView

MINUTE = 60 * 1_000_000_000

Route = tuple[InstrumentMarket, tuple[StrategyRunner, ...]]
"""Where an instrument's events go: its market, and the strategies that take them in."""

FeedRoute = tuple[InstrumentMarket, list[Feed]]
"""The same of what comes most often: bars and trades are handed over here, without a call between."""

Event = Quote | QuoteBar | BookSnapshot | BookDelta | FundingRate


class MarketData:
    """Take in market events, the state of feeds, and the passing of time."""

    __slots__ = (
        "_bar_routes",
        "_deciding",
        "_minutes",
        "_performance",
        "_retries",
        "_routes",
        "_started",
        "_trade_routes",
        "_watch",
        "_work",
    )

    def __init__(self, work: Workspace, deciding: Deciding, watch: Watch, performance: Performance) -> None:
        self._work = work
        self._deciding = deciding
        self._watch = watch
        self._retries = deciding.retries
        self._bar_routes: dict[str, FeedRoute] = {}
        self._trade_routes: dict[str, FeedRoute] = {}
        self._routes: dict[type[Any], dict[str, Route]] = {}
        self._minutes: dict[str, int] = {}
        self._performance = performance
        self._started = False

    def begin_session(self) -> None:
        """Subscribe this session's strategies to their instruments, and open the day for them."""
        self._routes.clear()
        self._bar_routes.clear()
        self._trade_routes.clear()
        self._performance.begin_session()
        self._started = False

    def on_bar(self, bar: Bar) -> None:
        """Take in a finished bar; what a strategy wishes before its warm-up is over, or by history, is dropped.

        Raises:
            InputError: its instrument is not defined, it contradicts itself, or it is not later than the one before.
            StrategyError: a strategy failed on it.
        """
        instrument_id, now = bar.instrument_id, bar.ts_init
        try:
            market, feeds = self._bar_routes[instrument_id]
        except KeyError:
            market, feeds = self._route_feeds(instrument_id, Bar, self._bar_routes)
        market.observe(bar)
        performance = self._performance
        if (now >= performance.next_day or performance.marginal) and not bar.warm_up:
            performance.on_price(instrument_id)
        exits = self._deciding.count_bar(instrument_id) if self._retries and not bar.warm_up else None
        for hand_over, context, wishes, price_unit, quantity_unit, runner in feeds:
            if context.warming_up:
                runner.count_warm_up(instrument_id)
            context.now = now
            try:
                hand_over(BarView(instrument_id, bar.ts_event, bar.close / price_unit, bar, price_unit, quantity_unit), context)
            except (Exception, SystemExit) as error:  # a strategy that leaves must not take the service along
                raise runner.failure(error, f"the bar of {instrument_id} at {bar.ts_event}") from error
            if wishes:
                if bar.warm_up or context.warming_up:
                    context.forget()
                else:
                    self._deciding.decide(runner)
        if exits:
            self._deciding.retry_exits(exits)
        if now >= self._watch.next_due:
            self._watch.look()

    def on_trade(self, trade: Trade) -> None:
        """Take in one trade of the market, as `on_bar` does with a bar.

        Raises:
            InputError: its instrument is not defined, or it is malformed.
            StrategyError: a strategy failed on it.
        """
        instrument_id, now = trade.instrument_id, trade.ts_init
        try:
            market, feeds = self._trade_routes[instrument_id]
        except KeyError:
            market, feeds = self._route_feeds(instrument_id, Trade, self._trade_routes)
        market.observe_trade(trade)
        performance = self._performance
        if (now >= performance.next_day or performance.marginal) and not trade.warm_up:
            performance.on_price(instrument_id)
        for hand_over, context, wishes, price_unit, quantity_unit, runner in feeds:
            context.now = now
            try:
                hand_over(TradeView(instrument_id, trade.ts_event, trade.price / price_unit, trade, quantity_unit), context)
            except (Exception, SystemExit) as error:  # as with a bar
                raise runner.failure(error, f"the trade {trade.trade_id} of {instrument_id} at {trade.ts_event}") from error
            if wishes:
                if trade.warm_up or context.warming_up:
                    context.forget()
                else:
                    self._deciding.decide(runner)
        if self._retries and not trade.warm_up:
            self._count_minutes(instrument_id, market)
        if now >= self._watch.next_due:
            self._watch.look()

    def on_quote(self, quote: Quote) -> None:
        """Take in a change of the best bid or ask.

        Raises:
            InputError: its instrument is not defined, or it is malformed.
            StrategyError: a strategy failed on it.
        """
        market, runners = self._routes_of(quote.instrument_id, Quote)
        market.observe_quote(quote)
        self._wake(quote, market, runners, StrategyRunner.on_quote)

    def on_quote_bar(self, bar: QuoteBar) -> None:
        """Take in a finished bar of bid and ask.

        Raises:
            InputError: its instrument is not defined, it contradicts itself, or it is not later than the one before.
            StrategyError: a strategy failed on it.
        """
        market, runners = self._routes_of(bar.instrument_id, QuoteBar)
        market.observe_quote_bar(bar)
        self._wake(bar, market, runners, StrategyRunner.on_quote_bar)

    def on_book(self, event: BookSnapshot | BookDelta) -> None:
        """Take in a whole order book or a change of it; a gap or a crossed book is alarmed, and no order rests on it.

        Raises:
            InputError: its instrument is not defined, or it is malformed.
            StrategyError: a strategy failed on it.
        """
        market, runners = self._routes_of(event.instrument_id, BookSnapshot)
        fault = market.observe_book(event)
        if fault:
            self._work.alarm("BOOK_NOT_TRUSTED", "", f"the order book of {event.instrument_id} is {fault} at update {_sequence(event)}")
        self._wake(event, market, runners, StrategyRunner.on_book)

    def on_funding(self, event: FundingRate) -> None:
        """Take in a funding rate that fell due.

        Raises:
            InputError: its instrument is not defined, or it is malformed.
            StrategyError: a strategy failed on it.
        """
        market, runners = self._routes_of(event.instrument_id, FundingRate)
        market.observe_funding(event)
        self._wake(event, market, runners, StrategyRunner.on_funding)

    def on_timer(self, event: inputs.TimerFired) -> None:
        """Tell a strategy that its timer fell due, and follow what it wishes.

        Raises:
            StrategyError: the strategy failed on it.
        """
        self._work.state.apply_input(event)
        runner = self._work.runners.get(event.strategy_id)
        if runner is not None:
            runner.on_timer(event.name, event.ts_init)
            if runner.wishes:
                self._deciding.decide(runner)

    def on_feed(self, event: inputs.FeedChanged) -> None:
        """Learn whether an instrument's market data flows.

        Raises:
            InputError: the instrument is not defined.
        """
        market = self._work.markets.get(event.instrument_id)
        if market is None:
            raise InputError(f"the feed of {event.instrument_id} changed before its definition: send InstrumentDefined first")
        self._work.state.apply_input(event)
        market.feed_healthy = event.healthy

    def on_clock(self, event: inputs.ClockTicked) -> None:
        """Let time pass."""
        self._work.state.apply_input(event)
        self._watch.look()

    def _route_feeds(self, instrument_id: str, kind: type[Bar | Trade], routes: dict[str, FeedRoute]) -> FeedRoute:
        market, runners = self._route(instrument_id, kind)
        routes[instrument_id] = route = (market, [runner.feed(kind, instrument_id) for runner in runners])
        return route

    def _routes_of(self, instrument_id: str, kind: type[Any]) -> Route:
        routes = self._routes.get(kind)
        if routes is None:
            routes = self._routes[kind] = {}
        route = routes.get(instrument_id)
        if route is None:
            route = routes[instrument_id] = self._route(instrument_id, kind)
        return route

    def _route(self, instrument_id: str, kind: type[Any]) -> Route:
        """Find who takes a kind of event in, and let the strategies begin at the first event of a session."""
        market = self._work.markets.get(instrument_id)
        if market is None:
            raise InputError(f"market data for {instrument_id} came before its definition: send InstrumentDefined first")
        runners = tuple(
            runner
            for runner in self._work.runners.values()
            if kind in runner.subscriptions and instrument_id in runner.deployment.instrument_ids
        )
        if not self._started:
            self._started = True
            for runner in self._work.runners.values():
                runner.on_start()
                if runner.wishes:
                    self._deciding.decide(runner)
        return market, runners

    def _wake(
        self, event: Event, market: InstrumentMarket, runners: tuple[StrategyRunner, ...], hand_over: Callable[[StrategyRunner, Any], None]
    ) -> None:
        """Do what every kind of event brings along once its market took it in."""
        deciding, performance = self._deciding, self._performance
        if (self._work.now >= performance.next_day or performance.marginal) and not event.warm_up:
            performance.on_price(event.instrument_id)
        for runner in runners:
            hand_over(runner, event)
            if runner.wishes:
                deciding.decide(runner)
        if deciding.retries and not event.warm_up:
            self._count_minutes(event.instrument_id, market)
        if self._work.now >= self._watch.next_due:
            self._watch.look()

    def _count_minutes(self, instrument_id: str, market: InstrumentMarket) -> None:
        """Let the waits of exits pass by the minute where no bars come."""
        minute = self._work.now // MINUTE
        if market.saw_bars or self._minutes.setdefault(instrument_id, minute) == minute:
            return
        self._minutes[instrument_id] = minute
        exits = self._deciding.count_bar(instrument_id)
        if exits:
            self._deciding.retry_exits(exits)


def _sequence(event: BookSnapshot | BookDelta) -> int:
    return event.sequence if isinstance(event, BookSnapshot) else event.last_sequence
