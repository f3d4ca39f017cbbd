"""The local exchange as a process of its own, and a bench before it for one case at a time."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from adapter_maker import KEY, SECRET

from live.promotion.keys import generate_key


@pytest.fixture(scope="module")
def listening() -> Iterator[dict[str, str]]:
    """Run one exchange for a module's tests, and say where it listens."""
    command = [sys.executable, "-c", "from live.cli.entry import main; main()", "exchange", "--json", "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen([*command, "--account", f"{KEY}:{SECRET}"], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        lines = takewhile(lambda line: line not in {"}\n", ""}, iter(process.stdout.readline, None))
        yield json.loads("".join(lines) + "}")
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(name="file")
def _file(tmp_path: Path, listening: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Configure the exchange, an account's key, and a key that signs."""
    for name, value in {
        "INTERLOCK_HOME": tmp_path / "home",
        "INTERLOCK_KEYS": tmp_path / "keys",
        "INTERLOCK_LOCKS": tmp_path / "locks",
        "INTERLOCK_KEY_DESK": KEY,
        "INTERLOCK_SECRET_DESK": SECRET,
    }.items():
        monkeypatch.setenv(name, str(value))
    public = generate_key("checker", "conformance", tmp_path / "keys").public
    lines = ["schema = 1", "[[trusted_keys]]", *(f"{name} = {json.dumps(getattr(public, name))}" for name in public.__struct_fields__)]
    lines += ["[venues.local]", 'kind = "ccxt"', 'dialect = "binance"', "simulated = true"]
    lines += [f'http = "{listening["http"]}"', f'web_socket = "{listening["web_socket"]}"']
    file = tmp_path / "interlock.toml"
    file.write_text("\n".join(lines) + "\n")
    return file
