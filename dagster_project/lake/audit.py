"""Audit staged files with Great Expectations: judge each, keep the verdict in the lake, and write Data Docs for people."""

# Great Expectations marks none of its names as exported, though its documentation imports them so.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dagster_project.home import Home
from dagster_project.lake.bar_format import COLUMNS
from dagster_project.lake.calendar import Calendar
from dagster_project.lake.data_docs import write_index
from dagster_project.lake.measuring import METADATA_KEYS, list_schema, measure_values, read_instrument
from dagster_project.lake.period import describe_moment
from dagster_project.lake.quality_project import QualityProject
from dagster_project.lake.staging import StagedFile
from dagster_project.lake.verdicts import VERDICT_SCHEMA, Finding, Verdict, list_verdicts, make_validation_id, write_verdict
from expectations.bars import Tolerance, schema_suite, values_suite, warnings_suite
from live.promotion.documents import encode_canonical, sha256_hex

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations import ExpectationSuite
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult

UNREADABLE = "file_is_readable"
"""The one expectation that is not Great Expectations': what cannot be read cannot be handed to it."""


class Auditor:
    """Judge files by the suites in `expectations.bars`."""

    def __init__(self, home: Home, calendar: Calendar, now: int) -> None:
        """Open the Great Expectations project of a home, or make it.

        Args:
            home: whose project and lake it is.
            calendar: when bars exist.
            now: nanoseconds UTC; no bar closes after it.
        """
        self._home = home
        self._calendar = calendar
        self._now = now
        self._project = QualityProject(home)
        self._schema_suite = schema_suite(COLUMNS, METADATA_KEYS)
        self._warnings_suite = warnings_suite()
        self._values_suites: dict[Tolerance, ExpectationSuite] = {}
        self._expectations = _digest_expectations(calendar)

    def audit(self, files: Iterable[StagedFile]) -> list[Verdict]:
        """Judge staged files, keep the verdicts in the lake and write their pages."""
        verdicts = [self._judge(staged) for staged in files]
        self._project.write_pages()
        for verdict in verdicts:
            write_verdict(self._home, verdict)
        write_index(self._home, list_verdicts(self._home))
        return verdicts

    def _judge(self, staged: StagedFile) -> Verdict:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(staged.path(self._home)) as file:
                table = file.read()
        except (pa.ArrowException, OSError) as error:
            told = f"it cannot be read as parquet ({str(error).partition(chr(10))[0]})"
            return self._verdict(staged, [Finding(name=UNREADABLE, severity="critical", told=told)])
        run_name = f"{staged.name.removesuffix('.parquet')[:60]}_{self._validation_id(staged)[:12]}"
        listed = list_schema(table.schema, table.num_rows)
        result, page = self._project.validate(self._schema_suite, listed, run_name)
        if not result.success:
            return self._verdict(staged, _findings(result, None), page=page, results=[result], rows=table.num_rows)
        instrument, interval_seconds = read_instrument(table.schema)
        frame = measure_values(table, self._calendar, self._now)
        values, page = self._project.validate(self._values_suite(interval_seconds), frame, run_name)
        warnings, warnings_page = self._project.validate(self._warnings_suite, frame, run_name)
        return self._verdict(
            staged,
            [*_findings(values, frame), *_findings(warnings, frame)],
            page=page,
            warnings_page=warnings_page,
            results=[result, values, warnings],
            rows=table.num_rows,
            instrument_id=instrument.instrument_id,
        )

    def _values_suite(self, interval_seconds: int) -> ExpectationSuite:
        tolerance = Tolerance(self._calendar.tolerated_bars(interval_seconds), self._calendar.tolerated_missing_share)
        if tolerance not in self._values_suites:
            self._values_suites[tolerance] = values_suite(COLUMNS, tolerance)
        return self._values_suites[tolerance]

    def _validation_id(self, staged: StagedFile) -> str:
        return make_validation_id(staged.source, self._expectations)

    def _verdict(
        self,
        staged: StagedFile,
        findings: list[Finding],
        *,
        page: str = "",
        warnings_page: str = "",
        results: list[ExpectationSuiteValidationResult] | None = None,
        rows: int = 0,
        instrument_id: str = "",
    ) -> Verdict:
        return Verdict(
            schema=VERDICT_SCHEMA,
            validation_id=self._validation_id(staged),
            source=staged.source,
            name=staged.name,
            instrument_id=instrument_id,
            rows=rows,
            passed=all(finding.severity != "critical" for finding in findings),
            findings=tuple(findings),
            page=page,
            warnings_page=warnings_page,
            judged_at=describe_moment(self._now),
            expectations=self._expectations,
            results=[_plain(result) for result in results or []],
        )


def _plain(result: ExpectationSuiteValidationResult) -> dict[str, Any]:
    """Give a result as plain JSON: what the library gives still holds numbers of numpy."""
    return json.loads(json.dumps(result.to_json_dict(), default=str))


def _digest_expectations(calendar: Calendar) -> str:
    """Give the digest of all that files are judged by, so that another judgement gets another validation id."""
    suites = (schema_suite(COLUMNS, METADATA_KEYS), values_suite(COLUMNS, Tolerance(0, 0.0)), warnings_suite())
    plain = [expectation.configuration.to_json_dict() for suite in suites for expectation in suite.expectations]
    return sha256_hex(encode_canonical({"calendar": calendar, "expectations": plain}))


def _findings(result: ExpectationSuiteValidationResult, frame: pd.DataFrame | None) -> list[Finding]:
    found: list[Finding] = []
    for one in result.results:
        configuration = one.expectation_config
        if not one.success and configuration is not None:
            severity = "warning" if configuration.severity == "warning" else "critical"
            found.append(Finding(name=str((configuration.meta or {})["name"]), severity=severity, told=_told(one, frame)))
    return found


def _told(one: ExpectationValidationResult, frame: pd.DataFrame | None) -> str:
    result: dict[str, Any] = dict(one.result)
    kwargs = one.expectation_config.kwargs if one.expectation_config is not None else {}
    if result.get("unexpected_count"):
        told = f"{result['unexpected_count']:,} of {result['element_count']:,} values in {kwargs.get('column', 'found')}"
        rows = result.get("partial_unexpected_index_list") or []
        return told + (f", first {_row(rows[0], frame)}: {_number(result['partial_unexpected_list'][0])}" if rows else "")
    if "value_set" in kwargs:
        return f"missing: {', '.join(sorted(set(kwargs['value_set']) - set(result.get('observed_value') or [])))}"
    bounds = [f"{word} {kwargs[key]}" for key, word in (("min_value", "at least"), ("max_value", "at most")) if kwargs.get(key) is not None]
    return f"observed {result.get('observed_value')} in {kwargs.get('column')}, expected {' and '.join(bounds)}"


def _number(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _row(row: int, frame: pd.DataFrame | None) -> str:
    import pandas as pd

    close = None if frame is None else frame["ts_close"].iloc[row]
    return f"in row {row}" if close is None or pd.isna(close) else f"in row {row} (closing {describe_moment(int(close))} UTC)"
