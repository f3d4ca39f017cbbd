"""Cases of orders: what becomes of one when nothing breaks."""

from dataclasses import replace

import msgspec

from live.core.decimals import MONEY_SCALE
from live.core.inputs import (
    CancelRejected,
    EffectOutcome,
    ExternalOrderObserved,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderObserved,
    OrderRejected,
)
from live.core.reconciliation import WITNESSES
from live.core.vocabulary import EffectAction, OrderType, Outcome, Side, TimeInForce
from live.venues.conformance.bench import Bench, Desk
from live.venues.conformance.cases import case
from live.venues.conformance.verdict import CaseSkippedError, expect
from live.venues.taxonomy import FailureClass

_A_MINUTE = 60_000_000_000


@case("AC-04", "An order that rests is accepted once under our id, and the open orders show it as it was sent.")
async def rest(bench: Bench) -> None:
    """Show how an order comes to rest."""
    async with bench.desk() as desk:
        order = desk.order()
        desk.submit(order)
        accepted = await desk.sinks.first(OrderAccepted, order.order_id)
        shown = [one for one in await desk.venue.open_orders() if one.order_id == order.order_id]
        received = [
            (one.instrument_id, one.venue_order_id, one.side, one.quantity, one.executed_quantity, one.limit_price) for one in shown
        ]
        sent = [(order.instrument_id, accepted.venue_order_id, order.side, order.quantity, 0, order.limit_price)]
        expect(received == sent, f"the open orders were to show {sent}, received {received}")
        outcomes = [one.outcome for one in desk.sinks.of(EffectOutcome, order.order_id)]
        expect(outcomes == [Outcome.SENT], f"SENT once was expected, received {outcomes}")
        expect(desk.placings(order.order_id) == 1, f"one request was expected, {desk.placings(order.order_id)} were on their way")


@case("AC-05", "A cancel takes an order off the book, and says that nothing of it had traded.")
async def cancel(bench: Bench) -> None:
    """Show how an order is canceled."""
    async with bench.desk() as desk:
        order_id = await desk.rest()
        desk.cancel(order_id)
        ended = await desk.sinks.first(OrderCanceled, order_id)
        expect(ended.executed_quantity == 0, f"an executed quantity of 0 was expected, received {ended.executed_quantity}")
        expect(not await desk.found(order_id), f"{order_id} was canceled, and the open orders still show it")


@case("AC-06", "A market order's executions add up to it, and answer, stream and trade history tell them alike to the last digit.")
async def trade(bench: Bench) -> None:
    """Show how an order trades."""
    async with bench.desk() as desk:
        order_id = await desk.trade()
        told = desk.sinks.executions(order_id)
        total = sum(one.quantity for one in told.values())
        expect(total == bench.quantity, f"executions of {bench.quantity} units were expected, received {total}")
        kept = {
            (one.trade_id, one.venue_order_id): (one.price, one.quantity, one.fee, one.fee_asset, one.liquidity)
            for one in await desk.history(order_id)
        }
        said = {key: (one.price, one.quantity, one.fee, one.fee_asset, one.liquidity) for key, one in told.items()}
        expect(kept == said, f"the trade history was to show {said}, received {kept}")
        expect(not await desk.found(order_id), f"{order_id} has filled, and the open orders still show it")


@case("AC-07", "Balances move by exactly what the executions say, fees included.")
async def balances(bench: Bench) -> None:
    """Show that balances and executions agree."""
    async with bench.desk() as desk:
        before = {one.asset: one.total for one in await desk.venue.balances()}
        executions = desk.sinks.executions(await desk.trade(Side.BUY)).values()
        after = {one.asset: one.total for one in await desk.venue.balances()}
        instrument = desk.instrument
        moved = {
            instrument.base: sum(instrument.base_amount(one.quantity) for one in executions),
            instrument.quote: -sum(instrument.notional(one.price, one.quantity) for one in executions),
        }
        for one in executions:
            moved[one.fee_asset] = moved.get(one.fee_asset, 0) - one.fee
        received = {asset: after.get(asset, 0) - before.get(asset, 0) for asset in moved}
        expect(received == moved, f"balances were to move by {moved} (10**-{MONEY_SCALE}), received {received}")


@case("AC-08", "A post-only order that would trade at once is rejected, and leaves nothing behind.")
async def post_only(bench: Bench) -> None:
    """Show that a post-only order never takes."""
    async with bench.desk() as desk:
        price = bench.last_price * 11 // 10 // desk.instrument.tick_size * desk.instrument.tick_size
        order_id = desk.submit(desk.order(OrderType.LIMIT_MAKER, price=price))
        await desk.sinks.first(OrderRejected, order_id)
        await _leaves_nothing(desk, order_id)


