"""A ban, at an exchange that no other test needs afterwards."""

import asyncio

from adapter_desk import LocalExchange, open_desk

from live.core.inputs import OrderAccepted, OrderRejected
from live.core.vocabulary import EffectAction, Outcome
from live.venues.ccxt_adapter import TradingSettings


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
