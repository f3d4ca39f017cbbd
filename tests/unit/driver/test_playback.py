import asyncio
from pathlib import Path
from typing import Any

import pytest

from live.core.inputs import Bar, FeedChanged
from live.core.instruments import Instrument
from live.core.market_events import BookDelta, BookSnapshot, Trade
from live.core.vocabulary import Side
from live.driver.clock import PlaybackClock
from live.driver.playback import PlaybackStart, TapePlayer
from live.driver.recovery import NO_PROGRESS, MarketProgress
from live.journal import TapeDamagedError, write_segment

BTC, ETH = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT"


def bar(at: int, instrument_id: str = BTC) -> Bar:
    """Make a bar at a time."""
    return Bar(at, at, instrument_id, 1, 1, 1, 1, 1)


def test_a_first_playback_begins_after_its_start() -> None:
    """What was received at or before the start is history."""
    start = PlaybackStart(100, NO_PROGRESS, {})
    assert [start.is_history(bar(at)) for at in (99, 100, 101)] == [True, True, False]


def test_a_whole_tape_has_no_history() -> None:
    """Without a start everything is market."""
    assert not PlaybackStart(0, NO_PROGRESS, {}).is_history(bar(1))


def test_a_resumed_playback_goes_on_within_a_moment() -> None:
    """Of the bars of one moment, those of the instruments that were followed are history, and the others lie ahead."""
    start = PlaybackStart(100, MarketProgress(100, frozenset({BTC})), {})
    assert start.is_history(bar(100, BTC))
    assert not start.is_history(bar(100, ETH))
    assert start.is_history(bar(99, ETH))


def test_a_later_start_goes_before_what_was_followed() -> None:
    """When the configuration was moved on, everything up to its start is history for all."""
    start = PlaybackStart(200, MarketProgress(100, frozenset({BTC})), {})
    assert start.is_history(bar(200, ETH))
    assert start.is_history(bar(150, ETH))


def test_the_clock_of_a_playback_never_goes_back() -> None:
    """It is the data's time, and moves on only."""
    clock = PlaybackClock(100)
    clock.advance(150)
    clock.advance(120)
    assert clock.now() == 150


def test_a_tape_that_cannot_be_read_is_refused_at_once(tmp_path: Path) -> None:
    """Not only when the first bar is due."""
    with pytest.raises(TapeDamagedError, match="cannot be opened"):
        TapePlayer(tmp_path / "missing.tape.gz", PlaybackStart(0, NO_PROGRESS, {}), 1.0, PlaybackClock(0))


class RecordingDriver:
    """Keep what is fed, at a clock of its own."""

    def __init__(self, clock: PlaybackClock) -> None:
        self.fed: list[Any] = []
        self.now = clock.now
        self.feed = self.fed.append

    async def settled(self) -> None:
        """Have everything handled at once."""


def test_bars_before_the_start_warm_up_and_books_are_handed_over_as_they_stand(tmp_path: Path) -> None:
    """Trades before the start are gone by; after it every kind flows through as it is."""
    before = [
        BookSnapshot(1, 1, BTC, 10, ((99, 5),), ((101, 5),)),
        bar(2),
        Trade(3, 3, BTC, 100, 1, Side.BUY),
        BookDelta(4, 4, BTC, 11, 12, ((98, 7),), ((101, 0), (102, 3))),
        BookDelta(5, 5, ETH, 3, 4, ((98, 7),), ()),
    ]
    after = [BookDelta(11, 11, BTC, 13, 13, ((99, 1),), ()), Trade(12, 12, BTC, 100, 1, Side.SELL), bar(13)]
    instrument = Instrument(instrument_id=BTC, base="BTC", quote="USDT", price_scale=2, quantity_scale=5)
    tape = write_segment(tmp_path / "a.tape.gz", [*before, *after], [instrument], "s").path
    clock = PlaybackClock(10)
    driver = RecordingDriver(clock)
    player = TapePlayer(tape, PlaybackStart(10, NO_PROGRESS, {BTC: 5}), 0, clock)
    asyncio.run(player.play(driver))  # pyright: ignore[reportArgumentType]
    assert driver.fed[:2] == [
        Bar(10, 2, BTC, 1, 1, 1, 1, 1, warm_up=True),
        BookSnapshot(10, 4, BTC, 12, ((99, 5), (98, 7)), ((102, 3),)),
    ]
    assert driver.fed[2:-1] == after
    assert isinstance(driver.fed[-1], FeedChanged)
    assert player.played == len(after)
