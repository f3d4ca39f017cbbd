"""Measure how long a decision waits until it is durable, which is what stands between it and its request to the venue.

A step is what one order's intent is on the live path: the intent, its approval, and that it is about to be sent. Alone, each
step is handed over when the one before is durable; grouped, 50 come at once, and each waits for the commit that covers it.
"""

import json
import sys
import time
from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from live.core.orders import OrderEvent, OrderState
from live.core.records import Allocation, IntentRecorded, OrderTransitioned, Record
from live.core.vocabulary import OrderType, Side, TimeInForce
from live.journal import GroupCommitWriter, JournalFile

STEPS = 2_000
BURST = 50


def step(number: int) -> list[Record]:
    """Make the records of one decision to send."""
    order_id = f"ILBENCH000{number}"
    return [
        IntentRecorded(
            number,
            order_id,
            number,
            number,
            "bench",
            "paper",
            "bench:BTCUSDT",
            Side.BUY,
            OrderType.MARKET,
            TimeInForce.IMMEDIATE_OR_CANCEL,
            1_000_000,
            None,
            3_000_000,
            (Allocation("bench", number, 1_000_000),),
        ),
        OrderTransitioned(number, order_id, OrderEvent.APPROVE, OrderState.APPROVED, ""),
        OrderTransitioned(number, order_id, OrderEvent.SUBMIT, OrderState.SUBMITTING, ""),
    ]


def alone(path: Path, steps: int) -> list[float]:
    """Hand over one step at a time; returns the microseconds each waited."""
    waits: list[float] = []
    with GroupCommitWriter(JournalFile.create(path, session_id="bench")) as writer:
        for number in range(steps):
            records = step(number)
            handed_over = time.perf_counter_ns()
            writer.wait_durable(writer.submit_step(None, records, (1, number)), 10)
            waits.append((time.perf_counter_ns() - handed_over) / 1_000)
    return waits


def grouped(path: Path, steps: int) -> list[float]:
    """Hand over a burst of steps at a time; returns the microseconds each waited for its commit to be reported."""
    waits: list[float] = []
    pending: deque[tuple[int, int]] = deque()

    def on_durable(seq: int) -> None:
        now = time.perf_counter_ns()
        while pending and pending[0][0] <= seq:
            waits.append((now - pending.popleft()[1]) / 1_000)

    with GroupCommitWriter(JournalFile.create(path, session_id="bench"), on_durable=on_durable) as writer:
        for burst in range(0, steps, BURST):
            last = writer.last_seq
            for number in range(burst, burst + BURST):
                records = step(number)
                # Noted before it is handed over: the commit may be reported before `submit_step` returns.
                pending.append((last + len(records), time.perf_counter_ns()))
                last = writer.submit_step(None, records, (1, number))
            writer.wait_durable(last, 10)
    assert len(waits) == steps, f"{steps} steps were handed over and {len(waits)} reported durable"
    return waits


def percentile(values: list[float], percent: int) -> float:
    """Give the smallest value that so many per cent of all are not above (the nearest rank)."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def main() -> None:
    """Measure both in a directory of the benchmark's own disk, and print one line."""
    home, steps = Path(sys.argv[1]), int(sys.argv[2])
    measured: dict[str, Any] = {"engine": "interlock", "work": "writer", "events": steps}
    with TemporaryDirectory(dir=home, prefix="writer-") as folder:
        for name, measure in (("alone", alone), ("grouped", grouped)):
            waits = measure(Path(folder) / f"{name}.journal", steps)
            measured |= {f"{name}_p50_us": percentile(waits, 50), f"{name}_p99_us": percentile(waits, 99)}
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
