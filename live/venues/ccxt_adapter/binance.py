"""Binance Spot's frames, read field by field; source: binance-spot-api-docs, "WebSocket Streams" and "User Data Streams"."""

from collections.abc import Iterable, Mapping
from typing import Any

from live.core.vocabulary import Liquidity, Side
from live.venues.ccxt_adapter.frames import BarFrame, DepthFrame, EndOfStream, Frame, OrderFrame, QuoteFrame, TextLevels, TradeFrame

_EVENTS = {"NEW": "ACCEPTED", "REJECTED": "REJECTED", "CANCELED": "CANCELED", "EXPIRED": "EXPIRED", "TRADE": "TRADED"}
_WORKING = frozenset({"NEW", "PENDING_NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"})
_FINAL_EXECUTION = "EXPIRED_IN_MATCH"


def read_frame(message: Mapping[str, Any]) -> Iterable[Frame]:
    """Read one message of a market stream, of the combined stream, or of the account's stream over the WebSocket API.

    Raises:
        KeyError: a field that the documentation promises is missing.
    """
    body: Any = message.get("event", message.get("data", message))
    if not isinstance(body, dict):
        return ()
    fields: dict[str, Any] = body  # pyright: ignore[reportUnknownVariableType]
    reader = _READERS.get(fields.get("e", ""))
    if reader is not None:
        return reader(fields)
    if "u" in fields and "a" in fields and "b" in fields and "e" not in fields:
        return (QuoteFrame(fields["s"], 0, fields["b"], fields["B"], fields["a"], fields["A"]),)
    return ()


def read_depth(answer: Any) -> tuple[int, TextLevels, TextLevels]:
    """Read a snapshot of the book: the number of its last update, bids and asks.

    Raises:
        KeyError: a field that the documentation promises is missing.
    """
    return answer["lastUpdateId"], answer["bids"], answer["asks"]


def _trade(fields: dict[str, Any]) -> tuple[Frame, ...]:
    aggressor = Side.SELL if fields["m"] else Side.BUY
    return (TradeFrame(fields["s"], fields["T"], str(fields["t"]), fields["p"], fields["q"], aggressor),)


def _depth(fields: dict[str, Any]) -> tuple[Frame, ...]:
    return (DepthFrame(fields["s"], fields["E"], fields["U"], fields["u"], fields["b"], fields["a"]),)


def _bar(fields: dict[str, Any]) -> tuple[Frame, ...]:
    bar = fields["k"]
    if bar["i"] != "1m":
        return ()
    return (BarFrame(fields["s"], fields["E"], bar["t"], bar["o"], bar["h"], bar["l"], bar["c"], bar["v"], bar["x"], bar["L"]),)


def _order(fields: dict[str, Any]) -> tuple[Frame, ...]:
    """Read an execution report; a cancel names its own id in `c` and the order's in `C`."""
    execution = fields["x"]
    status = fields["X"]
    event = "EXPIRED" if status == _FINAL_EXECUTION and execution != "TRADE" else _EVENTS.get(execution, "CHANGED")
    traded = event == "TRADED"
    reason = fields["r"] if fields["r"] != "NONE" else status
    return (
        OrderFrame(
            symbol=fields["s"],
            time=fields["T"],
            order_id=fields["C"] or fields["c"],
            venue_order_id=str(fields["i"]),
            event=event,
            side=Side(fields["S"]),
            quantity=fields["q"],
            executed_quantity=fields["z"],
            limit_price=fields["p"],
            works=status in _WORKING,
            reason=reason,
            trade_id=str(fields["t"]) if traded else "",
            price=fields["L"],
            traded_quantity=fields["l"],
            fee=fields["n"] or "0",
            fee_asset=fields["N"] or "",
            liquidity=Liquidity.MAKER if fields["m"] else Liquidity.TAKER,
        ),
    )


def _end(fields: dict[str, Any]) -> tuple[Frame, ...]:
    return (EndOfStream(fields["e"]),)


_READERS = {
    "trade": _trade,
    "depthUpdate": _depth,
    "kline": _bar,
    "executionReport": _order,
    "eventStreamTerminated": _end,
    "serverShutdown": _end,
}
