"""What every peer's script shares: reading the data all engines are given, the clock, and the line it reports in.

It runs in the peer's environment, so it may import nothing but numpy and pyarrow, and nothing of this project.
"""

import argparse
import gc
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def arguments(works: tuple[str, ...]) -> argparse.Namespace:
    """Read what to run: the work, the data, and how many of its rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=works)
    parser.add_argument("data", type=Path)
    parser.add_argument("rows", type=int)
    return parser.parse_args()


def read_columns(path: Path, rows: int) -> dict[str, np.ndarray]:
    """Read the first rows: fixed-point columns as the nearest floats, all others as they are."""
    table = pq.read_table(path).slice(0, rows)
    return {name: _numbers(table.column(name)) for name in table.column_names}


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Divide whole units by their scale, which rounds once; a cast of the decimals may round twice."""
    if not pa.types.is_decimal(column.type):
        return column.to_numpy()
    units = [np.frombuffer(part.buffers()[1], np.int64)[2 * part.offset : 2 * (part.offset + len(part)) : 2] for part in column.chunks]
    return np.concatenate(units) / 10.0**column.type.scale


def timed(engine: Callable[[], Any]) -> tuple[Any, float, float]:
    """Run the engine section; returns what it gave, its wall seconds and its CPU seconds."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    given = engine()
    return given, time.perf_counter() - wall, time.process_time() - cpu


def report(engine: str, version: str, work: str, **measured: Any) -> None:
    """Print the one line that the benchmark reads."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({"engine": engine, "version": version, "work": work, "peak_rss_mb": peak, **measured}), flush=True)
