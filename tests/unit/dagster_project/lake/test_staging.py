"""Staging: what is ingested is copied under its digest first."""

import hashlib
from pathlib import Path

import pytest

from dagster_project.home import Home
from dagster_project.lake import LakeError
from dagster_project.lake.staging import read_batch, stage_files, write_batch


@pytest.fixture(name="home")
def _home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_copy_is_named_by_the_digest_of_its_bytes(home: Home, tmp_path: Path) -> None:
    """What is judged later cannot be exchanged under its name."""
    (tmp_path / "one.parquet").write_bytes(b"one")
    (staged,) = stage_files(home, [tmp_path / "one.parquet"])
    assert (staged.name, staged.source) == ("one.parquet", hashlib.sha256(b"one").hexdigest())
    assert staged.path(home).read_bytes() == b"one"


def test_a_folder_means_its_parquet_files_and_equal_files_are_one(home: Home, tmp_path: Path) -> None:
    """Other files of a folder are left alone, and a second name for the same bytes changes nothing."""
    folder = tmp_path / "bars"
    folder.mkdir()
    for name, content in {"a.parquet": b"a", "b.parquet": b"b", "c.parquet": b"a", "notes.md": b"n"}.items():
        (folder / name).write_bytes(content)
    assert sorted(one.source for one in stage_files(home, [folder])) == sorted(hashlib.sha256(raw).hexdigest() for raw in (b"a", b"b"))


def test_what_is_not_there_is_refused_with_where_it_was_looked_for(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is resolved against the current directory, and the error says which that is."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LakeError, match=rf"data/sample does not exist \(looked in {tmp_path}\)"):
        stage_files(home, [Path("data/sample")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(LakeError, match="holds no parquet file"):
        stage_files(home, [Path("empty")])
    with pytest.raises(LakeError, match="nothing to ingest"):
        stage_files(home, [])


def test_a_batch_replaces_the_one_before(home: Home, tmp_path: Path) -> None:
    """The batch staged last is remembered, and copies of earlier ones are let go."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.parquet").write_bytes(name.encode())
        write_batch(home, stage_files(home, [tmp_path / f"{name}.parquet"]))
    assert [one.name for one in read_batch(home)] == ["two.parquet"]
    assert sorted(path.name for path in home.staging.iterdir()) == sorted(["batch.json", f"{hashlib.sha256(b'two').hexdigest()}.parquet"])


def test_nothing_staged_is_an_error(home: Home) -> None:
    """Publishing without staging says what to do first."""
    with pytest.raises(LakeError, match="stage files first"):
        read_batch(home)
