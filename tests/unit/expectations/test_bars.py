"""The suites on bars: each expectation catches a fault that no other one names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from dagster_project.lake.bar_format import COLUMNS, PRICES, TIMES, make_table, unscaled
from dagster_project.lake.calendar import Calendar
from dagster_project.lake.measuring import METADATA_KEYS, list_schema, measure_values, read_instrument
from expectations.bars import Tolerance, schema_suite, values_suite, warnings_suite

SAMPLE = Path("data/sample/btcusdt_30m.parquet")
ROWS = 1_200
HALF_HOUR = 1_800_000_000_000
CALENDAR = Calendar(tolerated_hole_seconds=4 * 3_600, tolerated_missing_share=0.01)
NOW = 1_600_000_000_000_000_000

Columns = dict[str, np.ndarray]
Damage = Callable[[Columns], pa.Table]


def table_of(columns: Columns) -> pa.Table:
    """Write columns of units as a table of bars."""
    instrument, interval = read_instrument(pq.read_schema(SAMPLE))
    return make_table(columns, instrument, interval)


def whole() -> Columns:
    """Read the first real bars, which are faultless, as units."""
    table = pq.read_table(SAMPLE, columns=list(COLUMNS)).slice(0, ROWS).combine_chunks()
    columns = {name: table.column(name).chunk(0) for name in COLUMNS}
    return {name: column.to_numpy().copy() if name in TIMES else unscaled(column).copy() for name, column in columns.items()}


def changed(name: str, row: int, value: int | Callable[[Columns], int]) -> Damage:
    """Change one value."""

    def damage(columns: Columns) -> pa.Table:
        columns[name][row] = value(columns) if callable(value) else value
        return table_of(columns)

    return damage


def absent(name: str) -> Damage:
    """Take one value away."""

    def damage(columns: Columns) -> pa.Table:
        table = table_of(columns)
        column = table.column(name).combine_chunks()
        mask = pa.array(np.arange(len(column)) == 100)
        return table.set_column(table.schema.get_field_index(name), name, pc.if_else(mask, pa.scalar(None, column.type), column))

    return damage


def only(*rows: int | slice) -> Damage:
    """Keep rows, in the order given."""

    def damage(columns: Columns) -> pa.Table:
        kept = np.r_[rows]
        return table_of({name: values[kept] for name, values in columns.items()})

    return damage


def without(*rows: int) -> Damage:
    """Leave rows out."""
    return only(*(row for row in range(ROWS) if row not in rows))


def moved(nanoseconds: int, *names: str) -> Damage:
    """Move the times of one bar."""

    def damage(columns: Columns) -> pa.Table:
        for name in names:
            columns[name][100] += nanoseconds
        return table_of(columns)

    return damage


def steep(factor: float, *names: str) -> Damage:
    """Multiply prices from one bar on."""

    def damage(columns: Columns) -> pa.Table:
        for name in names:
            columns[name][200:] = (columns[name][200:] * factor).astype(np.int64)
        return table_of(columns)

    return damage


def below_zero(columns: Columns) -> pa.Table:
    """Let every bar stand still below zero."""
    return table_of(columns | {name: np.full(ROWS, -5) for name in PRICES})


def spike(columns: Columns) -> pa.Table:
    """Let one high run far away from its bar."""
    columns["high"][100] *= 2
    return table_of(columns)


def without_column(columns: Columns) -> pa.Table:
    """Leave a column out."""
    return table_of(columns).drop_columns(["volume"])


def other_type(columns: Columns) -> pa.Table:
    """Give prices as floats."""
    table = table_of(columns)
    return table.set_column(2, "open", table.column("open").cast(pa.float64()))


def without_interval(columns: Columns) -> pa.Table:
    """Leave out how long a bar is."""
    table = table_of(columns)
    metadata = {key: value for key, value in (table.schema.metadata or {}).items() if key != b"bar_seconds"}
    return table.replace_schema_metadata(metadata)


DAMAGES: dict[str, Damage] = {
    "columns_are_present": without_column,
    "types_are_those_of_bars": other_type,
    "instrument_is_described": without_interval,
    "bars_exist": only(slice(0, 0)),
    **{f"{name}_is_present": absent(name) for name in COLUMNS},
    "time_is_unique": only(slice(0, 101), slice(100, ROWS)),
    "time_does_not_run_backwards": only(slice(0, 100), 101, 100, slice(102, ROWS)),
    "time_is_on_the_grid": moved(1_000_000_000, *TIMES),
    "bar_has_its_length": moved(-1_000_000_000, "ts_open"),
    "bar_is_over": lambda columns: table_of(columns | {name: columns[name] + 100_000 * HALF_HOUR for name in TIMES}),
    "no_hole_is_too_long": without(*range(100, 109)),
    "enough_bars_are_there": without(*range(50, 1_150, 50)),
    "no_bar_is_missing": without(100),
    "high_is_highest": changed("high", 100, lambda columns: int(max(columns["open"][100], columns["close"][100])) - 1),
    "low_is_lowest": changed("low", 100, lambda columns: int(min(columns["open"][100], columns["close"][100])) + 1),
    "prices_are_positive": below_zero,
    "volume_is_not_negative": changed("volume", 100, -1),
    "close_does_not_leap": steep(1.5, *PRICES),
    "close_moves_calmly": steep(1.2, *PRICES),
    "wicks_are_plausible": spike,
}
WARNINGS = {"no_bar_is_missing", "close_moves_calmly"}
ACCOMPANIED = {
    # A bar without a time is missing at its time, a hole is made of missing bars, and a leap is no calm move: those two only warn.
    "ts_close_is_present": {"no_bar_is_missing"},
    "no_hole_is_too_long": {"no_bar_is_missing"},
    "enough_bars_are_there": {"no_bar_is_missing"},
    "close_does_not_leap": {"close_moves_calmly"},
}


@pytest.fixture(name="judge", scope="module")
def _judge() -> Callable[[pa.Table], dict[str, str]]:
    """Give a function that names the expectations that fail on a table, with their severity."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = context.data_sources.add_pandas("staging").add_dataframe_asset("bars").add_batch_definition_whole_dataframe("file")

    def failed(suite: Any, frame: Any) -> dict[str, str]:
        result = batch.get_batch(batch_parameters={"dataframe": frame}).validate(suite)
        failing = [one.expectation_config for one in result.results if not one.success]
        return {one.meta["name"]: str(one.severity.value) for one in failing}

    def judge(table: pa.Table) -> dict[str, str]:
        found = failed(schema_suite(COLUMNS, METADATA_KEYS), list_schema(table.schema, table.num_rows))
        if found:
            return found
        frame = measure_values(table, CALENDAR, NOW)
        return failed(values_suite(COLUMNS, Tolerance(8, 0.01)), frame) | failed(warnings_suite(), frame)

    return judge


