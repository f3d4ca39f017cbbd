"""Market data: mark the market, open the day, wake the strategies, and let time pass for what waits."""

from live.core import inputs, records
from live.core.engine.deciding import DAY, Deciding
from live.core.engine.valuation import profit
from live.core.engine.watch import Watch
from live.core.engine.workspace import Workspace
from live.core.errors import InputError
from live.core.market import InstrumentMarket
from live.core.runner import StrategyRunner


class MarketData:
    """Take in bars, the state of feeds, and the passing of time."""

    __slots__ = ("_deciding", "_next_day", "_routes", "_watch", "_work")

    def __init__(self, work: Workspace, deciding: Deciding, watch: Watch) -> None:
        self._work = work
        self._deciding = deciding
        self._watch = watch
        self._routes: dict[str, tuple[InstrumentMarket, tuple[StrategyRunner, ...]]] = {}
        self._next_day = 0

    def begin_session(self) -> None:
        """Subscribe this session's strategies to their instruments, and open the day for them."""
        self._routes.clear()
        self._next_day = 0

    def on_bar(self, bar: inputs.Bar) -> None:
        """Take in a finished bar.

        Raises:
            InputError: its instrument is not defined, it contradicts itself, or it is not later than the one before.
            StrategyError: a strategy failed on it.
        """
        instrument_id, deciding = bar.instrument_id, self._deciding
        market, runners = self._routes.get(instrument_id) or self._route(instrument_id)
        market.observe(bar)
        if not bar.warm_up and self._work.now >= self._next_day:
            self._open_day()
        exits = deciding.count_bar(instrument_id) if deciding.retries and not bar.warm_up else None
        for runner in runners:
            runner.on_bar(bar)
            if runner.wishes:
                deciding.decide(runner)
        if exits:
            deciding.retry_exits(exits)
        if self._watch.looks:
            self._watch.look()

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

    def _route(self, instrument_id: str) -> tuple[InstrumentMarket, tuple[StrategyRunner, ...]]:
        market = self._work.markets.get(instrument_id)
        if market is None:
            raise InputError(f"market data for {instrument_id} came before its definition: send InstrumentDefined first")
        runners = tuple(runner for runner in self._work.runners.values() if instrument_id in runner.deployment.instrument_ids)
        self._routes[instrument_id] = route = (market, runners)
        return route

    def _open_day(self) -> None:
        """Take each strategy's profit at the first bar of a UTC day as the base of its daily loss, once it can be computed."""
        work = self._work
        day = work.now // DAY
        missing = False
        for strategy_id in work.runners:
            known = work.state.day_profits.get(strategy_id)
            if known is not None and known[0] == day:
                continue
            made = profit(work.state, work.markets, strategy_id)
            if made is None:
                missing = True
            else:
                work.emit(records.DayOpened(work.now, strategy_id, day, made))
        if not missing:
            self._next_day = (day + 1) * DAY
