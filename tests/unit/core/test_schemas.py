"""Schemas: what a journal was written with is written down, and nothing changes under the same version.

`python tests/unit/core/test_schemas.py` writes new kinds, versions and values down. It never changes what is there.
"""

import json
import sys
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from live.core import inputs, records
from live.core.market_events import MARKET_TYPES
from live.core.records import INPUT_TYPES, OUTPUT_TYPES, SCHEMA_VERSIONS
from live.core.snapshots import Snapshot

WRITTEN_DOWN = Path(__file__).with_name("schemas.json")
MESSAGES = {kind.__name__: kind for kind in (*MARKET_TYPES, *INPUT_TYPES, *OUTPUT_TYPES)}


def describe(kind: type[msgspec.Struct]) -> list[list[Any]]:
    """List a message's fields in order: name, type, and whether it must be given; nested messages are spelled out."""
    hints = get_type_hints(kind)
    return [[field.name, _describe_type(hints[field.name]), field.required] for field in msgspec.structs.fields(kind)]


def _describe_type(hint: Any) -> Any:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return {hint.__name__: describe(hint)}
    if arguments := get_args(hint):
        name = getattr(hint, "__origin__", type(hint)).__name__
        return {name: [_describe_type(argument) for argument in arguments if argument is not Ellipsis]}
    return hint.__name__


def enums_of(kind: type[msgspec.Struct], found: dict[str, list[Any]]) -> None:
    """Collect the values of every enum that a message can hold."""
    todo = list(get_type_hints(kind).values())
    while todo:
        hint = todo.pop()
        if isinstance(hint, type) and issubclass(hint, Enum):
            found[hint.__name__] = sorted((member.value for member in hint), key=str)
        elif isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            todo += get_type_hints(hint).values()
        else:
            todo += [argument for argument in get_args(hint) if argument is not Ellipsis]


def current() -> dict[str, Any]:
    """Describe every message and every enum as the code has them now."""
    enums: dict[str, list[Any]] = {}
    for kind in (*MESSAGES.values(), Snapshot):
        enums_of(kind, enums)
    messages = {name: {str(SCHEMA_VERSIONS[name]): describe(kind)} for name, kind in MESSAGES.items()}
    return {"messages": messages, "snapshot": {str(records_schema()): describe(Snapshot)}, "enums": enums}


def records_schema() -> int:
    """Give the version of the snapshot's schema."""
    from live.core.snapshots import SNAPSHOT_SCHEMA

    return SNAPSHOT_SCHEMA


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_message_has_the_fields_that_are_written_down_for_its_version(name):
    """A field that is added, taken away, moved or retyped needs a new version, and the old one stays readable."""
    versions = json.loads(WRITTEN_DOWN.read_text())["messages"].get(name, {})
    version = str(SCHEMA_VERSIONS[name])
    assert version in versions, f"{name} version {version} is not written down: run `python {Path(__file__).name}` and commit the file"
    assert describe(MESSAGES[name]) == versions[version], (
        f"the fields of {name} changed: raise SCHEMA_VERSIONS[{name!r}] to {int(version) + 1} in live/core/records.py, keep reading "
        f"version {version} in live/journal/entries.py, then run `python {Path(__file__).name}` to write the new version down"
    )


def test_the_snapshot_has_the_fields_that_are_written_down_for_its_version():
    """The same for snapshots."""
    versions = json.loads(WRITTEN_DOWN.read_text())["snapshot"]
    version = str(records_schema())
    assert describe(Snapshot) == versions.get(version), (
        f"the snapshot changed: raise SNAPSHOT_SCHEMA in live/core/snapshots.py above {version}, read the old one too, "
        f"then run `python {Path(__file__).name}`"
    )


def test_no_message_that_was_ever_written_is_gone():
    """A journal of an old session must stay readable."""
    assert set(json.loads(WRITTEN_DOWN.read_text())["messages"]) <= set(MESSAGES)
    assert set(MESSAGES) == set(SCHEMA_VERSIONS)


@pytest.mark.parametrize("name", sorted(current()["enums"]))
def test_no_value_of_an_enum_is_gone_or_unwritten(name):
    """Values are never renamed, taken away or used again; a new one is written down."""
    written = json.loads(WRITTEN_DOWN.read_text())["enums"].get(name, [])
    now = current()["enums"][name]
    assert [value for value in written if value not in now] == [], f"values of {name} are gone: put them back, journals hold them"
    assert [value for value in now if value not in written] == [], f"new values of {name}: run `python {Path(__file__).name}`"


def test_the_check_sees_a_changed_field():
    """A message with one more field is described differently from what is written down."""

    class Bar(inputs.Input, frozen=True, array_like=True, tag=True):
        ts_event: int

    assert describe(Bar) != describe(inputs.Bar)
    assert describe(records.OrderDenied)[2] == ["code", "DenialCode", True]


def write_down() -> None:
    """Add what is new to the file; what is there stays as it is."""
    written = json.loads(WRITTEN_DOWN.read_text()) if WRITTEN_DOWN.exists() else {"messages": {}, "snapshot": {}, "enums": {}}
    now = current()
    for name, versions in now["messages"].items():
        written["messages"][name] = {**versions, **written["messages"].get(name, {})}
    written["snapshot"] = {**now["snapshot"], **written["snapshot"]}
    for name, values in now["enums"].items():
        known = written["enums"].get(name, [])
        written["enums"][name] = known + [value for value in values if value not in known]
    text = "".join(_lines(written))
    WRITTEN_DOWN.write_text(text)


def _lines(written: dict[str, Any]) -> list[str]:
    """Write one message version a line, so that a difference shows as one."""
    sections = []
    for section, entries in written.items():
        lines = [f"    {json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(entries.items())]
        sections.append(f"  {json.dumps(section)}: {{\n" + ",\n".join(lines) + "\n  }")
    return ["{\n", ",\n".join(sections), "\n}\n"]


if __name__ == "__main__":
    write_down()
    sys.exit(0)
