"""The durable record of a session: journal, tape, snapshots, anchors, and the tools that check and read them."""

from live.journal.anchors import Anchor, AnchorHistory, AnchorLog, Seal, read_anchors
from live.journal.difference import Difference, first_difference
from live.journal.entries import ParityDigest, SnapshotTaken, StoredEntry, decode_entry, encode_entry, entry_time
from live.journal.errors import (
    AnchorLogError,
    EntryError,
    JournalBusyError,
    JournalDamagedError,
    JournalError,
    JournalExistsError,
    JournalFailedError,
    JournalTimeoutError,
    NotAJournalError,
    SchemaVersionError,
    TapeDamagedError,
    TapeError,
    TapeFailedError,
)
from live.journal.file import START, JournalFile, Position, Step, Tip
from live.journal.frames import TapeHeader
from live.journal.reader import JournalReader, JournalRow
from live.journal.recovery import TAPE_TRUNCATED, TapeRecovery, recover_tape, tape_reaches
from live.journal.schema import Commit, Meta
from live.journal.sealing import seal_journal
from live.journal.segments import SegmentInfo, find_segment, read_segment, read_tape, write_segment
from live.journal.tape import TapeWriter
from live.journal.verify import Verification, verify_journal
from live.journal.writer import GroupCommitWriter

__all__ = [
    "START",
    "TAPE_TRUNCATED",
    "Anchor",
    "AnchorHistory",
    "AnchorLog",
    "AnchorLogError",
    "Commit",
    "Difference",
    "EntryError",
    "GroupCommitWriter",
    "JournalBusyError",
    "JournalDamagedError",
    "JournalError",
    "JournalExistsError",
    "JournalFailedError",
    "JournalFile",
    "JournalReader",
    "JournalRow",
    "JournalTimeoutError",
    "Meta",
    "NotAJournalError",
    "ParityDigest",
    "Position",
    "SchemaVersionError",
    "Seal",
    "SegmentInfo",
    "SnapshotTaken",
    "Step",
    "StoredEntry",
    "TapeDamagedError",
    "TapeError",
    "TapeFailedError",
    "TapeHeader",
    "TapeRecovery",
    "TapeWriter",
    "Tip",
    "Verification",
    "decode_entry",
    "encode_entry",
    "entry_time",
    "find_segment",
    "first_difference",
    "read_anchors",
    "read_segment",
    "read_tape",
    "recover_tape",
    "seal_journal",
    "tape_reaches",
    "verify_journal",
    "write_segment",
]
