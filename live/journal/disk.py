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


def file_digest(path: Path) -> str:
    """Give the sha256 of all bytes of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
