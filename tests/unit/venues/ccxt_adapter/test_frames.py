"""Binance's frames, by the examples that its documentation shows ("User Data Streams", "WebSocket Streams")."""

from typing import Any

import pytest

from live.core.inputs import ExecutionReported, ExternalOrderObserved, OrderAccepted, OrderCanceled, OrderExpired, OrderRejected
from live.core.instruments import Instrument
from live.core.vocabulary import Liquidity, Side
from live.venues.ccxt_adapter.binance import read_frame
from live.venues.ccxt_adapter.frames import BarFrame, DepthFrame, EndOfStream, OrderFrame, QuoteFrame, TradeFrame
from live.venues.ccxt_adapter.reporting import streamed

INSTRUMENT = Instrument(instrument_id="local:ETHBTC", base="ETH", quote="BTC", price_scale=8, quantity_scale=8)

REPORT: dict[str, Any] = {
    "e": "executionReport",
    "E": 1_499_405_658_658,
    "s": "ETHBTC",
    "c": "IL1",
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTC",
    "q": "1.00000000",
    "p": "0.10264410",
    "P": "0.00000000",
    "F": "0.00000000",
    "g": -1,
    "C": "",
    "x": "NEW",
    "X": "NEW",
    "r": "NONE",
    "i": 4_293_153,
    "l": "0.00000000",
    "z": "0.00000000",
    "L": "0.00000000",
    "n": "0",
    "N": None,
    "T": 1_499_405_658_657,
    "t": -1,
    "v": 3,
    "I": 8_641_984,
    "w": True,
    "m": False,
    "M": False,
    "O": 1_499_405_658_657,
    "Z": "0.00000000",
    "Y": "0.00000000",
    "Q": "0.00000000",
    "W": 1_499_405_658_657,
    "V": "NONE",
}


def reports(**changed: Any) -> list[Any]:
    """Read a report of the account's stream, and what it means."""
    (frame,) = read_frame({"subscriptionId": 0, "event": {**REPORT, **changed}})
    assert isinstance(frame, OrderFrame)
    return list(streamed("account", frame, INSTRUMENT))


def test_a_new_order_is_accepted() -> None:
    """At the time of the transaction, and unstamped."""
    assert reports() == [OrderAccepted(0, 1_499_405_658_657_000_000, "IL1", "4293153")]


def test_a_cancel_names_its_own_id_and_the_orders_beside_it() -> None:
    """The order is the one that was canceled, and how much of it had filled is told."""
    (ended,) = reports(c="x-cancel", C="IL1", x="CANCELED", X="CANCELED", z="0.25000000")
    assert ended == OrderCanceled(0, 1_499_405_658_657_000_000, "IL1", "CANCELED", 25_000_000)


def test_a_trade_is_an_execution_with_its_fee() -> None:
    """Price and quantity of this one, not of the order."""
    (fill,) = reports(x="TRADE", X="PARTIALLY_FILLED", l="0.5", L="0.1", z="0.75", t=77, n="0.00050000", N="BNB", m=True)
    expected = ExecutionReported(
        0, 1_499_405_658_657_000_000, "IL1", "4293153", "77", 10_000_000, 50_000_000, 50_000, "BNB", Liquidity.MAKER
    )
    assert fill == expected


def test_a_trade_without_a_fee_names_the_quote_asset() -> None:
    """No commission comes without the name of an asset."""
    (fill,) = reports(x="TRADE", X="FILLED", l="1", L="0.1", z="1", t=77, n="0", N=None)
    assert (fill.fee, fill.fee_asset) == (0, "BTC")


@pytest.mark.parametrize(("execution", "status"), [("EXPIRED", "EXPIRED"), ("TRADE_PREVENTION", "EXPIRED_IN_MATCH")])
def test_expiry_and_an_end_by_self_trade_prevention_end_an_order(execution: str, status: str) -> None:
    """Both are the venue's doing."""
    (ended,) = reports(x=execution, X=status)
    assert isinstance(ended, OrderExpired)
    assert ended.reason == status


def test_a_prevented_trade_that_leaves_the_order_working_ends_nothing() -> None:
    """Only its quantity changed."""
    assert reports(x="TRADE_PREVENTION", X="NEW") == []


def test_a_rejection_carries_the_venues_reason() -> None:
    """Word for word."""
    (ended,) = reports(x="REJECTED", X="REJECTED", r="INSUFFICIENT_BALANCES")
    assert ended == OrderRejected(0, 1_499_405_658_657_000_000, "IL1", "INSUFFICIENT_BALANCES")


def test_an_order_under_another_id_is_external_until_it_ends() -> None:
    """With what remains of it."""
    (working,) = reports(c="web_1", z="0.40000000", x="TRADE", X="PARTIALLY_FILLED")
    assert isinstance(working, ExternalOrderObserved)
    assert (working.client_order_id, working.remaining, working.limit_price, working.side) == ("web_1", 60_000_000, 10_264_410, Side.BUY)
    (ended,) = reports(c="x-cancel", C="web_1", x="CANCELED", X="CANCELED")
    assert ended.remaining == 0


def test_market_frames_are_read_alone_and_in_a_combined_stream() -> None:
    """Times, numbers and sides as documented: where the buyer is the maker, the seller took."""
    trade = {"e": "trade", "E": 2, "s": "BNBBTC", "t": 12_345, "p": "0.001", "q": "100", "T": 1, "m": True, "M": True}
    expected = TradeFrame("BNBBTC", 1, "12345", "0.001", "100", Side.SELL)
    assert list(read_frame(trade)) == list(read_frame({"stream": "bnbbtc@trade", "data": trade})) == [expected]
    ticker = {"u": 400_900_217, "s": "BNBUSDT", "b": "25.35190000", "B": "31.21000000", "a": "25.36520000", "A": "40.66000000"}
    assert list(read_frame(ticker)) == [QuoteFrame("BNBUSDT", 0, "25.35190000", "31.21000000", "25.36520000", "40.66000000")]
    depth = {"e": "depthUpdate", "E": 9, "s": "BNBBTC", "U": 157, "u": 160, "b": [["0.0024", "10"]], "a": [["0.0026", "100"]]}
    assert list(read_frame(depth)) == [DepthFrame("BNBBTC", 9, 157, 160, [["0.0024", "10"]], [["0.0026", "100"]])]
    bar = {
        "t": 60_000,
        "T": 119_999,
        "s": "BNBBTC",
        "i": "1m",
        "f": 100,
        "L": 200,
        "o": "1",
        "c": "4",
        "h": "5",
        "l": "0.5",
        "v": "9",
        "x": True,
    }
    kline = {"e": "kline", "E": 120_001, "s": "BNBBTC", "k": bar}
    assert list(read_frame(kline)) == [BarFrame("BNBBTC", 120_001, 60_000, "1", "5", "0.5", "4", "9", True, 200)]
    assert list(read_frame({**kline, "k": {**bar, "i": "5m"}})) == []


@pytest.mark.parametrize("event", ["serverShutdown", "eventStreamTerminated"])
def test_the_venues_word_that_a_stream_ends_is_heard(event: str) -> None:
    """It has to be opened anew."""
    assert list(read_frame({"subscriptionId": 0, "event": {"e": event, "E": 1}})) == [EndOfStream(event)]


@pytest.mark.parametrize("message", [{"result": None, "id": 1}, {"id": 1, "status": 200, "result": {"subscriptionId": 0}}, {"data": []}])
def test_what_is_no_event_is_left_to_ccxt(message: dict[str, Any]) -> None:
    """Acknowledgements are its own business."""
    assert list(read_frame(message)) == []
