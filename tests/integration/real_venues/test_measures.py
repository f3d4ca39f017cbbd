"""Measures of a LIVE session: how far the venue's clock is, and how long its orders take."""

import pytest
from real_desk import BTC, BUY, REST, VENUE

from live.core.inputs import Bar
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
        await desk.order("real", "DENIED")
        assert len(desk.orders("real")) == 1
        assert 'interlock_denials_total{code="CLOCK_OFFSET_EXCEEDED"} 1.0' in desk.service.metrics.exposition().decode()
        assert desk.state.strictest_state("real") is TradingState.ARMED
        exchange.fault("clock_skew", milliseconds=5_000)
        await desk.until(lambda: desk.state.strictest_state("real") is TradingState.DISARMED, "the lease ends")
    assert exchange.asked("order.place", name) == []


async def test_an_orders_way_to_the_venue_and_back_is_measured_stage_by_stage(real_host, account):
    """From the moment that the bar it rests on was received; metrics show it."""
    real_host.configure(("real", account(), "LIVE"), venue=f"latency_budget_ms = 5000\n{CLOCK}")
    async with real_host.run() as desk:
        await desk.ready()
        await desk.until(lambda: desk.session.clocks[VENUE].sample, "the clock is measured")
        await desk.lease("real")
        now, price = desk.session.driver.now(), desk.engine.last_price(BTC)
        desk.session.queue.market(Bar(0, now, BTC, price, price, price, price, REST * 100_000))
        await desk.order("real", "OPEN")
        counts = {stage: count for venue_id, stage, count in desk.session.latency.counts() if venue_id == VENUE}
        assert counts == dict.fromkeys(Stage, 1)
        medians = {stage: seconds for _, stage, quantile, seconds in desk.session.latency.quantiles() if quantile == 0.5}
        parts = sum(seconds for stage, seconds in medians.items() if stage is not Stage.TOTAL)
        assert medians[Stage.TOTAL] == pytest.approx(parts, rel=0.05)
        shown = desk.service.metrics.exposition().decode()
        assert f'interlock_latency_orders{{stage="acknowledged",venue="{VENUE}"}} 1.0' in shown
        assert f'interlock_latency_over_budget{{venue="{VENUE}"}} 0.0' in shown
        assert f'interlock_clock_verdict{{venue="{VENUE}"}} 0.0' in shown
        assert f'interlock_spread_ratio{{instrument="{BTC}"}}' in shown


async def test_a_request_that_the_venue_refuses_for_its_time_is_rejected_and_the_clock_is_measured_at_once(real_host, exchange, account):
    """The next measurement would be minutes away; the order is not sent again, and what the measurement shows disarms."""
    name = account()
    real_host.configure(("real", name, "LIVE"), venue=CLOCK.replace("sample_seconds = 0.2", "sample_seconds = 60"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.until(lambda: desk.state.clocks.get(VENUE), "the clock is measured")
        await desk.lease("real")
        exchange.fault("clock_skew", milliseconds=4_000)
        desk.tell(REST)
        rejected = await desk.order("real", "REJECTED")
        assert rejected.detail.startswith("REJECTED_CLOCK")
        await desk.until(lambda: desk.state.clocks[VENUE].offset > 3_000 * MILLISECOND, "the clock is measured again")
        assert desk.state.strictest_state("real") is TradingState.DISARMED
        assert len(desk.orders("real")) == 1
    assert len(exchange.asked("order.place", name)) == 1


async def test_a_question_of_reconciliation_that_is_refused_for_its_time_has_the_clock_measured_too(real_host, exchange, account):
    """Else nobody could vouch for the account until the next turn, minutes later."""
    real_host.configure(("real", account(), "LIVE"), venue=CLOCK.replace("sample_seconds = 0.2", "sample_seconds = 60"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.until(lambda: desk.state.clocks.get(VENUE), "the clock is measured")
        exchange.fault("clock_skew", milliseconds=4_000)
        await desk.until(lambda: desk.state.clocks[VENUE].offset > 3_000 * MILLISECOND, "the clock is measured again")
