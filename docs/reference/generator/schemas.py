"""The page of schemas: every message of journal and tape, and every signed or stored document."""

from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from generator.docstrings import attributes, description, type_text
from generator.markdown import code, page, table
from live.core import inputs
from live.core.records import INPUT_TYPES, OUTPUT_TYPES, SCHEMA_VERSIONS
from live.core.snapshots import SNAPSHOT_SCHEMA, Snapshot
from live.journal import Anchor, Seal, SnapshotTaken, TapeHeader
from live.journal.entries import KINDS
from live.journal.frames import TAPE_SCHEMA
from live.journal.schema import JOURNAL_SCHEMA, statements
from live.promotion import (
    BUNDLE_SCHEMA,
    EVIDENCE_SCHEMA,
    STRATEGY_VERSION_SCHEMA,
    Bundle,
    DataNeeds,
    Evidence,
    GateResult,
    StrategyVersion,
    TrustedKey,
)
from live.promotion.bundle import EnvelopeDocument, EnvelopeSignature
from live.promotion.specification import SignatureFile, SignedSpecification

MARKET_TYPES: tuple[type[Any], ...] = get_args(inputs.MarketEvent) or (inputs.MarketEvent,)

DOCUMENTS: tuple[tuple[type[Any], int | None], ...] = (
    (StrategyVersion, STRATEGY_VERSION_SCHEMA),
    (DataNeeds, None),
    (Evidence, EVIDENCE_SCHEMA),
    (GateResult, None),
    (Bundle, BUNDLE_SCHEMA),
    (EnvelopeDocument, None),
    (EnvelopeSignature, None),
    (TrustedKey, None),
    (Anchor, None),
    (Seal, None),
    (SignedSpecification, None),
    (SignatureFile, None),
)

COMMON = {
    "ts_init": "when an input was received, nanoseconds UTC; it never decreases",
    "ts_event": "when it happened at the venue, nanoseconds UTC",
    "ts": "engine time of a record: `ts_init` of the input that caused it",
    "order_id": "our id of an order, `IL` + the session's nonce + a number; never used again",
    "venue_order_id": "the venue's id of the same order",
    "trade_id": "the venue's id of one execution",
    "decision_id": "number of a decision, counted through all sessions",
    "intent_id": "number of an intent, counted through all sessions",
    "strategy_id": "the strategy that positions, leases and limits belong to, whatever its version",
    "instrument_id": "venue and symbol, like `binance-spot:BTCUSDT`",
    "price": "in price units of the instrument",
    "quantity": "in quantity units of the instrument",
    "fee": "in money units of `fee_asset`, 10⁻⁸ of it",
    "reason": "what a person or the venue said, as it was said",
}
"""Fields that mean the same in every message."""


def render() -> str:
    """Write the page."""
    return page(
        "Schemas",
        "A message of journal or tape is MessagePack: an array that begins with the kind's name and goes on with the fields in the order "
        "below. So the order is part of the schema. The version stands beside every row of a journal and in the header of every tape "
        "segment. A change of fields raises the version; what was written with an older one stays readable.",
        "Prices and quantities are integers on their instrument's scales, money is in units of 10⁻⁸ of its asset.",
        "## Versions",
        versions(),
        "## Fields that mean the same everywhere",
        _common(),
        "## Market data, on the tape",
        *_sections(MARKET_TYPES),
        "## Inputs, in the journal",
        *_sections(INPUT_TYPES),
        "## Records, in the journal",
        "What the engine says. The parity digest covers these, in sequence.",
        *_sections(OUTPUT_TYPES),
        "## Parts of messages",
        *_sections(tuple(nested((*MARKET_TYPES, *INPUT_TYPES, *OUTPUT_TYPES)))),
        "## Snapshots and the tape's header",
        *_sections((SnapshotTaken, Snapshot, TapeHeader)),
        "## Documents",
        "Canonical JSON, fields by name; an unknown field is refused.",
        *_sections(tuple(kind for kind, _ in DOCUMENTS)),
        "## Tables of a journal file",
        "SQLite, `STRICT`; triggers refuse every update and delete, and an insert over a key that is there.",
        "```sql\n" + "\n".join(_table_statements()) + "\n```",
    )


def versions() -> str:
    """List the version of each schema that this program writes."""
    stored = (
        ("journal file", JOURNAL_SCHEMA),
        ("tape segment", TAPE_SCHEMA),
        ("snapshot", SNAPSHOT_SCHEMA),
        ("strategy version", STRATEGY_VERSION_SCHEMA),
        ("evidence", EVIDENCE_SCHEMA),
        ("bundle", BUNDLE_SCHEMA),
    )
    rows = [(name, "file or document", str(number)) for name, number in stored]
    rows += [(code(kind.__name__), "market data", str(SCHEMA_VERSIONS[kind.__name__])) for kind in MARKET_TYPES]
    rows += [(code(kind.__name__), "input", str(SCHEMA_VERSIONS[kind.__name__])) for kind in INPUT_TYPES]
    rows += [(code(kind.__name__), "record", str(SCHEMA_VERSIONS[kind.__name__])) for kind in OUTPUT_TYPES]
    rows += [(code(SnapshotTaken.__name__), "journal's own", str(KINDS[SnapshotTaken][1]))]
    return table(("schema", "what it is", "version"), rows)


def nested(kinds: tuple[type[Any], ...]) -> list[type[Any]]:
    """Find the structures that the fields of messages are made of, in order of appearance."""
    found: dict[type[Any], None] = {}
    for kind in kinds:
        for field in msgspec.structs.fields(kind):
            for inner in _structs(field.type):
                if inner not in kinds and inner not in found:
                    found[inner] = None
                    found.update(dict.fromkeys(nested((inner,))))
    return list(found)


def _structs(annotation: Any) -> Iterator[type[Any]]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
    for inner in get_args(annotation):
        yield from _structs(inner)


def _sections(kinds: tuple[type[Any], ...]) -> list[str]:
    return [f"### {kind.__name__}\n\n{_introduction(kind)}\n\n{_fields(kind)}" for kind in kinds]


def _introduction(kind: type[Any]) -> str:
    number = SCHEMA_VERSIONS.get(kind.__name__) or dict(DOCUMENTS).get(kind)
    return description(kind) + (f" Version {number}." if number is not None else "")


def _fields(kind: type[Any]) -> str:
    known = _documented(kind)
    fields = msgspec.structs.fields(kind)
    described = any(field.name in known for field in fields)
    header = ("field", "type", *(("meaning",) if described else ()))
    rows = ((code(field.name), code(type_text(field.type)), *((known.get(field.name, ""),) if described else ())) for field in fields)
    return table(header, rows)


def _documented(kind: type[Any]) -> dict[str, str]:
    """Read what is written about a kind's fields, its own and those it inherits."""
    texts: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, msgspec.Struct) and base is not msgspec.Struct:
            texts.update(attributes(base))
    return texts


def _common() -> str:
    known = {field.name for kind in (*MARKET_TYPES, *INPUT_TYPES, *OUTPUT_TYPES) for field in msgspec.structs.fields(kind)}
    if gone := sorted(set(COMMON) - known):
        raise SystemExit(f"no message has the fields {', '.join(gone)}: take them out of COMMON in {__file__}")
    return table(("field", "meaning"), ((code(name), text) for name, text in COMMON.items()))


def _table_statements() -> list[str]:
    return [f"{statement};" for statement in statements(durable=True) if statement.startswith("CREATE TABLE")]
