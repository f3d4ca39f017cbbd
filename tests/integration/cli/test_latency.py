"""`interlock latency`: what the service measured, for people and for programs."""

import io

from rich.console import Console

from live.cli.latency import print_latency


def test_a_service_that_traded_nothing_says_so_for_every_venue(service, interlock, monkeypatch):
    """No order was measured, and no venue has a clock of its own: what is missing is said, and what would fill it."""
    service.start()
    monkeypatch.setenv("INTERLOCK_TOKEN", service.token)
    shown = interlock("latency", "--json").document
    (venue,) = shown["venues"]
    assert (venue["venue_id"], venue["budget_ms"], venue["within_budget"], shown["clocks"]) == ("binance-spot", None, True, [])
    assert [stage["stage"] for stage in venue["stages"]] == ["decided", "checked", "durable", "sent", "acknowledged", "total"]
    answer = interlock("latency")
    orders, clocks = answer.out.splitlines()
    assert orders.startswith("binance-spot: no order yet in this session. The first order of an armed strategy fills decided, checked")
    assert "sent, acknowledged and total need an account that is LIVE there" in orders
    assert clocks == "Clocks of venues: none is measured: that begins when an account is LIVE at a venue outside this process"


def test_what_was_measured_is_shown_in_milliseconds_with_the_budget_and_the_clocks():
    """Of late where something was measured lately, else of the session; a venue over its budget stands out."""
    lately = {"count": 3, "p50": 1_500, "p90": 2_000, "p99": 90_000, "p99.9": 90_000, "maximum": 91_000}
    nothing = dict.fromkeys(lately) | {"count": 0}
    payload = {
        "venues": [
            {
                "venue_id": "local",
                "budget_ms": 50,
                "within_budget": False,
                "orders_over_budget": 2,
                "stages": [
                    {"stage": "sent", "recent": nothing, "session": lately},
                    {"stage": "total", "recent": lately, "session": lately},
                    {"stage": "decided", "recent": nothing, "session": nothing},
                ],
            }
        ],
        "clocks": [
            {
                "venue_id": "local",
                "verdict": "WARN",
                "offset_ms": 120.5,
                "uncertainty_ms": None,
                "kernel_synchronised": False,
                "failure": None,
            }
        ],
    }
    out = io.StringIO()
    print_latency(Console(file=out, width=200), payload)
    lines = [" ".join(line.replace("│", " ").replace("┃", " ").split()) for line in out.getvalue().splitlines()]
    assert "sent 3 1.500 2.000 90.000 90.000 91.000 session" in lines
    assert "total 3 1.500 2.000 90.000 90.000 91.000 5 minutes" in lines
    assert not any(line.startswith("decided") for line in lines)
    assert "OVER its budget of 50 ms; 2 orders of this session took longer" in lines
    assert "local WARN 120.500 not synchronised" in lines
