"""Real bars in small files, whole and damaged, and a home to ingest them into."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dagster_project.home import Home
from dagster_project.lake.bar_format import COLUMNS, TIMES, make_table, unscaled
from dagster_project.lake.measuring import read_instrument

Columns = dict[str, np.ndarray]
WriteBars = Callable[..., Path]


@pytest.fixture(name="write_bars", scope="module")
def _write_bars(tmp_path_factory: pytest.TempPathFactory) -> WriteBars:
    """Give a function that writes rows of the sample as a file, after a change, into a folder of its own unless one is given."""

    def write(
        name: str,
        change: Callable[[Columns], object] = lambda _: None,
        *,
        symbol: str = "btc",
        rows: slice = slice(0, 300),
        table: Callable[[pa.Table], pa.Table] = lambda table: table,
        folder: Path | None = None,
    ) -> Path:
        source = Path(f"data/sample/{symbol}usdt_30m.parquet").resolve()
        read = pq.read_table(source, columns=list(COLUMNS)).slice(rows.start, rows.stop - rows.start).combine_chunks()
        chunks = {column: read.column(column).chunk(0) for column in COLUMNS}
        columns = {column: chunk.to_numpy().copy() if column in TIMES else unscaled(chunk).copy() for column, chunk in chunks.items()}
        change(columns)
        instrument, interval = read_instrument(pq.read_schema(source))
        path = (folder or tmp_path_factory.mktemp("bars")) / name
        pq.write_table(table(make_table(columns, instrument, interval)), path)
        return path

    return write


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Give an empty home, which commands and assets find too."""
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DATA_DOCS_URL", raising=False)
    return Home(tmp_path / "home")
