import os
import subprocess
import sys
from pathlib import Path

import pytest

from live.latch import BLOCK_BYTES, clear, engage, home_directory, latch_path, read_latch


def put(path: Path, content: bytes) -> None:
    """Put bytes in a file's place, in place: truncating and closing it each time would make the disk wait."""
    with path.open("r+b", buffering=0) as file:
        file.write(content)
        if file.tell() != path.stat().st_size:
            file.truncate()


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return latch_path(tmp_path, "global")


def test_a_cleared_latch_is_clear_and_an_engaged_one_says_why(path: Path) -> None:
    """What was written is what is read, with its reason."""
    clear(path, "made for a test")
    assert read_latch(path) == (False, "made for a test")
    engage(path, "unexpected orders")
    assert read_latch(path) == (True, "unexpected orders")
    clear(path, "released")
    assert read_latch(path) == (False, "released")


def test_a_missing_latch_is_engaged(path: Path) -> None:
    """Removing the file cannot let anything out."""
    assert read_latch(path).engaged


@pytest.mark.parametrize(("before", "after"), [("clear", "engage"), ("engage", "clear"), ("clear", "clear"), ("engage", "engage")])
def test_a_write_torn_at_any_byte_reads_engaged(path: Path, before: str, after: str) -> None:
    """Whatever part of a new block reached the disk over the old one, only the whole of a clear one is clear."""
    write = {"clear": clear, "engage": engage}
    write[before](path, "the old reason, which is a little longer")
    old = path.read_bytes()
    write[after](path, "the new reason")
    new = path.read_bytes()
    for torn_at in range(BLOCK_BYTES + 1):
        mixed = new[:torn_at] + old[torn_at:]
        put(path, mixed)
        whole_and_clear = (mixed == old and before == "clear") or (mixed == new and after == "clear")
        assert read_latch(path).engaged is not whole_and_clear, f"torn at byte {torn_at}"


def test_a_clear_latch_cut_short_anywhere_reads_engaged(path: Path) -> None:
    """A crash in the middle of the very first write leaves a short file."""
    clear(path, "made for a test")
    block = path.read_bytes()
    for length in range(BLOCK_BYTES):
        put(path, block[:length])
        assert read_latch(path).engaged, f"cut to {length} bytes"


def test_any_flipped_bit_of_a_clear_latch_engages_it(path: Path) -> None:
    """The checksum covers every bit of the block."""
    clear(path, "made for a test")
    block = path.read_bytes()
    for place in range(BLOCK_BYTES):
        for bit in range(8):
            put(path, block[:place] + bytes([block[place] ^ (1 << bit)]) + block[place + 1 :])
            assert read_latch(path).engaged, f"bit {bit} of byte {place}"


def test_a_whole_block_of_another_program_is_engaged(path: Path) -> None:
    """A checksum that holds is not enough: the block must be a latch of this version, and say CLEAR."""
    import zlib

    path.parent.mkdir()
    for text in (b"", b"CLEAR\nCLEAR\n0\nx", b"INTERLOCK LATCH 2\nCLEAR\n0\nx", b"INTERLOCK LATCH 1\nCLEARED\n0\nx", b"\xff" * 40):
        body = text.ljust(BLOCK_BYTES - 9, b"\0")
        path.write_bytes(body + f"{zlib.crc32(body):08x}\n".encode())
        assert read_latch(path).engaged, text
    body = b"INTERLOCK LATCH 1\nCLEAR\n0\nof another size"
    path.write_bytes(body + f"{zlib.crc32(body):08x}\n".encode())
    assert read_latch(path).engaged


def test_a_directory_in_its_place_is_engaged(path: Path) -> None:
    """What cannot be read stops trading, and engaging it fails loudly."""
    path.mkdir(parents=True)
    assert read_latch(path).engaged
    with pytest.raises(OSError, match="directory"):
        engage(path, "a test")


def test_a_named_pipe_in_its_place_is_engaged_and_holds_nobody_up(path: Path) -> None:
    """Reading a pipe that nobody writes to would otherwise wait for ever, before every order."""
    path.parent.mkdir()
    os.mkfifo(path)
    assert read_latch(path).engaged
    with pytest.raises(OSError, match="seek"):
        engage(path, "a test")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_latch_that_may_not_be_read_is_engaged(path: Path) -> None:
    """Rights that are taken away stop trading."""
    clear(path, "made for a test")
    path.chmod(0)
    assert read_latch(path).engaged


def test_a_folder_in_the_way_is_engaged(tmp_path: Path) -> None:
    """A file where the latches' folder should be makes every latch unreadable."""
    path = latch_path(tmp_path, "global")
    path.parent.write_text("not a folder")
    assert read_latch(path).engaged


def test_a_latch_that_something_made_longer_can_be_cleared_again(path: Path) -> None:
    """A longer file reads engaged, and a release puts its size right instead of leaving it damaged for ever."""
    clear(path, "made for a test")
    with path.open("ab") as file:
        file.write(b"more")
    assert read_latch(path).engaged
    clear(path, "released")
    assert not read_latch(path).engaged


def test_it_is_overwritten_in_place(path: Path) -> None:
    """The block is preallocated, so that a full disk cannot keep a kill from being written."""
    clear(path, "made for a test")
    inode = path.stat().st_ino
    engage(path, "a test")
    assert (path.stat().st_ino, path.stat().st_size) == (inode, BLOCK_BYTES)


def test_only_its_owner_may_read_it(path: Path) -> None:
    """Who may write a latch may release it."""
    clear(path, "made for a test")
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "reason", ["", "x" * 5_000, "é" * 5_000, "two\nlines\tand\ttabs", "\udcff\udc80 bytes that are no UTF-8", "nul \0 in it"]
)
def test_any_reason_can_be_written(path: Path, reason: str) -> None:
    """A reason that a shell lets through, however long or broken, never keeps a kill from being written."""
    engage(path, reason)
    assert read_latch(path).engaged
    clear(path, reason)
    assert not read_latch(path).engaged
    assert path.stat().st_size == BLOCK_BYTES


def test_each_scope_has_a_file_of_its_own(tmp_path: Path) -> None:
    """No two scopes and targets share a file, and no target leaves the folder."""
    targets = ["", "a", "A", "a b", "a%20b", "../up", "..", "binance:spot", "€", "\x20ac", "é", "\udcff", "x/y", "x\\y", "nul\0"]
    paths = [latch_path(tmp_path, scope, target) for scope in ("venue", "account", "strategy") for target in targets]
    assert len(set(paths)) == len(paths)
    assert {path.parent for path in paths} == {tmp_path / "latch"}
    assert all(path.name.isascii() for path in paths), "the name is the same whatever the locale is"
    assert latch_path(tmp_path, "STRATEGY", "ema_cross").name == "strategy.ema_cross.latch"
    assert latch_path(tmp_path, "GLOBAL").name == "global.latch"


def test_the_home_comes_from_the_environment() -> None:
    """Without INTERLOCK_HOME, or with an empty one, it is `data` in the working directory."""
    assert home_directory({"INTERLOCK_HOME": "/srv/interlock"}) == Path("/srv/interlock")
    assert home_directory({}) == home_directory({"INTERLOCK_HOME": ""}) == Path("data")


def test_it_is_imported_with_the_standard_library_alone() -> None:
    """A broken or half-installed environment cannot keep `interlock kill` from engaging the latch."""
    script = (
        "import sys; before = set(sys.modules); import live.latch\n"
        "others = {name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names) - {'live'}\n"
        "print(sorted(others))"
    )
    root = Path(sys.modules["live"].__path__[0]).parent
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{script}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
