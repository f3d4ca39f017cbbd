"""`lean`: bars of trades and of quotes of crypto currencies as QuantConnect's LEAN keeps them, zipped CSV without a header.

The path says what a file holds: `<market>/<resolution>/<symbol>/<YYYYMMDD>_<trade|quote>.zip` for minutes and seconds, whose times are
milliseconds since midnight UTC, and `<market>/<resolution>/<symbol>_<trade|quote>.zip` for hours and days, whose times are written out.
A time is the bar's open. Tick and lot size are read from `symbol-properties/symbol-properties-database.csv` where LEAN's data folder has
it. Sizes carry the noise of floats and are rounded to the lot's decimal places.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dagster_project.datasets.batches import first_line
from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.importing.bar_columns import QUOTE_BAR_PRICES, BarSource, import_bars
from dagster_project.datasets.importing.naming import Naming, Symbol, split_symbol
from dagster_project.datasets.importing.numbers import least_scale, read_decimals
from dagster_project.datasets.importing.options import ImportOptions
from dagster_project.datasets.importing.outcome import ImportedStream, ImportFinding
from dagster_project.lake.bar_format import PRICES
from dagster_project.lake.period import NANOSECONDS, nanoseconds_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

RESOLUTIONS = {"second": 1, "minute": 60, "hour": 3_600, "daily": 86_400}
PROPERTIES = Path("symbol-properties", "symbol-properties-database.csv")
TRADE_COLUMNS = ("time", *PRICES, "volume")
QUOTE_COLUMNS = ("time", *QUOTE_BAR_PRICES[:4], "bid_quantity", *QUOTE_BAR_PRICES[4:], "ask_quantity")
_PATH = re.compile(
    r"(?:.*/)?(?P<market>[^/]+)/(?P<resolution>second|minute|hour|daily)/"
    r"(?:(?P<folder>[^/]+)/(?P<day>\d{8})_|(?P<symbol>[^/_]+)_)(?P<kind>trade|quote)\.zip"
)


class _File(NamedTuple):
    path: Path
    market: str
    resolution: str
    symbol: str
    kind: str
    day: str


class _Properties(NamedTuple):
    """Hold what LEAN knows of a symbol: the quote asset, tick and lot size as they are written."""

    quote: str
    tick: str
    lot: str


def looks_like_lean(path: Path) -> bool:
    """Tell whether a path is one of LEAN's."""
    return _PATH.fullmatch(path.resolve().as_posix()) is not None


def read_lean(paths: Sequence[Path], naming: Naming, options: ImportOptions) -> list[ImportedStream]:
    """Read files of bars; the days of one market, symbol, resolution and kind are joined.

    Raises:
        DatasetError: a path is not LEAN's, a file cannot be read, a value is no number, or the instrument is not known.
    """
    groups: dict[tuple[str, str, str, str], list[_File]] = {}
    for file in sorted(map(_parse, paths), key=lambda file: (file.market, file.symbol, file.resolution, file.kind != "trade", file.day)):
        groups.setdefault((file.market, file.symbol, file.resolution, file.kind), []).append(file)
    return [_join(files, naming, options) for files in groups.values()]


