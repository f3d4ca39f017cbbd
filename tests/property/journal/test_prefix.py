"""A prefix of any running session at any of its commits is the session's beginning, and nothing that was changed passes for one."""

from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.core.inputs import Bar, ClockTicked
from live.core.instruments import Instrument
from live.core.orders import OrderEvent, OrderState
from live.core.records import OrderTransitioned
from live.journal import Anchor, JournalDamagedError, JournalFile, JournalReader, TapeWriter, read_tape, verify_journal
from live.journal.prefix import PREFIX_JOURNAL, PREFIX_TAPE, write_prefix

INSTRUMENT = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=5)

Step = tuple[int, int, bool, bool]
"""Bars before the step, records it says, whether a commit follows, whether a snapshot does."""

steps = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.booleans(), st.booleans()), min_size=1, max_size=12)


def record(home: Path, told: list[Step], roll: int) -> tuple[JournalFile, TapeWriter, list[Anchor]]:
    """Record a session that is still open, and give an anchor of each of its commits."""
    journal = JournalFile.create(home / "session.journal", session_id="session-1")
    tape = TapeWriter(home / "tape", "session-1", [INSTRUMENT], roll_events=roll)
    anchors: list[Anchor] = []
    bars = 0
    for number, (before, said, commits, snapshot) in enumerate(told):
        for _ in range(before):
            bars += 1
            tape.append(Bar(bars, bars, INSTRUMENT.instrument_id, 1, 2, 3, 4, bars))
        outputs = [OrderTransitioned(number, f"IL{number}", OrderEvent.ACCEPT, OrderState.OPEN, "") for _ in range(said)]
        journal.append_step(ClockTicked(number), outputs, tape.position)
        if snapshot:
            journal.append_snapshot(b"state %d" % number, number)
        if commits or number == len(told) - 1:
            journal.commit()
            tip = journal.tip
            anchors.append(Anchor("session-1", tip.commit, tip.seq, tip.head, number))
    return journal, tape, anchors


@settings(max_examples=60)
@given(told=steps, roll=st.integers(1, 5), chosen=st.integers(0, 11))
def test_a_prefix_is_the_beginning_of_the_session_at_any_commit(told: list[Step], roll: int, chosen: int) -> None:
    """Rows, commits and snapshots up to the anchor, and of the tape the bars before its last row's place, segment by segment."""
    with TemporaryDirectory() as directory:
        home = Path(directory)
        journal, tape, anchors = record(home, told, roll)
        anchor = anchors[chosen % len(anchors)]
        prefix = write_prefix(journal.path, tape.directory, home / "prefix", anchor, lambda: None)
        verified = verify_journal(home / "prefix" / PREFIX_JOURNAL)
        assert (verified.commits, verified.records, verified.head) == (anchor.commit, anchor.seq, anchor.head)
        with JournalReader(journal.path) as whole, JournalReader(home / "prefix" / PREFIX_JOURNAL) as copied:
            rows = list(copied.rows())
            assert rows == list(whole.rows(limit=anchor.seq))
            assert list(copied.commits()) == list(islice(whole.commits(), anchor.commit))
            assert copied.meta == whole.meta
        assert prefix.position == (rows[-1].segment, rows[-1].offset)
        journal.close()
        tape.close()
        events = [one for one in read_tape(tape.directory) if one[:2] < prefix.position]
        assert list(read_tape(home / "prefix" / PREFIX_TAPE)) == events
        assert [one.segment for one in prefix.segments] == sorted({segment for segment, _, _ in events})


@settings(max_examples=25)
@given(told=steps, digit=st.integers(0, 63))
def test_rows_that_do_not_give_the_anchored_head_are_no_prefix(told: list[Step], digit: int) -> None:
    """The anchor vouches for every column of every row: with another head nothing is written."""
    with TemporaryDirectory() as directory:
        home = Path(directory)
        journal, tape, anchors = record(home, told, 5)
        head = anchors[-1].head
        other = head[:digit] + ("1" if head[digit] == "0" else "0") + head[digit + 1 :]
        forged = Anchor("session-1", anchors[-1].commit, anchors[-1].seq, other, 0)
        with pytest.raises(JournalDamagedError, match="anchored is"):
            write_prefix(journal.path, tape.directory, home / "prefix", forged, lambda: None)
        assert sorted(path.name for path in home.iterdir() if "prefix" in path.name) == []
        journal.close()
        tape.close()
