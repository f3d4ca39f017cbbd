"""Latency: how long orders take on their way, stage by stage, per venue, in histograms that keep their precision at every scale.

A stage ends where the next begins: what decides is received, the strategy decides, risk approves, the records are durable, the first byte
leaves, the venue acknowledges. All are read from one clock that is never set. An order that was given up unanswered counts with the time
until then: leaving it out would hide the worst (Tene, "How NOT to Measure Latency": coordinated omission).
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any

from live.core.inputs import (
    Deployment,
    EffectOutcome,
    ExecutionReported,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    RecordedInput,
    TimerFired,
)
from live.core.orders import OrderEvent
from live.core.ports import DeclaredRouter, Route
from live.core.records import IntentRecorded, OrderTransitioned, OutputRecord
from live.core.vocabulary import EffectAction, Outcome
from live.driver.live import Observer
from live.service.histograms import QUANTILES, SLOT_SECONDS, SLOTS, Histogram

BUDGET_QUANTILE = 0.99
"""What the budget is held to: of the orders of the last minutes, one in a hundred may take longer."""
REMEMBERED_ORDERS = 10_000

_ACKNOWLEDGE = (OrderAccepted, OrderRejected, OrderCanceled, OrderExpired, ExecutionReported)


class Stage(StrEnum):
    """A part of an order's way; each is named by what ends it."""

    DECIDED = "decided"
    """From receiving what the strategy decided on until it had decided: the wait in the queue is in it."""
    CHECKED = "checked"
    """Until every risk check had passed and the records were handed to the journal."""
    DURABLE = "durable"
    """Until the records were durable."""
    SENT = "sent"
    """Until the first byte left: the request budget, the signature and the gate are in it."""
    ACKNOWLEDGED = "acknowledged"
    """Until the venue's answer was here, or the order was given up."""
    TOTAL = "total"
    """From receiving to acknowledged: what the budget is about."""


class _Journey:
    """Follow one order; times by `perf_counter_ns`, 0 where unknown."""

    __slots__ = ("checked", "decided", "durable", "received", "sent", "seq", "venue_id")

    def __init__(self, venue_id: str, received: int, decided: int, checked: int, seq: int) -> None:
        self.venue_id = venue_id
        self.received = received
        self.decided = decided
        self.checked = checked
        self.seq = seq
        self.durable = 0
        self.sent = 0


