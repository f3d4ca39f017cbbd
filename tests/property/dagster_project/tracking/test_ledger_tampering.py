"""Whatever is done to a ledger's lines is noticed at the next reading."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.tracking.errors import TrialLedgerError
from dagster_project.tracking.trials import Attempt, TrialLedger
from live.promotion import sha256_hex

LINES = 6


@pytest.fixture(name="ledger", scope="module")
def _ledger() -> Iterator[TrialLedger]:
    with tempfile.TemporaryDirectory() as directory:
        ledger = TrialLedger(Path(directory) / "trials.jsonl")
        for number in range(LINES):
            ledger.append(
                Attempt(
                    at=number,
                    strategy_id="ema_cross",
                    version_digest=sha256_hex(bytes([number])),
                    dataset_digest=sha256_hex(b""),
                    parameters={"fast": number},
                    sharpe=number / 10,
                    days=number,
                    run_id=f"run-{number}",
                    source="gates",
                )
            )
        yield ledger


def _refused(ledger: TrialLedger, changed: bytes) -> None:
    original = ledger.path.read_bytes()
    try:
        ledger.path.write_bytes(changed)
        with pytest.raises(TrialLedgerError):
            ledger.trials()
    finally:
        ledger.path.write_bytes(original)
    assert len(ledger.trials()) == LINES


@given(position=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_a_changed_byte_is_noticed(ledger: TrialLedger, position: float, change: int) -> None:
    """Wherever it is, line ends included."""
    content = bytearray(ledger.path.read_bytes())
    content[int(position * len(content))] ^= change
    _refused(ledger, bytes(content))


@given(kept=st.lists(st.integers(0, LINES - 1), max_size=LINES + 2).filter(lambda kept: kept != list(range(LINES))))
def test_lines_that_were_removed_moved_or_repeated_are_noticed(ledger: TrialLedger, kept: list[int]) -> None:
    """Any other sequence of the same lines is another ledger."""
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    _refused(ledger, b"".join(lines[index] for index in kept))


@given(length=st.floats(0, 1, exclude_max=True))
def test_a_ledger_that_was_cut_short_is_noticed(ledger: TrialLedger, length: float) -> None:
    """At whichever byte: all of its lines were counted once."""
    content = ledger.path.read_bytes()
    _refused(ledger, content[: int(length * len(content))])


@given(line=st.integers(0, LINES - 1), sharpe=st.floats(-1, 1))
def test_a_better_result_written_over_a_line_is_noticed(ledger: TrialLedger, line: int, sharpe: float) -> None:
    """A well-formed line that says something else breaks the chain, or contradicts the head when it is the last."""
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    changed = lines[line].replace(f'"sharpe":{line / 10}'.encode(), f'"sharpe":{sharpe}'.encode())
    if changed != lines[line]:
        _refused(ledger, b"".join([*lines[:line], changed, *lines[line + 1 :]]))
