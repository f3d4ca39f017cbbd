"""The WebSocket API of a real process: requests, sessions and the user data stream."""

import base64
from pathlib import Path
from typing import Any

import pytest


def test_an_order_placed_over_a_socket_is_answered_like_by_rest_with_the_limits_it_counts_against(exchange: Any, play: Any) -> None:
    """order.place, order.status and order.cancel carry rateLimits, and an order's counts stand before the weight."""

    async def scenario(client: Any) -> None:
        api = await client.socket("/ws-api/v3")
        placed = await api.call("order.place", client.parameters(**await client.resting(newClientOrderId="ws-1")))
        assert placed["status"] == 200
        assert [limit["rateLimitType"] for limit in placed["rateLimits"]] == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
        status = await api.call("v3/order.status", client.parameters(symbol="BTCUSDT", origClientOrderId="ws-1"))
        by_rest = await client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="ws-1")
        assert status["result"] == by_rest
        assert [limit["rateLimitType"] for limit in status["rateLimits"]] == ["REQUEST_WEIGHT"]
        canceled = await api.call("order.cancel", client.parameters(symbol="BTCUSDT", origClientOrderId="ws-1", returnRateLimits="false"))
        assert canceled["result"]["status"] == "CANCELED"
        assert "rateLimits" not in canceled

    play(exchange, scenario)


