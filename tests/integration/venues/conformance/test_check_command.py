"""`interlock venue check`: the whole kit against the local exchange, and the evidence that arming asks for."""

from pathlib import Path

import pytest
from check_command import check

from live.cli.venue_gate import KillLatches, LatchedGate
from live.configuration import load_configuration
from live.core.effects import CancelOrder, SubmitOrder
from live.core.vocabulary import OrderType, Side, TimeInForce
from live.latch import clear, engage, latch_path
from live.promotion.conformance import ConformanceRefused, read_conformance
from live.venues.conformance.cases import CASES
from live.venues.conformance.numbering import CASE_NUMBERS
from live.venues.conformance.wires import WIRES
from live.venues.protocol import OpenGate


def test_one_case_alone_is_no_evidence(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It runs, and nothing is written that arming could believe."""
    code, document = check(capfd, file, "--case", "AC-05")
    assert (code, document["passed"], document["evidence"]) == (0, 1, None)
    with pytest.raises(ConformanceRefused):
        read_conformance(load_configuration(file).home, "local")


def test_real_money_is_not_traded_by_mistake(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A venue that is not flagged as simulated needs a word more."""
    text = file.read_text().replace("simulated = true", "simulated = false").replace("http://127.0.0.1", "https://127.0.0.1")
    file.write_text(text.replace("ws://127.0.0.1", "wss://127.0.0.1"))
    code, document = check(capfd, file)
    assert code == 1
    assert "--real-money" in document["error"]


def test_what_cannot_be_checked_is_said_before_anything_trades(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A case, a venue or a key that there is not."""
    assert "there is no case AC-99" in check(capfd, file, "--case", "AC-99")[1]["error"]
    assert "the kit" not in check(capfd, file, "--instrument", "NOSUCH", "--case", "AC-01")[1]["error"]
    for private in (file.parent / "keys").glob("*.pem"):
        private.unlink()
    assert "interlock keys new NAME --role conformance" in check(capfd, file)[1]["error"]


@pytest.mark.parametrize(("scope", "target"), [("global", ""), ("venue", "local"), ("account", "desk")])
def test_a_kill_is_obeyed(file: Path, capfd: pytest.CaptureFixture[str], scope: str, target: str) -> None:
    """The kit trades, so a latch that is engaged keeps it from beginning, and once released it begins."""
    path = latch_path(load_configuration(file).home, scope, target)
    engage(path, "unexpected orders")
    code, document = check(capfd, file, "--case", "AC-12")
    assert code == 1
    assert "unexpected orders" in document["error"]
    clear(path, "found out why")
    assert check(capfd, file, "--case", "AC-12")[0] == 0


def test_a_kill_in_the_middle_holds_the_next_order_back(tmp_path: Path) -> None:
    """Orders are refused from then on, cancels still pass."""
    gate = LatchedGate(KillLatches(tmp_path, "local", "desk"), OpenGate())
    latch = latch_path(tmp_path, "global")
    order = SubmitOrder("IL1", "s", "desk", "local:BTCUSDT", Side.BUY, OrderType.LIMIT, TimeInForce.GOOD_TILL_CANCELED, 1, 1)
    assert gate.refusal(order) is None
    engage(latch, "stop")
    assert "stop" in (gate.refusal(order) or "")
    assert gate.refusal(CancelOrder("IL1", "desk", "local:BTCUSDT")) is None
    clear(latch, "found out why")
    assert gate.refusal(order) is None
    later = LatchedGate(KillLatches(tmp_path, "local", "desk"), OpenGate())
    latch.unlink()
    assert later.refusal(order) is not None, "a latch that was there and is gone is engaged"


def test_an_account_with_open_orders_is_left_alone(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The kit cancels what it finds, so it does not begin where there is something to find."""
    import asyncio

    from adapter_maker import Maker

    from live.venues.conformance.bench import NotingGate
    from live.venues.conformance.kit import open_bench

    async def rest_and_check() -> None:
        configuration = load_configuration(file)
        venue = configuration.venues["local"]
        async with open_bench(Maker(), "binance", venue.http, venue.web_socket, "local:BTCUSDT", "RESTREST") as bench, bench.desk() as desk:
            await desk.rest()
            code, document = await asyncio.to_thread(check, capfd, file, "--case", "AC-01")
            assert code == 1
            assert "1 open orders" in document["error"]
            assert isinstance(desk.gate, NotingGate)

    asyncio.run(rest_and_check())


def test_the_numbers_that_the_service_asks_for_are_the_kits() -> None:
    """The service loads the numbers without the kit; they are the same."""
    from typing import get_args

    from live.configuration.settings import DialectName
    from live.venues.conformance import kit

    assert kit.CASES is CASES
    assert tuple(sorted(CASES)) == CASE_NUMBERS
    assert set(WIRES) == set(get_args(DialectName))
    assert all(one.sentence.endswith(".") for one in CASES.values())
