"""The page of a replay stands by itself, says everything, and trusts no text that it shows."""

import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from live.report.chart import ChartStyle, draw, time_ticks, value_ticks
from live.report.contents import CurvePoint, FillMark, OrderLine, PricePanel, ReplayReport
from live.report.page import render_page

HOUR = 3_600 * 10**9
START = 1_640_995_200 * 10**9
POINTS = tuple(CurvePoint(START + hour * HOUR, 100.0 + hour % 7) for hour in range(48))
PERIOD = (START, START + 47 * HOUR)


def report() -> ReplayReport:
    """Make a report with something of everything."""
    order = OrderLine(START, "IL1", "s", "x:BTCUSDT", "BUY", "MARKET", "1.0", "0.0", "", "", "DENIED", "DATA_STALE: <b>age</b>")
    return ReplayReport(
        title="cross@abc1234",
        period=PERIOD,
        quote="USDT",
        figures=(("profit after fees", "-12.34567800 USDT"), ("return", "-0.1234 %"), ("parity digest", "ab" * 32)),
        equity=POINTS,
        drawdown=tuple(CurvePoint(point.ts, 0.01) for point in POINTS),
        exposure=POINTS,
        panels=(
            PricePanel("x:BTCUSDT", POINTS, (FillMark(START + HOUR, 101.0, "BUY", "1"), FillMark(START + 2 * HOUR, 102.0, "SELL", "1")), 9),
        ),
        orders=(order,),
        all_orders=5,
        denials={"DATA_STALE": 1},
        settings='data = ["x.tape"]\n',
        limits="[limits]\nmaximum_open_orders = 3\n",
        notes=("Take <care>.",),
    )


class Reader(HTMLParser):
    """Collect what a page loads, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        """Note what would be fetched."""
        self.loads += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "action"}]

    def handle_data(self, data):
        """Collect text."""
        self.text += data


def test_the_page_fetches_nothing():
    """No source, link, import or font lies outside the file."""
    page = render_page(report())
    reader = Reader()
    reader.feed(page)
    assert reader.loads == []
    assert not re.search(r"@import|url\(|https?://", page)


def test_the_page_says_everything_that_a_replay_has():
    """Figures to the last digit, curves, fills, orders, denials, settings, limits and notes."""
    page = render_page(report())
    assert page.count("<svg") == 4
    for text in ("-12.34567800 USDT", "Drawdown", "x:BTCUSDT", "IL1", "DATA_STALE", "x.tape", "maximum_open_orders = 3"):
        assert text in page
    assert (page.count('class="buy"'), page.count('class="sell"')) == (1, 1)
    assert "2 of 9 fills, evenly chosen" in page
    assert "The last 1 of 5 orders" in page
    assert "prefers-color-scheme: dark" in page


def test_text_of_strategies_cannot_become_markup():
    """A reason, a name or a note is shown as it was written."""
    page = render_page(report())
    assert "<b>age</b>" not in page
    assert "&lt;b&gt;age&lt;/b&gt;" in page
    assert "Take &lt;care&gt;." in page


def test_a_replay_in_which_nothing_happened_has_a_page():
    """Without orders, denials or curves there are sentences in their place."""
    nothing = replace(report(), equity=(), drawdown=(), exposure=(), panels=(), orders=(), all_orders=0, denials={}, notes=())
    page = render_page(nothing)
    assert "No order was denied." in page
    assert "No order was asked for." in page
    assert page.count("Nothing to draw.") == 3


@pytest.mark.parametrize("downward", [False, True])
def test_a_larger_value_lies_higher_and_a_deeper_drawdown_lower(downward):
    """The first and the second point of the line, in the chart's own coordinates."""
    points = (CurvePoint(START, 0.1), CurvePoint(START + HOUR, 0.2))
    drawn = draw(points, ChartStyle(label="x", downward=downward), (START, START + HOUR))
    line = re.search(r'class="line" points="([^"]+)"', drawn)
    assert line is not None
    first, second = (float(pair.split(",")[1]) for pair in line[1].split())
    assert (first > second) is not downward


def test_axes_have_round_numbers_that_hold_the_values():
    """Steps are 1, 2 or 5 times a power of ten; times are whole hours or days."""
    assert value_ticks(98_337.7, 100_768.0) == [98_000.0, 99_000.0, 100_000.0, 101_000.0]
    assert value_ticks(5.0, 5.0)[0] <= 5.0 <= value_ticks(5.0, 5.0)[-1]
    ticks = time_ticks(START, START + 47 * HOUR)
    assert 1 < len(ticks) <= 8
    assert all(tick % HOUR == 0 for tick in ticks)
