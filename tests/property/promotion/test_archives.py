import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from live.promotion import ArchiveError, pack_files, pack_folder, read_archive, unpack_archive

PART = st.from_regex(r"[a-z_][a-z0-9_.-]{0,8}", fullmatch=True)
NAMES = st.lists(PART, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".py")
CONTENT = st.binary(max_size=1100).filter(lambda content: not content.startswith(b"\x80"))
"""What begins like a pickle is refused, whatever it is called."""
FILES = st.dictionaries(NAMES, CONTENT, min_size=1, max_size=6)


def assume_a_tree(files: dict[str, bytes]) -> None:
    """Leave out sets of names in which one is both a file and a folder, and folders that are not packed."""
    assume(not any(other.startswith(f"{name}/") for name in files for other in files))
    assume(not any(part in {"tests", "__pycache__", "__marimo__"} for name in files for part in name.split("/")))
    assume("notebook.py" not in files)


@given(FILES, st.randoms(use_true_random=False))
def test_packing_does_not_depend_on_order(files: dict[str, bytes], random: object) -> None:
    """The same files in any order give the same bytes, and read back as they were."""
    shuffled = list(files.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    archive = pack_files(files)
    assert pack_files(dict(shuffled)) == archive
    assert read_archive(archive) == files


@given(FILES, st.randoms(use_true_random=False), st.integers(0, 2**31))
def test_packing_a_folder_does_not_depend_on_when_or_how_it_was_written(files: dict[str, bytes], random: object, modified: int) -> None:
    """Creation order, modification time and mode leave no trace, and unpacking gives the same folder again."""
    assume_a_tree(files)
    shuffled = list(files.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as directory:
        for folder, entries in (("first", list(files.items())), ("second", shuffled)):
            for name, content in entries:
                path = Path(directory, folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                if folder == "second":
                    os.utime(path, (modified, modified))
                    path.chmod(0o755)
        archive = pack_folder(Path(directory, "first"))
        assert pack_folder(Path(directory, "second")) == archive == pack_files(files)
        assert pack_folder(unpack_archive(archive, Path(directory, "home"))) == archive


@given(FILES, st.data())
def test_a_changed_archive_is_refused_or_is_another_archive(files: dict[str, bytes], data: st.DataObject) -> None:
    """After any change to one byte, reading refuses, or gives files that pack to exactly the changed bytes."""
    archive = pack_files(files)
    offset = data.draw(st.integers(0, len(archive) - 1))
    changed = archive[:offset] + bytes([archive[offset] ^ data.draw(st.integers(1, 255))]) + archive[offset + 1 :]
    try:
        read = read_archive(changed)
    except ArchiveError:
        return
    assert pack_files(read) == changed
    assert read != files


@given(st.binary(max_size=2048))
def test_any_bytes_read_as_an_archive_end_in_one_error(raw: bytes) -> None:
    """Garbage is refused by the archive reader itself."""
    with pytest.raises(ArchiveError):
        read_archive(raw)


@given(st.text(max_size=30))
def test_no_name_can_leave_the_folder(name: str) -> None:
    """Whatever name packs, it stays inside the folder it is unpacked to."""
    try:
        archive = pack_files({f"{name}.py": b"A = 1\n"})
    except ArchiveError:
        return
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory, "home")
        target = unpack_archive(archive, home)
        assert [path.relative_to(target).as_posix() for path in Path(directory).rglob("*.py")] == [f"{name}.py"]
