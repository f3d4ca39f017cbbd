"""Mistakes, each a patch of shipped code, that the explorer must find; what it explores is the shipped code with one of them.

The first three are the policies that other systems have: to send again after a timeout, to take a timeout for a refusal, and
to send before it is written down.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from explored_system import Bounds, Check, Move, System
from explorer import violation

from live.core import reconciliation, state
from live.core.effects import SubmitOrder
from live.core.engine import executions, reports
from live.core.engine.executions import Executions
from live.core.engine.reports import Reports
from live.core.engine.requesting import Requesting
from live.core.engine.sessions import Sessions
from live.core.engine.watch import Watch
from live.core.entities import Order
from live.core.orders import MOVES, TERMINAL, TRANSITIONS, OrderEvent, OrderState
from live.core.reconciliation import Verdict
from live.core.state import EngineState
from live.driver.loop import EngineLoop

Patches = Callable[[], list[Any]]

ENTRY: tuple[Any, ...] = (("target", 10, 99.0),)
PARTIAL: tuple[Any, ...] = (("target", 20, 99.0),)
ROUND_TRIP: tuple[Any, ...] = (("target", 10, 99.0), ("target", 0, None))
REPLACED: tuple[Any, ...] = (("order", 10, 99.0), ("replace", 98.0))


class Mutant(NamedTuple):
    """A mistake, what is explored with it, and words of the promise it must break.

    Attributes:
        patches: makes the patches.
        bounds: what is explored.
        breaks: what the finding says, in part.
        check: what is looked for.
        first: moves from whose end on everything is explored.
    """

    patches: Patches
    bounds: Bounds
    breaks: str
    check: Check = violation
    first: tuple[Move, ...] = ()


@contextmanager
def applied(patches: list[Any]) -> Iterator[None]:
    """Explore with patches."""
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in reversed(patches):
            one.stop()


def resend_blindly() -> list[Any]:
    """Send an order again, under its id, whenever the watch has waited for it."""

    def doubt(self: Watch, order: Order) -> None:
        if order.state is OrderState.SUBMIT_UNKNOWN:
            kind = (order.order_type, order.time_in_force, order.quantity, order.limit_price)
            again = SubmitOrder(order.order_id, order.strategy_id, order.account_id, order.instrument_id, order.side, *kind)
            self._work.effects.append(again)
        self.look_later(order)

    return [patch.object(Watch, "doubt", doubt)]


def take_a_timeout_for_a_refusal() -> list[Any]:
    """End an order as REJECTED when no answer came in time."""
    shipped = Watch._look_at

    def look_at(self: Watch, order_id: str, look: Any) -> None:
        order = self._work.state.live_orders.get(order_id)
        if order is not None and order.state is OrderState.SUBMITTING:
            self._work.transition(order, OrderEvent.REJECT, "INFLIGHT_TIMEOUT")
            self._deciding.after_end(order)
        else:
            shipped(self, order_id, look)

    return [patch.object(Watch, "_look_at", look_at)]


def send_before_it_is_written() -> list[Any]:
    """Let effects leave at once."""
    shipped = EngineLoop._release

    def release(self: EngineLoop) -> None:
        effects = [effect for _, effect in self._pending]
        self._pending.clear()
        self._pending.extend((0, effect) for effect in effects)  # as if what they follow from were the oldest record of all
        shipped(self)

    return [patch.object(EngineLoop, "_release", release)]


def believe_one_witness() -> list[Any]:
    """Take the word of one endpoint for absence."""

    def judge(order: Order, *, found: bool) -> Verdict:
        if found:
            return Verdict.PRESENT
        return Verdict.ABSENT if order.state is OrderState.SUBMIT_UNKNOWN and order.absent_at else Verdict.UNDECIDED

    return [patch.object(reports, "judge", judge)]


def read_trades_before_open_orders() -> list[Any]:
    """Let a trade history count that was read before the open orders."""

    def counts(order: Order, answer: Any) -> bool:
        return answer.requested_at >= order.left_by and answer.venue_time > answer.fence

    return [patch.object(state, "counts", counts)]


def ignore_the_fence() -> list[Any]:
    """Let a denial count from before the moment when the request can no longer arrive."""

    def counts(order: Order, answer: Any) -> bool:
        return answer.requested_at >= order.submitted_at

    return [patch.object(state, "counts", counts)]


def count_the_fence_from_the_record() -> list[Any]:
    """Take the time at which an order was written down for the time at which it left."""
    return [patch.object(Order, "left_by", property(lambda order: order.submitted_at))]


def leave_orders_in_flight_at_a_restart() -> list[Any]:
    """Go on as if what was being sent were still being sent."""
    shipped = Sessions._take_over_orders

    def take_over(self: Sessions) -> None:
        live = self._work.state.live_orders
        sending = {order_id: order for order_id, order in live.items() if order.state is OrderState.SUBMITTING}
        for order_id in sending:
            del live[order_id]
        shipped(self)
        live.update(sending)

    return [patch.object(Sessions, "_take_over_orders", take_over)]


def forget_orders_at_a_restart() -> list[Any]:
    """Begin a session with no order."""
    shipped = EngineState._apply_session

    def _apply_session(self: EngineState, entry: Any) -> None:
        shipped(self, entry)
        self.orders.clear()
        self.live_orders.clear()
        self.live_by_strategy.clear()
        self.live_by_account.clear()

    return [patch.object(EngineState, "_apply_session", _apply_session)]


def book_repeated_fills() -> list[Any]:
    """Take every report of an execution for a new one."""
    shipped = Executions._book

    def book(self: Executions, order: Order, report: Any, *found: Any) -> Any:
        fill = shipped(self, order, report, *found)
        self._work.state.fill_keys.clear()
        return fill

    return [patch.object(Executions, "_book", book)]


def know_fills_by_their_order() -> list[Any]:
    """Take two trades of one order for the same."""

    def fill_key(account_id: str, instrument_id: str, trade_id: str, venue_order_id: str) -> str:
        return f"{account_id}|{instrument_id}|{venue_order_id}"

    return [patch.object(state, "fill_key", fill_key), patch.object(executions, "fill_key", fill_key)]


def _redirect(state: OrderState, event: OrderEvent, ended: OrderState) -> list[Any]:
    """Change where an event takes an order, in both orders of the one table."""
    return [patch.dict(TRANSITIONS, {(state, event): ended}), patch.dict(MOVES[state], {event: ended})]


def conclude_cancels_from_absence() -> list[Any]:
    """Take a cancel that was lost for done when the order is not open any more."""
    table = _redirect(OrderState.CANCEL_UNKNOWN, OrderEvent.PROVE_ABSENT, OrderState.CANCELED)

    def judge(order: Order, *, found: bool) -> Verdict:
        if not found and order.state is OrderState.CANCEL_UNKNOWN:
            return Verdict.ABSENT
        return reconciliation.judge(order, found=found)

    return [*table, patch.object(reports, "judge", judge)]


def take_a_refused_cancel_for_done() -> list[Any]:
    """End an order when the venue says that it cannot cancel it: it is gone, is it not."""

    def on_cancel_rejected(self: Reports, report: Any) -> None:
        order = self.order_of(report)
        if order is not None and (order.state, OrderEvent.CANCEL) in TRANSITIONS:
            self._work.transition(order, OrderEvent.CANCEL, report.reason)
            self._deciding.after_end(order)

    return [patch.object(Reports, "on_cancel_rejected", on_cancel_rejected)]


def take_a_lost_cancel_for_done() -> list[Any]:
    """End an order when its cancel was not answered in time."""
    return _redirect(OrderState.CANCEL_REQUESTED, OrderEvent.LOSE, OrderState.CANCELED)


def end_without_the_missing_fills() -> list[Any]:
    """End an order at the venue's word, whatever that counts as executed."""
    shipped = Reports._end

    def end(self: Reports, order: Order, event: OrderEvent, reason: str, executed_quantity: int | None) -> None:
        shipped(self, order, event, reason, None)

    return [patch.object(Reports, "_end", end)]


