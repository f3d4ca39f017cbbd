import io
import os
import pickle
import struct
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from live.promotion import MAXIMUM_ARCHIVE_BYTES, ArchiveError, pack_files, pack_folder, read_archive, sha256_hex, unpack_archive

FILES = {"strategy.py": b"A = 1\n", "parts/features.py": b"B = 2\n"}


def make_tar(name: str, kind: bytes = tarfile.REGTYPE, **changes: object) -> bytes:
    """Write a tar of one member with the standard library, as an attacker would."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=changes.pop("format", tarfile.USTAR_FORMAT)) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo(name)
        member.type, member.mode, member.linkname = kind, 0o644, "strategy.py" if kind in {tarfile.SYMTYPE, tarfile.LNKTYPE} else ""
        for attribute, value in changes.items():
            setattr(member, attribute, value)
        content = b"A = 1\n" if kind == tarfile.REGTYPE else b""
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def make_npz(description: str, magic: bytes = b"\x93NUMPY") -> bytes:
    """Write an npz of one empty array with the given element type, without NumPy."""
    header = f"{{'descr': {description}, 'fortran_order': False, 'shape': (0,), }}\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as arrays:
        arrays.writestr("weights.npy", magic + b"\x01\x00" + struct.pack("<H", len(header)) + header)
    return buffer.getvalue()


def test_only_what_runs_is_packed(folder_path: Path) -> None:
    """Sources and weights are packed; the card, the notebook, the TOML file, tests, caches and stray files are not."""
    for name in (
        "notebook.py",
        "README.txt",
        "tests/test_it.py",
        "__pycache__/strategy.pyc",
        ".cache/x.py",
        "parts/features.py",
        "weights/model.json",
    ):
        (folder_path / name).parent.mkdir(exist_ok=True)
        (folder_path / name).write_bytes(b"{}")
    assert sorted(read_archive(pack_folder(folder_path))) == ["__init__.py", "parts/features.py", "strategy.py", "weights/model.json"]


def test_an_archive_is_a_plain_tar_without_traces_of_its_machine(tmp_path: Path) -> None:
    """Any tar program reads it, and owner, time and mode are the same wherever it was packed."""
    (tmp_path / "strategy.py").write_bytes(b"A = 1\n")
    (tmp_path / "strategy.py").chmod(0o755)
    with tarfile.open(fileobj=io.BytesIO(pack_folder(tmp_path))) as archive:
        (member,) = archive.getmembers()
    assert (member.name, member.size, member.mode, member.mtime, member.uid, member.gid, member.uname, member.gname) == (
        "strategy.py",
        6,
        0o644,
        0,
        0,
        0,
        "",
        "",
    )


def test_a_packed_archive_reads_back() -> None:
    """Reading gives the files that were packed, byte for byte."""
    assert read_archive(pack_files(FILES)) == FILES


def test_the_bytes_of_an_archive_are_fixed() -> None:
    """A new release packs the same sources to the same digest, or every promoted strategy would lose its evidence."""
    assert sha256_hex(pack_files(FILES)) == "aedc215a90afdf795b36d922a395e004358ba568b4a5e8f890fa09da450ca4de"


@pytest.mark.parametrize(
    "name",
    ["../strategy.py", "/strategy.py", "parts/../strategy.py", "./strategy.py", "a//b.py", "..", ".hidden.py", "a b.py", "ä.py"],
)
def test_a_name_that_leaves_the_folder_is_refused(name: str) -> None:
    """Neither packing nor reading accepts a path that is absolute, climbs, hides or has two spellings."""
    with pytest.raises(ArchiveError):
        pack_files({name: b""})
    with pytest.raises(ArchiveError):
        read_archive(make_tar(name))


@pytest.mark.parametrize("name", ["a" * 97 + ".py", "p" * 155 + "/" + "a" * 97 + ".py", "p" * 60 + "/" + "q" * 60 + "/a.py"])
def test_long_names_read_back(name: str) -> None:
    """A path fits as long as a tar header holds it, split in two or not."""
    assert read_archive(pack_files({name: b"A = 1\n"})) == {name: b"A = 1\n"}


@pytest.mark.parametrize("name", ["a" * 98 + ".py", "p" * 156 + "/a.py"])
def test_a_name_too_long_for_a_header_is_refused(name: str) -> None:
    """A longer path would need the extensions that the grammar leaves out."""
    with pytest.raises(ArchiveError, match="too long"):
        pack_files({name: b""})


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.CHRTYPE, "character device"),
        (tarfile.BLKTYPE, "block device"),
        (tarfile.DIRTYPE, "folder"),
        (tarfile.FIFOTYPE, "pipe"),
        (tarfile.GNUTYPE_SPARSE, "unknown kind"),
        (tarfile.AREGTYPE, "unknown kind"),
    ],
)
def test_an_archive_member_that_is_no_regular_file_is_refused(kind: bytes, what: str) -> None:
    """Links and devices are named for what they are and never reach the disk."""
    with pytest.raises(ArchiveError, match=what):
        read_archive(make_tar("strategy.py", kind))


@pytest.mark.parametrize(
    "changes",
    [{"mtime": 1}, {"uid": 1}, {"gid": 1}, {"mode": 0o755}, {"uname": "root"}, {"gname": "root"}, {"linkname": "x"}],
    ids=str,
)
def test_an_archive_with_any_other_header_is_refused(changes: dict[str, object]) -> None:
    """Every header field has one value only, so nothing can hide in one."""
    with pytest.raises(ArchiveError, match="canonical"):
        read_archive(make_tar("strategy.py", **changes))


def test_an_archive_with_extended_headers_is_refused() -> None:
    """The extensions through which tar readers were attacked are not part of the grammar."""
    with pytest.raises(ArchiveError):
        read_archive(make_tar("strategy.py", format=tarfile.PAX_FORMAT, pax_headers={"path": "../../x.py"}))
    with pytest.raises(ArchiveError):
        read_archive(make_tar("a" * 120 + ".py", format=tarfile.GNU_FORMAT))


@pytest.mark.parametrize("size", [b"-0000001000\0", b"\x80" + b"\xff" * 11, b"\xff" * 12, b"99999999999\0", b"77777777777\0"])
def test_a_size_that_lies_is_refused(size: bytes) -> None:
    """A negative, binary or endless size ends in an error, not in a loop or a large allocation (CVE-2025-8194)."""
    archive = bytearray(pack_files({"strategy.py": b"A = 1\n"}))
    archive[124:136] = size
    with pytest.raises(ArchiveError):
        read_archive(bytes(archive))


def test_bytes_around_the_files_are_refused() -> None:
    """Padding, a trailing block, a cut and a repetition each change the archive, so each is refused."""
    archive = pack_files(FILES)
    block = archive[:1024]
    for changed in (
        archive + bytes(512),
        archive[:-512],
        archive[:700],
        archive[:-1] + b"x",
        archive[:530] + b"x" + archive[531:],
        block + archive,
        b"",
        b"x",
    ):
        with pytest.raises(ArchiveError):
            read_archive(changed)


def test_an_archive_that_was_cut_says_so() -> None:
    """A download that broke off is told apart from one that was changed."""
    with pytest.raises(ArchiveError, match=r"strategy\.py: the archive ends before the file does"):
        read_archive(pack_files({"strategy.py": bytes(2000)})[:1024])


@pytest.mark.parametrize("name", ["model.pkl", "weights/model.joblib", "parts/model.PICKLE", "weights/model.pt"])
def test_a_pickle_in_the_folder_is_refused(folder_path: Path, name: str) -> None:
    """A pickle anywhere in the folder stops the packing, with the format to use instead."""
    (folder_path / name).parent.mkdir(exist_ok=True)
    (folder_path / name).write_bytes(b"")
    with pytest.raises(ArchiveError, match="JSON, npz or ONNX"):
        pack_folder(folder_path)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_under_another_name_is_refused(protocol: int) -> None:
    """Renaming a pickle to .json or .onnx does not let it in."""
    for suffix in ("json", "onnx"):
        with pytest.raises(ArchiveError, match="pickle"):
            pack_files({"strategy.py": b"", f"weights/model.{suffix}": pickle.dumps([1], protocol)})


@pytest.mark.parametrize("description", ["'|O'", "[('a', '<f8'), ('b', '|O')]", "[('a', [('b', 'O', (2,))])]"])
def test_an_npz_of_python_objects_is_refused(description: str) -> None:
    """NumPy stores an array of objects as a pickle, however deep in the element type the object is."""
    with pytest.raises(ArchiveError, match="pickle"):
        pack_files({"strategy.py": b"", "weights/model.npz": make_npz(description)})


@pytest.mark.parametrize("description", ["'<f8'", "[('Open', '<f8'), ('High', '<i4', (2,))]"])
def test_an_npz_of_numbers_is_packed(description: str) -> None:
    """Arrays of numbers travel, whatever their fields are called."""
    content = make_npz(description)
    assert read_archive(pack_files({"strategy.py": b"", "weights/model.npz": content}))["weights/model.npz"] == content


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04broken", make_npz("1", magic=b"NOT-NP"), make_npz("'<f8'")[:-30], make_npz("__import__('os')")]
)
def test_a_broken_npz_is_refused(content: bytes) -> None:
    """A file that is no npz is an error here and not when the strategy opens it live."""
    with pytest.raises(ArchiveError, match="npz"):
        pack_files({"strategy.py": b"", "weights/model.npz": content})


@pytest.mark.parametrize("name", ["weights/readme.txt", "weights/model.safetensors", "model.json", "data.csv"])
def test_other_files_may_not_travel(name: str) -> None:
    """What is neither source nor declared weights is refused by name."""
    with pytest.raises(ArchiveError, match="may not travel"):
        pack_files({"strategy.py": b"", name: b"x"})


def test_links_in_the_folder_are_refused(folder_path: Path, tmp_path: Path) -> None:
    """A symbolic link, to a file or to a folder, would let the bundle hold what is not in the folder."""
    (tmp_path / "elsewhere").mkdir()
    for target in (folder_path / "strategy.py", tmp_path / "elsewhere"):
        link = folder_path / "linked.py"
        link.symlink_to(target)
        with pytest.raises(ArchiveError, match="symbolic link"):
            pack_folder(folder_path)
        link.unlink()


def test_a_pipe_in_the_folder_is_refused(folder_path: Path) -> None:
    """A special file is refused instead of being read forever."""
    os.mkfifo(folder_path / "more.py")
    with pytest.raises(ArchiveError, match="regular file"):
        pack_folder(folder_path)


def test_the_size_bound_holds(folder_path: Path) -> None:
    """More than five megabytes is refused when packing a folder, packing files and reading."""
    (folder_path / "table.py").write_bytes(b"#" * MAXIMUM_ARCHIVE_BYTES)
    with pytest.raises(ArchiveError, match="may hold"):
        pack_folder(folder_path)
    with pytest.raises(ArchiveError, match="may hold"):
        pack_files({"strategy.py": b"#" * MAXIMUM_ARCHIVE_BYTES})
    with pytest.raises(ArchiveError, match="may hold"):
        read_archive(bytes(MAXIMUM_ARCHIVE_BYTES + 1))


def test_a_folder_without_sources_is_refused(tmp_path: Path) -> None:
    """An empty or missing folder is an error, not an empty archive."""
    with pytest.raises(ArchiveError, match="no Python file"):
        pack_folder(tmp_path)
    with pytest.raises(ArchiveError, match="strategy folder"):
        pack_folder(tmp_path / "missing")


def test_unpacking_writes_under_the_digest_and_may_be_repeated(tmp_path: Path) -> None:
    """The folder is named by the archive's digest, holds its files and nothing else, and a second time changes nothing."""
    archive = pack_files(FILES)
    target = unpack_archive(archive, tmp_path / "home" / "strategies")
    assert target == tmp_path / "home" / "strategies" / sha256_hex(archive)
    assert {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()} == FILES
    before = target.stat().st_mtime_ns
    assert unpack_archive(archive, tmp_path / "home" / "strategies") == target
    assert target.stat().st_mtime_ns == before
    assert list(target.parent.iterdir()) == [target]


