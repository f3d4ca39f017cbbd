"""The SQLite file under a journal: made whole or not at all, written through a log, closed into one plain file."""

import os
import sqlite3
import tempfile
from pathlib import Path

from live.journal.disk import sync_directory
from live.journal.errors import JournalBusyError, JournalExistsError, JournalFailedError
from live.journal.schema import Meta, create_tables


def create_file(path: Path, meta: Meta) -> None:
    """Build an empty journal under another name and link it to its own, which fails when something is there.

    Raises:
        JournalExistsError: something is at `path`.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".draft", dir=path.parent)
    os.close(descriptor)
    draft = Path(name)
    try:
        connection = connect(draft, durable=meta.durable)
        try:
            create_tables(connection, meta)
        finally:
            connection.close()
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            raise JournalExistsError(f"a journal is never written over: {path} exists, choose another path or move the file away") from None
    finally:
        draft.unlink()
    if meta.durable:
        sync_directory(path.parent)


def connect(path: Path, *, durable: bool) -> sqlite3.Connection:
    """Open a journal's file to write it, synced at every commit or not at all."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute(f"PRAGMA journal_mode = {'WAL' if durable else 'MEMORY'}")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
    except BaseException:
        connection.close()
        raise
    return connection


def make_plain(connection: sqlite3.Connection, path: Path) -> None:
    """Fold the write-ahead log into the journal, so that one file holds everything.

    Raises:
        JournalBusyError: a reader holds the journal open.
        JournalFailedError: the disk failed.
    """
    try:
        connection.execute("PRAGMA busy_timeout = 1000")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        sync_directory(path.parent)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise JournalFailedError(f"the disk failed while {path} was closed ({error}): do not seal it, look at the disk") from error
        raise JournalBusyError(f"{path} is complete, but a reader holds it open: close the reader, then seal the journal") from None
    except (sqlite3.Error, OSError) as error:
        raise JournalFailedError(f"the disk failed while {path} was closed ({error}): do not seal it, look at the disk") from error
