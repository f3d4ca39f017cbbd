import pytest

from dagster_project import gates


def test_the_package_exports_exactly_what_it_promises():
    """A name that is asked for is imported then, and no other is there."""
    assert len(set(gates.__all__)) == len(gates.__all__)
    for name in gates.__all__:
        assert getattr(gates, name) is not None
    with pytest.raises(AttributeError, match="everything_else"):
        _ = gates.everything_else


def test_there_is_a_kind_for_every_gate():
    """Six integrity gates and three evidence gates, in the order of the report."""
    assert list(gates.GATES) == [
        "data_quality", "determinism", "replay", "look_ahead", "warm_up", "limits", "deflated_sharpe", "cost_stress", "regimes",
    ]  # fmt: skip
    assert list(gates.GATES.values()).count("evidence") == 3
