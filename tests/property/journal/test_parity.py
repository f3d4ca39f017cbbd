"""The parity digest says what was said, and nothing about how it was committed."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from live.core.inputs import ClockTicked
from live.core.records import AlarmRaised
from live.journal import JournalFile, JournalReader, ParityDigest, encode_entry, first_difference, verify_journal

TEXTS = st.lists(st.text(max_size=4), max_size=4)
STEPS = st.lists(TEXTS, max_size=12)


def _write(path: Path, steps: list[list[str]], commit_after: set[int], *, with_inputs: bool) -> JournalFile:
    journal = JournalFile.create(path, session_id="s", durable=False, created_at=1)
    for number, texts in enumerate(steps):
        records = [AlarmRaised(number, text, "", "") for text in texts]
        journal.append_step(ClockTicked(number) if with_inputs else None, records, (1, number))
        if number in commit_after:
            journal.commit()
    journal.close()
    return journal


@settings(max_examples=40)
@given(steps=STEPS, commits=st.sets(st.integers(0, 11)), other_commits=st.sets(st.integers(0, 11)), with_inputs=st.booleans())
def test_the_parity_digest_does_not_depend_on_the_grouping_of_commits(
    steps: list[list[str]], commits: set[int], other_commits: set[int], with_inputs: bool
) -> None:
    """A live session and its replay commit at other moments and still agree; so do writer, reader and verification."""
    expected = ParityDigest()
    for number, texts in enumerate(steps):
        for text in texts:
            expected.update(encode_entry(AlarmRaised(number, text, "", "")))
    with tempfile.TemporaryDirectory() as directory:
        one, other = Path(directory, "one"), Path(directory, "other")
        written = _write(one, steps, commits, with_inputs=with_inputs)
        also_written = _write(other, steps, other_commits, with_inputs=not with_inputs)
        with JournalReader(one) as reader, JournalReader(other) as other_reader:
            digests = [written.parity, also_written.parity, reader.parity_digest(), other_reader.parity_digest()]
            assert first_difference(reader.rows(), other_reader.rows()) is None
        assert {digest.hexdigest() for digest in digests} == {expected.hexdigest()}
        assert {digest.count for digest in digests} == {expected.count}
        assert verify_journal(one).parity_digest == expected.hexdigest()


@settings(max_examples=40)
@given(steps=STEPS, other=STEPS)
def test_the_parity_digests_agree_exactly_when_no_record_differs(steps: list[list[str]], other: list[list[str]]) -> None:
    """The digest is a fast answer to the question that the first difference answers in full."""
    with tempfile.TemporaryDirectory() as directory:
        paths = [Path(directory, "one"), Path(directory, "other")]
        journals = [_write(path, content, set(), with_inputs=True) for path, content in zip(paths, (steps, other), strict=True)]
        with JournalReader(paths[0]) as left, JournalReader(paths[1]) as right:
            difference = first_difference(left.rows(), right.rows())
        assert (difference is None) == (journals[0].parity.hexdigest() == journals[1].parity.hexdigest())
