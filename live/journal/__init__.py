"""The durable record of a session: journal, tape, snapshots, anchors, and the tools that check and read them."""

from live.journal.entries import ParityDigest, SnapshotTaken, StoredEntry, decode_entry, encode_entry, entry_time
from live.journal.errors import (
    AnchorLogError,
    EntryError,
    JournalBusyError,
    JournalDamagedError,
    JournalError,
    JournalExistsError,
    JournalFailedError,
    NotAJournalError,
    SchemaVersionError,
    TapeDamagedError,
    TapeError,
    TapeFailedError,
)
from live.journal.file import START, JournalFile, Position, Tip
from live.journal.frames import TapeHeader
from live.journal.reader import JournalReader, JournalRow
from live.journal.recovery import TAPE_TRUNCATED, TapeRecovery, recover_tape, tape_reaches
from live.journal.schema import Commit, Meta
from live.journal.segments import SegmentInfo, find_segment, read_segment, read_tape, write_segment
from live.journal.tape import TapeWriter

__all__ = [
    "START",
    "TAPE_TRUNCATED",
    "AnchorLogError",
    "Commit",
    "EntryError",
    "JournalBusyError",
    "JournalDamagedError",
    "JournalError",
    "JournalExistsError",
    "JournalFailedError",
    "JournalFile",
    "JournalReader",
    "JournalRow",
    "Meta",
    "NotAJournalError",
    "ParityDigest",
    "Position",
    "SchemaVersionError",
    "SegmentInfo",
    "SnapshotTaken",
    "StoredEntry",
    "TapeDamagedError",
    "TapeError",
    "TapeFailedError",
    "TapeHeader",
    "TapeRecovery",
    "TapeWriter",
    "Tip",
    "decode_entry",
    "encode_entry",
    "entry_time",
    "find_segment",
    "read_segment",
    "read_tape",
    "recover_tape",
    "tape_reaches",
    "write_segment",
]
