import stat
from pathlib import Path

import pytest

from live.journal import Anchor, AnchorLog, AnchorLogError, Seal, read_anchors


def test_anchors_and_seals_come_back_in_order(tmp_path: Path) -> None:
    """What was written down outside can be compared later."""
    with AnchorLog(tmp_path / "log") as log:
        log.anchor(session_id="a", commit=3, seq=9, head="h1", at=1)
        log.seal(session_id="a", file_sha256="f", head="h2", at=2)
        log.anchor(session_id="b", commit=1, seq=1, head="h3", at=3)
        history = log.history()
    assert history.anchors == (Anchor("a", 3, 9, "h1", 1), Anchor("b", 1, 1, "h3", 3))
    assert history.seals == (Seal("a", "f", "h2", 2),)
    assert history.of_session("a").anchors == (Anchor("a", 3, 9, "h1", 1),)
    assert history.of_session("b").seals == ()


def test_a_log_grows_over_several_openings(tmp_path: Path) -> None:
    """Each session adds to the same log."""
    for number in range(3):
        with AnchorLog(tmp_path / "deep" / "log") as log:
            log.anchor(session_id="a", commit=number, seq=number, head="h", at=number)
    assert [anchor.commit for anchor in read_anchors(tmp_path / "deep" / "log").anchors] == [0, 1, 2]


def test_a_log_that_was_just_begun_has_nothing_torn(tmp_path: Path) -> None:
    """What is reported as torn is what a crash left, and there was none."""
    with AnchorLog(tmp_path / "log") as log:
        assert log.torn_bytes == 0


def test_only_its_owner_may_read_the_log(tmp_path: Path) -> None:
    """Session names and times are nobody else's business."""
    with AnchorLog(tmp_path / "log"):
        assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_a_torn_last_line_is_reported_and_left_out_at_every_byte(tmp_path: Path) -> None:
    """A crash while an anchor was written costs that anchor only."""
    with AnchorLog(tmp_path / "log") as log:
        log.anchor(session_id="a", commit=1, seq=1, head="h", at=1)
        whole = (tmp_path / "log").stat().st_size
        log.anchor(session_id="a", commit=2, seq=2, head="h", at=2)
    data = (tmp_path / "log").read_bytes()
    for end in range(whole, len(data)):
        (tmp_path / "torn").write_bytes(data[:end])
        history = read_anchors(tmp_path / "torn")
        assert (len(history.anchors), history.torn_bytes) == (1, end - whole)


def test_a_torn_last_line_does_not_spoil_what_follows(tmp_path: Path) -> None:
    """The next session's first anchor stands on a line of its own."""
    with AnchorLog(tmp_path / "log") as log:
        log.anchor(session_id="a", commit=1, seq=1, head="h", at=1)
    with (tmp_path / "log").open("ab") as stream:
        stream.write(b'{"type":"anc')
    with AnchorLog(tmp_path / "log") as log:
        assert log.torn_bytes == 12
        log.anchor(session_id="a", commit=2, seq=2, head="h", at=2)
        assert [anchor.commit for anchor in log.history().anchors] == [1, 2]
        assert log.history().torn_bytes == 0


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b'{"type":"anchor"}', b'{"type":"vow"}', b"\xff\xfe", b'{"type":"seal","session_id":"a","file_sha256":"f","head":"h"}'],
)
def test_damage_before_the_last_line_is_an_error(tmp_path: Path, line: bytes) -> None:
    """A log that does not read from end to end vouches for nothing, and is not appended to."""
    good = b'{"type":"anchor","session_id":"a","commit":1,"seq":1,"head":"h","at":1}\n'
    (tmp_path / "log").write_bytes(good + line + b"\n" + good)
    with pytest.raises(AnchorLogError, match="line 2 of the anchor log"):
        read_anchors(tmp_path / "log")
    with pytest.raises(AnchorLogError, match="line 2 of the anchor log"):
        AnchorLog(tmp_path / "log")


def test_a_missing_log_is_an_error(tmp_path: Path) -> None:
    """Having nothing to compare with is not the same as agreeing."""
    with pytest.raises(AnchorLogError, match="No such file"):
        read_anchors(tmp_path / "log")


def test_a_log_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    """The operating system's refusal becomes one sentence."""
    with pytest.raises(AnchorLogError, match="cannot be opened"):
        AnchorLog(tmp_path)