@case("AC-09", "A price and a quantity leave as they were decided: what is finer than the venue's steps is rejected, never rounded.")
async def steps(bench: Bench) -> None:
    """Show that numbers are not rounded on the way."""
    finer = _finer(bench)
    async with finer.new_desk() as desk:
        for order in (desk.order(price=finer.resting_price + 1), desk.order(quantity=finer.quantity + 1)):
            desk.submit(order)
            await desk.sinks.first(OrderRejected, order.order_id)
            await _leaves_nothing(desk, order.order_id)


def _finer(bench: Bench) -> Bench:
    """Write the same instrument on scales that are ten times finer than the venue's steps."""
    instrument = msgspec.structs.replace(
        bench.instrument,
        price_scale=bench.instrument.price_scale + 1,
        quantity_scale=bench.instrument.quantity_scale + 1,
        tick_size=bench.instrument.tick_size * 10,
        lot_size=bench.instrument.lot_size * 10,
        minimum_quantity=bench.instrument.minimum_quantity * 10,
        maximum_quantity=min(bench.instrument.maximum_quantity * 10, 2**61),
    )
    return replace(
        bench,
        instrument=instrument,
        quantity=bench.quantity * 10,
        resting_price=bench.resting_price * 10,
        last_price=bench.last_price * 10,
    )


@case("AC-10", "An order beyond the account's means is rejected for that.")
async def funds(bench: Bench) -> None:
    """Show what an order without funds becomes."""
    async with bench.desk() as desk:
        held = {one.asset: one.free for one in await desk.venue.balances()}.get(desk.instrument.quote, 0)
        instrument, price = desk.instrument, bench.resting_price
        quantity = instrument.quantity_worth(held * 2, price) // instrument.lot_size * instrument.lot_size + bench.quantity
        if quantity > instrument.maximum_quantity:
            raise CaseSkippedError(f"the account's {instrument.quote} are worth more than the largest order of {instrument.instrument_id}")
        order_id = desk.submit(desk.order(quantity=quantity))
        rejected = await desk.sinks.first(OrderRejected, order_id)
        _expect_class(rejected.reason, FailureClass.REJECTED_FUNDS)
        await _leaves_nothing(desk, order_id)


@case("AC-11", "An order that must fill at once and cannot, expires with nothing executed.")
async def fill_or_kill(bench: Bench) -> None:
    """Show how an order expires."""
    async with bench.desk() as desk:
        order_id = desk.submit(desk.order(time_in_force=TimeInForce.FILL_OR_KILL))
        ended = await desk.sinks.first(OrderExpired, order_id)
        expect(ended.executed_quantity == 0, f"an executed quantity of 0 was expected, received {ended.executed_quantity}")
        await _leaves_nothing(desk, order_id)


@case("AC-12", "An order of a form that the venue does not have never leaves.")
async def form(bench: Bench) -> None:
    """Show that capabilities are looked at before anything leaves."""
    async with bench.desk() as desk:
        capabilities = desk.venue.capabilities
        order = desk.order(order_id="IL" + "X" * capabilities.client_id_length)
        desk.submit(order)
        ended = await desk.sinks.ended(order.order_id)
        expect(ended.outcome is Outcome.REFUSED, f"REFUSED was expected, received {ended!r}")
        expect(desk.placings(order.order_id) == 0, "an order with an id that is too long was on its way")


@case("AC-13", "A cancel of an order that has ended is refused, and ends nothing.")
async def late_cancel(bench: Bench) -> None:
    """Show what a cancel becomes that comes too late."""
    async with bench.desk() as desk:
        order_id = await desk.trade()
        desk.cancel(order_id)
        refused = await desk.sinks.first(CancelRejected, order_id)
        _expect_class(refused.reason, FailureClass.CANCEL_TOO_LATE)
        ends = [one for one in desk.sinks.answers if isinstance(one, (OrderCanceled, OrderExpired)) and one.order_id == order_id]
        expect(not ends, f"{order_id} has filled, received {ends!r}")


@case("AC-14", "One request takes every order of an instrument off the book, and when there is none that is no error.")
async def cancel_all(bench: Bench) -> None:
    """Show how everything is canceled."""
    async with bench.desk() as desk:
        if not desk.venue.capabilities.cancel_all:
            raise CaseSkippedError("the venue cancels order by order")
        order_ids = [await desk.rest(), await desk.rest()]
        await desk.venue.cancel_all(desk.instrument.instrument_id)
        for order_id in order_ids:
            await desk.sinks.first(OrderCanceled, order_id)
        open_ids = await desk.open_ids()
        expect(not open_ids, f"no open order was expected, received {', '.join(open_ids)}")
        await desk.venue.cancel_all(desk.instrument.instrument_id)


