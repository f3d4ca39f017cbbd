"""Whatever the market, the venue, the wire, the operator and crashes do: nothing is lost, doubled or past a limit.

A model venue keeps the truth. Its answers are lost, late, repeated and out of order, but never lies. The shipped engine runs
in the shipped loop; the auditor stands where the journal does, keeps its own books from the records alone, and compares.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from live.core import inputs, records
from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.engine import Engine, drain
from live.core.inputs import Bar, Deployment
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.orders import NEVER_AT_VENUE, TERMINAL, OrderEvent, OrderState
from live.core.reconciliation import TRADES, WITNESSES
from live.core.snapshots import restore_state, take_snapshot
from live.core.state import EngineState, fold
from live.core.strategy import Strategy
from live.core.vocabulary import EffectAction, Liquidity, OperatorAction, OrderType, Outcome, Resolution, Scope, Side, TradingState
from live.driver.loop import EngineLoop
from live.driver.replay import ReplaySetup, opening_inputs
from live.driver.scheduler import Scheduler
from live.venues.protocol import OpenGate
from live.venues.sim import CostModel, FillModel, FillPrice, SimulatedVenue, SimulationSettings

SECOND = 1_000_000_000
START = 1_704_067_200 * SECOND
USDT = 10**8
BTC, ETH = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT"
INSTRUMENTS = {
    name: Instrument(
        instrument_id=name,
        base=name[13:16],
        quote="USDT",
        price_scale=2,
        quantity_scale=3,
        tick_size=5,
        lot_size=10,
        minimum_quantity=10,
        minimum_notional=5 * USDT,
    )
    for name in (BTC, ETH)
}
LIMITS = Limits(
    maximum_order_quantity={BTC: 500, ETH: 400},
    maximum_order_notional=45 * USDT,
    maximum_position_notional=50 * USDT,
    maximum_open_orders=1,
    maximum_orders_per_minute=1,
    maximum_daily_loss=10 * USDT,
    price_collar_ppm=50_000,
    maximum_data_age=90 * SECOND,
)
DEPLOYMENTS = (
    Deployment("alpha", "alpha@1", "paper", "binance-spot", (BTC, ETH), LIMITS),
    Deployment("beta", "beta@1", "paper", "binance-spot", (BTC,), LIMITS),
)
LEASE_CEILING = 43 * USDT
SCOPES = [(Scope.GLOBAL, ""), (Scope.VENUE, "binance-spot"), (Scope.ACCOUNT, "paper"), (Scope.STRATEGY, "alpha"), (Scope.STRATEGY, "beta")]
WISHES: list[tuple[Any, Any, float | None]] = [
    (None, None, None),
    *((units, None, None) for units in (0, 0, 100, 200, 300, 400, 500, 600, 900, -100, 10**30)),
    *((None, fraction, None) for fraction in (0.0, 0.1, 0.2, 0.5, 50.0, float("nan"), 1e300)),
    *((units, None, offset) for units in (0, 100, 200, 400) for offset in (0.97, 0.999, 1.0, 1.03)),
    (200, None, 1.2),
]
"""What a strategy may want: units, a fraction of equity, and a limit price as a share of the close."""


class Wishful(Strategy):
    """Want what the bar's volume says, so that the same bars always give the same wishes."""

    Parameters = dict

    def __init__(self, parameters: int) -> None:
        self._shift = parameters

    @classmethod
    def warm_up_bars(cls, parameters: Any) -> int:
        """Need no history."""
        return 0

    def on_bar(self, bar, context) -> None:
        """Look the wish up."""
        units, fraction, offset = WISHES[(round(bar.volume * 1000) + self._shift) % len(WISHES)]
        limit_price = None if offset is None else bar.close * offset
        if units is not None:
            context.target_units(bar.instrument_id, units, limit_price=limit_price)
        elif fraction is not None:
            context.target_fraction(bar.instrument_id, fraction, limit_price=limit_price)


def strategies() -> dict[str, tuple[Strategy, int]]:
    """Make new instances."""
    return {"alpha": (Wishful(0), 0), "beta": (Wishful(7), 0)}


