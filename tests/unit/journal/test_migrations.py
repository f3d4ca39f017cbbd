"""What was written under an older schema is read as the newest, and no schema changes without saying how."""

import sqlite3
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from live.core.inputs import Bar, ClockTicked
from live.core.instruments import Instrument
from live.core.market_events import MARKET_TYPES, Trade
from live.core.orders import OrderEvent, OrderState
from live.core.records import SCHEMA_VERSIONS, OrderDenied, OrderTransitioned
from live.core.risk.codes import DenialCode
from live.core.state import fold
from live.core.vocabulary import Side
from live.journal import (
    EntryError,
    JournalReader,
    ParityDigest,
    SchemaVersionError,
    decode_entry,
    encode_entry,
    read_segment,
    verify_journal,
    write_segment,
)
from live.journal import migrations as module
from live.journal.entries import KINDS
from live.journal.export import row_document
from live.journal.frames import TAPE_SCHEMA, TapeHeader, frame, make_header
from live.journal.migrations import STEPS, Appended, market_decoder, migrate
from live.journal.schema import ChainLink, Meta, create_tables, genesis_head

STRUCTS: dict[str, type[msgspec.Struct]] = {kind.__name__: kind for kind in (*MARKET_TYPES, *KINDS)}
DENIED = OrderDenied(5, "IL1", next(iter(DenialCode)), "too much", "probe")
OLD_DENIED = msgspec.msgpack.encode(msgspec.msgpack.decode(encode_entry(DENIED))[:-1])
"""The same as version 1, which did not say whose order it was."""

encode = msgspec.msgpack.encode


def nested(struct: type[msgspec.Struct], name: str) -> type[msgspec.Struct]:
    """Find the message in a field, or in a sequence in it."""
    hint: Any = get_type_hints(struct)[name]
    return hint if isinstance(hint, type) and issubclass(hint, msgspec.Struct) else get_args(hint)[0]


def default_of(struct: type[msgspec.Struct], path: str) -> object:
    """Give the default of a field, as it is stored; raises when it has none."""
    *outer, name = path.split(".")
    for step in outer:
        struct = nested(struct, step)
    (field,) = (field for field in msgspec.structs.fields(struct) if field.name == name)
    assert not field.required, f"{path} has no default, so an older message cannot be read"
    return field.default.value if isinstance(field.default, Enum) else field.default


@pytest.mark.parametrize("kind", sorted(SCHEMA_VERSIONS))
def test_every_version_has_a_step_to_the_next(kind: str) -> None:
    """Raising a version without declaring what becomes of the old one is not possible."""
    declared = sorted(version for name, version in STEPS if name == kind)
    assert declared == list(range(1, SCHEMA_VERSIONS[kind])), (
        f"{kind} is at version {SCHEMA_VERSIONS[kind]}: declare each step to it in live/journal/migrations.py"
    )


@pytest.mark.parametrize("kind", sorted({kind for kind, _ in STEPS}))
def test_declared_fields_are_the_last_ones_with_the_declared_defaults(kind: str) -> None:
    """What the table says about a message is what the message is."""
    own: list[str] = []
    for version in range(SCHEMA_VERSIONS[kind] - 1, 0, -1):
        step = STEPS[kind, version]
        if not isinstance(step, Appended):
            break
        own = [*step.own, *own]
        for name, default in step.fields.items():
            assert default_of(STRUCTS[kind], name) == default, name
    names = [field.name for field in msgspec.structs.fields(STRUCTS[kind])]
    assert names[len(names) - len(own) :] == own


def test_an_older_record_is_read_with_the_default_of_what_it_lacks() -> None:
    """Nothing is made up: the default says that nobody wrote it down."""
    assert decode_entry("OrderDenied", 1, OLD_DENIED) == OrderDenied(5, "IL1", DENIED.code, "too much", "")


@pytest.mark.parametrize("cut", [-1, 1])
def test_an_older_record_with_other_fields_than_its_version_has_is_refused(cut: int) -> None:
    """A body that lacks a field, or has one of a later version, is damaged."""
    values = msgspec.msgpack.decode(OLD_DENIED)
    body = encode(values[:-1] if cut < 0 else [*values, "probe"])
    with pytest.raises(EntryError, match=f"OrderDenied version 1 has 4 fields, received {4 + cut}"):
        decode_entry("OrderDenied", 1, body)


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x90", encode({}), encode(["OrderExpired", 1, "a", "b", "c"])])
def test_an_older_body_that_is_none_is_refused(body: bytes) -> None:
    """Whatever stands there, it ends in a typed error."""
    with pytest.raises(EntryError, match="OrderDenied"):
        decode_entry("OrderDenied", 1, body)


def test_a_version_without_a_step_is_refused() -> None:
    """A hole in the table is not read over."""
    with pytest.raises(SchemaVersionError, match="no step leads from OrderDenied version 1 to version 2"):
        migrate("OrderDenied", 1, OLD_DENIED, 5, {})


def test_steps_are_taken_in_order_and_missing_defaults_are_filled_in_between() -> None:
    """A function sees the fields of exactly the version that it was written for."""
    steps = {
        ("OrderDenied", 1): Appended({"strategy_id": ""}),
        ("OrderDenied", 2): lambda fields: [fields[0], fields[1], fields[2], f"{fields[3]} ({fields[4]!r})", fields[4]],
        ("OrderDenied", 3): Appended({"measured": 7}),
    }
    body = migrate("OrderDenied", 1, OLD_DENIED, 6, steps, newest=4)
    assert msgspec.msgpack.decode(body) == ["OrderDenied", 5, "IL1", str(DENIED.code), "too much ('')", "", 7]


