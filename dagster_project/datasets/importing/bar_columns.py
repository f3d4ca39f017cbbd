"""Bars from decimal columns, whichever program wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.event_format import DEFINITION_KEY, make_event_table
from dagster_project.datasets.importing.checks import check_stream
from dagster_project.datasets.importing.naming import Naming, Symbol
from dagster_project.datasets.importing.numbers import MOST_DECIMALS, MOST_QUANTITY_DECIMALS, Units, price_units, quantity_units
from dagster_project.datasets.importing.options import ImportOptions
from dagster_project.datasets.importing.outcome import ImportedStream, ImportFinding
from dagster_project.datasets.streams import EventTable
from dagster_project.lake.bar_format import PRICES, make_table
from dagster_project.lake.period import NANOSECONDS
from live.core.market_events import Bar, QuoteBar

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from live.core.instruments import Instrument

QUOTE_BAR_PRICES = tuple(f"{side}_{point}" for side in ("bid", "ask") for point in PRICES)


class BarSource(msgspec.Struct, frozen=True, kw_only=True):
    """Hold bars as a file has them.

    Attributes:
        name: of the file, for errors.
        sources: the files, in order.
        symbol: what they say about their instrument.
        times: of each bar, nanoseconds UTC.
        bar_time: whether that is its open or its close.
        columns: decimals by column name: prices and volume, or prices and sizes of bid and ask.
        interval_seconds: length of a bar; the commonest step of time when it is 0.
        steps: tick and lot size as decimals where the source knows them.
        findings: what was noticed while reading.
    """

    name: str
    sources: tuple[Path, ...]
    symbol: Symbol
    times: np.ndarray
    bar_time: str
    columns: dict[str, pa.Array]
    interval_seconds: int = 0
    steps: tuple[pa.Array, pa.Array] | None = None
    findings: tuple[ImportFinding, ...] = ()


def import_bars(source: BarSource, naming: Naming, options: ImportOptions) -> ImportedStream:
    """Make the stream of a source of bars.

    Raises:
        DatasetError: the source holds no bar, does not say how long one is or what it is of, or a number does not fit.
    """
    if not len(source.times):
        raise DatasetError(f"{source.name} holds no bar: name another file")
    interval_seconds = options.bar_seconds or source.interval_seconds or _commonest_step(source.times, source.name)
    price_scale, quantity_scale = naming.scales(source.symbol, source.name)
    prices = price_units(
        {name: column for name, column in source.columns.items() if name in PRICES or name in QUOTE_BAR_PRICES}, price_scale, source.name
    )
    in_quote = "volume" in source.columns and options.volume == "quote"
    amounts = {name: column for name, column in source.columns.items() if name not in prices.columns}
    if in_quote:
        amounts = {"volume": _base_volume(source.columns, source.name)}
    quantities = quantity_units(amounts, quantity_scale, source.name)
    steps = (1, 1) if source.steps is None else _steps(source.steps, prices.scale, quantities.scale)
    instrument = naming.instrument(source.symbol, source.name, (prices.scale, quantities.scale), steps)
    findings = [*source.findings, *_assumptions(prices, quantities, in_quote=in_quote)]
    opens = source.times if source.bar_time == "open" else source.times - interval_seconds * NANOSECONDS
    stream = _table(source, instrument, opens, interval_seconds, prices.columns | quantities.columns)
    return ImportedStream(
        stream=stream,
        sources=source.sources,
        findings=(*findings, *check_stream(stream, interval_seconds)),
        interval_seconds=interval_seconds,
    )


def _table(
    source: BarSource, instrument: Instrument, opens: np.ndarray, interval_seconds: int, columns: dict[str, np.ndarray]
) -> EventTable:
    closes = opens + interval_seconds * NANOSECONDS
    if "volume" in columns:
        notes = [(DEFINITION_KEY, msgspec.json.encode(instrument).decode())]
        table = make_table({"ts_open": opens, "ts_close": closes, **columns}, instrument, interval_seconds, notes)
        return EventTable(source.name, Bar, instrument, table)
    table = make_event_table(QuoteBar, {"ts_init": closes, "ts_event": closes, **columns}, instrument)
    return EventTable(source.name, QuoteBar, instrument, table)


def _commonest_step(times: np.ndarray, name: str) -> int:
    import numpy as np

    steps = np.diff(times)
    steps = steps[steps > 0]
    if not len(steps):
        raise DatasetError(f"{name}: one bar does not say how long it is: say so (bar_seconds)")
    values, counts = np.unique(steps, return_counts=True)
    step = int(values[counts.argmax()])
    if step % NANOSECONDS:
        raise DatasetError(f"{name}: the commonest step between bars is {step} ns, not whole seconds: say how long a bar is (bar_seconds)")
    return step // NANOSECONDS


def _base_volume(columns: dict[str, pa.Array], name: str) -> pa.Array:
    """Divide a volume in the quote asset by each bar's mean of high, low and close: what traded in the base asset, nearly."""
    import pyarrow as pa

    rows = list(zip(*(columns[one].to_pylist() for one in ("volume", "high", "low", "close")), strict=True))
    if any(high + low + close <= 0 for _, high, low, close in rows):
        raise DatasetError(f"{name}: a volume in the quote asset cannot be divided by a price that is not positive: repair or drop the row")
    volumes = [round(volume * 3 / (high + low + close), MOST_QUANTITY_DECIMALS) for volume, high, low, close in rows]
    return pa.array(volumes, pa.decimal128(38, MOST_DECIMALS))


def _steps(steps: tuple[pa.Array, pa.Array], price_scale: int, quantity_scale: int) -> tuple[int, int]:
    """Give tick and lot in units; a step finer than the scale, which the data never use, counts as one unit."""
    tick, lot = (column[0].as_py() for column in steps)
    return max(1, int(tick.scaleb(price_scale))), max(1, int(lot.scaleb(quantity_scale)))


def _assumptions(prices: Units, quantities: Units, *, in_quote: bool) -> list[ImportFinding]:
    told: list[tuple[str, str]] = []
    if in_quote:
        told.append(
            ("volume_is_in_base", "volume was divided by the mean of each bar's high, low and close, since it counts the quote asset")
        )
    if prices.rounded:
        told.append(("prices_are_exact", f"{prices.rounded:,} prices were rounded to {prices.scale} decimal places: noise of a float"))
    if quantities.rounded:
        rounded = f"{quantities.rounded:,} quantities were rounded to {quantities.scale} decimal places"
        told.append(("quantities_are_exact", rounded))
    return [ImportFinding(name=name, severity="note", told=text) for name, text in told]
