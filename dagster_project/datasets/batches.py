"""Batches of columns: those rows of a file that lie in a period, after what every file must keep was checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dagster_project.datasets.errors import DatasetError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

BATCH_ROWS = 65_536
"""Rows that are read and checked at once."""
PIECE_ROWS = 512
"""Rows that become events at once: made in a cache, they are handled before they fall out of it."""
_EARLIEST, _LATEST = -(2**63), 2**63 - 1


def read_batches(path: object, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Read a parquet file a batch of rows at a time.

    Raises:
        DatasetError: it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Buffered ahead, every column chunk read so far would stay in memory until the end: as much as the file is large.
        yield from pq.ParquetFile(path, pre_buffer=False).iter_batches(BATCH_ROWS, columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} cannot be read as parquet ({first_line(error)}): restore the file or make it again") from error


def column_span(path: object, column: str) -> tuple[int, int] | None:
    """Give the first and the last value of a file's sorted column, None when it has no row; only its ends are read.

    Raises:
        DatasetError: it cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        groups = [group for group in range(file.num_row_groups) if file.metadata.row_group(group).num_rows]
        if not groups:
            return None
        ends = [file.read_row_group(group, columns=[column]).column(column) for group in (groups[0], groups[-1])]
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{path} cannot be read as parquet ({first_line(error)}): restore the file or make it again") from error
    return ends[0][0].as_py(), ends[1][-1].as_py()


def select_rows(
    batches: Iterable[pa.RecordBatch], name: str, time: str, start: int | None, end: int | None, *, strictly: bool
) -> Iterator[tuple[np.ndarray, pa.RecordBatch]]:
    """Give the rows whose time lies after `start` and not after `end` (nanoseconds UTC), in small pieces, each with its times.

    Args:
        batches: of the columns, in order.
        name: of the file, for errors.
        time: the column of the time.
        start: exclusive; from the first unless given.
        end: inclusive; to the last unless given.
        strictly: whether two rows may not have one time.

    Raises:
        DatasetError: a column holds a null, or the times are not in order.
    """
    import numpy as np

    last = _EARLIEST
    least_step = 1 if strictly else 0
    for batch in batches:
        if not batch.num_rows:
            continue
        for field in batch.schema.names:
            if batch.column(field).null_count:
                raise DatasetError(f"{name}: column {field} holds nulls: a row must be whole, drop or repair it")
        times = batch.column(time).to_numpy()
        if int(times[0]) < last + least_step or bool(np.any(np.diff(times) < least_step)):
            wanted = "strictly increase: sort the file and drop duplicates" if strictly else "increase: sort the file"
            raise DatasetError(f"{name}: {time} does not {wanted}")
        last = int(times[-1])
        first = 0 if start is None else int(np.searchsorted(times, start, "right"))
        beyond = len(times) if end is None else int(np.searchsorted(times, min(end, _LATEST), "right"))
        for begin in range(first, beyond, PIECE_ROWS):
            piece = batch.slice(begin, min(PIECE_ROWS, beyond - begin))
            yield times[begin : begin + piece.num_rows], piece


def first_line(error: BaseException) -> str:
    """Give the first line of an error's message."""
    return str(error).partition("\n")[0]
