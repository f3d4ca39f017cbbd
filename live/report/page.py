"""The page of a replay: one HTML file with its style, script and charts inside, readable with no network."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from html import escape
from pathlib import Path

from live.report.chart import ChartStyle, draw
from live.report.contents import OrderLine, PricePanel, ReplayReport

_HERE = Path(__file__).parent

TILES = (
    "profit after fees",
    "return",
    "maximum drawdown",
    "Sharpe ratio, per year",
    "trades (round trips)",
    "win rate",
    "exposure time",
    "equity at the end",
)
"""Figures that stand at the top, where a replay has them."""
TONED = frozenset({"profit after fees", "return"})
"""Of these, the ones that are coloured by their sign."""
_BREAKABLE = "\u200b"


def render_page(report: ReplayReport) -> str:
    """Give the report as one HTML document."""
    figures = dict(report.figures)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Replay of {escape(report.title)}</title>",
        f"<style>{(_HERE / 'page.css').read_text(encoding='utf-8')}</style></head><body>",
        f"<h1>{escape(report.title)}</h1>",
        f'<p class="soft">Replay from {_time(report.period[0])} to {_time(report.period[1])} UTC</p>',
        _tiles(figures),
        _notes(report.notes),
        *_curves(report),
        *(_panel(panel, report.period) for panel in report.panels),
        '<div class="columns"><section><h2>Result</h2>',
        _table(("Measure", "Value"), ((name, _breakable(value)) for name, value in report.figures)),
        "</section><section><h2>Denials by code</h2>",
        _denials(report.denials),
        "</section></div>",
        _orders(report.orders, report.all_orders),
        "<h2>Settings</h2>",
        '<p class="soft">Save this as a file and pass it with <code>--config</code>: the replay is the same, to the last record.</p>',
        f"<pre>{escape(report.settings)}</pre>",
        f"<details><summary>Effective limits</summary><pre>{escape(report.limits)}</pre></details>",
        "<footer>A replay is what would have been under the stated rules, not what will be. Equity, drawdown and exposure are measured "
        "at every market event; charts keep the lowest and the highest value of each stretch.</footer>",
        f"<script>{(_HERE / 'page.js').read_text(encoding='utf-8')}</script>",
        "</body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _tiles(figures: dict[str, str]) -> str:
    tiles: list[str] = []
    for name in TILES:
        if name in figures:
            tone = "" if name not in TONED else ' class="loss"' if figures[name].startswith("-") else ' class="gain"'
            tiles.append(f'<div class="tile"><b{tone}>{escape(_short(figures[name]))}</b><span>{escape(name)}</span></div>')
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _short(text: str) -> str:
    """Round an amount of money to hundredths; the table below has every digit."""
    amount, separator, asset = text.partition(" ")
    if not separator or asset == "%" or "." not in amount:
        return text
    try:
        return f"{Decimal(amount):,.2f} {asset}"
    except InvalidOperation:
        return text


def _notes(notes: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<div class="notes"><ul>{items}</ul></div>' if notes else ""


def _curves(report: ReplayReport) -> Iterable[str]:
    quote = report.quote
    for title, points, style in (
        (f"Equity, {quote}", report.equity, ChartStyle(label=f"Equity in {quote} over time", height=280)),
        (
            "Drawdown",
            report.drawdown,
            ChartStyle(label="Drawdown over time, share of the peak", height=170, percent=True, downward=True, tone="loss"),
        ),
        (
            "Exposure",
            report.exposure,
            ChartStyle(label="Gross value of positions over equity", height=150, percent=True, tone="quiet"),
        ),
    ):
        drawn = draw(points, style, report.period) or '<p class="soft">Nothing to draw.</p>'
        yield f"<h2>{escape(title)}</h2>\n{drawn}"


def _panel(panel: PricePanel, period: tuple[int, int]) -> str:
    name = escape(panel.instrument_id)
    style = ChartStyle(label=f"Price of {panel.instrument_id} with fills", height=300, area=False, tone="quiet")
    drawn = draw(panel.prices, style, period, panel.fills)
    shown = f"{panel.all_fills:,} fills"
    if len(panel.fills) < panel.all_fills:
        shown = f"{len(panel.fills):,} of {panel.all_fills:,} fills, evenly chosen"
    legend = f'<i class="gain">▲</i> bought &nbsp; <i class="loss">▼</i> sold &nbsp; {shown}'
    return f'<h2>Fills over price, {name}</h2>\n{drawn}\n<p class="legend">{legend}</p>'


def _denials(denials: dict[str, int]) -> str:
    if not denials:
        return '<p class="soft">No order was denied.</p>'
    return _table(("Code", "Orders"), ((code, f"{count:,}") for code, count in denials.items()), numbers=(1,))


def _orders(orders: Sequence[OrderLine], all_orders: int) -> str:
    if not orders:
        return '<h2>Orders</h2><p class="soft">No order was asked for.</p>'
    said = f"{all_orders:,} orders" if len(orders) == all_orders else f"The last {len(orders):,} of {all_orders:,} orders"
    columns = ("Time, UTC", "Order", "Instrument", "Side", "Type", "Quantity", "Filled", "Average price", "Fee", "State", "Detail")
    rows = (
        (
            _time(line.ts),
            line.order_id,
            line.instrument_id,
            line.side,
            line.order_type,
            line.quantity,
            line.filled,
            line.average_price,
            line.fees,
            line.state,
            line.detail,
        )
        for line in orders
    )
    table = _table(columns, rows, numbers=(5, 6, 7, 8))
    return f'<h2>Orders</h2>\n<p class="soft">{said}</p>\n<div class="scroll">{table}</div>'


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    marks = ['class="number"' if number in numbers else "" for number in range(len(columns))]
    head = "".join(f"<th {mark}>{escape(name)}</th>" for name, mark in zip(columns, marks, strict=True))
    body = "\n".join(
        "<tr>" + "".join(f"<td {mark}>{escape(value)}</td>" for value, mark in zip(row, marks, strict=True)) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _breakable(text: str) -> str:
    """Let a long digest break, without changing a shorter value that someone may copy."""
    return _BREAKABLE.join(text[at : at + 16] for at in range(0, len(text), 16)) if len(text) == 64 else text


def _time(ts: int) -> str:
    return datetime.fromtimestamp(ts // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
