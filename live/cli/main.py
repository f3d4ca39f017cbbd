"""`interlock`: every command in one place; commands of the pipeline join through entry points."""

from importlib.metadata import entry_points

import typer

from live.cli import config, control, doctor, journal, keys, replay, serve, session, spec, strategy, token
from live.cli.output import CommandError, run_reporting_errors

app = typer.Typer(
    name="interlock",
    help="Take a trading strategy from a notebook to live orders, and make every step prove itself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(strategy.app, name="strategy")
app.add_typer(keys.app, name="keys")
app.add_typer(token.app, name="token")
app.add_typer(journal.app, name="journal")
app.add_typer(session.app, name="session")
app.add_typer(config.app, name="config")
app.add_typer(spec.app, name="spec")
app.command("replay")(replay.replay_command)
app.command("serve")(serve.serve_command)
app.command("doctor")(doctor.doctor_command)
app.command("status")(control.status)
app.command("arm")(control.arm)
app.command("disarm")(control.disarm)
app.command("kill")(control.kill)
app.command("release")(control.release)

OWN_PACKAGES = ("live", "dagster_project", "strategies", "expectations")
PIPELINE_HINT = "install the pipeline to get it: pip install 'interlock[pipeline]'"


def run(arguments: list[str]) -> int:
    """Run the command line and return the exit code: 0 done, 1 an error, 2 a check that does not hold or wrong usage."""
    _join_pipeline_commands()
    command = typer.main.get_command(app)
    exit_code = 0

    def invoke() -> None:
        nonlocal exit_code
        try:
            command.main(args=arguments, prog_name="interlock")
        except SystemExit as done:
            exit_code = done.code if isinstance(done.code, int) else 1
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in OWN_PACKAGES:
                raise
            raise CommandError(f"`interlock {' '.join(arguments[:2])}` needs {error.name}, which is not installed: {PIPELINE_HINT}") from None

    return run_reporting_errors(invoke, as_json="--json" in arguments) or exit_code


def _join_pipeline_commands() -> None:
    """Add the commands of the pipeline; they import its libraries only when they run."""
    for entry in entry_points(group="interlock.commands"):
        app.add_typer(entry.load(), name=entry.name)
