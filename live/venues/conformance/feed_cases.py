"""Cases of market data: whole, in order, and known to be fresh."""

from collections.abc import Callable
from itertools import pairwise

from live.core.inputs import MarketEvent
from live.core.market_events import BookDelta, BookSnapshot, Quote, Trade
from live.venues.conformance.bench import Bench, KeptSinks
from live.venues.conformance.cases import case
from live.venues.conformance.verdict import expect
from live.venues.protocol import MarketKind

_MINUTE = 60_000_000_000
HISTORY_BARS = 30
DELTAS = 5


@case("AC-36", "The best bid and ask flow, on the instrument's scale and never crossed, and the feed says that it is healthy.")
async def quotes(bench: Bench) -> None:
    """Show that quotes flow."""
    async with bench.feed(MarketKind.QUOTES, MarketKind.TRADES) as (_, sinks):
        await _healthy(sinks)
        await sinks.until(lambda: any(isinstance(one, Quote) for one in sinks.events), "a quote")
        for event in list(sinks.events):
            expect(event.instrument_id == bench.instrument.instrument_id, f"nobody asked for {event!r}")
            if isinstance(event, Quote):
                expect(0 < event.bid_price < event.ask_price, f"a bid below the ask was expected, received {event!r}")
            if isinstance(event, Trade):
                expect(event.price > 0 and event.quantity > 0, f"a price and a quantity were expected, received {event!r}")
        expect(not sinks.stamped, f"ts_init is the loop's to stamp, received it in {', '.join(sinks.stamped[:3])}")


@case("AC-37", "A book begins with a snapshot that joins the changes received, and its numbers have no gap.")
async def book(bench: Bench) -> None:
    """Show that a book is a chain."""
    async with bench.feed(MarketKind.BOOK) as (_, sinks):
        await _healthy(sinks)

        def joined() -> tuple[BookSnapshot, list[BookDelta]] | None:
            snapshot = next((one for one in sinks.events if isinstance(one, BookSnapshot)), None)
            deltas = [one for one in sinks.events if isinstance(one, BookDelta)]
            enough = snapshot is not None and sum(one.last_sequence > snapshot.sequence for one in deltas) >= DELTAS
            return (snapshot, deltas) if enough and snapshot is not None else None

        snapshot, deltas = await sinks.until(joined, f"a snapshot of the book and {DELTAS} changes after it")
        after = [one for one in deltas if one.last_sequence > snapshot.sequence]
        expect(
            after[0].first_sequence <= snapshot.sequence + 1, f"a change that joins {snapshot.sequence} was expected, received {after[0]!r}"
        )
        gaps = [(one.last_sequence, two.first_sequence) for one, two in pairwise(deltas) if two.first_sequence != one.last_sequence + 1]
        expect(not gaps, f"numbers without a gap were expected, received {gaps}")
        best = max(price for price, _ in snapshot.bids), min(price for price, _ in snapshot.asks)
        expect(best[0] < best[1], f"a book that is not crossed was expected, received {best}")


@case("AC-38", "History gives finished bars of one minute, one after the other, marked as warm-up.")
async def history(bench: Bench) -> None:
    """Show what history is."""
    async with bench.feed(MarketKind.BARS) as (feed, _):
        bars = await feed.history(bench.instrument, HISTORY_BARS)
        expect(bars, "bars were expected, received none")
        expect(len(bars) <= HISTORY_BARS, f"at most {HISTORY_BARS} bars were expected, received {len(bars)}")
        ends = [bar.ts_event for bar in bars]
        expect(all(end % _MINUTE == 0 for end in ends), f"bars that end with a minute were expected, received {ends[:3]}")
        expect(all(later > earlier for earlier, later in pairwise(ends)), "bars oldest first were expected")
        expect(all(bar.warm_up and not bar.ts_init for bar in bars), "bars marked as warm-up and without a stamp were expected")
        wrong = [bar for bar in bars if not 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high]
        expect(not wrong, f"bars that can be were expected, received {wrong[:1]!r}")


@case("AC-39", "A feed that answers pings and says nothing is unhealthy before long.")
async def frozen(bench: Bench) -> None:
    """Show that silence is noticed."""
    async with bench.feed(MarketKind.QUOTES, MarketKind.BARS) as (_, sinks):
        await _healthy(sinks)
        bench.relay.frozen = True
        await _unhealthy(sinks)
        bench.relay.mend()
        bench.relay.disconnect()
        await _healthy_again(sinks)


@case("AC-40", "A feed whose sockets break is unhealthy at once, and healthy again when they are open and data flows.")
async def broken(bench: Bench) -> None:
    """Show that a break is noticed."""
    async with bench.feed(MarketKind.QUOTES, MarketKind.BOOK) as (_, sinks):
        await _healthy(sinks)
        bench.relay.disconnect()
        await _unhealthy(sinks)
        await _healthy_again(sinks)
        known = _count(sinks.events, lambda one: isinstance(one, BookSnapshot))
        expect(known >= 2, f"a snapshot after the break was expected, received {known} in all")


def _count(events: list[MarketEvent], matches: Callable[[MarketEvent], bool]) -> int:
    return sum(map(matches, events))


async def _healthy(sinks: KeptSinks) -> None:
    await sinks.until(lambda: sinks.feeds and sinks.feeds[-1][1], "a healthy feed")


async def _unhealthy(sinks: KeptSinks) -> None:
    await sinks.until(lambda: sinks.feeds and not sinks.feeds[-1][1], "an unhealthy feed")
    detail = sinks.feeds[-1][2]
    expect(detail, "a reason was expected beside the feed's being unhealthy, received none")


async def _healthy_again(sinks: KeptSinks) -> None:
    await sinks.until(lambda: sinks.feeds[-1][1], "a feed that is healthy again")
