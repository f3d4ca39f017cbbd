"""What the exchange was told survives its process, and what cannot be read is refused."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from floor import BUY, NO_FEES, SELL, Floor, request, units

from live.venues.exchange import persistence, records
from live.venues.exchange.errors import VenueError
from live.venues.exchange.exchange import Exchange, ExchangeState
from live.venues.exchange.orders import CancelReplaceMode, OrderType
from live.venues.exchange.persistence import RecordedExchange, open_exchange
from live.venues.exchange.records import ExchangeStateError


def busy(exchange: RecordedExchange) -> Floor:
    """Let some of everything happen."""
    floor = Floor(exchange=exchange, rates=NO_FEES)
    floor.trade_at(100, 1)
    floor.limit("maker", SELL, 5, 105)
    floor.limit("alice", BUY, 2, 99, client_id="bid")
    floor.limit("bob", BUY, 2, 99)
    floor.place("alice", request(SELL, OrderType.STOP_LOSS, 1, stop=90))
    floor.market("alice", BUY, 2)
    gone = floor.limit("bob", BUY, 1, 98, client_id="gone").order.order_id
    floor.cancel("bob", gone)
    floor.exchange.cancel_replace(
        "bob", request(BUY, OrderType.LIMIT, 1, 97), CancelReplaceMode.ALLOW_FAILURE, floor.tick(), cancel_order_id=999
    )
    floor.place("bob", request(BUY, OrderType.LIMIT, 1, 100, symbol="ETHUSDT"))
    floor.exchange.cancel_all("bob", "ETHUSDT", floor.tick())
    floor.exchange.deposit("bob", "BTC", units(1), floor.tick())
    with pytest.raises(VenueError):
        floor.market("alice", BUY, 90_000)
    return floor


def state_of(exchange: Exchange) -> ExchangeState:
    """Give an exchange's state with what unfilled orders count left out: its keeper begins anew with the process."""
    state = exchange.write()
    for account in state.accounts:
        account.fill_credits = 0
    return state


@pytest.mark.parametrize("compacted", [False, True])
def test_a_killed_exchange_comes_back_as_it_was(tmp_path: Path, compacted: bool) -> None:
    """Orders, their place in the queue, stops, balances, histories, ids and market data, from the log or from a whole state."""
    exchange = open_exchange(tmp_path)
    floor = busy(exchange)
    if compacted:
        exchange.compact()
    before = state_of(exchange)
    exchange.close()

    again = open_exchange(tmp_path)

    assert state_of(again) == before
    assert again.drain() == []
    floor.exchange = again
    floor.market("maker", SELL, 2)
    assert again.order("alice", "BTCUSDT", original_client_order_id="bid").executed == units(2)
    floor.market("maker", SELL, 3)
    floor.trade_at(90)
    assert again.open_orders("alice") == ()
    again.close()


def test_a_process_that_is_killed_loses_nothing_it_answered(tmp_path: Path) -> None:
    """`kill -9` right after an order: the next process has it."""
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from floor import BUY, Floor\n"
        "from live.venues.exchange.persistence import open_exchange\n"
        "placed = Floor(exchange=open_exchange(Path(sys.argv[1]))).limit('alice', BUY, 1, 100, client_id='kept')\n"
        "os.write(1, placed.order.client_order_id.encode())\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root, here = Path(__file__).parents[4], Path(__file__).parent
    killed = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{here}"},
        stdout=subprocess.PIPE,
        check=False,
    )
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, b"kept")

    again = open_exchange(tmp_path)

    assert [order.client_order_id for order in again.open_orders("alice")] == ["kept"]
    again.close()


def test_credits_for_fills_before_a_restart_are_let_go(tmp_path: Path) -> None:
    """The count of unfilled orders, which they would lower, begins anew with the process."""
    exchange = open_exchange(tmp_path)
    busy(exchange)
    assert exchange.write().accounts[0].fill_credits > 0
    exchange.close()

    again = open_exchange(tmp_path)

    assert again.take_fill_credits("alice") == 0
    again.close()


def test_the_log_survives_without_being_closed(tmp_path: Path) -> None:
    """Nothing waits in the process: another reader sees each request at once."""
    exchange = open_exchange(tmp_path)
    Floor(exchange=exchange).limit("alice", BUY, 1, 100)

    (log,) = tmp_path.glob("log-*")
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}
    *_, (end, last) = records.read_frames(log.read_bytes())

    assert end == log.stat().st_size
    assert isinstance(last, records.Place)
    exchange.close()


def test_a_log_that_grew_long_is_replaced_by_a_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One generation is kept, and it says the same."""
    monkeypatch.setattr(persistence, "RECORDS_A_GENERATION", 5)
    exchange = open_exchange(tmp_path)
    busy(exchange)
    before = state_of(exchange)
    exchange.close()

    assert sorted(path.name.partition("-")[0] for path in tmp_path.iterdir()) == ["lock", "log", "state"]
    again = open_exchange(tmp_path)
    assert state_of(again) == before
    again.close()


def test_a_record_cut_off_by_the_end_was_never_applied(tmp_path: Path) -> None:
    """The part is cut away and the log goes on from the last whole one."""
    exchange = open_exchange(tmp_path)
    floor = Floor(exchange=exchange)
    floor.limit("alice", BUY, 1, 100)
    before = state_of(exchange)
    exchange.close()
    (log,) = tmp_path.glob("log-*")
    whole = log.read_bytes()
    log.write_bytes(whole + records.frame(records.CancelAll("alice", "BTCUSDT", 1))[:-1])

    again = open_exchange(tmp_path)

    assert state_of(again) == before
    assert log.read_bytes() == whole
    again.close()


@pytest.mark.parametrize("pattern", ["log-*", "state-*"])
def test_a_changed_byte_is_noticed(tmp_path: Path, pattern: str) -> None:
    """A damaged record or state stops the exchange instead of making another one."""
    exchange = open_exchange(tmp_path)
    Floor(exchange=exchange).limit("alice", BUY, 1, 100)
    exchange.close()
    (path,) = tmp_path.glob(pattern)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    with pytest.raises(ExchangeStateError, match="damaged"):
        open_exchange(tmp_path)


def test_a_state_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version is raised when what is written changes its meaning."""
    monkeypatch.setattr(records, "SCHEMA_VERSION", 99)
    open_exchange(tmp_path).close()
    monkeypatch.undo()

    with pytest.raises(ExchangeStateError, match="version 99"):
        open_exchange(tmp_path)


def test_a_directory_belongs_to_one_process(tmp_path: Path) -> None:
    """A second exchange on the same state is refused until the first is gone."""
    first = open_exchange(tmp_path)

    with pytest.raises(ExchangeStateError, match="Another exchange runs"):
        open_exchange(tmp_path)
    first.close()
    open_exchange(tmp_path).close()


def test_a_request_that_cannot_be_written_down_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes half a record leaves log and exchange as they were."""
    exchange = open_exchange(tmp_path)
    floor = Floor(exchange=exchange)
    floor.limit("alice", BUY, 1, 100)
    (log,) = tmp_path.glob("log-*")
    before = log.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[: len(data) // 2]))

    with pytest.raises(ExchangeStateError, match="make room"):
        floor.limit("alice", BUY, 1, 101)

    assert log.read_bytes() == before
    assert len(exchange.open_orders("alice")) == 1
    exchange.close()