def test_a_refused_request_says_why_and_mistakes_in_the_frame_are_answered_too(exchange: Any, play: Any) -> None:
    """Errors carry status, code and message; what is no request at all gets an answer without an id."""

    async def scenario(client: Any) -> None:
        api = await client.socket("/ws-api/v3")
        unknown = await api.call("order.cancel", client.parameters(symbol="BTCUSDT", origClientOrderId="never"))
        assert (unknown["status"], unknown["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})
        unsigned = await api.call("order.place", {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1", "timestamp": 1})
        missing = "Mandatory parameter 'apiKey' was not sent, was empty/null, or malformed."
        assert (unsigned["status"], unsigned["error"]) == (400, {"code": -1102, "msg": missing})
        assert (await api.call("session.logon"))["error"]["msg"] == missing
        stranger = await api.call("userDataStream.subscribe")
        told = {"code": -1193, "msg": "WebSocket session not authenticated. Recommendation: use session.logon."}
        assert (stranger["status"], stranger["error"]) == (400, told)
        forged = await api.call("account.status", client.parameters() | {"signature": "00"})
        assert forged["error"]["code"] == -1022
        late = await api.call("account.status", client.parameters(timestamp=1_700_000_000_000))
        assert late["error"]["code"] == -1021
        assert (await api.call("order.unknown"))["status"] == 400
        bad_id = "Invalid 'id' in JSON request; expected an integer, a string matching '^[a-zA-Z0-9-_]{1,36}$', or null."
        for text, number, message in (
            ("not json", None, "Invalid JSON Request"),
            ('{"id":77}', 77, "Invalid JSON Request"),
            ('{"id":"with space","method":"ping"}', None, bad_id),
            ('{"id":1.5,"method":"ping"}', None, bad_id),
            (
                '{"id":"seventy-eight","method":"ping","params":[]}',
                "seventy-eight",
                "Invalid 'params' in JSON request; expected an object.",
            ),
        ):
            await api.socket.send_str(text)
            answer = await api.until(lambda frame: "error" in frame)
            assert answer == {"id": number, "status": 400, "error": {"code": -1135, "msg": message}}

    play(exchange, scenario)


def test_too_much_weight_over_a_socket_says_when_to_come_back_and_a_ban_ends_it(start_exchange: Any, play: Any) -> None:
    """429 and 418 carry the server's time and `retryAfter`, which for a ban is the time in its text; then the socket is closed."""

    async def scenario(client: Any) -> None:
        api = await client.socket("/ws-api/v3")
        answers = [await api.call("ticker.24hr") for _ in range(76)]
        while answers[-1]["status"] != 418:
            answers.append(await api.call("ticker.24hr"))
        limited, banned = next(each for each in answers if each["status"] == 429)["error"], answers[-1]["error"]
        assert limited["data"]["retryAfter"] % 60_000 == 0
        assert 0 < limited["data"]["retryAfter"] - limited["data"]["serverTime"] <= 60_000
        assert f"IP banned until {banned['data']['retryAfter']}." in banned["msg"]
        assert (await api.ended()).data == 1008

    play(start_exchange(), scenario)


def test_fills_reach_the_subscriber_in_order_as_report_trade_and_balances(exchange: Any, play: Any) -> None:
    """A marketable order is told as NEW, TRADE and the balances it changed, under the subscription's id."""

    async def scenario(client: Any) -> None:
        stream = await client.user_stream()
        placed = await client.signed(
            "POST", "order", symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.5", newClientOrderId="fills-1"
        )
        new = await stream.event(c="fills-1")
        assert (new["x"], new["X"], new["t"], new["N"]) == ("NEW", "NEW", -1, None)
        told = []
        while sum(float(trade["l"]) for trade in told) < 0.5:
            told.append(await stream.event(c="fills-1", x="TRADE"))
        assert [(trade["t"], trade["L"], trade["n"], trade["N"]) for trade in told] == [
            (fill["tradeId"], fill["price"], fill["commission"], fill["commissionAsset"]) for fill in placed["fills"]
        ]
        assert told[-1]["X"] == "FILLED"
        assert told[-1]["Z"] == placed["cummulativeQuoteQty"]
        balances = await stream.event(e="outboundAccountPosition")
        assert {balance["a"] for balance in balances["B"]} >= {"ETH", "USDT"}

    play(exchange, scenario)


def test_a_canceled_order_is_told_with_both_ids(exchange: Any, play: Any) -> None:
    """CANCELED carries the cancel request's id as c and the order's as C."""

    async def scenario(client: Any) -> None:
        stream = await client.user_stream()
        await client.order(newClientOrderId="both-1")
        await client.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId="both-1", newClientOrderId="both-cancel")
        told = await stream.event(x="CANCELED")
        assert (told["c"], told["C"], told["X"], told["w"]) == ("both-cancel", "both-1", "CANCELED", False)

    play(exchange, scenario)


def test_an_account_has_one_subscription_a_connection_and_its_end_is_told(exchange: Any, play: Any) -> None:
    """A second subscription is refused with -2035, the first one's end told as eventStreamTerminated, and no event follows."""

    async def scenario(client: Any) -> None:
        stream = await client.user_stream()
        again = await stream.call("userDataStream.subscribe.signature", client.parameters())
        assert again["error"] == {"code": -2035, "msg": "User Data Stream subscription already active."}
        assert (await stream.call("session.subscriptions"))["result"] == [{"subscriptionId": 0}]
        assert (await stream.call("userDataStream.unsubscribe", {"subscriptionId": 0}))["result"] == {}
        assert (await stream.until(lambda frame: "event" in frame))["event"]["e"] == "eventStreamTerminated"
        assert (await stream.call("userDataStream.unsubscribe"))["error"]["code"] == -2036
        await client.order(newClientOrderId="unheard-1")
        assert (await stream.call("session.status"))["result"]["userDataStream"] is False
        assert not stream.waiting
        await client.signed("DELETE", "openOrders", symbol="BTCUSDT")

    play(exchange, scenario)


@pytest.fixture(scope="module")
def with_ed25519(start_exchange: Any, tmp_path_factory: Any) -> tuple[Any, Any]:
    """An exchange with an Ed25519 account, and its private key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    private = Ed25519PrivateKey.generate()
    path: Path = tmp_path_factory.mktemp("keys") / "public.pem"
    path.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return start_exchange("--account", f"ed-key:{path}", "--account", "desk-key:desk-secret"), private


def test_a_session_that_logged_in_by_ed25519_needs_no_more_signatures(with_ed25519: tuple[Any, Any], play: Any) -> None:
    """After session.logon requests carry only a timestamp; after session.logout its subscription ends and signatures are due again."""
    running, private = with_ed25519

    async def scenario(client: Any) -> None:
        api = await client.socket("/ws-api/v3")
        assert (await api.call("session.logon", client.parameters()))["error"]["code"] == -2015, "an HMAC key may not log in"
        unsigned = {name: value for name, value in client.parameters(apiKey="ed-key").items() if name != "signature"}
        text = "&".join(f"{name}={value}" for name, value in sorted(unsigned.items()))
        logged = await api.call("session.logon", unsigned | {"signature": base64.b64encode(private.sign(text.encode())).decode()})
        assert logged["result"]["apiKey"] == "ed-key"
        assert logged["result"]["authorizedSince"] >= logged["result"]["connectedSince"]
        assert (await api.call("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
        placed = await api.call("order.place", await client.resting(timestamp=unsigned["timestamp"], newClientOrderId="session-1"))
        assert placed["status"] == 200
        assert (await api.event(c="session-1"))["x"] == "NEW"
        assert (await api.call("session.logout"))["result"]["apiKey"] is None
        assert await api.event(e="eventStreamTerminated")
        assert (await api.call("account.status", {"timestamp": unsigned["timestamp"]}))["error"]["code"] == -1102

    play(running, scenario)
