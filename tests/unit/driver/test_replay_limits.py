"""Limits beyond what a live host accepts: only where a replay's settings ask for them, and never without saying so."""

import pytest
from msgspec.structs import replace

from live.core.errors import InputError, LimitError
from live.core.instruments import Instrument
from live.core.limits import CEILING_NOTIONAL, check_limits
from live.core.market_events import Bar
from live.core.scope_limits import sum_of
from live.driver.replay import ReplaySetup, replay
from live.driver.replay_settings import read_settings, write_settings
from live.driver.strategy_replay import describe_replay, prepare_replay, run_replay
from live.journal.segments import write_segment

DAY = 24 * 3600 * 10**9
START = 1_704_067_200 * 10**9
ASSET = Instrument(instrument_id="sim:ABCJPY", base="ABC", quote="JPY", price_scale=2, quantity_scale=3)
STRATEGY = '''
from live.core.strategy import Strategy

class AllIn(Strategy):
    """Everything, once."""

    def __init__(self, parameters):
        pass

    def on_bar(self, bar, context):
        context.target_fraction(bar.instrument_id, 1.0)

class EachBar(Strategy):
    """One unit more with each bar."""

    def __init__(self, parameters):
        pass

    def on_bar(self, bar, context):
        context.submit_order(bar.instrument_id, "BUY", 1000)

class Ladder(Strategy):
    """Once bought, an order to take profit far above, sent as soon as the buy is filled."""

    def __init__(self, parameters):
        self._bought = False

    def on_bar(self, bar, context):
        if not self._bought:
            self._bought = True
            context.submit_order(bar.instrument_id, "BUY", 1000)

    def on_fill(self, fill, context):
        if fill.side == "BUY":
            context.submit_order(fill.instrument_id, "SELL", 1000, order_type="LIMIT", limit_price=150.0, reduce_only=True)
'''
WEEKEND = [0, 3, 4, 5]
"""Days of bars: the second one opens where the first one's data is three days old."""
RALLY = [10_000, 10_000, 10_000, 16_000]


@pytest.fixture(name="prepare")
def _prepare(tmp_path):
    """Give a function that prepares a class over closes of some days, with settings."""
    (tmp_path / "strategies.py").write_text(STRATEGY)

    def prepare(class_name, closes, days, **changes):
        bars = [
            Bar(START + int(day * DAY), START + int(day * DAY), ASSET.instrument_id, close, close, close, close, 10**9)
            for day, close in zip(days, closes, strict=True)
        ]
        tape = tmp_path / "market.tape.gz"
        tape.unlink(missing_ok=True)
        write_segment(tape, bars, [ASSET], "test")
        margin = {"account": {"type": "MARGIN", "leverage": "3"}, "instruments": {"*": {"kind": "PERPETUAL"}}}
        free = {"venue": {"costs": {"maker_fee_ppm": 0, "taker_fee_ppm": 0, "slippage_basis_points": 0}}}
        settings = read_settings(None, {"data": [str(tape)], "balances": {"JPY": "200000000"}, **margin, **free, **changes})
        return prepare_replay(f"{tmp_path / 'strategies.py'}:{class_name}", settings, tmp_path)

    return prepare


def test_more_than_any_live_position_is_held_where_the_settings_allow_it(prepare):
    """200 million of quote units are twenty times the live ceiling, and twice that of an account."""
    denied, _ = run_replay(prepare("AllIn", RALLY, range(4)))
    assert set(denied.denials) == {"NOTIONAL_ABOVE_MAXIMUM"}
    result, _ = run_replay(prepare("AllIn", RALLY, range(4), beyond_live_limits=True))
    assert (result.positions, result.denials) == ({ASSET.instrument_id: "2000000.000"}, {})


def test_an_order_may_rest_on_data_of_before_a_weekend(prepare):
    """An exit that leaves in `on_fill` of a Monday's open rests on Friday's bar."""
    wide = {"balances": {"JPY": "100000"}, "limits": {"price_collar_ppm": 100_000}}
    denied, _ = run_replay(prepare("Ladder", RALLY, WEEKEND, **wide))
    assert denied.denials == {"DATA_STALE": 1}
    result, _ = run_replay(prepare("Ladder", RALLY, WEEKEND, beyond_live_limits=True, **wide))
    assert set(result.denials) == {"PRICE_OUTSIDE_COLLAR"}


