"""Workspace: what the engine's rooms share: the state, the markets, the strategies, and what was said so far."""

from live.core import records
from live.core.effects import CancelOrder, Effect, QueryOrder
from live.core.entities import Order
from live.core.market import InstrumentMarket
from live.core.orders import MOVES, OrderEvent, OrderState, next_state
from live.core.records import OutputRecord
from live.core.runner import StrategyRunner
from live.core.state import EngineState
from live.core.vocabulary import Scope, TradingState

# A module's own name costs a fifth of an attribute of an enumeration, and every cancel asks for these.
_OPEN, _CANCEL_REQUESTED, _REQUEST_CANCEL = OrderState.OPEN, OrderState.CANCEL_REQUESTED, OrderEvent.REQUEST_CANCEL


class Workspace:
    """Hold one engine's state and say things in its name.

    Attributes:
        state: what survives a restart; changed only by applying journal entries.
        now: `ts_init` of the input being handled.
        markets: last prices by instrument id; an instrument has one from its definition on.
        runners: this session's strategies by id.
        records: output records since the driver last drained them; always the same list.
        effects: effects since the driver last drained them; always the same list.
        updates: orders whose state changed and whose strategies want to hear of it, by id.
    """

    __slots__ = ("effects", "markets", "now", "records", "runners", "state", "updates")

    def __init__(self, state: EngineState) -> None:
        self.state = state
        self.now = state.now
        self.markets = {instrument_id: InstrumentMarket() for instrument_id in state.instruments}
        self.runners: dict[str, StrategyRunner] = {}
        self.records: list[OutputRecord] = []
        self.effects: list[Effect] = []
        self.updates: dict[str, Order] = {}

    def emit(self, record: OutputRecord) -> None:
        """Apply a record to the state and say it."""
        self.state.apply_record(record)
        self.records.append(record)

    def transition(self, order: Order, event: OrderEvent, detail: str = "") -> None:
        """Move an order through its table, and remember to tell its strategy.

        Raises:
            TransitionError: the table has no such move.
        """
        try:
            state = MOVES[order.state][event]
        except KeyError:
            state = next_state(order.state, event)  # which says what is wrong
        record = records.OrderTransitioned(self.now, order.order_id, event, state, detail)
        self.state.move_order(order, record)
        self.records.append(record)
        if order.label:
            self.note_update(order)

    def note_update(self, order: Order) -> None:
        """Remember to tell a strategy what became of an order it asked for, when it listens."""
        runner = self.runners.get(order.strategy_id)
        if runner is not None and runner.listens and order.label:
            self.updates[order.order_id] = order

    def alarm(self, code: str, order_id: str, detail: str) -> None:
        """Say that something happened which a person must look at."""
        self.emit(records.AlarmRaised(self.now, code, order_id, detail))

    def set_trading_state(self, scope: Scope, target: str, state: TradingState, reason: str) -> None:
        """Change what may be sent in a scope, unless it is so already."""
        if self.state.trading_states.get((scope, target)) is not state:
            self.emit(records.TradingStateChanged(self.now, scope, target, state, reason))

    def request_cancel(self, order: Order, reason: str) -> None:
        """Ask for a cancel: of an open order by its table, of one in flight or unknown without a claim about its state."""
        state = order.state
        if state is _OPEN:
            self.transition(order, _REQUEST_CANCEL, reason)
        elif state is _CANCEL_REQUESTED:
            return
        self.send_cancel(order)

    def send_cancel(self, order: Order) -> None:
        """Ask the venue to take an order off its book, whatever we hold of it."""
        self.effects.append(CancelOrder(order.order_id, order.account_id, order.instrument_id))

    def query(self, order: Order) -> None:
        """Ask the venue what it knows of an order."""
        self.effects.append(QueryOrder(order.order_id, order.account_id, order.instrument_id, order.left_by))
