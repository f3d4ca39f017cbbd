"""Streams that end: what awaits them hears why, and nothing else is said to anybody."""

import asyncio
import gc
import socket
from typing import Any

import pytest
from adapter_desk import KEY, SECRET

from live.venues.ccxt_adapter import DIALECTS, Credentials, Endpoint
from live.venues.ccxt_adapter.calls import CallFailedError
from live.venues.ccxt_adapter.client import VenueClient, patient_call
from live.venues.ccxt_adapter.wiring import VenueClock
from live.venues.request_budget import BudgetQueue, Priority, RequestBudget


def closed_port() -> int:
    """Give a port of this machine where nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_an_account_stream_that_cannot_be_opened_is_heard_once_by_who_opens_it() -> None:
    """Whoever asked hears the failure; nothing is left for the event loop to print as never retrieved, traceback and all."""
    heard: list[dict[str, Any]] = []

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(context))
        dialect, port = DIALECTS["binance"], closed_port()
        endpoint = Endpoint(venue_id="local", dialect=dialect, http=f"http://127.0.0.1:{port}", web_socket=f"ws://127.0.0.1:{port}")
        clock = VenueClock(lambda: 1_700_000_000_000_000_000)
        queue = BudgetQueue(RequestBudget(dialect.limits), clock.now)
        client = VenueClient(endpoint, Credentials("account", KEY, SECRET), queue, clock, lambda socket, message: False)
        try:
            with pytest.raises(CallFailedError, match="NOT_SENT: Cannot connect to host"):
                await client.ask(patient_call(Priority.RECONCILE), client.exchange.authenticate, {"type": dialect.user_stream_type})
        finally:
            queue.close()
            await client.close()
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(scenario())
    gc.collect()
    assert heard == []
