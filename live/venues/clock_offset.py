"""Clock offset: how far a venue's clock is from ours, by midpoint samples, and what a distance forbids.

A request leaves at our time `a` and its answer, which tells the venue's time `v`, is here at our time `b`. The venue read its clock
somewhere between, so its clock is ahead of ours by `v - (a + b) / 2`, give or take half of `b - a`: the rule of RFC 5905, section 8, for
two time stamps instead of four. Of several samples the one of the shortest round trip says most. A venue that tells whole milliseconds
leaves half of one more.
"""

import ctypes
from collections.abc import Iterable
from enum import IntEnum

import msgspec

MILLISECOND = 1_000_000
_MICROSECOND = 1_000


class ClockSample(msgspec.Struct, frozen=True):
    """Hold one estimate of a venue's clock.

    Attributes:
        offset: venue time minus ours, nanoseconds.
        uncertainty: bound of the offset's error, nanoseconds: half the round trip, plus half the resolution of the venue's clock.
        taken_at: our time at the sample's midpoint, nanoseconds UTC.
    """

    offset: int
    uncertainty: int
    taken_at: int


def midpoint_sample(sent_at: int, round_trip: int, venue_time: int, resolution: int = MILLISECOND) -> ClockSample:
    """Estimate the venue's clock from one question and its answer.

    Args:
        sent_at: our time at which the question left, nanoseconds UTC.
        round_trip: how long the answer took by a clock that is never set, nanoseconds.
        venue_time: the venue's time in the answer, cut to its resolution, nanoseconds UTC.
        resolution: the step of that time, nanoseconds.
    """
    midpoint = sent_at + round_trip // 2
    return ClockSample(venue_time + resolution // 2 - midpoint, (round_trip + 1) // 2 + (resolution + 1) // 2, midpoint)


def best_sample(samples: Iterable[ClockSample]) -> ClockSample:
    """Choose the sample that bounds the offset most narrowly.

    Raises:
        ValueError: there is no sample.
    """
    return min(samples, key=lambda sample: sample.uncertainty)


class ClockVerdict(IntEnum):
    """What a clock's distance forbids; a larger value forbids more."""

    GOOD = 0
    WARN = 1
    """A person should look."""
    STOP = 2
    """Nothing new may be sent."""
    DISARM = 3
    """Trading has to be armed again once the clock is right."""


class ClockBounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bound the distance of our clock from a venue's, its uncertainty included; nanoseconds.

    Attributes:
        warn: above this a person should look.
        stop: above this nothing new is sent.
        disarm: above this trading has to be armed again.
        maximum_age: a sample that is older says nothing any more, so nothing new is sent.
    """

    warn: int = 100 * MILLISECOND
    stop: int = 250 * MILLISECOND
    disarm: int = 1_000 * MILLISECOND
    maximum_age: int = 120_000 * MILLISECOND


def judge_clock(sample: ClockSample | None, bounds: ClockBounds, now: int) -> ClockVerdict:
    """Judge the clock by its latest sample at our time `now`; without one, or with one from our future, nothing may be sent."""
    if sample is None or not 0 <= now - sample.taken_at <= bounds.maximum_age:
        return ClockVerdict.STOP
    distance = abs(sample.offset) + sample.uncertainty
    if distance > bounds.disarm:
        return ClockVerdict.DISARM
    if distance > bounds.stop:
        return ClockVerdict.STOP
    return ClockVerdict.WARN if distance > bounds.warn else ClockVerdict.GOOD


class KernelClock(msgspec.Struct, frozen=True):
    """Hold what the kernel says of its own clock.

    Attributes:
        synchronised: whether something disciplines it.
        maximum_error: bound of its error, nanoseconds; grows while nothing disciplines it.
        estimated_error: estimate of its error, nanoseconds.
    """

    synchronised: bool
    maximum_error: int
    estimated_error: int


class _TimeValue(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_usec", ctypes.c_long))


class _TimeExchange(ctypes.Structure):
    """The struct `timex` of adjtimex(2), as the GNU and musl C libraries declare it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", _TimeValue),
        ("tick", ctypes.c_long),
        ("reserved", ctypes.c_long * 16),
    )


_TIME_ERROR = 5
_STATUS_UNSYNCHRONISED = 0x0040


def kernel_clock() -> KernelClock | None:
    """Ask the kernel whether its clock is disciplined, by adjtimex(2) without changing anything; None where the OS does not tell."""
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (AttributeError, OSError):
        return None
    exchange = _TimeExchange()
    state = adjtimex(ctypes.byref(exchange))
    if state < 0:
        return None
    synchronised = state != _TIME_ERROR and not exchange.status & _STATUS_UNSYNCHRONISED
    return KernelClock(synchronised, exchange.maxerror * _MICROSECOND, exchange.esterror * _MICROSECOND)
