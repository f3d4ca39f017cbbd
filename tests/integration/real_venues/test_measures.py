"""Measures of a LIVE session: how far the venue's clock is, and how long its orders take."""

import pytest
from real_desk import BTC, BUY, REST, VENUE

from live.core.vocabulary import TradingState
from live.service.latency import Stage
from live.venues.clock_offset import ClockVerdict

pytestmark = pytest.mark.anyio

CLOCK = f"[venues.{VENUE}.clock]\nsample_seconds = 0.2\nwarn_ms = 200\nstop_ms = 400\ndisarm_ms = 2000\nmaximum_age_seconds = 60"
MILLISECOND = 1_000_000


async def test_the_clock_of_a_venue_is_measured_before_anything_can_be_sent_to_it(real_host, account):
    """On one machine both clocks are one, so what is measured is within a few milliseconds; it goes to the engine with its bounds."""
    real_host.configure(("real", account(), "LIVE"), venue=CLOCK)
    async with real_host.run() as desk:
        await desk.ready()
        sample = await desk.until(lambda: desk.state.clocks.get(VENUE), "the clock is measured")
        assert abs(sample.offset) <= sample.uncertainty + MILLISECOND
        assert (sample.stop_above, sample.disarm_above) == (400 * MILLISECOND, 2_000 * MILLISECOND)
        assert sample.valid_until < desk.session.driver.now() + 61_000 * MILLISECOND
        assert desk.session.clocks[VENUE].verdict is ClockVerdict.GOOD


async def test_a_clock_half_a_second_off_stops_sending_and_five_seconds_off_disarms(real_host, exchange, account):
    """Between the two bounds the lease stays, every order is denied, and the service says why it is not ready."""
    name = account()
    real_host.configure(("real", name, "LIVE"), venue=CLOCK)
    async with real_host.run() as desk:
        await desk.ready()
        await desk.until(lambda: desk.state.clocks.get(VENUE), "the clock is measured")
        await desk.lease("real")
        exchange.fault("clock_skew", milliseconds=500)
        await desk.until(lambda: desk.session.clocks[VENUE].verdict is ClockVerdict.STOP, "the clock is found too far off")
        await desk.until(lambda: desk.state.clocks[VENUE].offset > 400 * MILLISECOND, "the engine knows")
        assert any(reason.startswith(f"the clock of {VENUE} is beyond what may send") for reason in desk.service.unready())
        desk.tell(BUY)
        assert len(desk.orders("real", "DENIED")) == 1
        assert 'interlock_denials_total{code="CLOCK_OFFSET_EXCEEDED"} 1.0' in desk.service.metrics.exposition().decode()
        assert desk.state.strictest_state("real") is TradingState.ARMED
        exchange.fault("clock_skew", milliseconds=5_000)
        await desk.until(lambda: desk.state.strictest_state("real") is TradingState.DISARMED, "the lease ends")
    assert exchange.asked("order.place", name) == []


async def test_an_orders_way_to_the_venue_and_back_is_measured_stage_by_stage(real_host, account):
    """What was told past the queue has no moment of receipt; every other part of its way is measured, and shown."""
    real_host.configure(("real", account(), "LIVE"), venue=f"latency_budget_ms = 5000\n{CLOCK}")
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        desk.tell(REST)
        await desk.order("real", "OPEN")
        counts = {stage: count for venue_id, stage, count in desk.session.latency.counts() if venue_id == VENUE}
        assert {stage for stage, count in counts.items() if count} == {Stage.CHECKED, Stage.DURABLE, Stage.SENT, Stage.ACKNOWLEDGED}
        shown = desk.service.metrics.exposition().decode()
        assert f'interlock_latency_orders{{stage="acknowledged",venue="{VENUE}"}} 1.0' in shown
        assert f'interlock_latency_over_budget{{venue="{VENUE}"}} 0.0' in shown
        assert f'interlock_clock_verdict{{venue="{VENUE}"}} 0.0' in shown
        assert f'interlock_spread_ratio{{instrument="{BTC}"}}' in shown
