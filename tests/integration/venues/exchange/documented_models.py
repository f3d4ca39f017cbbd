"""What Binance's own SDK says every payload has, and a check of raw JSON against it.

The SDK's models are generated from Binance's OpenAPI description: each lists the documented fields with their types, but holds none of
them to be required. Here every field must be there unless its description, or the documentation's list of conditional fields, says when
it is not.
"""

import types
import typing
from typing import Any

from pydantic import BaseModel

CONDITIONAL = frozenset(
    {
        "icebergQty",
        "preventedMatchId",
        "preventedQuantity",
        "stopPrice",
        "strategyId",
        "strategyType",
        "trailingDelta",
        "trailingTime",
        "usedSor",
        "workingFloor",
        "pegPriceType",
        "pegOffsetType",
        "pegOffsetValue",
        "peggedPrice",
        "expiryReason",
        "preventedMatches",
        "takerPreventedQuantity",
        "makerPreventedQuantity",
    }
)
"""REST and WebSocket API: "Conditional fields in Order Responses"; a prevented match tells the quantity of whoever lost one."""

CONDITIONAL_IN_REPORTS = frozenset(
    ["d", "D", "j", "J", "v", "A", "B", "u", "U", "Cs", "pl", "pL", "pY", "b", "a", "k", "uS", "W", "gP", "gOT", "gOV", "gp", "eR"]
)
"""User data stream: "Conditional Fields in Execution Report"."""


NULLABLE = frozenset({"N", "newOrderResponse", "apiKey", "authorizedSince"})
"""Fields that the documentation shows as null: no commission asset, no new order, no session."""


def differences(value: Any, annotation: Any, optional: frozenset[str] = frozenset(), path: str = "$") -> list[str]:
    """Say what a JSON value lacks, has too much, or has of another kind than a type annotation of the SDK says."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return differences(value, arguments[0], optional, path)
    if origin in {typing.Union, types.UnionType}:
        # `Optional` is on every field and means nothing, so null is no value.
        found = [differences(value, each, optional, path) for each in arguments if each is not type(None)]
        return [] if not all(found) else min(found, key=len)
    if origin is list:
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no array"]
        return [line for index, each in enumerate(value) for line in differences(each, arguments[0], optional, f"{path}[{index}]")]
    if annotation is Any or origin is dict:
        return [] if annotation is Any or isinstance(value, dict) else [f"{path}: {value!r} is no object"]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        chosen = annotation.model_fields.get("actual_instance")
        return _lacks(value, annotation, optional, path) if chosen is None else differences(value, chosen.annotation, optional, path)
    if not isinstance(annotation, type):
        return [f"{path}: the SDK says {annotation!r}, which this check cannot read"]
    return [] if type(value) is annotation else [f"{path}: {value!r} is no {annotation.__name__}"]


def _lacks(value: Any, model: type[BaseModel], optional: frozenset[str], path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no object of {model.__name__}"]
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items() if name != "additional_properties"}
    found = [f"{path}.{name}: missing" for name in fields if name not in value and name not in optional]
    found += [f"{path}.{name}: not documented" for name in value if name not in fields]
    for name, annotation in fields.items():
        if name in value and not (value[name] is None and name in NULLABLE):
            found += differences(value[name], annotation, optional, f"{path}.{name}")
    return found
