"""Cases of the account's stream: it is a hint, and the trade history is the truth."""

from live.core.inputs import ExecutionReported, OrderAccepted
from live.core.vocabulary import OrderType
from live.venues.conformance.bench import Bench, Desk
from live.venues.conformance.cases import case
from live.venues.conformance.verdict import CaseSkippedError, expect
from live.venues.conformance.wires import is_placing


@case("AC-33", "An execution that neither answer nor stream told comes with the next scan of the trade history.")
async def missing_frame(bench: Bench) -> None:
    """Show what a missing frame does."""
    async with bench.desk() as desk:
        _expect_stream(desk)
        order_id = await _trade_untold(bench, desk)
        expect(not desk.sinks.of(ExecutionReported, order_id), "the case's own premise: no execution was to be told yet")
        await desk.venue.scan_fills()
        bought = sum(one.quantity for one in desk.sinks.executions(order_id).values())
        expect(bought == bench.quantity, f"executions of {bench.quantity} units were expected, received {bought}")


@case("AC-34", "An execution that the stream tells three times is one, by its key.")
async def repeated_frame(bench: Bench) -> None:
    """Show what a repeated frame does."""
    async with bench.desk() as desk:
        _expect_stream(desk)
        desk.relay.copies = lambda frame: 3 if desk.wire.execution in frame else 1
        bench.befall(is_placing(desk.wire))
        order_id = desk.submit(desk.order(OrderType.MARKET))
        await desk.sinks.until(
            lambda: len(desk.sinks.of(ExecutionReported, order_id)) >= 3 * max(1, len(desk.sinks.executions(order_id))),
            f"every execution of {order_id} three times",
        )
        await desk.venue.scan_fills()
        bought = sum(one.quantity for one in desk.sinks.executions(order_id).values())
        expect(bought == bench.quantity, f"executions of {bench.quantity} units were expected, received {bought}")


@case("AC-35", "After a break the stream is opened anew and the trade history read, without being asked: what happened meanwhile is told.")
async def reconnect(bench: Bench) -> None:
    """Show what a break does."""
    async with bench.new_desk() as desk:
        _expect_stream(desk)
        order_id = await _trade_untold(bench, desk)
        desk.relay.mend()
        desk.relay.disconnect()
        await desk.sinks.until(
            lambda: sum(one.quantity for one in desk.sinks.executions(order_id).values()) == bench.quantity,
            f"executions of all of {order_id}",
        )
        bench.befall(is_placing(desk.wire))
        later = desk.submit(desk.order())
        await desk.sinks.first(OrderAccepted, later)


async def _trade_untold(bench: Bench, desk: Desk) -> str:
    """Trade so that neither the answer nor the stream tells of it, and wait until the venue has it."""
    desk.relay.copies = lambda frame: 0 if desk.wire.execution in frame else 1
    bench.befall(is_placing(desk.wire))
    order_id = desk.submit(desk.order(OrderType.MARKET))
    await desk.sinks.ended(order_id)
    return order_id


def _expect_stream(desk: Desk) -> None:
    if not desk.venue.capabilities.order_stream:
        raise CaseSkippedError("the venue has no stream of orders")
