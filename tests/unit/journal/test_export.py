import json
from collections.abc import Callable
from pathlib import Path

import pytest

from live.core.inputs import Deployment, SessionStarted
from live.core.limits import Limits
from live.core.records import Allocation, IntentRecorded
from live.core.vocabulary import OrderType, Side, TimeInForce
from live.journal import EntryError, JournalError, JournalFile, JournalReader, JournalRow
from live.journal.export import export_rows, format_time, row_document


def test_a_row_becomes_a_document_with_its_fields_by_name(tmp_path: Path) -> None:
    """A reader of the export needs no definition of ours, down to the nested parts."""
    limits = Limits({"binance-spot:BTCUSDT": 5}, 1, 2, 3, 4, 5, 6, 7)
    deployment = Deployment("ema_cross", "v1", "paper", "binance-spot", ("binance-spot:BTCUSDT",), limits)
    started = SessionStarted(1_704_067_200_000_000_001, "s", "NONCE", 1, "e", "3.11", "c", "", (deployment,))
    allocations = (Allocation("ema_cross", 1, 5),)
    intent = IntentRecorded(
        5,
        "IL1",
        1,
        1,
        "ema_cross",
        "paper",
        "binance-spot:BTCUSDT",
        Side.BUY,
        OrderType.MARKET,
        TimeInForce.IMMEDIATE_OR_CANCEL,
        5,
        None,
        100,
        allocations,
    )
    with JournalFile.create(tmp_path / "j", session_id="s") as journal:
        journal.append_step(started, [intent], (1, 0))
    with JournalReader(tmp_path / "j") as reader:
        first, second = (json.loads(json.dumps(row_document(row))) for row in reader.rows())
    assert (first["seq"], first["kind"], first["is_output"], first["segment"], first["offset"]) == (1, "SessionStarted", False, 1, 0)
    assert first["time"] == "2024-01-01T00:00:00.000000001Z"
    assert first["entry"]["deployments"][0]["limits"]["maximum_order_quantity"] == {"binance-spot:BTCUSDT": 5}
    assert second["entry"]["side"] == "BUY"
    assert second["entry"]["limit_price"] is None
    assert second["entry"]["allocations"] == [{"strategy_id": "ema_cross", "intent_id": 1, "quantity": 5}]


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (1_704_067_200_123_456_789, "2024-01-01T00:00:00.123456789Z"),
        (2**62, "2116-02-20T23:53:38.427387904Z"),
    ],
)
def test_times_keep_their_nanoseconds(nanoseconds: int, text: str) -> None:
    """A time in an export is the recorded one, to the last digit."""
    assert format_time(nanoseconds) == text


def test_an_export_holds_every_row(tmp_path: Path, write_journal: Callable[[Path, int], JournalFile]) -> None:
    """One line a row, in sequence."""
    write_journal(tmp_path / "j", 5)
    with JournalReader(tmp_path / "j") as reader:
        assert export_rows(reader.rows(), tmp_path / "out.jsonl") == 11
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, 12))


def test_an_export_replaces_a_file_only_when_told_to(tmp_path: Path) -> None:
    """A slip of the hand destroys nothing."""
    (tmp_path / "out.jsonl").write_text("precious")
    with pytest.raises(JournalError, match="--force"):
        export_rows([], tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == "precious"
    export_rows([], tmp_path / "out.jsonl", replace=True)
    assert (tmp_path / "out.jsonl").read_text() == ""


def test_an_export_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    """A file is replaced whole or not at all."""
    (tmp_path / "out.jsonl").write_text("precious")
    with pytest.raises(EntryError):
        export_rows([JournalRow(1, False, "ClockTicked", 1, 5, 1, 0, b"\xc1")], tmp_path / "out.jsonl", replace=True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("out.jsonl", "precious")]


def test_an_export_into_nowhere_says_so(tmp_path: Path) -> None:
    """The operating system's refusal becomes one sentence."""
    with pytest.raises(JournalError, match="cannot be written"):
        export_rows([], tmp_path / "nowhere" / "out.jsonl")
