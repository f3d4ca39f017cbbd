"""Measures: gauges of what is measured rather than counted: latency, clocks, spreads and what own orders paid beyond their price."""

from prometheus_client import CollectorRegistry, Gauge

from live.core.decimals import PARTS_PER_MILLION
from live.service.session import Session

NANOSECONDS = 1e9


class Measures:
    """Read what a session measured when the metrics are asked for; what is no longer measured is gone from them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Define the gauges."""

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        self._latency = gauge(
            "interlock_latency_seconds",
            "Quantiles over five minutes of what a part of an order's way took, by what ends it; total is the whole way.",
            "venue",
            "stage",
            "quantile",
        )
        self._orders = gauge("interlock_latency_orders", "Orders of this session that a stage was measured of.", "venue", "stage")
        self._over = gauge(
            "interlock_latency_over_budget", "1 while orders take longer than the venue's latency budget allows, 0 without one.", "venue"
        )
        self._slow = gauge("interlock_latency_slow_orders", "Orders of this session that took longer than the latency budget.", "venue")
        self._offset = gauge("interlock_clock_offset_seconds", "The venue's clock minus this machine's.", "venue")
        self._uncertainty = gauge("interlock_clock_uncertainty_seconds", "Bound of the error of the clock's offset.", "venue")
        self._verdict = gauge(
            "interlock_clock_verdict", "0 the clock is right, 1 look at it, 2 nothing is sent, 3 what was armed is disarmed.", "venue"
        )
        self._kernel = gauge(
            "interlock_kernel_clock_synchronised", "1 while the kernel says that something disciplines its clock.", "venue"
        )
        self._spread = gauge("interlock_spread_ratio", "Distance of bid and ask, as a part of their middle.", "instrument")
        self._paid = gauge(
            "interlock_slippage_paid_ratio",
            "What own market and stop orders of the last hour paid beyond the price they were judged by, as a part of it.",
            "account",
            "instrument",
        )

    def read(self, session: Session) -> None:
        """Take the gauges from a session."""
        self._read_latency(session)
        for venue_id, clock in session.clocks.items():
            self._verdict.labels(venue_id).set(clock.verdict)
            if clock.sample is not None:
                self._offset.labels(venue_id).set(clock.sample.offset / NANOSECONDS)
                self._uncertainty.labels(venue_id).set(clock.sample.uncertainty / NANOSECONDS)
            if clock.kernel is not None:
                self._kernel.labels(venue_id).set(clock.kernel.synchronised)
        self._read_guard(session)

    def _read_latency(self, session: Session) -> None:
        latency = session.latency
        self._latency.clear()
        for venue_id, stage, quantile, seconds in latency.quantiles():
            self._latency.labels(venue_id, stage, quantile).set(seconds)
        for venue_id, stage, orders in latency.counts():
            self._orders.labels(venue_id, stage).set(orders)
        for venue_id, orders in latency.over_budget.items():
            self._slow.labels(venue_id).set(orders)
            self._over.labels(venue_id).set(latency.slow_milliseconds(venue_id) is not None)

    def _read_guard(self, session: Session) -> None:
        engine = session.driver.engine
        self._spread.clear()
        for instrument_id in engine.state.instruments:
            best = engine.best_prices(instrument_id)
            if best is not None:
                self._spread.labels(instrument_id).set(2 * (best[1] - best[0]) / (best[0] + best[1]))
        self._paid.clear()
        for account_id, instrument_id in engine.state.slippage.known():
            paid = engine.state.slippage.lately(account_id, instrument_id, engine.now)
            if paid is not None:
                self._paid.labels(account_id, instrument_id).set(paid / PARTS_PER_MILLION)
