"""The system under exploration: the shipped engine in the shipped loop, a disk, a wire and a model venue, one move at a time.

Everything between the moves is the shipped code's own doing. A move is something that the world does: a bar on which the
strategy wishes something, the disk catching up, a request or an answer arriving, being lost or being repeated, a fill, an
expiry, time passing, a scan of the trade history, our process dying with only a prefix of its steps durable.
"""

import hashlib
import pickle
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from model_venue import LOT, RECEIVE_WINDOW, TICK, VENUE_ID, Batch, ModelVenue, Request, stamped

from live.core import inputs, records
from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.engine import Engine
from live.core.engine.engine import END_OF_TIME
from live.core.entities import Order
from live.core.inputs import Bar, Deployment
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.orders import MAY_REST_AT_VENUE, TERMINAL, OrderState
from live.core.snapshots import restore_state, take_snapshot
from live.core.state import EngineState
from live.core.strategy import Strategy
from live.core.vocabulary import OperatorAction, OrderType, Scope, Side, TradingState
from live.driver.loop import EngineLoop
from live.driver.scheduler import Scheduler

BTC = f"{VENUE_ID}:BTCUSDT"
USDT = 10**8
SECOND = 1_000_000_000
START = 1_704_067_200 * SECOND
INSTRUMENT = Instrument(
    instrument_id=BTC,
    base="BTC",
    quote="USDT",
    price_scale=2,
    quantity_scale=3,
    lot_size=LOT,
    minimum_quantity=LOT,
    minimum_notional=USDT // 10,
)
LIMITS = Limits(
    maximum_order_quantity={BTC: 1_000},
    maximum_order_notional=1_000 * USDT,
    maximum_position_notional=1_000 * USDT,
    maximum_open_orders=5,
    maximum_orders_per_minute=100,
    maximum_daily_loss=1_000 * USDT,
    price_collar_ppm=50_000,
    maximum_data_age=60 * SECOND,
)
DEPLOYMENT = Deployment("alpha", "alpha@1", "paper", VENUE_ID, (BTC,), LIMITS)
SCOPES = ((Scope.GLOBAL, ""), (Scope.VENUE, VENUE_ID), (Scope.ACCOUNT, "paper"), (Scope.STRATEGY, "alpha"))

AT_VENUE = {"arrive", "arrive, and again", "arrive, and find nothing", "lose request", "lose answer", "fill", "expire"}
"""Moves that happen outside our process, so that no shipped code runs in them."""
UNTIMED = {"created_at", "submitted_at", "lost_at", "ended_at", "not_open_at", "detail"}
"""Fields of an order that say when or in which words, which nothing that is explored depends on, or only as told apart below."""

Wish = tuple[Any, ...]
Move = tuple[Any, ...]


class Bounds(NamedTuple):
    """What an exploration covers, completely.

    Attributes:
        wishes: what the strategy wishes, in turn: `("target", units, price)`, `("order", units, price)` or `("replace", price)`.
        losses: requests or batches of answers that may get lost.
        repeats: requests or batches that may arrive twice.
        crashes: how often our process may die.
        expiries: orders that the venue may expire.
        stale: questions by id that may find nothing of an order that has ended.
        stops: operator commands that stop trading.
        lag: steps that may wait for the disk.
        largest: the most units that any wish asks for.
        fills: whether orders trade.
        split_questions: whether each endpoint is asked, answers, and is lost by itself.
        states_quantities: whether the venue says with an end how much it executed.
        same_nonce: whether a restart draws the nonce of the session before, which the engine must refuse.
    """

    wishes: tuple[Wish, ...]
    losses: int = 0
    repeats: int = 0
    crashes: int = 0
    expiries: int = 0
    stale: int = 0
    stops: int = 0
    lag: int = 0
    largest: int = 2 * LOT
    fills: bool = True
    split_questions: bool = False
    states_quantities: bool = True
    same_nonce: bool = False


class Wishful(Strategy):
    """Wish what the explorer says, once."""

    Parameters = dict

    def __init__(self, parameters: Any = None) -> None:
        self.wish: Wish = ()

    @classmethod
    def warm_up_bars(cls, parameters: Any) -> int:
        """Need no history."""
        return 0

    def on_bar(self, bar: Any, context: Any) -> None:
        """Say the wish."""
        wish, self.wish = self.wish, ()
        if not wish:
            return
        if wish[0] == "target":
            context.target_units(BTC, wish[1], limit_price=wish[2])
        elif wish[0] == "order":
            context.submit_order(BTC, Side.BUY, wish[1], order_type=OrderType.LIMIT, limit_price=wish[2], label="mine")
        elif any(order.label == "mine" for order in context.open_orders()):
            context.replace_order("mine", limit_price=wish[1])


