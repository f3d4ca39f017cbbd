"""The source archive: everything of a strategy folder that runs, as one deterministic byte string.

It is an uncompressed USTAR tar that any `tar` reads, with sorted names, owner, group and time 0 and mode 0644, so the
same sources give the same bytes on every machine. The reader accepts exactly what the writer writes: it parses the
header fields it needs, writes the archive again and compares. A link, a device, a long-name extension, a padding byte
or a trailing block is therefore refused without the general tar reader ever seeing it (CVE-2007-4559, CVE-2025-8194).
"""

import re
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from live.promotion.documents import sha256_hex
from live.promotion.durable_files import sync_directory, write_new
from live.promotion.errors import ArchiveError
from live.promotion.weights import PICKLE_SUFFIXES, WEIGHT_FOLDER, WEIGHT_SUFFIXES, check_weights

MAXIMUM_ARCHIVE_BYTES = 5 * 1024 * 1024
"""A strategy is source text and small tables; five megabytes of it is a mistake, and the bundle is read into memory."""

EXCLUDED_FILES = frozenset({"card.md", "notebook.py", "strategy.toml"})
"""Files at the top of the folder that do not run; what strategy.toml says enters through the strategy version."""
EXCLUDED_FOLDERS = frozenset({"__marimo__", "__pycache__", "tests"})

_BLOCK = 512
_NAME_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_MEMBER_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"5": "a folder",
    b"6": "a pipe",
}


def pack_folder(folder: Path) -> bytes:
    """Pack the sources and weights of a strategy folder.

    Raises:
        ArchiveError: the folder holds no source, a link, a pickle, an unsafe name, or more than `MAXIMUM_ARCHIVE_BYTES`.
    """
    try:
        files = _collect(folder)
    except OSError as error:
        raise ArchiveError(
            f"{error.filename} cannot be read ({error.strerror}): a strategy folder is packed whole or not at all"
        ) from error
    return pack_files(files)


def pack_files(files: Mapping[str, bytes]) -> bytes:
    """Pack named contents; the same mapping gives the same bytes whatever its order.

    Raises:
        ArchiveError: there is no file, a name is unsafe or of a kind that must not travel, or the size bound is exceeded.
    """
    if not files:
        raise ArchiveError("a source archive needs at least one Python file, received none: add strategy.py")
    parts: list[bytes] = []
    for name in sorted(files):
        _check_name(name)
        content = files[name]
        check_weights(name, content)
        header = tarfile.TarInfo(name)
        header.size, header.mode = len(content), 0o644
        try:
            parts.append(header.tobuf(tarfile.USTAR_FORMAT))
        except ValueError as error:
            raise ArchiveError(f"{name}: the path is too long for an archive ({error}); shorten it") from error
        parts.append(content + bytes(-len(content) % _BLOCK))
    archive = b"".join([*parts, bytes(2 * _BLOCK)])
    _check_size(len(archive))
    return archive


def read_archive(archive: bytes) -> dict[str, bytes]:
    """Read the files of a source archive, name by name.

    Raises:
        ArchiveError: the bytes are not exactly what `pack_files` writes.
    """
    _check_size(len(archive))
    files: dict[str, bytes] = {}
    offset = 0
    while offset + _BLOCK <= len(archive) and any(archive[offset : offset + _BLOCK]):
        header = archive[offset : offset + _BLOCK]
        name, size = _read_header(header)
        start = offset + _BLOCK
        if start + size > len(archive):
            raise ArchiveError(f"{name}: the archive ends before the file does: it was cut short, build the bundle again")
        files[name] = archive[start : start + size]
        offset = start + size + -size % _BLOCK
    if pack_files(files) != archive:
        raise ArchiveError("the archive is not in its canonical form (sorted names, owner and time 0, mode 0644): build the bundle again")
    return files


def unpack_archive(archive: bytes, directory: Path) -> Path:
    """Unpack into `directory/<sha256 of the archive>` and return that path, all of it or nothing.

    A folder that is there already is compared with the archive, file by file, every time.

    Raises:
        ArchiveError: the archive is not acceptable, the folder on disk no longer holds what it was unpacked from, or the
            disk refuses.
    """
    files = read_archive(archive)
    target = directory / sha256_hex(archive)
    try:
        if target.exists() or target.is_symlink():
            _check_unpacked(files, target)
        else:
            _unpack_new(files, target)
    except OSError as error:
        raise ArchiveError(
            f"{target} cannot be used ({error.strerror}): free the disk or correct its permissions, then load again"
        ) from error
    return target