class Auditor:
    """Stand where the journal does, and keep books of its own from the records alone."""

    def __init__(self) -> None:
        self.position = (1, 0)
        self.last_seq = 0
        self.durable_seq = 0
        self.lagging = False
        self.journal: list[Any] = []
        self.durable_entries = 0
        self.session: list[Any] = []
        self.said: list[bytes] = []
        self.shadow = EngineState()
        self.prices: dict[str, int] = {}
        self.intents: dict[str, records.IntentRecorded] = {}
        self.states: dict[str, OrderState] = {}
        self.filled: dict[str, int] = defaultdict(int)
        self.positions: dict[tuple[str, str], int] = defaultdict(int)
        self.balances: dict[str, int] = defaultdict(int)
        self.sent_times: dict[str, list[int]] = defaultdict(list)
        self.denials: dict[str, set[str]] = defaultdict(set)
        self.trades: set[tuple[str, str]] = set()
        self.trading = dict.fromkeys(SCOPES, TradingState.DISARMED)
        self.leases: dict[str, int] = {}

    # Recorder

    def market(self, event: Bar) -> None:
        """Note the price."""
        self.position = (1, self.position[1] + 1)
        self.session.append(event)
        self.prices[event.instrument_id] = event.close

    def step(self, entry: Any, outputs: Sequence[Any], position: tuple[int, int]) -> int:
        """Audit one step."""
        entries = [*([] if entry is None else [entry]), *outputs]
        if entry is not None:
            self.session.append(entry)
            self._note(entry)
        for record in outputs:
            self.said.append(msgspec.msgpack.encode(record))
            self._audit(entry, record)
        for one in entries:
            self.shadow.apply(one)
        self.journal += entries
        self.last_seq += len(entries)
        if not self.lagging:
            self.make_durable()
        return self.last_seq

    def snapshot(self, body: bytes, ts: int) -> None:
        """Keep none."""

    def make_durable(self) -> None:
        """Let the disk catch up."""
        self.durable_seq = self.last_seq
        self.durable_entries = len(self.journal)

    # Books

    def _note(self, entry: Any) -> None:
        if isinstance(entry, inputs.OrderObserved):
            if self.states.get(entry.order_id) is OrderState.SUBMIT_UNKNOWN:
                if entry.found:
                    self.denials[entry.order_id].clear()
                elif entry.venue_time > entry.fence:
                    self.denials[entry.order_id].add(entry.endpoint)
        elif isinstance(entry, inputs.SessionStarted):
            self.leases.clear()

    def _audit(self, entry: Any, record: Any) -> None:
        if isinstance(record, records.IntentRecorded):
            assert record.order_id not in self.intents, "an order id came twice"
            self.intents[record.order_id] = record
            self.states[record.order_id] = OrderState.INTENT_RECORDED
        elif isinstance(record, records.OrderDenied) and record.order_id:
            self.states[record.order_id] = OrderState.DENIED
        elif isinstance(record, records.OrderTransitioned):
            self._audit_move(entry, record)
        elif isinstance(record, records.FillRecorded):
            self._audit_fill(record)
        elif isinstance(record, records.PositionChanged):
            assert record.quantity == self.positions[record.strategy_id, record.instrument_id]
        elif isinstance(record, records.BalancePosted):
            self.balances[record.asset] = record.balance
        elif isinstance(record, records.TradingStateChanged):
            self.trading[record.scope, record.target] = record.state
        elif isinstance(record, records.LeaseChanged):
            self.leases.pop(record.strategy_id, None)
            if record.lease_id:
                self.leases[record.strategy_id] = record.maximum_order_notional

    def _audit_move(self, entry: Any, record: records.OrderTransitioned) -> None:
        before = self.states[record.order_id]
        assert before not in TERMINAL or record.event is OrderEvent.REVIVE, f"{record.order_id} left its end {before}"
        if record.event is OrderEvent.SUBMIT:
            self._audit_limits(self.intents[record.order_id], record.ts)
            self.sent_times[self.intents[record.order_id].strategy_id].append(record.ts)
        elif record.state is OrderState.REJECTED:
            assert isinstance(entry, inputs.OrderRejected), "only the venue's word rejects"
        elif record.state is OrderState.NOT_PLACED:
            resolved = isinstance(entry, inputs.OrderResolved)
            assert resolved or self.denials[record.order_id] == set(WITNESSES), "absence was not proven"
        elif record.state is OrderState.NOT_SENT:
            assert isinstance(entry, inputs.EffectOutcome)
            assert entry.outcome is Outcome.REFUSED
        self.states[record.order_id] = record.state

    def _audit_fill(self, record: records.FillRecorded) -> None:
        trade = (record.order_id, record.trade_id)
        assert trade not in self.trades, "an execution was booked twice"
        self.trades.add(trade)
        sign = 1 if record.side is Side.BUY else -1
        self.filled[record.order_id] += record.quantity
        self.positions[record.strategy_id, record.instrument_id] += sign * record.quantity
        instrument = INSTRUMENTS[record.instrument_id]
        self.balances["USDT"] -= sign * record.price * record.quantity * 1000 + record.fee
        self.balances[instrument.base] += sign * record.quantity * 10**5

    def _remaining(self, order_id: str) -> int:
        alive = self.states[order_id] not in TERMINAL and self.states[order_id] not in (OrderState.INTENT_RECORDED, OrderState.APPROVED)
        return max(0, self.intents[order_id].quantity - self.filled[order_id]) if alive else 0

    @staticmethod
    def _worst_value(intent: records.IntentRecorded, quantity: int) -> int:
        price = intent.limit_price
        if price is None:
            price = intent.reference_price
            if intent.side is Side.BUY:
                price = -(-price * 1_050_000 // 1_000_000)
        return price * quantity * 1000

    def _audit_limits(self, intent: records.IntentRecorded, now: int) -> None:
        """Recompute every bound for an order that is about to be sent."""
        strategy = intent.strategy_id
        strictest = max(self.trading[scope] for scope in [*SCOPES[:3], (Scope.STRATEGY, strategy)])
        assert strictest in (TradingState.ARMED, TradingState.REDUCE_ONLY), f"sent while {strictest!r}"
        assert all(self.shadow.latches.get(scope) is False for scope in [*SCOPES[:3], (Scope.STRATEGY, strategy)]), "sent under a latch"
        value = self._worst_value(intent, intent.quantity)
        assert value <= min(LIMITS.maximum_order_notional, self.leases[strategy])
        assert intent.quantity <= LIMITS.maximum_order_quantity[intent.instrument_id]
        assert intent.quantity % 10 == 0
        assert intent.limit_price is None or intent.limit_price % 5 == 0
        mine = {
            order_id: left for order_id, one in self.intents.items() if one.strategy_id == strategy and (left := self._remaining(order_id))
        }
        alive = sum(
            self.states[order_id] not in TERMINAL | {OrderState.INTENT_RECORDED, OrderState.APPROVED}
            for order_id, one in self.intents.items()
            if one.strategy_id == strategy
        )
        assert alive < LIMITS.maximum_open_orders
        assert sum(time > now - 60 * SECOND for time in self.sent_times[strategy]) < LIMITS.maximum_orders_per_minute
        held = self.positions[strategy, intent.instrument_id]
        if intent.side is Side.SELL:
            selling = sum(
                left
                for order_id, left in mine.items()
                if self.intents[order_id].side is Side.SELL and self.intents[order_id].instrument_id == intent.instrument_id
            )
            assert held - selling - intent.quantity >= 0
            return
        assert strictest is TradingState.ARMED, "bought while only reducing was allowed"
        worst = value + sum(
            abs(quantity) * self.prices[instrument_id] * 1000
            for (name, instrument_id), quantity in self.positions.items()
            if name == strategy and quantity
        )
        worst += sum(
            self._worst_value(self.intents[order_id], left) for order_id, left in mine.items() if self.intents[order_id].side is Side.BUY
        )
        assert worst <= LIMITS.maximum_position_notional
        reserved = value + sum(
            self._worst_value(one, self._remaining(order_id)) for order_id, one in self.intents.items() if one.side is Side.BUY
        )
        assert reserved * 1_002 <= self.balances["USDT"] * 1_000 + 1_000


class Truth:
    """Hold what the venue knows of one order; it never lies, but its word may not arrive."""

    def __init__(self, order: SubmitOrder) -> None:
        self.order = order
        self.where = "on its way"
        self.filled = 0

    @property
    def remaining(self) -> int:
        """Give what may still trade."""
        return self.order.quantity - self.filled


class ModelVenue:
    """Keep the truth about every order, and the answers that are on their way back."""

    def __init__(self) -> None:
        self.venue_id = "binance-spot"
        self.truths: dict[str, Truth] = {}
        self.answers: list[Any] = []
        self.executions: list[inputs.ExecutionReported] = []
        self.fates: deque[str] = deque()
        self.auditor = Auditor()
        self.engine: Engine | None = None

    def submit(self, order: SubmitOrder, now: int) -> None:
        """Take a request, once, and only what is durable and allowed at this moment."""
        assert order.order_id not in self.truths, "an order was sent twice"
        assert self.auditor.durable_seq >= self.auditor.last_seq or self.auditor.lagging
        assert self.engine is not None
        assert order.order_id in self.durable_intents(), "an order left before its intent was durable"
        state = self.engine.state
        assert state.strictest_state(order.strategy_id) in (TradingState.ARMED, TradingState.REDUCE_ONLY)
        truth = self.truths[order.order_id] = Truth(order)
        fate = self.fates.popleft() if self.fates else "accepted"
        if fate == "held back":
            truth.where = "gone"
            self.answers.append(inputs.EffectOutcome(now, order.order_id, EffectAction.SUBMIT, Outcome.REFUSED, "the gate"))
            return
        outcome = Outcome.FAILED if fate.startswith("lost") else Outcome.SENT
        self.answers.append(inputs.EffectOutcome(now, order.order_id, EffectAction.SUBMIT, outcome, ""))
        if fate in ("accepted", "lost after"):
            self.arrive(truth, now, answered=fate == "accepted")
        elif fate == "rejected":
            truth.where = "gone"
            self.answers.append(inputs.OrderRejected(now, now, order.order_id, "no"))
        elif fate == "lost before":
            truth.where = "gone"

    def durable_intents(self) -> set[str]:
        """List the orders whose intent is durable."""
        return {
            entry.order_id for entry in self.auditor.journal[: self.auditor.durable_entries] if isinstance(entry, records.IntentRecorded)
        }

    def arrive(self, truth: Truth, now: int, *, answered: bool) -> None:
        """Put an order on the book."""
        truth.where = "open"
        if answered:
            self.answers.append(inputs.OrderAccepted(now, now, truth.order.order_id, f"V{truth.order.order_id}"))

    def cancel(self, request: CancelOrder, now: int) -> None:
        """Take an order off the book, or say that it is not there; with luck the answer arrives."""
        truth = self.truths.get(request.order_id)
        fate = self.fates.popleft() if self.fates else "accepted"
        if fate == "held back":
            self.answers.append(inputs.EffectOutcome(now, request.order_id, EffectAction.CANCEL, Outcome.REFUSED, "the gate"))
            return
        outcome = Outcome.FAILED if fate.startswith("lost") else Outcome.SENT
        self.answers.append(inputs.EffectOutcome(now, request.order_id, EffectAction.CANCEL, outcome, ""))
        if fate in {"lost before", "delayed"}:
            return
        if truth is None or truth.where != "open":
            self.answers.append(inputs.CancelRejected(now, now, request.order_id, "Unknown order sent."))
        else:
            truth.where = "gone"
            self.answers.append(inputs.OrderCanceled(now, now, request.order_id, "canceled"))

    def query(self, request: QueryOrder, now: int) -> None:
        """Answer from every witness; a question past the fence makes sure that nothing arrives after it."""
        truth = self.truths.get(request.order_id)
        if truth is not None and truth.where == "open":
            for endpoint in WITNESSES:
                self.answers.append(inputs.OrderObserved(now, request.order_id, endpoint, True, now, now, now))
            return
        past = self.fates and self.fates[0] != "delayed"
        if past and truth is not None and truth.where == "on its way":
            truth.where = "gone"
        if truth is not None and truth.filled:
            self.answers += [one for one in self.executions if one.order_id == request.order_id]
            if truth.filled < truth.order.quantity:
                self.answers.append(inputs.OrderCanceled(now, now, request.order_id, "it was canceled"))
            return
        later = int(past or truth is None)
        for endpoint in WITNESSES:
            self.answers.append(
                inputs.OrderObserved(now, request.order_id, endpoint, False, now, now + later * (1 + (endpoint == TRADES)), now)
            )

    def observe(self, event: Bar) -> None:
        """Trade by the rules of the test only."""

    def trade(self, truth: Truth, quantity: int, price: int, now: int) -> None:
        """Execute part of an open order."""
        truth.filled += quantity
        report = inputs.ExecutionReported(
            now,
            now,
            truth.order.order_id,
            f"V{truth.order.order_id}",
            f"T{len(self.executions)}",
            price,
            quantity,
            price * quantity,
            "USDT",
            Liquidity.TAKER,
        )
        self.executions.append(report)
        self.answers.append(report)
        if not truth.remaining:
            truth.where = "gone"


FATES = st.sampled_from(["accepted", "accepted", "accepted", "rejected", "lost before", "lost after", "delayed", "held back"])


class Trading(RuleBasedStateMachine):
    """Drive everything at once."""

    @initialize()
    def begin(self) -> None:
        """Open the first session."""
        self.venue = ModelVenue()
        self.auditor = self.venue.auditor
        self.now = START
        self.sessions: list[tuple[bytes, list[Any], list[bytes]]] = []
        self.prices = {BTC: 10_000, ETH: 9_000}
        self.closed_at: dict[str, int] = {}
        self._open(EngineState())
        self._feed(inputs.BalanceChanged(self.now, "paper", "USDT", 80 * USDT, "opening balance"))
        self._clear_latches()
        for name in ("alpha", "beta"):
            self._feed(inputs.LeaseGranted(self.now, name, "lease", "ann", self.now, LEASE_CEILING))

    def _open(self, state: EngineState) -> None:
        self.auditor.session, self.auditor.said = [], []
        self.sessions.append((take_snapshot(state), self.auditor.session, self.auditor.said))
        self.auditor.shadow = restore_state(take_snapshot(state))
        self.engine = self.venue.engine = Engine(strategies(), state)
        self.loop = EngineLoop(self.engine, self.auditor, {"binance-spot": self.venue}, Scheduler())
        for instrument in INSTRUMENTS.values():
            self._feed(inputs.InstrumentDefined(self.now, instrument))
        nonce = f"SESSION{len(self.sessions) % 10}" if len(self.sessions) < 10 else f"SESSIO{len(self.sessions)}"
        self._feed(inputs.SessionStarted(self.now, nonce, nonce, 0, "", "", "", "", DEPLOYMENTS))
        in_doubt = {OrderState.SUBMIT_UNKNOWN, OrderState.CANCEL_UNKNOWN, OrderState.CANCEL_REQUESTED}
        assert {order.state for order in self.engine.state.live_orders.values()} <= in_doubt, "a session begins with what it does not know"

    def _feed(self, event: Any) -> None:
        self.loop.last_seq = self.auditor.last_seq
        self.loop.process(event)

    def _stamped(self, event: Any) -> Any:
        return msgspec.structs.replace(event, ts_init=self.now)

    def _clear_latches(self) -> None:
        for scope, target in SCOPES:
            self._feed(inputs.LatchObserved(self.now, scope, target, engaged=False, reason=""))

    # The market and time

    @rule(
        seconds=st.sampled_from([20, 60]),
        instrument_id=st.sampled_from([BTC, BTC, ETH]),
        move=st.sampled_from([0, 0, 0, 25, -25, 100, -100, 400, -400, 2_000]),
        wish=st.integers(0, len(WISHES) - 1),
        stricter=st.sampled_from([TradingState.ARMED, TradingState.ARMED, TradingState.REDUCE_ONLY, TradingState.KILLED]),
    )
    def bar(self, seconds: int, instrument_id: str, move: int, wish: int, stricter: TradingState) -> None:
        """A bar closes, and the strategies want something; before it, an operator may have armed them again."""
        for name in ("alpha", "beta"):
            if self.engine.state.strictest_state(name) > stricter:
                self.arm(name)
        self.now += seconds * SECOND
        price = self.prices[instrument_id] = max(2_000, self.prices[instrument_id] + move)
        self._feed(Bar(self.now, self.now, instrument_id, price, price, price, price, wish))

    def tick(self, seconds: int) -> None:
        """Time passes without a bar."""
        self.now += seconds * SECOND
        self._feed(inputs.ClockTicked(self.now))

    @rule(
        kind=st.sampled_from(
            ["tick"] * 8
            + ["feed", "expire", "command", "command", "latch", "lease", "resolve", "expire", "arrive", "disk", "disk", "crash"]
        ),
        which=st.integers(0, 60),
    )
    def trouble(self, kind: str, which: int) -> None:
        """Time passes, or one of the things that go wrong does."""
        if kind == "tick":
            self.tick([1, 1, 5, 11, 70][which % 5])
        elif kind == "feed":
            self._feed(inputs.FeedChanged(self.now, [BTC, ETH][which % 2], healthy=which % 3 > 0, detail=""))
        elif kind == "command":
            self.command(list(OperatorAction)[which % len(OperatorAction)], SCOPES[which % len(SCOPES)])
        elif kind == "latch":
            self.latch(SCOPES[which % len(SCOPES)], which % 2 == 0)
        elif kind == "lease":
            self.lease_ends(["alpha", "beta"][which % 2])
        elif kind == "resolve":
            self.resolve(which % 3)
        elif kind == "expire":
            self.expire(which)
        elif kind == "arrive":
            self.arrive(which)
        elif kind == "disk":
            self.disk(which % 2 == 0)
        else:
            self.crash()

    # The wire

    @rule(fates=st.lists(FATES, min_size=1, max_size=3))
    def decide_fates(self, fates: list[str]) -> None:
        """Settle what becomes of the next requests."""
        self.venue.fates.extend(fates)

    @precondition(lambda self: self.venue.answers)
    @rule(
        which=st.sampled_from([0, 0, 0, 0, 1, 2, 7]), what=st.sampled_from(["deliver", "deliver", "deliver", "deliver", "repeat", "lose"])
    )
    def answer(self, which: int, what: str) -> None:
        """One of the answers on their way arrives, arrives and stays on its way, or is lost; in any order."""
        place = which % len(self.venue.answers)
        answer = self.venue.answers[place]
        lossless = isinstance(answer, inputs.ExecutionReported | inputs.EffectOutcome)
        if what != "repeat" and not (what == "lose" and lossless):
            del self.venue.answers[place]
        if what != "lose":
            self._feed(self._stamped(answer))

    @precondition(lambda self: self.venue.answers)
    @rule()
    def answers_in_order(self) -> None:
        """The wire is good for once: everything arrives, in order."""
        while self.venue.answers:
            self._feed(self._stamped(self.venue.answers.pop(0)))

    @precondition(lambda self: len(self.venue.executions) > 1)
    @rule()
    def scan_trades(self) -> None:
        """The trade history is read again from the beginning."""
        for execution in self.venue.executions:
            self._feed(self._stamped(execution))

    # The venue

    def _pick(self, where: str, which: int) -> Truth | None:
        found = [truth for truth in self.venue.truths.values() if truth.where == where]
        return found[which % len(found)] if found else None

    @precondition(lambda self: self._pick("open", 0) is not None)
    @rule(which=st.integers(0, 5), share=st.sampled_from([1, 1, 2, 3]), worse=st.integers(0, 50))
    def trade(self, which: int, share: int, worse: int) -> None:
        """An open order trades, whole or in part, never worse than its worst case."""
        truth = self._pick("open", which)
        assert truth is not None
        order = truth.order
        price = order.limit_price
        if order.order_type is OrderType.MARKET:
            reference = self.auditor.intents[order.order_id].reference_price
            price = reference + reference * worse // 1000 if order.side is Side.BUY else max(1, reference - reference * worse // 1000)
        assert price is not None
        self.venue.trade(truth, max(1, truth.remaining // share), price, self.now)

    @precondition(lambda self: self._pick("open", 0) is not None)
    @rule(which=st.integers(0, 5), share=st.sampled_from([1, 2]))
    def fill_overtaken_by_cancel(self, which: int, share: int) -> None:
        """An order trades and is canceled, and the word of the cancel comes first."""
        self.trade(which, share, 0)
        execution = self.venue.answers.pop()
        truth = self.venue.truths[execution.order_id]
        if truth.where == "open":
            truth.where = "gone"
            self._feed(inputs.OrderCanceled(self.now, self.now, execution.order_id, "by hand"))
        self.venue.answers.insert(0, execution)

    def arrive(self, which: int) -> None:
        """A request that was slow arrives at last."""
        truth = self._pick("on its way", which)
        if truth is not None:
            self.venue.arrive(truth, self.now, answered=True)

    def expire(self, which: int) -> None:
        """The venue ends an order by itself."""
        truth = self._pick("open", which)
        if truth is not None:
            truth.where = "gone"
            self.venue.answers.append(inputs.OrderExpired(self.now, self.now, truth.order.order_id, "maintenance"))

    # People and the disk

    def command(self, action: OperatorAction, scope: tuple[Scope, str]) -> None:
        """An operator stops, restricts or releases something."""
        self._feed(inputs.OperatorCommand(self.now, "ann", action, *scope, "test"))
        if action is OperatorAction.KILL:
            assert self.engine.state.trading_state(*scope) is TradingState.KILLED

    def latch(self, scope: tuple[Scope, str], engaged: bool) -> None:
        """A latch is read."""
        self._feed(inputs.LatchObserved(self.now, *scope, engaged=engaged, reason="test"))

    def arm(self, name: str) -> None:
        """An operator releases what is killed and arms a strategy, with success or without."""
        self._clear_latches()
        for scope, target in SCOPES:
            if self.engine.state.trading_state(scope, target) is TradingState.KILLED:
                self._feed(inputs.OperatorCommand(self.now, "ann", OperatorAction.RELEASE, scope, target, "test"))
            if self.engine.state.trading_state(scope, target) in (TradingState.REDUCE_ONLY, TradingState.CANCEL_ONLY):
                self._feed(inputs.OperatorCommand(self.now, "ann", OperatorAction.DISARM, scope, target, "test"))
        self._feed(inputs.LeaseGranted(self.now, name, "lease", "ann", self.now, LEASE_CEILING))

    def lease_ends(self, name: str) -> None:
        """A lease runs out."""
        self._feed(inputs.LeaseEnded(self.now, name, "lease", "expired"))

    def resolve(self, which: int) -> None:
        """A person finds out the truth about an unknown order, and says it."""
        unknown = [one for one in self.engine.state.live_orders.values() if one.state is OrderState.SUBMIT_UNKNOWN]
        for order in unknown[which : which + 1]:
            truth = self.venue.truths.get(order.order_id)
            if truth is None or (truth.where == "gone" and not truth.filled):
                self._feed(inputs.OrderResolved(self.now, "ann", order.order_id, Resolution.NEVER_PLACED, "asked the venue"))

    def disk(self, lagging: bool) -> None:
        """The disk falls behind, or catches up."""
        self.auditor.lagging = lagging
        if not lagging:
            self.auditor.make_durable()
            self.loop.settle()

    def crash(self) -> None:
        """The process dies: what was not durable is gone, and so is every effect that had not left."""
        auditor = self.auditor
        del auditor.journal[auditor.durable_entries :]
        state = fold(auditor.journal)
        self._forget_what_was_lost(state)
        self.now = max(self.now, state.now) + SECOND
        self._open(state)

    def _forget_what_was_lost(self, state: EngineState) -> None:
        """Rebuild the auditor's books from what is durable; nothing that was lost had left."""
        lost = Auditor()
        lost.journal = self.auditor.journal
        auditor, kept = self.auditor, list(self.auditor.journal)
        for name in ("intents", "states", "filled", "positions", "balances", "sent_times", "denials", "trades", "leases"):
            getattr(auditor, name).clear()
        auditor.trading = dict.fromkeys(SCOPES, TradingState.DISARMED)
        self.sessions[-1] = (self.sessions[-1][0], [], [])
        audit_limits, auditor._audit_limits = auditor._audit_limits, lambda intent, now: None
        cause = None
        for entry in kept:
            if isinstance(entry, inputs.Input):
                cause = entry
                auditor._note(entry)
            else:
                auditor._audit(cause, entry)
        auditor._audit_limits = audit_limits
        auditor.last_seq = auditor.durable_seq = len(kept)
        assert take_snapshot(state) == take_snapshot(fold(kept))

    # What always holds

    @invariant()
    def the_state_is_the_fold_of_the_journal(self) -> None:
        """After every step, to the byte."""
        assert take_snapshot(self.auditor.shadow) == take_snapshot(self.engine.state)

    @invariant()
    def the_ledger_balances(self) -> None:
        """Deposits, cash flows, positions and fees add up, and agree with the auditor's own books."""
        state = self.engine.state
        state.ledger.check(state.instruments)
        for (account, asset), amount in state.ledger.balances.items():
            assert account == "paper"
            assert amount == self.auditor.balances[asset]

    @invariant()
    def no_order_that_works_is_said_to_have_ended(self) -> None:
        """Whatever was lost on the wire: an order on the venue's book is alive for the engine, or stopped its strategy."""
        for order_id, truth in self.venue.truths.items():
            known = self.engine.state.orders.get(order_id)
            assert known is not None, f"{order_id} was forgotten while it may work"
            if truth.where == "open":
                assert known.state not in TERMINAL, f"{order_id} works, and is {known.state} for the engine"
            elif truth.where == "on its way":
                assert known.state not in NEVER_AT_VENUE

    @invariant()
    def every_fill_that_was_heard_is_held(self) -> None:
        """Positions are the sum of the fills on record."""
        for (strategy_id, instrument_id), quantity in self.auditor.positions.items():
            assert self.engine.state.ledger.quantity("paper", strategy_id, instrument_id) == quantity

    def teardown(self) -> None:
        """In the end everything is heard: positions are the truth; and each session repeats to the same records."""
        if not hasattr(self, "engine"):
            return
        self.auditor.lagging = False
        self.auditor.make_durable()
        self.loop.settle()
        self.venue.fates.clear()
        for execution in self.venue.executions:
            self._feed(self._stamped(execution))
        truth: dict[tuple[str, str], int] = defaultdict(int)
        for one in self.venue.truths.values():
            truth[one.order.strategy_id, one.order.instrument_id] += one.filled * (1 if one.order.side is Side.BUY else -1)
        for key, quantity in truth.items():
            assert self.auditor.positions[key] == quantity
        self.the_state_is_the_fold_of_the_journal()
        assert take_snapshot(fold(self.auditor.journal)) == take_snapshot(self.engine.state)
        for snapshot, events, said in self.sessions:
            engine = Engine(strategies(), restore_state(snapshot))
            again: list[bytes] = []
            for event in events:
                engine.handle(event)
                again += [msgspec.msgpack.encode(record) for record in drain(engine)[0]]
            assert again == said


TestTrading = Trading.TestCase
TestTrading.settings = settings(
    derandomize=True, deadline=None, max_examples=300, stateful_step_count=80, suppress_health_check=list(HealthCheck)
)


bars = st.lists(
    st.tuples(
        st.sampled_from([BTC, ETH]),
        st.integers(-300, 300),
        st.integers(0, 200),
        st.integers(0, 200),
        st.integers(0, len(WISHES) - 1),
    ),
    min_size=1,
    max_size=60,
)


@settings(derandomize=True, deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(bars=bars, fill_price=st.sampled_from(FillPrice), slippage=st.integers(0, 100))
def test_no_bars_and_wishes_get_an_order_of_the_simulated_venue_past_a_limit(bars, fill_price, slippage):
    """Over any market, with fees and slippage: every bound holds, the fold is the state, the ledger balances, twice the same."""
    said = []
    for _ in range(2):
        auditor, scheduler = Auditor(), Scheduler()
        costs = CostModel(slippage_basis_points=slippage)
        simulation = SimulationSettings(fill=FillModel(price=fill_price), costs=costs)
        venue = SimulatedVenue("binance-spot", INSTRUMENTS, simulation, scheduler.schedule, OpenGate())
        engine = Engine(strategies())
        loop = EngineLoop(engine, auditor, {"binance-spot": venue}, scheduler)
        opening = ReplaySetup(deployments=DEPLOYMENTS, instruments=tuple(INSTRUMENTS.values()), balances=(("paper", "USDT", 80 * USDT),))
        for entry in opening_inputs(opening, START):
            loop.process(entry)
        prices = {BTC: 10_000, ETH: 9_000}
        for number, (instrument_id, move, up, down, wish) in enumerate(bars, start=1):
            opened = prices[instrument_id]
            closed = prices[instrument_id] = max(2_000, opened + move)
            ts = START + number * 60 * SECOND
            high, low = max(opened, closed) + up, min(opened, closed) - down
            loop.process(Bar(ts, ts, instrument_id, opened, high, low, closed, wish))
            assert loop.idle
            assert take_snapshot(auditor.shadow) == take_snapshot(engine.state)
            assert sorted(venue.open_order_ids()) == sorted(engine.state.live_orders)
        engine.state.ledger.check(engine.state.instruments)
        said.append(auditor.said)
    assert said[0] == said[1]
