"""What bars must be, as Great Expectations suites: on a file's schema, on its values, and on what is worth a warning.

Values are judged only when the schema holds. Next to a file's own columns the values have *measures*, which the lake
computes (`dagster_project.lake.measuring`): each measures one fault and is 0 where there is none, so that a fault has one
name. Every expectation is named in its `meta`; a critical one refuses the file, a warning only tells. Warnings have a suite of their
own, so that the page of a file that passed says that it succeeded.
"""

# Great Expectations marks none of its names as exported, though its documentation imports them so.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

SCHEMA_SUITE = "bars_schema"
VALUES_SUITE = "bars"
WARNINGS_SUITE = "bars_warnings"

LARGEST_JUMP = 400_000
"""Parts per million from close to close; the sample's largest is 185,112 (LTC, half an hour)."""
CALM_JUMP = 100_000
LARGEST_WICK = 500_000
"""Parts per million of the body that a high or low may lie beyond it; the sample's largest is 275,363 (LTC)."""


class Tolerance(NamedTuple):
    """Set what the calendar tolerates: bars missing in a row, and bars missing for each that is there."""

    hole_bars: int
    missing_share: float


def schema_suite(columns: Sequence[str], metadata: Sequence[str]) -> ExpectationSuite:
    """Give the expectations on the list of what a file's schema holds: rows of `name`, `found`, `expected`, `rows`.

    Args:
        columns: names that must be listed.
        metadata: metadata keys that must be listed, as `metadata.<key>`.
    """
    import great_expectations as gx
    from great_expectations import expectations as gxe

    expectations = [
        gxe.ExpectColumnDistinctValuesToContainSet(
            column="name", value_set=list(columns), **_called("columns_are_present", "Every column of bars is there.")
        ),
        gxe.ExpectColumnPairValuesToBeEqual(
            column_A="found",
            column_B="expected",
            **_called("types_are_those_of_bars", "Times are int64, prices and volume decimals on the instrument's scales."),
        ),
        gxe.ExpectColumnDistinctValuesToContainSet(
            column="name",
            value_set=[f"metadata.{key}" for key in metadata],
            **_called("instrument_is_described", "The metadata name the instrument, its assets, scales and the length of a bar."),
        ),
        gxe.ExpectColumnMinToBeBetween(column="rows", min_value=1, **_called("bars_exist", "The file holds at least one bar.")),
    ]
    return gx.ExpectationSuite(name=SCHEMA_SUITE, expectations=expectations)


def values_suite(columns: Sequence[str], tolerance: Tolerance) -> ExpectationSuite:
    """Give the expectations on the values of bars and their measures.

    Args:
        columns: columns in which no value may be missing.
        tolerance: what the calendar lets be missing.
    """
    import great_expectations as gx
    from great_expectations import expectations as gxe

    expectations: list[Expectation] = [
        gxe.ExpectColumnValuesToNotBeNull(column=column, **_called(f"{column}_is_present", f"Every bar has a value in {column}."))
        for column in columns
    ]
    expectations += [
        gxe.ExpectColumnValuesToBeUnique(column="ts_close", **_called("time_is_unique", "No two bars close at one time.")),
        gxe.ExpectColumnValuesToBeIncreasing(
            column="ts_close", **_called("time_does_not_run_backwards", "Each bar closes after the one before.")
        ),
        _none("grid_offset", "time_is_on_the_grid", "Bars close on whole multiples of their length since 1970 UTC."),
        _none("length_error", "bar_has_its_length", "A bar closes its length after it opens."),
        _none("seconds_ahead", "bar_is_over", "No bar closes in the future: an unfinished bar still changes."),
        _at_most("missing_before", tolerance.hole_bars, "no_hole_is_too_long", "No hole is longer than the calendar tolerates."),
        gxe.ExpectColumnMeanToBeBetween(
            column="missing_before",
            max_value=tolerance.missing_share,
            **_called("enough_bars_are_there", "The share of missing bars is one that the calendar tolerates."),
        ),
        _none("high_shortfall", "high_is_highest", "The high is not below open, close or low."),
        _none("low_excess", "low_is_lowest", "The low is not above open, close or high."),
        _none("not_positive", "prices_are_positive", "Every price is above zero."),
        _none("volume_shortfall", "volume_is_not_negative", "Volume is not below zero."),
        _at_most("jump_ppm", LARGEST_JUMP, "close_does_not_leap", "The close does not leap by 40 % from bar to bar."),
        _at_most("wick_ppm", LARGEST_WICK, "wicks_are_plausible", "High and low lie within 50 % of the bar's body."),
    ]
    return gx.ExpectationSuite(name=VALUES_SUITE, expectations=expectations)


def warnings_suite() -> ExpectationSuite:
    """Give the expectations on the measures of bars that real markets disappoint now and then."""
    import great_expectations as gx

    expectations = [
        _at_most("missing_before", 0, "no_bar_is_missing", "Every bar that the calendar expects is there.", severity="warning"),
        _at_most("jump_ppm", CALM_JUMP, "close_moves_calmly", "The close moves by at most 10 % from bar to bar.", severity="warning"),
    ]
    return gx.ExpectationSuite(name=WARNINGS_SUITE, expectations=expectations)


def _at_most(measure: str, most: float, name: str, told: str, severity: str = "critical") -> Expectation:
    from great_expectations import expectations as gxe

    return gxe.ExpectColumnValuesToBeBetween(column=measure, max_value=most, **_called(name, told, severity))


def _none(measure: str, name: str, told: str) -> Expectation:
    return _at_most(measure, 0, name, told)


def _called(name: str, told: str, severity: str = "critical") -> dict[str, Any]:
    return {"meta": {"name": name}, "description": f"{name}: {told}", "severity": severity}
