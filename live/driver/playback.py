"""Playback: a tape as a live feed, stamped against its own clock, from where the session before stopped.

Bars before the start are the warm-up. Order books are followed through what lies before the start and handed over as they stand there,
as a venue answers whoever begins to listen; other events before the start are gone by.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from live.core.book import BookState, OrderBook
from live.core.inputs import ClockTicked, FeedChanged
from live.core.instruments import Instrument
from live.core.market_events import Bar, BookDelta, BookSnapshot, MarketEvent
from live.driver.clock import PlaybackClock
from live.driver.live import LiveDriver
from live.driver.recovery import MarketProgress
from live.journal import read_segment

NANOSECONDS = 1_000_000_000
TICK_SECONDS = 1.0
BREATH_EVENTS = 500
"""After so many events without a pause the event loop gets a turn: a long history must not keep a kill waiting."""


class PlaybackStart(NamedTuple):
    """Say where a playback begins, and how much history each instrument gets.

    Attributes:
        after: everything received at or before this time is history, nanoseconds UTC.
        market: how far earlier sessions followed the market; it may lie at `after`, and then only the instruments it
            names are history there.
        warm_up_bars: how many bars of history by instrument id.
    """

    after: int
    market: MarketProgress
    warm_up_bars: Mapping[str, int]

    def is_history(self, event: MarketEvent) -> bool:
        """Tell whether an event lies before the beginning."""
        if event.ts_init == self.after == self.market.time:
            return event.instrument_id in self.market.instrument_ids
        return event.ts_init <= self.after


class TapePlayer:
    """Play a tape into a driver: history first, then the market at its speed, one event settled before the next.

    Attributes:
        instruments: what the tape is about.
        played: market events fed so far, history apart.
        ended: why no more market data will come, None while it flows.
    """

    def __init__(self, tape: Path, start: PlaybackStart, speed: float, clock: PlaybackClock) -> None:
        """Open a tape; `speed` is times faster than real time, 0 as fast as it goes.

        Raises:
            TapeDamagedError: the tape cannot be read.
        """
        header, _ = read_segment(tape)
        self.instruments: tuple[Instrument, ...] = header.instruments
        self.played = 0
        self.ended: str | None = None
        self._tape = tape
        self._start = start
        self._speed = speed
        self._clock = clock

    async def play(self, driver: LiveDriver) -> None:
        """Feed the tape to its end, then say that the feed is down.

        Raises:
            DriverHaltedError: the driver halted.
            InputError: a book before the start holds what no book can.
            TapeDamagedError: the tape is damaged further on.
        """
        history: dict[str, deque[Bar]] = {name: deque(maxlen=bars) for name, bars in self._start.warm_up_bars.items()}
        books: dict[str, OrderBook] = {}
        warmed = False
        _, events = read_segment(self._tape)
        for number, event in enumerate(events):
            if self._start.is_history(event):
                if isinstance(event, Bar):
                    if event.instrument_id in history:
                        history[event.instrument_id].append(event)
                elif isinstance(event, BookSnapshot | BookDelta):
                    books.setdefault(event.instrument_id, OrderBook()).apply(event)
                if number % BREATH_EVENTS == 0:
                    await asyncio.sleep(0)
                continue
            if not warmed:
                await self._warm_up(driver, history)
                await self._hand_over(driver, books)
                warmed = True
            await self._pace(driver, event.ts_init)
            self._clock.advance(event.ts_init)
            driver.feed(event)
            self.played += 1
            await driver.settled()
        self.end(driver, "the tape ended" if self.played else f"{self._tape} holds nothing after the start of the playback")

    def end(self, driver: LiveDriver, reason: str) -> None:
        """Say why no more market data will come; the engine lets no order rest on what it has seen.

        Raises:
            DriverHaltedError: the driver halted.
        """
        self.ended = reason
        for instrument in self.instruments:
            driver.feed(FeedChanged(driver.now(), instrument.instrument_id, healthy=False, detail=reason))

    async def _warm_up(self, driver: LiveDriver, history: Mapping[str, deque[Bar]]) -> None:
        bars = sorted((bar for bars in history.values() for bar in bars), key=lambda bar: bar.ts_init)
        for number, bar in enumerate(bars):
            driver.feed(replace(bar, ts_init=driver.now(), warm_up=True))
            if number % BREATH_EVENTS == 0:
                await asyncio.sleep(0)
        await driver.settled()

    async def _hand_over(self, driver: LiveDriver, books: Mapping[str, OrderBook]) -> None:
        for name, book in books.items():
            if book.state is BookState.SYNCHRONISED:
                driver.feed(BookSnapshot(driver.now(), book.ts_event, name, book.sequence, book.bids(), book.asks()))
        await driver.settled()

    async def _pace(self, driver: LiveDriver, due: int) -> None:
        """Wait as long as the playback's clock needs to reach `due`; a second without an event ticks the engine."""
        if self._speed == 0:
            await asyncio.sleep(0)
            return
        while (missing := due - self._clock.now()) > 0:
            seconds = missing / self._speed / NANOSECONDS
            await asyncio.sleep(min(seconds, TICK_SECONDS))
            if seconds <= TICK_SECONDS:
                return
            self._clock.advance(self._clock.now() + int(TICK_SECONDS * self._speed * NANOSECONDS))
            driver.feed(ClockTicked(driver.now()))
