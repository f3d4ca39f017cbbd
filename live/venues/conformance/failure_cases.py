"""Cases of failures: what an order or a cancel becomes when its answer does not come, or says nothing."""

import asyncio
import time
from typing import Any

from live.core.inputs import EffectOutcome, OrderAccepted, OrderCanceled, OrderObserved, OrderRejected
from live.core.vocabulary import EffectAction, OrderType, Outcome
from live.venues.conformance.bench import Bench, Desk
from live.venues.conformance.cases import case
from live.venues.conformance.relay import Answer
from live.venues.conformance.verdict import expect
from live.venues.conformance.wires import Matcher, is_placing
from live.venues.errors import VenueCallError
from live.venues.taxonomy import FailureClass

HTML = Answer(502, "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", "text/html")
CUT_OFF = Answer(200, '{"symbol":"BTCUSDT","orderId":')
EMPTY = Answer(200, "")
AT_ONCE = 0.5
"""Within so many seconds a cancel behind slow questions has to leave: they take longer."""
POLLS = 20


@case("AC-23", "An acknowledgement that is lost leaves the order unknown; the question finds it, and it was sent once.")
async def lost_answer(bench: Bench) -> None:
    """Show what a lost answer does."""
    await _unknown_but_placed(bench, answer=None)


@case("AC-24", "A 5xx says nothing of the order, whatever its body: it stays unknown until the question finds it.")
async def server_error(bench: Bench) -> None:
    """Show what a 5xx does."""
    await _unknown_but_placed(bench, answer=HTML)


@case("AC-25", "A 200 with a body that is cut off or empty leaves the order unknown until the question finds it.")
async def bad_body(bench: Bench) -> None:
    """Show what a body does that nobody can read."""
    await _unknown_but_placed(bench, answer=CUT_OFF)
    await _unknown_but_placed(bench, answer=EMPTY)


@case("AC-26", "An order whose request breaks off on its way is unknown, not rejected; it is not sent again, and the witnesses deny it.")
async def lost_request(bench: Bench) -> None:
    """Show what a lost request does."""
    async with bench.desk() as desk:
        order = desk.order()
        bench.befall(is_placing(desk.wire), reaches=False)
        desk.submit(order)
        await _is_unknown(desk, order.order_id)
        desk.query(order.order_id)
        denied = await desk.sinks.first(OrderObserved, order.order_id)
        expect(not denied.found, f"an order that never arrived was to be denied, received {denied!r}")
        expect(desk.placings(order.order_id) == 1, f"one request was expected, {desk.placings(order.order_id)} were on their way")


@case("AC-27", "A market order whose acknowledgement is lost is found with all its executions, and bought once.")
async def lost_trade(bench: Bench) -> None:
    """Show what a lost answer to an order does that filled at once."""
    async with bench.desk() as desk:
        desk.relay.copies = lambda frame: 0 if desk.wire.execution in frame else 1
        order = desk.order(OrderType.MARKET)
        bench.befall(is_placing(desk.wire))
        desk.submit(order)
        await _is_unknown(desk, order.order_id)
        desk.query(order.order_id)
        await desk.sinks.until(
            lambda: sum(one.quantity for one in desk.sinks.executions(order.order_id).values()) == order.quantity,
            f"executions of all of {order.order_id}",
        )
        bought = sum(one.quantity for one in await desk.history(order.order_id))
        expect(bought == order.quantity, f"the venue was to have {order.quantity} units bought, it has {bought}")


@case("AC-28", "A cancel whose acknowledgement is lost is unknown, and the order's end comes from the stream or by a question.")
async def lost_cancel(bench: Bench) -> None:
    """Show what a lost answer to a cancel does."""
    async with bench.desk() as desk:
        order_id = await desk.rest()
        bench.befall(Matcher(*desk.wire.cancel), answer=desk.wire.failed)
        desk.cancel(order_id)
        ended = await desk.sinks.ended(order_id, EffectAction.CANCEL)
        expect(ended.outcome is Outcome.FAILED, f"FAILED was expected, received {ended!r}")
        desk.query(order_id)
        await desk.sinks.first(OrderCanceled, order_id)


