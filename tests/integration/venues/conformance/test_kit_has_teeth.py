"""The kit has teeth: an adapter that is wrong in one way fails the case that is about it, and the shipped one passes it.

Each is the shipped adapter with one change of the kind that adapters have been found with.
"""

import asyncio
import secrets
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from adapter_maker import Maker

from live.core.inputs import EffectOutcome, ExternalOrderObserved, OrderRejected
from live.core.vocabulary import EffectAction, Outcome
from live.venues.ccxt_adapter import CcxtMarketFeed, CcxtTradingVenue
from live.venues.ccxt_adapter.calls import CallFailedError
from live.venues.conformance import bench as bench_module
from live.venues.conformance.bench import Bench
from live.venues.conformance.kit import CaseRun, open_bench, run_cases
from live.venues.conformance.relay import Relay
from live.venues.conformance.wires import BINANCE
from live.venues.taxonomy import Becomes


class ResendsBlindly(CcxtTradingVenue):
    """Send an order again when its answer does not come."""

    async def _submit(self, running: Any, order: Any, now: int) -> None:
        await super()._submit(running, order, now)
        if any(isinstance(one, EffectOutcome) and one.outcome is Outcome.FAILED for one in running.sinks.of(EffectOutcome, order.order_id)):
            await super()._submit(running, order, now)


class TakesSilenceForRefusal(CcxtTradingVenue):
    """Call an order rejected when its answer does not come."""

    def _fail(self, order_id: str, action: EffectAction, call: Any, error: BaseException) -> Becomes:
        self._started().sinks.answer(OrderRejected(0, 1, order_id, f"REJECTED_BUSINESS: {error}"))
        return Becomes.REJECTED


class AsksNoGate(CcxtTradingVenue):
    """Let requests leave without a look at the gate."""

    def _leave(self, request: Any, action: EffectAction, now: int) -> None:
        self._started().sinks.answer(EffectOutcome(0, request.order_id, action, Outcome.SENT, ""))


class ShowsNothingOpenInSilence(CcxtTradingVenue):
    """Say that nothing is open when nobody answered."""

    async def open_orders(self) -> Any:
        """List nothing where nothing came."""
        try:
            return await super().open_orders()
        except CallFailedError:
            return ()


class ReadsNoHistory(CcxtTradingVenue):
    """Trust the stream alone."""

    async def scan_fills(self) -> int:
        """Read nothing."""
        return 0


class BelievesItsOwnClock(CcxtTradingVenue):
    """Measure the venue's clock, and go on stamping by its own."""

    async def sample_clock(self) -> Any:
        """Measure, and forget."""
        sample = await super().sample_clock()
        self._clock.offset = 0
        return sample


class CallsStrangersOrdersItsOwn(CcxtTradingVenue):
    """Report an order under any id as one of ours."""

    def _on_message(self, socket: Any, message: Any) -> bool:
        sinks = self._started().sinks
        kept, said = sinks.answer, lambda answer: None
        sinks.answer = lambda answer: said(answer) if isinstance(answer, ExternalOrderObserved) else kept(answer)
        try:
            return super()._on_message(socket, message)
        finally:
            del sinks.answer


class ForgetsWhatWasUnderWay(CcxtTradingVenue):
    """Stop without a word about requests that had left."""

    def _fail(self, order_id: str, action: EffectAction, call: Any, error: BaseException) -> Becomes:
        return Becomes.UNKNOWN if isinstance(error, asyncio.CancelledError) else super()._fail(order_id, action, call, error)


class ForgivesRateLimits(CcxtTradingVenue):
    """Go on as if no limit had been met."""

    async def start(self, instruments: Any, sinks: Any) -> None:
        """Start without brakes."""
        self._queue.freeze = lambda retry_after, *, banned: None  # type: ignore[method-assign]
        await super().start(instruments, sinks)


