"""Replay driver: market events from a dataset or tape through the engine against the simulated venue."""

import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import cast

import msgspec

from live.core import inputs, records
from live.core.decimals import MONEY_SCALE, format_scaled
from live.core.engine import Engine
from live.core.inputs import Deployment, MarketEvent, RecordedInput
from live.core.instruments import Instrument
from live.core.records import OutputRecord
from live.core.scope_limits import ScopeLimits
from live.core.strategy import Strategy
from live.core.vocabulary import AccountType, Scope
from live.driver.close_out import CloseOut
from live.driver.closing_out import LastEvents, close_out
from live.driver.engine_digest import engine_digest
from live.driver.loop import EngineLoop
from live.driver.performance import Performance
from live.driver.replay_observer import ReplayObserver
from live.driver.resuming import InterruptedJournal
from live.driver.scheduler import Scheduler
from live.journal import JournalFile, ParityDigest, Step, StoredEntry, decode_entry, encode_entry
from live.venues.protocol import OpenGate
from live.venues.sim import CostModel, FillModel, FillPrice, SimulatedVenue, SimulationSettings

COMMIT_INTERVAL = 640
"""Entries a replay collects before it writes them: it can be run again, so it need not be durable at each step.

Many at once save calls into SQLite, of 128 rows each; too many no longer fit the processor's cache until they are written."""

APPEND_INTERVAL = 64
"""Entries a replay collects before it encodes them: what encodes the first is then still in the processor's cache for all others."""

END_OF_TIME = 2**63 - 1

_KIND = itemgetter(2)
"""The kind of a row of the journal."""
_FILL = records.FillRecorded.__name__
_CODED = frozenset({records.OrderDenied.__name__, records.AlarmRaised.__name__})
"""Kinds that are counted by their codes."""


class ReplaySetup(msgspec.Struct, frozen=True, kw_only=True):
    """Declare everything about a replay but its market events.

    Attributes:
        deployments: strategies with their accounts and limits.
        instruments: definitions of everything that the events name.
        balances: opening balances as (account, asset, money units).
        costs: fees and slippage of the simulated venue.
        fill_price: which price a market order fills at.
        seed: recorded in the session; strategies get no randomness but by it.
        accounts: accounts that are no cash accounts, as (account, type, maximum leverage in parts per million).
        close_out: what happens to positions at the end.
        simulation: how the venue fills and charges, whole; `costs` and `fill_price` say it in short when it is left out.
        scope_limits: limits of accounts and venues, besides those that their strategies' limits come to.
        beyond_live_limits: take limits above the ceilings that hold for live trading.
    """

    deployments: tuple[Deployment, ...]
    instruments: tuple[Instrument, ...]
    balances: tuple[tuple[str, str, int], ...]
    costs: CostModel = CostModel()
    fill_price: FillPrice = FillPrice.NEXT_OPEN
    seed: int = 0
    accounts: tuple[tuple[str, AccountType, int], ...] = ()
    close_out: CloseOut = CloseOut.NONE
    simulation: SimulationSettings | None = None
    scope_limits: tuple[tuple[Scope, str, ScopeLimits], ...] = ()
    beyond_live_limits: bool = False

    @property
    def venue_settings(self) -> SimulationSettings:
        """Give how the venue fills and charges."""
        if self.simulation is not None:
            return self.simulation
        return SimulationSettings(fill=FillModel(price=self.fill_price), costs=self.costs)


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """Report what a replay did; `records` counts inputs and outputs, money is decimal text in the quote asset.

    `balances` are exact, by account and asset; `positions` are what was left, in the base asset, by instrument.
    """

    events: int
    records: int
    decisions: int
    intents: int
    fills: int
    denials: dict[str, int]
    alarms: dict[str, int]
    profit: dict[str, str]
    fees: str
    first_event: int
    last_event: int
    parity_digest: str
    balances: dict[str, dict[str, str]] = {}
    positions: dict[str, str] = {}
    performance: Performance | None = None