def _collect(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise ArchiveError(f"a strategy folder was expected, received {folder}: give the folder that holds strategy.toml")
    files: dict[str, bytes] = {}
    total = 0
    pending = [folder]
    while pending:
        for entry in pending.pop().iterdir():
            relative = entry.relative_to(folder)
            if entry.name.startswith(".") or entry.name in EXCLUDED_FOLDERS or str(relative) in EXCLUDED_FILES:
                continue
            if entry.is_symlink():
                raise ArchiveError(f"{relative} is a symbolic link: a bundle holds the files themselves, copy the file into the folder")
            if entry.is_dir():
                pending.append(entry)
            elif _belongs(relative):
                if not entry.is_file():
                    raise ArchiveError(f"{relative} is not a regular file: a bundle holds sources and weights only, remove it")
                total += entry.stat().st_size
                _check_size(total)
                files[relative.as_posix()] = entry.read_bytes()
    if not any(name.endswith(".py") for name in files):
        raise ArchiveError(f"{folder} holds no Python file: add strategy.py")
    return files


def _belongs(relative: Path) -> bool:
    if relative.suffix.lower() in PICKLE_SUFFIXES:
        raise ArchiveError(
            f"{relative} is a pickle, which runs code when it is opened: save weights as JSON, npz or ONNX under {WEIGHT_FOLDER}/"
        )
    return relative.suffix == ".py" or relative.parts[0] == WEIGHT_FOLDER


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    if not path.parts or str(path) != name or not all(_NAME_PART.fullmatch(part) for part in path.parts):
        raise ArchiveError(f"the file name {name!r} is not allowed in an archive: use a relative path of letters, digits, '_', '-' and '.'")
    is_weight = len(path.parts) > 1 and path.parts[0] == WEIGHT_FOLDER
    if path.suffix != ".py" and not (is_weight and path.suffix in WEIGHT_SUFFIXES):
        raise ArchiveError(
            f"{name!r} may not travel in a bundle, which holds *.py and, under {WEIGHT_FOLDER}/, {', '.join(sorted(WEIGHT_SUFFIXES))}"
        )


def _check_size(size: int) -> None:
    if size > MAXIMUM_ARCHIVE_BYTES:
        raise ArchiveError(
            f"a source archive may hold {MAXIMUM_ARCHIVE_BYTES} bytes, received {size}: keep data out of the strategy folder"
        )


def _read_header(header: bytes) -> tuple[str, int]:
    try:
        name = header[:100].rstrip(b"\0").decode("ascii")
        prefix = header[345:500].rstrip(b"\0").decode("ascii")
        size = int(header[124:135], 8)
    except ValueError as error:
        raise ArchiveError(f"the archive has a damaged header ({error}): build the bundle again") from error
    name = f"{prefix}/{name}" if prefix else name
    kind = header[156:157]
    if kind != b"0":
        raise ArchiveError(f"{name!r} is {_MEMBER_KINDS.get(kind, 'of an unknown kind')}: a source archive holds regular files only")
    if size < 0:
        raise ArchiveError(f"{name}: a file size cannot be negative, received {size}: build the bundle again")
    return name, size


def _unpack_new(files: Mapping[str, bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:12]}."))
    try:
        _write_tree(files, temporary)
        temporary.chmod(0o755)
        try:
            temporary.rename(target)
        except OSError:  # Somebody else unpacked the same archive first: then that folder must hold the same.
            if not target.is_dir():
                raise
            _check_unpacked(files, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    sync_directory(target.parent)


def _write_tree(files: Mapping[str, bytes], directory: Path) -> None:
    folders = {directory}
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        folders.update(parent for parent in path.parents if parent.is_relative_to(directory))
        write_new(path, content, 0o444)
    for folder in folders:
        sync_directory(folder)


def _check_unpacked(files: Mapping[str, bytes], target: Path) -> None:
    advice = "somebody changed it after it was unpacked, so find out who, delete the folder and load the bundle again"
    if target.is_symlink() or not target.is_dir():
        raise ArchiveError(f"{target} is not a folder: {advice}")
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents}
    found: set[str] = set()
    for entry in target.rglob("*"):
        relative = entry.relative_to(target).as_posix()
        if entry.is_dir() and not entry.is_symlink() and relative in folders:
            continue
        if entry.is_symlink() or relative not in files or not entry.is_file():
            raise ArchiveError(f"{entry} does not belong to the bundle: {advice}")
        if entry.read_bytes() != files[relative]:
            raise ArchiveError(f"{entry} differs from the bundle: {advice}")
        found.add(relative)
    if missing := sorted(set(files) - found):
        raise ArchiveError(f"{target / missing[0]} is missing: {advice}")
