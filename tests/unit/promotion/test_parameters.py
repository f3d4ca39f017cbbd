from typing import Any

import pytest

from live.promotion import ParameterRange, StrategyFolderError, parse_overrides
from live.promotion.parameters import choose_values, parse_ranges

RANGES = parse_ranges(
    {
        "fast": {"default": 20, "minimum": 2, "maximum": 200},
        "fraction": {"default": 0.5, "minimum": 0, "maximum": 1},
        "legs": {"default": 1, "minimum": 0, "maximum": 4},
        "side": {"default": "long", "choices": ["long", "both"]},
        "trailing": {"default": False},
    }
)


def test_without_overrides_every_parameter_has_its_default() -> None:
    """The defaults are the values."""
    assert choose_values(RANGES, {}) == {"fast": 20, "fraction": 0.5, "legs": 1, "side": "long", "trailing": False}


def test_text_from_the_command_line_is_read_as_the_parameters_type() -> None:
    """`--set` gives text; each parameter reads it as what its default is."""
    overrides = parse_overrides(["fast=10", " fraction = 0.25 ", "side=both", "trailing=true"])
    values = choose_values(RANGES, overrides)
    assert values == {"fast": 10, "fraction": 0.25, "legs": 1, "side": "both", "trailing": True}
    assert [type(value) for value in values.values()] == [int, float, int, str, bool]


def test_a_whole_number_for_a_decimal_parameter_is_the_same_value() -> None:
    """1 and 1.0 are one version of the strategy, not two."""
    assert repr(choose_values(RANGES, {"fraction": 1})["fraction"]) == "1.0"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fast", 1),
        ("fast", 201),
        ("fast", 20.0),
        ("legs", True),
        ("fast", "ten"),
        ("fast", "1e1"),
        ("fast", None),
        ("fraction", 1.0000001),
        ("fraction", "nan"),
        ("fraction", float("inf")),
        ("fraction", 10**400),
        ("fraction", True),
        ("side", "short"),
        ("side", 1),
        ("trailing", 1),
        ("trailing", "yes"),
    ],
)
def test_a_value_of_another_type_or_outside_the_range_is_refused(name: str, value: object) -> None:
    """The error names the parameter and shows what was received."""
    with pytest.raises(StrategyFolderError, match=f"parameter {name}: received"):
        choose_values(RANGES, {name: value})


def test_the_bounds_themselves_are_allowed() -> None:
    """A range includes both of its ends."""
    assert choose_values(RANGES, {"fast": 2, "fraction": 1.0})["fast"] == 2
    assert choose_values(RANGES, {"fast": 200, "fraction": 0})["fast"] == 200


def test_an_unknown_parameter_is_refused_with_the_known_ones() -> None:
    """A misspelt override must not be silently ignored."""
    with pytest.raises(StrategyFolderError, match=r"no parameter 'fats'.*fast, fraction, legs, side, trailing"):
        choose_values(RANGES, {"fats": 10})


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ({"default": 20}, "needs a minimum"),
        ({"default": 20, "minimum": 2}, "needs a minimum"),
        ({"default": 20, "minimum": 2, "maximum": 200, "choices": ["a"]}, "needs a minimum"),
        ({"default": 1, "minimum": 2, "maximum": 200}, "outside 2 to 200"),
        ({"default": 20, "minimum": 2.5, "maximum": 200}, "whole bounds"),
        ({"default": float("nan"), "minimum": 0.0, "maximum": 1.0}, "finite"),
        ({"default": "x"}, "needs choices"),
        ({"default": "x", "choices": []}, "needs choices"),
        ({"default": "x", "choices": ["y"]}, "none of y"),
        ({"default": "x", "choices": ["x"], "minimum": 1}, "needs choices"),
        ({"default": True, "minimum": 0}, "default only"),
        ({"default": [1]}, "default"),
        ({"minimum": 1, "maximum": 2}, "default"),
        ({"default": 20, "minimum": 2, "maximum": 200, "step": 1}, "step"),
        (20, "object"),
    ],
)
def test_a_declaration_without_a_usable_range_is_refused(declaration: Any, message: str) -> None:
    """Each parameter brings its own allowed range, and the default lies inside."""
    with pytest.raises(StrategyFolderError, match=message):
        parse_ranges({"fast": declaration})


def test_a_parameter_name_is_a_python_name() -> None:
    """A parameter becomes a field of `Parameters`, so its name must be one."""
    with pytest.raises(StrategyFolderError, match="identifier"):
        parse_ranges({"fast-period": {"default": True}})


@pytest.mark.parametrize("text", ["fast", "=10", ""])
def test_an_override_is_written_as_name_and_value(text: str) -> None:
    """Anything else is an error that shows how to write it."""
    with pytest.raises(StrategyFolderError, match="name=value"):
        parse_overrides([text])


def test_a_parameter_is_set_once() -> None:
    """Two values for one parameter are a mistake, not a last word."""
    with pytest.raises(StrategyFolderError, match="twice"):
        parse_overrides(["fast=10", "fast=11"])


def test_a_value_may_hold_an_equals_sign() -> None:
    """Only the first `=` separates."""
    assert parse_overrides(["side=a=b"]) == {"side": "a=b"}


def test_ranges_are_there_for_gates_that_vary_parameters() -> None:
    """A plateau gate reads the bounds from the declaration."""
    assert RANGES["fast"] == ParameterRange(default=20, minimum=2, maximum=200)
