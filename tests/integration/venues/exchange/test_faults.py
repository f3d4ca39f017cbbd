"""Faults ordered on the control plane befall real requests, events and sockets as the incidents did that they are named after."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest


def test_lost_acknowledgement_leaves_the_order_on_the_book(exchange: Any, play: Any) -> None:
    """A connection reset after the order was applied shows the client an error and the exchange an open order."""

    async def scenario(client: Any) -> None:
        await client.fault(kind="reset", match={"operation": "order.place"})
        with pytest.raises(aiohttp.ClientError):
            await client.order(newClientOrderId="lost-ack")
        assert (await client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="lost-ack"))["status"] == "NEW"
        arrived = (await client.log("order.place"))[-1]
        assert (arrived["status"], arrived["faults"], arrived["parameters"]["newClientOrderId"]) == (None, ["reset"], "lost-ack")
        assert "signature" not in arrived["parameters"]

    play(exchange, scenario)


def test_a_reset_before_the_engine_places_nothing(exchange: Any, play: Any) -> None:
    """The client sees the same error, and the exchange never had the order."""

    async def scenario(client: Any) -> None:
        await client.fault(kind="reset", when="before", match={"client_order_id": "never-came"})
        with pytest.raises(aiohttp.ClientError):
            await client.order(newClientOrderId="never-came")
        assert (await client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="never-came"))["code"] == -2013

    play(exchange, scenario)


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ({"kind": "answer", "status": 502}, 502, "<html>"),
        ({"kind": "answer", "status": 503, "body": "", "content_type": "text/plain"}, 503, ""),
        ({"kind": "answer", "status": 504, "body": '{"code":-1007,"msg":"Timeout"}', "content_type": "application/json"}, 504, '{"code"'),
        ({"kind": "bad_body", "form": "truncated"}, 200, '{"symbol":"BTCUSDT"'),
        ({"kind": "bad_body", "form": "html"}, 200, "<!DOCTYPE html>"),
        ({"kind": "bad_body", "form": "empty"}, 200, ""),
    ],
)
def test_an_order_behind_a_broken_answer_is_placed_all_the_same(exchange: Any, play: Any, fault: Any, status: int, body: str) -> None:
    """Gateways' pages, empty and cut-off bodies say nothing about the order, which is open."""

    async def scenario(client: Any) -> None:
        name = f"broken-{fault.get('status', fault.get('form'))}"
        await client.fault(match={"operation": "order.place"}, **fault)
        async with client.send("POST", "order", **await client.resting(newClientOrderId=name)) as response:
            text = await response.text()
        assert response.status == status
        assert text.startswith(body)
        with pytest.raises(json.JSONDecodeError):
            json.loads(text if status != 504 else "")
        assert (await client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId=name))["status"] == "NEW"

    play(exchange, scenario)


def test_an_answer_that_never_comes_leaves_the_client_waiting(exchange: Any, play: Any) -> None:
    """A dropped answer keeps the connection open and silent; the order is on the book."""

    async def scenario(client: Any) -> None:
        await client.fault(kind="drop", match={"operation": "order.place"})
        parameters = await client.resting(newClientOrderId="silent")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.signed("POST", "order", **parameters)
        assert (await client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="silent"))["status"] == "NEW"

    play(exchange, scenario)


def test_an_order_delayed_beyond_its_window_is_refused_before_the_engine(exchange: Any, play: Any) -> None:
    """The second look at the timestamp, right before the engine, refuses what was held up on the way."""

    async def scenario(client: Any) -> None:
        await client.fault(kind="delay", milliseconds=120, match={"operation": "order.place"})
        assert (await client.order(newClientOrderId="late", recvWindow=60))["code"] == -1021
        await client.fault(kind="delay", milliseconds=120, when="after", match={"operation": "order.place"})
        assert (await client.order(newClientOrderId="slow", recvWindow=60))["status"] == "NEW"
        api = await client.socket("/ws-api/v3")
        await client.fault(kind="delay", milliseconds=120, match={"operation": "order.place"})
        resting = await client.resting(newClientOrderId="late-too", recvWindow=60)
        assert (await api.call("order.place", client.parameters(**resting)))["error"]["code"] == -1021

    play(exchange, scenario)


def test_a_fault_strikes_as_often_as_asked_after_as_many_as_skipped_and_can_be_taken_back(exchange: Any, play: Any) -> None:
    """count, skip and DELETE hold."""

    async def scenario(client: Any) -> None:
        refusal = {"kind": "refuse", "code": -1000, "message": "no", "match": {"operation": "order.test"}}
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}

        async def codes(times: int) -> list[int]:
            return [(await client.signed("POST", "order/test", **order)).get("code", 0) for _ in range(times)]

        await client.fault(**refusal, skip=1, count=2)
        assert await codes(4) == [0, -1000, -1000, 0]
        number = (await client.fault(**refusal, count=None))["number"]
        assert await codes(2) == [-1000, -1000]
        async with client.session.delete(f"{client.running.faults}/faults/{number}") as response:
            assert response.status == 200
        assert await codes(1) == [0]

    play(exchange, scenario)


