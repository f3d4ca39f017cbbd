"""Export: a journal's rows as documents that any program can read."""

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import msgspec

from live.journal.disk import sync_directory
from live.journal.errors import JournalError
from live.journal.reader import JournalRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def row_document(row: JournalRow) -> dict[str, object]:
    """Write a row with its entry's fields by name; integers keep the units of the entry's definition.

    Raises:
        SchemaVersionError: the entry's schema is newer than this program's.
        EntryError: the body is no such entry.
    """
    return {
        "seq": row.seq,
        "kind": row.kind,
        "version": row.version,
        "is_output": row.is_output,
        "ts": row.ts,
        "time": format_time(row.ts),
        "segment": row.segment,
        "offset": row.offset,
        "entry": _plain(row.entry()),
    }


def format_time(nanoseconds: int) -> str:
    """Write a time as ISO 8601 in UTC with all nine decimal places."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    try:
        moment = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return f"{nanoseconds} ns"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


Writer = Callable[[Iterable[dict[str, object]], Path, str], int]
"""Writes documents, as `row_document` gives them, of the named session to a file, and gives how many."""


def write_json_lines(documents: Iterable[dict[str, object]], destination: Path, _: str) -> int:
    """Write one JSON document a line."""
    count = 0
    with destination.open("w", encoding="utf-8") as stream:
        for document in documents:
            stream.write(json.dumps(document, ensure_ascii=False) + "\n")
            count += 1
    return count


def export_rows(
    rows: Iterable[JournalRow], destination: Path, *, replace: bool = False, write: Writer = write_json_lines, session_id: str = ""
) -> int:
    """Write rows to a file, whole or not at all.

    Args:
        rows: what to write, in the order of the file.
        destination: the file.
        replace: write over what is there.
        write: the format; JSON lines when left out.
        session_id: whose rows these are, for formats that say so.

    Returns:
        How many rows were written.

    Raises:
        JournalError: the destination exists, or the disk refused.
        EntryError: a row cannot be decoded; nothing is left behind.
    """
    if destination.exists() and not replace:
        raise JournalError(f"{destination} exists: choose another file, or say that it may be replaced (--force)")
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{destination.name}.", suffix=".partial", dir=destination.parent)
    except OSError as error:
        raise JournalError(f"{destination} cannot be written ({error.strerror}): choose a directory that exists") from error
    partial = Path(name)
    try:
        count = write(map(row_document, rows), partial, session_id)
        os.fsync(descriptor)
        partial.replace(destination)
        sync_directory(destination.parent)
    except OSError as error:
        raise JournalError(f"{destination} could not be written ({error.strerror}): check the disk") from error
    finally:
        os.close(descriptor)
        partial.unlink(missing_ok=True)
    return count


def _plain(value: object) -> object:
    """Turn structs, which are encoded by position, into fields by name."""
    if isinstance(value, msgspec.Struct):
        return {field.name: _plain(getattr(value, field.name)) for field in msgspec.structs.fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in cast("tuple[object, ...]", value)]
    return cast("object", msgspec.to_builtins(value))