class Disk:
    """Keep steps; only those that are durable survive a crash."""

    def __init__(self) -> None:
        self.market = None
        self.durable_seq = 0
        self.last_seq = 0
        self.base = b""
        self.entries: list[Any] = []
        self.waiting: list[tuple[int, tuple[Any, ...]]] = []

    def step(self, entry: Any, outputs: Sequence[Any], events: int) -> int:
        """Keep one step's entries, which become durable together."""
        entries = (*(() if entry is None else (entry,)), *outputs)
        if entries:
            self.last_seq += len(entries)
            self.waiting.append((self.last_seq, entries))
        return self.last_seq

    def snapshot(self, body: bytes, ts: int) -> None:
        """Begin anew from a snapshot of what is durable."""
        assert not self.waiting
        self.base, self.entries = body, []

    def sync(self, steps: int) -> None:
        """Make the oldest steps durable."""
        for _ in range(steps):
            self.durable_seq, entries = self.waiting.pop(0)
            self.entries += entries

    def read(self) -> EngineState:
        """Fold what is durable, as a restart does."""
        state = restore_state(self.base) if self.base else EngineState()
        for entry in self.entries:
            state.apply(entry)
        return state

    def intents(self) -> set[str]:
        """List the order ids on the durable record since the last snapshot."""
        return {entry.order_id for entry in self.entries if isinstance(entry, records.IntentRecorded)}


