"""Entries: how one input or record becomes the bytes of a journal row, and back."""

import hashlib
from collections.abc import Iterable
from typing import Any, cast

import msgspec

from live.core.inputs import Input
from live.core.records import INPUT_TYPES, OUTPUT_TYPES, SCHEMA_VERSIONS, JournalEntry, Record
from live.journal.errors import EntryError, SchemaVersionError
from live.journal.migrations import migrate


class SnapshotTaken(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=True):
    """Chain a snapshot to the records before it: `digest` is the sha256 of the snapshot's body, in hexadecimal."""

    ts: int
    digest: str


StoredEntry = JournalEntry | SnapshotTaken
"""What a row of a journal may hold: the session's entries, and the journal's own mark of a snapshot."""

SNAPSHOT_KIND = SnapshotTaken.__name__
OUTPUT_KINDS: frozenset[str] = frozenset(kind.__name__ for kind in OUTPUT_TYPES)

KINDS: dict[type[msgspec.Struct], tuple[str, int]] = {
    **{kind: (kind.__name__, SCHEMA_VERSIONS[kind.__name__]) for kind in (*INPUT_TYPES, *OUTPUT_TYPES)},
    SnapshotTaken: (SNAPSHOT_KIND, 1),
}
"""Each type of entry to its name and the version of its schema that this program writes."""

encode_body = msgspec.msgpack.Encoder().encode
"""The canonical encoding: MessagePack, a tagged positional array, every integer in its shortest form."""

_FIELDS = {name: len(kind.__struct_fields__) for kind, (name, _) in KINDS.items()}
_READERS: dict[str, tuple[int, msgspec.msgpack.Decoder[Any]]] = {
    name: (version, msgspec.msgpack.Decoder(kind)) for kind, (name, version) in KINDS.items()
}


def encode_entry(entry: StoredEntry) -> bytes:
    """Encode an entry to its canonical bytes: equal entries give equal bytes."""
    return encode_body(entry)


def decode_entry(kind: str, version: int, body: bytes) -> StoredEntry:
    """Decode the body of a row that says it holds `kind` in schema `version`; an older one is read as the newest.

    Raises:
        SchemaVersionError: the kind is unknown, its schema is newer than this program's, or no step leads from it to the newest.
        EntryError: the body is no such entry.
    """
    if kind not in _READERS:
        raise SchemaVersionError(f"the journal holds an entry of kind {kind!r}, which this program does not know: read it with a newer one")
    newest, decoder = _READERS[kind]
    if version > newest:
        raise SchemaVersionError(
            f"wrong schema version: {kind} was written as version {version}, this program reads up to {newest}; read it with a newer one"
        )
    if version < 1:
        raise EntryError(f"schema versions count from 1, received {version} for {kind}: the row is damaged, run `interlock journal verify`")
    if version < newest:
        body = migrate(kind, version, body, _FIELDS[kind])
    try:
        entry = cast("StoredEntry", decoder.decode(body))
    except (msgspec.MsgspecError, TypeError) as error:
        raise EntryError(f"the body is no {kind} version {version} ({error}): the row is damaged, run `interlock journal verify`") from None
    if version == newest and encode_body(entry) != body:
        raise EntryError(f"the body of {kind} is not in canonical form: the row is damaged or another program wrote it")
    return entry


def snapshot_digest(body: bytes) -> str:
    """Give the sha256 of a snapshot's body, in hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def entry_time(entry: StoredEntry | Record | Input) -> int:
    """Give the time an entry stands at: receipt for an input, engine time for a record; nanoseconds UTC."""
    return entry.ts_init if isinstance(entry, Input) else entry.ts


class ParityDigest:
    """Digest output records in sequence, whatever commits they came in: two runs agree exactly when their digests do."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._count = 0

    @property
    def count(self) -> int:
        """Count the records taken in."""
        return self._count

    def update(self, body: bytes) -> None:
        """Take in the canonical bytes of the next output record."""
        self._sha256.update(body)
        self._count += 1

    def update_all(self, bodies: Iterable[bytes]) -> None:
        """Take in several output records at once; the digest is the same as for one at a time."""
        batch = bodies if isinstance(bodies, list) else list(bodies)
        self._sha256.update(b"".join(batch))
        self._count += len(batch)

    def hexdigest(self) -> str:
        """Give the digest of what was taken in so far, in hexadecimal."""
        return self._sha256.copy().hexdigest()
