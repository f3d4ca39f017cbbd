"""Reports: what became of requests, and what the venue or a person said about orders."""

from live.core import inputs
from live.core.engine.authority import Authority
from live.core.engine.deciding import Deciding
from live.core.engine.watch import Watch
from live.core.engine.workspace import Workspace
from live.core.entities import Order
from live.core.orders import MOVES, NEVER_AT_VENUE, NOT_ACCEPTED, TERMINAL, TRANSITIONS, UNKNOWN, OrderEvent, OrderState
from live.core.reconciliation import Verdict, judge
from live.core.vocabulary import EffectAction, Outcome, Resolution, Scope

OrderReport = (
    inputs.OrderAccepted
    | inputs.OrderRejected
    | inputs.OrderCanceled
    | inputs.OrderExpired
    | inputs.CancelRejected
    | inputs.ExecutionReported
    | inputs.OrderObserved
)
"""What the venue says of one order under an id of ours."""
_NO_SIGHTING = (inputs.OrderRejected, inputs.CancelRejected)
"""Those of it that do not say that the order exists; an `OrderObserved` says itself whether it does."""

# A module's own name costs a fifth of an attribute of an enumeration, and these are read with every order.
_SUBMIT, _SENT = EffectAction.SUBMIT, Outcome.SENT
_SUBMITTING, _CANCEL_REQUESTED, _CANCEL_UNKNOWN = OrderState.SUBMITTING, OrderState.CANCEL_REQUESTED, OrderState.CANCEL_UNKNOWN
_ACCEPT, _REJECT, _CANCEL = OrderEvent.ACCEPT, OrderEvent.REJECT, OrderEvent.CANCEL

OUR_ORDER_IDS = "IL"
"""How the id of every order begins that any of our sessions ever placed."""