class StampsTheLoopsTime(CcxtTradingVenue):
    """Stamp what it hands on, which is the loop's to do."""

    async def start(self, instruments: Any, sinks: Any) -> None:
        """Start, and stamp something."""
        await super().start(instruments, sinks)
        sinks.answer(EffectOutcome(1, "ILNOBODY", EffectAction.CANCEL, Outcome.SENT, ""))


class TrustsPongs(CcxtMarketFeed):
    """Hold a feed to be healthy as long as its socket is open."""

    def _judge(self, watched: Any) -> None:
        for kind in watched.newest:
            watched.newest[kind] = self._clock.now() // 1_000_000
        super()._judge(watched)


WRONG = [
    (ResendsBlindly, "AC-26"),
    (ResendsBlindly, "AC-27"),
    (TakesSilenceForRefusal, "AC-23"),
    (TakesSilenceForRefusal, "AC-24"),
    (TakesSilenceForRefusal, "AC-25"),
    (AsksNoGate, "AC-18"),
    (ShowsNothingOpenInSilence, "AC-20"),
    (ReadsNoHistory, "AC-33"),
    (BelievesItsOwnClock, "AC-22"),
    (CallsStrangersOrdersItsOwn, "AC-19"),
    (ForgetsWhatWasUnderWay, "AC-32"),
    (ForgivesRateLimits, "AC-29"),
    (ForgivesRateLimits, "AC-30"),
    (StampsTheLoopsTime, "AC-04"),
]


@pytest.fixture(scope="module")
def opened(listening: dict[str, str]) -> Bench:
    """Look once what is traded and at which price; asking each time would use the exchange's request limit up."""

    async def look() -> Bench:
        async with open_bench(Maker(), "binance", listening["http"], listening["web_socket"], "local:BTCUSDT", "A" * 8) as bench:
            return bench

    return asyncio.run(look())


def run_one(opened: Bench, listening: dict[str, str], maker: Maker, case: str) -> CaseRun:
    """Run one case."""

    async def scenario() -> CaseRun:
        async with Relay(listening["http"], listening["web_socket"]) as relay:
            bench = replace(opened, maker=maker, relay=relay, nonce=secrets.token_hex(4).upper(), shared=None)
            try:
                (run,) = await run_cases(bench, lambda run: None, (case,))
            finally:
                if bench.shared is not None:
                    await bench.shared.venue.stop()
            return run

    return asyncio.run(scenario())


def test_the_relay_reaches_requests_over_sockets_at_an_address_of_their_own(listening: dict[str, str]) -> None:
    """The kit runs at venues that have two."""

    async def scenario() -> Any:
        nobody = "ws://127.0.0.1:9"
        async with (
            Relay(listening["http"], nobody, {BINANCE.socket_requests: listening["web_socket"]}) as relay,
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{relay.web_socket}/ws-api/v3") as socket,
        ):
            await socket.send_json({"id": 1, "method": "ping"})
            return await socket.receive_json(timeout=10)

    assert asyncio.run(scenario())["status"] == 200


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_module, "PATIENCE", 3.0)


@pytest.mark.parametrize(("wrong", "case"), WRONG, ids=[f"{wrong.__name__}-{case}" for wrong, case in WRONG])
def test_an_adapter_that_is_wrong_in_one_way_fails_the_case_about_it(
    opened: Bench, listening: dict[str, str], wrong: type[CcxtTradingVenue], case: str
) -> None:
    """That the shipped adapter passes the same case, the whole kit's run shows."""
    run = run_one(opened, listening, Maker(trading=wrong), case)
    assert run.outcome == "failed", run
    assert run.detail


def test_a_feed_that_trusts_pongs_fails_the_case_of_the_frozen_feed(opened: Bench, listening: dict[str, str]) -> None:
    """Its sockets answer, its data is old, and nobody is told."""
    run = run_one(opened, listening, Maker(feed=TrustsPongs), "AC-39")
    assert run.outcome == "failed"
    assert "an unhealthy feed" in run.detail