def test_a_limit_order_half_as_high_again_rests_where_the_collar_allows_it(prepare):
    """The collar stays that of live trading until it is named, since orders are reserved for at its edge."""
    result, _ = run_replay(prepare("Ladder", RALLY, WEEKEND, beyond_live_limits=True, limits={"price_collar_ppm": 600_000}))
    assert (result.fills, result.positions, result.denials) == (2, {}, {})
    assert result.profit == {"ladder": "50.00000000"}


def test_a_market_that_jumps_between_decision_and_fill_is_bought_again(prepare):
    """Orders that lately paid 40 % too much say that something is wrong with live trading, and nothing of a replay of real bars."""
    closes, minutes = [10_000, 14_000, 19_600, 27_440, 27_440], [minute / 1_440 for minute in range(5)]
    assert run_replay(prepare("EachBar", closes, minutes))[0].denials == {"SLIPPAGE_EXCEEDED": 2}
    result, _ = run_replay(prepare("EachBar", closes, minutes, beyond_live_limits=True))
    assert (result.fills, result.denials) == (4, {})


def test_a_bare_file_may_name_a_collar_narrower_than_its_other_limits_on_prices(prepare):
    """One limit is changed by naming it alone; one that is no limit is still refused."""
    limits = prepare("AllIn", RALLY, range(4), limits={"price_collar_ppm": 20_000}).setup.deployments[0].limits
    assert (limits.price_collar_ppm, limits.maximum_spread_ppm, limits.maximum_slippage_ppm) == (20_000, 50_000, 100_000)
    with pytest.raises(LimitError, match="maximum_spread_ppm must be positive"):
        prepare("AllIn", RALLY, range(4), limits={"maximum_spread_ppm": 0})


def test_without_the_setting_a_limit_above_its_ceiling_is_refused(prepare):
    """As it is for what is promoted."""
    with pytest.raises(LimitError, match="price_collar_ppm is absurdly loose"):
        prepare("Ladder", RALLY, WEEKEND, limits={"price_collar_ppm": 600_000})


def test_a_collar_of_the_whole_price_is_refused_even_so(prepare):
    """A sell would be worth nothing at its worst price, and every check on it would pass."""
    with pytest.raises(LimitError, match="price_collar_ppm is absurdly loose: received 1000000, the ceiling is 999999"):
        prepare("Ladder", RALLY, WEEKEND, beyond_live_limits=True, limits={"price_collar_ppm": 1_000_000})


def test_the_result_and_the_report_say_that_limits_went_beyond(prepare):
    """So do the settings that are printed, out of which the replay can be asked for again."""
    prepared = prepare("AllIn", RALLY, range(4), beyond_live_limits=True)
    assert any("Limits beyond what a live host accepts were allowed" in note for note in prepared.notes)
    report = describe_replay(prepared, *run_replay(prepared), ())
    assert report.notes == prepared.notes
    assert "beyond_live_limits = true" in write_settings(prepared.settings).splitlines()
    assert not any("beyond" in note for note in prepare("AllIn", RALLY, range(4)).notes)


def test_what_a_replay_was_allowed_is_refused_to_be_promoted(prepare):
    """The bundle's own check knows nothing of replays."""
    with pytest.raises(LimitError, match="absurdly loose"):
        check_limits(prepare("AllIn", RALLY, range(4), beyond_live_limits=True).setup.deployments[0].limits)


def test_an_engine_that_was_not_told_so_opens_no_session_beyond_the_ceilings(prepare):
    """A host and the replay of its sessions never tell it, whatever the limits in their inputs are."""
    prepared = prepare("AllIn", RALLY, range(4), beyond_live_limits=True)
    setup = ReplaySetup(**{name: getattr(prepared.setup, name) for name in ("deployments", "instruments", "balances", "accounts")})
    with pytest.raises(InputError, match=r"cannot be deployed: limit \w+ is absurdly loose"):
        replay(prepared.strategies, prepared.source.events, setup)


def test_an_account_bounds_no_less_than_its_one_strategy_does(prepare):
    """What many strategies may do in sum is still cut at the ceilings of a scope."""
    limits = prepare("AllIn", RALLY, range(4)).setup.deployments[0].limits
    assert limits.maximum_position_notional == CEILING_NOTIONAL
    beyond = replace(limits, maximum_position_notional=50 * CEILING_NOTIONAL)
    assert sum_of([beyond]).maximum_gross_notional == 50 * CEILING_NOTIONAL
    assert sum_of([limits] * 20).maximum_gross_notional == 10 * CEILING_NOTIONAL
