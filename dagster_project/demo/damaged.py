"""Damaged copies of real bars, each wrong in the one way its name says; the audit has to refuse every one by name."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

ROW = 20_000
"""Where the damage lies: somewhere in the middle, where nobody would look."""
HOLE_BARS = 96
"""Two days; real holes of a few hours are in the sample and are known."""


def write_damaged_copies(source: Path, directory: Path) -> list[Path]:
    """Write four damaged copies of a file of bars and give their paths."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    bars = pq.read_table(source)
    before, after = bars.slice(0, ROW), bars.slice(ROW)
    damaged = {
        "duplicate_time": pa.concat_tables([before, bars.slice(ROW - 1, 1), after]),
        "high_below_low": pa.concat_tables([before, _swapped(bars.slice(ROW, 1)), bars.slice(ROW + 1)]),
        "two_days_missing": pa.concat_tables([before, bars.slice(ROW + HOLE_BARS)]),
        "time_backwards": pa.concat_tables([before, bars.slice(ROW + 1, 1), bars.slice(ROW, 1), bars.slice(ROW + 2)]),
    }
    written: list[Path] = []
    for name, table in damaged.items():
        path = directory / f"{name}.parquet"
        pq.write_table(table, path)
        written.append(path)
    return written


def _swapped(row: "pa.Table") -> "pa.Table":
    """Swap the high and the low of a bar."""
    high, low = row.column("high"), row.column("low")
    names = row.column_names
    return row.set_column(names.index("high"), "high", low).set_column(names.index("low"), "low", high)
