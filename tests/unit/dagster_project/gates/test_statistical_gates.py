import math
import random

import pytest

from dagster_project.equity import DAY
from dagster_project.gates.cost_stress import cost_stress_gate, multiplied
from dagster_project.gates.deflated_sharpe import deflated_sharpe_gate
from dagster_project.gates.policy import load_policy
from dagster_project.gates.regimes import market_days, regimes_gate, slice_days
from live.core.inputs import Bar
from live.venues.sim import CostModel

POLICY = load_policy()
FIRST_DAY = 17_000
"""2016-07-18."""


def test_a_good_record_passes_alone_and_fails_after_many_trials():
    """The same returns, judged as the first attempt and as one of many."""
    generator = random.Random(3)
    returns = [generator.gauss(0.003, 0.02) for _ in range(730)]
    alone = deflated_sharpe_gate(returns, [], POLICY.deflated_sharpe)
    assert alone.passed
    assert alone.holds
    assert alone.measured["trials"] == 1
    crowd = [generator.gauss(0, 0.08) for _ in range(200)]
    after = deflated_sharpe_gate(returns, crowd, POLICY.deflated_sharpe)
    assert not after.passed
    assert after.measured["trials"] == 201
    assert after.measured["probabilistic"] == alone.measured["probabilistic"]


def test_fifty_variants_raise_the_hurdle_step_by_step():
    """Each one more that is tried asks for more of the best, also when they are so alike that they hardly scatter."""
    generator = random.Random(11)
    returns = [generator.gauss(0.001, 0.02) for _ in range(540)]
    for spread in (0.05, 1e-6):
        variants = [generator.gauss(0.05, spread) for _ in range(50)]
        judged = [deflated_sharpe_gate(returns, variants[:count], POLICY.deflated_sharpe) for count in (0, 1, 5, 20, 50)]
        hurdles = [float(result.measured["expected_maximum"]) for result in judged]
        assert hurdles == sorted(hurdles)
        assert hurdles[0] == 0.0
        assert hurdles[-1] > 1.5
        assert float(judged[-1].measured["deflated"]) < float(judged[0].measured["deflated"])


def test_a_crowd_of_copies_does_not_lower_the_hurdle():
    """A thousand trials that say the same make the measured variance small; the hurdle rises all the same."""
    generator = random.Random(12)
    returns = [generator.gauss(0.002, 0.02) for _ in range(540)]
    before = deflated_sharpe_gate(returns, [generator.gauss(0, 0.043) for _ in range(10)], POLICY.deflated_sharpe)
    after = deflated_sharpe_gate(returns, [0.05 + 1e-9 * number for number in range(1000)], POLICY.deflated_sharpe)
    assert float(after.measured["expected_maximum"]) > float(before.measured["expected_maximum"])


def test_moments_that_contradict_each_other_do_not_pass():
    """Where the formula has no answer the gate says so, and the run goes on."""
    returns = [0.047746 + (0.05 if day // 5 % 4 == 0 else 0.0) for day in range(80)]
    result = deflated_sharpe_gate(returns, [], POLICY.deflated_sharpe)
    assert not result.passed
    assert not result.holds
    assert "deflated" not in result.measured
    assert "no error: check the returns" in result.detail


def test_a_short_record_does_not_pass_however_good():
    """Days are demanded beside probabilities."""
    returns = [0.01 + 0.001 * (-1) ** day for day in range(POLICY.deflated_sharpe.minimum_days - 1)]
    result = deflated_sharpe_gate(returns, [], POLICY.deflated_sharpe)
    assert float(result.measured["deflated"]) > 0.99
    assert not result.passed


def test_returns_that_never_move_do_not_pass():
    """A strategy that does not trade has no Sharpe ratio, and no number is made up for it."""
    result = deflated_sharpe_gate([0.0] * 500, [0.1], POLICY.deflated_sharpe)
    assert not result.passed
    assert "deflated" not in result.measured
    assert not cost_stress_gate({1: None, 2: None, 3: None}, POLICY.cost_stress).passed


def test_costs_decide_at_twice_their_size():
    """What earns at the assumed costs and loses at twice them does not pass; three times is reported only."""
    assert cost_stress_gate({1: 0.1, 2: 0.01, 3: -0.1}, POLICY.cost_stress).passed
    failed = cost_stress_gate({1: 0.1, 2: -0.01, 3: -0.1}, POLICY.cost_stress)
    assert not failed.passed
    assert not failed.holds
    assert set(failed.measured) == {"sharpe_at_1x", "sharpe_at_2x", "sharpe_at_3x"}
    assert not cost_stress_gate({1: 0.1, 2: 0.0}, POLICY.cost_stress).passed


def test_costs_are_multiplied_in_every_part():
    """Fees of both kinds and the slippage."""
    assert multiplied(CostModel(), 3) == CostModel(maker_fee_ppm=3000, taker_fee_ppm=3000, slippage_basis_points=6)


def make_market(days):
    """Make a market that is calm and rises through its first half, then wild and falls."""
    half = days // 2
    return {FIRST_DAY + day: 0.002 + 0.001 * (-1) ** day if day < half else -0.002 + 0.05 * (-1) ** day for day in range(days)}


def test_days_are_sliced_by_what_came_before_them():
    """Volatility, trend and year; a day's own move does not decide where it belongs."""
    market = make_market(400)
    slices = slice_days(market, POLICY.regimes)
    assert set(slices) == {
        "trend up", "trend down", "volatility calm", "volatility usual", "volatility wild", "year 2016", "year 2017",
    }  # fmt: skip
    turn = FIRST_DAY + 200
    assert turn in slices["trend up"]
    assert FIRST_DAY + 399 in slices["volatility wild"]
    changed = slice_days({**market, turn: -0.9}, POLICY.regimes)
    assert [name for name, days in changed.items() if turn in days] == [name for name, days in slices.items() if turn in days]
    assert sum(len(days) for name, days in slices.items() if name.startswith("volatility")) == 400 - POLICY.regimes.volatility_days


def test_a_slice_that_loses_more_than_the_budget_is_named():
    """A strategy that earns on the whole may lose too much in one kind of market."""
    market = make_market(400)
    good = [(day, 0.001) for day in market]
    assert regimes_gate(good, market, POLICY.regimes).passed
    falling = slice_days(market, POLICY.regimes)["trend down"]
    bad = [(day, -0.003 if day in falling else 0.02) for day in market]
    result = regimes_gate(bad, market, POLICY.regimes)
    assert not result.passed
    assert "trend down" in result.detail
    assert result.measured["slice_loss"] == pytest.approx(1 - (1 - 0.003) ** len(falling))


def test_slices_of_a_few_days_are_not_judged_and_none_at_all_does_not_pass():
    """Nothing is proven by nothing."""
    market = make_market(400)
    assert not regimes_gate([(day, 0.01) for day in list(market)[:5]], market, POLICY.regimes).passed


def test_the_market_is_the_mean_of_its_instruments():
    """Log returns of the last closes of each UTC day; midnight belongs to the day before."""

    def bar(day, name, close):
        ts = (FIRST_DAY + day + 1) * DAY
        return Bar(ts, ts, name, close, close, close, close, 1)

    bars = [bar(0, "a:A", 100), bar(0, "a:B", 100), bar(1, "a:A", 110), bar(1, "a:B", 100), bar(2, "a:A", 110), bar(2, "a:B", 50)]
    market = market_days(bars)
    assert market == {FIRST_DAY + 1: pytest.approx(math.log(1.1) / 2), FIRST_DAY + 2: pytest.approx(math.log(0.5) / 2)}
