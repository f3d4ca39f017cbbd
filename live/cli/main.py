"""`interlock`: every command in one place; commands of the pipeline join through entry points."""

from importlib.metadata import entry_points
from inspect import cleandoc
from typing import Any

import typer
from rich.markup import escape
from typer.exceptions import Abort, TyperException

from live.cli import (
    config,
    control,
    doctor,
    exchange,
    journal,
    keys,
    kill,
    latency,
    promote,
    replay,
    serve,
    session,
    spec,
    strategy,
    sync,
    token,
    venue,
)
from live.cli.output import CommandError, UsageProblem, run_reporting_errors

app = typer.Typer(
    name="interlock",
    help="Take a trading strategy from a notebook to live orders, and make every step prove itself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(strategy.app, name="strategy")
app.add_typer(keys.app, name="keys")
app.add_typer(promote.app, name="promote")
app.add_typer(token.app, name="token")
app.add_typer(journal.app, name="journal")
app.add_typer(session.app, name="session")
app.add_typer(config.app, name="config")
app.add_typer(spec.app, name="spec")
app.add_typer(venue.app, name="venue")
app.command("replay", epilog=replay.EXAMPLE)(replay.replay_command)
app.command("serve", epilog=serve.EXAMPLE)(serve.serve_command)
app.command("exchange", epilog=exchange.EXAMPLE)(exchange.exchange_command)
app.command("sync", epilog=sync.EXAMPLE)(sync.sync)
app.command("doctor", epilog=doctor.EXAMPLE)(doctor.doctor_command)
app.command("status", epilog=control.STATUS_EXAMPLE)(control.status)
app.command("latency", epilog=latency.EXAMPLE)(latency.latency)
app.command("load", epilog=control.LOAD_EXAMPLE)(control.load)
app.command("arm", epilog=control.ARM_EXAMPLE)(control.arm)
app.command("disarm", epilog=control.DISARM_EXAMPLE)(control.disarm)
app.command("reduce-only", epilog=control.REDUCE_ONLY_EXAMPLE)(control.reduce_only)
app.command("cancel-only", epilog=control.CANCEL_ONLY_EXAMPLE)(control.cancel_only)
app.command("kill", epilog=kill.EXAMPLE)(kill.kill)
app.command("explain", epilog=control.EXPLAIN_EXAMPLE)(control.explain)
app.command("resolve", epilog=control.RESOLVE_EXAMPLE)(control.resolve)
app.command("release", epilog=control.RELEASE_EXAMPLE)(control.release)

OWN_PACKAGES = ("live", "dagster_project", "strategies", "expectations")
PIPELINE_HINT = "install the pipeline to get it: pip install 'interlock[pipeline]'"


def run(arguments: list[str]) -> int:
    """Run the command line and return the exit code: 0 done, 1 an error, 2 a check that does not hold or wrong usage."""
    _join_pipeline_commands(arguments)
    as_json = "--json" in arguments
    exit_code = 0

    def invoke() -> None:
        nonlocal exit_code
        try:
            exit_code = _call(arguments, as_json=as_json)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in OWN_PACKAGES:
                raise
            raise CommandError(
                f"`interlock {' '.join(arguments[:2])}` needs {error.name}, which is not installed: {PIPELINE_HINT}"
            ) from None

    return run_reporting_errors(invoke, as_json=as_json) or exit_code


def _call(arguments: list[str], *, as_json: bool) -> int:
    """Run the command; for people the library explains wrong usage, for programs it is an error like any other."""
    command = typer.main.get_command(app)
    _flow(command)
    try:
        done = command.main(args=arguments, prog_name="interlock", standalone_mode=not as_json, obj=tuple(arguments))
    except SystemExit as ended:
        done = ended.code
    except TyperException as error:
        raise UsageProblem(f"{error.format_message().rstrip('.')}: see `interlock {_command_of(arguments)}--help`") from None
    except Abort:
        raise CommandError("stopped by the person at the terminal") from None
    return done if isinstance(done, int) else 0


def _flow(command: Any) -> None:
    """Let paragraphs of help fill whatever terminal shows them, and brackets be brackets: the library takes both for layout."""
    command.help = escape("\n\n".join(" ".join(part.split()) for part in cleandoc(command.help or "").split("\n\n")))
    for inner in getattr(command, "commands", {}).values():
        _flow(inner)


def _command_of(arguments: list[str]) -> str:
    """Give the words before the first option, as far as they name a command."""
    words = [word for word in arguments[:2] if not word.startswith("-")]
    return "".join(f"{word} " for word in words[: 2 if words[:1] and words[0] in _GROUPS else 1])


_GROUPS = ("strategy", "keys", "promote", "token", "journal", "session", "config", "spec", "venue", "dataset")


def _join_pipeline_commands(arguments: list[str]) -> None:
    """Add the commands of the pipeline unless one of the live host's own is called: finding them imports some of its code."""
    known = {one.name for one in (*app.registered_groups, *app.registered_commands)}
    if arguments and arguments[0] in known:
        return
    for entry in entry_points(group="interlock.commands"):
        if entry.name not in known:
            app.add_typer(entry.load(), name=entry.name)
