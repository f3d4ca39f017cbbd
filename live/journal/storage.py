"""The SQLite file under a journal: made whole or not at all, written through a log, closed into one plain file."""

import os
import sqlite3
import tempfile
from pathlib import Path

from live.journal.disk import sync_directory
from live.journal.errors import JournalBusyError, JournalExistsError, JournalFailedError
from live.journal.schema import Meta, create_tables

_REPLAY_PAGE_BYTES = 8 * 1024
"""A page of a journal that is not synced: fewer to write than of SQLite's own size, and not yet slower to fill.

A durable one keeps SQLite's, since its log takes each page that a commit touches whole."""

_REPLAY_CACHE_PAGES = 64
"""Pages that SQLite keeps of such a journal, which is only ever appended to: so few come round while the processor still holds them."""


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
            if not meta.durable:
                connection.execute(f"PRAGMA page_size = {_REPLAY_PAGE_BYTES}")
            create_tables(connection, meta)
            if meta.durable:
                fold_log(connection, "TRUNCATE")  # closing would do it too, and keep silent about a disk that refuses
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
    """Open a journal's file to write it, synced at every commit or not at all.

    Raises:
        sqlite3.Error, OSError: the disk refused.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        wanted = "wal" if durable else "memory"
        (mode,) = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()
        if mode != wanted:
            raise OSError(f"SQLite keeps journal mode {mode!r} instead of {wanted!r}")
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        if not durable:
            connection.execute(f"PRAGMA cache_size = {_REPLAY_CACHE_PAGES}")
            connection.execute("PRAGMA cache_spill = OFF")  # nothing of a commit is in the file before its COMMIT, however large it is
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # `fold_log` says what an automatic one keeps to itself
    except BaseException:
        connection.close()
        raise
    return connection


def fold_log(connection: sqlite3.Connection, how: str) -> None:
    """Copy what the write-ahead log holds into the journal's file, as far as no reader is in the way.

    Raises:
        sqlite3.OperationalError: the disk failed.
    """
    connection.execute(f"PRAGMA wal_checkpoint({how})").fetchone()


def make_plain(connection: sqlite3.Connection, path: Path) -> None:
    """Fold the write-ahead log into the journal, so that one file holds everything.

    Raises:
        JournalBusyError: a reader holds the journal open.
        JournalFailedError: the disk failed.
    """
    try:
        connection.execute("PRAGMA busy_timeout = 1000")
        fold_log(connection, "TRUNCATE")
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        sync_directory(path.parent)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise JournalFailedError(f"the disk failed while {path} was closed ({error}): do not seal it, look at the disk") from error
        raise JournalBusyError(f"{path} is complete, but a reader holds it open: close the reader, then seal the journal") from None
    except (sqlite3.Error, OSError) as error:
        raise JournalFailedError(f"the disk failed while {path} was closed ({error}): do not seal it, look at the disk") from error
