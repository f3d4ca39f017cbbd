from pathlib import Path

import pytest

from live.core.inputs import Bar
from live.driver.clock import PlaybackClock
from live.driver.playback import PlaybackStart, TapePlayer
from live.driver.recovery import NO_PROGRESS, MarketProgress
from live.journal import TapeDamagedError

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
