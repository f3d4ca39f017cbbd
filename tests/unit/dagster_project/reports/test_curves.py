import re
from itertools import pairwise
from xml.etree import ElementTree as Xml

import pytest

from dagster_project.reports.chart import draw, time_ticks, value_ticks
from dagster_project.reports.contents import Curve, CurvePoint
from dagster_project.reports.curves import LARGEST_CURVE, Tracker, drawdown, thin
from dagster_project.reports.wording import cell, money, signed

MINUTE = 60_000_000_000


def points(*values):
    """Make points a minute apart."""
    return tuple(CurvePoint(number * MINUTE, value) for number, value in enumerate(values))


@pytest.mark.parametrize(("values", "expected"), [((), 0), ((5,), 0), ((1, 2, 3), 0), ((3, 1), 2), ((3, 5, 1, 9, 6), 4), ((-1, -4, 2), 3)])
def test_the_drawdown_is_the_largest_fall_from_a_peak(values, expected):
    """A later peak counts from itself, and losses below nothing count as well."""
    assert drawdown(points(*values)) == expected


def test_thinning_keeps_every_extreme_and_both_ends():
    """What a page cannot show is left out, and never the highest or the lowest point."""
    values = [(number * 7919) % 1_000 for number in range(10_000)]
    values[4_321], values[8_765] = -5_000, 5_000
    whole = points(*values)
    kept = thin(whole)
    assert len(kept) <= LARGEST_CURVE
    assert {whole[0], whole[-1], whole[4_321], whole[8_765]} <= set(kept)
    assert all(earlier.ts < later.ts for earlier, later in pairwise(kept))
    assert thin(whole[:50]) == whole[:50]


def test_a_second_value_at_a_time_replaces_the_first():
    """Each time has one value: the one after everything that happened then."""
    tracker = Tracker()
    for ts, value in ((1, 10), (1, 12), (2, 11)):
        tracker.add(ts, value)
    curve = tracker.curve("USDT")
    assert curve.points == (CurvePoint(1, 12), CurvePoint(2, 11))
    assert curve.drawdown == "0.00000001"


@pytest.mark.parametrize(("low", "high"), [(9_985.2, 10_540.0), (0.0, 0.0), (-3.0, -3.0), (-0.004, 0.003), (5e9, 5e9), (1.0, 1e7)])
def test_the_axis_has_few_round_values_around_the_curve(low, high):
    """A flat curve gets an axis too."""
    ticks = value_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert ticks[0] < ticks[-1]


@pytest.mark.parametrize("minutes", [1, 3, 59, 61, 1_441, 10_000, 600_000, 6_000_000])
def test_times_on_the_axis_are_round_and_few(minutes):
    """From a minute to years."""
    start = 1_600_000_000_000_000_000
    ticks = time_ticks(start, start + minutes * MINUTE)
    assert len(ticks) <= 7
    assert all(start <= tick <= start + minutes * MINUTE and tick % MINUTE == 0 for tick in ticks)


@pytest.mark.parametrize("values", [(0, 0), (10**12, 10**12 + 1, 10**12 - 5), (-(10**8), 10**8), tuple(range(1_000))])
def test_a_drawing_is_sound_xml_within_its_frame(values):
    """Every point lies inside, and a label that holds markup stays a label."""
    drawn = Xml.fromstring(draw(Curve("USDT", points(*values), "0"), 'a <b> & "c"'))
    assert drawn.attrib["aria-label"] == 'a <b> & "c"'
    _, _, width, height = map(float, drawn.attrib["viewBox"].split())
    line = next(one for one in drawn if one.attrib.get("class") == "line")
    found = [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
    assert len(found) == len(values)
    assert all(0 <= x <= width and 0 <= y <= height for x, y in found)


@pytest.mark.parametrize("values", [(), (1,)])
def test_less_than_two_points_are_no_curve(values):
    """There is no line to draw."""
    assert draw(Curve("USDT", points(*values), "0"), "label") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1234567.89500000", "1,234,567.90"),
        ("0.00000000", "0.00"),
        ("0.00012000", "0.00012"),
        ("-0.00100000", "-0.001"),
        ("-12.50000000", "-12.50"),
        (None, "unknown"),
    ],
)
def test_money_is_written_to_two_places_unless_they_would_hide_it(text, expected):
    """An amount below a cent is written out; what is not known says so."""
    assert money(text) == expected


def test_a_profit_has_its_sign():
    """Gains carry a plus; nothing earned carries none."""
    assert [signed(one) for one in ("1.00000000", "-1.00000000", "0.00000000", None)] == ["+1.00", "-1.00", "0.00", "unknown"]


def test_a_cell_of_markdown_holds_no_markup():
    """Bars, line ends and tags stay text."""
    assert cell("a|b\n<img> *c*") == "a\\|b \\<img\\> \\*c\\*"
    assert not re.search(r"(?<!\\)[|<]", cell("|<|"))