def drop_late_fills() -> list[Any]:
    """Do not book what an order trades after its end."""
    shipped = Executions.on_execution

    def on_execution(self: Executions, report: Any) -> None:
        order = self._work.state.orders.get(report.order_id)
        if order is None or order.state not in TERMINAL:
            shipped(self, report)

    return [patch.object(Executions, "on_execution", on_execution)]


def ask_once() -> list[Any]:
    """Ask about an order of unknown fate once, and never again."""

    def look_later(self: Watch, order: Order) -> None:
        self.looks.pop(order.order_id, None)

    return [patch.object(Watch, "look_later", look_later)]


def use_a_nonce_again() -> list[Any]:
    """Begin every session with the same nonce, and so with the same order ids."""
    return [patch.object(Sessions, "_check_nonce", lambda self, nonce: None)]


def replace_before_the_end() -> list[Any]:
    """Send what replaces an order together with its cancel."""
    shipped = Requesting._end

    def end(self: Requesting, deployment: Any, request: Any) -> None:
        shipped(self, deployment, request)
        for order in self._work.state.live_orders_of("alpha"):
            if order.order_id in self._endings:
                self.after_end(order)

    return [patch.object(Requesting, "_end", end)]


def orphans(system: System) -> str:
    """Look only for what the venue has and the engine does not know: what sending too early does in the end."""
    missing = {one.order.order_id for one in system.venue.orders} - set(system.engine.state.orders)
    return f"{min(missing)} is at the venue, and this engine does not know it" if missing else ""


