"""A venue that keeps the truth about every order, and a wire that keeps what is under way in either direction.

The venue never lies. It takes a signed request only within its receive window, never takes the same signed request twice,
and, as Binance Spot does, takes the id of an order again once that order is off its book: only the sender can prevent that.
What it answers is a batch of reports that leave together; the wire loses, repeats, delays and reorders batches and requests.
"""

from typing import Any, NamedTuple

import msgspec

from live.core import inputs
from live.core.effects import CancelOrder, QueryOrder, SubmitOrder, VenueRequest
from live.core.reconciliation import BY_ID, OPEN_ORDERS, TRADES
from live.core.vocabulary import EffectAction, Liquidity, Outcome, Side

VENUE_ID = "binance-spot"
LOT = 10
TICK = 7_200 * 1_000_000_000
"""Longer than every wait of the watch, so that whatever waits is due after one."""
RECEIVE_WINDOW = TICK // 2
"""A request signed before the last tick is too old; one signed since is not."""

Batch = tuple[Any, ...]


class Request(NamedTuple):
    """One signed request under way to the venue; `endpoint` is what a question asks, empty when it asks all at once."""

    effect: VenueRequest
    signed_at: int
    endpoint: str = ""


class VenueOrder:
    """One order as the venue has it."""

    def __init__(self, order: SubmitOrder, number: int) -> None:
        self.order = order
        self.number = number
        self.executions: list[inputs.ExecutionReported] = []
        self.end = ""

    @property
    def executed(self) -> int:
        """Give the quantity traded, in quantity units."""
        return sum(execution.quantity for execution in self.executions)

    @property
    def left(self) -> int:
        """Give what may still trade, in quantity units."""
        return 0 if self.end else self.order.quantity - self.executed

    def truth(self) -> tuple[str, int, str]:
        """Say everything that matters about it."""
        return (self.order.order_id, self.executed, self.end)