class System:
    """Hold everything, make moves, and say what is wrong."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.now = START
        self.disk = Disk()
        self.venue = ModelVenue(split_questions=bounds.split_questions, states_quantities=bounds.states_quantities)
        self.sessions = 0
        self.wishes_left = len(bounds.wishes)
        self.losses = bounds.losses
        self.repeats = bounds.repeats
        self.crashes = bounds.crashes
        self.expiries = bounds.expiries
        self.stale = bounds.stale
        self.stops = bounds.stops
        self.stopped = False
        self.durable_ids: set[str] = set()
        self.engine_key = ""
        self._begin(EngineState())
        self._feed(inputs.BalanceChanged(self._tick(), "paper", "USDT", 10_000 * USDT, "opening balance"))
        self._sync(len(self.disk.waiting))
        self.loop.take_snapshot()

    # Moves

    def moves(self) -> list[Move]:
        """List what the world may do next."""
        venue, waiting = self.venue, len(self.disk.waiting)
        moves: list[Move] = []
        if waiting:
            moves.append(("sync",))
        if self.crashes:
            moves += [("crash", kept) for kept in range(waiting + 1)]
        if waiting <= self.lag:
            if self.wishes_left:
                moves.append(("wish",))
            for number, request in enumerate(venue.requests):
                moves.append(("arrive", number))
                if self.losses:
                    moves.append(("lose request", number))
                if self.repeats:
                    moves.append(("arrive, and again", number))
                if self.stale and isinstance(request.effect, QueryOrder):
                    moves.append(("arrive, and find nothing", number))
            for number in range(len(venue.answers)):
                moves.append(("hear", number))
                if self.losses:
                    moves.append(("lose answer", number))
                if self.repeats:
                    moves.append(("hear, and again", number))
            for one in venue.orders:
                if one.left and self.bounds.fills:
                    moves.append(("fill", one.number))
                if one.left and self.expiries:
                    moves.append(("expire", one.number))
            if self.stops:
                moves.append(("stop",))
            moves.append(("tick",))
            if self._scan_tells():
                moves.append(("scan",))
        return moves

    def make(self, move: Move) -> None:
        """Make a move; the shipped code does the rest."""
        kind, venue = move[0], self.venue
        if kind not in AT_VENUE:
            self.engine_key = ""
        if kind == "sync":
            self._sync(len(self.disk.waiting))
        elif kind == "crash":
            self.crashes -= 1
            self._crash(move[1])
        elif kind == "wish":
            self._wish()
        elif kind == "arrive":
            venue.arrive(move[1])
        elif kind == "arrive, and again":
            self.repeats -= 1
            venue.arrive(move[1], again=True)
        elif kind == "arrive, and find nothing":
            self.stale -= 1
            venue.arrive(move[1], stale=True)
        elif kind == "lose request":
            self.losses -= 1
            del venue.requests[move[1]]
        elif kind == "hear":
            self._hear(venue.answers.pop(move[1]))
        elif kind == "hear, and again":
            self.repeats -= 1
            self._hear(venue.answers[move[1]])
        elif kind == "lose answer":
            self.losses -= 1
            del venue.answers[move[1]]
        elif kind == "fill":
            venue.fill(venue.orders[move[1]])
        elif kind == "expire":
            self.expiries -= 1
            venue.close(venue.orders[move[1]], "EXPIRED")
        elif kind == "stop":
            self.stops -= 1
            self.stopped = True
            self._feed(inputs.OperatorCommand(self._tick(), "ann", OperatorAction.DISARM, Scope.GLOBAL, "", "enough"))
        elif kind == "tick":
            self.now += TICK
            self._feed(inputs.ClockTicked(self._tick()))
        else:
            self._hear(venue.history())
        venue.now = self.now
        if not self.lag and self.disk.waiting:
            self._sync(len(self.disk.waiting))

    def outside(self) -> tuple[Any, ...]:
        """Keep what moves at the venue change, to take them back."""
        return (self.venue.keep(), self.losses, self.repeats, self.expiries, self.stale)

    def take_back(self, kept: tuple[Any, ...]) -> None:
        """Take back moves at the venue."""
        outside, self.losses, self.repeats, self.expiries, self.stale = kept
        self.venue.take_back(outside)

    def _wish(self) -> None:
        wish = self.bounds.wishes[len(self.bounds.wishes) - self.wishes_left]
        self.wishes_left -= 1
        self.strategy.wish = wish
        now = self._tick()
        self._feed(Bar(now, now, BTC, 10_000, 10_000, 10_000, 10_000, 1, False))

    def _hear(self, batch: Batch) -> None:
        for report in batch:
            self._feed(stamped(report, self._tick()))

    def _sync(self, steps: int) -> None:
        self.disk.sync(steps)
        self.durable_ids |= self.disk.intents()
        self.venue.durable_ids = self.durable_ids
        self.loop.settle()
        self._report_sending()

    def _report_sending(self) -> None:
        """Let the engine know what was handed to the wire: that never gets lost, since it happens in this process."""
        while self.venue.outcomes:
            self._feed(stamped(self.venue.outcomes.pop(0), self._tick()))
        if not self.lag and self.disk.waiting:
            self._sync(len(self.disk.waiting))

    def _crash(self, kept: int) -> None:
        self.disk.sync(kept)
        self.durable_ids |= self.disk.intents()
        self.disk.waiting.clear()
        self.venue.outcomes.clear()
        self._begin(self.disk.read())

    def _begin(self, state: EngineState) -> None:
        """Start a session on what is durable, and arm it; its opening is durable before anything else happens."""
        self.sessions += 1
        self.strategy = Wishful()
        self.disk.last_seq = self.disk.durable_seq
        engine = Engine({"alpha": (self.strategy, 0)}, state)
        self.loop = EngineLoop(engine, self.disk, {VENUE_ID: self.venue}, Scheduler())
        self.loop.last_seq = self.disk.durable_seq
        nonce = "SESSION1" if self.bounds.same_nonce else f"SESSION{self.sessions}"
        self._feed(inputs.InstrumentDefined(self._tick(), INSTRUMENT))
        self._feed(inputs.SessionStarted(self._tick(), nonce, nonce, 0, "", "", "", "", (DEPLOYMENT,)))
        for scope, target in SCOPES:
            self._feed(inputs.LatchObserved(self._tick(), scope, target, engaged=False, reason=""))
        self._feed(inputs.ClockSampled(self._tick(), VENUE_ID, 0, 0, END_OF_TIME))
        self._feed(inputs.ReconciliationReported(self._tick(), "paper", clean=True, detail="", valid_until=END_OF_TIME))
        self._feed(inputs.JournalHealthReported(self._tick(), healthy=True, detail=""))
        if not self.stopped:
            self._feed(inputs.LeaseGranted(self._tick(), "alpha", "lease", "ann", self.now + 1_000 * TICK, 1_000 * USDT))
        self._sync(len(self.disk.waiting))
        if self.disk.waiting:
            self._sync(len(self.disk.waiting))

    def _feed(self, entry: Any) -> None:
        self.loop.process(entry)
        self._report_sending()

    def _tick(self) -> int:
        self.now += 1
        self.venue.now = self.now
        return self.now

    def _scan_tells(self) -> bool:
        """Tell whether a scan of trades and ended orders would say anything new."""
        orders = self.engine.state.orders
        for one in self.venue.orders:
            known = orders.get(one.order.order_id)
            if known is None or known.filled_quantity < one.executed or (one.end and known.state in MAY_REST_AT_VENUE):
                return bool(one.executions) or one.end in {"CANCELED", "EXPIRED"}
        return False

    @property
    def lag(self) -> int:
        """Give how many steps may wait for the disk: with no crash left to come, the disk keeps up."""
        return self.bounds.lag if self.crashes else 0

    @property
    def engine(self) -> Engine:
        """Give the engine of the present session."""
        return self.loop.engine

    # What is the same

    def key(self) -> bytes:
        """Name the state: equal names behave equally, whatever the clock says and however it came about."""
        engine, venue = self.engine, self.venue
        if not self.engine_key:
            waiting = [(seq - self.disk.durable_seq, [_told(entry) for entry in entries]) for seq, entries in self.disk.waiting]
            pending = [(seq, repr(effect)) for seq, effect in self._pending()]
            self.engine_key = repr((_canonical(engine.state, self.now), waiting, pending, self._memory()))
        parts = (
            self.engine_key,
            sorted(self._request(request) for request in venue.requests),
            sorted([self._report(report) for report in batch] for batch in venue.answers),
            [one.truth() for one in venue.orders],
            (self.wishes_left, self.losses, self.repeats, self.crashes, self.expiries, self.stale, self.stops),
        )
        return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()

    def _pending(self) -> list[tuple[int, Any]]:
        pending = self.loop._pending
        return [
            (seq - self.disk.durable_seq, _without_time(effect) if isinstance(effect, QueryOrder) else effect) for seq, effect in pending
        ]

    def _request(self, request: Request) -> tuple[Any, ...]:
        effect = request.effect
        kind = (type(effect).__name__, effect.order_id, request.endpoint)
        if isinstance(effect, QueryOrder):
            return (*kind, self._is_old(effect.submitted_at), *self._counts(effect.order_id, request.signed_at, self.now))
        return (*kind, self._is_old(request.signed_at), request in self.venue.taken)

    def _report(self, report: Any) -> str:
        if not isinstance(report, inputs.OrderObserved):
            return repr(report)
        when = self._counts(report.order_id, report.requested_at, report.venue_time)
        return repr((report.order_id, report.endpoint, report.found, report.venue_time > report.fence, when))

    def _counts(self, order_id: str, asked_at: int, answered_at: int) -> tuple[bool, bool]:
        """Tell what ever matters of when a question was asked and answered: after its order left, and after the open orders denied it."""
        order = self.engine.state.orders.get(order_id)
        if order is None or order.state is not OrderState.SUBMIT_UNKNOWN:
            return (False, False)
        return (asked_at >= order.left_by, 0 < order.not_open_at < answered_at)

    def _is_old(self, instant: int) -> bool:
        """Tell whether an instant lies before the last tick, and so beyond a receive window."""
        return self.now - instant > RECEIVE_WINDOW

    def _memory(self) -> str:
        """Write down what the engine remembers outside its state: what it watches, waits for and was last asked."""
        engine = self.engine
        deciding = engine._deciding
        watch = engine._handlers[inputs.ClockTicked].__self__._watch
        looks = sorted((order_id, look.unanswered, look.wait == SECOND) for order_id, look in watch.looks.items())
        runner = engine._work.runners["alpha"]
        asked = sorted(map(repr, getattr(runner.context, "_said", {}).items()))
        endings = sorted(map(repr, deciding._requesting._endings.items()))
        return repr((looks, sorted(deciding.retries.items()), sorted(deciding._refused), asked, endings))

    # What is wrong

    def violation(self) -> str:
        """Say which promise is broken, empty when none is."""
        venue, orders = self.venue, self.engine.state.orders
        if venue.left_too_early:
            return f"{venue.left_too_early[0]} left before its intent was durable"
        for order_id in venue.order_ids():
            if order_id not in orders:
                return f"{order_id} is at the venue, or on its way there, and this engine does not know it"
            if sum(one.order.order_id == order_id for one in venue.orders) > 1:
                return f"the venue has two orders under {order_id}"
        if lost := self.durable_ids - set(orders):
            return f"{min(lost)} was durable and is forgotten"
        for order_id, order in orders.items():
            if problem := self._order_violation(order_id, order):
                return problem
        held, low, high = venue.positions()
        if low < 0 or high > self.bounds.largest:
            return f"the venue's position {held} may become {low} to {high}, no wish went beyond 0 to {self.bounds.largest}"
        if self.engine.state.trading_state(Scope.STRATEGY, "alpha") is TradingState.KILLED and self.bounds.states_quantities:
            return "the strategy was killed although the venue said nothing but the truth"
        return ""

    def _order_violation(self, order_id: str, order: Order) -> str:
        executed, left = self.venue.exposure(order_id)
        if order.filled_quantity > executed:
            return f"{order_id}: {order.filled_quantity} booked, the venue executed {executed}"
        reserved = order.remaining if order.state in MAY_REST_AT_VENUE else 0
        if self.bounds.states_quantities and executed - order.filled_quantity + left > reserved:
            unbooked = executed - order.filled_quantity
            return f"{order_id} is {order.state} and reserves {reserved}, while {unbooked} filled unbooked and {left} may still fill"
        return ""

    def settled(self) -> bool:
        """Tell whether nothing is under way, and our orders and position are the venue's."""
        venue, state = self.venue, self.engine.state
        if venue.requests or venue.answers or self.disk.waiting:
            return False
        if any(order.state not in TERMINAL and order.state is not OrderState.OPEN for order in state.orders.values()):
            return False
        ours = {(order_id, order.filled_quantity) for order_id, order in state.live_orders.items()}
        theirs = {(one.order.order_id, one.executed) for one in venue.orders if one.left}
        held = state.ledger.quantity("paper", "alpha", BTC)
        return ours == theirs and held == venue.positions()[0]

    def describe(self) -> str:
        """Write down where things stand, in one line."""
        orders = [f"{order.order_id} {order.state} {order.filled_quantity}/{order.quantity}" for order in self.engine.state.orders.values()]
        venue = [f"{one.order.order_id} {one.end or 'OPEN'} {one.executed}/{one.order.quantity}" for one in self.venue.orders]
        wire = [_short(request.effect) + request.endpoint for request in self.venue.requests]
        back = ["+".join(_reported_short(report) for report in batch) for batch in self.venue.answers]
        return (
            f"ours [{', '.join(orders)}] venue [{', '.join(venue)}] to venue {wire} to us {back} waiting for disk {len(self.disk.waiting)}"
        )


