"""Fold: go through a day's records and market events in the order in which they were handled, and collect what happened.

The state is the engine's own (`live.core.state`), begun from each session's opening snapshot and moved by each record, so
that orders and ledger are at every point what they were then. Market events stand between the records at their place on
the tape; one between records of two days is placed by its time, as nothing says when it was written.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

from dagster_project.lake.session_days import WallClock, day_of
from dagster_project.reports.contents import Event
from dagster_project.reports.curves import Tracker
from dagster_project.reports.marks import Marks
from live.core import inputs, records
from live.core.instruments import Instrument
from live.core.ledger import Position
from live.core.market_events import Bar, QuoteBar
from live.core.orders import OrderState
from live.core.snapshots import restore_state
from live.core.state import EngineState
from live.core.vocabulary import InstrumentKind, OperatorAction
from live.journal import JournalReader, JournalRow, SnapshotTaken, read_tape
from live.journal.entries import StoredEntry

Owner = tuple[str, str]
"""A strategy and its account."""


SECOND = 1_000_000_000
"""Nanoseconds. Between bars everything is valued at most once a second, so a day of trades and quotes gives a curve of bounded size."""


class Opening(NamedTuple):
    """Hold where things stood when the day began: balances by account and asset, positions by account, strategy and instrument."""

    balances: dict[tuple[str, str], int]
    positions: dict[tuple[str, str, str], Position]


class DayFill(NamedTuple):
    """Hold a fill and the record that says so."""

    session_id: str
    seq: int
    fill: records.FillRecorded


class Moment(NamedTuple):
    """Hold the engine time of a record, and the machine's by which it was written."""

    ts: int
    wall: int


class SessionSpan(NamedTuple):
    """Say what of a session belongs to the day."""

    records: int
    first_market: int | None
    last_market: int | None


