"""A home with published bars, made once, and copies of it to work on."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dagster_project.home import Home
from dagster_project.lake import ingest_bars

BTC, ETH = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT"


@pytest.fixture(name="cut", scope="session")
def _cut(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int, int], Path]:
    """Give a function that writes rows of the sample as a file."""

    def cut(symbol: str, first: int, beyond: int) -> Path:
        path = tmp_path_factory.mktemp("bars") / f"{symbol}_{first}.parquet"
        pq.write_table(pq.read_table(f"data/sample/{symbol}usdt_30m.parquet").slice(first, beyond - first), path)
        return path

    return cut


@pytest.fixture(name="published", scope="session")
def _published(tmp_path_factory: pytest.TempPathFactory, cut: Callable[[str, int, int], Path]) -> Path:
    """Publish a few hundred bars of two instruments."""
    root = tmp_path_factory.mktemp("published")
    ingest_bars(Home(root), [cut("btc", 0, 300), cut("eth", 0, 200)])
    return root


@pytest.fixture(name="home")
def _home(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Give a copy of the home with published bars, which commands find too."""
    root = tmp_path / "home"
    shutil.copytree(published / "lake", root / "lake")
    monkeypatch.setenv("INTERLOCK_HOME", str(root))
    return Home(root)
