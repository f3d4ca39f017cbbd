"""The local exchange as a process of its own, for the adapter's tests."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from adapter_desk import KEY, SECRET, LocalExchange


@pytest.fixture(scope="module")
def exchange_process() -> Iterator[LocalExchange]:
    """Run one exchange for a module's tests."""
    command = [sys.executable, "-c", "from live.cli.entry import main; main()", "exchange", "--json", "--port", "0", "--faults-port", "0"]
    process = subprocess.Popen(
        [*command, "--account", f"{KEY}:{SECRET}"], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        assert process.stdout is not None
        listening = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        yield LocalExchange(process, listening["http"], listening["web_socket"], listening["faults"])
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def exchange(exchange_process: LocalExchange) -> Iterator[LocalExchange]:
    """Give the exchange without faults and with an empty log."""
    exchange_process.control("/log", method="DELETE")
    yield exchange_process
    exchange_process.control("/faults", method="DELETE")
