"""`interlock status|load|arm|disarm|reduce-only|cancel-only|explain|resolve|release`: the control plane from a terminal."""

import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, cast
from urllib.parse import quote

import typer
from rich.console import Console

from live.cli.client import call
from live.cli.output import CommandError, JsonOption, answer, print_table
from live.cli.serve import ConfigOption

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is written to the journal.")]
StrategyOption = Annotated[str, typer.Option("--strategy", help="Only this strategy.")]
VenueOption = Annotated[str, typer.Option("--venue", help="Only this venue.")]
AccountOption = Annotated[str, typer.Option("--account", help="Only this account.")]

STATUS_EXAMPLE = "Example: INTERLOCK_TOKEN=ilk_... interlock status"
LOAD_EXAMPLE = "Example: interlock load"
ARM_EXAMPLE = "Example: interlock arm ema_cross --maximum-order-notional 2000.00"
DISARM_EXAMPLE = 'Example: interlock disarm --strategy ema_cross --reason "end of day"'
REDUCE_ONLY_EXAMPLE = 'Example: interlock reduce-only --strategy ema_cross --reason "spread too wide"'
CANCEL_ONLY_EXAMPLE = 'Example: interlock cancel-only --venue binance-spot --reason "venue announced maintenance"'
EXPLAIN_EXAMPLE = 'Example: interlock explain desk USDT --reason "paid in by hand, ticket 12"'
RESOLVE_EXAMPLE = 'Example: interlock resolve ILF3VC8CD22 never-placed --reason "support found no trace of it, ticket 12"'
RELEASE_EXAMPLE = 'Example: interlock release --reason "duplicate feed removed, positions reconciled"'


class OrderFinding(StrEnum):
    """What a person found out about an order."""

    NEVER_PLACED = "never-placed"
    ENDED = "ended"


def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show what the service holds: states, deployments, positions, open orders."""
    payload = {
        "state": call("GET", "/v1/state", config=config),
        "deployments": call("GET", "/v1/deployments", config=config),
        "positions": call("GET", "/v1/positions", config=config),
        "open_orders": call("GET", "/v1/orders?open_only=true", config=config),
    }
    answer(payload, as_json=as_json, text=lambda console: _print_status(console, payload))


def load(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Load what is pending: versions that `interlock sync` accepted and the service has not loaded. Nothing may be armed.

    The service closes its session and opens the next one, DISARMED; the market goes on where it stopped. A restart loads what is
    pending too.
    """
    payload = call("POST", "/v1/deployments/load", config=config)
    loaded = ", ".join(f"{one['version']} (registry version {one['registry_version']})" for one in payload["loaded"].values())
    sentence = f"loaded {loaded}; session {payload['session_id']}, DISARMED" if loaded else "nothing is pending"
    answer(payload, as_json=as_json, text=lambda console: console.print(sentence, markup=False))


