import live.journal


def test_the_package_exports_exactly_these_names() -> None:
    """A name that others may rely on appears and disappears on purpose only."""
    assert sorted(live.journal.__all__) == [
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
        "START",
        "SchemaVersionError",
        "Seal",
        "SegmentInfo",
        "SnapshotTaken",
        "Step",
        "StoredEntry",
        "TAPE_TRUNCATED",
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


def test_every_exported_name_is_there() -> None:
    """The list of names is no wish."""
    assert [name for name in live.journal.__all__ if not hasattr(live.journal, name)] == []
