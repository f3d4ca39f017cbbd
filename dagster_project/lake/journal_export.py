"""A journal's rows as one Parquet table, for whoever reads columns: `interlock journal export --format parquet`."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 20_000
"""Rows in memory at once, and in one row group of the file."""


def write_parquet(documents: Iterable[dict[str, Any]], destination: Path, session_id: str) -> int:
    """Write rows of a journal, as `live.journal.export.row_document` gives them, to a Parquet file.

    A column holds what every row has. What differs from kind to kind is in `entry`, the fields by name as JSON, so that
    one table holds a whole journal and integers keep all their digits; `time` is `ts` as a timestamp.

    Args:
        documents: the rows in sequence.
        destination: the file.
        session_id: written beside every row, so that the tables of several sessions can be read as one.

    Returns:
        How many rows were written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema()
    count = 0
    with pq.ParquetWriter(destination, schema, compression="zstd") as writer:
        for batch in _batches(documents):
            columns = {name: [document[name] for document in batch] for name in ("seq", "kind", "version", "is_output", "ts")}
            columns |= {name: [document[name] for document in batch] for name in ("segment", "offset")}
            columns["session_id"] = [session_id] * len(batch)
            columns["time"] = columns["ts"]
            columns["entry"] = [json.dumps(document["entry"], ensure_ascii=False) for document in batch]
            arrays = [pa.array(columns[field.name], type=field.type) for field in schema]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(batch)
    return count


def _batches(documents: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    waiting = iter(documents)
    while batch := list(islice(waiting, _BATCH_ROWS)):
        yield batch


def _schema() -> "pa.Schema":
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("session_id", pa.string(), nullable=False),
            pa.field("seq", pa.int64(), nullable=False),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("version", pa.int32(), nullable=False),
            pa.field("is_output", pa.bool_(), nullable=False),
            pa.field("ts", pa.int64(), nullable=False),
            pa.field("time", pa.timestamp("ns", tz="UTC"), nullable=False),
            pa.field("segment", pa.int64(), nullable=False),
            pa.field("offset", pa.int64(), nullable=False),
            pa.field("entry", pa.string(), nullable=False),
        ]
    )
