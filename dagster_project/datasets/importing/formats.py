"""The formats that can be imported, and which of them a file is of."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.importing.binance_l2 import looks_like_binance_l2, read_binance_l2
from dagster_project.datasets.importing.coinbase_candles import looks_like_coinbase_candles, read_coinbase_candles
from dagster_project.datasets.importing.csv_bars import looks_like_csv_bars, read_csv_bars
from dagster_project.datasets.importing.lean import looks_like_lean, read_lean
from dagster_project.datasets.importing.naming import Naming
from dagster_project.datasets.importing.options import ImportOptions, read_options
from dagster_project.datasets.importing.outcome import Imported, ImportedStream
from live.core.instruments import Instrument

_HEAD_BYTES = 4096


class Format(NamedTuple):
    """Describe one format.

    Attributes:
        name: what it is called on the command line.
        is_of: tells by path and first bytes whether a file is of it.
        read: reads files of it.
    """

    name: str
    is_of: Callable[[Path, bytes], bool]
    read: Callable[[Sequence[Path], Naming, ImportOptions], list[ImportedStream]]


FORMATS = (
    Format(
        "csv-bars",
        lambda _, head: looks_like_csv_bars(head),
        read_csv_bars,
    ),
    Format(
        "lean",
        lambda path, head: head.startswith(b"PK") and looks_like_lean(path),
        read_lean,
    ),
    Format(
        "binance-l2",
        lambda _, head: looks_like_binance_l2(head),
        read_binance_l2,
    ),
    Format(
        "coinbase-candles",
        lambda _, head: looks_like_coinbase_candles(head),
        read_coinbase_candles,
    ),
)
FORMAT_NAMES = tuple(one.name for one in FORMATS)


def find_format(path: Path) -> Format:
    """Tell the format of a file by its content, and by its path where that is part of the format.

    Raises:
        DatasetError: it cannot be read, or is of no format or of several.
    """
    head = _head(path)
    found = [one for one in FORMATS if one.is_of(path, head)]
    if len(found) == 1:
        return found[0]
    what = f"could be {' or '.join(one.name for one in found)}" if found else "is of no format that is known"
    raise DatasetError(f"{path} {what}: say which (format={', '.join(FORMAT_NAMES)}), or give a tape, parquet files or a dataset")


def read_files(
    paths: Sequence[Path],
    *,
    instruments: Sequence[Instrument] = (),
    options: ImportOptions | Mapping[str, object] | None = None,
) -> tuple[Imported, ...]:
    """Read files of other programs, those of one format together.

    Args:
        paths: the files.
        instruments: definitions that go before what files say of their own.
        options: what a person knows, by the names of `ImportOptions`.

    Raises:
        DatasetError: an option is none, a file is of no known format, cannot be read, or holds what cannot be market data.
    """
    chosen = read_options(options)
    groups: dict[str, tuple[Format, list[Path]]] = {}
    for path in paths:
        one = _named(chosen.format) if chosen.format is not None else find_format(path)
        groups.setdefault(one.name, (one, []))[1].append(path)
    naming = Naming(instruments, chosen)
    return tuple(Imported(format=one.name, streams=tuple(one.read(files, naming, chosen))) for one, files in groups.values())


def _named(name: str) -> Format:
    for one in FORMATS:
        if one.name == name:
            return one
    raise DatasetError(f"there is no format {name!r}: name one of {', '.join(FORMAT_NAMES)}")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as raw:
            head = raw.read(_HEAD_BYTES)
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(path, "rb") as stream:
                return stream.read(_HEAD_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path} cannot be read ({error}): name a file that can") from error
    return head
