"""The command line, run in this process as `interlock` runs it."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from live.cli.main import run


class Answer(NamedTuple):
    """What a command printed and its exit code."""

    code: int
    out: str
    error: str

    @property
    def document(self) -> Any:
        """Give what was printed as the JSON document that it must be."""
        return json.loads(self.out)


Interlock = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin without what the person who runs the tests has set."""
    for name in ("INTERLOCK_TOKEN", "INTERLOCK_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture(name="interlock")
def _interlock(host: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Interlock:
    """Give a function that runs a command on the host's home, keys and configuration."""
    for name in ("INTERLOCK_HOME", "INTERLOCK_KEYS", "INTERLOCK_CONFIG"):
        monkeypatch.setenv(name, host.environment[name])

    def interlock(*arguments: object) -> Answer:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        return Answer(code, *capfd.readouterr())

    return interlock
