"""Metrics: what the engine said, counted by its own codes, in this service's own registry."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from live.core import inputs, records
from live.core.inputs import RecordedInput
from live.core.orders import UNKNOWN
from live.core.records import OutputRecord
from live.service.session import Session


class ServiceMetrics:
    """Count records as they are said, and read gauges when they are asked for."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._decisions = self._counter("interlock_decisions", "Decisions recorded.", "strategy")
        self._intents = self._counter("interlock_intents", "Intents recorded.", "strategy")
        self._denials = self._counter("interlock_denials", "Orders denied before they left, by code.", "code")
        self._transitions = self._counter("interlock_order_transitions", "Order state changes, by the state entered.", "state")
        self._fills = self._counter("interlock_fills", "Executions recorded.", "strategy")
        self._alarms = self._counter("interlock_alarms", "Alarms raised, by code.", "code")
        self._access_denied = self._counter("interlock_access_denied", "Calls that lacked the scope they need.", "required_scope")
        self._trading_state = self._gauge(
            "interlock_trading_state", "0 ARMED, 1 REDUCE_ONLY, 2 CANCEL_ONLY, 3 DISARMED, 4 KILLED.", "scope", "target"
        )
        self._open_orders = self._gauge("interlock_open_orders", "Orders that may still fill.")
        self._unknown_orders = self._gauge("interlock_unknown_orders", "Orders whose fate at the venue is unknown.")
        self._halted = self._gauge("interlock_halted", "1 once a failure halted trading for good.")
        self._journal_seq = self._gauge("interlock_journal_sequence", "Last sequence number handed to the journal.")
        self._durable_seq = self._gauge("interlock_journal_durable_sequence", "Last sequence number known to be durable.")
        self._session: Session | None = None

    def watch(self, session: Session) -> None:
        """Count what a session's engine says from now on."""
        self._session = session
        session.recorder.observer = self.observe

    def observe(self, entry: RecordedInput | None, outputs: Sequence[OutputRecord]) -> None:
        """Count one step."""
        if isinstance(entry, inputs.AccessDenied):
            self._access_denied.labels(entry.required_scope).inc()
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

    def exposition(self) -> bytes:
        """Give every metric in the Prometheus text format."""
        session = self._session
        if session is not None:
            state = session.driver.engine.state
            for (scope, target), value in state.trading_states.items():
                self._trading_state.labels(scope, target).set(value)
            self._open_orders.set(len(state.live_orders))
            self._unknown_orders.set(sum(order.state in UNKNOWN for order in state.live_orders.values()))
            self._halted.set(session.driver.failure is not None)
            self._journal_seq.set(session.journal.last_seq)
            self._durable_seq.set(session.journal.durable_seq)
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)