def freeze(system: System) -> bytes:
    """Write a system down whole."""
    return pickle.dumps(system, protocol=5)


def thaw(body: bytes) -> System:
    """Read a system back."""
    return pickle.loads(body)


def _canonical(state: EngineState, now: int) -> Any:
    """Take what the state's own snapshot holds, without what only says when."""
    snapshot: dict[str, Any] = msgspec.msgpack.decode(take_snapshot(state))
    orders = []
    for order, kept in zip(snapshot["orders"], state.orders.values(), strict=True):
        asked: tuple[bool, ...] = ()
        if kept.state in (OrderState.SUBMITTING, OrderState.SUBMIT_UNKNOWN):
            asked = (now - kept.submitted_at > RECEIVE_WINDOW, now - kept.left_by > RECEIVE_WINDOW, kept.not_open_at > 0)
        orders.append([asked, *(value for name, value in sorted(order.items()) if name not in UNTIMED)])
    names = ("positions", "targets", "trading_states", "balances", "nonce")
    return [orders, *(snapshot[name] for name in names), [key for key, _ in snapshot["fill_keys"]], [key for key, _ in snapshot["leases"]]]


def _told(entry: Any) -> str:
    """Write an entry that waits for the disk without its times."""
    fields = {name: getattr(entry, name) for name in entry.__struct_fields__ if not name.startswith("ts")}
    if isinstance(entry, inputs.OrderObserved):
        fields.update(requested_at=0, venue_time=entry.venue_time > entry.fence, fence=0)
    fields.pop("expires_at", None)
    return f"{type(entry).__name__}{sorted(fields.items(), key=lambda item: item[0])!r}"


def _without_time(effect: QueryOrder) -> QueryOrder:
    return msgspec.structs.replace(effect, submitted_at=0)


def _short(effect: Any) -> str:
    words = {SubmitOrder: "submit", CancelOrder: "cancel", QueryOrder: "ask about"}
    return f"{words[type(effect)]} {effect.order_id} "


def _reported_short(report: Any) -> str:
    if isinstance(report, inputs.OrderObserved):
        return f"{report.endpoint} {'shows' if report.found else 'denies'} {report.order_id}"
    return f"{type(report).__name__} {report.order_id}"


Check = Callable[[System], str]
