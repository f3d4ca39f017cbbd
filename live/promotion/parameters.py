"""Parameters of a strategy: each declared with its default and the range it may be set within."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from live.promotion.errors import StrategyFolderError

ParameterValue = bool | int | float | str


class ParameterRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Declare one parameter: the type of the default is the type of the parameter.

    Attributes:
        default: value when nothing overrides it.
        minimum: smallest allowed number; required for numbers, absent for text and booleans.
        maximum: largest allowed number; required for numbers, absent for text and booleans.
        choices: allowed texts; required for text, absent for the rest.
    """

    default: ParameterValue
    minimum: int | float | None = None
    maximum: int | float | None = None
    choices: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse a declaration without a range, or with one that leaves out its own default.

        Raises:
            StrategyFolderError: bounds or choices are missing, misplaced, of another type, or exclude the default.
        """
        bounds = (self.minimum, self.maximum)
        if isinstance(self.default, bool):
            if bounds != (None, None) or self.choices is not None:
                raise StrategyFolderError("a true/false parameter has a default only: remove minimum, maximum and choices")
            return
        if isinstance(self.default, str):
            if bounds != (None, None) or not self.choices:
                raise StrategyFolderError('a text parameter needs choices and no bounds: write { default = "x", choices = ["x", "y"] }')
        elif self.minimum is None or self.maximum is None or self.choices is not None:
            raise StrategyFolderError(
                "a number needs a minimum, a maximum and no choices: write { default = 20, minimum = 2, maximum = 200 }"
            )
        elif isinstance(self.default, int) and not (isinstance(self.minimum, int) and isinstance(self.maximum, int)):
            raise StrategyFolderError(
                f"a whole-number parameter needs whole bounds, received {self.minimum} and {self.maximum}: drop the decimals"
            )
        self.accept(self.default)

    def accept(self, value: object) -> ParameterValue:
        """Give `value` in the parameter's type; text such as "10" is read as the type of the default.

        Raises:
            StrategyFolderError: the value is of another type or outside the range.
        """
        match self.default:
            case bool():
                result: ParameterValue = _read_boolean(value)
            case int():
                result = self._within(_read_whole(value))
            case float():
                result = self._within(_read_number(value))
            case _:
                result = self._chosen(value)
        return result

    def _within(self, value: int | float) -> int | float:
        if self.minimum is None or self.maximum is None or not self.minimum <= value <= self.maximum:
            raise StrategyFolderError(f"received {value}, which is outside {self.minimum} to {self.maximum}: choose a value inside")
        return value

    def _chosen(self, value: object) -> str:
        if not isinstance(value, str) or value not in (self.choices or ()):
            raise StrategyFolderError(f"received {value!r}, which is none of {', '.join(self.choices or ())}: choose one of them")
        return value


def parse_ranges(table: Mapping[str, Any]) -> dict[str, ParameterRange]:
    """Read the `[parameters]` table of strategy.toml.

    Raises:
        StrategyFolderError: a name is no Python identifier, or a declaration is malformed.
    """
    ranges: dict[str, ParameterRange] = {}
    for name, declaration in table.items():
        if not name.isidentifier():
            raise StrategyFolderError(f"the parameter name {name!r} is not a Python identifier: rename it")
        try:
            ranges[name] = msgspec.convert(declaration, ParameterRange)
        except msgspec.ValidationError as error:
            raise StrategyFolderError(f"parameter {name}: {error}") from error
    return ranges


def parse_overrides(texts: Iterable[str]) -> dict[str, str]:
    """Read `name=value` texts as they come from the command line.

    Raises:
        StrategyFolderError: a text has no `=`, or a name comes twice.
    """
    overrides: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not name.strip():
            raise StrategyFolderError(f"a parameter is set as name=value, received {text!r}: write it like fast=10")
        if name.strip() in overrides:
            raise StrategyFolderError(f"parameter {name.strip()} is set twice: set it once")
        overrides[name.strip()] = value.strip()
    return overrides


def choose_values(ranges: Mapping[str, ParameterRange], overrides: Mapping[str, object]) -> dict[str, ParameterValue]:
    """Give every parameter its value: the override where there is one, else the default.

    Raises:
        StrategyFolderError: an override names no parameter, or is outside the declared range.
    """
    if unknown := sorted(set(overrides) - set(ranges)):
        known = ", ".join(ranges) or "none"
        raise StrategyFolderError(f"there is no parameter {unknown[0]!r}: the declared parameters are {known}")
    values: dict[str, ParameterValue] = {}
    for name, declared in ranges.items():
        try:
            values[name] = declared.accept(overrides.get(name, declared.default))
        except StrategyFolderError as error:
            raise StrategyFolderError(f"parameter {name}: {error}") from None
    return values


def _read_boolean(value: object) -> bool:
    if isinstance(value, str) and value in {"true", "false"}:
        return value == "true"
    if not isinstance(value, bool):
        raise StrategyFolderError(f"received {value!r}, where true or false was expected")
    return value


def _read_whole(value: object) -> int:
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise StrategyFolderError(f"received {value!r}, where a whole number was expected") from None
    if not isinstance(value, int) or isinstance(value, bool):
        raise StrategyFolderError(f"received {value!r}, where a whole number was expected")
    return value


def _read_number(value: object) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise StrategyFolderError(f"received {value!r}, where a finite number was expected")
    return number
