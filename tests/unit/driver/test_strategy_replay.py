"""A bare file's replay: limits wide enough for real markets, sizing with the fee inside, and orders that are no duplicates."""

import pytest
from msgspec.structs import replace

from live.core.errors import LimitError
from live.core.instruments import Instrument
from live.core.limits import check_limits, complete
from live.core.market_events import Bar
from live.driver.replay_settings import read_settings
from live.driver.strategy_replay import prepare_replay, run_replay
from live.journal.segments import write_segment

MINUTE = 60 * 10**9
START = 1_704_067_200 * 10**9
BTC = Instrument(instrument_id="sim:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)
STRATEGY = '''
from live.core.strategy import Strategy

class Turn(Strategy):
    """Long after a rise of a tenth, and the other way round by an order out and an order in."""

    def __init__(self, parameters):
        self._last = None

    def on_bar(self, bar, context):
        moved, self._last = bar.close / (self._last or bar.close), bar.close
        held = context.position(bar.instrument_id)
        if moved > 1.1 and not held:
            context.submit_order(bar.instrument_id, "BUY", 100)
        elif moved < 0.9 and held > 0:
            context.submit_order(bar.instrument_id, "SELL", 100, reduce_only=True)
            context.submit_order(bar.instrument_id, "SELL", 100)

class AllIn(Strategy):
    """Everything, once."""

    def __init__(self, parameters):
        pass

    def on_bar(self, bar, context):
        context.target_fraction(bar.instrument_id, 1.0)
'''


@pytest.fixture(name="run")
def _run(tmp_path):
    """Give a function that replays a class over closes, with settings."""
    file = tmp_path / "strategies.py"
    file.write_text(STRATEGY)

    def run(class_name, closes, **changes):
        tape = tmp_path / "market.tape.gz"
        tape.unlink(missing_ok=True)
        bars = [
            Bar(START + n * MINUTE, START + n * MINUTE, BTC.instrument_id, close, close, close, close, 10**6)
            for n, close in enumerate(closes, start=1)
        ]
        write_segment(tape, bars, [BTC], "test")
        margin = {"account": {"type": "MARGIN", "leverage": "3"}, "instruments": {"*": {"kind": "PERPETUAL"}}}
        free = {"venue": {"costs": {"maker_fee_ppm": 0, "taker_fee_ppm": 0, "slippage_basis_points": 0}}}
        settings = read_settings(None, {"data": [str(tape)], "balances": {"USDT": "10000"}, **margin, **free, **changes})
        prepared = prepare_replay(f"{file}:{class_name}", settings, tmp_path)
        return run_replay(prepared)[0], prepared

    return run


JUMPS = [10_000] * 9 + [13_000] + [13_000] * 9 + [9_000, 9_000, 9_000]


def test_a_market_that_jumps_is_traded_by_a_bare_file(run):
    """30 % in a bar is far from the median of the last closes, and no reason to trade nothing in a replay."""
    result, _ = run("Turn", JUMPS)
    assert (result.fills, result.denials) == (3, {})
    assert result.positions == {BTC.instrument_id: "-0.100"}


def test_the_same_is_denied_where_the_limit_says_so(run):
    """The distance from the slower reference is a limit like any other."""
    result, _ = run("Turn", JUMPS, limits={"reference_collar_ppm": 100_000})
    assert (result.fills, result.denials) == (0, {"PRICE_OUTSIDE_COLLAR": 1})


def test_what_is_promoted_is_held_to_the_price_collar(run):
    """A wider slower reference is refused, and left out it is the collar."""
    limits = run("Turn", JUMPS)[1].setup.deployments[0].limits
    with pytest.raises(LimitError, match="reference_collar_ppm exceeds price_collar_ppm"):
        check_limits(limits)
    assert complete(replace(limits, reference_collar_ppm=0)).reference_collar_ppm == limits.price_collar_ppm


@pytest.mark.parametrize(("fee_ppm", "position"), [(0, "100.000"), (2_000, "99.800"), (500_000, "66.666")])
def test_a_fraction_leaves_room_for_the_fee_that_is_declared(run, fee_ppm, position):
    """10,000.00 at 100.00 buy 100, and 99.800 when each costs 0.2 % more."""
    result, _ = run("AllIn", [10_000, 10_000], sizing_fee_ppm=fee_ppm)
    assert result.positions == {BTC.instrument_id: position}


def test_an_instrument_without_margins_gets_those_of_the_leverage(run):
    """A third to open and a sixth to hold at a leverage of three; what is declared stays."""
    (derived,) = run("AllIn", [10_000])[1].setup.instruments
    assert (derived.initial_margin_ppm, derived.maintenance_margin_ppm) == (333_334, 166_667)
    (declared,) = run("AllIn", [10_000], instruments={"*": {"initial_margin_ppm": 1_000_000}})[1].setup.instruments
    assert (declared.initial_margin_ppm, declared.maintenance_margin_ppm) == (1_000_000, 1_000_000)
