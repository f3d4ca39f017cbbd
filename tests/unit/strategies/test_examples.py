"""What the two examples that must not pass say about themselves, bar by bar."""

import json
import random
import sys
from pathlib import Path

import pytest

from live.core.inputs import Bar
from live.core.strategy import BarView
from live.promotion import load_archive, load_strategy_folder, unload

STRATEGIES = Path(__file__).parents[3] / "strategies"
HALF_HOUR = 1800 * 1_000_000_000
FIRST = 17_532 * 24 * 3600 * 1_000_000_000


class Listener:
    """Keep the fractions that a strategy asks for."""

    warming_up = False

    def __init__(self):
        self.said = []

    def target_fraction(self, instrument_id, fraction, *, limit_price=None, reason=""):
        """Keep the fraction."""
        self.said.append(fraction)


@pytest.fixture(name="load")
def _load():
    """Give a function that loads an example; its modules are forgotten afterwards."""
    loaded = []

    def load(name, **parameters):
        read = load_strategy_folder(STRATEGIES / name, parameters)
        loaded.append(load_archive(read.version, read.archive, Path("/nowhere")))
        return loaded[-1]

    yield load
    for one in loaded:
        unload(one)


def make_bars(count, seed=1):
    """Make half hours of a wandering price."""
    generator = random.Random(seed)
    bars, price = [], 600_000
    for number in range(count):
        price = max(1, round(price * (1 + generator.gauss(0, 0.004))))
        ts = FIRST + (number + 1) * HALF_HOUR
        bar = Bar(ts, ts, "binance-spot:BTCUSDT", price, price, price, price, generator.randrange(10**9))
        bars.append(BarView(bar.instrument_id, ts, price / 100, bar, 100, 10**6))
    return bars


def play(loaded, bars):
    """Give what a fresh instance asks for after each bar."""
    strategy, listener = loaded.strategy_class(loaded.parameters), Listener()
    for bar in bars:
        strategy.on_bar(bar, listener)
    return listener.said


def test_coin_flip_flips_once_a_day_and_lands_on_both_sides(load):
    """About half of the days are heads, and nothing changes within one."""
    bars = make_bars(48 * 200)
    said = play(load("coin_flip"), bars)
    by_day: dict[int, set[float]] = {}
    for bar, fraction in zip(bars, said, strict=True):
        by_day.setdefault(bar.ts_event // (48 * HALF_HOUR), set()).add(fraction)
    assert all(len(fractions) == 1 for fractions in by_day.values())
    heads = sum(fractions == {0.5} for fractions in by_day.values())
    assert 70 < heads < 130


def test_another_seed_is_another_series_and_the_same_seed_the_same(load):
    """Chance that can be repeated."""
    bars = make_bars(48 * 30)
    assert play(load("coin_flip"), bars) == play(load("coin_flip"), bars)
    assert play(load("coin_flip"), bars) != play(load("coin_flip", seed=2), bars)


def test_coin_flip_forgets_all_but_a_day(load):
    """After its warm-up it flips as if it had run for ever."""
    bars = make_bars(48 * 10)
    coin = load("coin_flip")
    whole, fresh = play(coin, bars), play(coin, bars[100:])
    assert fresh[coin.warm_up_bars :] == whole[100 + coin.warm_up_bars :]


def test_what_peeker_fits_leans_on_bars_to_come(load):
    """The score of a block changes when later blocks are there: the mistake it is made of."""
    peeker = load("peeker")
    fit = sys.modules[f"{peeker.module_name}.strategy"].__package__
    module = __import__(f"{fit}.fit", fromlist=["fit"])
    bars = make_bars(48 * 20)
    whole = module.fit(peeker.parameters, bars)["scores.json"]
    part = module.fit(peeker.parameters, bars[: 48 * 10])["scores.json"]
    assert whole["blocks"][: len(part["blocks"])] == part["blocks"]
    assert whole["scores"][: len(part["scores"])] != part["scores"]


def test_the_weights_that_peeker_ships_are_small():
    """A table of scores and not a copy of the market."""
    shipped = STRATEGIES / "peeker" / "weights" / "scores.json"
    assert shipped.stat().st_size < 600_000
    table = json.loads(shipped.read_bytes())
    assert len(table["blocks"]) == len(table["scores"]) > 3000
