"""Metrics: what the engine said, counted by its own codes, in this service's own registry."""

import time
from collections import deque
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from live.core import records
from live.core.inputs import RecordedInput
from live.core.orders import UNKNOWN, OrderState
from live.core.records import OutputRecord
from live.core.risk.codes import DenialCode
from live.service.authority import ACCESS_SCOPES, AccessScope
from live.service.logs import log_stream
from live.service.measures import Measures
from live.service.readiness import reasons_not_ready
from live.service.session import Session

COMMIT_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
KILL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
NANOSECONDS = 1e9


class ServiceMetrics:
    """Count records as they are said, and read gauges when they are asked for.

    Whatever has a closed list of labels is there at 0 from the beginning, so that an alert on it can be tested and a
    dashboard has no holes.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._decisions = self._counter("interlock_decisions", "Decisions recorded.", "strategy")
        self._intents = self._counter("interlock_intents", "Intents recorded.", "strategy")
        self._denials = self._counter("interlock_denials", "Orders denied before they left, by code.", "code")
        self._transitions = self._counter("interlock_order_transitions", "Order state changes, by the state entered.", "state")
        self._fills = self._counter("interlock_fills", "Executions recorded.", "strategy")
        self._alarms = self._counter("interlock_alarms", "Alarms raised, by code.", "code")
        self._access_denied = self._counter("interlock_access_denied", "Calls without the scope they need.", "required_scope")
        self._unrecorded = self._counter(
            "interlock_access_denied_unrecorded", "Refused calls that were only counted: too many came in a minute, or trading is halted."
        )
        self._commit_seconds = Histogram(
            "interlock_journal_commit_seconds",
            "From handing a step to the journal until it is known to be durable.",
            buckets=COMMIT_BUCKETS,
            registry=self.registry,
        )
        self._kill_seconds = Histogram(
            "interlock_kill_seconds", "From a kill's call until its report.", buckets=KILL_BUCKETS, registry=self.registry
        )
        self._published = self._gauge(
            "interlock_prefix_published_timestamp_seconds", "Through when the running session was last published; 0 before the first time."
        )
        self._unpublished = self._counter("interlock_prefix_failures", "Times that what was recorded so far could not be published.")
        self._trading_state = self._gauge(
            "interlock_trading_state", "0 ARMED, 1 REDUCE_ONLY, 2 CANCEL_ONLY, 3 DISARMED, 4 KILLED.", "scope", "target"
        )
        self._lease_expiry = self._gauge(
            "interlock_lease_expiry_timestamp_seconds", "When a strategy's lease ends, by the machine's clock; 0 without one.", "strategy"
        )
        self._refused = self._gauge("interlock_deployment_refused", "1 while a configured deployment's bundle is refused.", "strategy")
        self._pending = self._gauge(
            "interlock_deployment_pending", "1 while a version is accepted for a deployment's alias and not loaded.", "strategy"
        )
        self._withdrawn = self._gauge(
            "interlock_deployment_withdrawn", "1 while what is loaded lost its alias, was revoked, or is not accepted any more.", "strategy"
        )
        self._open_orders = self._gauge("interlock_open_orders", "Orders that may still fill.")
        self._unknown_orders = self._gauge("interlock_unknown_orders", "Orders whose fate at the venue is unknown.")
        self._ready = self._gauge("interlock_ready", "1 while /readyz answers 200.")
        self._halted = self._gauge("interlock_halted", "1 once a failure halted trading for good.")
        self._feed_up = self._gauge("interlock_feed_up", "1 while market data may still come.")
        self._queue_depth = self._gauge("interlock_input_queue_depth", "Inputs of real venues that wait to be handled.")
        self._queue_dropped = self._gauge(
            "interlock_input_queue_dropped", "Market events of this session that found no room or could not be believed."
        )
        self._engine_time = self._gauge(
            "interlock_engine_timestamp_seconds", "The engine's time: that of the data while it is played back."
        )
        self._journal_seq = self._gauge("interlock_journal_sequence", "Last sequence number handed to the journal.")
        self._durable_seq = self._gauge("interlock_journal_durable_sequence", "Last sequence number known to be durable.")
        self._lag = self._gauge("interlock_journal_lag_seconds", "How long the oldest step that is not durable has waited; 0 without one.")
        self._lost_logs = self._gauge("interlock_log_pieces_lost", "Pieces of log that standard error did not take.")
        self._measures = Measures(self.registry)
        self._begin_at_zero()
        self._session: Session | None = None
        self._handed_over: deque[tuple[int, float]] = deque()

    def watch(self, session: Session) -> None:
        """Read the gauges of a session from now on."""
        self._session = session
        for strategy_id in session.deployments:
            for counter in (self._decisions, self._intents, self._fills):
                counter.labels(strategy_id)

    def forget(self) -> None:
        """Read no session's gauges any more: its files are being closed, and the next one counts from 1 again."""
        self._session = None
        self._handed_over.clear()

    def observe(self, entry: RecordedInput | None, outputs: Sequence[OutputRecord], seq: int) -> None:
        """Count one step, and note when it was handed to the journal."""
        self._handed_over.append((seq, time.monotonic()))
        del entry  # what went in is in the journal; only what came out is counted
        for record in outputs:
            if isinstance(record, records.OrderTransitioned):
                self._transitions.labels(record.state).inc()
            elif isinstance(record, records.DecisionRecorded):
                self._decisions.labels(record.strategy_id).inc()
            elif isinstance(record, records.IntentRecorded):
                self._intents.labels(record.strategy_id).inc()
            elif isinstance(record, records.OrderDenied):
                self._denials.labels(record.code).inc()
            elif isinstance(record, records.FillRecorded):
                self._fills.labels(record.strategy_id).inc()
            elif isinstance(record, records.AlarmRaised):
                self._alarms.labels(record.code).inc()

    def observe_durable(self, seq: int) -> None:
        """Note that steps are durable."""
        now = time.monotonic()
        while self._handed_over and self._handed_over[0][0] <= seq:
            self._commit_seconds.observe(now - self._handed_over.popleft()[1])

    def observe_kill(self, seconds: float) -> None:
        """Note how long a kill took until its report."""
        self._kill_seconds.observe(seconds)

    def observe_published(self, through: int) -> None:
        """Note through when what was recorded is published, nanoseconds UTC."""
        self._published.set(through / NANOSECONDS)

    def observe_unpublished(self) -> None:
        """Count a prefix that could not be published."""
        self._unpublished.inc()

    def observe_access_denied(self, scope: AccessScope, *, recorded: bool) -> None:
        """Count a refused call."""
        self._access_denied.labels(scope).inc()
        if not recorded:
            self._unrecorded.inc()

    def exposition(self) -> bytes:
        """Give every metric in the Prometheus text format."""
        session = self._session
        if session is not None:
            self._read(session)
        self._ready.set(not reasons_not_ready(session))
        self._lost_logs.set(log_stream.lost)
        self._lag.set(time.monotonic() - self._handed_over[0][1] if self._handed_over else 0)
        return generate_latest(self.registry)

    def _read(self, session: Session) -> None:
        engine, state = session.driver.engine, session.driver.engine.state
        for (scope, target), value in state.trading_states.items():
            self._trading_state.labels(scope, target).set(value)
        for name, status in session.deployments.items():
            lease = session.gate.leases.get(name)
            self._lease_expiry.labels(name).set(0 if lease is None else lease.expires_at / NANOSECONDS)
            self._refused.labels(name).set(status.refused is not None)
            standing = session.promotions.of(name)
            self._pending.labels(name).set(standing.pending is not None)
            self._withdrawn.labels(name).set(standing.withdrawn is not None)
        self._open_orders.set(len(state.live_orders))
        self._unknown_orders.set(sum(order.state in UNKNOWN for order in state.live_orders.values()))
        self._halted.set(session.driver.failure is not None)
        played = session.player is not None and session.player.ended is None
        self._feed_up.set(played or (bool(session.feeds) and not any(feed.faults() for feed in session.feeds.values())))
        if session.queue is not None:
            self._queue_depth.set(session.queue.depth)
            self._queue_dropped.set(session.queue.dropped)
        self._engine_time.set(engine.now / NANOSECONDS)
        self._journal_seq.set(session.journal.last_seq)
        self._durable_seq.set(session.journal.durable_seq)
        self._measures.read(session)

    def _begin_at_zero(self) -> None:
        for code in DenialCode:
            self._denials.labels(code)
        for state in OrderState:
            self._transitions.labels(state)
        for scope in ACCESS_SCOPES:
            self._access_denied.labels(scope)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)