def arm(
    strategy: Annotated[str, typer.Argument(help="Strategy id of a deployment.")],
    maximum_order_notional: Annotated[
        str | None, typer.Option(help="Ceiling of one order in the quote asset; the limit of the bundle when left out.")
    ] = None,
    lease_seconds: Annotated[int | None, typer.Option(min=1, help="How long the lease lives; the longest allowed when left out.")] = None,
    phrase: Annotated[str | None, typer.Option(help="The phrase, for use without a terminal.")] = None,
    code: Annotated[str | None, typer.Option(help="Your one-time code, which arming LIVE needs; asked for at a terminal.")] = None,
    challenge: Annotated[
        str | None, typer.Option(help="Confirm what another person began to arm, where two persons are needed; they tell you its id.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Arm a deployment in two steps: look at the preflight, then type the phrase; LIVE needs your one-time code too."""
    asked = _ask_to_arm(strategy, maximum_order_notional, challenge, config)
    if phrase is None or (asked["needs_code"] and code is None):
        _need_terminal(asked)
        _print_preflight(Console(stderr=True, highlight=False), asked)
    typed = typer.prompt(f"Type: {asked['phrase']}\n", prompt_suffix="", err=True) if phrase is None else phrase
    if asked["needs_code"] and code is None:
        code = typer.prompt("Your one-time code", err=True)
    confirmation = {"challenge_id": asked["challenge_id"], "phrase": typed, "lease_seconds": lease_seconds, "code": code or ""}
    lease = call("POST", "/v1/arm/confirm", confirmation, config=config)
    until = _time(lease["expires_at"])
    if lease["lease_id"] is None:
        again = f"interlock arm {strategy} --challenge {asked['challenge_id']}"
        sentence = f"{strategy} is not armed yet: another person must confirm until {until}, with a token of their own: {again}"
    else:
        sentence = f"{strategy} is ARMED until {until}, up to {lease['maximum_order_notional']} an order"
    answer(lease, as_json=as_json, text=lambda console: console.print(sentence, markup=False))


def _ask_to_arm(strategy: str, maximum_order_notional: str | None, challenge: str | None, config: ConfigOption) -> dict[str, Any]:
    if challenge is None:
        request = {"strategy_id": strategy, "maximum_order_notional": maximum_order_notional}
        return call("POST", "/v1/arm", request, config=config)
    if maximum_order_notional is not None:
        raise CommandError("the challenge has a ceiling already: leave --maximum-order-notional out, or begin to arm anew")
    found = call("GET", f"/v1/arm/{quote(challenge, safe='')}", config=config)
    if found["strategy_id"] != strategy:
        raise CommandError(f"the challenge is for {found['strategy_id']}, not for {strategy}: ask the other person what is being armed")
    return found


def _need_terminal(asked: dict[str, Any]) -> None:
    if not sys.stdin.isatty():
        code = " and --code with your one-time code" if asked["needs_code"] else ""
        raise CommandError(f"arming needs a person at a terminal, or --phrase {asked['phrase']!r}{code}")


def disarm(
    strategy: StrategyOption = "",
    venue: VenueOption = "",
    account: AccountOption = "",
    reason: ReasonOption = "interlock disarm",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End leases and cancel orders: everything, or one strategy, venue or account."""
    _command("/v1/disarm", _scope(strategy, venue, account), reason, config, as_json=as_json)


def reduce_only(
    strategy: StrategyOption = "",
    venue: VenueOption = "",
    account: AccountOption = "",
    reason: ReasonOption = "interlock reduce-only",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let orders only reduce positions: everywhere, or in one scope. A stricter state stays; to loosen, disarm and arm again."""
    _command("/v1/reduce-only", _scope(strategy, venue, account), reason, config, as_json=as_json)


def cancel_only(
    strategy: StrategyOption = "",
    venue: VenueOption = "",
    account: AccountOption = "",
    reason: ReasonOption = "interlock cancel-only",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let only cancels out: everywhere, or in one scope. A stricter state stays; to loosen, disarm and arm again."""
    _command("/v1/cancel-only", _scope(strategy, venue, account), reason, config, as_json=as_json)


def release(
    reason: Annotated[str, typer.Option("--reason", help="Why it is safe again; required.")],
    strategy: StrategyOption = "",
    venue: VenueOption = "",
    account: AccountOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Clear a kill, with a reason, into DISARMED; arming again takes its two steps."""
    _command("/v1/release", _scope(strategy, venue, account), reason, config, as_json=as_json)


def explain(
    account: Annotated[str, typer.Argument(help="A LIVE account whose balance differs from the venue's.")],
    asset: Annotated[str, typer.Argument(help="Which asset, like USDT.")],
    reason: Annotated[str, typer.Option("--reason", help="What the difference is: a deposit, a withdrawal, an order by hand; required.")],
    difference: Annotated[
        str | None,
        typer.Option("--difference", help="What the venue has minus what is here; refused if it is another by now.", show_default=False),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Vouch for what a balance at the venue differs by: it is posted as paid in or out, and the comparison can be clean again."""
    body = {"asset": asset, "reason": reason, "difference": difference}
    payload = call("POST", f"/v1/accounts/{quote(account, safe='')}/explain", body, config=config)
    said = f"{payload['account_id']} holds {payload['balance']} {payload['asset']}, as its venue says"
    answer(payload, as_json=as_json, text=lambda console: console.print(said, markup=False))


def resolve(
    order: Annotated[str, typer.Argument(help="An order's id, as `interlock status` shows it.")],
    finding: Annotated[
        OrderFinding, typer.Argument(help="never-placed: the venue never had it; ended: it no longer rests there.", case_sensitive=False)
    ],
    reason: Annotated[str, typer.Option("--reason", help="How you know: a statement, the venue's support; required.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Vouch for what became of an order that no answer of its venue settles; what it held back is free again.

    The venue's own word stays above yours: if it shows the order working after all, the order is taken back and its strategy is killed.
    """
    body = {"resolution": finding.replace("-", "_").upper(), "reason": reason}
    payload = call("POST", f"/v1/orders/{quote(order, safe='')}/resolve", body, config=config)
    answer(payload, as_json=as_json, text=lambda console: console.print(f"order {payload['order_id']} is {payload['state']}", markup=False))


def _command(path: str, named: tuple[str, str], reason: str, config: ConfigOption, *, as_json: bool) -> None:
    scope, target = named
    payload = call("POST", path, {"scope": scope, "target": target, "reason": reason}, config=config)
    name = f"{scope.lower()} {target}" if target else "everything"
    answer(payload, as_json=as_json, text=lambda console: console.print(f"{name} is {payload['state']}", markup=False))


def _scope(strategy: str, venue: str, account: str) -> tuple[str, str]:
    given = [(scope, target) for scope, target in (("STRATEGY", strategy), ("VENUE", venue), ("ACCOUNT", account)) if target]
    if len(given) > 1:
        raise CommandError("name one of --strategy, --venue and --account, or none for everything")
    return given[0] if given else ("GLOBAL", "")


def _print_status(console: Console, payload: dict[str, Any]) -> None:
    state = payload["state"]
    console.print(f"session {state['session_id']}, engine time {_time(state['engine_time'])}", markup=False)
    if state["halted"]:
        console.print(f"HALTED: {state['halted']}", style="bold red", markup=False)
    leases = {name: _time(lease["expires_at"]) for name, lease in state["leases"].items()}
    deployments: list[dict[str, Any]] = [
        {
            **one,
            "armed_until": leases.get(one["strategy_id"]),
            "pending": None if one["pending"] is None else one["pending"]["version"],
            "warm_up": _warm_up(one["warm_up"]),
        }
        for one in payload["deployments"]
    ]
    columns = ("strategy_id", "version", "mode", "status", "state", "armed_until", "warm_up", "pending", "reason")
    print_table(console, "Deployments", deployments, columns)
    print_table(
        console,
        "Positions",
        payload["positions"],
        ("strategy_id", "account_id", "instrument_id", "quantity", "mark", "profit", "quote"),
        numbers=("quantity", "mark", "profit"),
    )
    print_table(
        console,
        "Open orders",
        payload["open_orders"],
        ("order_id", "instrument_id", "side", "quantity", "filled_quantity", "limit_price", "state"),
        numbers=("quantity", "filled_quantity", "limit_price"),
    )
    print_table(console, "Trading states", state["trading_states"], ("scope", "target", "state"))


def _warm_up(warm_up: dict[str, Any] | None) -> str | None:
    """Say how many bars a strategy had of those it needs before it asks for anything; nothing once it has them."""
    if warm_up is None or not warm_up["lasts"]:
        return None
    instrument_id, had = min(warm_up["had"].items(), key=lambda one: one[1])
    said = f"{had} of {warm_up['needed']} bars"
    return f"{said} of {instrument_id}" if len(warm_up["had"]) > 1 else said


def _print_preflight(console: Console, challenge: dict[str, Any]) -> None:
    preflight = challenge["preflight"]
    shown = {name: value for name, value in preflight.items() if name not in {"blocks", "bound", "limits", "unknown_orders"}}
    rows = [{"what": name.replace("_", " "), "value": _words(value)} for name, value in shown.items()]
    limits: dict[str, Any] = dict(preflight["limits"])
    quantities: dict[str, str] = limits.pop("maximum_order_quantity")
    rows += [{"what": f"maximum order quantity of {name}", "value": value} for name, value in quantities.items()]
    rows += [{"what": name.replace("_", " "), "value": value} for name, value in limits.items()]
    rows += [{"what": f"bound to {name}", "value": value} for name, value in preflight["bound"].items() if name != "limits"]
    print_table(console, "Look at this before you arm", rows, ("what", "value"))
    console.print(f"The challenge holds until {_time(challenge['expires_at'])}.", markup=False)


def _words(value: object) -> object:
    """Write a table as words; what is empty says so."""
    if not isinstance(value, dict):
        return value
    table = cast("dict[str, object]", value)
    return ", ".join(f"{name} {one}" for name, one in table.items()) or "none"


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