@case("AC-15", "A question about an order that rests finds it working; one about an order that filled brings its executions.")
async def question(bench: Bench) -> None:
    """Show what a question brings."""
    async with bench.desk() as desk:
        resting = await desk.rest()
        desk.query(resting)
        observed = await desk.sinks.first(OrderObserved, resting)
        expect(observed.found, f"{resting} rests, received {observed!r}")
        filled = await desk.trade()
        told = len(desk.sinks.answers)
        desk.query(filled)
        await desk.sinks.until(
            lambda: any(getattr(one, "order_id", "") == filled for one in desk.sinks.answers[told:]), f"executions of {filled}"
        )
        denials = [one for one in desk.sinks.of(OrderObserved, filled) if not one.found]
        expect(not denials, f"{filled} has filled, received {denials!r}")


@case(
    "AC-16",
    "An order that never was is denied by every witness in turn, each with the venue's time, and none of it counts before the fence.",
)
async def denial(bench: Bench) -> None:
    """Show what a question about nothing brings."""
    async with bench.desk() as desk:
        order_id = bench.new_id()
        desk.query(order_id)
        seen = await desk.sinks.until(
            lambda: found if len(found := desk.sinks.of(OrderObserved, order_id)) >= len(WITNESSES) else None, "a denial of every witness"
        )
        endpoints = tuple(one.endpoint for one in seen)
        expect(endpoints == WITNESSES, f"denials of {WITNESSES} in that order were expected, received {endpoints}")
        expect(not any(one.found for one in seen), f"{order_id} never was, received {seen!r}")
        times = [one.venue_time for one in seen]
        expect(times == sorted(times), f"venue times in order were expected, received {times}")
        asked = seen[0].requested_at
        near = all(abs(one - asked) < _A_MINUTE for one in times)
        expect(near, f"venue times near {asked} were expected, received {times}")
        early = [one for one in seen if one.venue_time > one.fence]
        expect(not early, f"the order could still have arrived, received a denial past the fence: {early!r}")


@case("AC-17", "A second order under an id that works is no rejection of the first: its outcome is unknown, and one order rests.")
async def duplicate(bench: Bench) -> None:
    """Show what a repeated id becomes."""
    async with bench.desk() as desk:
        order_id = await desk.rest()
        desk.submit(desk.order(order_id=order_id))
        ended = await desk.sinks.ended(order_id)
        expect(ended.outcome is Outcome.FAILED, f"FAILED was expected, received {ended!r}")
        rejected = desk.sinks.of(OrderRejected, order_id)
        expect(not rejected, f"{order_id} works, received {rejected!r}")
        open_ids = await desk.open_ids()
        expect(open_ids == [order_id], f"one open order was expected, received {open_ids}")


@case("AC-18", "A closed gate holds orders and cancels back: nothing of them reaches the venue, and both are said to have been refused.")
async def gate(bench: Bench) -> None:
    """Show that the gate is asked."""
    async with bench.desk() as desk:
        resting = await desk.rest()
        desk.gate.closed = "the gate is closed"
        held = desk.submit(desk.order())
        ended = await desk.sinks.ended(held)
        expect(ended.outcome is Outcome.REFUSED, f"REFUSED was expected, received {ended!r}")
        desk.cancel(resting)
        ended = await desk.sinks.ended(resting, EffectAction.CANCEL)
        expect(ended.outcome is Outcome.REFUSED, f"REFUSED was expected, received {ended!r}")
        expect(desk.placings(held) == 0, "an order was on its way past a closed gate")
        expect(await desk.found(resting), "a cancel got past a closed gate")
        asked = desk.gate.asked.count(held), desk.gate.asked.count(resting)
        expect(asked == (1, 2), f"the gate was to be asked once a request, received {asked}")


@case("AC-19", "An order of somebody else in the account is reported as external, and its executions are not booked.")
async def stranger(bench: Bench) -> None:
    """Show what a stranger's order becomes."""
    async with bench.desk() as desk:
        stranger_id = f"web{bench.new_id()}"
        desk.submit(desk.order(order_id=stranger_id))

        def observed() -> list[ExternalOrderObserved]:
            return [one for one in desk.sinks.answers if isinstance(one, ExternalOrderObserved) and one.client_order_id == stranger_id]

        seen = (await desk.sinks.until(observed, "an external order"))[0]
        received = (seen.account_id, seen.remaining, seen.limit_price)
        sent = (desk.account_id, bench.quantity, bench.resting_price)
        expect(received == sent, f"an external order {sent} was expected, received {received}")


def _expect_class(reason: str, failure_class: FailureClass) -> None:
    expect(reason.startswith(failure_class), f"a reason that begins with {failure_class} was expected, received {reason!r}")


async def _leaves_nothing(desk: Desk, order_id: str) -> None:
    expect(not await desk.found(order_id), f"{order_id} has ended, and the open orders show it")
    traded = await desk.history(order_id)
    expect(not traded, f"{order_id} never traded, and the trade history has {traded!r}")
