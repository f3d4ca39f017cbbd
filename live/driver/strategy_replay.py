"""Replay a strategy, from a folder or a single file, on any market data by one set of settings: what `interlock replay` does."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from live.core.decimals import PARTS_PER_MILLION, divide_up
from live.core.inputs import Deployment, MarketEvent
from live.core.instruments import Instrument, merge_instruments
from live.core.limits import Limits, describe_limits
from live.core.market_events import Bar
from live.core.strategy import Strategy
from live.core.vocabulary import AccountType
from live.driver.bar_opens import with_bar_opens
from live.driver.market_source import MarketSource, open_market_source, read_definitions, redefine
from live.driver.replay import ReplayResult, ReplaySetup, replay
from live.driver.replay_limits import settle_limits
from live.driver.replay_observer import ReplayObserver
from live.driver.replay_settings import ReplaySettings, ReplaySettingsError, write_settings, write_table
from live.driver.resuming import InterruptedJournal, ResumeError
from live.journal import JournalFile
from live.promotion import load_strategy_folder, load_strategy_source
from live.promotion.strategy_file import load_strategy_file, names_a_file
from live.report.contents import ReplayReport

ACCOUNT = "replay"
DEFAULT_BALANCE = "10000.00"
"""Opening balance in the quote asset where no balance is set."""
PROGRESS_EVENTS = 1_000

Progress = Callable[[int, int | None], None]
"""Called with the number of events so far, and how many there will be where that is known."""


@dataclass(frozen=True)
class PreparedReplay:
    """Hold a replay that is ready to run once.

    Attributes:
        label: strategy id and version.
        strategies: the strategy with its warm-up bars, by id.
        setup: everything that decides the outcome but the events.
        settings: the effective settings, with nothing left to a default.
        source: the market data.
        notes: what a reader must know to judge the result, in sentences.
    """

    label: str
    strategies: Mapping[str, tuple[Strategy, int]]
    setup: ReplaySetup
    settings: ReplaySettings
    source: MarketSource
    notes: tuple[str, ...]

    @property
    def quote(self) -> str:
        """Name the asset that equity is counted in: the quote asset of the strategy's first instrument."""
        first = self.setup.deployments[0].instrument_ids[0]
        return next(instrument.quote for instrument in self.setup.instruments if instrument.instrument_id == first)

    @property
    def limits_table(self) -> dict[str, Any]:
        """Give the effective limits as the table that strategy.toml has."""
        by_id = {instrument.instrument_id: instrument for instrument in self.setup.instruments}
        return describe_limits(self.setup.deployments[0].limits, by_id)


@dataclass(frozen=True)
class _Loaded:
    strategy_id: str
    label: str
    strategy: Strategy
    warm_up_bars: int
    parameters: Mapping[str, Any]
    instruments: tuple[Instrument, ...]
    limits: Mapping[str, Any] | None


def prepare_replay(strategy: str, settings: ReplaySettings, home: Path, *, cash: str | None = None) -> PreparedReplay:
    """Load a strategy, open its market data, and settle everything that decides the outcome.

    Args:
        strategy: a strategy folder, or `file.py:Class`.
        settings: what was asked for.
        home: where a folder's sources are unpacked.
        cash: opening balance in the quote asset of the strategy's first instrument, decimal text; over the settings.

    Raises:
        PromotionError: the strategy cannot be loaded.
        MarketSourceError, TapeError: the market data cannot be opened.
        CoreError: strategy, market data and settings do not fit.
    """
    loaded = _load(strategy, settings, home)
    opened = open_market_source(settings.data, settings.until, read_definitions(settings.instruments), settings.import_options)
    source = _with_margins(redefine(opened, settings.instruments), settings)
    merged = merge_instruments(loaded.instruments, source.instruments)
    traded = loaded.instruments or source.instruments
    if not traded:
        raise ReplaySettingsError(f"the market data {', '.join(settings.data)} names no instrument: there is nothing to trade")
    notes = list(source.notes)
    balances = settings.balances or {traded[0].quote: DEFAULT_BALANCE}
    balances = balances if cash is None else {**settings.balances, traded[0].quote: cash}
    if traded[0].quote not in balances:
        notes.append(f"The account holds no {traded[0].quote}, in which {traded[0].instrument_id} is priced: it can buy nothing.")
    settings = replace(settings, balances=balances, parameters=dict(loaded.parameters))
    limits, said = settle_limits(settings, loaded.limits, traded, merged)
    notes += said
    return PreparedReplay(
        label=loaded.label,
        strategies={loaded.strategy_id: (loaded.strategy, loaded.warm_up_bars)},
        setup=_setup(loaded, settings, tuple(merged.values()), traded, limits),
        settings=settings,
        source=source,
        notes=tuple(notes),
    )


def run_replay(
    prepared: PreparedReplay,
    *,
    journal: Path | None = None,
    progress: Progress | None = None,
    detail: bool = False,
    stop_after: int | None = None,
    resume: bool = False,
) -> tuple[ReplayResult, ReplayObserver]:
    """Run a prepared replay, and give its result with what was observed.

    Args:
        prepared: what to run; its market data can be read once.
        journal: file to write every record to; nothing may be there yet, and nothing is left there when the replay fails.
        progress: told now and then how far it is.
        detail: keep what a report draws.
        stop_after: stop after so many market events, and leave the journal as a process that ended there would.
        resume: `journal` is that of the same replay, which stopped; it is replaced by the whole one once everything in it came again.

    Raises:
        ResumeError: what the interrupted journal holds does not come again; it is left as it is.
        JournalError: the journal cannot be written.
        CoreError: the market data is not what it must be, or the strategy misbehaves.
    """
    observer = ReplayObserver(ACCOUNT, prepared.quote, detail=detail)
    events = _chosen(prepared.source.events, prepared.settings)
    if prepared.settings.bar_opens:
        events = with_bar_opens(events)
    if progress is not None:
        events = _counted(events, prepared.source.rows, progress)
    run = partial(replay, prepared.strategies, events, prepared.setup, observer=observer, stop_after=stop_after)
    if journal is None:
        if resume:
            raise ReplaySettingsError("a replay resumes from its journal: name it")
        return run(), observer
    if not resume:
        return _journaled(run, journal), observer
    interrupted, whole = InterruptedJournal(journal), journal.with_name(f".{journal.name}.resumed")
    try:
        result = _journaled(partial(run, interrupted=interrupted), whole)
        if not interrupted.reached:
            whole.unlink()
            raise ResumeError(f"{journal} goes on where the replay now ends: resume with the data and settings it began with")
    finally:
        interrupted.close()
    whole.replace(journal)
    return result, observer


