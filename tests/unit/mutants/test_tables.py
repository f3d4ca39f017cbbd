"""Mutants of the order tables: every member of each, and a move is changed wherever it is looked up."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def load(name: str, path: Path) -> ModuleType:
    """Load a module under a name of its own, so that what is changed in it is changed for nobody else."""
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(name="tables")
def _tables(monkeypatch: pytest.MonkeyPatch) -> Any:
    tables = load("mutants_tables", ROOT / "tests/mutants/tables.py")
    load("mutated_orders", ROOT / "live/core/orders.py")
    monkeypatch.setattr(tables, "MODULE", "mutated_orders")
    return tables


def test_each_member_of_each_table_is_left_out_and_each_move_redirected(tables: Any) -> None:
    """The moves by state are no table of their own: they follow from the transitions."""
    orders: Any = sys.modules["mutated_orders"]
    changes = tables.changes()
    assert {name for name, _, _ in changes} == {"TRANSITIONS", "TERMINAL", "UNKNOWN", "NEVER_AT_VENUE", "NOT_ACCEPTED", "MAY_REST_AT_VENUE"}
    assert len([name for name, _, _ in changes if name == "TRANSITIONS"]) == 2 * len(orders.TRANSITIONS)


@pytest.mark.parametrize("number", [0, -1])
def test_a_changed_move_is_changed_by_state_too(tables: Any, number: int) -> None:
    """Else the engine would move orders as before, and no test could notice the change there."""
    orders: Any = sys.modules["mutated_orders"]
    name, (state, event), instead = [change for change in tables.changes() if change[0] == "TRANSITIONS"][number]
    before = orders.MOVES[state][event]
    tables.make((name, (state, event), instead))
    assert orders.MOVES[state].get(event) is instead
    assert instead is not before
