"""Histories: what history could have been instead, for a strategy that must not notice the difference."""

import itertools
import random
from collections.abc import Sequence
from statistics import median
from typing import Any

from msgspec.structs import replace

from dagster_project.gates.probing import History
from dagster_project.gates.witness import Asked, Said, Step
from live.core.inputs import Bar
from live.core.records import FillRecorded

CALENDAR = 10_227 * 24 * 3600 * 1_000_000_000
"""28 years of the Gregorian calendar between 1901 and 2099, nanoseconds: weekdays, months and leap years fall alike."""
WEEKS = CALENDAR + 13 * 7 * 24 * 3600 * 1_000_000_000
"""13 weeks more: hours and weekdays fall alike, dates do not."""
_SHARE_OF_MOVE = 0.05
_SHARE_OF_VOLUME = 0.05
_SHARE_LEFT_OUT = 20
_SEED = 1


def poisoned(history: History, cut: int) -> History:
    """Mirror every later price at the last one before the cut, which turns trends around and stays a valid bar."""
    last = {bar.instrument_id: bar.close for bar in history.bars[:cut]}
    later = [_mirrored(bar, last.get(bar.instrument_id, bar.open)) for bar in history.bars[cut:]]
    return History([*history.bars[:cut], *later], history.instruments)


def shortened(history: History) -> History:
    """Leave out the first twentieth, so that a strategy that counts bars counts others."""
    return History(history.bars[len(history) // _SHARE_LEFT_OUT + 1 :], history.instruments)


def translated(history: History, by: int) -> History:
    """Let all of history happen later by so many nanoseconds."""
    return History([replace(bar, ts_init=bar.ts_init + by, ts_event=bar.ts_event + by) for bar in history.bars], history.instruments)


def translated_step(step: Step, by: int) -> Step:
    """Let a call happen later by so many nanoseconds, and the execution that it hands over too."""
    argument = step.argument
    if isinstance(argument, FillRecorded):
        argument = replace(argument, ts=argument.ts + by, ts_event=argument.ts_event + by)
    return step._replace(now=step.now + by, argument=argument)


def translated_said(said: Said, by: int) -> Said:
    """Move the times that were asked for, those of timers and of orders that expire, later by so many nanoseconds."""
    return tuple(one._replace(given=_moved_times(one.given, by)) if isinstance(one, Asked) else one for one in said)


def jittered(history: History) -> History:
    """Move every price by up to a twentieth of the instrument's usual move from close to close, and volumes by up to 5 %.

    An instrument that moves by a few price units at a time keeps its prices: the smallest change would be a move of its own.
    """
    generator = random.Random(_SEED)
    closes: dict[str, list[int]] = {}
    for bar in history.bars:
        closes.setdefault(bar.instrument_id, []).append(bar.close)
    reach = {name: int(_SHARE_OF_MOVE * _usual_move(values)) for name, values in closes.items()}
    return History([_moved(bar, reach[bar.instrument_id], generator) for bar in history.bars], history.instruments)


def _moved_times(given: dict[str, Any], by: int) -> dict[str, Any]:
    return {name: value + by if name in {"due", "expires_at"} and value is not None else value for name, value in given.items()}


def _mirrored(bar: Bar, centre: int) -> Bar:
    def mirror(price: int) -> int:
        return max(1, 2 * centre - price)

    return replace(
        bar, open=mirror(bar.open), high=mirror(bar.low), low=mirror(bar.high), close=mirror(bar.close), volume=bar.volume * 3 + 1
    )


def _usual_move(closes: Sequence[int]) -> float:
    return median(abs(later - earlier) for earlier, later in itertools.pairwise(closes)) if len(closes) > 1 else 0.0


def _moved(bar: Bar, reach: int, generator: random.Random) -> Bar:
    prices = [max(1, price + generator.randint(-reach, reach)) for price in (bar.open, bar.high, bar.low, bar.close)]
    volume = bar.volume + round(bar.volume * generator.uniform(-_SHARE_OF_VOLUME, _SHARE_OF_VOLUME))
    return replace(bar, open=prices[0], high=max(prices), low=min(prices), close=prices[3], volume=volume)
