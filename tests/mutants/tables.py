"""Mutants of the order tables, which are data and not functions: each member of each table left out, each move redirected.

mutmut changes only what stands in functions, and of the orders' rules nearly all stands in tables. Run in the working copy
with its environment; each mutant is a forked process that changes the table before anything else imports it.
"""

import json
import os
import sys
from pathlib import Path

import hypothesis
import pytest

MODULE = "live.core.orders"
DERIVED = "MOVES"
"""The moves of TRANSITIONS again, by state: a change to them is a change to both."""
Change = tuple[str, object, object]
"""Name of the table, the member, and what takes its place: None leaves it out."""


def changes() -> list[Change]:
    """List every change to every table of the module, found in a process that ends, so that nothing stays imported."""
    module = __import__(MODULE, fromlist=["*"])
    found: list[Change] = []
    for name, table in vars(module).items():
        if name.startswith("_") or name == DERIVED or not isinstance(table, dict | frozenset):
            continue
        members = sorted(table, key=str)
        found += [(name, member, None) for member in members]
        if isinstance(table, dict):
            values = sorted(set(table.values()), key=str)
            # The next value in order: never the same one, and the same one each time this is run.
            found += [(name, key, values[(values.index(table[key]) + 1) % len(values)]) for key in members if len(values) > 1]
    return found


def make(change: Change) -> None:
    """Change a table, as if its source said so."""
    name, member, instead = change
    module = sys.modules[MODULE]
    table = getattr(module, name)
    if isinstance(table, frozenset):
        setattr(module, name, table - {member})
    elif instead is None:
        del table[member]
    else:
        table[member] = instead
    if name == "TRANSITIONS":
        for begun, moves in getattr(module, DERIVED).items():
            moves.clear()
            moves.update({event: ended for (state, event), ended in table.items() if state is begun})


def run_mutant(number: int, tests: list[str]) -> int:
    """Change a table and run the tests until one fails; gives pytest's exit code."""
    make(changes()[number])
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))


def describe(change: Change) -> str:
    """Say what a mutant changes."""
    name, member, instead = change
    key = ", ".join(map(str, member)) if isinstance(member, tuple) else str(member)
    return f"{name}: without {key}" if instead is None else f"{name}: {key} to {instead}"


def main() -> None:
    """Print how many mutants there are, and a line for each that is run, as they end: what it changes, and whether a test failed."""
    jobs, every, tests = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    sys.path.insert(0, str(Path.cwd()))
    reader, writer = os.pipe()
    if not os.fork():
        os.write(writer, json.dumps([describe(change) for change in changes()]).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        names = json.load(pipe)
    os.wait()
    sys.stdout.write(json.dumps({"total": len(names)}) + "\n")
    assert hypothesis.settings is not None, "imported before forking, so that no mutant has to"
    waiting, running = list(range(0, len(names), every)), {}
    while waiting or running:
        while waiting and len(running) < jobs:
            number = waiting.pop(0)
            child = os.fork()
            if not child:
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 1)
                os.dup2(nowhere, 2)
                os._exit(run_mutant(number, tests))
            running[child] = number
        child, status = os.wait()
        number = running.pop(child)
        sys.stdout.write(json.dumps({"change": names[number], "exit_code": os.waitstatus_to_exitcode(status)}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
