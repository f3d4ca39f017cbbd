"""`interlock latency`: how long orders take to each venue, and how far the venues' clocks are from ours."""

from typing import Any

from rich.console import Console

from live.cli.client import call
from live.cli.output import JsonOption, answer, print_table
from live.cli.serve import ConfigOption

EXAMPLE = "Example: interlock latency"
QUANTILES = ("p50", "p90", "p99", "p99.9", "maximum")

NO_ORDER = (
    "no order yet in this session. The first order of an armed strategy fills decided, checked and durable; sent, acknowledged and total "
    "need an account that is LIVE there. `interlock status` says whether a strategy is armed and has warmed up"
)
NO_CLOCK = "none is measured: that begins when an account is LIVE at a venue outside this process"


def latency(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show how long orders took in the last five minutes, stage by stage in milliseconds, and the venues' clocks.

    A stage is named by what ends it: decided, checked by risk, durable on the disk, sent, acknowledged by the venue. Total is the whole
    way, which the venue's latency budget is about. Where nothing was measured lately, the whole session is shown.
    """
    payload = call("GET", "/v1/latency", config=config)
    answer(payload, as_json=as_json, text=lambda console: print_latency(console, payload))


def print_latency(console: Console, payload: dict[str, Any]) -> None:
    """Print what the service measured."""
    for venue in payload["venues"]:
        rows = [_row(stage) for stage in venue["stages"] if stage["session"]["count"]]
        columns = ("stage", "orders", *QUANTILES, "of")
        if rows:
            print_table(console, f"{venue['venue_id']}, milliseconds", rows, columns, numbers=("orders", *QUANTILES))
        else:
            console.print(f"{venue['venue_id']}: {NO_ORDER}", markup=False)
        if venue["budget_ms"] is not None:
            said = "within" if venue["within_budget"] else "OVER"
            console.print(
                f"{said} its budget of {venue['budget_ms']} ms; {venue['orders_over_budget']} orders of this session took longer",
                style=None if venue["within_budget"] else "bold red",
                markup=False,
            )
    clocks = [
        {**clock, **{name: _figure(clock[name]) for name in ("offset_ms", "uncertainty_ms")}, "kernel": _kernel(clock)}
        for clock in payload["clocks"]
    ]
    if not clocks:
        console.print(f"Clocks of venues: {NO_CLOCK}", markup=False)
        return
    print_table(console, "Clocks of venues", clocks, ("venue_id", "verdict", "offset_ms", "uncertainty_ms", "kernel", "failure"))


def _row(stage: dict[str, Any]) -> dict[str, Any]:
    lately = stage["recent"]["count"] > 0
    shown: dict[str, Any] = stage["recent"] if lately else stage["session"]
    times = {name: _figure(shown[name] / 1_000) for name in QUANTILES}
    return {"stage": stage["stage"], "orders": shown["count"], **times, "of": "5 minutes" if lately else "session"}


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"


def _kernel(clock: dict[str, Any]) -> str:
    said = clock["kernel_synchronised"]
    return "does not say" if said is None else "synchronised" if said else "not synchronised"
