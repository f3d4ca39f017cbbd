"""REST over real sockets: headers, limits, signatures, times and what a query may not find yet."""

import asyncio
import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import yarl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def test_every_answer_says_how_much_weight_is_used(exchange: Any, play: Any) -> None:
    """The used weight is in every answer's headers, refusals included, and grows by what each request weighs."""

    async def scenario(client: Any) -> None:
        url = f"{exchange.http}/api/v3"
        used = []
        for path in ("ping", "depth?symbol=BTCUSDT", "depth?symbol=NOSUCH"):
            async with client.session.get(f"{url}/{path}") as response:
                used.append(int(response.headers["X-MBX-USED-WEIGHT-1M"]))
                assert response.headers["Content-Type"] == "application/json;charset=UTF-8"
        assert used[1] - used[0] in {5, 5 - used[0]}, "a minute may have ended in between"
        assert used[2] - used[1] in {5, 5 - used[1]}

    play(exchange, scenario)


def test_an_order_in_query_and_body_is_signed_over_both(exchange: Any, play: Any) -> None:
    """The documentation's mixed form: query and body joined by nothing are what is signed."""

    async def scenario(client: Any) -> None:
        order = await client.resting(timestamp=milliseconds(client))
        names = list(order)
        query = "&".join(f"{name}={order[name]}" for name in names[:4])
        body = "&".join(f"{name}={order[name]}" for name in names[4:])
        signed = f"{body}&signature={client.sign(query + body)}"
        headers = {"X-MBX-APIKEY": client.key, "Content-Type": "application/x-www-form-urlencoded"}
        url = f"{exchange.http}/api/v3/order?{query}"
        async with client.session.post(url, data=signed, headers=headers) as response:
            assert response.status == 200, await response.text()
            assert {"X-MBX-ORDER-COUNT-10S", "X-MBX-ORDER-COUNT-1D"} <= set(response.headers)
            placed = await response.json()
        async with client.session.post(url, data=body + f"&signature={client.sign(query + '&' + body)}", headers=headers) as response:
            assert (await response.json())["code"] == -1022
        await client.signed("DELETE", "order", symbol="BTCUSDT", orderId=placed["orderId"])

    play(exchange, scenario)


def test_listen_keys_are_gone(exchange: Any, play: Any) -> None:
    """Clients that still ask for one are told 410, as the venue tells them since it took listen keys away."""

    async def scenario(client: Any) -> None:
        for method in ("POST", "PUT", "DELETE"):
            async with client.session.request(method, f"{exchange.http}/api/v3/userDataStream") as response:
                assert response.status == 410

    play(exchange, scenario)


def test_times_are_printed_in_the_unit_that_was_asked_for(exchange: Any, play: Any) -> None:
    """Milliseconds unless the header says MICROSECOND; another word is -1194."""

    async def scenario(client: Any) -> None:
        async def time(unit: str | None) -> Any:
            headers = {} if unit is None else {"X-MBX-TIME-UNIT": unit}
            async with client.session.get(f"{exchange.http}/api/v3/time", headers=headers) as response:
                return await response.json()

        assert len(str((await time(None))["serverTime"])) == 13
        assert len(str((await time("MICROSECOND"))["serverTime"])) == 16
        assert len(str((await time("microsecond"))["serverTime"])) == 16
        assert (await time("SECOND"))["code"] == -1194

    play(exchange, scenario)


def test_a_path_that_there_is_none_of_is_not_found(exchange: Any, play: Any) -> None:
    """What this exchange has not is answered 404, so that a client never takes it for an answer."""

    async def scenario(client: Any) -> None:
        for path in ("/api/v3/nothing", "/api/v1/ping", "/sapi/v1/capital/config/getall"):
            async with client.session.get(exchange.http + path) as response:
                assert response.status == 404, path

    play(exchange, scenario)


def test_what_is_signed_must_be_percent_encoded(exchange: Any, play: Any) -> None:
    """A right signature over raw letters beyond ASCII is -1022, and what is no text -1100; over percent-encoding it is read as text."""

    async def scenario(client: Any) -> None:
        form = f"side=BUY&type=MARKET&quantity=1&timestamp={milliseconds(client)}&recvWindow=60000&symbol="
        headers = {"X-MBX-APIKEY": client.key, "Content-Type": "application/x-www-form-urlencoded"}
        for raw, code in (("１２３".encode(), -1022), (b"\xff\xfe", -1100), (quote("１２３").encode(), -1121)):
            signed = form.encode() + raw
            signature = hmac.new(client.secret.encode(), signed, hashlib.sha256).hexdigest()
            body = signed + f"&signature={signature}".encode()
            async with client.session.post(f"{exchange.http}/api/v3/order/test", data=body, headers=headers) as response:
                assert (await response.json())["code"] == code

    play(exchange, scenario)


