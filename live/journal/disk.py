"""What a file needs beyond being written: a directory entry that survives power loss, and a digest of all its bytes."""

import hashlib
import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable, after a file was created, renamed or removed in it."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path) -> None:
    """Make a directory and those above it, so that the names of all of them survive a power loss."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    for path in reversed(missing):
        sync_directory(path.parent)


def file_digest(path: Path) -> str:
    """Give the sha256 of all bytes of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
