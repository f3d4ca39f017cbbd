"""Publish audited bars into the table, by key: new ones join, equal ones stay, changed ones are refused unless they correct."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from dagster_project.home import Home
from dagster_project.lake.bar_format import COLUMNS, TIMES, unscaled
from dagster_project.lake.errors import LakeError, RefusedPublication
from dagster_project.lake.measuring import read_instrument
from dagster_project.lake.period import describe_moment
from dagster_project.lake.staging import StagedFile
from dagster_project.lake.table import PARTITIONS, SCALES, open_table, read_rows, table_schema
from dagster_project.lake.verdicts import Finding, Verdict
from live.journal.disk import file_digest

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

State = Literal["published", "already there", "refused"]


class FileOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """Tell what became of one file.

    Attributes:
        name: the file's name.
        source: sha256 of the file.
        instrument_id: what its bars are of; empty when the file does not say.
        state: `published`, `already there` (each bar was published before, equal) or `refused`.
        rows: bars in the file.
        new: bars that joined the table.
        equal: bars that were published before, equal.
        changed: bars that were published before with other values; corrected when published, named when refused.
        refusals: why it was refused.
        warnings: what was found and tolerated.
        validation_id: of the audit.
        page: the audit's page, relative to the Data Docs site.
    """

    name: str
    source: str
    instrument_id: str
    state: State
    rows: int
    new: int = 0
    equal: int = 0
    changed: int = 0
    refusals: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    validation_id: str
    page: str


def publish_file(home: Home, staged: StagedFile, verdict: Verdict, *, correct: bool = False) -> FileOutcome:
    """Publish the bars of a staged file in one commit of the table, or refuse all of them.

    Args:
        home: whose lake to publish in.
        staged: the file.
        verdict: of its audit.
        correct: replace published bars that the file says something else about.

    Raises:
        LakeError: the copy was changed after its audit, or the verdict is on another file.
    """
    outcome = FileOutcome(
        name=staged.name,
        source=staged.source,
        instrument_id=verdict.instrument_id,
        state="refused",
        rows=verdict.rows,
        refusals=verdict.failures,
        warnings=verdict.warnings,
        validation_id=verdict.validation_id,
        page=verdict.page,
    )
    if not verdict.passed:
        return outcome
    if verdict.source != staged.source or file_digest(staged.path(home)) != staged.source:
        raise LakeError(f"the staged copy of {staged.name} is not the file that was judged: stage it again")
    rows = _rows(home, staged, verdict)
    try:
        return _publish(home, rows, outcome, correct=correct)
    except RefusedPublication as refusal:
        finding = Finding(name=refusal.name, severity="critical", told=str(refusal))
        return msgspec.structs.replace(outcome, refusals=(finding,), changed=refusal.changed)


def _publish(home: Home, rows: pa.Table, outcome: FileOutcome, *, correct: bool) -> FileOutcome:
    import numpy as np

    table = open_table(home)
    published = None if table is None else read_rows(table, outcome.instrument_id)
    closes = rows.column("ts_close").to_numpy()
    known, changed = np.zeros(len(closes), dtype=bool), np.zeros(len(closes), dtype=bool)
    if published is not None and published.num_rows:
        _refuse_other_scales(published, rows)
        known, changed = _compare(published, rows)
    if changed.any() and not correct:
        first = int(np.argmax(changed))
        raise RefusedPublication(
            "published_bars_agree",
            f"{int(changed.sum()):,} bars are published with other values, first the one closing {describe_moment(int(closes[first]))} UTC "
            f"({_difference(published, rows, first)}): correct the file, or publish it as a correction (--correct)",
            changed=int(changed.sum()),
        )
    written = rows.filter(~known | changed)
    if written.num_rows:
        _write(home, written, outcome)
    return msgspec.structs.replace(
        outcome,
        state="published" if written.num_rows else "already there",
        new=int((~known).sum()),
        equal=int((known & ~changed).sum()),
        changed=int(changed.sum()),
    )


def _rows(home: Home, staged: StagedFile, verdict: Verdict) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    read = pq.read_table(staged.path(home), columns=list(COLUMNS)).combine_chunks()
    instrument, interval_seconds = read_instrument(read.schema)
    columns = {name: read.column(name).chunk(0) if name in TIMES else pa.array(unscaled(read.column(name).chunk(0))) for name in COLUMNS}
    columns["month"] = pa.array(columns["ts_close"].to_numpy().astype("datetime64[ns]").astype("datetime64[M]").astype(str))
    constants = {name: getattr(instrument, name) for name in ("instrument_id", *SCALES[:-1])}
    constants |= {"interval_seconds": interval_seconds, "source": staged.source, "validation_id": verdict.validation_id}
    columns |= {name: pa.repeat(value, read.num_rows) for name, value in constants.items()}
    schema = table_schema()
    return pa.table([columns[name].cast(schema.field(name).type) for name in schema.names], schema=schema)


def _refuse_other_scales(published: pa.Table, rows: pa.Table) -> None:
    for name in SCALES:
        before, after = published.column(name)[0].as_py(), rows.column(name)[0].as_py()
        if before != after:
            raise RefusedPublication("instrument_is_the_same", f"{name} is {before} in the table, received {after}: make the file agree")


def _compare(published: pa.Table, rows: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Say of each row whether its key is published, and whether with other values."""
    import numpy as np

    keys, closes = published.column("ts_close").to_numpy(), rows.column("ts_close").to_numpy()
    place = np.minimum(np.searchsorted(keys, closes), len(keys) - 1)
    known = keys[place] == closes
    changed = np.zeros(len(closes), dtype=bool)
    for name in COLUMNS:
        changed |= published.column(name).to_numpy()[place] != rows.column(name).to_numpy()
    return known, changed & known


def _difference(published: pa.Table | None, rows: pa.Table, first: int) -> str:
    assert published is not None, "a bar can only differ from a published one"
    after = rows.slice(first, 1).to_pylist()[0]
    keys = published.column("ts_close").to_numpy()
    before = published.slice(int(keys.searchsorted(after["ts_close"])), 1).to_pylist()[0]
    return "; ".join(f"{name} is {before[name]}, received {after[name]}" for name in COLUMNS if before[name] != after[name])


def _write(home: Home, rows: pa.Table, outcome: FileOutcome) -> None:
    from deltalake import CommitProperties, DeltaTable

    table = open_table(home)
    if table is None:
        home.bars.mkdir(parents=True, exist_ok=True)
        table = DeltaTable.create(str(home.bars), rows.schema, partition_by=list(PARTITIONS))
    properties = CommitProperties(custom_metadata={"source": outcome.source, "validation_id": outcome.validation_id})
    months = ", ".join(f"'{month}'" for month in sorted(rows.column("month").unique().to_pylist()))
    instrument_id = outcome.instrument_id.replace("'", "''")
    key = f"t.instrument_id = '{instrument_id}' AND t.month IN ({months})"
    key += " AND t.instrument_id = s.instrument_id AND t.month = s.month AND t.ts_close = s.ts_close"
    merge = table.merge(rows, predicate=key, source_alias="s", target_alias="t", commit_properties=properties)
    merge.when_matched_update_all().when_not_matched_insert_all().execute()
