"""Measure what the adapter adds to a bare ccxt call, and whether a cancel waits behind questions, against the local exchange.

Both place the same resting order in turns, in one process, against one exchange; ccxt without its own limiter, as the adapter is without
it. The adapter's time runs from the engine's request to the moment at which its acceptance is handed on; the account's stream may say so
before the answer does, so the time at which both have said so is the one that is held to a bound. An order is canceled before the next.
"""

import asyncio
import json
import sys
import time
from statistics import median
from typing import Any

from ccxt.pro import binance  # noqa: TID251 - the bare call that the adapter is measured against
from loose_exchange import KEY, SECRET, started
from run_exchange import resting_price

from live.core.effects import CancelOrder, SubmitOrder
from live.core.inputs import EffectOutcome, MarketEvent, OrderAccepted, OrderCanceled
from live.core.instruments import Instrument
from live.core.vocabulary import OrderType, Outcome, Side, TimeInForce
from live.venues.ccxt_adapter import DIALECTS, CcxtTradingVenue, Credentials, Endpoint, TradingSettings
from live.venues.protocol import OpenGate, VenueAnswer
from live.venues.request_budget import BudgetLimits, RequestBudget

BTC = Instrument(instrument_id="local:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=5)
QUANTITY = 100
"""0.001 BTC, in quantity units."""
QUESTIONS = 28
"""Of which eight are under way at once, so that twenty wait."""
LIMITS = BudgetLimits(weight=10**9, orders=())


class Answers:
    """Tell who waits for an answer when it comes; market data nobody asked for does not come."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[type, str], list[asyncio.Future[float]]] = {}

    def expect(self, kind: type, order_id: str) -> asyncio.Future[float]:
        """Give the moment at which the next answer of a kind about an order will have come."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((kind, order_id), []).append(future)
        return future

    def market(self, event: MarketEvent) -> None:
        """Take a market event."""

    def feed(self, instrument_id: str, healthy: bool, detail: str) -> None:
        """Take the standing of a feed."""

    def refused(self, detail: str) -> None:
        """End the benchmark: the venue refuses the account."""
        raise RuntimeError(f"the venue refuses the account of the benchmark: {detail}")

    def answer(self, answer: VenueAnswer) -> None:
        """Take an answer."""
        now = time.perf_counter()
        if isinstance(answer, EffectOutcome) and answer.outcome is not Outcome.SENT:
            raise RuntimeError(f"a request of the benchmark failed: {answer}")
        waiting = self._waiting.get((type(answer), getattr(answer, "order_id", "")))
        if waiting:
            waiting.pop(0).set_result(now)


class Bench:
    """Place and cancel through the adapter, and through ccxt alone."""

    def __init__(self, venue: CcxtTradingVenue, answers: Answers, bare: Any, price: str) -> None:
        self._venue = venue
        self._answers = answers
        self._bare = bare
        self._price = price
        self._count = 0

    async def place(self) -> tuple[float, float, str]:
        """Place an order through the adapter; gives the seconds until it was first said to be accepted, until twice, and its id."""
        self._count += 1
        order_id = f"ILBENCH{self._count}"
        first, second = (self._answers.expect(OrderAccepted, order_id) for _ in range(2))
        order = SubmitOrder(
            order_id,
            "bench",
            "bench",
            BTC.instrument_id,
            Side.BUY,
            OrderType.LIMIT,
            TimeInForce.GOOD_TILL_CANCELED,
            QUANTITY,
            round(float(self._price) * 100),
        )
        before = time.perf_counter()
        self._venue.submit(order, time.time_ns())
        return await first - before, await second - before, order_id

    async def cancel(self, order_id: str) -> float:
        """Cancel an order through the adapter; gives the seconds until the cancel left."""
        left, done = self._answers.expect(EffectOutcome, order_id), self._answers.expect(OrderCanceled, order_id)
        before = time.perf_counter()
        self._venue.cancel(CancelOrder(order_id, "bench", BTC.instrument_id), time.time_ns())
        seconds = await left - before
        await done
        return seconds

    async def place_bare(self) -> float:
        """Place the same order through ccxt alone, and cancel it; gives the seconds that placing took."""
        before = time.perf_counter()
        placed = await self._bare.create_order("BTC/USDT", "limit", "buy", QUANTITY / 10**BTC.quantity_scale, float(self._price))
        seconds = time.perf_counter() - before
        await self._bare.cancel_order(placed["id"], "BTC/USDT")
        return seconds

    async def cancel_behind_questions(self) -> tuple[float, float, int]:
        """Cancel while questions wait; gives the seconds until it left and until all were answered, and how many were when it left."""
        _, _, order_id = await self.place()
        answered: list[float] = []

        async def ask() -> None:
            await self._venue.open_orders()
            answered.append(time.perf_counter())

        before = time.perf_counter()
        questions = [asyncio.create_task(ask()) for _ in range(QUESTIONS)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        left = self._answers.expect(EffectOutcome, order_id)
        asked = time.perf_counter()
        self._venue.cancel(CancelOrder(order_id, "bench", BTC.instrument_id), time.time_ns())
        left_at = await left
        await asyncio.gather(*questions)
        return left_at - asked, answered[-1] - before, sum(at < left_at for at in answered)


async def measure(orders: int) -> dict[str, Any]:
    """Measure so many orders each way."""
    with started("exchange") as exchange:
        price = await resting_price(exchange.http)
        dialect, answers = DIALECTS["binance"], Answers()
        endpoint = Endpoint(venue_id="local", dialect=dialect, http=exchange.http, web_socket=exchange.web_socket, receive_window=60_000)
        venue = CcxtTradingVenue(
            endpoint,
            Credentials("bench", KEY, SECRET),
            OpenGate(),
            history_since=time.time_ns(),
            settings=TradingSettings(scan_interval=3_600.0),
            budget=RequestBudget(LIMITS),
        )
        bare = binance({"apiKey": KEY, "secret": SECRET, "enableRateLimit": False, "options": dialect.options | {"recvWindow": 60_000}})
        bare.urls["api"] |= {name: exchange.http + path for name, path in dialect.rest_urls.items()}
        await bare.load_markets()
        await venue.start([BTC], answers)
        try:
            return await _measure(Bench(venue, answers, bare, price), orders)
        finally:
            await venue.stop()
            await bare.close()


async def _measure(bench: Bench, orders: int) -> dict[str, Any]:
    times: dict[str, list[float]] = {"bare": [], "first": [], "both": [], "cancel": []}
    for number in range(-5, orders):  # the first few open connections
        bare = await bench.place_bare()
        first, both, order_id = await bench.place()
        cancel = await bench.cancel(order_id)
        if number >= 0:
            for name, seconds in zip(times, (bare, first, both, cancel), strict=True):
                times[name].append(seconds)
    behind = [await bench.cancel_behind_questions() for _ in range(max(5, orders // 20))]
    return {
        "events": orders,
        "bare_p50_ms": 1_000 * median(times["bare"]),
        "adapter_first_p50_ms": 1_000 * median(times["first"]),
        "adapter_p50_ms": 1_000 * median(times["both"]),
        "cancel_alone_p50_ms": 1_000 * median(times["cancel"]),
        "cancel_behind_p50_ms": 1_000 * median(left for left, _, _ in behind),
        "questions_p50_ms": 1_000 * median(all_answered for _, all_answered, _ in behind),
        "most_answered_before_the_cancel": max(answered for _, _, answered in behind),
    }


def main() -> None:
    """Measure with so many orders, and print one line; nothing is written."""
    print(json.dumps({"engine": "interlock", "work": "adapter", **asyncio.run(measure(int(sys.argv[2])))}))


if __name__ == "__main__":
    main()