class ModelVenue:
    """Take requests from the shipped loop, and answer when the explorer says so.

    Attributes:
        orders: every order the venue ever accepted.
        requests: requests under way to it.
        answers: batches of reports under way back.
        sent: signed submissions by order id, in the order they left.
        now: the venue's time, which is the engine's.
    """

    def __init__(self, *, split_questions: bool, states_quantities: bool) -> None:
        self.venue_id = VENUE_ID
        self.orders: list[VenueOrder] = []
        self.requests: list[Request] = []
        self.answers: list[Batch] = []
        self.outcomes: list[inputs.EffectOutcome] = []
        self.taken: list[Request] = []
        self.left_too_early: list[str] = []
        self.durable_ids: set[str] = set()
        self.now = 0
        self._split = split_questions
        self._states_quantities = states_quantities

    # What the shipped loop calls

    def submit(self, order: SubmitOrder, now: int) -> None:
        """Sign an order and put it on the wire."""
        if order.order_id not in self.durable_ids:
            self.left_too_early.append(order.order_id)
        self.requests.append(Request(order, now))
        self.outcomes.append(inputs.EffectOutcome(now, order.order_id, EffectAction.SUBMIT, Outcome.SENT, ""))

    def cancel(self, request: CancelOrder, now: int) -> None:
        """Put a cancel on the wire; a second one for the same order adds nothing to one that has not arrived."""
        if not any(one.effect == request for one in self.requests):
            self.requests.append(Request(request, now))
        self.outcomes.append(inputs.EffectOutcome(now, request.order_id, EffectAction.CANCEL, Outcome.SENT, ""))

    def query(self, request: QueryOrder, now: int) -> None:
        """Put a question on the wire, or one for each endpoint; the newest question about an order takes the place of older ones."""
        self.requests = [
            one for one in self.requests if not (isinstance(one.effect, QueryOrder) and one.effect.order_id == request.order_id)
        ]
        endpoints = (BY_ID, OPEN_ORDERS, TRADES) if self._split else ("",)
        self.requests += [Request(request, now, endpoint) for endpoint in endpoints]

    def observe(self, event: inputs.MarketEvent) -> None:
        """Trade only when the explorer says so."""

    # What the explorer does

    def arrive(self, number: int, *, again: bool = False, stale: bool = False) -> None:
        """Let a request arrive; `again` leaves a copy of it under way, `stale` lets a question by id find nothing of what has ended."""
        request = self.requests[number]
        if not again:
            del self.requests[number]
        effect = request.effect
        if isinstance(effect, SubmitOrder):
            self._take(request, effect)
        elif isinstance(effect, CancelOrder):
            self._cancel(effect)
        else:
            self._answer(self._say(request, effect, stale=stale))

    def _answer(self, batch: Batch) -> None:
        """Put a batch on the way back; it takes the place of an older one still under way that says the same."""
        if batch:
            self.answers = [one for one in self.answers if _words(one) != _words(batch)]
            self.answers.append(batch)

    def _take(self, request: Request, order: SubmitOrder) -> None:
        if request in self.taken:
            return
        if self.now - request.signed_at > RECEIVE_WINDOW:
            self._answer((inputs.OrderRejected(0, 0, order.order_id, "Timestamp for this request is outside of the recvWindow."),))
            return
        self.taken.append(request)
        if any(one.order.order_id == order.order_id and one.left for one in self.orders):
            self._answer((inputs.EffectOutcome(0, order.order_id, EffectAction.SUBMIT, Outcome.FAILED, "Duplicate order sent."),))
            return
        self.orders.append(VenueOrder(order, len(self.orders)))
        self._answer((inputs.OrderAccepted(0, 0, order.order_id, f"V{len(self.orders)}"),))

    def _cancel(self, request: CancelOrder) -> None:
        for one in self.orders:
            if one.order.order_id == request.order_id and one.left:
                self.close(one, "CANCELED")
                return
        self._answer((inputs.CancelRejected(0, 0, request.order_id, "Unknown order sent."),))

    def close(self, one: VenueOrder, end: str) -> None:
        """End an order and report it."""
        one.end = end
        self._answer((self._end_of(one),))

    def fill(self, one: VenueOrder) -> None:
        """Trade one lot of an order and report it."""
        number = len(one.executions)
        execution = inputs.ExecutionReported(
            0, 0, one.order.order_id, f"V{one.number + 1}", f"T{one.number}-{number}", 9_900, LOT, 0, "USDT", Liquidity.MAKER
        )
        one.executions.append(execution)
        if not one.left:
            one.end = "FILLED"
        self._answer((execution,))

    def history(self) -> Batch:
        """Read what happened to every order that traded or ended: the scan of trades and orders."""
        return tuple(
            report
            for one in self.orders
            for report in (*one.executions, *((self._end_of(one),) if one.end in {"CANCELED", "EXPIRED"} else ()))
        )

    def _end_of(self, one: VenueOrder) -> inputs.OrderCanceled | inputs.OrderExpired:
        kind = inputs.OrderExpired if one.end == "EXPIRED" else inputs.OrderCanceled
        return kind(0, 0, one.order.order_id, one.end, one.executed if self._states_quantities else None)

    def _say(self, request: Request, question: QueryOrder, *, stale: bool) -> Batch:
        """Answer a question at one endpoint, or at all of them at the same moment."""
        mine = [one for one in self.orders if one.order.order_id == question.order_id]
        fence = question.submitted_at + RECEIVE_WINDOW

        def observe(endpoint: str, *, found: bool) -> inputs.OrderObserved:
            read_at = self.now + (endpoint == TRADES and not self._split)
            return inputs.OrderObserved(0, question.order_id, endpoint, found, request.signed_at, read_at, fence)

        works = any(one.left for one in mine)
        trades = tuple(execution for one in mine for execution in one.executions)
        ends = tuple(self._end_of(one) for one in mine if one.end in {"CANCELED", "EXPIRED"})
        unknown = not mine or (stale and not works)
        by_id = (observe(BY_ID, found=works),) if works or unknown else (*trades, *ends)
        still_open = (observe(OPEN_ORDERS, found=works),)
        history = trades or (observe(TRADES, found=False),)
        if request.endpoint == BY_ID:
            return by_id
        if request.endpoint == OPEN_ORDERS:
            return still_open
        if request.endpoint == TRADES:
            return history
        return (*by_id, *still_open, *history) if unknown else (*trades, *by_id) if works else by_id

    def keep(self) -> tuple[Any, ...]:
        """Keep everything that its own moves change."""
        orders = [(one, tuple(one.executions), one.end) for one in self.orders]
        return (orders, tuple(self.requests), tuple(self.answers), tuple(self.taken))

    def take_back(self, kept: tuple[Any, ...]) -> None:
        """Go back to what was kept."""
        orders, requests, answers, taken = kept
        self.orders = [one for one, _, _ in orders]
        for one, executions, end in orders:
            one.executions, one.end = list(executions), end
        self.requests, self.answers, self.taken = list(requests), list(answers), list(taken)

    # What is true

    def exposure(self, order_id: str) -> tuple[int, int]:
        """Give what the venue executed of an order id, and what it can still execute of it without a further act of ours."""
        mine = [one for one in self.orders if one.order.order_id == order_id]
        waiting = sum(
            request.effect.quantity
            for request in self.requests
            if isinstance(request.effect, SubmitOrder)
            and request.effect.order_id == order_id
            and request not in self.taken
            and self.now - request.signed_at <= RECEIVE_WINDOW
        )
        return sum(one.executed for one in mine), sum(one.left for one in mine) + waiting

    def order_ids(self) -> set[str]:
        """List the ids that the venue has or may yet get."""
        return {one.order.order_id for one in self.orders} | {
            request.effect.order_id for request in self.requests if isinstance(request.effect, SubmitOrder)
        }

    def positions(self) -> tuple[int, int, int]:
        """Give the position it executed, and the least and most that it can become without a further act of ours."""
        held = low = high = 0
        sides = {one.order.order_id: one.order.side for one in self.orders}
        sides.update({one.effect.order_id: one.effect.side for one in self.requests if isinstance(one.effect, SubmitOrder)})
        for order_id, side in sides.items():
            executed, left = self.exposure(order_id)
            held += executed if side is Side.BUY else -executed
            high += left if side is Side.BUY else 0
            low -= left if side is Side.SELL else 0
        return held, held + low, held + high


def stamped(report: Any, now: int) -> Any:
    """Give a report the time of its receipt."""
    if hasattr(report, "ts_event"):
        return msgspec.structs.replace(report, ts_init=now, ts_event=now)
    return msgspec.structs.replace(report, ts_init=now)


def _words(batch: Batch) -> list[Any]:
    return [(one.order_id, one.endpoint, one.found) if isinstance(one, inputs.OrderObserved) else one for one in batch]