class DayFold:
    """Fold the sessions of one day, oldest first.

    Attributes:
        marks: last price of each instrument, in price units.
        opening_marks: the same when the day began, or the first price of the day where none was known.
        orders: owner and state of each order that was begun or moved on the day.
        bar_times: closes of the day's bars by kind of bar and instrument, warm-up apart.
    """

    def __init__(self, day: date, marks: dict[str, int]) -> None:
        self.state = EngineState()
        self.opening: Opening | None = None
        self._marks = Marks(marks)
        self.marks = self._marks.prices
        self.opening_marks = dict(marks)
        self.instruments: dict[str, Instrument] = {}
        self.versions: defaultdict[Owner, list[str]] = defaultdict(list)
        self.quotes: defaultdict[Owner, set[str]] = defaultdict(set)
        self.orders: dict[str, tuple[Owner, str]] = {}
        self.denials: Counter[tuple[Owner, str]] = Counter()
        self.fills: list[DayFill] = []
        self.deposits: Counter[tuple[str, str]] = Counter()
        self.alarms: list[Event] = []
        self.controls: list[Event] = []
        self.outages: list[inputs.FeedChanged] = []
        self.kills = 0
        self.refused_calls = 0
        self.bar_times: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.profits: defaultdict[tuple[Owner, str], Tracker] = defaultdict(Tracker)
        self.equity: defaultdict[tuple[str, str], Tracker] = defaultdict(Tracker)
        self._day = day
        self._valued_at: int | None = None
        """Time of the last market event, while it still has to be valued; of events that are no bars the end of their second."""
        self._span: tuple[int, int] | None = None

    def session(self, session_id: str, journal: Path, tape: Path, clock: WallClock) -> SessionSpan:
        """Go through a session's records up to the end of the day.

        Raises:
            JournalError, TapeError: the archive's copy was damaged since it was verified.
        """
        counted = 0
        self._span = None
        self._marks.begin_session()
        events = read_tape(tape) if tape.is_dir() else iter(())
        waiting = next(events, None)
        before: Moment | None = None
        with JournalReader(journal) as reader:
            snapshot = reader.first_snapshot()
            if snapshot is None:
                return SessionSpan(0, None, None)
            self.state = restore_state(snapshot[1])
            for row in reader.rows():
                now = Moment(row.ts, clock.at(row.seq))
                while waiting is not None and waiting[:2] < (row.segment, row.offset):
                    day = _day_between(before, now, waiting[2].ts_init)
                    if day > self._day:
                        break
                    self._market(waiting[2], today=day == self._day)
                    waiting = next(events, None)
                before = now
                if day_of(now.wall) > self._day:
                    break
                today = day_of(now.wall) == self._day
                if today:
                    counted += 1
                    self._open()
                entry = row.entry()
                if row.seq <= snapshot[0] or isinstance(entry, SnapshotTaken):
                    continue
                self._value_before(row.ts)
                if today:
                    self._observe(session_id, clock, row, entry)
                self.state.apply(entry)
                if isinstance(entry, inputs.SessionStarted | inputs.InstrumentDefined) and today:
                    self._learn()
            else:
                for _, _, event in _rest(waiting, events):
                    self._market(event, today=before is not None and day_of(before.wall) == self._day)
        self._open()
        self._value()
        return SessionSpan(counted, *(self._span or (None, None)))

    def owners(self) -> list[Owner]:
        """List every strategy and account that was deployed, held something or did something."""
        held = {(position.strategy_id, position.account_id) for position in self.state.ledger.positions.values()}
        return sorted({*self.versions, *held, *(owner for owner, _ in self.orders.values())})

    def positions_of(self, owner: Owner, quote: str) -> list[Position]:
        """List an owner's positions in instruments of a quote asset, as they are now."""
        return [
            position
            for _, position in sorted(self.state.ledger.positions.items())
            if (position.strategy_id, position.account_id) == owner and self.instruments[position.instrument_id].quote == quote
        ]

    def value(self, position: Position, marks: dict[str, int]) -> int | None:
        """Value what a position holds, in money units; None while it has no price."""
        if not position.quantity:
            return 0
        mark = marks.get(position.instrument_id)
        return None if mark is None else self.instruments[position.instrument_id].notional(mark, position.quantity)

    def profit(self, positions: list[Position], marks: dict[str, int]) -> int | None:
        """Give the profit to date of positions, realised and not, after fees; None while something held has no price."""
        values = [self.value(position, marks) for position in positions]
        return None if None in values else sum(one.profit(value or 0) for one, value in zip(positions, values, strict=True))

    def equity_in(self, position: Position, marks: dict[str, int]) -> int | None:
        """Give what a position adds to its account's equity: its value, of a perpetual only what it gained; None without a price."""
        value = self.value(position, marks)
        if value is None or self.instruments[position.instrument_id].kind is InstrumentKind.SPOT:
            return value
        return value - position.cost

    def worth(self, account_id: str, quote: str) -> int | None:
        """Value an account in a quote asset: its balance and all positions priced in it; None while one has no price."""
        total = self.state.ledger.balance(account_id, quote)
        for position in self.state.ledger.positions.values():
            if position.account_id == account_id and self.instruments[position.instrument_id].quote == quote:
                value = self.equity_in(position, self.marks)
                if value is None:
                    return None
                total += value
        return total

    def _open(self) -> None:
        """Note where things stand before the first record of the day."""
        if self.opening is None:
            ledger = self.state.ledger
            copies = {key: _copy(position) for key, position in ledger.positions.items()}
            self.opening = Opening(dict(ledger.balances), copies)
            self._learn()

    def _learn(self) -> None:
        self.instruments.update(self.state.instruments)
        for strategy_id, deployment in self.state.deployments.items():
            owner = (strategy_id, deployment.account_id)
            if deployment.version not in self.versions[owner]:
                self.versions[owner].append(deployment.version)
            self.quotes[owner].update(self.instruments[name].quote for name in deployment.instrument_ids if name in self.instruments)
        for position in self.state.ledger.positions.values():
            self.quotes[position.strategy_id, position.account_id].add(self.instruments[position.instrument_id].quote)

    def _market(self, event: inputs.MarketEvent, *, today: bool) -> None:
        if event.warm_up:
            return
        if today:
            self._open()
            valued_at = at = event.ts_event
            self._span = (at, at) if self._span is None else (min(self._span[0], at), max(self._span[1], at))
            if isinstance(event, Bar):
                self.opening_marks.setdefault(event.instrument_id, event.open)
            if isinstance(event, Bar | QuoteBar):
                self.bar_times[type(event).__name__, event.instrument_id].append(event.ts_event)
            else:
                valued_at = -(-valued_at // SECOND) * SECOND
            self._value_before(valued_at)
            self._valued_at = max(self._valued_at or 0, valued_at)
        self._marks.observe(event)
        mark = self.marks.get(event.instrument_id)
        if mark is not None and not today:
            self.opening_marks[event.instrument_id] = mark
        elif mark is not None:
            self.opening_marks.setdefault(event.instrument_id, mark)

    def _value_before(self, ts: int) -> None:
        """Value the last event's time before something later moves prices or positions: a fill at that time is in its value."""
        if self._valued_at is not None and ts > self._valued_at:
            self._value()

    def _value(self) -> None:
        """Value every deployment and account at the time of the last event, once; what has no price yet is left out."""
        if self._valued_at is None:
            return
        valued_at, self._valued_at = self._valued_at, None
        for owner, quotes in self.quotes.items():
            for quote in quotes:
                profit = self.profit(self.positions_of(owner, quote), self.marks)
                if profit is not None:
                    self.profits[owner, quote].add(valued_at, profit)
                worth = self.worth(owner[1], quote)
                if worth is not None:
                    self.equity[owner[1], quote].add(valued_at, worth)

    def _observe(self, session_id: str, clock: WallClock, row: JournalRow, entry: StoredEntry) -> None:
        def event(kind: str, subject: str, detail: str) -> Event:
            return Event(session_id, row.seq, row.ts, clock.at(row.seq), kind, subject, detail)

        match entry:
            case records.IntentRecorded():
                self.orders[entry.order_id] = ((entry.strategy_id, entry.account_id), OrderState.INTENT_RECORDED)
            case records.OrderTransitioned():
                self.orders[entry.order_id] = (self._owner(entry.order_id), entry.state)
            case records.OrderDenied():
                self._deny(entry)
            case records.FillRecorded():
                self.fills.append(DayFill(session_id, row.seq, entry))
            case records.BalancePosted():
                self.deposits[entry.account_id, entry.asset] += entry.amount
            case records.TransferPosted():
                self.deposits[entry.from_account_id, entry.asset] -= entry.amount
                self.deposits[entry.to_account_id, entry.asset] += entry.amount
            case records.AlarmRaised():
                self.alarms.append(event(entry.code, entry.order_id, entry.detail))
            case records.TradingStateChanged():
                self.controls.append(event(f"{entry.state.name}", f"{entry.scope} {entry.target}".rstrip(), entry.reason))
            case records.LeaseChanged():
                self.controls.append(event("LEASE" if entry.lease_id else "LEASE ENDED", entry.strategy_id, entry.reason))
            case inputs.OperatorCommand():
                self.kills += entry.action is OperatorAction.KILL
                self.controls.append(
                    event(f"COMMAND {entry.action}", f"{entry.scope} {entry.target}".rstrip(), f"{entry.reason} ({entry.operator})")
                )
            case inputs.LatchObserved(engaged=True):
                self.controls.append(event("LATCH ENGAGED", f"{entry.scope} {entry.target}".rstrip(), entry.reason))
            case inputs.FeedChanged(healthy=False):
                self.outages.append(entry)
            case inputs.AccessDenied():
                self.refused_calls += 1
            case _:
                pass

    def _deny(self, denied: records.OrderDenied) -> None:
        """Count a denial; an old one of a wish that became no order names its strategy as the first word of its detail only."""
        if denied.order_id:
            owner = self._owner(denied.order_id)
            self.orders[denied.order_id] = (owner, OrderState.DENIED)
        else:
            strategy_id = denied.strategy_id or denied.detail.partition(" ")[0]
            owner = (strategy_id, self.state.deployments[strategy_id].account_id)
        self.denials[owner, denied.code] += 1

    def _owner(self, order_id: str) -> Owner:
        order = self.state.orders[order_id]
        return order.strategy_id, order.account_id


def _day_between(before: Moment | None, after: Moment, ts: int) -> date:
    """Give the day of a market event between two records, as if engine time and the machine's had passed evenly between them."""
    if before is None or after.ts <= before.ts or day_of(before.wall) == day_of(after.wall):
        return day_of(after.wall)
    return day_of(before.wall + (after.wall - before.wall) * (ts - before.ts) // (after.ts - before.ts))


def _copy(position: Position) -> Position:
    return Position(*(getattr(position, name) for name in position.__struct_fields__))


def _rest(
    waiting: tuple[int, int, inputs.MarketEvent] | None, events: Iterator[tuple[int, int, inputs.MarketEvent]]
) -> Iterator[tuple[int, int, inputs.MarketEvent]]:
    if waiting is not None:
        yield waiting
        yield from events
