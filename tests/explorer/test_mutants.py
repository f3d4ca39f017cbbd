"""Every known mistake, patched into the shipped code, is found, with the shortest way to it."""

import pytest
from explorer import explore
from mutants import KNOWN_BAD, MUTANTS, applied


@pytest.mark.parametrize("name", KNOWN_BAD)
def test_a_known_bad_policy_has_a_counterexample(name, capsys):
    """Sending again, guessing a refusal and sending before writing each break a promise, in few moves."""
    mutant = KNOWN_BAD[name]
    with applied(mutant.patches()):
        found = explore(mutant.bounds, mutant.check, first=mutant.first)
    with capsys.disabled():
        print(f"\n{name}: {found.states} states\n{found.trace}")  # noqa: T201  (the counterexample is what this test shows)
    assert mutant.breaks in found.problem
    assert 2 <= found.depth <= 10
    assert found.trace.endswith(found.problem)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mistake_in_shipped_code_is_found(name):
    """The explorer is no rubber stamp: each of these patches breaks a promise that it checks."""
    mutant = MUTANTS[name]
    with applied(mutant.patches()):
        found = explore(mutant.bounds, mutant.check, first=mutant.first)
    assert mutant.breaks in found.problem, f"{name}: {found}"