def test_polling_on_after_429_is_banned(start_exchange: Any, play: Any) -> None:
    """Beyond 6,000 of weight comes 429 with Retry-After, then 418; another address is not affected."""
    running = start_exchange()

    async def scenario(client: Any) -> None:
        url = f"{running.http}/api/v3/depth?symbol=BTCUSDT&limit=5000"
        statuses: list[int] = []
        while 418 not in statuses:
            assert len(statuses) < 200
            async with client.session.get(url) as response:
                statuses.append(response.status)
                if response.status != 200:
                    assert (await response.json())["code"] == -1003
                    assert int(response.headers["Retry-After"]) <= (60 if response.status == 429 else 120)
        assert statuses[-12:] == [200, *[429] * 10, 418], "ten warnings come before the ban"
        async with client.send("DELETE", "openOrders", symbol="BTCUSDT") as response:
            assert response.status == 418, "a ban holds for cancels too"
        elsewhere = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
        async with aiohttp.ClientSession(connector=elsewhere) as other, other.get(f"{running.http}/api/v3/ping") as response:
            assert response.status == 200

    play(running, scenario)


def test_a_new_order_is_not_found_before_the_read_lag(start_exchange: Any, play: Any) -> None:
    """Right after its acknowledgement a query says -2013 and lists lack it; later all of them have it. A cancel reaches it at once."""
    running = start_exchange("--read-lag", "2000")

    async def scenario(client: Any) -> None:
        placed = await client.order(newClientOrderId="late")
        query = {"symbol": "BTCUSDT", "origClientOrderId": "late"}
        assert (await client.signed("GET", "order", **query))["code"] == -2013
        assert await client.signed("GET", "openOrders", symbol="BTCUSDT") == []
        async with asyncio.timeout(10):
            while "code" in (found := await client.signed("GET", "order", **query)):
                assert found["code"] == -2013
                await asyncio.sleep(0.05)
        assert found["orderId"] == placed["orderId"]
        assert [order["orderId"] for order in await client.signed("GET", "allOrders", symbol="BTCUSDT")] == [placed["orderId"]]
        await client.order(newClientOrderId="later")
        assert (await client.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId="later"))["status"] == "CANCELED"

    play(running, scenario)


def test_a_request_held_back_past_its_window_never_reaches_the_engine(exchange: Any, play: Any) -> None:
    """A request that was in time when it came and is late when it would be matched gets -1021, and no order exists."""

    async def scenario(client: Any) -> None:
        await client.fault(kind="delay", milliseconds=400, when="before", match={"operation": "order.place"})
        refused = await client.order(newClientOrderId="held", recvWindow=200)
        assert refused["code"] == -1021
        assert (await client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="held"))["code"] == -2013

    play(exchange, scenario)


def test_the_hundred_and_first_unfilled_order_waits(start_exchange: Any, play: Any) -> None:
    """Orders are counted by account, ten seconds a window: one too many gets 429 and -1015, and the headers counted up to there."""
    running = start_exchange()

    async def scenario(client: Any) -> None:
        order = await client.resting(timeInForce="IOC")
        async with asyncio.timeout(60):
            while True:
                async with client.send("POST", "order", **order) as response:
                    answer = await response.json()
                    if response.status == 429:
                        break
                    assert response.status == 200, answer
                    count = int(response.headers["X-MBX-ORDER-COUNT-10S"])
        assert answer["code"] == -1015
        assert answer["msg"] == "Too many new orders; current limit is 100 orders per 10 SECOND."
        assert count == 100

    play(running, scenario)


def test_an_ed25519_key_trades_by_rest(start_exchange: Any, play: Any, tmp_path: Path) -> None:
    """An account known by its public key signs in base64, percent-encoded; a signature by another key is -1022."""
    private, path = Ed25519PrivateKey.generate(), tmp_path / "public.pem"
    path.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    running = start_exchange("--account", f"ed-key:{path}")

    async def scenario(client: Any) -> None:
        query = f"timestamp={milliseconds(client)}&recvWindow=60000"
        right = base64.b64encode(private.sign(query.encode())).decode()
        wrong = base64.b64encode(Ed25519PrivateKey.generate().sign(query.encode())).decode()
        for signature, code in ((right, None), (wrong, -1022)):
            url = yarl.URL(f"{running.http}/api/v3/account?{query}&signature={quote(signature, safe='')}", encoded=True)
            async with client.session.get(url, headers={"X-MBX-APIKEY": "ed-key"}) as response:
                assert (await response.json()).get("code") == code

    play(running, scenario)


def milliseconds(client: Any) -> int:
    """Give a timestamp, as the client takes it for its requests."""
    return client.parameters()["timestamp"]
