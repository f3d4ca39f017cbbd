"""An environment of its own for each peer, exactly as its hash-locked requirements say, built once by `uv`."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PEERS = {"nautilus_trader": "nautilus", "backtesting.py": "backtesting"}
"""Engine to the stem of its lock, its environment and its script."""


class PeerUnavailable(Exception):
    """A peer could not be installed, so nothing can be said about a ratio to it."""


def peer_command(home: Path, engine: str) -> list[str]:
    """Build a peer's environment unless it stands, and give the command that starts the peer's script.

    Raises:
        PeerUnavailable: its packages could not be had.
    """
    stem = PEERS[engine]
    environment, lock = home / f"env-{stem}", HERE / "requirements" / f"{stem}.lock"
    python, stamp = environment / "bin" / "python", environment / "built-from"
    wanted = f"{sys.version} {hashlib.sha256(lock.read_bytes()).hexdigest()}"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        _build(engine, environment, lock)
        stamp.write_text(wanted, encoding="utf-8")
    return [str(python), str(HERE / "peers" / f"run_{stem}.py")]


def _build(engine: str, environment: Path, lock: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        raise PeerUnavailable(f"{engine} cannot be installed: {uv} is missing; run `make setup`, which installs it")
    _run(engine, [str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)])
    sync = [str(uv), "pip", "sync", "--quiet", "--require-hashes", "--python", str(environment / "bin" / "python"), str(lock)]
    # What is in uv's cache needs no index, so that is tried before one is asked.
    offline = subprocess.run([*sync, "--offline"], env=_environment(), capture_output=True, check=False)
    if offline.returncode:
        _run(engine, sync)


def _run(engine: str, command: list[str]) -> None:
    done = subprocess.run(command, env=_environment(), capture_output=True, check=False, text=True)
    if done.returncode:
        raise PeerUnavailable(
            f"{engine} cannot be installed, so no ratio to it can be measured: `{' '.join(command)}` said\n{done.stderr.strip()}\n"
            "Give uv an index it can reach (UV_DEFAULT_INDEX), or measure without peers: --only growth order writer adapter"
        )


def _environment() -> dict[str, str]:
    return {**os.environ, "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
