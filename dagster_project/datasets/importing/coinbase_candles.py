"""`coinbase-candles`: the answer of Coinbase's candles endpoint, `{"candles": [{"start", "low", "high", "open", "close", "volume"}]}`.

Every value is text; `start` is the open of the bar in seconds since 1970. Values are read by name: the keys are not in the usual order.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.importing.bar_columns import BarSource, import_bars
from dagster_project.datasets.importing.naming import Naming, Symbol, symbol_of_name
from dagster_project.datasets.importing.numbers import read_decimals
from dagster_project.datasets.importing.options import ImportOptions
from dagster_project.datasets.importing.outcome import ImportedStream
from dagster_project.datasets.importing.times import read_times
from dagster_project.lake.bar_format import PRICES

VENUE = "coinbase"


class _Candle(msgspec.Struct):
    start: str
    low: str
    high: str
    open: str
    close: str
    volume: str


class _Candles(msgspec.Struct):
    candles: list[_Candle]


_decoder = msgspec.json.Decoder(_Candles)


def looks_like_coinbase_candles(head: bytes) -> bool:
    """Tell whether a file begins as an answer of the candles endpoint does."""
    return head.lstrip().startswith(b"{") and b'"candles"' in head[:200]


def read_coinbase_candles(paths: Sequence[Path], naming: Naming, options: ImportOptions) -> list[ImportedStream]:
    """Read files of candles; those of one symbol are joined, and candles are put in order of time.

    Raises:
        DatasetError: a file is no such answer, a value is no number, or the instrument is not known.
    """
    parts: dict[Symbol, list[Path]] = {}
    for path in paths:
        parts.setdefault(symbol_of_name(VENUE, path.name), []).append(path)
    return [_join(symbol, files, naming, options) for symbol, files in parts.items()]


def _join(symbol: Symbol, files: list[Path], naming: Naming, options: ImportOptions) -> ImportedStream:
    # The endpoint answers with the newest first, and a file is often several answers joined.
    candles = sorted((candle for path in files for candle in _read(path)), key=lambda candle: int(candle.start))
    name = ", ".join(path.name for path in files)
    times, findings = read_times([candle.start for candle in candles], "s", None, name)
    columns = {one: read_decimals([getattr(candle, one) for candle in candles], one, name) for one in (*PRICES, "volume")}
    source = BarSource(
        name=name,
        sources=tuple(files),
        symbol=symbol,
        times=times,
        bar_time="open",
        columns=columns,
        findings=tuple(findings),
    )
    return import_bars(source, naming, options)


def _read(path: Path) -> list[_Candle]:
    try:
        raw = path.read_bytes()
        candles = _decoder.decode(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).candles
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path} cannot be read ({error}): restore it") from error
    except msgspec.MsgspecError as error:
        raise DatasetError(f"{path.name} is no answer of Coinbase's candles endpoint ({error}): name its format (format)") from error
    if wrong := next((candle.start for candle in candles if not candle.start.isdecimal()), None):
        raise DatasetError(f"{path.name}: a candle starts at {wrong!r}, not at seconds since 1970: repair it")
    return candles