def test_a_function_that_cannot_read_a_body_ends_in_a_typed_error() -> None:
    """A damaged body makes no other error than any damage does."""
    with pytest.raises(EntryError, match="no OrderDenied version 1"):
        migrate("OrderDenied", 1, OLD_DENIED, 5, {("OrderDenied", 1): lambda fields: fields[99]})


def _journal(path: Path, rows: list[tuple[object, ...]]) -> str:
    """Write a journal as an older program did; gives its head."""
    meta = Meta(1, "session-1", "", 1, durable=False)
    connection = sqlite3.connect(path, isolation_level=None)
    create_tables(connection, meta)
    link = ChainLink(genesis_head(meta))
    for row in rows:
        connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        link.add(row)
    connection.execute("INSERT INTO commits VALUES (1, 1, ?, ?)", (len(rows), link.head()))
    connection.close()
    return link.head()


def test_an_older_journal_verifies_is_folded_and_exported(tmp_path: Path) -> None:
    """Chain and parity digest cover the stored bytes; whoever reads the entries sees the newest schema."""
    tick, clock = ClockTicked(4), encode_entry(ClockTicked(4))
    path = tmp_path / "old.journal"
    head = _journal(path, [(1, 0, "ClockTicked", 1, 4, 1, 0, clock), (2, 1, "OrderDenied", 1, 5, 1, 0, OLD_DENIED)])
    parity = ParityDigest()
    parity.update(OLD_DENIED)
    found = verify_journal(path)
    assert (found.head, found.parity_digest) == (head, parity.hexdigest())
    with JournalReader(path) as reader:
        rows = list(reader.rows())
    assert [row.entry() for row in rows] == [tick, decode_entry("OrderDenied", 1, OLD_DENIED)]
    document = row_document(rows[1])
    assert document["version"] == 1
    assert document["entry"]["strategy_id"] == ""  # type: ignore[index]
    unattached = [tick, OrderTransitioned(5, "IL1", OrderEvent.APPROVE, OrderState.APPROVED, "")]
    assert fold(unattached[:1]).now == 4


def test_a_journal_whose_old_records_need_a_function_is_read_through_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader asks the table, so everything behind it does."""
    path = tmp_path / "old.journal"
    _journal(path, [(1, 1, "OrderDenied", 1, 5, 1, 0, OLD_DENIED)])
    monkeypatch.setitem(module.STEPS, ("OrderDenied", 1), lambda fields: [*fields[:3], fields[3].upper(), "unknown"])
    verify_journal(path)
    with JournalReader(path) as reader:
        assert [row.entry() for row in reader.rows()] == [OrderDenied(5, "IL1", DENIED.code, "TOO MUCH", "unknown")]


def test_a_tape_of_the_newest_versions_is_decoded_directly(bar: Callable[[int], Bar]) -> None:
    """Nothing stands between the frames and the decoder on the path that millions of events take."""
    decode = msgspec.msgpack.Decoder(Bar).decode
    assert market_decoder(dict.fromkeys(("Bar", "Trade"), 1), decode) is decode


def test_events_are_rewritten_by_the_steps_that_are_given(bar: Callable[[int], Bar], monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the older kinds, one step after the other, and no others."""
    monkeypatch.setitem(SCHEMA_VERSIONS, "Bar", 3)
    steps = {("Bar", 1): lambda fields: [fields[0] + 1, *fields[1:]], ("Bar", 2): lambda fields: [fields[0] * 10, *fields[1:]]}
    trade = Trade(1, 2, "sim:BTCUSDT", 3, 4, Side.BUY)
    read = market_decoder({"Bar": 1, "Trade": SCHEMA_VERSIONS["Trade"]}, msgspec.msgpack.Decoder(Bar | Trade).decode, steps)
    written = msgspec.structs.replace(bar(1), ts_init=7)
    assert read(msgspec.msgpack.encode(written)) == msgspec.structs.replace(written, ts_init=80)
    assert read(msgspec.msgpack.encode(trade)) == trade


def test_a_tape_whose_old_events_need_a_function_is_read_through_it(
    tmp_path: Path, bar: Callable[[int], Bar], instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The versions stand in the tape's header, once for all of its events."""
    monkeypatch.setitem(SCHEMA_VERSIONS, "Bar", 2)
    monkeypatch.setitem(module.STEPS, ("Bar", 1), lambda fields: [fields[0] + 1, *fields[1:]])
    old = TapeHeader(TAPE_SCHEMA, "s", 1, (instrument,), {"Bar": 1})
    raw = tmp_path / "000001.tape"
    raw.write_bytes(b"ILTAPE1\n" + frame(old) + frame(bar(1)) + frame(bar(2)))
    assert [event.ts_init for event in read_segment(raw)[1]] == [bar(1).ts_init + 1, bar(2).ts_init + 1]
    new = write_segment(tmp_path / "new.tape.gz", [bar(1)], [instrument], "s")
    assert make_header("s", 1, (instrument,)).event_versions["Bar"] == 2
    assert list(read_segment(new.path)[1]) == [bar(1)]


def test_a_tape_without_a_step_for_its_version_is_refused(
    tmp_path: Path, bar: Callable[[int], Bar], instrument: Instrument, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rule as for records."""
    info = write_segment(tmp_path / "old.tape.gz", [bar(1)], [instrument], "s")
    monkeypatch.setitem(SCHEMA_VERSIONS, "Bar", 2)
    with pytest.raises(SchemaVersionError, match="no step leads from Bar version 1 to version 2"):
        list(read_segment(info.path)[1])