@case(
    "AC-29",
    "Too many requests reject the order, which is held to be known; for as long as the venue says no other order leaves, cancels do.",
)
async def rate_limit(bench: Bench) -> None:
    """Show what a rate limit does."""
    async with bench.new_desk() as desk:
        resting = await desk.rest()
        bench.befall(is_placing(desk.wire), reaches=False, answer=desk.wire.rate_limited)
        refused_at = time.monotonic()
        rejected = await desk.sinks.first(OrderRejected, desk.submit(desk.order()))
        expect(rejected.reason.startswith(FailureClass.REJECTED_RATE), f"REJECTED_RATE was expected, received {rejected.reason!r}")
        later = desk.submit(desk.order())
        desk.cancel(resting)
        await desk.sinks.first(OrderCanceled, resting)
        canceled_at = next(one.at for one in desk.relay.passed if Matcher(*desk.wire.cancel)(one))
        expect(canceled_at - refused_at < 1.0, f"a cancel was to leave at once, it left after {canceled_at - refused_at:.2f} s")
        settled = (OrderAccepted, EffectOutcome)  # it leaves once it may, or is given up unsent for having waited too long
        await desk.sinks.until(lambda: len([one for kind in settled for one in desk.sinks.of(kind, later)]) > 0, f"what became of {later}")
        early = [one.at - refused_at for one in desk.relay.passed if is_placing(desk.wire, later)(one) and one.at - refused_at < 0.9]
        expect(not early, f"no order was to leave for 1 s, one left after {early}")


@case("AC-30", "A ban holds everything back for as long as the venue says, cancels too: every request would make it longer.")
async def ban(bench: Bench) -> None:
    """Show what a ban does."""
    async with bench.new_desk() as desk:
        resting = await desk.rest()
        bench.befall(is_placing(desk.wire), reaches=False, answer=desk.wire.banned)
        await desk.sinks.first(OrderRejected, desk.submit(desk.order()))
        banned_at, known = time.monotonic(), len(desk.relay.passed)
        desk.cancel(resting)
        await desk.sinks.first(OrderCanceled, resting)
        early = [one.path for one in desk.relay.passed[known:] if one.at - banned_at < 0.8]
        expect(not early, f"nothing was to leave for 1 s, received {early}")


@case("AC-31", "A cancel behind slow questions leaves at once.")
async def priority(bench: Bench) -> None:
    """Show what goes first."""
    async with bench.desk() as desk:
        order_id = await desk.rest()
        bench.befall(Matcher(*desk.wire.balances), delay=2 * AT_ONCE, keeps_answer=True, count=None)
        polls = [asyncio.create_task(desk.venue.balances()) for _ in range(POLLS)]
        await asyncio.sleep(0.05)
        asked_at = time.monotonic()
        desk.cancel(order_id)
        await desk.sinks.first(OrderCanceled, order_id)
        left_at = next(one.at for one in desk.relay.passed if Matcher(*desk.wire.cancel)(one))
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
        expect(left_at - asked_at < AT_ONCE, f"it was to leave at once behind {POLLS} questions, it left after {left_at - asked_at:.2f} s")


@case("AC-32", "What is under way when the adapter stops is unknown, not forgotten.")
async def stop(bench: Bench) -> None:
    """Show what a stop does to a request."""
    async with bench.new_desk() as desk:
        bench.befall(is_placing(desk.wire), delay=0.5, keeps_answer=True)
        order_id = desk.submit(desk.order())
        await desk.sinks.first(EffectOutcome, order_id)
        await asyncio.sleep(0.1)
        await desk.venue.stop()
        outcomes = [one.outcome for one in desk.sinks.of(EffectOutcome, order_id)]
        await asyncio.sleep(0.7)  # the order lands after the stop, and has to be taken off the book again
        await desk.venue.start([desk.instrument], desk.sinks)
        expect(outcomes == [Outcome.SENT, Outcome.FAILED], f"SENT and FAILED were expected, received {outcomes}")


async def _unknown_but_placed(bench: Bench, **how: Any) -> None:
    """Place an order whose answer says nothing, and find it."""
    async with bench.desk() as desk:
        order = desk.order()
        bench.befall(is_placing(desk.wire), **how)
        desk.submit(order)
        await _is_unknown(desk, order.order_id)
        desk.query(order.order_id)
        observed = await desk.sinks.first(OrderObserved, order.order_id)
        expect(observed.found, f"{order.order_id} rests at the venue, received {observed!r}")
        await desk.sinks.first(OrderAccepted, order.order_id)
        expect(desk.placings(order.order_id) == 1, f"one request was expected, {desk.placings(order.order_id)} were on their way")
        try:
            open_ids = await desk.open_ids()
        except VenueCallError as error:
            open_ids = [str(error)]
        expect(open_ids == [order.order_id], f"one open order was expected, received {open_ids}")


async def _is_unknown(desk: Desk, order_id: str) -> None:
    ended = await desk.sinks.ended(order_id)
    expect(ended.outcome is Outcome.FAILED, f"FAILED, which is unknown, was expected, received {ended!r}")
    rejected = desk.sinks.of(OrderRejected, order_id)
    expect(not rejected, f"nobody knows what became of {order_id}, received {rejected!r}")