def duplicates(system: System) -> str:
    """Look only for two orders under one id: what sending again does in the end."""
    ids = [one.order.order_id for one in system.venue.orders]
    twice = {order_id for order_id in ids if ids.count(order_id) > 1}
    return f"the venue has two orders under {min(twice)}" if twice else ""


OPEN: tuple[Move, ...] = (("wish",), ("arrive", 0), ("hear", 0))
"""An order that the venue has and said so."""
UNHEARD: tuple[Move, ...] = (("wish",), ("arrive", 0), ("lose answer", 0), ("tick",), ("tick",), ("arrive", 2), ("fill", 0))
"""An order that the venue has, of which we have not heard, and which filled just after its trades were read, past the fence."""

KNOWN_BAD: dict[str, Mutant] = {
    "resend blindly after a timeout": Mutant(resend_blindly, Bounds(ENTRY, largest=10), "two orders under", duplicates),
    "take a timeout for a refusal": Mutant(take_a_timeout_for_a_refusal, Bounds(ENTRY, largest=10), "is REJECTED and reserves 0"),
    "send before it is written": Mutant(
        send_before_it_is_written, Bounds(ENTRY, largest=10, crashes=1, lag=1), "does not know it", orphans
    ),
}

MUTANTS: dict[str, Mutant] = {
    "believe one witness": Mutant(believe_one_witness, Bounds(ENTRY, largest=10, stale=1, split_questions=True), "reserves 0"),
    "read trades before open orders": Mutant(
        read_trades_before_open_orders, Bounds(ENTRY, largest=10, stale=1, losses=1, split_questions=True), "reserves 0", first=UNHEARD
    ),
    "ignore the fence": Mutant(ignore_the_fence, Bounds(ENTRY, largest=10, crashes=1), "reserves 0"),
    "count the fence from the record": Mutant(count_the_fence_from_the_record, Bounds(ENTRY, largest=10, crashes=1, lag=1), "reserves 0"),
    "leave orders in flight at a restart": Mutant(
        leave_orders_in_flight_at_a_restart,
        Bounds(ENTRY, largest=10, crashes=1, losses=1, fills=False),
        "nothing settles",
        first=(("wish",), ("crash", 0)),
    ),
    "forget orders at a restart": Mutant(forget_orders_at_a_restart, Bounds(ENTRY, largest=10, crashes=1), "does not know it"),
    "book repeated fills": Mutant(book_repeated_fills, Bounds(ENTRY, largest=10, repeats=1), "booked, the venue executed"),
    "know fills by their order": Mutant(
        know_fills_by_their_order, Bounds(PARTIAL), "nothing settles", first=(*OPEN, ("fill", 0), ("fill", 0))
    ),
    "conclude cancels from absence": Mutant(
        conclude_cancels_from_absence, Bounds(ROUND_TRIP, largest=10, losses=1, split_questions=True), "reserves 0", first=OPEN
    ),
    "take a refused cancel for done": Mutant(take_a_refused_cancel_for_done, Bounds(ROUND_TRIP, largest=10), "reserves 0"),
    "take a lost cancel for done": Mutant(take_a_lost_cancel_for_done, Bounds(ROUND_TRIP, largest=10), "reserves 0"),
    "end without the missing fills": Mutant(end_without_the_missing_fills, Bounds(PARTIAL, expiries=1), "reserves 0"),
    "drop late fills": Mutant(
        drop_late_fills, Bounds(PARTIAL, expiries=1, states_quantities=False), "nothing settles", first=(*OPEN, ("fill", 0), ("expire", 0))
    ),
    "ask once": Mutant(ask_once, Bounds(ENTRY, largest=10, losses=2, fills=False), "nothing settles"),
    "use a nonce again": Mutant(
        use_a_nonce_again, Bounds((*ENTRY, ("target", 20, 98.0)), crashes=1, same_nonce=True), "two orders under", duplicates
    ),
    "replace before the end": Mutant(replace_before_the_end, Bounds(REPLACED, largest=10), "no wish went beyond"),
}
