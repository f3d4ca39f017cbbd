"""Parameters that people get wrong are refused alike by REST and by WebSocket API, with the code and text of the documentation."""

import time
from typing import Any
from urllib.parse import quote

import pytest
import yarl

SYMBOL = {"symbol": "BTCUSDT"}
ORDER = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "50000", **SYMBOL}
MARKET = {"side": "BUY", "type": "MARKET", "quantity": "0.01", **SYMBOL}
INTEGER = "^[0-9]{1,20}$"
CLIENT_ID = "^[a-zA-Z0-9-_]{1,36}$"

PATHS = {
    "depth": ("GET", "depth"),
    "klines": ("GET", "klines"),
    "trades.aggregate": ("GET", "aggTrades"),
    "ticker": ("GET", "ticker"),
    "ticker.24hr": ("GET", "ticker/24hr"),
    "order.place": ("POST", "order"),
    "order.status": ("GET", "order"),
    "order.cancel": ("DELETE", "order"),
    "order.cancelReplace": ("POST", "order/cancelReplace"),
    "allOrders": ("GET", "allOrders"),
    "myTrades": ("GET", "myTrades"),
}
PUBLIC = ("depth", "klines", "trades.aggregate", "ticker", "ticker.24hr")


def without(name: str) -> dict[str, str]:
    """Give a limit order that lacks a parameter."""
    return {each: value for each, value in ORDER.items() if each != name}


def missing(name: str) -> str:
    """Give the text for a parameter that must be there."""
    return f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."


def neither(first: str, second: str) -> str:
    """Give the text for two parameters of which one must be there."""
    return f"Param '{first}' or '{second}' must be sent, but both were empty/null!"


def illegal(name: str, legal: str) -> str:
    """Give the text for characters outside a range."""
    return f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."


WRONG: list[tuple[str, dict[str, str], int, str]] = [
    ("depth", {}, -1102, missing("symbol")),
    ("depth", {"symbol": ""}, -1105, "Parameter 'symbol' was empty."),
    ("depth", {"symbol": "btcusdt"}, -1100, illegal("symbol", r"^[\w\-._&&[^a-z]]{1,50}$")),
    ("depth", {"symbol": "NOSUCH"}, -1121, "Invalid symbol."),
    ("depth", SYMBOL | {"limit": "ten"}, -1100, illegal("limit", INTEGER)),
    ("depth", SYMBOL | {"bogus": "1"}, -1104, "Not all sent parameters were read; read '1' parameter(s) but was sent '2'."),
    ("klines", SYMBOL, -1102, missing("interval")),
    ("klines", SYMBOL | {"interval": "7m"}, -1120, "Invalid interval."),
    ("trades.aggregate", SYMBOL | {"fromId": "1", "startTime": "1"}, -1128, "Combination of optional parameters invalid."),
    ("ticker", {}, -1102, neither("symbol", "symbols")),
    ("ticker.24hr", SYMBOL | {"type": "BIG"}, -1139, "Invalid ticker type."),
    *[("order.place", without(name), -1102, missing(name)) for name in ORDER],
    ("order.place", ORDER | {"side": "HOLD"}, -1117, "Invalid side."),
    ("order.place", ORDER | {"type": "HOLD"}, -1116, "Invalid orderType."),
    ("order.place", ORDER | {"timeInForce": "GTD"}, -1115, "Invalid timeInForce."),
    ("order.place", ORDER | {"quantity": "0.123456789"}, -1111, "Parameter 'quantity' has too much precision."),
    ("order.place", ORDER | {"newClientOrderId": "a" * 37}, -1100, illegal("newClientOrderId", CLIENT_ID)),
    ("order.place", ORDER | {"stopPrice": "1"}, -1106, "Parameter 'stopPrice' sent when not required."),
    ("order.place", ORDER | {"recvWindow": "60001"}, -1102, "'recvWindow' contains unexpected value. Cannot be greater than 60000."),
    ("order.place", ORDER | {"timestamp": "1"}, -1021, "Timestamp for this request is outside of the recvWindow."),
    ("order.place", MARKET | {"price": "1"}, -1106, "Parameter 'price' sent when not required."),
    ("order.place", without("quantity") | {"type": "STOP_LOSS"}, -1102, missing("quantity")),
    ("order.status", SYMBOL, -1102, neither("origClientOrderId", "orderId")),
    ("order.status", SYMBOL | {"orderId": "9999999"}, -2013, "Order does not exist."),
    ("order.cancel", SYMBOL, -1102, neither("origClientOrderId", "orderId")),
    ("order.cancel", SYMBOL | {"orderId": "9999999"}, -2011, "Unknown order sent."),
    ("order.cancelReplace", ORDER, -1102, missing("cancelReplaceMode")),
    (
        "order.cancelReplace",
        ORDER | {"cancelReplaceMode": "STOP_ON_FAILURE"},
        -1102,
        neither("cancelOrigClientOrderId", "cancelOrderId"),
    ),
    (
        "allOrders",
        SYMBOL | {"startTime": "1700000000000", "endTime": "1700086400001"},
        -1127,
        "More than 24 hours between startTime and endTime.",
    ),
    ("myTrades", SYMBOL | {"fromId": "1", "startTime": "1"}, -1128, "Combination of optional parameters invalid."),
]


async def by_rest(client: Any, operation: str, sent: dict[str, str]) -> tuple[int, Any]:
    """Ask by REST and give the HTTP status and the answer."""
    method, path = PATHS[operation]
    values = sent if operation in PUBLIC else {"timestamp": str(time.time_ns() // 1_000_000)} | sent
    query = "&".join(f"{name}={quote(value)}" for name, value in values.items())
    signed = query if operation in PUBLIC else f"{query}&signature={client.sign(query)}"
    url = yarl.URL(f"{client.running.http}/api/v3/{path}?{signed}", encoded=True)
    async with client.session.request(method, url, headers={"X-MBX-APIKEY": client.key}) as response:
        return response.status, await response.json()


@pytest.mark.parametrize(("operation", "sent", "code", "text"), WRONG, ids=[f"{each[0]} {each[2]} {n}" for n, each in enumerate(WRONG)])
def test_a_wrong_parameter_is_refused_alike_by_both_apis(
    quiet: Any, play: Any, operation: str, sent: dict[str, str], code: int, text: str
) -> None:
    """400 with the documented code and text."""

    async def scenario(client: Any) -> None:
        error = {"code": code, "msg": text}
        assert await by_rest(client, operation, sent) == (400, error)
        api = await client.socket("/ws-api/v3")
        answer = await api.call(operation, sent if operation in PUBLIC else client.parameters(**sent))
        assert (answer["status"], answer["error"]) == (400, error)

    play(quiet, scenario)


def test_a_timestamp_ahead_of_the_server_has_its_own_text(quiet: Any, play: Any) -> None:
    """-1021 says which side of the window was missed."""

    async def scenario(client: Any) -> None:
        _, answer = await by_rest(client, "order.place", ORDER | {"timestamp": str(time.time_ns() // 1_000_000 + 5_000)})
        assert answer == {"code": -1021, "msg": "Timestamp for this request was 1000ms ahead of the server's time."}

    play(quiet, scenario)
