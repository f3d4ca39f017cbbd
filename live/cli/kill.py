"""`interlock kill`: stop, with or without the service.

The latch is engaged by `live.cli.entry` before any of this is imported; here the service is asked to cancel and prove.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from live.cli.client import ServiceRefused, ServiceUnreachable, call
from live.cli.output import CommandError, Finding, JsonOption, answer
from live.cli.serve import ConfigOption
from live.core.errors import InterlockError
from live.latch import KillOrder, engage, latch_path, parse_kill, read_latch

EXAMPLE = 'Example: interlock kill --reason "unexpected orders"'
ANSWER_SECONDS = 7.5
"""The service proves a kill within 5 s or says that it could not."""


def kill(
    context: typer.Context,
    strategy: Annotated[str, typer.Option("--strategy", help="Only this strategy.")] = "",
    venue: Annotated[str, typer.Option("--venue", help="Only this venue.")] = "",
    account: Annotated[str, typer.Option("--account", help="Only this account.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; it is written to the latch and the journal.")] = "interlock kill",
    home: Annotated[str, typer.Option("--home", help="Home of the service; INTERLOCK_HOME when left out.")] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop everything, or one strategy, venue or account, at once. Works without the service.

    The kill latch is engaged before anything else happens, and a running service sees it before the next order leaves. Then the
    service, if one runs, cancels what is open and proves it. KILLED survives restarts until `interlock release`. Exits 2 when a
    service runs and did not prove that nothing is open, or when nothing here is known to go by the name that was given.
    """
    del strategy, venue, account, reason, home  # read from the arguments again, by the rule that the latch was engaged by
    assert context.obj is not None, "`run` hands the arguments over"
    order = parse_kill(list(context.obj[1:]))
    path = latch_path(order.home, order.scope, order.target)
    payload: dict[str, Any] = {"scope": order.scope.upper(), "target": order.target, "latch": str(path), "service": None, "unproven": None}
    payload["latch_engaged"] = _is_engaged(path, order.reason)
    body = {"scope": order.scope.upper(), "target": order.target, "reason": order.reason[:200]}
    refused: InterlockError | None = None
    try:
        payload["service"] = call("POST", "/v1/kill", body, config=config, home=order.home, timeout=ANSWER_SECONDS)
    except ServiceUnreachable as error:
        payload["unproven"] = str(error)
    except InterlockError as error:
        refused = error
        payload["unproven"] = f"the service did not confirm: {error}"
        payload["service"] = error.problem.get("report") if isinstance(error, ServiceRefused) else None
    _raise_what_is_missing(order, payload, refused, config)
    answer(payload, as_json=as_json, text=lambda console: _print(console, order, payload))


def _is_engaged(path: Path, reason: str) -> bool:
    """Tell whether the latch is engaged, and engage it again when a release came between."""
    if not read_latch(path).engaged:
        try:
            engage(path, reason)
        except OSError:
            return False
    return read_latch(path).engaged


def _raise_what_is_missing(order: KillOrder, payload: dict[str, Any], refused: InterlockError | None, config: Path | None) -> None:
    report, name = payload["service"], _name(order)
    if isinstance(refused, ServiceRefused) and refused.status == 404:
        raise Finding(f"NOTHING WAS STOPPED: {refused}; `interlock kill` without a name stops everything", payload)
    if not payload["latch_engaged"]:
        raise Finding(f"the latch {payload['latch']} is NOT engaged: stop the service process and cancel at the venue", payload)
    if report is None and (doubt := _doubt_name(order, config)):
        said = f" ({payload['unproven']})" if isinstance(refused, CommandError) else ""
        raise Finding(f"{doubt}; `interlock kill` without a name stops everything{said}", payload)
    if refused is not None:
        raise Finding(f"UNPROVEN: the latch of {name} is engaged, but {payload['unproven']}; look at the venue", payload)
    if report is not None and not report["proven"]:
        raise Finding(
            f"UNPROVEN: the latch of {name} is engaged, but {len(report['open_orders'])} orders may be open: look at the venue", payload
        )


def _doubt_name(order: KillOrder, config: Path | None) -> str:
    """Say that what was named is not configured, or that nobody can tell; empty when it is, and for everything.

    Where no service answered, only the configuration knows the names, and whoever misspelt one must not believe that something stopped.
    """
    from live.configuration import load_configuration
    from live.service.scopes import configured_scopes, scope_name

    name = _name(order)
    unsure = f"UNPROVEN: the latch of {name} is engaged, but nobody can tell whether anything here goes by that name"
    if not order.target:
        return ""
    try:
        configuration = load_configuration(config)
    except InterlockError as error:
        return f"{unsure}: {error}"
    if configuration.file is None:
        return f"{unsure}: there is no configuration file here, name it with --config"
    known = configured_scopes(configuration)
    if (order.scope.upper(), order.target) in known:
        return ""
    names = ", ".join(scope_name(*key) for key in known)
    return f"NOTHING IS STOPPED BY THIS: {name} is not configured here, there are {names}; its latch stops what is named so later"


def _print(console: Console, order: KillOrder, payload: dict[str, Any]) -> None:
    report = payload["service"]
    console.print(f"[bold red]KILLED[/]: {_name(order)}")
    console.print(f"nothing new is sent, across restarts, until `{_release_command(order)}`", markup=False)
    if report is None:
        console.print(
            f"UNPROVEN: {payload['unproven']}\nNo service runs that could cancel: look at the venue for open orders.", markup=False
        )
        return
    canceled = len(report["canceled"])
    console.print(f"proven in {report['seconds'] * 1000:.0f} ms: no order is open ({canceled} canceled by this call)", markup=False)


def _release_command(order: KillOrder) -> str:
    scope = f" --{order.scope} {order.target}" if order.target else ""
    return f"interlock release{scope} --reason WHY"


def _name(order: KillOrder) -> str:
    return f"{order.scope} {order.target}" if order.target else "everything"