class ReplayRecorder:
    """Write a replay's entries to a journal, or only to the parity digest; market events stay where they came from.

    Attributes:
        durable_seq: what is collected counts as durable at once: a replay can be run again.
        market: None: market events stay where they came from.
        fills: executions so far.
        tally: denials and alarms so far, by kind and code.
    """

    def __init__(
        self,
        journal: JournalFile | None,
        engine: Engine,
        observer: ReplayObserver | None = None,
        interrupted: InterruptedJournal | None = None,
    ) -> None:
        self.market = None
        self.durable_seq = 0
        self.fills = 0
        self.tally: Counter[str] = Counter()
        self._journal = journal
        self._engine = engine
        self._observer = observer
        self._interrupted = interrupted
        self._parity = ParityDigest()
        self._steps: list[Step] = [] if journal is None else journal.collected
        self._watched = observer is not None or interrupted is not None
        self._snapshots = 0 if journal is None else journal.last_seq
        self._commit_at = COMMIT_INTERVAL + self._snapshots
        self._append_at = min(APPEND_INTERVAL, COMMIT_INTERVAL) + self._snapshots

    @property
    def entries(self) -> int:
        """Count inputs and outputs so far."""
        return self.durable_seq - self._snapshots

    def step(self, entry: RecordedInput | None, outputs: Sequence[OutputRecord], events: int) -> int:
        """Collect a step's entries, and write them when enough have come together."""
        if self._watched:
            if self._observer is not None and outputs:
                self._observer.take(outputs)
            if self._interrupted is not None:
                self._interrupted.step(entry, outputs, (1, events), self._engine)
        self._steps.append((entry, outputs, (1, events)))
        count = len(outputs) if entry is None else len(outputs) + 1
        self.durable_seq = seq = self.durable_seq + count
        if seq >= self._append_at:
            self._append()
        return seq

    def _append(self) -> None:
        """Hand what was collected to the journal, and commit when that is due."""
        if self.durable_seq >= self._commit_at:
            self.commit()
        elif self._journal is not None:
            self._journal.append_collected()
        self._append_at = min(self.durable_seq + APPEND_INTERVAL, self._commit_at)

    def snapshot(self, body: bytes, ts: int) -> None:
        """Write a snapshot when there is a journal."""
        if self._journal is not None:
            self.durable_seq = self._journal.append_snapshot(body, ts)
            self._snapshots += 1
            self._commit_at += 1
            self._append_at += 1
        if self._interrupted is not None:
            self._interrupted.snapshot(body, self._engine)

    def commit(self) -> str:
        """Write what was collected; returns the digest over all output records so far, in hexadecimal."""
        if self._journal is None:
            said = cast("list[OutputRecord]", [record for _, outputs, _ in self._steps for record in outputs])
            self._steps.clear()
            self._count([type(record).__name__ for record in said], said)
            self._parity.update_all([encode_entry(record) for record in said])
        else:
            # Counted by what is to be written: records that are not kept for it leave their memory, still in the cache, to the next.
            rows = self._journal.uncommitted
            self._count(list(map(_KIND, rows)), (decode_entry(*row[2:4], row[7]) for row in rows if row[2] in _CODED))
            self._journal.commit()
            self._parity = self._journal.parity
        self._commit_at = self.durable_seq + COMMIT_INTERVAL
        return self._parity.hexdigest()

    def _count(self, kinds: list[str], said: Iterable[StoredEntry]) -> None:
        """Add to the tallies: fills by the kinds of entries, and the denials and alarms among what was said."""
        self.fills += kinds.count(_FILL)
        if not _CODED.isdisjoint(kinds):
            for record in said:
                if isinstance(record, (records.OrderDenied, records.AlarmRaised)):
                    self.tally[f"{type(record).__name__} {record.code}"] += 1


def replay(
    strategies: Mapping[str, tuple[Strategy, int]],
    events: Iterable[MarketEvent],
    setup: ReplaySetup,
    *,
    journal: JournalFile | None = None,
    observer: ReplayObserver | None = None,
    interrupted: InterruptedJournal | None = None,
    stop_after: int | None = None,
) -> ReplayResult:
    """Run strategies over market events from an empty account to the end, armed throughout.

    Args:
        strategies: instance and declared warm-up bars, by strategy id.
        events: market events in order of `ts_init`.
        setup: everything else that decides the outcome.
        journal: where to write the entries; closed by the caller.
        observer: measures performance, and keeps what a report shows.
        interrupted: the journal of the same replay, which stopped earlier; what it holds must come again.
        stop_after: stop after so many market events, as a process that ends there: nothing is closed.

    Raises:
        ResumeError: what the interrupted journal holds does not come again.
        InputError: events are out of order or name an unknown instrument.
    """
    scheduler = Scheduler()
    instruments = {instrument.instrument_id: instrument for instrument in setup.instruments}
    venues = {
        venue_id: SimulatedVenue(venue_id, instruments, setup.venue_settings, scheduler.schedule, OpenGate())
        for venue_id in sorted({instrument.venue_id for instrument in setup.instruments})
    }
    engine = Engine(strategies, beyond_live=setup.beyond_live_limits)
    recorder = ReplayRecorder(journal, engine, observer, interrupted)
    loop = EngineLoop(engine, recorder, venues, scheduler)
    if journal is not None:
        loop.take_snapshot()
    source = iter(events) if stop_after is None else islice(events, stop_after)
    first = next(source, None)
    start = 0 if first is None else first.ts_init
    for entry in opening_inputs(setup, start):
        loop.process(entry)
    remaining = source if first is None else chain((first,), source)
    if observer is not None:
        observer.attach(engine)
        observer.look(start)
        remaining = observer.watch(remaining)
    if setup.close_out is CloseOut.NONE or stop_after is not None:
        loop.run(remaining)
    else:
        last = LastEvents()
        loop.run(last.watch(remaining))
        close_out(loop, venues, setup.deployments, last, setup.close_out)
    if observer is not None:
        observer.look(engine.now)
    if stop_after is None:
        loop.process(inputs.SessionClosed(engine.now, "the replay's events ended"))
        if journal is not None:
            loop.take_snapshot()
    engine.state.ledger.check(engine.state.instruments)
    return _result(loop, recorder, start, observer)


