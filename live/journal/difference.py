"""Name the first output record in which two journals differ."""

from collections.abc import Iterable
from itertools import zip_longest
from typing import NamedTuple

import msgspec

from live.journal.entries import StoredEntry
from live.journal.reader import JournalRow


class Difference(NamedTuple):
    """Name two output records that should be the same; a side that ended has no seq, kind or entry.

    Attributes:
        ordinal: which output record, counted from 1.
        field: first field that differs; `kind` when the kinds do, None when a side has no record or differs in encoding only.
        left_value: what the left record says in that field.
        right_value: what the right record says in that field.
    """

    ordinal: int
    left_seq: int | None
    right_seq: int | None
    left_kind: str | None
    right_kind: str | None
    left_entry: StoredEntry | None
    right_entry: StoredEntry | None
    field: str | None
    left_value: object
    right_value: object

    def describe(self) -> str:
        """Say in one sentence where the two part."""
        where = f"output record {self.ordinal}"
        if self.left_entry is None:
            return f"{where} is missing on the left: the right has {self.right_kind} at seq {self.right_seq}"
        if self.right_entry is None:
            return f"{where} is missing on the right: the left has {self.left_kind} at seq {self.left_seq}"
        places = f"{where} (seq {self.left_seq} and {self.right_seq})"
        if self.field is None:
            return f"{places} is the same {self.left_kind} in different bytes"
        subject = "kind" if self.field == "kind" else f"{self.left_kind}.{self.field}"
        return f"{places} differs in {subject}: {self.left_value!r} on the left, {self.right_value!r} on the right"

    def document(self) -> dict[str, object]:
        """Write the difference with plain values, for a program to read."""
        return {
            "ordinal": self.ordinal,
            "left_seq": self.left_seq,
            "right_seq": self.right_seq,
            "left_kind": self.left_kind,
            "right_kind": self.right_kind,
            "field": self.field,
            "left_value": msgspec.to_builtins(self.left_value),
            "right_value": msgspec.to_builtins(self.right_value),
        }


def first_difference(left: Iterable[JournalRow], right: Iterable[JournalRow]) -> Difference | None:
    """Compare the output records of two journals in sequence, None when they are the same.

    Inputs, positions, times of commit and sequence numbers do not count: two runs that say the same are the same.

    Raises:
        SchemaVersionError: the records that differ are newer than this program.
        EntryError: a record that differs cannot be decoded.
    """
    pairs = zip_longest((row for row in left if row.is_output), (row for row in right if row.is_output))
    for ordinal, (one, other) in enumerate(pairs, start=1):
        if one is None or other is None or one.body != other.body:
            return _explain(ordinal, one, other)
    return None


def _explain(ordinal: int, left: JournalRow | None, right: JournalRow | None) -> Difference:
    left_entry = left.entry() if left else None
    right_entry = right.entry() if right else None
    field, left_value, right_value = _first_field(left_entry, right_entry)
    return Difference(
        ordinal=ordinal,
        left_seq=left.seq if left else None,
        right_seq=right.seq if right else None,
        left_kind=left.kind if left else None,
        right_kind=right.kind if right else None,
        left_entry=left_entry,
        right_entry=right_entry,
        field=field,
        left_value=left_value,
        right_value=right_value,
    )


def _first_field(left: StoredEntry | None, right: StoredEntry | None) -> tuple[str | None, object, object]:
    if left is None or right is None:
        return None, None, None
    if type(left) is not type(right):
        return "kind", type(left).__name__, type(right).__name__
    for field in msgspec.structs.fields(left):
        left_value: object = getattr(left, field.name)
        right_value: object = getattr(right, field.name)
        if left_value != right_value:
            return field.name, left_value, right_value
    return None, None, None
