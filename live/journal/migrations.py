"""Migrations: how what was written under an older version of a message's schema is read as the newest.

Stored bytes never change: digest and chain cover what was written. Each step from one version to the next is declared
here, and a version without its step is refused, so that nobody raises a version without saying what becomes of the old
one. A step is a pure function; most only append fields, whose defaults say what was true before there was such a field.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from live.core.market_events import MARKET_TYPES, MarketEvent
from live.core.records import SCHEMA_VERSIONS
from live.journal.errors import EntryError, SchemaVersionError


class Appended(NamedTuple):
    """Declare that a version only has more fields, at the end and with defaults that an older message can be read with.

    Attributes:
        fields: their names and defaults as they are stored; the name of one in a nested message stands behind the field
            that holds it, like `instrument.kind`.
    """

    fields: Mapping[str, object]

    @property
    def own(self) -> dict[str, object]:
        """Give the message's own new fields, in order."""
        return {name: default for name, default in self.fields.items() if "." not in name}


Rewrite = Callable[[list[Any]], list[Any]]
"""Makes the fields of one version, in order and without the name of the kind, from those of the version before."""

Step = Appended | Rewrite

STEPS: dict[tuple[str, int], Step] = {
    ("ClockSampled", 1): Appended({"stop_above": 0, "disarm_above": 0}),
    ("InstrumentDefined", 1): Appended(
        {
            "instrument.kind": "SPOT",
            "instrument.contract_size": 1,
            "instrument.contract_scale": 0,
            "instrument.initial_margin_ppm": 1_000_000,
            "instrument.maintenance_margin_ppm": 1_000_000,
        }
    ),
    ("IntentRecorded", 1): Appended(
        {"trigger_price": None, "expires_at": None, "reduce_only": False, "label": "", "replaces": "", "reason": ""}
    ),
    ("OrderCanceled", 1): Appended({"executed_quantity": None}),
    ("OrderDenied", 1): Appended({"strategy_id": ""}),
    ("OrderExpired", 1): Appended({"executed_quantity": None}),
    ("SessionStarted", 1): Appended(
        {
            f"deployments.limits.{name}": False if name == "requires_quotes" else 0
            for name in (
                "maximum_net_notional",
                "maximum_instrument_notional",
                "maximum_instrument_open_orders",
                "maximum_cancels_per_minute",
                "maximum_executions_per_hour",
                "maximum_drawdown",
                "maximum_spread_ppm",
                "maximum_slippage_ppm",
                "maximum_clock_offset",
                "duplicate_window",
                "requires_quotes",
                "reference_collar_ppm",
            )
        }
        | {"deployments.sizing_fee_ppm": 0}
    ),
}
"""Kind and version to the step that leads to the next version."""

_decode_fields = msgspec.msgpack.Decoder(list[Any]).decode
_encode_fields = msgspec.msgpack.Encoder().encode


def migrate(kind: str, version: int, body: bytes, fields: int, steps: Mapping[tuple[str, int], Step] = STEPS, newest: int = 0) -> bytes:
    """Give the body of an older version as one that the newest version's decoder reads.

    Args:
        kind: name of the message.
        version: what the body was written as, at least 1 and older than the newest.
        body: the stored bytes.
        fields: how many fields the newest version has.
        steps: what to go by.
        newest: the version to reach, the kind's newest when left out.

    Raises:
        SchemaVersionError: a step is not declared.
        EntryError: the body does not have the fields of its version.
    """
    newest = newest or SCHEMA_VERSIONS[kind]
    path = [_step(kind, number, steps) for number in range(version, newest)]
    try:
        tag, *values = _decode_fields(body)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise EntryError(f"the body is no {kind} version {version} ({error}): the row is damaged, run `interlock journal verify`") from None
    if tag != kind:
        raise EntryError(f"the body says that it is {tag!r}, the row says {kind}: the row is damaged, run `interlock journal verify`")
    appended = [step for step in path if isinstance(step, Appended)]
    if len(appended) == len(path):
        expected = fields - sum(len(step.own) for step in appended)
        if len(values) != expected:
            raise EntryError(f"{kind} version {version} has {expected} fields, received {len(values)}: run `interlock journal verify`")
        return body
    for step in path:
        if isinstance(step, Appended):
            values += step.own.values()
        else:
            try:
                values = step(values)
            except (LookupError, TypeError, ValueError) as error:
                raise EntryError(f"the body is no {kind} version {version} ({error!r}): run `interlock journal verify`") from None
    return _encode_fields([kind, *values])


def market_decoder(
    versions: Mapping[str, int], decode: Callable[[bytes], MarketEvent], steps: Mapping[tuple[str, int], Step] = STEPS
) -> Callable[[bytes], MarketEvent]:
    """Give what reads the events of a tape: the decoder itself unless one of the tape's versions has to be rewritten.

    Args:
        versions: kind to the version that the tape's header names, none newer than this program's.
        decode: reads an event of the newest versions.
        steps: what to go by.

    Raises:
        SchemaVersionError: a step is not declared.
    """
    older = {kind: version for kind, version in versions.items() if version < SCHEMA_VERSIONS[kind]}
    paths = [_step(kind, number, steps) for kind, version in older.items() for number in range(version, SCHEMA_VERSIONS[kind])]
    if all(isinstance(step, Appended) for step in paths):
        return decode
    sizes = {kind.__name__: len(kind.__struct_fields__) for kind in MARKET_TYPES}

    def rewrite_and_decode(payload: bytes) -> MarketEvent:
        kind = _decode_fields(payload)[0]
        if kind in older:
            payload = migrate(kind, older[kind], payload, sizes[kind], steps)
        return decode(payload)

    return rewrite_and_decode


def _step(kind: str, version: int, steps: Mapping[tuple[str, int], Step]) -> Step:
    step = steps.get((kind, version))
    if step is None:
        raise SchemaVersionError(
            f"no step leads from {kind} version {version} to version {version + 1}: declare it in live/journal/migrations.py"
        )
    return step