def opening_inputs(setup: ReplaySetup, start: int) -> list[RecordedInput]:
    """List the inputs that open a replay: definitions, session, balances, clear latches and an endless lease."""
    opening: list[RecordedInput] = [inputs.InstrumentDefined(start, instrument) for instrument in setup.instruments]
    opening.append(
        inputs.SessionStarted(
            start, "replay", "REPLAY00", setup.seed, engine_digest(), platform.python_version(), "", "", setup.deployments
        )
    )
    opening += [inputs.AccountDefined(start, account, kind, leverage) for account, kind, leverage in setup.accounts]
    opening += [inputs.BalanceChanged(start, account, asset, amount, "opening balance") for account, asset, amount in setup.balances]
    opening += conditions(start, setup)
    scopes: dict[tuple[Scope, str], None] = {(Scope.GLOBAL, ""): None}
    for deployment in setup.deployments:
        scopes[Scope.VENUE, deployment.venue_id] = None
        scopes[Scope.ACCOUNT, deployment.account_id] = None
        scopes[Scope.STRATEGY, deployment.strategy_id] = None
    opening += [inputs.LatchObserved(start, scope, target, engaged=False, reason="replay") for scope, target in scopes]
    opening += [
        inputs.LeaseGranted(start, deployment.strategy_id, "replay", "replay", END_OF_TIME, deployment.limits.maximum_order_notional)
        for deployment in setup.deployments
    ]
    return opening


def conditions(start: int, setup: ReplaySetup) -> list[RecordedInput]:
    """List what a replay's checks rest on besides the market, valid to the end of time: it has one clock, one book and one journal."""
    accounts = dict.fromkeys(deployment.account_id for deployment in setup.deployments)
    venues = dict.fromkeys(deployment.venue_id for deployment in setup.deployments)
    return [
        *(inputs.LimitsSet(start, scope, target, limits) for scope, target, limits in setup.scope_limits),
        inputs.JournalHealthReported(start, healthy=True, detail=""),
        *(inputs.ClockSampled(start, venue_id, 0, 0, END_OF_TIME) for venue_id in venues),
        *(inputs.ReconciliationReported(start, account_id, clean=True, detail="", valid_until=END_OF_TIME) for account_id in accounts),
    ]


def _result(loop: EngineLoop, recorder: ReplayRecorder, start: int, observer: ReplayObserver | None) -> ReplayResult:
    engine, parity_digest, tally = loop.engine, recorder.commit(), recorder.tally
    profits = {strategy_id: engine.profit(strategy_id) for strategy_id in engine.state.deployments}
    return ReplayResult(
        events=loop.events,
        records=recorder.entries,
        decisions=engine.state.decision_sequence,
        intents=engine.state.intent_sequence,
        fills=recorder.fills,
        denials={key.removeprefix("OrderDenied "): count for key, count in sorted(tally.items()) if key.startswith("OrderDenied ")},
        alarms={key.removeprefix("AlarmRaised "): count for key, count in sorted(tally.items()) if key.startswith("AlarmRaised ")},
        profit={
            strategy_id: "unknown" if profit is None else format_scaled(profit, MONEY_SCALE) for strategy_id, profit in profits.items()
        },
        fees=format_scaled(sum(position.fees for position in engine.state.ledger.positions.values()), MONEY_SCALE),
        first_event=start,
        last_event=engine.now,
        parity_digest=parity_digest,
        balances=_balances(engine),
        positions=_positions(engine),
        performance=None if observer is None else observer.performance(),
    )


def _balances(engine: Engine) -> dict[str, dict[str, str]]:
    balances: dict[str, dict[str, str]] = {}
    for (account_id, asset), amount in sorted(engine.state.ledger.balances.items()):
        balances.setdefault(account_id, {})[asset] = format_scaled(amount, MONEY_SCALE)
    return balances


def _positions(engine: Engine) -> dict[str, str]:
    state = engine.state
    held: Counter[str] = Counter()
    for position in state.ledger.positions.values():
        held[position.instrument_id] += position.quantity
    return {name: format_scaled(quantity, state.instruments[name].quantity_scale) for name, quantity in sorted(held.items()) if quantity}
