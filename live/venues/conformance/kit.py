"""Kit: runs the cases one after the other against one adapter at one address, and says what became of each."""

import time
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

import msgspec

from live.core.errors import InterlockError
from live.core.instruments import Instrument
from live.core.vocabulary import Side
from live.venues.conformance import failure_cases, feed_cases, order_cases, question_cases, stream_cases
from live.venues.conformance.bench import AdapterMaker, Bench, BenchError, KeptSinks, NotingGate, resting_price_of, size_of
from live.venues.conformance.cases import CASES, Case
from live.venues.conformance.relay import Relay
from live.venues.conformance.verdict import CaseSkippedError, expect
from live.venues.conformance.wires import WIRES
from live.venues.protocol import MarketFeed, TradingVenue

_MODULES = (question_cases, order_cases, failure_cases, stream_cases, feed_cases)
"""Imported so that their cases are there."""
assert all(module.__name__ for module in _MODULES)

ORDERS_AT_ONCE = 8
"""An account has to afford so many of the kit's orders."""


Outcome = Literal["passed", "failed", "skipped"]


class CaseRun(msgspec.Struct, frozen=True):
    """Hold what became of a case.

    Attributes:
        case: the case.
        outcome: `passed`, `failed` or `skipped`.
        detail: why it failed or was skipped, empty when it passed.
        milliseconds: how long it took.
    """

    case: Case
    outcome: Outcome
    detail: str
    milliseconds: int


OnCase = Callable[[CaseRun], None]
"""Told of every case as it ends."""


@asynccontextmanager
async def open_bench(
    maker: AdapterMaker, dialect: str, http: str, web_socket: str, instrument_id: str, nonce: str, *, web_socket_api: str = ""
) -> AsyncGenerator[Bench]:
    """Prepare a bench at an address: find the instrument, a price at which an order rests, and a size that the venue takes.

    Sockets for requests have an address of their own at some venues; the relay has one for all.

    Raises:
        BenchError: the account has open orders, too little to trade with, or the instrument is not listed.
        VenueCallError: the venue did not answer.
    """
    if dialect not in WIRES:
        raise BenchError(f"the kit does not know how requests of dialect {dialect} look: it knows {', '.join(sorted(WIRES))}")
    async with AsyncExitStack() as held:
        elsewhere = {WIRES[dialect].socket_requests: web_socket_api} if web_socket_api else {}
        relay = await held.enter_async_context(Relay(http, web_socket, elsewhere))
        began_at = time.time_ns()
        venue = maker.trading(relay.http, relay.web_socket, NotingGate())
        await venue.start([], KeptSinks())
        try:
            instrument = await _instrument(venue, instrument_id)
            last = await _last_price(maker.feed(relay.http, relay.web_socket), instrument)
            resting = resting_price_of(instrument, last)
            bench = Bench(maker, relay, WIRES[dialect], instrument, size_of(instrument, resting), resting, last, began_at, nonce)
            await _check_account(venue, bench)
        finally:
            await venue.stop()
        try:
            yield bench
        finally:
            if bench.shared is not None:
                await bench.shared.venue.stop()


async def run_cases(bench: Bench, on_case: OnCase, only: Collection[str] = ()) -> list[CaseRun]:
    """Run every case, or only some; gives what became of them in the order of their numbers.

    A feed asks with the lowest priority and may use half of a venue's limit, so its cases come before others have used that up.
    """
    runs: list[CaseRun] = []
    for number in sorted(CASES, key=lambda one: (CASES[one].function.__module__ != feed_cases.__name__, one)):
        if not only or number in only:
            bench.relay.mend()
            runs.append(await _run(CASES[number], bench))
            on_case(runs[-1])
    return sorted(runs, key=lambda run: run.case.number)


async def sell_back(bench: Bench) -> int:
    """Sell what the cases bought, as far as the venue takes it, and give how many quantity units that were.

    Raises:
        CaseFailedError: an order of the cases is still open, or the venue did not sell it.
        VenueCallError: the venue did not answer.
    """
    instrument = bench.instrument
    async with bench.desk() as desk:
        left = await desk.open_ids()
        expect(not left, f"after the cases no open order was expected, received {', '.join(left)}")
        trades = await desk.venue.trades_since(instrument.instrument_id, since=bench.began_at)
        mine = [one for one in trades if one.order_id.startswith(bench.prefix)]
        held = sum(instrument.base_amount(one.quantity) * (1 if one.side is Side.BUY else -1) for one in mine)
        held -= sum(one.fee for one in mine if one.fee_asset == instrument.base)
        free = {one.asset: one.free for one in await desk.venue.balances()}.get(instrument.base, 0)
        whole = instrument.base_amount(instrument.lot_size)
        quantity = max(0, min(held, free)) // whole * instrument.lot_size
        if quantity >= bench.quantity:
            await desk.trade(Side.SELL, quantity)
            return quantity
        return 0


async def _run(case: Case, bench: Bench) -> CaseRun:
    started = time.monotonic_ns()
    outcome: Outcome = "passed"
    detail = ""
    try:
        await case.function(bench)
    except CaseSkippedError as error:
        outcome, detail = "skipped", str(error)
    except InterlockError as error:
        outcome, detail = "failed", str(error)
    except Exception as error:  # noqa: BLE001 - whatever an adapter raises, the case has failed and the others still say something
        outcome, detail = "failed", f"{type(error).__name__}: {error}"
    return CaseRun(case, outcome, detail, (time.monotonic_ns() - started) // 1_000_000)


async def _instrument(venue: TradingVenue, instrument_id: str) -> Instrument:
    listed = {one.instrument_id: one for one in await venue.instruments()}
    if instrument_id not in listed:
        raise BenchError(f"{venue.venue_id} does not list {instrument_id}: it lists {', '.join(sorted(listed)[:10])}")
    return listed[instrument_id]


async def _last_price(feed: MarketFeed, instrument: Instrument) -> int:
    bars = await feed.history(instrument, 5)
    if not bars:
        raise BenchError(f"{instrument.instrument_id} has no bar of the last minutes, so nobody knows its price: choose another instrument")
    return bars[-1].close


async def _check_account(venue: TradingVenue, bench: Bench) -> None:
    """Refuse an account that has open orders, which the kit would cancel, or too little to trade with."""
    open_orders = await venue.open_orders()
    if open_orders:
        raise BenchError(
            f"{venue.account_id} has {len(open_orders)} open orders, which the kit would cancel: cancel them, or use another account"
        )
    instrument = bench.instrument
    needed = ORDERS_AT_ONCE * instrument.notional(bench.last_price, bench.quantity)
    free = {one.asset: one.free for one in await venue.balances()}.get(instrument.quote, 0)
    if free < needed:
        raise BenchError(f"{venue.account_id} has {free} units of 10**-8 {instrument.quote} free, and the kit needs {needed}: fund it")
