"""The local exchange as a process of its own, and a host that trades there."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from real_desk import ACCOUNTS, Exchange, RealHost, run_exchange


@pytest.fixture
def exchange_process() -> Iterator[Exchange]:
    """Run an exchange for one test: what a test asks of it counts against the limits of its minute."""
    with run_exchange() as exchange:
        yield exchange


@pytest.fixture
def accounts() -> Iterator[str]:
    """Give the exchange's accounts one by one."""
    return iter(ACCOUNTS)


@pytest.fixture
def account(accounts: Iterator[str], exchange_process: Exchange, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Give a new account, whose key this process finds in its environment."""

    def take() -> str:
        name = next(accounts)
        monkeypatch.setenv(f"INTERLOCK_KEY_{name.upper()}", name)
        monkeypatch.setenv(f"INTERLOCK_SECRET_{name.upper()}", name)
        return name

    return take


@pytest.fixture
def exchange(exchange_process: Exchange) -> Iterator[Exchange]:
    """Give the exchange without faults."""
    yield exchange_process
    exchange_process.control("/faults", method="DELETE")


@pytest.fixture
def real_host(host: Any, exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RealHost:
    """Give a host that trades at the exchange."""
    monkeypatch.setenv("INTERLOCK_LOCKS", str(tmp_path / "locks"))
    return RealHost(host, exchange)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, float], None]:
    """Give what makes the clock of a driver or an adapter jump, in seconds; nothing else of this machine notices."""

    def jump(owner: Any, seconds: float) -> None:
        clock = owner._clock
        ahead = getattr(clock, "ahead", 0) + int(seconds * 1e9)
        inner = getattr(clock, "inner", clock)
        monkeypatch.setattr(owner, "_clock", _Ahead(inner, ahead))

    return jump


class _Ahead:
    def __init__(self, inner: Any, ahead: int) -> None:
        self.inner, self.ahead = inner, ahead

    def now(self) -> int:
        """Give the time ahead."""
        return self.inner.now() + self.ahead
