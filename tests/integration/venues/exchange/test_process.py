"""The exchange as a process: starting, stopping, crashing and coming back."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from live.core.instruments import Instrument
from live.core.market_events import Bar
from live.journal import write_segment

MINUTE = 60_000_000_000
COMMAND = [sys.executable, "-c", "from live.cli.entry import main; main()", "exchange", "--json"]


def test_orders_and_balances_outlive_a_kill_and_ids_go_on(start_exchange: Any, play: Any, tmp_path: Path) -> None:
    """After SIGKILL and a start on the same state the open order, the fill and the balances are there, and numbers do not repeat."""
    kept: dict[str, Any] = {}

    async def before(client: Any) -> None:
        kept["resting"] = await client.order(newClientOrderId="outlives")
        kept["filled"] = await client.signed("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
        kept["account"] = (await client.signed("GET", "account"))["balances"]
        kept["trades"] = await client.signed("GET", "myTrades", symbol="BTCUSDT")

    async def after(client: Any) -> None:
        [order] = await client.signed("GET", "openOrders", symbol="BTCUSDT")
        assert (order["orderId"], order["clientOrderId"]) == (kept["resting"]["orderId"], "outlives")
        assert (await client.signed("GET", "account"))["balances"] == kept["account"]
        assert await client.signed("GET", "myTrades", symbol="BTCUSDT") == kept["trades"]
        assert (await client.order(newClientOrderId="newer"))["orderId"] > kept["filled"]["orderId"]
        assert (await client.public("depth", symbol="BTCUSDT"))["bids"]

    running = start_exchange("--state", str(tmp_path))
    play(running, before)
    port = int(running.http.rpartition(":")[2])
    running.kill()
    play(start_exchange("--state", str(tmp_path), port=port), after)


def test_a_recording_moves_the_market_instead_of_chance(start_exchange: Any, play: Any, tmp_path: Path) -> None:
    """Bars of a tape, a thousand times faster, print their prices, also on a symbol that the exchange has only from the tape."""
    instrument = Instrument(instrument_id="binance-spot:SOLUSDT", base="SOL", quote="USDT", price_scale=2, quantity_scale=3)
    bars = [
        Bar(n * MINUTE, n * MINUTE, instrument.instrument_id, 100_00 + n, 101_00 + n, 99_00 + n, 100_50 + n, 10_000) for n in range(1, 2000)
    ]
    tape = tmp_path / "bars.tape.gz"
    write_segment(tape, bars, [instrument], "made by a test")

    async def scenario(client: Any) -> None:
        socket = await client.socket("/ws/solusdt@trade")
        prices = [float((await socket.until(lambda frame: frame["e"] == "trade"))["p"]) for _ in range(20)]
        assert all(99 < price < 122 for price in prices)
        assert len(set(prices)) > 4
        assert (await client.public("exchangeInfo", symbol="SOLUSDT"))["symbols"][0]["baseAsset"] == "SOL"
        bought = await client.signed("POST", "order", symbol="SOLUSDT", side="BUY", type="MARKET", quantity="1")
        assert bought["status"] == "FILLED"

    play(start_exchange("--play", str(tape), "--speed", "1000"), scenario)


def test_the_same_seed_gives_the_same_market(start_exchange: Any, play: Any) -> None:
    """Two exchanges of one seed open at the same price, one of another seed does not."""
    opened: list[Any] = []

    async def scenario(client: Any) -> None:
        opened.append([trade["price"] for trade in await client.public("historicalTrades", symbol="BTCUSDT", fromId=1, limit=50)])

    for seed in ("7", "7", "8"):
        running = start_exchange("--seed", seed)
        play(running, scenario)
        running.kill()
    assert opened[0] == opened[1] != opened[2]


def test_stopping_ends_the_process_without_an_error(start_exchange: Any) -> None:
    """SIGTERM is answered with exit code 0."""
    assert start_exchange().terminate() == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--account", "nothing"), "has no colon"),
        (("--play", "nowhere.tape"), "cannot be opened"),
        (("--port", "70000"), "65535"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_sentence(options: tuple[str, ...], words: str) -> None:
    """A bad account, recording or port ends the command with an error that names it."""
    done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    assert words in json.loads(done.stdout)["error"]


def test_a_port_that_is_taken_is_said_in_a_sentence(quiet: Any) -> None:
    """The second exchange on a port ends and says so."""
    port = quiet.http.rpartition(":")[2]
    done = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in json.loads(done.stdout)["error"]
