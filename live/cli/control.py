"""`interlock status|arm|disarm|kill|release`: the control plane from a terminal."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from live.cli.client import ServiceUnreachable, call
from live.cli.output import CommandError, Finding, JsonOption, answer
from live.cli.serve import ConfigOption
from live.latch import latch_path, parse_kill, read_latch

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is written to the journal.")]
StrategyOption = Annotated[str, typer.Option("--strategy", help="One strategy.")]
VenueOption = Annotated[str, typer.Option("--venue", help="One venue.")]
AccountOption = Annotated[str, typer.Option("--account", help="One account.")]


def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what the service holds: states, deployments, positions, open orders.

    Example: INTERLOCK_TOKEN=… interlock status
    """
    payload = {
        "state": call("GET", "/v1/state", config=config),
        "deployments": call("GET", "/v1/deployments", config=config),
        "positions": call("GET", "/v1/positions", config=config),
        "open_orders": call("GET", "/v1/orders?open_only=true", config=config),
    }

    def text(console: Console) -> None:
        state = payload["state"]
        console.print(f"session {state['session_id']}" + (f"  [bold red]HALTED: {state['halted']}[/]" if state["halted"] else ""))
        _print_table(console, "Deployments", payload["deployments"], ("strategy_id", "mode", "status", "state", "version", "reason"))
        _print_table(console, "Positions", payload["positions"], ("strategy_id", "instrument_id", "quantity", "mark", "profit", "quote"))
        _print_table(console, "Open orders", payload["open_orders"], ("order_id", "instrument_id", "side", "quantity", "limit_price", "state"))
        _print_table(console, "Trading states", state["trading_states"], ("scope", "target", "state"))

    answer(payload, as_json=as_json, text=text)


def arm(
    strategy: Annotated[str, typer.Argument(help="Strategy id of a deployment.")],
    maximum_order_notional: Annotated[str | None, typer.Option(help="Ceiling of one order in the quote asset; the limit when left out.")] = None,
    lease_seconds: Annotated[int | None, typer.Option(help="How long the lease lives.")] = None,
    phrase: Annotated[str | None, typer.Option(help="The phrase, for use without a terminal.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Arm a deployment in two steps: look at the preflight, then type the phrase.

    Example: interlock arm ema_cross --maximum-order-notional 2000.00
    """
    request = {"strategy_id": strategy, "maximum_order_notional": maximum_order_notional}
    challenge = call("POST", "/v1/arm", request, config=config)
    typed = phrase
    if typed is None:
        if not sys.stdin.isatty():
            raise CommandError(f"arming needs a person at a terminal, or --phrase {challenge['phrase']!r}")
        console = Console(stderr=True)
        console.print_json(data=challenge["preflight"])
        typed = typer.prompt(f"Type: {challenge['phrase']}\n", prompt_suffix="", err=True)
    confirmation = {"challenge_id": challenge["challenge_id"], "phrase": typed, "lease_seconds": lease_seconds}
    lease = call("POST", "/v1/arm/confirm", confirmation, config=config)

    def text(console: Console) -> None:
        until = datetime.fromtimestamp(lease["expires_at"] / 1e9, UTC).isoformat(timespec="seconds")
        console.print(f"{strategy} is ARMED until {until}, up to {lease['maximum_order_notional']} an order")

    answer(lease, as_json=as_json, text=text)


def disarm(
    strategy: StrategyOption = "",
    venue: VenueOption = "",
    account: AccountOption = "",
    reason: ReasonOption = "interlock disarm",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End leases and cancel orders: everything, or one strategy, venue or account.

    Example: interlock disarm --strategy ema_cross --reason "end of day"
    """
    scope, target = _scope(strategy, venue, account)
    payload = call("POST", "/v1/disarm", {"scope": scope, "target": target, "reason": reason}, config=config)
    answer(payload, as_json=as_json, text=lambda console: console.print(f"{_name(scope, target)} is {payload['state']}"))


def kill(
    strategy: StrategyOption = "",
    venue: VenueOption = "",
    account: AccountOption = "",
    reason: ReasonOption = "interlock kill",
    home: Annotated[str, typer.Option("--home", help="Home of the service; INTERLOCK_HOME when left out.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop everything, or one strategy, venue or account, at once. Works without the service.

    The kill latch is engaged before anything else happens; a running service sees it before the next order leaves. Then
    the service, if it answers, cancels what is open and proves it. KILLED survives restarts until `interlock release`.

    Example: interlock kill --reason "unexpected orders"
    """
    del home
    directory, latch_scope, latch_target, _ = parse_kill(sys.argv[2:])
    path = latch_path(directory, latch_scope, latch_target)
    reading = read_latch(path)
    scope, target = _scope(strategy, venue, account)
    payload: dict[str, Any] = {"latch": str(path), "latch_engaged": reading.engaged, "service": None}
    try:
        payload["service"] = call("POST", "/v1/kill", {"scope": scope, "target": target, "reason": reason}, config=config)
    except ServiceUnreachable as error:
        payload["unproven"] = str(error)
    except CommandError as error:
        payload["unproven"] = f"the service did not confirm: {error}"
    report = payload["service"]
    if not reading.engaged:
        raise Finding(f"the latch {path} is NOT engaged: stop the service process and cancel at the venue", payload)
    if report is not None and not report["proven"]:
        raise Finding(f"UNPROVEN: the latch is engaged, but {len(report['open_orders'])} orders may be open: look at the venue", payload)

    def text(console: Console) -> None:
        console.print(f"[bold red]{_name(scope, target)} KILLED[/]: latch {path} is engaged")
        if report is None:
            console.print(f"UNPROVEN: {payload['unproven']}\nNothing new can be sent. Check open orders at the venue.")
        else:
            console.print(f"{len(report['canceled'])} orders canceled, none open (proven in {report['seconds'] * 1000:.0f} ms)")

    answer(payload, as_json=as_json, text=text)


def release(
    reason: Annotated[str, typer.Option("--reason", help="Why it is safe again; required.")],
    strategy: StrategyOption = "",
    venue: VenueOption = "",
    account: AccountOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Clear a kill, with a reason, into DISARMED; arming again takes its two steps.

    Example: interlock release --reason "duplicate feed removed, positions reconciled"
    """
    scope, target = _scope(strategy, venue, account)
    payload = call("POST", "/v1/release", {"scope": scope, "target": target, "reason": reason}, config=config)
    answer(payload, as_json=as_json, text=lambda console: console.print(f"{_name(scope, target)} is {payload['state']}"))


def _scope(strategy: str, venue: str, account: str) -> tuple[str, str]:
    given = [(scope, target) for scope, target in (("STRATEGY", strategy), ("VENUE", venue), ("ACCOUNT", account)) if target]
    if len(given) > 1:
        raise CommandError("name one of --strategy, --venue and --account, or none for everything")
    return given[0] if given else ("GLOBAL", "")


def _name(scope: str, target: str) -> str:
    return f"{scope.lower()} {target}" if target else "everything"


def _print_table(console: Console, title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*("" if row.get(column) is None else str(row[column]) for column in columns))
    console.print(table if rows else f"{title}: none")
