"""Explaining: where a document does not fit its type, as a sentence with the key, what was received and what to write."""

from enum import Enum
from types import UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

import msgspec

from live.configuration.settings import ConfigurationError

Kind = TypeVar("Kind", bound=msgspec.Struct)

_EXPECTED: dict[object, str] = {
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
    bool: "true or false",
    dict: "a table",
    list: "a list",
}
_LONGEST_VALUE = 80


def convert(document: dict[str, Any], kind: type[Kind]) -> Kind:
    """Read a document into a type.

    Raises:
        ConfigurationError: naming the first key that does not fit, what was received and what was expected.
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise ConfigurationError(_misfit(document, kind, "") or str(error)) from None


def _misfit(value: Any, annotation: Any, place: str) -> str | None:
    """Find the first place that does not fit and say what is wrong there; None when all of it fits."""
    try:
        msgspec.convert(value, annotation)
    except msgspec.ValidationError as error:
        said = str(error)
    else:
        return None
    wanted = _without_none(annotation)
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        if not isinstance(value, dict):
            return _wrong(place, "a table", value)
        # Where every key fits by itself, the table as a whole refuses: what it said is the answer.
        return _misfit_in_table(cast("dict[str, Any]", value), wanted, place) or f"{place}: {said}"
    inner = get_args(wanted)
    if get_origin(wanted) is dict and isinstance(value, dict):
        pairs = [(one, inner[1], f"{place}.{name}") for name, one in cast("dict[str, Any]", value).items()]
    elif get_origin(wanted) is list and isinstance(value, list):
        pairs = [(one, inner[0], f"{place}[{index}]") for index, one in enumerate(cast("list[Any]", value))]
    else:
        return _wrong(place, _expected(wanted, said), value)
    return next((found for one, kind, where in pairs if (found := _misfit(one, kind, where))), f"{place}: {said}")


def _misfit_in_table(table: dict[str, Any], kind: type[msgspec.Struct], place: str) -> str | None:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    within = f"[{place}]" if place else "the file"
    if unknown := [name for name in table if name not in fields]:
        return f"{_join(place, unknown[0])} is not known: {within} may hold {', '.join(fields)}"
    if missing := [name for name, field in fields.items() if field.required and name not in table]:
        return f"{_join(place, missing[0])} is missing: add it to {within}"
    misfits = (_misfit(one, fields[name].type, _join(place, name)) for name, one in table.items())
    return next((found for found in misfits if found), None)


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in {Union, UnionType}:
        return next(one for one in get_args(annotation) if one is not type(None))
    return annotation


def _expected(wanted: Any, said: str) -> str:
    if get_origin(wanted) is Literal:
        return f"one of {', '.join(get_args(wanted))}"
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return f"one of {', '.join(member.value for member in wanted)}"
    if "out of range" in said:
        return "a number that a computer can hold"
    kind = cast("object", get_origin(wanted) or wanted)
    return _EXPECTED.get(kind, str(kind))


def _wrong(place: str, expected: str, value: object) -> str:
    shown = repr(value)
    return f"{place}: {expected} was expected, received {shown if len(shown) <= _LONGEST_VALUE else f'{shown[:_LONGEST_VALUE]}…'}"


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
