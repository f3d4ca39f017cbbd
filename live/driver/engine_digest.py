"""Engine digest: which source of the core a session ran with, so that a replay can tell whether it runs the same."""

import hashlib
from functools import cache
from pathlib import Path

import live.core


@cache
def engine_digest() -> str:
    """Hash every source file of `live.core`, by relative path and content, in hexadecimal sha256."""
    root = Path(str(live.core.__file__)).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
