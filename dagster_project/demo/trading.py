"""The acts in which the live service trades and is killed."""

from pathlib import Path

from dagster_project.demo.stage import Stage, scope_options
from dagster_project.demo.telling import show, title, working
from dagster_project.workbench.preparation import DEPLOYED

FILLS_TO_SEE = 6


def trade_in_dry_run(stage: Stage, config: Path) -> None:
    """Act 5: arm in two steps, and trade the next months through the same engine."""
    title(stage.console, 5, "Armed in two steps, it trades later bars through the same engine")
    stage.token = stage.interlock("token", "new", "demo", *scope_options("read", "arm", "disarm", "kill", "release"))["token"]
    with working(stage.console, "starting the live service"):
        address = stage.start_service(config)
    stage.console.print(f"  the service listens on {address.url} (its API: {address.url}/docs)")
    loaded = stage.call("GET", "/v1/deployments")
    stage.check(
        all(one["status"] == "LOADED" and one["mode"] == "DRY_RUN" for one in loaded),
        "the service verified both bundles again and loaded them in DRY_RUN",
        loaded,
    )
    stage.check(all(one["state"] == "DISARMED" for one in loaded), "it boots DISARMED", loaded)
    for strategy in DEPLOYED:
        challenge = stage.call("POST", "/v1/arm", {"strategy_id": strategy})
        wrong = {"challenge_id": challenge["challenge_id"], "phrase": "yes"}
        stage.call("POST", "/v1/arm/confirm", wrong, expect=409)
        stage.call("POST", "/v1/arm/confirm", {"challenge_id": challenge["challenge_id"], "phrase": challenge["phrase"]})
        stage.check(True, f"armed by typing “{challenge['phrase']}”; “yes” was refused")
    with working(stage.console, "trading"):
        stage.wait_for(lambda: _traded(stage), "both strategies traded")
    show(
        stage.console,
        "Last decisions",
        stage.call("GET", "/v1/decisions?limit=5"),
        ("strategy_id", "instrument_id", "requested", "target", "reason"),
    )
    show(
        stage.console,
        "Last orders",
        stage.call("GET", "/v1/orders?limit=5"),
        ("order_id", "instrument_id", "side", "order_type", "quantity", "state"),
    )
    fills = stage.call("GET", "/v1/fills?limit=1000")
    show(stage.console, "Last fills", fills[:5], ("order_id", "instrument_id", "side", "price", "quantity", "fee"))
    show(
        stage.console,
        "Positions",
        stage.call("GET", "/v1/positions"),
        ("strategy_id", "quantity", "mark", "realised", "fees", "profit", "quote"),
    )
    stage.check(len(fills) >= FILLS_TO_SEE, f"{len(fills)} fills so far, each after its intent was durable")


def kill_and_release(stage: Stage, config: Path) -> None:
    """Act 6: one call stops everything, and it stays stopped through a crash."""
    title(stage.console, 6, "One call stops everything, and a crash does not undo it")
    resting = stage.wait_for(lambda: stage.call("GET", "/v1/orders?open_only=true"), "an order rests on the book")
    reader = stage.interlock("token", "new", "viewer", *scope_options("read"))["token"]
    stage.call("POST", "/v1/kill", {"reason": "not allowed"}, expect=403, token=reader)
    stage.check(True, "a token without the scope gets 403, and the call is recorded")
    report = stage.call("POST", "/v1/kill", {"reason": "demo"})
    stage.check(
        report["proven"] and not report["open_orders"] and report["state"] == "KILLED",
        f"KILLED: open orders before {len(resting)}, after 0, proven in {report['seconds'] * 1000:.1f} ms",
        report,
    )
    stage.stop_service(kill=True)
    stage.check(True, "kill -9 of the service process")
    with working(stage.console, "restarting"):
        stage.start_service(config)
    state = stage.call("GET", "/v1/state")
    held = {one["state"] for one in state["trading_states"] if one["scope"] == "GLOBAL"}
    stage.check(held == {"KILLED"} and state["open_orders"] == 0, "after the restart it is still KILLED, with no open order", state)
    stage.call("POST", "/v1/arm", {"strategy_id": "ema_cross"}, expect=409)
    stage.check(True, "arming is refused while it is killed (409)")
    released = stage.call("POST", "/v1/release", {"reason": "the demo is over"})
    stage.check(released["state"] == "DISARMED", "released with a reason, into DISARMED", released)


def _traded(stage: Stage) -> bool:
    fills = stage.call("GET", "/v1/fills?limit=1000")
    return len(fills) >= FILLS_TO_SEE and {fill["strategy_id"] for fill in fills} == set(DEPLOYED)
