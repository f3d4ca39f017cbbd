"""The calendar of bars: what is missing, and what is excused."""

from pathlib import Path

import numpy as np
import pytest

from dagster_project.lake import Calendar, Closure, LakeError, load_calendar, parse_moment

HOUR = 3_600
MIDNIGHT = parse_moment("2018-02-08") or 0


def closes(*hours: int) -> np.ndarray:
    """Give closing times, in hours after midnight."""
    return np.array([MIDNIGHT + hour * HOUR * 1_000_000_000 for hour in hours])


def calendar(*closures: Closure) -> Calendar:
    """Make a calendar with closures."""
    return Calendar(tolerated_hole_seconds=4 * HOUR, tolerated_missing_share=0.01, closures=closures)


def closed(start: str, end: str, venue: str = "somewhere") -> Closure:
    """Declare a closure."""
    return Closure(venue=venue, start=start, end=end, reason="a notice")


def test_missing_bars_are_counted_before_the_bar_that_follows() -> None:
    """Three bars are missing between the second and the fifth hour's close, and none before the first bar of a file."""
    assert calendar().missing_before(closes(1, 2, 6, 7), HOUR, "somewhere").tolist() == [0, 0, 3, 0]


def test_order_and_repetition_make_no_bar_missing() -> None:
    """Bars in another order, or twice, are all there: other expectations are about that."""
    assert calendar().missing_before(closes(1, 3, 2, 2, 4), HOUR, "somewhere").tolist() == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("start", "end", "missing"),
    [
        ("2018-02-08T02:00", "2018-02-08T05:00", 0),
        ("2018-02-08T00:00", "2018-02-09T00:00", 0),
        ("2018-02-08T03:00", "2018-02-08T04:00", 2),
        ("2018-02-08T02:30", "2018-02-08T04:30", 1),
        ("2018-02-08T05:00", "2018-02-09T00:00", 3),
        ("2018-02-07T00:00", "2018-02-08T02:00", 3),
    ],
)
def test_a_closure_excuses_the_bars_that_open_within_it(start: str, end: str, missing: int) -> None:
    """Of the bars opening at two, three and four, those are excused that open within the closure."""
    assert calendar(closed(start, end)).missing_before(closes(1, 2, 6), HOUR, "somewhere")[2] == missing


def test_another_venue_is_not_excused() -> None:
    """A closure holds for its venue alone."""
    assert calendar(closed("2018-02-08", "2018-02-09", "elsewhere")).missing_before(closes(1, 2, 6), HOUR, "somewhere")[2] == 3


def test_tolerated_bars_follow_from_their_length() -> None:
    """Four hours are eight bars of half an hour and 240 of a minute."""
    assert [load_calendar().tolerated_bars(seconds) for seconds in (1_800, 60)] == [8, 240]


def test_a_calendar_file_can_declare_closures(tmp_path: Path) -> None:
    """A closure in the file is read with its reason."""
    path = tmp_path / "calendar.toml"
    path.write_text(
        "tolerated_hole_seconds = 60\ntolerated_missing_share = 0.5\n"
        '[[closures]]\nvenue = "a"\nstart = "2018-02-08"\nend = "2018-02-09"\nreason = "a notice"\n'
    )
    assert load_calendar(path).closures == (closed("2018-02-08", "2018-02-09", "a"),)


@pytest.mark.parametrize(
    "text",
    [
        "tolerated_hole_seconds = 'long'",
        "tolerated_hole_seconds = 60",
        "tolerated_hole_seconds = 60\ntolerated_missing_share = 0.5\nclosed = true",
        "tolerated_hole_seconds = 60\ntolerated_missing_share = 0.5\n"
        '[[closures]]\nvenue = "a"\nstart = "2018-02-09"\nend = "2018-02-08"\nreason = "a notice"\n',
    ],
)
def test_a_file_that_is_no_calendar_is_refused(text: str, tmp_path: Path) -> None:
    """A wrong type, a missing or unknown key, and a closure that ends before it starts are refused by the file's name."""
    path = tmp_path / "calendar.toml"
    path.write_text(text)
    with pytest.raises(LakeError, match=r"calendar\.toml"):
        load_calendar(path)
