from datetime import date

import pytest

from dagster_project.lake.session_days import WallClock
from live.journal import Anchor, AnchorHistory, Seal

DAY = 86_400_000_000_000
FIRST = 20_000 * DAY


def clock(*anchors, seal=None):
    """Make the clock of a session from its anchors (seq, time) and its seal, in days after the first; it runs without one."""
    found = [Anchor("s", number, seq, "h", FIRST + int(at * DAY)) for number, (seq, at) in enumerate(anchors)]
    seals = () if seal is None else (Seal("s", "f", "h", FIRST + int(seal * DAY)),)
    return WallClock(AnchorHistory(tuple(found), seals, 0))


def day(number):
    """Give a day by its number after the first."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + 20_000 + number)


@pytest.mark.parametrize(("seq", "expected"), [(1, 0), (10, 0), (11, 1), (20, 1), (21, 2), (99, 2)])
def test_a_record_belongs_to_the_day_of_the_first_anchor_at_or_after_it(seq, expected):
    """What no anchor covers belongs to the day of the seal."""
    assert clock((10, 0.9), (20, 1.1), seal=2.5).day(seq) == day(expected)


def test_a_session_without_anchors_belongs_to_the_day_it_was_sealed():
    """It was shorter than the minute between two anchors, or it crashed in it."""
    assert clock(seal=0.5).days(7) == (day(0),)
    assert clock(seal=0.5).days(0) == ()


def test_every_day_between_the_first_and_the_last_record_is_one_of_the_session():
    """Days on which nothing was recorded are days on which it ran."""
    assert clock((1, 0.5), seal=3.5).days(2) == (day(0), day(1), day(2), day(3))


def test_a_clock_that_was_set_back_moves_nothing_to_a_day_that_was_over():
    """A record is never before the one it follows."""
    assert [clock((1, 1.2), (2, 0.2), seal=0.3).day(seq) for seq in (1, 2, 3)] == [day(1)] * 3


def test_what_is_known_of_a_running_session_is_what_will_be_known_of_it():
    """Later anchors and the seal move no record that an anchor covered before."""
    running, ended = clock((10, 0.9), (20, 1.1)), clock((10, 0.9), (20, 1.1), (30, 1.2), seal=2.5)
    assert [running.at(seq) for seq in range(1, 21)] == [ended.at(seq) for seq in range(1, 21)]
    assert running.days(20) == (day(0), day(1))


def test_a_session_that_records_nothing_still_runs_on_the_days_of_its_anchors():
    """The second anchor says again where the session stands, a day later."""
    assert clock((10, 0.5), (10, 1.5)).days(10) == clock((10, 0.5), (10, 1.5), seal=3.5).days(10) == (day(0), day(1))
    assert clock((10, 0.5), (10, 1.5)).day(10) == day(0)


def test_the_first_anchor_after_a_day_is_where_the_day_is_closed():
    """Before it is written, something of the day may still come."""
    running = clock((10, 0.9), (20, 1.1), (30, 1.0), (40, 1.4))
    assert running.anchor_after(FIRST + DAY).seq == 20
    assert running.anchor_after(FIRST + int(1.2 * DAY)).seq == 40
    assert running.anchor_after(FIRST + 2 * DAY) is None
