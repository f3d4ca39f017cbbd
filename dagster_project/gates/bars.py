"""Bars: what the gates judge on, and the refusal of what they cannot judge yet."""

from pathlib import Path

from dagster_project.gates.errors import GateError
from live.core.inputs import Bar
from live.journal import TapeHeader, read_segment
from live.promotion import StrategyVersion


def check_judged_on_bars(version: StrategyVersion) -> None:
    """Refuse a strategy that takes in something else than bars.

    Raises:
        GateError: it does.
    """
    if version.data.all_kinds != ("bars",):
        raise GateError(
            f"{version.label} takes in {' and '.join(version.data.all_kinds)}, and the gates judge strategies on bars alone: "
            "try it with `interlock replay`, or have it decide on bars"
        )


def read_bar_tape(tape: Path) -> tuple[TapeHeader, list[Bar]]:
    """Read a tape that holds bars and nothing else.

    Raises:
        GateError: it holds something else.
        TapeError: the file is damaged.
    """
    header, events = read_segment(tape)
    bars: list[Bar] = []
    for event in events:
        if not isinstance(event, Bar):
            raise GateError(f"{tape} holds a {type(event).__name__} at {event.ts_init}, bars alone are judged: freeze a dataset of bars")
        bars.append(event)
    return header, bars
