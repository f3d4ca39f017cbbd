"""The console script. `interlock kill` engages the latch with the standard library before anything else is imported."""

import sys


def main() -> None:
    """Run the command line: `interlock COMMAND …`."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["kill"] and not {"--help", "-h"} & set(arguments):
        from live.latch import engage_from_command_line

        engage_from_command_line(arguments[1:])
    from live.cli.main import run

    sys.exit(run(arguments))
