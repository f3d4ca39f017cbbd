"""Strategy folders written by a test, a short history to probe them on, and a home with a frozen dataset."""

import json
import random
import shutil
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from dagster_project.datasets import freeze_dataset, open_bars, write_tape
from dagster_project.gates.look_ahead import look_ahead_gate
from dagster_project.gates.policy import LookAheadPolicy, WarmUpPolicy
from dagster_project.gates.probe_process import ProbeReport, ProbeRequest, RunningProbe
from dagster_project.gates.warm_up import warm_up_gate
from dagster_project.home import Home
from dagster_project.lake.ingest import ingest_bars
from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.core.strategy import BarView
from live.journal.segments import write_segment
from live.promotion import GateResult, load_strategy_folder

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "data" / "sample" / "btcusdt_30m.parquet"
SAMPLE_END = 1_554_076_800 * 1_000_000_000
"""2019-04-01."""

INTERVAL = 1800 * 1_000_000_000
FIRST = 1_520_000_000 * 1_000_000_000 // INTERVAL * INTERVAL
BARS = 900
BTC = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=6)

LOOK_AHEAD = LookAheadPolicy(
    opening_cuts=60, spread_places=6, cuts_at_each_place=4, poisoned_cuts=2, minimum_cuts=20, maximum_edge_lost=5.0
)
WARM_UP = WarmUpPolicy(starts=8, compared_bars=60, relative_tolerance=1e-6, maximum_differing_share=0.001)

TOML = """
schema = 1
[strategy]
id = "subject"
entry_point = "strategy:Subject"
[parameters]
fraction = {{ default = 0.5, minimum = 0.01, maximum = 0.9 }}
{fit}
[[instruments]]
instrument_id = "binance-spot:BTCUSDT"
base = "BTC"
quote = "USDT"
price_scale = 2
quantity_scale = 6
minimum_quantity = 10
minimum_notional = "10.00"
[data]
kind = "bars"
interval_seconds = 1800
warm_up_bars = 400
[limits]
maximum_order_notional = "20000.00"
maximum_position_notional = "20000.00"
maximum_open_orders = 2
maximum_orders_per_minute = 4
maximum_daily_loss = "9000.00"
price_collar_ppm = 100000
maximum_data_age_seconds = 3600
[limits.maximum_order_quantity]
"binance-spot:BTCUSDT" = "50.000000"
"""

STRATEGY = """
import json
import pkgutil
import msgspec
from live.core.strategy import Strategy

{top}

class Parameters(msgspec.Struct, frozen=True):
    fraction: float


class Subject(Strategy):
    Parameters = Parameters

    def __init__(self, parameters):
        self.fraction = parameters.fraction
        self.last = None
        self.closes = []
{init}

    @classmethod
    def warm_up_bars(cls, parameters):
        return {warm_up}

    def on_bar(self, bar, context):
        self.closes.append(bar.close)
{decide}
        self.last = bar.close
        context.target_fraction(bar.instrument_id, self.fraction if long else 0.0)
"""


class Findings(NamedTuple):
    """What the probes found, and what the two gates said about it."""

    report: ProbeReport
    look_ahead: GateResult
    warm_up: GateResult


def run_probes(folder: Path, tape: Path, look_ahead=LOOK_AHEAD, warm_up=WARM_UP) -> Findings:
    """Probe a folder in a process of its own."""
    request = ProbeRequest(
        folder=str(folder),
        version_digest=load_strategy_folder(folder).version.digest,
        tape=str(tape),
        look_ahead=look_ahead,
        warm_up=warm_up,
    )
    running = RunningProbe(request)
    try:
        report = running.finish()
    finally:
        running.close()
    assert report.look_ahead is not None, (report.failure, report.violations)
    assert report.warm_up is not None
    return Findings(report, look_ahead_gate(report.look_ahead, report.violations, look_ahead), warm_up_gate(report.warm_up, warm_up))


@pytest.fixture(name="probe_folder")
def _probe_folder(tape):
    """Give a function that probes a folder on the short history, or on another tape."""

    def probe_folder(folder, on=None, look_ahead=LOOK_AHEAD, warm_up=WARM_UP):
        return run_probes(folder, on or tape, look_ahead, warm_up)

    return probe_folder


@pytest.fixture(name="history", scope="session")
def _history():
    """Give bars of a market that wanders."""
    generator = random.Random(5)
    bars, price = [], 800_000
    for number in range(BARS):
        opened = price
        price = max(1000, round(price * (1 + generator.gauss(0.0002, 0.01))))
        ts = FIRST + number * INTERVAL
        low, high = min(opened, price) - 500, max(opened, price) + 500
        bars.append(Bar(ts, ts, BTC.instrument_id, opened, high, low, price, generator.randrange(1, 10**9)))
    return bars


@pytest.fixture(name="tape", scope="session")
def _tape(history, tmp_path_factory):
    return write_segment(tmp_path_factory.mktemp("tape"), history, [BTC], "test").path


@pytest.fixture(name="sample_tape", scope="session")
def _sample_tape(tmp_path_factory):
    """Give the tape that peeker's weights were fitted on."""
    return write_tape([open_bars(SAMPLE)], tmp_path_factory.mktemp("sample"), end=SAMPLE_END).path


@pytest.fixture(name="short_home", scope="session")
def _short_home(tmp_path_factory):
    """Give a home with a dataset of the sample's first weeks."""
    root = tmp_path_factory.mktemp("home")
    pq.write_table(pq.read_table(SAMPLE).slice(0, 2500), root / "bars.parquet")
    home = Home(root)
    ingest_bars(home, [root / "bars.parquet"])
    freeze_dataset(home, name="sample", instruments=["binance-spot:BTCUSDT"])
    return home


@pytest.fixture(name="write_strategy")
def _write_strategy(tmp_path):
    """Give a function that writes a strategy folder out of the lines that matter."""

    def write_strategy(decide, *, init="", top="", warm_up=5, fit=None, until=None, weights=None):
        folder = tmp_path / "subject"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        declared = "" if fit is None else '[fit]\nentry_point = "fit:fit"\n' + (f'until = "{until}"\n' if until else "")
        (folder / "strategy.toml").write_text(TOML.format(fit=declared))
        source = STRATEGY.format(top=dedent(top), init=_indented(init), decide=_indented(decide), warm_up=warm_up)
        (folder / "strategy.py").write_text(source)
        if fit is not None:
            (folder / "fit.py").write_text(dedent(fit))
        for name, content in (weights or {}).items():
            (folder / "weights").mkdir(exist_ok=True)
            (folder / "weights" / name).write_text(content)
        return folder

    return write_strategy


@pytest.fixture(name="ship_weights")
def _ship_weights(history):
    """Give a function that runs a folder's own fit on the whole history and ships what it gives."""

    def ship_weights(folder, until=None):
        views = [BarView(bar.instrument_id, bar.ts_event, bar.close / 100, bar, 100, 10**6) for bar in history]
        namespace: dict = {}
        exec(compile((folder / "fit.py").read_text(), "fit.py", "exec"), namespace)
        (folder / "weights").mkdir(exist_ok=True)
        for name, content in namespace["fit"](None, [view for view in views if until is None or view.ts_event <= until]).items():
            (folder / "weights" / name).write_text(json.dumps(content))
        return folder

    return ship_weights


def _indented(text):
    return "\n".join("        " + line for line in dedent(text).strip().splitlines())
