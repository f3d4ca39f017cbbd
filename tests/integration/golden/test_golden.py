from pathlib import Path

import pytest

from live.core.snapshots import restore_state, take_snapshot
from live.core.state import fold
from live.journal import JournalReader, SnapshotTaken, read_segment, verify_journal
from live.promotion import load_public_key, load_strategy, verify_bundle

FOLDERS = sorted(path for path in Path(__file__).parent.iterdir() if path.is_dir() and path.name.startswith("v"))


@pytest.fixture(name="folder", params=FOLDERS, ids=lambda path: path.name)
def _folder(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_an_old_tape_is_still_read(folder):
    """Market events written by an earlier version are read to the last."""
    header, events = read_segment(folder / "bars.tape.gz")
    assert [instrument.instrument_id for instrument in header.instruments] == ["binance-spot:BTCUSDT"]
    assert sum(1 for _ in events) == 1_500


def test_an_old_journal_still_verifies_and_folds(folder):
    """A journal of an earlier version verifies, and its entries fold to the state of its last snapshot."""
    journal = folder / "replay.journal"
    assert verify_journal(journal).records > 200
    with JournalReader(journal) as reader:
        entries = [row.entry() for row in reader.rows()]
        snapshot = reader.last_snapshot()
    assert snapshot is not None
    state = fold(entry for entry in entries if not isinstance(entry, SnapshotTaken))
    if folder.name == "v1":  # its snapshots do not time an order's end, so it counts as the snapshot's own time, the latest it can be
        for order in state.orders.values():
            order.ended_at = order.ended_at and state.now
    assert take_snapshot(state) == take_snapshot(restore_state(snapshot[1]))
    assert len(state.fill_keys) > 10


def test_an_old_bundle_still_verifies_and_loads(folder, tmp_path):
    """A bundle signed by an earlier version is verified and its strategy constructed."""
    (path,) = folder.glob("*.bundle.json")
    bundle = verify_bundle(path.read_bytes(), [load_public_key(folder / "golden.pub")], 1_700_000_000 * 10**9)
    assert bundle.evidence.integrity_passed
    assert load_strategy(bundle, tmp_path).version.strategy_id == "ema_cross"
