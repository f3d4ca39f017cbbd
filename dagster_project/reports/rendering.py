"""Render a daily summary: a page that needs nothing else, and Markdown that Dagster shows."""

from collections import Counter
from pathlib import Path

from dagster_project.reports import wording
from dagster_project.reports.chart import draw
from dagster_project.reports.contents import Curve, DailySummary, DeploymentDay, Event, ResultLine
from live.core.decimals import MONEY_SCALE, format_scaled, parse_scaled

SHOWN_FILLS = 500
"""Fills of one strategy that the page lists."""
OPEN_FILLS = 12
"""Up to so many, the list is open from the beginning."""

_TEMPLATES = Path(__file__).with_name("templates")


def render_page(summary: DailySummary) -> str:
    """Give the summary as one HTML file with its style and charts inside."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def chart(curve: Curve, label: str) -> Markup:
        return Markup(draw(curve, label))

    environment = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template("summary.html.j2").render(
        day=summary,
        badge=badge(summary),
        style=Markup((_TEMPLATES / "page.css").read_text()),
        day_results=day_results(summary),
        chart=chart,
        money=wording.money,
        signed=wording.signed,
        tone=wording.tone,
        time=wording.time,
        result_rows=_result_rows,
        position_rows=_position_rows,
        fill_rows=_fill_rows,
        event_rows=_event_rows,
        control_rows=[(wording.time(one.wall), one.kind, one.subject, one.detail) for one in summary.controls],
        gap_rows=[(one.instrument_id, wording.time(one.after), wording.time(one.until), one.detail) for one in summary.gaps],
        open_fills=OPEN_FILLS,
        shown_fills=SHOWN_FILLS,
    )


def render_markdown(summary: DailySummary) -> str:
    """Give the summary as Markdown, without curves and without the list of fills."""
    lines = [f"# {summary.day}", "", f"{summary.headline} ({badge(summary)})", ""]
    lines += [*(f"- {wording.cell(warning)}" for warning in summary.warnings), ""] if summary.warnings else []
    if summary.accounts:
        rows: list[tuple[object, ...]] = [
            (one.account_id, one.quote, wording.money(one.opening), wording.money(one.deposits), wording.money(one.closing))
            for one in summary.accounts
        ]
        lines += ["## Accounts", "", *wording.table(("Account", "Quote", "At the beginning", "Deposits", "At the end"), rows)]
    for one in summary.deployments:
        lines += [f"## {wording.cell(one.strategy_id)} on {wording.cell(one.account_id)}", ""]
        lines += wording.table(("Quote", "Profit", "Realised", "Fees", "Profit to date", "Bought", "Sold"), _result_rows(one))
        lines += wording.table(("Order state", "Orders"), list(one.orders.items())) if one.orders else ["No orders.", ""]
        lines += wording.table(("Denial", "Orders"), list(one.denials.items())) if one.denials else []
        if one.positions:
            lines += wording.table(("Instrument", "Quantity", "Cost", "Mark", "Value", "Unrealised"), _position_rows(one))
    if summary.alarms:
        lines += ["## Alarms", "", *wording.table(("Time", "Code", "Order", "Detail"), _event_rows(summary.alarms))]
    if summary.sessions:
        sessions: list[tuple[object, ...]] = [
            (one.session_id, one.status, one.records, wording.short(one.head), wording.time(one.sealed_at), one.note)
            for one in summary.sessions
        ]
        lines += ["## Sessions", "", *wording.table(("Session", "Status", "Records", "Chain head", "Sealed, UTC", "Note"), sessions)]
    return "\n".join(lines)


def badge(summary: DailySummary) -> str:
    """Say in a word or two how far the summary can be relied on."""
    if not summary.over:
        return "so far"
    return "complete" if summary.complete else "incomplete"


def day_results(summary: DailySummary) -> list[ResultLine]:
    """Add up what all deployments earned, by quote asset; a profit that is not known of one is not known of all."""
    totals: dict[str, Counter[str]] = {}
    unknown: set[tuple[str, str]] = set()
    names = ("realised", "fees", "profit", "profit_to_date", "bought", "sold")
    for line in (result for one in summary.deployments for result in one.results):
        total = totals.setdefault(line.quote, Counter())
        for name in names:
            text: str | None = getattr(line, name)
            if text is None:
                unknown.add((line.quote, name))
            else:
                total[name] += parse_scaled(text, MONEY_SCALE)

    def shown(quote: str, name: str) -> str:
        return format_scaled(totals[quote][name], MONEY_SCALE)

    def known(quote: str, name: str) -> str | None:
        return None if (quote, name) in unknown else shown(quote, name)

    return [
        ResultLine(
            quote,
            shown(quote, "realised"),
            shown(quote, "fees"),
            known(quote, "profit"),
            known(quote, "profit_to_date"),
            shown(quote, "bought"),
            shown(quote, "sold"),
        )
        for quote in sorted(totals)
    ]


def _result_rows(one: DeploymentDay) -> list[tuple[object, ...]]:
    return [
        (
            line.quote,
            wording.signed(line.profit),
            wording.signed(line.realised),
            wording.money(line.fees),
            wording.signed(line.profit_to_date),
            wording.money(line.bought),
            wording.money(line.sold),
        )
        for line in one.results
    ]


def _position_rows(one: DeploymentDay) -> list[tuple[object, ...]]:
    return [
        (
            line.instrument_id,
            line.quantity,
            wording.money(line.cost),
            wording.UNKNOWN if line.mark is None else line.mark,
            wording.money(line.value),
            wording.signed(line.unrealised),
        )
        for line in one.positions
    ]


def _fill_rows(one: DeploymentDay) -> list[tuple[object, ...]]:
    return [
        (
            wording.time(line.ts),
            line.instrument_id,
            f"{line.side} (late)" if line.late else line.side,
            line.quantity,
            line.price,
            f"{wording.money(line.fee)} {line.fee_asset}",
            f"{line.session_id} #{line.seq}",
        )
        for line in one.fills[:SHOWN_FILLS]
    ]


def _event_rows(events: tuple[Event, ...]) -> list[tuple[object, ...]]:
    return [(wording.time(one.ts), one.kind, one.subject, one.detail) for one in events]