class Reports:
    """Move orders by evidence."""

    __slots__ = ("_authority", "_deciding", "_watch", "_work")

    def __init__(self, work: Workspace, authority: Authority, deciding: Deciding, watch: Watch) -> None:
        self._work = work
        self._authority = authority
        self._deciding = deciding
        self._watch = watch

    def on_effect_outcome(self, event: inputs.EffectOutcome) -> None:
        """Learn whether a request was sent, held back or lost."""
        work = self._work
        state = work.state
        state.now = event.ts_init  # it changes nothing else: see `EngineState.apply_input`
        order = state.orders.get(event.order_id)
        if order is None:
            return
        asked = _SUBMITTING if event.action is _SUBMIT else _CANCEL_REQUESTED
        if order.state is not asked:
            return
        if event.outcome is _SENT:
            self._watch.expect_answer(order)
        elif event.outcome is Outcome.FAILED:
            work.transition(order, OrderEvent.LOSE, event.reason)
            self._watch.doubt(order)
        elif event.action is EffectAction.SUBMIT:
            work.transition(order, OrderEvent.HOLD_BACK, event.reason)
            self._deciding.after_end(order)
        else:
            work.transition(order, OrderEvent.REFUSE_CANCEL, event.reason)
            self._watch.look_later(order)

    def on_accepted(self, report: inputs.OrderAccepted) -> None:
        """Learn that the venue has an order; a late word of it says nothing about a cancel since."""
        order = self._work.state.apply_acceptance(report)
        if order is None:
            self.alarm_unknown(report)
            return
        if report.venue_order_id != order.venue_order_id:
            self.check_venue_order(order, report.venue_order_id)
        state = order.state
        if state is _CANCEL_UNKNOWN:
            return
        if _ACCEPT in MOVES[state]:
            self._work.transition(order, _ACCEPT)
            self._watch.rest(order)
        elif state in NEVER_AT_VENUE:
            self._contradict(order, "the venue accepted it", works=False)

    def on_rejected(self, report: inputs.OrderRejected) -> None:
        """Learn that the venue refused an order."""
        order = self.order_of(report)
        if order is not None:
            self._end(order, _REJECT, report.reason, None)

    def on_canceled(self, report: inputs.OrderCanceled) -> None:
        """Learn that an order is off the venue's book."""
        order = self.order_of(report)
        if order is not None:
            self._end(order, _CANCEL, report.reason, report.executed_quantity)

    def on_expired(self, report: inputs.OrderExpired) -> None:
        """Learn that an order's time in force ran out."""
        order = self.order_of(report)
        if order is not None:
            self._end(order, OrderEvent.EXPIRE, report.reason, report.executed_quantity)

    def on_cancel_rejected(self, report: inputs.CancelRejected) -> None:
        """Learn that the venue refused to cancel, and ask what it knows of the order."""
        order = self.order_of(report)
        if order is not None and (order.state, OrderEvent.REFUSE_CANCEL) in TRANSITIONS:
            self._work.transition(order, OrderEvent.REFUSE_CANCEL, report.reason)
            self._watch.doubt(order)

    def on_observed(self, report: inputs.OrderObserved) -> None:
        """Weigh one endpoint's word about an order of unknown fate."""
        order = self.order_of(report)
        if order is None:
            return
        if report.found and order.state in NEVER_AT_VENUE:
            self._contradict(order, f"the venue's {report.endpoint} shows it", works=True)
        if order.state not in UNKNOWN:
            return
        verdict = judge(order, found=report.found)
        if verdict is Verdict.PRESENT:
            was_canceling = order.state is OrderState.CANCEL_UNKNOWN
            self._work.transition(order, OrderEvent.ACCEPT)
            if was_canceling:
                self._watch.look_later(order)
            else:
                self._watch.rest(order)
        elif verdict is Verdict.ABSENT:
            self._work.transition(order, OrderEvent.PROVE_ABSENT, f"absent at {', '.join(order.absent_at)}")
            self._watch.scan_later(order)
            self._deciding.after_end(order)

    def on_resolved(self, event: inputs.OrderResolved) -> None:
        """Settle an order by a person's word, where its table allows that."""
        work = self._work
        work.state.apply_input(event)
        order = work.state.orders.get(event.order_id)
        said = f"{event.resolution} by {event.operator}: {event.reason}"
        wanted = OrderEvent.PROVE_ABSENT if event.resolution is Resolution.NEVER_PLACED else OrderEvent.CANCEL
        if order is not None and wanted is OrderEvent.CANCEL and order.state is OrderState.SUBMIT_UNKNOWN:
            work.transition(order, OrderEvent.ACCEPT, said)
        if order is None or (order.state, wanted) not in TRANSITIONS:
            state = "unknown to this engine" if order is None else order.state
            work.alarm("RESOLUTION_REFUSED", event.order_id, f"{said}; the order is {state}")
            return
        work.transition(order, wanted, said)
        if wanted is OrderEvent.PROVE_ABSENT:
            self._watch.scan_later(order)
        self._deciding.after_end(order)

    def on_external_order(self, event: inputs.ExternalOrderObserved) -> None:
        """Keep an order that somebody else has in one of our accounts; one under an id of ours stops the account.

        An order of this engine that comes this way is no external one: it is weighed as a sighting of that order.
        """
        work = self._work
        key = (event.account_id, event.instrument_id, event.venue_order_id)
        # One that is over when it is first seen is no news, but for an id that only another session can have given out.
        is_strange = event.client_order_id.startswith(OUR_ORDER_IDS)
        is_new = (event.remaining > 0 or is_strange) and key not in work.state.external_orders
        work.state.apply_input(event)
        order = work.state.orders.get(event.client_order_id)
        if order is not None:
            if event.remaining and order.state in NEVER_AT_VENUE:
                self._contradict(order, f"the venue shows it as {event.venue_order_id}", works=True)
        elif is_new:
            said = f"{event.side} {event.remaining} of {event.instrument_id} in {event.account_id}: order {event.venue_order_id}"
            work.alarm("EXTERNAL_ORDER", event.client_order_id, said)
            if is_strange:
                reason = f"an order of ours that no session recorded: {event.client_order_id}"
                self._authority.kill(Scope.ACCOUNT, event.account_id, reason)

    def check_venue_order(self, order: Order, venue_order_id: str) -> None:
        """Stop a strategy when two orders of the venue answer to one id of ours."""
        if venue_order_id == order.venue_order_id or not order.venue_order_id:
            return
        said = f"the venue calls it {venue_order_id} and called it {order.venue_order_id}"
        self._work.alarm("DUPLICATE_VENUE_ORDER", order.order_id, said)
        self._authority.kill(Scope.STRATEGY, order.strategy_id, f"two orders at the venue under {order.order_id}")

    def order_of(self, report: OrderReport) -> Order | None:
        """Take in a report and find its order; one that is not known is alarmed."""
        state = self._work.state
        state.apply_input(report)
        order = state.orders.get(report.order_id)
        if order is None:
            self.alarm_unknown(report)
        return order

    def alarm_unknown(self, report: OrderReport) -> None:
        """Alarm about a report's order that is not known; one of ours that no session recorded, and that exists, stops everything.

        A report does not say which account an unknown order is in, so all of them stop.
        """
        said = f"the venue reported {type(report).__name__} for an order this engine never recorded"
        self._work.alarm("UNKNOWN_ORDER", report.order_id, said)
        exists = report.found if isinstance(report, inputs.OrderObserved) else not isinstance(report, _NO_SIGHTING)
        if exists and report.order_id.startswith(OUR_ORDER_IDS):
            self._authority.kill(Scope.GLOBAL, "", f"an order of ours that no session recorded: {report.order_id}")

    def _end(self, order: Order, event: OrderEvent, reason: str, executed_quantity: int | None) -> None:
        """End an order by the venue's word; a cancel or expiry proves that the venue had accepted it.

        While the venue counts more executed than was booked, the order waits for those fills, and its trades are asked for.
        """
        work = self._work
        if event is not _REJECT and order.state in NOT_ACCEPTED:
            work.transition(order, _ACCEPT)
        if event in MOVES[order.state]:
            executed = order.filled_quantity if executed_quantity is None else executed_quantity
            if executed > order.filled_quantity:
                self._watch.doubt(order)
                return
            if executed < order.filled_quantity:
                said = f"{event} counts {executed} executed, {order.filled_quantity} were booked"
                work.alarm("UNEXPECTED_REPORT", order.order_id, said)
            work.transition(order, event, reason)
            self._deciding.after_end(order)
        elif order.state not in TERMINAL:
            work.alarm("UNEXPECTED_REPORT", order.order_id, f"{event} came while {order.state}: {reason}")

    def _contradict(self, order: Order, said: str, *, works: bool) -> None:
        """Stop a strategy whose order the venue had although we hold it never did, and cancel that order.

        One that is shown working reserves again until it is off; a late word of acceptance only makes us ask.
        """
        work = self._work
        work.alarm("UNEXPECTED_REPORT", order.order_id, f"{said} although it is {order.state}")
        self._authority.kill(Scope.STRATEGY, order.strategy_id, f"{order.order_id} works although it is {order.state}")
        if works and (order.state, OrderEvent.REVIVE) in TRANSITIONS:
            work.transition(order, OrderEvent.REVIVE, said)
            work.request_cancel(order, said)
            self._watch.look_later(order)
            return
        work.send_cancel(order)
        work.query(order)
