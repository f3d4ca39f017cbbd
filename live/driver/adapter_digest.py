"""Adapter digest: which source of the adapter, and which library beneath it, would speak to a venue."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import live.venues


@cache
def adapter_digest() -> str:
    """Hash the source of the ccxt adapter and of what it rests on, and ccxt's version, in hexadecimal sha256.

    What it rests on lies in `live.venues` itself: protocol, taxonomy, request budget, clock.
    """
    root = Path(str(live.venues.__file__)).parent
    digest = hashlib.sha256(f"ccxt {version('ccxt')}\0".encode())
    for path in sorted((*root.glob("*.py"), *(root / "ccxt_adapter").rglob("*.py"))):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
