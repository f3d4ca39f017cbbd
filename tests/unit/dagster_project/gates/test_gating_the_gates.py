import math
import random

from dagster_project.gates.deflated_sharpe import deflated_sharpe_gate
from dagster_project.gates.policy import load_policy
from dagster_project.gates.sharpe import sharpe_ratio

POLICY = load_policy().deflated_sharpe
DAYS = 4 * 365
NOISE = 1000


def returns_of(generator, yearly_sharpe, days):
    """Draw daily returns of a deviation of 2 % with that true Sharpe ratio, heavy-tailed as returns are."""
    drift = yearly_sharpe / math.sqrt(365)
    drawn = [generator.gauss(0, 1) * math.sqrt(4 / generator.gammavariate(3, 2)) for _ in range(days)]
    return [0.02 * (drift + value) for value in drawn]


def test_hardly_any_of_a_thousand_worthless_strategies_is_promoted():
    """Each is judged with the ledger as it is by then; at most five in a thousand pass."""
    generator = random.Random(20260101)
    ledger: list[float] = []
    promoted = 0
    for _ in range(NOISE):
        returns = returns_of(generator, 0.0, 250)
        promoted += deflated_sharpe_gate(returns, ledger, POLICY).passed
        sharpe = sharpe_ratio(returns)
        assert sharpe is not None
        ledger.append(sharpe)
    assert promoted <= NOISE * 0.005


def test_without_the_ledger_many_more_would_be():
    """The count of trials is what holds them back, not the length of history."""
    generator = random.Random(20260101)
    lenient = [deflated_sharpe_gate(returns_of(generator, 0.0, 250), [], POLICY).measured["deflated"] for _ in range(NOISE)]
    assert sum(float(value) >= POLICY.minimum_deflated for value in lenient) > NOISE * 0.03


def test_a_real_edge_is_promoted_in_most_cases():
    """A true Sharpe ratio of 1.5 over four years, at the first attempt."""
    generator = random.Random(42)
    tried = 300
    promoted = sum(deflated_sharpe_gate(returns_of(generator, 1.5, DAYS), [], POLICY).passed for _ in range(tried))
    assert promoted >= tried * 0.65
