"""`csv-bars`: a CSV of bars with a header, of one instrument; columns are found by name, in any order.

The time is an ISO 8601 text or a number since 1970 whose size tells its unit. It is the bar's open unless declared otherwise, and
the volume counts the base asset unless declared otherwise. Several files are read as parts of one recording.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.datasets.batches import first_line
from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.importing.bar_columns import BarSource, import_bars
from dagster_project.datasets.importing.naming import Naming, Symbol, symbol_of_name
from dagster_project.datasets.importing.numbers import read_decimals
from dagster_project.datasets.importing.options import ImportOptions
from dagster_project.datasets.importing.outcome import ImportedStream, ImportFinding
from dagster_project.datasets.importing.times import read_times
from dagster_project.lake.bar_format import PRICES

if TYPE_CHECKING:
    import pyarrow as pa

TIME_NAMES = ("timestamp", "time", "datetime", "date", "start", "open_time", "opentime", "ts_open", "ts")
VENUE = "csv"


def looks_like_csv_bars(head: bytes) -> bool:
    """Tell whether a file begins with a header that names the columns of bars."""
    names = {name.strip().strip('"').lower() for name in head.partition(b"\n")[0].decode("utf-8", "replace").split(",")}
    return {*PRICES, "volume"} <= names or set(PRICES) <= {name.rpartition(".")[2] for name in names}


def read_csv_bars(paths: Sequence[Path], naming: Naming, options: ImportOptions) -> list[ImportedStream]:
    """Read files of bars; those of one symbol are joined in order of time.

    Raises:
        DatasetError: a file cannot be read, a column is missing or there twice, a value is no number, or the instrument is not known.
    """
    parts: dict[Symbol, list[tuple[Path, pa.Table]]] = {}
    for path in paths:
        parts.setdefault(symbol_of_name(VENUE, path.name), []).append((path, _read(path)))
    return [_join(symbol, files, naming, options) for symbol, files in parts.items()]


def _join(symbol: Symbol, files: list[tuple[Path, pa.Table]], naming: Naming, options: ImportOptions) -> ImportedStream:
    import numpy as np
    import pyarrow as pa

    findings: dict[str, ImportFinding] = {}
    read: list[tuple[np.ndarray, dict[str, pa.Array], Path]] = []
    for path, table in files:
        columns = _find_columns(table.schema.names, options, path)
        times, found = read_times(table.column(columns["time"]).to_pylist(), options.time_unit, options.zone, path.name)
        findings |= {one.name: one for one in found}
        decimals = {name: read_decimals(table.column(columns[name]), columns[name], path.name) for name in (*PRICES, "volume")}
        if len(times):
            read.append((times, decimals, path))
    if not read:
        raise DatasetError(f"{files[0][0].name} holds no bar: name another file")
    read.sort(key=lambda one: int(one[0][0]))
    if options.bar_time is None:
        told = "its times were taken as the bars' opens; declare bar_time=close if they are closes"
        findings["bar_time_is_known"] = ImportFinding(name="bar_time_is_known", severity="note", told=told)
    source = BarSource(
        name=", ".join(path.name for _, _, path in read),
        sources=tuple(path for _, _, path in read),
        symbol=symbol,
        times=np.concatenate([times for times, _, _ in read]),
        bar_time=options.bar_time or "open",
        columns={name: pa.concat_arrays([decimals[name] for _, decimals, _ in read]) for name in (*PRICES, "volume")},
        findings=tuple(findings.values()),
    )
    return import_bars(source, naming, options)


def _read(path: Path) -> pa.Table:
    """Read a CSV, compressed or not, with every column as text."""
    import pyarrow as pa
    from pyarrow import csv

    try:
        with pa.input_stream(str(path)) as stream:
            names = stream.read(65_536).partition(b"\n")[0].decode("utf-8-sig").strip().split(",")
        convert = csv.ConvertOptions(
            column_types=dict.fromkeys((name.strip().strip('"') for name in names), pa.string()), strings_can_be_null=False
        )
        return csv.read_csv(str(path), convert_options=convert)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read as CSV ({first_line(error)}): repair it") from error


def _find_columns(names: Sequence[str], options: ImportOptions, path: Path) -> dict[str, str]:
    """Find each column by its name, whatever its case and whatever stands before its last point, like `BTC.open`."""
    plain: dict[str, list[str]] = {}
    for name in names:
        plain.setdefault(name.strip().lower(), []).append(name)
        if "." in name:
            plain.setdefault(name.rpartition(".")[2].strip().lower(), []).append(name)
    wanted: dict[str, tuple[str, ...]] = {name: (name,) for name in (*PRICES, "volume")}
    wanted["time"] = TIME_NAMES if options.time_column is None else (options.time_column.lower(),)
    found: dict[str, str] = {}
    for column, spellings in wanted.items():
        held = [name for spelling in spellings for name in plain.get(spelling, [])]
        if len(held) != 1:
            what = "is missing" if not held else f"could be any of {', '.join(held)}"
            advice = "say which (time_column)" if column == "time" else "name it in the header"
            raise DatasetError(f"{path.name}: column {column} {what}, the file has {', '.join(names)}: {advice}")
        found[column] = held[0]
    return found
