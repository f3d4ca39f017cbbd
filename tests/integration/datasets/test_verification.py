"""Verification: any changed byte, any missing file and any file too many is found and named."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dagster_project.datasets import Dataset, freeze_dataset, verify_dataset, verify_datasets
from dagster_project.datasets.tape import write_tape
from dagster_project.home import Home

BTC, ETH = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT"


@pytest.fixture(name="dataset")
def _dataset(home: Home) -> Dataset:
    return freeze_dataset(home, name="small", instruments=[BTC, ETH], end="2017-10-03")


def flip(path: Path, place: int) -> None:
    """Change one bit of a file."""
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.chmod(0o644)
    path.write_bytes(raw)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.999])
def test_one_changed_bit_is_found_wherever_it_is(share: float, dataset: Dataset) -> None:
    """In the bars, the manifest and the list of sums alike."""
    for path in sorted(dataset.path.iterdir()):
        whole = path.read_bytes()
        flip(path, int(len(whole) * share))
        assert verify_dataset(dataset), f"{path.name} was changed at {share}"
        path.write_bytes(whole)
    assert verify_dataset(dataset) == []


def edit_lineage(dataset: Dataset) -> None:
    """Name another source, in the manifest's own spelling."""
    path = dataset.path / "manifest.json"
    path.chmod(0o644)
    path.write_text(path.read_text().replace("btc_0.parquet", "eth_9.parquet"))


def exchange_bars(dataset: Dataset) -> None:
    """Replace a file by one with another close, and let manifest and sums agree with it."""
    file = dataset.manifest.files[0]
    path = dataset.path / file.name
    table = pq.read_table(path)
    closes = table.column("close").to_pylist()
    closes[3] += closes[3]
    path.chmod(0o644)
    pq.write_table(table.set_column(5, "close", pa.array(closes, type=table.schema.field("close").type)), path)
    replaced = hashlib.sha256(path.read_bytes()).hexdigest()
    for name in ("manifest.json", "SHA256SUMS"):
        other = dataset.path / name
        other.chmod(0o644)
        other.write_text(other.read_text().replace(file.sha256, replaced))
    manifest = hashlib.sha256((dataset.path / "manifest.json").read_bytes()).hexdigest()
    sums = dataset.path / "SHA256SUMS"
    sums.write_text("".join(f"{manifest}  manifest.json\n" if "manifest" in line else line for line in sums.read_text().splitlines(True)))


def exchange_tape(dataset: Dataset) -> None:
    """Put a tape of other bars, with a digest that fits, where the dataset's lies."""
    tape = dataset.tape()
    tape.unlink()
    write_tape(dataset.files, tape.parent, start=dataset.manifest.start + 1_800_000_000_000)


def damage_tape(dataset: Dataset) -> None:
    """Change one bit of the tape."""
    flip(dataset.tape(), 200)


CHANGES: dict[str, tuple[Callable[[Dataset], object], str]] = {
    "missing file": (lambda dataset: (dataset.path / dataset.manifest.files[1].name).unlink(), "-ETHUSDT-.* is missing"),
    "missing manifest": (lambda dataset: (dataset.path / "manifest.json").unlink(), "manifest.json cannot be read"),
    "extra file": (lambda dataset: (dataset.path / "notes.txt").write_text("x"), "notes.txt does not belong"),
    "extra tape": (lambda dataset: (dataset.tape().parent / "notes.txt").write_text("x"), "notes.txt does not belong"),
    "edited lineage": (edit_lineage, "SHA256SUMS does not fit"),
    "consistent forgery": (exchange_bars, "holds other bars than those that were frozen"),
    "exchanged tape": (exchange_tape, "holds other bars than the dataset"),
    "damaged tape": (damage_tape, "is damaged"),
    "renamed folder": (lambda dataset: dataset.path.rename(dataset.path.with_name("0" * 64)), "cannot be read"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_is_named(change: str, dataset: Dataset) -> None:
    """The problem says which file it is about."""
    make, told = CHANGES[change]
    make(dataset)
    problems = verify_dataset(dataset)
    assert len(problems) == 1
    assert re.search(told, problems[0])


def test_every_dataset_of_a_home_is_verified(home: Home, dataset: Dataset) -> None:
    """Each digest has its problems; a dataset under another digest's name is one."""
    assert verify_datasets(home) == {dataset.digest: []}
    dataset.path.rename(dataset.path.with_name("0" * 64))
    (problem,) = verify_datasets(home)["0" * 64]
    assert "not of its folder" in problem
