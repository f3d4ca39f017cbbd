"""A running session anchors its chain by itself, each minute, as often as there is something new."""

import pytest

from live.journal import read_anchors, verify_journal
from live.service import watching

pytestmark = pytest.mark.anyio


def test_a_minute_lies_between_anchors():
    """What nothing outside vouches for is at most a minute old."""
    assert watching.ANCHOR_SECONDS == 60


async def test_a_running_session_is_anchored_again_when_it_recorded_more(host, run_desk, monkeypatch):
    """Each anchor is the chain's head at that time; without a new commit there is none."""
    monkeypatch.setattr(watching, "ANCHOR_SECONDS", 0.01)
    anchors = host.home / "journal" / "anchors.jsonl"
    async with run_desk() as desk:

        def commits() -> list[int]:
            return [anchor.commit for anchor in read_anchors(anchors).anchors]

        await desk.until(commits, "the opening is anchored")
        seen = len(commits())
        await desk.bar()
        await desk.arm()
        await desk.until(lambda: len(commits()) > seen, "what came since is anchored")
        path = desk.service.session.journal_path
        found = verify_journal(path, anchors)
        assert found.anchored_through_seq > 0
        assert found.anchored_at > 0
    assert commits() == sorted(set(commits()))
    assert verify_journal(path, anchors).sealed