def test_many_can_unpack_at_once(tmp_path: Path) -> None:
    """Whoever comes second finds the folder of whoever came first, and nobody leaves a half-written one."""
    archive = pack_files({f"part_{number}.py": b"A = 1\n" for number in range(20)})
    with ThreadPoolExecutor(8) as pool:
        targets = set(pool.map(lambda _: unpack_archive(archive, tmp_path), range(16)))
    assert list(tmp_path.iterdir()) == list(targets)


def test_a_disk_that_refuses_is_an_error_that_says_so(tmp_path: Path) -> None:
    """A path that cannot hold a folder ends in the archive's own error."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ArchiveError, match="cannot be used"):
        unpack_archive(pack_files(FILES), tmp_path / "file" / "strategies")


def test_a_refused_archive_leaves_nothing_on_disk(tmp_path: Path) -> None:
    """An archive is judged as a whole before its first file is written."""
    with pytest.raises(ArchiveError):
        unpack_archive(make_tar("../evil.py"), tmp_path / "strategies")
    assert list(tmp_path.iterdir()) == []


def test_what_changed_on_disk_is_refused(tmp_path: Path) -> None:
    """An edited, added, removed or relinked file in an unpacked folder is found the next time it is used."""
    archive = pack_files(FILES)
    target = unpack_archive(archive, tmp_path)
    source, extra = target / "strategy.py", target / "parts" / "more.py"

    source.chmod(0o644)
    source.write_bytes(b"A = 2\n")
    with pytest.raises(ArchiveError, match="differs"):
        unpack_archive(archive, tmp_path)

    source.unlink()
    with pytest.raises(ArchiveError, match="missing"):
        unpack_archive(archive, tmp_path)

    elsewhere = tmp_path / "same.py"
    elsewhere.write_bytes(FILES["strategy.py"])
    source.symlink_to(elsewhere)
    with pytest.raises(ArchiveError, match="does not belong"):
        unpack_archive(archive, tmp_path)

    source.unlink()
    source.write_bytes(FILES["strategy.py"])
    assert unpack_archive(archive, tmp_path) == target

    extra.write_bytes(b"")
    with pytest.raises(ArchiveError, match="does not belong"):
        unpack_archive(archive, tmp_path)


def test_a_link_in_place_of_the_unpacked_folder_is_refused(tmp_path: Path) -> None:
    """The digest-named folder must be a folder: a link to another place could change at any time."""
    archive = pack_files(FILES)
    target = unpack_archive(archive, tmp_path / "real")
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / target.name).symlink_to(target)
    with pytest.raises(ArchiveError, match="not a folder"):
        unpack_archive(archive, tmp_path / "strategies")