def _join(files: list[_File], naming: Naming, options: ImportOptions) -> ImportedStream:
    import numpy as np
    import pyarrow as pa

    first = files[0]
    name = f"{first.market}/{first.resolution}/{first.symbol} {first.kind}"
    names = TRADE_COLUMNS if first.kind == "trade" else QUOTE_COLUMNS
    times: list[np.ndarray] = []
    tables: list[pa.Table] = []
    one_sided = 0
    for file in files:
        table = _read(file.path, names)
        whole = [row for row, values in enumerate(zip(*(table.column(one).to_pylist() for one in names), strict=True)) if all(values)]
        if len(whole) < table.num_rows:
            one_sided += table.num_rows - len(whole)
            table = table.take(whole)
        times.append(_times(table.column("time").to_pylist(), file))
        tables.append(table)
    joined = pa.concat_tables(tables)
    columns = {one: read_decimals(joined.column(one), one, name) for one in names[1:]}
    properties = _find_properties(first)
    findings = [_told("whole_bars", f"{one_sided:,} bars had one side only and were left out")] if one_sided else []
    symbol, steps = _symbol(first, properties), None
    if properties is None:
        findings.append(_told("symbol_is_known", f"{PROPERTIES} says nothing of {first.symbol}: tick and lot size are one unit"))
    else:
        steps = read_decimals([properties.tick], "tick", name), read_decimals([properties.lot], "lot", name)
        if options.quantity_scale is None and naming.declared(symbol, name) is None:
            # What is finer than a lot was never traded: it is what a float made of the number.
            naming = naming.with_scales(options.price_scale, least_scale(steps[1]))
    source = BarSource(
        name=name,
        sources=tuple(file.path for file in files),
        symbol=symbol,
        times=np.concatenate(times),
        bar_time="open",
        columns=columns,
        interval_seconds=RESOLUTIONS[first.resolution],
        steps=steps,
        findings=tuple(findings),
    )
    return import_bars(source, naming, options)


def _parse(path: Path) -> _File:
    match = _PATH.fullmatch(path.resolve().as_posix())
    if match is None:
        raise DatasetError(
            f"{path} is not laid out as LEAN does: keep files under <market>/<resolution>/<symbol>/<YYYYMMDD>_<trade|quote>.zip, or "
            "<market>/<resolution>/<symbol>_<trade|quote>.zip for hours and days"
        )
    daily = match["folder"] is None
    return _File(
        path, match["market"], match["resolution"], match["symbol"] if daily else match["folder"], match["kind"], match["day"] or ""
    )


def _read(path: Path, names: tuple[str, ...]) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    try:
        with zipfile.ZipFile(path) as archive:
            held = [one for one in archive.namelist() if one.endswith(".csv")]
            if len(held) != 1:
                raise DatasetError(f"{path} holds {len(held)} CSV files where LEAN puts one: restore it")
            raw = archive.read(held[0])
        convert = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
        return csv.read_csv(pa.BufferReader(raw), csv.ReadOptions(column_names=list(names)), convert_options=convert)
    except (pa.ArrowException, OSError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path} cannot be read as LEAN's zipped CSV ({first_line(error)}): restore it") from error


def _times(texts: list[str], file: _File) -> np.ndarray:
    import numpy as np

    try:
        if file.day:
            midnight = nanoseconds_of(datetime.strptime(file.day, "%Y%m%d").replace(tzinfo=UTC))
            return np.array([int(text) for text in texts], np.int64) * 1_000_000 + midnight
        moments = [datetime.strptime(text, "%Y%m%d %H:%M").replace(tzinfo=UTC) for text in texts]
    except ValueError as error:
        raise DatasetError(f"{file.path} holds a time that LEAN does not write ({error}): restore it") from error
    return np.array([int(moment.timestamp()) * NANOSECONDS for moment in moments], np.int64)


def _find_properties(file: _File) -> _Properties | None:
    """Look a symbol up in the nearest database of symbol properties above the file."""
    for folder in file.path.resolve().parents:
        database = folder / PROPERTIES
        if database.is_file():
            for line in database.read_text(encoding="utf-8").splitlines():
                cells = line.split(",")
                if cells[:3] == [file.market, file.symbol.upper(), "crypto"]:
                    return _Properties(cells[4], cells[6], cells[7])
            return None
    return None


def _symbol(file: _File, properties: _Properties | None) -> Symbol:
    text = file.symbol.upper()
    quote = properties.quote if properties is not None else ""
    if quote and text.endswith(quote):
        return Symbol(file.market, text, text.removesuffix(quote), quote)
    return Symbol(file.market, text, *(split_symbol(text) or ("", "")))


def _told(name: str, text: str) -> ImportFinding:
    return ImportFinding(name=name, severity="note", told=text)
