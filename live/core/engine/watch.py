"""Watch: orders that silence or a refusal left in doubt, looked at again until they are settled.

Silence is not an answer, so a request that was sent and not answered in time leaves its order unknown; an unknown order
is asked about again and again, ever more rarely; an open order whose cancel came to nothing is canceled again; one whose
end was announced while fills are missing is asked about until they come, and so is one that should have expired; and one
that was proven absent is still looked for, more and more rarely, as long as it is kept. What is watched is not part of the
state: after a restart every order in flight is unknown, and watched anew.
"""

import msgspec

from live.core.engine.authority import Authority
from live.core.engine.deciding import Deciding
from live.core.engine.workspace import Workspace
from live.core.entities import Order
from live.core.orders import UNKNOWN, OrderEvent, OrderState
from live.core.retention import RETENTION

# A module's own name costs a fifth of an attribute of an enumeration.
_OPEN, _CANCEL_REQUESTED, _NOT_PLACED = OrderState.OPEN, OrderState.CANCEL_REQUESTED, OrderState.NOT_PLACED

SECOND = 1_000_000_000
NEVER = 2**63 - 1
ANSWER_TIMEOUT = 10 * SECOND
"""How long a sent request may stay unanswered before its order is unknown: twice a venue's usual receive window."""
SHORTEST_WAIT = SECOND
LONGEST_WAIT = 64 * SECOND
"""The wait between two looks at one order doubles from the shortest to the longest."""
LONGEST_SCAN_WAIT = 3_600 * SECOND
"""The same for one that was proven absent, which nobody waits for."""


class Look(msgspec.Struct, frozen=True, gc=False):
    """When to look next, how long the wait was, and which request must have been answered by then, if any."""

    due: int
    wait: int
    unanswered: OrderState | None


class Watch:
    """Look again, in engine time, at orders that are not settled.

    Attributes:
        looks: the next look at each order that is watched, by its id.
        next_due: when the first of them is due at the earliest, so that an event at which none is costs one comparison.
    """

    __slots__ = ("_authority", "_deciding", "_work", "looks", "next_due")

    def __init__(self, work: Workspace, authority: Authority, deciding: Deciding) -> None:
        self._work = work
        self._authority = authority
        self._deciding = deciding
        self.looks: dict[str, Look] = {}
        self.next_due = NEVER

    def expect_answer(self, order: Order) -> None:
        """Watch an order whose request was sent, and has to be answered in time."""
        order_id, due = order.order_id, self._work.now + ANSWER_TIMEOUT
        known = self.looks.get(order_id)
        self.looks[order_id] = Look(due, 0 if known is None else known.wait, order.state)
        self.next_due = due if due < self.next_due else self.next_due

    def doubt(self, order: Order) -> None:
        """Ask the venue about an order, and look at it again later."""
        self._work.query(order)
        self.look_later(order)

    def look_later(self, order: Order) -> None:
        """Look at an order again, after twice the wait of the last time."""
        wait = min(max(2 * self._wait(order), SHORTEST_WAIT), LONGEST_WAIT)
        self._watch_at(order.order_id, Look(self._work.now + wait, wait, None))

    def look(self) -> None:
        """Look at every order that is due; one that is canceled again keeps its wait for when that comes to nothing."""
        now = self._work.now
        if now < self.next_due:
            return
        self.next_due = NEVER
        for order_id, look in list(self.looks.items()):
            if look.due <= now:
                self._look_at(order_id, look)
        self.next_due = min((look.due for look in self.looks.values()), default=NEVER)

    def scan_later(self, order: Order) -> None:
        """Look again for an order that was proven absent, after twice the wait of the last time."""
        wait = min(max(2 * self._wait(order), LONGEST_WAIT), LONGEST_SCAN_WAIT)
        self._watch_at(order.order_id, Look(self._work.now + wait, wait, None))

    def rest(self, order: Order) -> None:
        """Let an order rest that was found open; watch over its expiry.

        One that trading's state forbids, or that no longer serves its strategy's target, is canceled.
        """
        if self._authority.forbids(order):
            self._work.request_cancel(order, "not allowed in this trading state")
        else:
            self._deciding.pursue_past(order)
        if order.expires_at is not None and order.state is _OPEN:
            due = max(order.expires_at, self._work.now) + ANSWER_TIMEOUT
            self._watch_at(order.order_id, Look(due, 0, None))

    def look_no_more(self, order: Order) -> None:
        """Forget an order that filled: nothing about it is in doubt any more."""
        self.looks.pop(order.order_id, None)
        if not self.looks:
            self.next_due = NEVER

    def _watch_at(self, order_id: str, look: Look) -> None:
        self.looks[order_id] = look
        self.next_due = look.due if look.due < self.next_due else self.next_due

    def _look_at(self, order_id: str, look: Look) -> None:
        work = self._work
        order = work.state.live_orders.get(order_id)
        if order is None:
            self._scan(order_id)
            return
        if order.state is look.unanswered:
            work.transition(order, OrderEvent.LOSE, f"no answer in {ANSWER_TIMEOUT // SECOND} s")
        if order.announced is not None:
            if look.wait == SHORTEST_WAIT:
                said = f"{order.announced} counts {order.announced_quantity} executed, {order.filled_quantity} are booked"
                work.alarm("FILLS_MISSING", order_id, said)
            self.doubt(order)
            return
        if order.state in UNKNOWN or (order.expires_at is not None and order.state is _OPEN and work.now >= order.expires_at):
            self.doubt(order)
            return
        if look.unanswered is None and order.state is _OPEN:
            self.rest(order)
        if self.looks[order_id] is not look:
            return
        if look.unanswered is not None or order.state is not _CANCEL_REQUESTED:
            del self.looks[order_id]

    def _scan(self, order_id: str) -> None:
        """Ask again about an order that was proven absent, while it is kept; look no more at any other that ended."""
        work = self._work
        order = work.state.orders.get(order_id)
        if order is None or order.state is not _NOT_PLACED or work.now >= order.ended_at + RETENTION:
            del self.looks[order_id]
            return
        work.query(order)
        self.scan_later(order)

    def _wait(self, order: Order) -> int:
        known = self.looks.get(order.order_id)
        return 0 if known is None else known.wait