def test_a_missing_fill_frame_is_missing_from_the_stream_and_present_in_the_history(exchange: Any, play: Any) -> None:
    """The stream skips the trade; myTrades has it."""

    async def scenario(client: Any) -> None:
        stream = await client.user_stream()
        await client.fault(kind="lose_event", match={"event": "executionReport", "execution": "TRADE"}, count=None)
        await client.signed("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01", newClientOrderId="missing")
        await stream.event(e="outboundAccountPosition")
        assert [frame["event"]["x"] for frame in stream.waiting] == ["NEW"]
        order = await client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="missing")
        assert await client.signed("GET", "myTrades", symbol="BTCUSDT", orderId=order["orderId"])

    play(exchange, scenario)


def test_the_same_fill_comes_three_times(exchange: Any, play: Any) -> None:
    """A repeated event is the same frame, as often as asked."""

    async def scenario(client: Any) -> None:
        stream = await client.user_stream()
        await client.fault(kind="repeat_event", times=3, match={"execution": "TRADE"}, count=None)
        await client.signed("POST", "order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.001", newClientOrderId="thrice")
        first, second, third = [await stream.event(x="TRADE") for _ in range(3)]
        assert first == second == third

    play(exchange, scenario)


def test_events_come_in_the_wrong_order(exchange: Any, play: Any) -> None:
    """A held NEW arrives after the trade that followed it."""

    async def scenario(client: Any) -> None:
        stream = await client.user_stream()
        await client.fault(kind="hold_event", match={"execution": "NEW"})
        await client.signed("POST", "order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.001", newClientOrderId="crossed")
        await stream.event(c="crossed", x="NEW")
        assert stream.waiting[0]["event"]["x"] == "TRADE"

    play(exchange, scenario)


def test_a_frozen_feed_still_pongs_and_publishes_nothing(exchange: Any, play: Any) -> None:
    """Requests and pings are answered, the trades of the frozen time never come, and after it the feed goes on."""

    async def scenario(client: Any) -> None:
        socket = await client.socket("/ws/btcusdt@trade")
        await socket.until(lambda frame: frame["e"] == "trade")
        assert (await client.fault(kind="freeze", sockets="market", answers=True))["sockets"] >= 1
        last = (await client.public("trades", symbol="BTCUSDT", limit=1))[0]["id"]
        await socket.socket.ping(b"still there")
        async with asyncio.timeout(5):
            while (message := await socket.socket.receive()).type is not aiohttp.WSMsgType.PONG:
                pass
        assert message.data == b"still there"
        await client.signed("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001")
        assert (await socket.call("LIST_SUBSCRIPTIONS"))["result"] == ["btcusdt@trade"]
        assert not [frame for frame in socket.waiting if frame["t"] > last]
        await client.session.delete(f"{client.running.faults}/faults")
        after = await socket.until(lambda frame: frame.get("e") == "trade")
        assert after["t"] > last + 1

    play(exchange, scenario)


def test_a_frozen_peer_answers_nothing_at_all(exchange: Any, play: Any) -> None:
    """Without answers not even a ping is answered, while the connection stays open."""

    async def scenario(client: Any) -> None:
        socket = await client.socket("/ws-api/v3")
        await client.fault(kind="freeze", sockets="api", answers=False)
        await socket.socket.ping()
        await socket.socket.send_json({"id": 1, "method": "ping"})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await socket.socket.receive()
        assert not socket.socket.closed

    play(exchange, scenario)


def test_a_lost_depth_message_leaves_a_gap_in_the_update_ids(exchange: Any, play: Any) -> None:
    """Whoever keeps a book by the venue's rules can see that something is missing."""

    async def scenario(client: Any) -> None:
        socket = await client.socket("/ws/btcusdt@depth@100ms")
        before = await socket.until(lambda frame: True)
        await client.fault(kind="lose_stream", match={"stream": "btcusdt@depth*"})
        while (frame := await socket.until(lambda frame: True))["U"] == before["u"] + 1:
            before = frame
        assert frame["U"] > before["u"] + 1

    play(exchange, scenario)


def test_a_clock_one_and_a_half_seconds_off_shows_in_the_servers_time_and_refuses_orders(exchange: Any, play: Any) -> None:
    """A venue that is behind refuses what seems to come from the future, until its clock is right again."""

    async def scenario(client: Any) -> None:
        before = (await client.public("time"))["serverTime"]
        await client.fault(kind="clock_skew", milliseconds=-1500, count=None)
        assert (await client.public("time"))["serverTime"] < before
        assert (await client.order(newClientOrderId="skewed"))["code"] == -1021
        await client.session.delete(f"{client.running.faults}/faults")
        assert (await client.order(newClientOrderId="straight"))["status"] == "NEW"

    play(exchange, scenario)


