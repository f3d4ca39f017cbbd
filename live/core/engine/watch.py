"""Watch: orders that silence or a refusal left in doubt, looked at again until they are settled.

Silence is not an answer, so a request that was sent and not answered in time leaves its order unknown; an unknown order
is asked about again and again, ever more rarely; and an open order whose cancel came to nothing is canceled again. What
is watched is not part of the state: after a restart every order in flight is unknown, and watched anew.
"""

from typing import NamedTuple

from live.core.engine.authority import Authority
from live.core.engine.deciding import Deciding
from live.core.engine.workspace import Workspace
from live.core.orders import UNKNOWN, OrderEvent, OrderState
from live.core.state import Order

SECOND = 1_000_000_000
ANSWER_TIMEOUT = 10 * SECOND
"""How long a sent request may stay unanswered before its order is unknown: twice a venue's usual receive window."""
SHORTEST_WAIT = SECOND
LONGEST_WAIT = 64 * SECOND
"""The wait between two looks at one order doubles from the shortest to the longest."""


class Look(NamedTuple):
    """When to look next, how long the wait was, and which request must have been answered by then, if any."""

    due: int
    wait: int
    unanswered: OrderState | None


class Watch:
    """Look again, in engine time, at orders that are not settled.

    Attributes:
        looks: the next look at each order that is watched, by its id.
    """

    __slots__ = ("_authority", "_deciding", "_work", "looks")

    def __init__(self, work: Workspace, authority: Authority, deciding: Deciding) -> None:
        self._work = work
        self._authority = authority
        self._deciding = deciding
        self.looks: dict[str, Look] = {}

    def expect_answer(self, order: Order) -> None:
        """Watch an order whose request was sent, and has to be answered in time."""
        self.looks[order.order_id] = Look(self._work.now + ANSWER_TIMEOUT, self._wait(order), order.state)

    def doubt(self, order: Order) -> None:
        """Ask the venue about an order, and look at it again later."""
        self._work.query(order)
        self.look_later(order)

    def look_later(self, order: Order) -> None:
        """Look at an order again, after twice the wait of the last time."""
        wait = min(max(2 * self._wait(order), SHORTEST_WAIT), LONGEST_WAIT)
        self.looks[order.order_id] = Look(self._work.now + wait, wait, None)

    def look(self) -> None:
        """Look at every order that is due; one that is canceled again keeps its wait for when that comes to nothing."""
        now = self._work.now
        for order_id, look in list(self.looks.items()):
            if look.due <= now:
                self._look_at(order_id, look)

    def cancel_if_unwanted(self, order: Order) -> None:
        """Cancel an open order that trading's state forbids, or that no longer serves its strategy's target."""
        if self._authority.forbids(order):
            self._work.request_cancel(order, "not allowed in this trading state")
        else:
            self._deciding.pursue_past(order)

    def _look_at(self, order_id: str, look: Look) -> None:
        order = self._work.state.live_orders.get(order_id)
        if order is None:
            del self.looks[order_id]
            return
        if order.state is look.unanswered:
            self._work.transition(order, OrderEvent.LOSE, f"no answer in {ANSWER_TIMEOUT // SECOND} s")
        if order.state in UNKNOWN:
            self.doubt(order)
            return
        if look.unanswered is None and order.state is OrderState.OPEN:
            self.cancel_if_unwanted(order)
        if look.unanswered is not None or order.state is not OrderState.CANCEL_REQUESTED:
            del self.looks[order_id]

    def _wait(self, order: Order) -> int:
        known = self.looks.get(order.order_id)
        return 0 if known is None else known.wait
