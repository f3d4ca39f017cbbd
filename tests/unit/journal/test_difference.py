from collections.abc import Callable

from msgspec.structs import replace

from live.core.inputs import ClockTicked
from live.core.records import AlarmRaised, OrderTransitioned, OutputRecord, Record
from live.journal import JournalRow, encode_entry, entry_time, first_difference


def _row(seq: int, entry: OutputRecord | ClockTicked) -> JournalRow:
    return JournalRow(seq, isinstance(entry, Record), type(entry).__name__, 1, entry_time(entry), 1, seq, encode_entry(entry))


MakeRecord = Callable[[int], OrderTransitioned]


def test_the_same_records_do_not_differ(record: MakeRecord) -> None:
    """Two runs that say the same are the same."""
    assert first_difference([_row(1, record(1)), _row(2, record(2))], [_row(1, record(1)), _row(2, record(2))]) is None
    assert first_difference([], []) is None


def test_inputs_and_sequence_numbers_do_not_count(record: MakeRecord) -> None:
    """A replay journals other inputs; what was said must be the same."""
    assert first_difference([_row(1, ClockTicked(5)), _row(2, record(1))], [_row(1, record(1)), _row(2, ClockTicked(9))]) is None


def test_the_first_differing_field_is_named_with_both_values(record: MakeRecord) -> None:
    """A person can look at the one thing that is not the same."""
    other = replace(record(2), order_id="IL-OTHER", detail="later field")
    found = first_difference([_row(1, record(1)), _row(2, record(2))], [_row(1, record(1)), _row(7, ClockTicked(1)), _row(8, other)])
    assert found is not None
    assert (found.ordinal, found.left_seq, found.right_seq) == (2, 2, 8)
    assert (found.field, found.left_value, found.right_value) == ("order_id", "ILNONCE00002", "IL-OTHER")
    assert (found.left_entry, found.right_entry) == (record(2), other)
    assert found.describe() == (
        "output record 2 (seq 2 and 8) differs in OrderTransitioned.order_id: 'ILNONCE00002' on the left, 'IL-OTHER' on the right"
    )


def test_records_of_different_kinds_differ_in_kind(record: MakeRecord) -> None:
    """Comparing the fields of different things would mean nothing."""
    found = first_difference([_row(1, record(1))], [_row(1, AlarmRaised(record(1).ts, "LATE_FILL", "", ""))])
    assert found is not None
    assert (found.field, found.left_kind, found.right_kind) == ("kind", "OrderTransitioned", "AlarmRaised")
    assert "differs in kind: 'OrderTransitioned' on the left, 'AlarmRaised' on the right" in found.describe()


def test_a_missing_record_is_a_difference_on_either_side(record: MakeRecord) -> None:
    """A run that stopped early did not say the same."""
    short, long = [_row(1, record(1))], [_row(1, record(1)), _row(2, record(2))]
    missing_right, missing_left = first_difference(long, short), first_difference(short, long)
    assert missing_right is not None
    assert missing_left is not None
    assert missing_right.describe() == "output record 2 is missing on the right: the left has OrderTransitioned at seq 2"
    assert missing_left.describe() == "output record 2 is missing on the left: the right has OrderTransitioned at seq 2"
    assert (missing_left.left_seq, missing_left.left_entry, missing_left.field) == (None, None, None)


def test_a_difference_can_be_written_as_json(record: MakeRecord) -> None:
    """Programs get plain values, not our types."""
    found = first_difference([_row(1, record(1))], [])
    assert found is not None
    assert found.document() == {
        "ordinal": 1,
        "left_seq": 1,
        "right_seq": None,
        "left_kind": "OrderTransitioned",
        "right_kind": None,
        "field": None,
        "left_value": None,
        "right_value": None,
    }