def test_a_market_goes_on_when_a_clock_that_was_ahead_is_put_right(start_exchange: Any, play: Any) -> None:
    """Trades keep coming with later times, an order placed meanwhile is found, and the server's time is right at once."""

    async def scenario(client: Any) -> None:
        before = (await client.public("time"))["serverTime"]
        socket = await client.socket("/stream?streams=btcusdt@trade/btcusdt@depth@100ms")
        await client.fault(kind="clock_skew", milliseconds=60_000, count=None)
        while (await socket.until(lambda frame: True))["data"]["E"] < before + 60_000:
            pass
        await client.session.delete(f"{client.running.faults}/faults")
        assert (await client.public("time"))["serverTime"] < before + 60_000
        placed = await client.order(newClientOrderId="after-the-skew")
        found = await client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="after-the-skew")
        assert (found["status"], found["time"]) == ("NEW", placed["transactTime"])
        socket.waiting.clear()
        times: dict[str, set[int]] = {"btcusdt@trade": set(), "btcusdt@depth@100ms": set()}
        while min(map(len, times.values())) < 3:
            frame = await socket.until(lambda frame: True)
            times[frame["stream"]].add(frame["data"]["E"])

    play(start_exchange(), scenario)


def test_a_cancel_that_comes_too_late_finds_the_order_partly_filled(quiet: Any, play: Any) -> None:
    """Half of the order trades just before its cancellation, which takes the rest off."""

    async def scenario(client: Any) -> None:
        await client.order(newClientOrderId="race", quantity="0.02", price="60000")
        await client.fault(kind="fill_first", parts_per_million=500_000, match={"operation": "order.cancel"})
        canceled = await client.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId="race")
        assert (canceled["status"], canceled["executedQty"]) == ("CANCELED", "0.01000000")
        await client.order(newClientOrderId="race-lost", quantity="0.02", price="60000")
        await client.fault(kind="fill_first", parts_per_million=1_000_000, match={"operation": "order.cancel"})
        assert (await client.signed("DELETE", "order", symbol="BTCUSDT", origClientOrderId="race-lost"))["code"] == -2011
        assert (await client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="race-lost"))["status"] == "FILLED"

    play(quiet, scenario)


def test_a_lost_reply_of_the_socket_api_breaks_the_socket_and_keeps_the_order(exchange: Any, play: Any) -> None:
    """The faults that strike REST strike requests over sockets."""

    async def scenario(client: Any) -> None:
        api = await client.socket("/ws-api/v3")
        await client.fault(kind="bad_body", form="truncated", match={"channel": "web_socket"})
        await api.socket.send_json({"id": 7, "method": "time"})
        message = await api.socket.receive()
        with pytest.raises(json.JSONDecodeError):
            json.loads(message.data)
        await client.fault(kind="reset", match={"operation": "order.place", "channel": "web_socket"})
        parameters = client.parameters(**await client.resting(newClientOrderId="socket-lost"))
        await api.socket.send_json({"id": 8, "method": "order.place", "params": parameters})
        assert (await api.ended()).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        assert (await client.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="socket-lost"))["status"] == "NEW"

    play(exchange, scenario)


def test_an_outage_refuses_new_sockets_and_requests_and_keeps_the_open_orders(exchange: Any, play: Any) -> None:
    """While every request is reset nothing gets through; afterwards the six orders are still there."""

    async def scenario(client: Any) -> None:
        await client.signed("DELETE", "openOrders", symbol="BTCUSDT")
        for number in range(6):
            await client.order(newClientOrderId=f"owned-{number}")
        socket = await client.user_stream()
        await client.fault(kind="reset", when="before", count=None)
        await client.fault(kind="disconnect")
        assert (await socket.ended()).type is not aiohttp.WSMsgType.TEXT
        with pytest.raises(aiohttp.ClientError):
            await client.socket("/ws")
        with pytest.raises(aiohttp.ClientError):
            await client.public("time")
        await client.session.delete(f"{client.running.faults}/faults")
        assert len(await client.signed("GET", "openOrders", symbol="BTCUSDT")) == 6

    play(exchange, scenario)


def test_a_rate_limit_ban_holds_for_every_request_of_the_address(start_exchange: Any, play: Any) -> None:
    """418 with Retry-After comes once as ordered and then to whatever is asked until the ban is over."""

    async def scenario(client: Any) -> None:
        await client.fault(kind="ban", retry_after_seconds=600, match={"operation": "time"})
        for path in ("time", "ping"):
            async with client.session.get(f"{client.running.http}/api/v3/{path}") as response:
                assert response.status == 418
                assert 0 < int(response.headers["Retry-After"]) <= 600
                assert (await response.json())["code"] == -1003

    play(start_exchange(), scenario)


def test_the_control_plane_takes_no_form_of_a_web_page_and_names_what_it_does_not_know(exchange: Any, play: Any) -> None:
    """Bodies must be declared as JSON; unknown kinds and fields are refused."""

    async def scenario(client: Any) -> None:
        async with client.session.post(f"{client.running.faults}/faults", data="kind=ban") as response:
            assert response.status == 415
        for order in ({"kind": "earthquake"}, {"kind": "reset", "wen": "before"}, {"kind": "reset", "count": 0}):
            async with client.session.post(f"{client.running.faults}/faults", json=order) as response:
                assert response.status == 400
                assert (await response.json())["error"]

    play(exchange, scenario)