def names_in_suites() -> set[str]:
    """Name every expectation of both suites."""
    suites = (schema_suite(COLUMNS, METADATA_KEYS), values_suite(COLUMNS, Tolerance(8, 0.01)), warnings_suite())
    return {one.meta["name"] for suite in suites for one in suite.expectations if one.meta}


def test_real_bars_are_faultless(judge: Callable[[pa.Table], dict[str, str]]) -> None:
    """Bars as they came from the market meet every expectation."""
    assert judge(table_of(whole())) == {}


@pytest.mark.parametrize("name", DAMAGES)
def test_expectation_catches_what_no_other_names(name: str, judge: Callable[[pa.Table], dict[str, str]]) -> None:
    """A file damaged in one way fails the expectation that is about it and no other; all but two of them refuse the file."""
    failing = {name} | ACCOMPANIED.get(name, set())
    assert judge(DAMAGES[name](whole())) == {one: "warning" if one in WARNINGS else "critical" for one in failing}


def test_every_expectation_has_a_damage_of_its_own() -> None:
    """No expectation stands in a suite without a test that fails when it is deleted."""
    assert names_in_suites() == set(DAMAGES)


def test_a_hole_as_long_as_the_calendar_tolerates_only_warns(judge: Callable[[pa.Table], dict[str, str]]) -> None:
    """Eight missing half hours in a row, as the sample has them, are no reason to refuse."""
    assert judge(without(*range(100, 108))(whole())) == {"no_bar_is_missing": "warning"}
