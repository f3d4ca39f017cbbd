"""What the adapter does not believe, and whom it does not follow: redirections, answers about others, and venues that stay silent."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from adapter_desk import BTC, INSTRUMENT, PATIENCE, LocalExchange, Sinks, open_desk, open_feed
from structlog.testing import capture_logs

from live.core.inputs import EffectOutcome, ExecutionReported, ExternalOrderObserved, OrderAccepted, OrderCanceled
from live.core.vocabulary import EffectAction, OrderType, Outcome
from live.venues.ccxt_adapter import CcxtMarketFeed, FeedSettings
from live.venues.errors import VenueCallError
from live.venues.protocol import MarketKind


@asynccontextmanager
async def elsewhere() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Listen where a request should never arrive; gives the address and what came."""
    came: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read(10_000))
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", came
    finally:
        server.close()
        await server.wait_closed()


def odd_market(exchange: LocalExchange, symbol: str) -> None:
    """Have the exchange say what cannot be read of one of its markets, and the truth of the others."""
    with urllib.request.urlopen(f"{exchange.http}/api/v3/exchangeInfo", timeout=PATIENCE) as answer:
        body = json.load(answer)
    (odd,) = (one for one in body["symbols"] if one["symbol"] == symbol)
    next(one for one in odd["filters"] if one["filterType"] == "PRICE_FILTER")["tickSize"] = "half a cent"
    exchange.fault("answer", "exchangeInfo", status=200, body=json.dumps(body), content_type="application/json", when="before", count=None)


def test_an_odd_market_that_nobody_trades_is_left_out_and_said_once(exchange: LocalExchange) -> None:
    """The others are traded and followed as ever; one that is traded keeps the venue from starting, and is named with what is wrong."""

    async def scenario() -> None:
        odd_market(exchange, "ETHUSDT")
        with capture_logs() as said:
            async with open_desk(exchange) as desk:
                assert [one.instrument_id for one in await desk.venue.instruments()] == [BTC]
                await desk.sinks.first(OrderAccepted, desk.rest())
                await desk.venue.stop()
                await desk.venue.start([INSTRUMENT], desk.sinks)
                await desk.venue.cancel_all(BTC)
        left_out = [one for one in said if one["event"] == "a market is left out"]
        assert [one["market"] for one in left_out] == ["ETHUSDT"]
        assert "local:ETHUSDT: the venue's filters cannot be read: precision.price" in left_out[0]["reason"]
        async with open_feed(exchange, {MarketKind.QUOTES}) as (_, sinks):
            await sinks.until(lambda: sinks.events)
        exchange.control("/faults", method="DELETE")
        odd_market(exchange, "BTCUSDT")
        with pytest.raises(VenueCallError, match=r"local:BTCUSDT: the venue's filters cannot be read: precision\.price: .*half a cent"):
            async with open_desk(exchange):
                pass

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirection_is_never_followed(exchange: LocalExchange, status: int) -> None:
    """A request carries a key: it goes where the configuration says or nowhere, and what it was about is unknown."""

    async def scenario() -> None:
        async with elsewhere() as (address, came), open_desk(exchange) as desk:
            resting = desk.rest()
            await desk.sinks.first(OrderAccepted, resting)
            for operation in ("order.place", "order.cancel", "account.status"):
                exchange.fault("answer", operation, status=status, body="{}", headers={"Location": address}, when="before")
            assert (await desk.sinks.outcome(desk.rest())).outcome is Outcome.FAILED
            desk.cancel(resting)
            assert (await desk.sinks.outcome(resting)).outcome is Outcome.FAILED
            with pytest.raises(VenueCallError, match="UNKNOWN"):
                await desk.venue.balances()
            assert came == []
            await desk.venue.cancel_all(BTC)

    asyncio.run(scenario())


def test_orders_that_get_no_answer_leave_every_cancel_a_connection(exchange: LocalExchange) -> None:
    """A venue that keeps sixty orders and as many cancels waiting has every one of them."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            resting = [desk.rest(50_000_00 - number) for number in range(39)]
            for order_id in resting:
                await desk.sinks.first(OrderAccepted, order_id)
            exchange.fault("drop", "order.place", when="before", count=None)
            exchange.fault("drop", "order.cancel", when="before", count=None)
            silent = [desk.rest(49_000_00 - number) for number in range(60)]
            for order_id in silent:
                await desk.sinks.first(EffectOutcome, order_id)
            canceled = [*resting, *silent[:25]]
            for order_id in canceled:
                desk.cancel(order_id)

            def sent() -> int:
                return sum(one.action is EffectAction.CANCEL for one in desk.sinks.answers if isinstance(one, EffectOutcome))

            async with asyncio.timeout(3.0):
                await desk.sinks.until(lambda: sent() == len(canceled))
            exchange.control("/faults", method="DELETE")
            await desk.venue.cancel_all(BTC)

    asyncio.run(scenario())


def test_an_answer_to_a_cancel_that_is_about_another_order_ends_neither(exchange: LocalExchange) -> None:
    """The venue's id in it is known to be another order's: what became of the cancel is unknown."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            asked, other = desk.rest(), desk.rest(49_000_00)
            for order_id in (asked, other):
                await desk.sinks.first(OrderAccepted, order_id)
            body: dict[str, Any] = {
                "symbol": "BTCUSDT",
                "origClientOrderId": other,
                "orderId": int(desk.sinks.of(OrderAccepted, other)[0].venue_order_id),
                "orderListId": -1,
                "clientOrderId": "of-the-cancel",
                "transactTime": 1_507_725_176_595,
                "price": "49000.00000000",
                "origQty": "0.00100000",
                "executedQty": "0.00000000",
                "cummulativeQuoteQty": "0.00000000",
                "status": "CANCELED",
                "timeInForce": "GTC",
                "type": "LIMIT",
                "side": "BUY",
            }
            exchange.fault("answer", "order.cancel", status=200, body=json.dumps(body), content_type="application/json", when="before")
            desk.cancel(asked)
            assert (await desk.sinks.outcome(asked)).outcome is Outcome.FAILED
            assert desk.sinks.of(OrderCanceled, asked) == []
            await desk.venue.cancel_all(BTC)

    asyncio.run(scenario())