class LatencyWatch:
    """Time the orders of one session.

    It is the engine's router too: an order's route is asked for when the strategy has decided and before risk looks at it, which is a
    moment that a core without a clock cannot tell.

    Attributes:
        over_budget: orders that took longer than their venue's budget, by venue.
    """

    def __init__(self, budgets: Mapping[str, int | None], clock: Callable[[], int] = time.perf_counter_ns) -> None:
        """Take the venues whose orders are timed, with the milliseconds that one may take in all, None where nothing is demanded.

        Args:
            budgets: by venue.
            clock: nanoseconds from any beginning, never set.
        """
        self.over_budget = dict.fromkeys(budgets, 0)
        self._budgets = dict(budgets)
        self._clock = clock
        self._received_at: Callable[[], int] = _unknown
        self._accounts: Collection[str] = ()
        self._histograms = {venue_id: {stage: Histogram() for stage in Stage} for venue_id in budgets}
        self._router = DeclaredRouter()
        self._decided: list[int] = []
        self._journeys: dict[str, _Journey] = {}
        self._undurable: deque[_Journey] = deque()

    def follow(self, received_at: Callable[[], int], accounts: Collection[str]) -> None:
        """Learn where inputs wait and whose orders really leave.

        Args:
            received_at: when what is being handled was received, 0 when nobody knows.
            accounts: those that trade at a venue outside this process; of all others' orders only what comes before sending is timed.
        """
        self._received_at = received_at
        self._accounts = accounts

    def observing(self, observer: Observer) -> Observer:
        """Give an observer that hears of every step after this one did."""

        def observe(entry: RecordedInput | None, outputs: Sequence[OutputRecord], seq: int) -> None:
            self.observe(entry, outputs, seq)
            observer(entry, outputs, seq)

        return observe

    def route(self, deployment: Deployment, instrument_id: str) -> Route:
        """Give the route that the deployment declares, and note that an order was decided on."""
        self._decided.append(self._clock())
        return self._router.route(deployment, instrument_id)

    def observe(self, entry: RecordedInput | None, outputs: Sequence[OutputRecord], seq: int) -> None:
        """Hear of one step as it is handed to the journal."""
        if self._decided:
            self._begin(entry, outputs, seq)
        if entry is None or not self._journeys:
            return
        if isinstance(entry, EffectOutcome):
            if entry.action is EffectAction.SUBMIT:
                self._leave(entry)
        elif isinstance(entry, _ACKNOWLEDGE):
            journey = self._journeys.pop(entry.order_id, None)
            if journey is not None:
                self._end(journey)

    def observe_durable(self, seq: int) -> None:
        """Hear that the journal is durable up to a sequence number."""
        waiting = self._undurable
        while waiting and waiting[0].seq <= seq:
            journey = waiting.popleft()
            journey.durable = self._clock()
            self._record(journey.venue_id, Stage.DURABLE, journey.durable - journey.checked)

    def slow_milliseconds(self, venue_id: str) -> int | None:
        """Give the milliseconds that one order in a hundred lately took or exceeded, None while that is within the budget."""
        budget = self._budgets.get(venue_id)
        if budget is None:
            return None
        found = self._histograms[venue_id][Stage.TOTAL].recent_quantiles(self._slot(), (BUDGET_QUANTILE,))
        return found[0] // 1_000 if found is not None and found[0] > budget * 1_000 else None

    def reasons(self) -> list[str]:
        """Say of every venue that is over its budget by how much."""
        found = ((venue_id, self.slow_milliseconds(venue_id)) for venue_id in self._budgets)
        return [
            f"orders to {venue_id} take {slow} ms (99th percentile of {SLOTS} minutes), the latency budget is {self._budgets[venue_id]} ms"
            for venue_id, slow in found
            if slow is not None
        ]

    def quantiles(self) -> list[tuple[str, Stage, float, float]]:
        """List (venue, stage, quantile, seconds) of the last minutes, of stages that an order passed."""
        slot = self._slot()
        return [
            (venue_id, stage, quantile, microseconds / 1e6)
            for venue_id, stages in self._histograms.items()
            for stage, histogram in stages.items()
            for quantile, microseconds in zip(QUANTILES, histogram.recent_quantiles(slot) or (), strict=False)
        ]

    def counts(self) -> list[tuple[str, Stage, int]]:
        """List (venue, stage, orders) since the session began."""
        return [(venue_id, stage, histogram.count) for venue_id, stages in self._histograms.items() for stage, histogram in stages.items()]

    def show(self) -> list[dict[str, Any]]:
        """Describe every venue: its budget, and each stage lately and since the session began, in microseconds."""
        slot = self._slot()
        return [
            {
                "venue_id": venue_id,
                "budget_ms": self._budgets[venue_id],
                "orders_over_budget": self.over_budget[venue_id],
                "within_budget": self.slow_milliseconds(venue_id) is None,
                "window_seconds": SLOTS * SLOT_SECONDS,
                "stages": [{"stage": stage, **histogram.show(slot)} for stage, histogram in stages.items()],
            }
            for venue_id, stages in self._histograms.items()
        ]

    def _begin(self, entry: RecordedInput | None, outputs: Sequence[OutputRecord], seq: int) -> None:
        """Begin the journeys of the orders that this step decided on; each was asked the route of, in the same sequence."""
        now = self._clock()
        received = 0 if isinstance(entry, TimerFired) else self._received_at()
        decided, self._decided = self._decided, []
        intents = [record for record in outputs if type(record) is IntentRecorded]
        sent = {record.order_id for record in outputs if type(record) is OrderTransitioned and record.event is OrderEvent.SUBMIT}
        for intent, decided_at in zip(intents, decided, strict=False):  # a step that failed in between says less than it decided
            venue_id = intent.instrument_id.partition(":")[0]
            if intent.order_id not in sent or venue_id not in self._histograms:
                continue
            journey = _Journey(venue_id, received, decided_at, now, seq)
            if received:
                self._record(venue_id, Stage.DECIDED, decided_at - received)
            self._record(venue_id, Stage.CHECKED, now - decided_at)
            self._undurable.append(journey)
            if intent.account_id in self._accounts:
                self._journeys[intent.order_id] = journey
                if len(self._journeys) > REMEMBERED_ORDERS:
                    del self._journeys[next(iter(self._journeys))]

    def _leave(self, entry: EffectOutcome) -> None:
        """Note that an order left, that it never will, or that it was given up."""
        journey = self._journeys.get(entry.order_id)
        if journey is None:
            return
        if entry.outcome is Outcome.SENT:
            journey.sent = self._received_at() or self._clock()
            if journey.durable:
                self._record(journey.venue_id, Stage.SENT, journey.sent - journey.durable)
            return
        del self._journeys[entry.order_id]
        if entry.outcome is Outcome.FAILED:
            self._end(journey)

    def _end(self, journey: _Journey) -> None:
        ended = self._received_at() or self._clock()
        if journey.sent:
            self._record(journey.venue_id, Stage.ACKNOWLEDGED, ended - journey.sent)
        if journey.received:
            total = ended - journey.received
            self._record(journey.venue_id, Stage.TOTAL, total)
            budget = self._budgets[journey.venue_id]
            if budget is not None and total > budget * 1_000_000:
                self.over_budget[journey.venue_id] += 1

    def _record(self, venue_id: str, stage: Stage, nanoseconds: int) -> None:
        self._histograms[venue_id][stage].record(nanoseconds, self._slot())

    def _slot(self) -> int:
        return self._clock() // (SLOT_SECONDS * 1_000_000_000)


def _unknown() -> int:
    return 0
