"""What NautilusTrader 1.221.0 prints for bars, quotes and trades is reproduced to the last digit.

`published/nautilus_further_reference.py` says how the numbers were made, and from which data.
"""

import gzip
from itertools import islice

import pytest

from live.driver.replay_settings import read_settings
from live.driver.strategy_replay import prepare_replay, run_replay
from tests.integration.driver.published import FOLDER, REPOSITORY

DATA = REPOSITORY.parent / "shared" / "data"
BARS = DATA / "btc_perp_1m_202201" / "btc-perp-20211231-20220201_1m.csv"
TICKS = DATA / "binance_l2" / "spot_btcusdt_20240808.gz"
TICK_LINES = 60_000
BAR_READING = {"instrument_id": "binance:BTCUSDT", "base": "BTC", "quote": "USDT", "bar_time": "close"}
INSTRUMENTS_FEES = {"maker_fee_ppm": 1000, "taker_fee_ppm": 1000}
NO_RATE = {"maker_fee_ppm": 0, "taker_fee_ppm": 0}

MARKET_IN_TURN = '''"""A market order at every fiftieth bar, in turn."""

from live.core.strategy import Strategy


class InTurn(Strategy):
    bars = 0

    def on_bar(self, bar, context):
        self.bars += 1
        if self.bars % 50 == 0:
            way = "BUY" if self.bars // 50 % 2 else "SELL"
            context.submit_order(bar.instrument_id, way, context.units(bar.instrument_id, "0.1"))
'''


def result_of(strategy, settings_file, home, **changes):
    """Replay a strategy under the settings of a file, with some changed."""
    result, _ = run_replay(prepare_replay(strategy, read_settings(FOLDER / settings_file, changes), home))
    return result


def bars(**costs):
    """Give the settings of 3,000 bars, with costs that differ."""
    rounded = {"slippage_basis_points": 0, "fee_rounding": "HALF_EVEN", **costs}
    return {"data": [str(BARS)], "import_options": BAR_READING, "end": "2022-01-03T01:00:00Z", "venue": {"costs": rounded}}


@pytest.mark.skipif(not BARS.exists(), reason=f"{BARS} is not there")
def test_brackets_of_nautilus_trader_are_reproduced(tmp_path):
    """A market entry at the close, a limit and a stop of which one cancels the other, closed out at the end."""
    result = result_of(f"{FOLDER}/nautilus_bracket.py:Bracket", "nautilus_ema_cross.toml", tmp_path, **bars(**INSTRUMENTS_FEES))
    assert result.balances["replay"] == {"BTC": "10.00000000", "USDT": "999613.97267900"}
    assert (result.fills, result.denials) == (102, {})


@pytest.mark.skipif(not BARS.exists(), reason=f"{BARS} is not there")
@pytest.mark.parametrize(
    ("costs", "balance"),
    [
        (INSTRUMENTS_FEES, "999745.77110000"),
        ({**NO_RATE, "fee_per_order": "1"}, "999968.90000000"),
        ({**NO_RATE, "fee_per_unit": "2"}, "1000016.90000000"),
    ],
    ids=["MakerTakerFeeModel", "FixedFeeModel", "PerContractFeeModel"],
)
def test_fee_models_of_nautilus_trader_are_reproduced(tmp_path, costs, balance):
    """By rate, by order and by unit."""
    (tmp_path / "in_turn.py").write_text(MARKET_IN_TURN)
    result = result_of(f"{tmp_path}/in_turn.py:InTurn", "nautilus_ema_cross.toml", tmp_path, **bars(**costs))
    assert result.balances["replay"] == {"BTC": "10.00000000", "USDT": balance}
    assert (result.fills, result.denials) == (60, {})


def first_ticks(folder, stream):
    """Write one stream of the first lines of a raw log, as the reference takes them."""
    path = folder / TICKS.name
    with gzip.open(TICKS, "rt") as source, gzip.open(path, "wt", compresslevel=1) as target:
        target.writelines(line for line in islice(source, TICK_LINES) if stream in line[:60])
    return path


@pytest.mark.skipif(not TICKS.exists(), reason=f"{TICKS} is not there")
@pytest.mark.parametrize(
    ("name", "stream", "parameters", "fills", "balances"),
    [
        ("Quotes", "bookTicker", {"stops": True}, 132, {"BTC": "9.86000000", "USDT": "1008592.74403330"}),
        ("Trades", "@trade", {"every": 100}, 166, {"BTC": "10.01000000", "USDT": "999321.89357738"}),
    ],
    ids=["stops on quotes", "market orders on trades"],
)
def test_ticks_of_nautilus_trader_are_reproduced(tmp_path, name, stream, parameters, fills, balances):
    """Stops get their trigger, what is larger than the tick shows fills one tick worse, fees are reckoned in binary."""
    data = [str(first_ticks(tmp_path, stream))]
    strategy = f"{FOLDER}/nautilus_ticks.py:{name}"
    result = result_of(strategy, "nautilus_ticks.toml", tmp_path, data=data, parameters=parameters)
    assert result.balances["replay"] == balances
    assert (result.fills, result.denials) == (fills, {})