def test_a_snapshot_that_cannot_be_read_is_asked_for_again_ever_more_slowly(exchange: LocalExchange) -> None:
    """A price finer than the instrument's scale is said, costs a few requests, and is over when the venue mends it."""
    body = json.dumps({"lastUpdateId": 2**53, "bids": [["50000.123456", "1.0"]], "asks": [["50001.0", "1.0"]]})

    async def scenario() -> None:
        exchange.fault("answer", "depth", status=200, body=body, content_type="application/json", when="before", count=None)
        async with open_feed(exchange, {MarketKind.BOOK}, reconnect_wait=0.3) as (feed, sinks):
            await sinks.until(lambda: any("snapshot" in detail for _, _, detail in sinks.feeds))
            await asyncio.sleep(0.8)  # a book's deltas come ten times a second meanwhile
            assert 1 <= len(exchange.log("depth")) <= 4
            exchange.control("/faults", method="DELETE")
            await sinks.until(lambda: any(healthy for _, healthy, _ in sinks.feeds))
            assert feed.venue_id == "local"

    asyncio.run(scenario())


class DeafSinks(Sinks):
    """Fail once, when an instrument's data is said to be old."""

    def feed(self, instrument_id: str, healthy: bool, detail: str) -> None:
        """Fail, or keep what was said."""
        if "old" in detail and not any("old" in said for _, _, said in self.feeds):
            self.feeds.append((instrument_id, True, f"failed at: {detail}"))
            raise RuntimeError("nobody foresaw this")
        super().feed(instrument_id, healthy, detail)


def test_a_feed_whose_watch_failed_is_trusted_no_more(exchange: LocalExchange) -> None:
    """Nobody looks at the age of its data any longer, so it is unhealthy for good, and the failure is heard."""

    async def scenario() -> None:
        heard: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(str(context["exception"])))
        sinks = DeafSinks()
        feed = CcxtMarketFeed(exchange.endpoint(), settings=FeedSettings(stale_after=3.0))
        await feed.start([INSTRUMENT], [MarketKind.QUOTES], sinks)
        try:
            await sinks.until(lambda: sinks.feeds and sinks.feeds[-1][1])
            exchange.control("/faults", {"kind": "freeze", "sockets": "market", "answers": True})
            await sinks.until(lambda: sinks.feeds[-1] == (BTC, False, "a task of the feed failed: RuntimeError: nobody foresaw this"))
            assert heard == ["nobody foresaw this"]
        finally:
            await feed.stop()

    asyncio.run(scenario())


def test_an_id_like_ours_that_nobody_here_gave_out_is_somebody_elses(exchange: LocalExchange) -> None:
    """Heard first on the stream or in the history, it is told with its account, so that the account alone stops."""

    async def scenario() -> None:
        async with open_desk(exchange, recognises=lambda order_id: False) as desk, open_desk(exchange) as other:
            resting = other.rest()
            traded = other.submit(other.order(OrderType.MARKET, 500))
            await other.sinks.first(ExecutionReported, traded)

            def seen(order_id: str) -> list[ExternalOrderObserved]:
                return [one for one in desk.sinks.answers if isinstance(one, ExternalOrderObserved) and one.client_order_id == order_id]

            await desk.sinks.until(lambda: seen(resting) and seen(traded))
            assert seen(resting)[0].remaining == 100
            assert await desk.venue.scan_fills() > 0
            assert {one.account_id for one in seen(traded)} == {"account"}
            assert not [one for one in desk.sinks.answers if isinstance(one, OrderAccepted | ExecutionReported)]
            await other.venue.cancel_all(BTC)

    asyncio.run(scenario())


def test_an_execution_is_told_by_one_scan_and_never_again(exchange: LocalExchange) -> None:
    """An account may rest for days after it, and its order be forgotten meanwhile: told again, it would be nobody's."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            exchange.fault("lose_event", match={"event": "executionReport"}, count=None)  # the stream tells it too, whenever it likes
            traded = desk.submit(desk.order(OrderType.MARKET, 500))
            await desk.sinks.first(ExecutionReported, traded)
            assert await desk.venue.scan_fills() > 0
            told = len(desk.sinks.of(ExecutionReported, traded))
            for _ in range(4):
                assert await desk.venue.scan_fills() == 0
            assert len(desk.sinks.of(ExecutionReported, traded)) == told

    asyncio.run(scenario())


def test_what_a_stranger_traded_before_the_last_session_ended_is_no_news(exchange: LocalExchange) -> None:
    """An order that rests for days has the history read from its beginning: it shows executions of orders forgotten since."""

    async def scenario() -> None:
        async with open_desk(exchange) as other:
            traded = other.submit(other.order(OrderType.MARKET, 500))
            execution = await other.sinks.first(ExecutionReported, traded)
            later = execution.ts_event + 1
            async with open_desk(exchange, recognises=lambda order_id: False, strangers_since=later) as desk:
                await desk.venue.scan_fills()
                assert desk.sinks.answers == []
            async with open_desk(exchange, recognises=lambda order_id: False, strangers_since=execution.ts_event) as desk:
                await desk.venue.scan_fills()
                assert [one.client_order_id for one in desk.sinks.answers if isinstance(one, ExternalOrderObserved)] == [traded]

    asyncio.run(scenario())
