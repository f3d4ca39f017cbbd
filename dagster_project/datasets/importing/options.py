"""How files of other programs are to be read, where their content does not say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from dagster_project.datasets.errors import DatasetError

TimeUnit = Literal["s", "ms", "us", "ns"]
BarTime = Literal["open", "close"]
VolumeUnit = Literal["base", "quote"]


class ImportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Say what a person knows about files; None means that the content, or the format's own rule, decides.

    Attributes:
        format: name of the format; recognised by the content unless given.
        instrument_id: venue and symbol that the files are of, like `binance-spot:BTCUSDT`.
        base: asset that is bought or sold.
        quote: asset that prices are in.
        price_scale: decimal places of a price; the most that any price has unless given.
        quantity_scale: decimal places of a quantity; the most that any has unless given, 8 at most.
        time_column: name of the column of times in a CSV.
        time_unit: of times written as numbers; told by their size unless given.
        zone: of times written without one, as an IANA name; UTC unless given.
        bar_time: whether a bar's time is its open or its close; its open unless given, so that no bar is known too early.
        bar_seconds: length of a bar; the commonest step of time unless given.
        volume: whether a bar's volume counts the base or the quote asset; the base unless given.
        clock_correction_ms: milliseconds to add to every time of receipt, to undo a receiver's clock that was wrong.
    """

    format: str | None = None
    instrument_id: str | None = None
    base: str | None = None
    quote: str | None = None
    price_scale: int | None = None
    quantity_scale: int | None = None
    time_column: str | None = None
    time_unit: TimeUnit | None = None
    zone: str | None = None
    bar_time: BarTime | None = None
    bar_seconds: int | None = None
    volume: VolumeUnit | None = None
    clock_correction_ms: int = 0


def read_options(values: ImportOptions | Mapping[str, object] | None) -> ImportOptions:
    """Give options from plain names and values, as other programs and the command line have them.

    Raises:
        DatasetError: there is no such option, or a value is not one that it can have.
    """
    if values is None or isinstance(values, ImportOptions):
        return values or ImportOptions()
    if unknown := sorted(set(values) - set(ImportOptions.__struct_fields__)):
        raise DatasetError(f"there is no option {unknown[0]!r} for reading files: use {', '.join(ImportOptions.__struct_fields__)}")
    try:
        return msgspec.convert(dict(values), ImportOptions, strict=False)
    except msgspec.ValidationError as error:
        raise DatasetError(f"files cannot be read so: {error}") from error
