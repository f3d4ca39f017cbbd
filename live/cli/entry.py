"""The console script. `interlock kill` engages the latch with the standard library before anything else is imported."""

import sys


def main() -> None:
    """Run the command line: `interlock COMMAND ...`."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["kill"]:
        from live.latch import asks_for_help, engage_from_command_line

        if not asks_for_help(arguments[1:]):
            engage_from_command_line(arguments[1:])
    from live.cli.main import run

    sys.exit(run(arguments))
