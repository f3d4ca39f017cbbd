"""What leaves an exchange upset for longer than its test: a clock that jumped, and a ban."""

import asyncio

import pytest
from adapter_desk import BTC, LocalExchange, open_desk

from live.core.inputs import OrderAccepted, OrderRejected
from live.core.vocabulary import EffectAction, Outcome
from live.venues.ccxt_adapter import TradingSettings


def test_a_clock_that_is_wrong_rejects_one_order_and_is_measured_anew(exchange: LocalExchange) -> None:
    """The venue is 4 s ahead: the stamp is too old, nothing was placed, and the next order is stamped right."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            exchange.fault("clock_skew", milliseconds=4_000, count=None)
            rejected: OrderRejected = await desk.sinks.first(OrderRejected, desk.rest())
            assert rejected.reason.startswith("REJECTED_CLOCK")
            await asyncio.gather(*(task for task in desk.venue._tasks if "_resample" in repr(task)))
            assert desk.venue._clock.offset == pytest.approx(4_000_000_000, abs=500_000_000)
            order_id = desk.rest()
            await desk.sinks.first(OrderAccepted, order_id)
            exchange.control("/faults", method="DELETE")
            await desk.venue.sample_clock()
            await desk.venue.cancel_all(BTC)

    asyncio.run(scenario())


def test_a_ban_stops_everything_and_says_that_nothing_was_sent(exchange: LocalExchange) -> None:
    """After a 418 not even a cancel leaves, since every request makes the ban longer."""

    async def scenario() -> None:
        async with open_desk(exchange, settings=TradingSettings(cancel_patience=0.05, scan_interval=3_600.0)) as desk:
            resting = desk.rest()
            await desk.sinks.first(OrderAccepted, resting)
            exchange.fault("ban", "order.place", status=418, retry_after_seconds=120)
            await desk.sinks.first(OrderRejected, desk.rest())
            desk.cancel(resting)
            outcome = await desk.sinks.outcome(resting)
            assert (outcome.action, outcome.outcome) == (EffectAction.CANCEL, Outcome.REFUSED)
            assert exchange.log("order.cancel") == []

    asyncio.run(scenario())
