"""Drills: a strategy that also rests six orders at once, and a relay before the exchange that the venue knows nothing of."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import real_desk
from real_desk import Exchange, RealHost, run_exchange

from live.venues.conformance.relay import Relay

SIX_MORE = """        elif bar.volume == 5:
            for number in range(6):
                context.submit_order(bar.instrument_id, "BUY", 100, order_type="LIMIT", limit_price=round(bar.close * 0.96 - number, 2))
"""

Relayed = Callable[[], AbstractAsyncContextManager[Relay]]


@pytest.fixture
def exchange_process() -> Iterator[Exchange]:
    """Run an exchange for one drill alone: what a drill asks for uses most of a minute's request limit up."""
    with run_exchange() as exchange:
        yield exchange


@pytest.fixture(autouse=True)
def _six_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_desk, "SOURCE", real_desk.SOURCE + SIX_MORE)


@pytest.fixture
def relayed(real_host: RealHost, exchange: Exchange) -> Relayed:
    """Give a relay that stands before the exchange for the host, and not for the test's own requests."""

    @asynccontextmanager
    async def enter() -> AsyncIterator[Relay]:
        async with Relay(exchange.http, exchange.web_socket) as relay:
            real_host.exchange = _Behind(exchange, relay)
            yield relay

    return enter


class _Behind(Exchange):
    """The exchange, at the relay's address."""

    def __init__(self, exchange: Exchange, relay: Relay) -> None:
        super().__init__(exchange.process_id, {"http": relay.http, "web_socket": relay.web_socket, "faults": exchange.faults})
