import os
import stat
from pathlib import Path

import pytest

from live.promotion.durable_files import read_bounded, replace_file, write_new


def test_a_new_file_never_takes_the_place_of_another(tmp_path: Path) -> None:
    """Whoever made the file first keeps it, also when both looked before they wrote."""
    path = tmp_path / "key.pem"
    write_new(path, b"first", 0o600)
    with pytest.raises(FileExistsError):
        write_new(path, b"second", 0o600)
    assert path.read_bytes() == b"first"


def test_a_replaced_file_is_whole_and_has_its_mode(tmp_path: Path) -> None:
    """The new content is there under the old name, with the mode that was asked for, and nothing else is."""
    path = tmp_path / "bundle.json"
    path.write_bytes(b"old")
    replace_file(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o644)
    assert list(tmp_path.iterdir()) == [path]


def test_only_a_file_of_a_bounded_size_is_read(tmp_path: Path) -> None:
    """A pipe that nobody writes to is refused at once, and so are a directory and a file that is larger than it may be."""
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_bounded(path, 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        read_bounded(path, 4)
    os.mkfifo(tmp_path / "pipe")
    for other in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match="no regular file"):
            read_bounded(other, 5)