def _journaled(run: Callable[..., ReplayResult], path: Path) -> ReplayResult:
    file = JournalFile.create(path, session_id="replay", durable=False, created_at=0)
    try:
        result = run(journal=file)
        file.close()
    except BaseException:
        file.abandon()
        path.unlink(missing_ok=True)
        raise
    return result


def describe_replay(
    prepared: PreparedReplay, result: ReplayResult, observer: ReplayObserver, figures: Iterable[tuple[str, str]]
) -> ReplayReport:
    """Gather what the report's page shows."""
    equity, drawdown, exposure = observer.curves()
    return ReplayReport(
        title=prepared.label,
        period=(result.first_event, result.last_event),
        quote=prepared.quote,
        figures=tuple(figures),
        equity=equity,
        drawdown=drawdown,
        exposure=exposure,
        panels=observer.panels(),
        orders=tuple(observer.orders.values()),
        all_orders=observer.all_orders,
        denials=dict(observer.denials.most_common()),
        settings=write_settings(prepared.settings),
        limits=write_table({"limits": prepared.limits_table}),
        notes=prepared.notes,
    )


def _load(strategy: str, settings: ReplaySettings, home: Path) -> _Loaded:
    if names_a_file(strategy):
        one = load_strategy_file(strategy, settings.parameters)
        return _Loaded(one.strategy_id, one.label, one.strategy, one.warm_up_bars, one.parameters, (), None)
    folder = load_strategy_folder(Path(strategy), settings.parameters)
    loaded, version = load_strategy_source(folder, home), folder.version
    known = {instrument.instrument_id for instrument in version.instruments}
    changed = MarketSource(version.instruments, iter(()))
    changes = {name: change for name, change in settings.instruments.items() if name == "*" or name in known}
    instruments = redefine(changed, changes).instruments
    limits = describe_limits(version.limits, version.instruments_by_id)
    return _Loaded(version.strategy_id, version.label, loaded.strategy, loaded.warm_up_bars, version.parameters, instruments, limits)


def _with_margins(source: MarketSource, settings: ReplaySettings) -> MarketSource:
    """Give instruments that declare no margins those of a margin account's leverage: its inverse to open, half of it to hold."""
    if settings.account.type is AccountType.CASH:
        return source
    opening = divide_up(PARTS_PER_MILLION * PARTS_PER_MILLION, settings.leverage_ppm)
    margins = {"initial_margin_ppm": opening, "maintenance_margin_ppm": divide_up(opening, 2)}
    changes: dict[str, dict[str, int]] = {}
    for one in source.instruments:
        asked = {**settings.instruments.get("*", {}), **settings.instruments.get(one.instrument_id, {})}
        if one.initial_margin_ppm == one.maintenance_margin_ppm == PARTS_PER_MILLION and not margins.keys() & asked.keys():
            changes[one.instrument_id] = margins
    return redefine(source, changes)


def _setup(
    loaded: _Loaded, settings: ReplaySettings, instruments: tuple[Instrument, ...], traded: tuple[Instrument, ...], limits: Limits
) -> ReplaySetup:
    traded_ids = tuple(instrument.instrument_id for instrument in traded)
    accounts = () if settings.account.type is AccountType.CASH else ((ACCOUNT, settings.account.type, settings.leverage_ppm),)
    return ReplaySetup(
        deployments=(
            Deployment(loaded.strategy_id, loaded.label, ACCOUNT, traded[0].venue_id, traded_ids, limits, settings.sizing_fee_ppm),
        ),
        instruments=instruments,
        balances=tuple((ACCOUNT, asset, amount) for asset, amount in settings.opening_balances().items()),
        seed=settings.seed,
        accounts=accounts,
        close_out=settings.close_out,
        simulation=settings.venue if settings.venue.seed else replace(settings.venue, seed=settings.seed),
        beyond_live_limits=settings.beyond_live_limits,
    )


def _chosen(events: Iterable[MarketEvent], settings: ReplaySettings) -> Iterator[MarketEvent]:
    """Leave out what lies before the start, but for the bars of history that are handed on as such."""
    after = settings.after
    history: dict[str, deque[Bar]] = {}
    source = iter(events)
    for event in source:
        if event.ts_init > after:
            for bar in sorted((bar for bars in history.values() for bar in bars), key=lambda bar: bar.ts_init):
                yield replace(bar, warm_up=True)
            yield event
            break
        if settings.history_bars and isinstance(event, Bar):
            history.setdefault(event.instrument_id, deque(maxlen=settings.history_bars)).append(event)
    yield from source


def _counted(events: Iterable[MarketEvent], rows: int | None, progress: Progress) -> Iterator[MarketEvent]:
    for number, event in enumerate(events, start=1):
        if number % PROGRESS_EVENTS == 0:
            progress(number, rows)
        yield event
