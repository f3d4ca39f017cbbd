"""Exchanges on demand: a process that has imported all that an exchange needs forks one for each line it reads.

A line is a JSON list: the command line after `interlock`, the environment, and the pipe that standard output goes to. The answer is the
process id. Each exchange is a process of its own as if it had been started, without the most of a second that the imports take.
"""

import json
import os
import signal
import sys
import traceback

from live.cli.main import run
from live.driver import market_source
from live.venues.exchange import process

IMPORTED = (market_source, process)


def become_exchange(arguments: list[str], environment: dict[str, str], pipe: str) -> int:
    """Run the command line in this process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(pipe, os.O_WRONLY), 1)
    os.environ.clear()
    os.environ.update(environment)
    return run(arguments)


def main() -> None:
    """Fork an exchange for each line on standard input; it ends when it is killed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = become_exchange(*json.loads(line))
            except BaseException:  # noqa: BLE001 - whatever it was, this child must not read the next line
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(code)
        os.write(1, f"{child}\n".encode())


if __name__ == "__main__":
    main()
