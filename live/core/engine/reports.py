"""Reports: what became of requests, what the venue said about orders, and executions."""

from live.core import inputs, records
from live.core.engine.authority import Authority
from live.core.engine.deciding import Deciding
from live.core.engine.workspace import Workspace
from live.core.orders import TERMINAL, TRANSITIONS, UNKNOWN, OrderEvent, OrderState
from live.core.reconciliation import Verdict, judge
from live.core.state import Order, fill_key
from live.core.vocabulary import EffectAction, Outcome, Scope, TradingState


class Reports:
    """Move orders by evidence, and book fills."""

    __slots__ = ("_authority", "_deciding", "_work")

    def __init__(self, work: Workspace, authority: Authority, deciding: Deciding) -> None:
        self._work = work
        self._authority = authority
        self._deciding = deciding

    def on_effect_outcome(self, event: inputs.EffectOutcome) -> None:
        """Learn whether a request was held back, lost or sent."""
        work = self._work
        work.state.apply(event)
        order = work.state.orders.get(event.order_id)
        if order is None or event.outcome is Outcome.SENT:
            return
        refused = event.outcome is Outcome.REFUSED
        if event.action is EffectAction.SUBMIT and order.state is OrderState.SUBMITTING:
            work.transition(order, OrderEvent.HOLD_BACK if refused else OrderEvent.LOSE, event.reason)
        elif event.action is EffectAction.CANCEL and order.state is OrderState.CANCEL_REQUESTED:
            work.transition(order, OrderEvent.REFUSE_CANCEL if refused else OrderEvent.LOSE, event.reason)
        self._deciding.after_change(order)

    def on_accepted(self, report: inputs.OrderAccepted) -> None:
        """Learn that the venue has an order."""
        order = self._order_of(report)
        if order is not None:
            self._accept(order)

    def on_rejected(self, report: inputs.OrderRejected) -> None:
        """Learn that the venue refused an order."""
        self._end(report, OrderEvent.REJECT, report.reason)

    def on_canceled(self, report: inputs.OrderCanceled) -> None:
        """Learn that an order is off the venue's book."""
        self._end(report, OrderEvent.CANCEL, report.reason)

    def on_expired(self, report: inputs.OrderExpired) -> None:
        """Learn that an order's time in force ran out."""
        self._end(report, OrderEvent.EXPIRE, report.reason)

    def on_cancel_rejected(self, report: inputs.CancelRejected) -> None:
        """Learn that the venue refused to cancel, and ask what it knows of the order."""
        order = self._order_of(report)
        if order is not None and (order.state, OrderEvent.REFUSE_CANCEL) in TRANSITIONS:
            self._work.transition(order, OrderEvent.REFUSE_CANCEL, report.reason)
            self._work.query(order)

    def on_observed(self, report: inputs.OrderObserved) -> None:
        """Weigh one endpoint's word about an order of unknown fate."""
        order = self._order_of(report)
        if order is None or order.state not in UNKNOWN:
            return
        verdict = judge(order, found=report.found)
        if verdict is Verdict.PRESENT:
            self._accept(order)
        elif verdict is Verdict.ABSENT:
            self._work.transition(order, OrderEvent.PROVE_ABSENT, f"absent at {', '.join(order.absent_at)}")
            self._deciding.after_change(order)

    def on_execution(self, report: inputs.ExecutionReported) -> None:
        """Book an execution, once, whatever state its order is in."""
        work = self._work
        state = work.state
        order = self._order_of(report)
        if order is None or order.state is OrderState.DENIED:
            account = next(iter(state.deployments.values())).account_id if order is None else order.account_id
            work.alarm("UNEXPECTED_FILL", report.order_id, f"trade {report.trade_id} fills an order that was never sent")
            work.set_trading_state(
                Scope.ACCOUNT, account, TradingState.KILLED, f"a fill of an order that was never sent: {report.order_id}"
            )
            return
        if fill_key(order.account_id, order.instrument_id, report.trade_id, report.venue_order_id) in state.fill_keys:
            return
        if order.state in (OrderState.SUBMITTING, OrderState.SUBMIT_UNKNOWN):
            work.transition(order, OrderEvent.ACCEPT)
        late = order.state in TERMINAL
        fill = self._book(order, report, late=late)
        if late or order.filled_quantity > order.quantity:
            code = "LATE_FILL" if late else "OVERFILL"
            said = (
                f"trade {report.trade_id} of {report.quantity} in state {order.state}, filled {order.filled_quantity} of {order.quantity}"
            )
            work.alarm(code, order.order_id, said)
            self._authority.kill(Scope.STRATEGY, order.strategy_id, f"{code} of {order.order_id}")
        if not late and order.filled_quantity >= order.quantity:
            work.transition(order, OrderEvent.COMPLETE)
        self._deciding.on_fill(fill)
        self._deciding.after_change(order)

    def _book(self, order: Order, report: inputs.ExecutionReported, *, late: bool) -> records.FillRecorded:
        work = self._work
        fill = records.FillRecorded(
            work.now,
            order.order_id,
            order.strategy_id,
            order.account_id,
            order.instrument_id,
            report.venue_order_id,
            report.trade_id,
            order.side,
            report.price,
            report.quantity,
            report.fee,
            report.fee_asset,
            report.liquidity,
            report.ts_event,
            late,
        )
        work.emit(fill)
        held = work.state.ledger.positions[order.strategy_id, order.instrument_id]
        work.emit(
            records.PositionChanged(
                work.now,
                order.strategy_id,
                order.account_id,
                order.instrument_id,
                held.quantity,
                held.cost,
                held.realised,
                held.fees,
                held.cash,
            )
        )
        return fill

    def _order_of(self, report: inputs.VenueReport) -> Order | None:
        work = self._work
        work.state.apply(report)
        order = work.state.orders.get(report.order_id)
        if order is None:
            said = f"the venue reported {type(report).__name__} for an order this engine never recorded"
            work.alarm("UNKNOWN_ORDER", report.order_id, said)
        return order

    def _accept(self, order: Order) -> None:
        if (order.state, OrderEvent.ACCEPT) in TRANSITIONS:
            self._work.transition(order, OrderEvent.ACCEPT)
            if self._authority.is_stopped(order):
                self._work.request_cancel(order, "accepted while trading is stopped")

    def _end(self, report: inputs.VenueReport, event: OrderEvent, reason: str) -> None:
        """End an order by the venue's word; a cancel or expiry proves that the venue had accepted it."""
        order = self._order_of(report)
        if order is None:
            return
        work = self._work
        if event is not OrderEvent.REJECT and order.state in (OrderState.SUBMITTING, OrderState.SUBMIT_UNKNOWN):
            work.transition(order, OrderEvent.ACCEPT)
        if (order.state, event) in TRANSITIONS:
            work.transition(order, event, reason)
            self._deciding.after_change(order)
        elif order.state not in TERMINAL:
            work.alarm("UNEXPECTED_REPORT", order.order_id, f"{event} came while {order.state}: {reason}")
