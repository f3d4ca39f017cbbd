"""Cases of questions: clock, instruments, balances, keys, and what silence is."""

import time

from live.core.inputs import OrderAccepted, OrderRejected
from live.venues.conformance.bench import Bench
from live.venues.conformance.cases import case
from live.venues.conformance.verdict import expect
from live.venues.conformance.wires import Matcher
from live.venues.errors import VenueCallError
from live.venues.taxonomy import FailureClass

_SECOND = 1_000_000_000
LARGEST_UNCERTAINTY = 1 * _SECOND
"""A sample that says less cannot tell a stamp that is accepted from one that is not, nanoseconds."""
CLOCK_STEP = 30 * _SECOND
"""How far the clock is set back, nanoseconds: more than any receive window in use."""


@case("AC-01", "The venue's clock is measured: two samples agree within what they say of their own error.")
async def clock(bench: Bench) -> None:
    """Show that the clock is measured."""
    async with bench.desk() as desk:
        first, second = await desk.venue.sample_clock(), await desk.venue.sample_clock()
        worst = max(first.uncertainty, second.uncertainty)
        expect(worst < LARGEST_UNCERTAINTY, f"an uncertainty below 1 s was expected, received {worst} ns")
        apart, allowed = abs(first.offset - second.offset), first.uncertainty + second.uncertainty
        expect(apart <= allowed, f"samples within {allowed} ns were expected, received {first.offset} and {second.offset} ns")


@case("AC-02", "The instrument is listed with its filters, on the scales that are configured.")
async def instruments(bench: Bench) -> None:
    """Show that filters are read."""
    async with bench.desk() as desk:
        listed = {one.instrument_id: one for one in await desk.venue.instruments()}
        mine = listed.get(bench.instrument.instrument_id)
        expect(mine is not None, f"{bench.instrument.instrument_id} was expected, received {len(listed)} others")
        assert mine is not None
        scales = (mine.price_scale, mine.quantity_scale)
        kept = (bench.instrument.price_scale, bench.instrument.quantity_scale)
        expect(scales == kept, f"scales {kept} were expected, received {scales}")
        expect(mine.minimum_notional > 0, f"a least notional was expected, received {mine.minimum_notional}")


@case("AC-03", "Balances are listed, what is free and what open orders hold apart.")
async def balances(bench: Bench) -> None:
    """Show that an order holds what it may cost."""
    async with bench.desk() as desk:
        quote = bench.instrument.quote
        before = {one.asset: one for one in await desk.venue.balances()}
        await desk.rest()
        after = {one.asset: one for one in await desk.venue.balances()}
        held = bench.instrument.notional(bench.resting_price, bench.quantity)
        expect(quote in before, f"a balance of {quote} was expected, received {', '.join(sorted(before))}")
        moved = after[quote].locked - before[quote].locked
        expect(moved == held, f"{held} locked were expected, received {moved}")
        expect(after[quote].total == before[quote].total, "an order that rests was to leave the total as it was")


@case("AC-20", "No answer and nothing open are two things: a question without a usable answer raises.")
async def silence(bench: Bench) -> None:
    """Show what silence is."""
    async with bench.desk() as desk:
        for answer in (desk.wire.failed, None):  # a broken connection may carry a question again: it breaks every time
            bench.befall(Matcher(*desk.wire.open_orders), reaches=False, answer=answer, count=None)
            try:
                received = await desk.venue.open_orders()
            except VenueCallError:
                desk.relay.mend()
                continue
            expect(holds=False, said=f"an error was expected where no answer came, received {received!r}")


@case("AC-21", "A key that the venue refuses ends the start: nothing trades with it.")
async def key(bench: Bench) -> None:
    """Show what a wrong key does."""
    try:
        async with bench.new_desk(spoil_secret=True):
            started = True
    except VenueCallError as error:
        started = False
        expect(str(error).startswith(FailureClass.REJECTED_AUTH), f"an error of class REJECTED_AUTH was expected, received {error}")
    expect(not started, "an adapter with a wrong secret was to refuse to start, and it started")


@case("AC-22", "A stamp that the venue finds too old rejects one order; the clock is measured anew, and the next order is taken.")
async def resync(bench: Bench) -> None:
    """Show what a clock that jumped does."""
    behind = 0

    def wall() -> int:
        return time.time_ns() - behind

    async with bench.new_desk(wall=wall) as desk:
        behind = CLOCK_STEP
        rejected = await desk.sinks.first(OrderRejected, desk.submit(desk.order()))
        expect(rejected.reason.startswith(FailureClass.REJECTED_CLOCK), f"REJECTED_CLOCK was expected, received {rejected.reason!r}")
        await desk.venue.sample_clock()
        await desk.sinks.first(OrderAccepted, desk.submit(desk.order()))
        behind = 0
        await desk.venue.sample_clock()
