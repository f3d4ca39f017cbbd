"""A journal exported to Parquet holds the journal's rows, all of them, and nothing else."""

import json
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from live.cli import journal as commands
from live.cli.output import EXIT_ERROR, run_reporting_errors
from live.core.inputs import BalanceChanged, ClockTicked
from live.core.records import AlarmRaised
from live.journal import EntryError, JournalFile, JournalReader
from live.journal.export import export_rows, row_document

pq = pytest.importorskip("pyarrow.parquet", reason="the pipeline extra is not installed")

COLUMNS = ["session_id", "seq", "kind", "version", "is_output", "ts", "time", "segment", "offset", "entry"]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Write a journal of several kinds, with numbers that no floating point number holds and text in another script."""
    path = tmp_path / "000001-ABCDEFGH.journal"
    with JournalFile.create(path, session_id=path.stem, created_at=1) as file:
        for number in range(5):
            ts = 1_704_067_200_000_000_001 + number
            entry = BalanceChanged(ts, "main", "USDT", 2**62 + number, "Einzahlung äöü") if number % 2 else ClockTicked(ts)
            file.append_step(entry, [AlarmRaised(ts, "C", "", "détail")], (1, number))
        file.append_snapshot(b"state", 1_704_067_200_000_000_009)
    return path


def test_the_rows_come_back_as_they_are_in_the_journal(journal: Path, tmp_path: Path) -> None:
    """Field for field, with every digit, in sequence."""
    from dagster_project.lake.journal_export import write_parquet

    out = tmp_path / "session.parquet"
    with JournalReader(journal) as reader:
        rows = list(reader.rows())
        assert export_rows(reader.rows(), out, write=write_parquet, session_id=reader.meta.session_id) == len(rows) == 11
    table = pq.read_table(out)
    assert table.column_names == COLUMNS
    for row, found in zip(rows, table.to_pylist(), strict=True):
        document = row_document(row)
        assert json.loads(found["entry"]) == document["entry"]
        assert found["session_id"] == journal.stem
        assert {name: found[name] for name in COLUMNS[1:6]} == {name: document[name] for name in COLUMNS[1:6]}
        assert (found["segment"], found["offset"]) == (row.segment, row.offset)
    assert table["time"].cast("int64").to_pylist() == [row.ts for row in rows]


def test_a_long_journal_is_written_in_batches(journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory holds a part of it, the file all of it in order."""
    from dagster_project.lake import journal_export

    monkeypatch.setattr(journal_export, "_BATCH_ROWS", 4)
    with JournalReader(journal) as reader:
        export_rows(reader.rows(), tmp_path / "x.parquet", write=journal_export.write_parquet, session_id="s")
    assert pq.ParquetFile(tmp_path / "x.parquet").metadata.num_row_groups == 3
    assert pq.read_table(tmp_path / "x.parquet")["seq"].to_pylist() == list(range(1, 12))


def test_a_row_that_cannot_be_read_leaves_nothing_behind(journal: Path, tmp_path: Path) -> None:
    """Half a table would look like a whole one."""
    from dagster_project.lake.journal_export import write_parquet

    with JournalReader(journal) as reader:
        rows = [*reader.rows(limit=2), next(reader.rows(limit=1))._replace(body=b"\xc1")]
    with pytest.raises(EntryError):
        export_rows(rows, tmp_path / "x.parquet", write=write_parquet)
    assert sorted(path.name for path in tmp_path.iterdir()) == [journal.name]


def test_the_command_writes_parquet_where_the_pipeline_is_installed(
    journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The format comes through an entry point; the live host's own install says what is missing."""
    installed = EntryPoint("parquet", "dagster_project.lake.journal_export:write_parquet", commands.FORMATS)
    words = ["export", str(journal), "--out", str(tmp_path / "x.parquet"), "--format", "parquet"]

    def run(found: list[EntryPoint]) -> int:
        monkeypatch.setattr(commands, "entry_points", lambda **wanted: EntryPoints(found).select(**wanted))
        return run_reporting_errors(lambda: commands.app(words, standalone_mode=False), as_json=False)

    assert run([]) == EXIT_ERROR
    assert "pip install 'interlock[pipeline]'" in " ".join(capsys.readouterr().err.split())
    assert run([installed]) == 0
    assert "11 rows written" in capsys.readouterr().out
    assert pq.read_table(tmp_path / "x.parquet").num_rows == 11


def test_the_entry_point_is_declared() -> None:
    """What the command asks for is what this project installs."""
    import tomllib

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"][commands.FORMATS] == {"parquet": "dagster_project.lake.journal_export:write_parquet"}
