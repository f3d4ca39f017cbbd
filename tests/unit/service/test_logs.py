import os
import select
import threading
from pathlib import Path

from live.service.logs import LogStream


def test_lines_are_written_whole(tmp_path: Path) -> None:
    """A line longer than a pipe's unit arrives as it was, and nothing counts as lost."""
    with (tmp_path / "log").open("wb") as file:
        stream = LogStream(file.fileno())
        stream.write("x" * 10_000 + "\n")
        stream.flush()
    assert (tmp_path / "log").read_text() == "x" * 10_000 + "\n"
    assert stream.lost == 0


def test_a_full_disk_loses_the_line_and_stops_nothing() -> None:
    """The log is the first to fail when the disk is full, exactly when a kill must be answered."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        stream = LogStream(full.fileno())
        stream.write("trading halted\n")
    assert stream.lost == 1
    stream.write("and the file is closed now\n")
    assert stream.lost == 2


def test_a_reader_that_hangs_holds_nobody_up() -> None:
    """Once a pipe is full its lines are dropped, instead of waiting for who should read them."""
    reading, writing = os.pipe()
    stream = LogStream(writing)
    done = threading.Event()

    def fill() -> None:
        for _ in range(1_000):
            stream.write("x" * select.PIPE_BUF)
        done.set()

    threading.Thread(target=fill, daemon=True).start()
    assert done.wait(10), "writing waits for a reader"
    assert stream.lost > 0
    os.close(reading)
    os.close(writing)
