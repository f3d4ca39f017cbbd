"""Market streams of a real process over real sockets."""

from typing import Any

import pytest
from aiohttp import WSMsgType


def test_a_book_kept_from_snapshot_and_updates_is_the_exchanges_book(exchange: Any, play: Any) -> None:
    """Binance's rules for a local book lead to the book that REST shows, and no update is missing between."""

    async def scenario(client: Any) -> None:
        socket = await client.socket("/ws/btcusdt@depth@100ms")
        first = await socket.until(lambda frame: True)
        snapshot = await client.public("depth", symbol="BTCUSDT", limit=5000)
        assert snapshot["lastUpdateId"] >= first["U"]
        book = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}
        last, target = snapshot["lastUpdateId"], None
        frame, told, frames = first, 0, 1
        while target is None or last != target["lastUpdateId"] or frames < 6:
            assert frame["U"] == told + 1 or not told
            told = frame["u"]
            if told > last:
                assert frame["U"] <= last + 1
                last = told
                for side in ("b", "a"):
                    book[side] |= dict(frame[side])
            if target is None or last > target["lastUpdateId"]:
                target = await client.public("depth", symbol="BTCUSDT", limit=5000)
            if last != target["lastUpdateId"] or frames < 6:
                frame, frames = await socket.until(lambda frame: True), frames + 1
        for side, name in (("b", "bids"), ("a", "asks")):
            assert {price: quantity for price, quantity in book[side].items() if float(quantity)} == dict(target[name])

    play(exchange, scenario)


def test_a_trade_is_told_to_raw_and_combined_listeners_in_their_own_form_and_time_unit(exchange: Any, play: Any) -> None:
    """The same trade arrives bare, wrapped with its stream's name, and in microseconds for who asked for them."""

    async def scenario(client: Any) -> None:
        raw = await client.socket("/ws/btcusdt@trade")
        wrapped = await client.socket("/stream?streams=btcusdt@trade/btcusdt@aggTrade")
        precise = await client.socket("/stream-spot/ws/btcusdt@trade?timeUnit=MICROSECOND")
        numbered = await client.socket("/stream-spot/ws/0")
        assert await numbered.call("SUBSCRIBE", ["btcusdt@trade"]) == {"result": None, "id": 1}
        await client.signed("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.00123")
        trade = await raw.until(lambda frame: frame["q"] == "0.00123000")
        assert set(trade) == {"e", "E", "s", "t", "p", "q", "T", "m", "M"}
        assert not trade["m"]
        assert (await wrapped.until(lambda frame: frame["data"].get("t") == trade["t"])) == {"stream": "btcusdt@trade", "data": trade}
        assert (await wrapped.until(lambda frame: frame["data"].get("l") == trade["t"]))["data"]["e"] == "aggTrade"
        assert (await precise.until(lambda frame: frame["t"] == trade["t"]))["T"] // 1000 == trade["T"]
        assert await numbered.until(lambda frame: frame.get("t") == trade["t"]) == trade

    play(exchange, scenario)


def test_subscriptions_come_go_and_are_listed_and_mistakes_are_named_as_the_venue_names_them(exchange: Any, play: Any) -> None:
    """SUBSCRIBE, UNSUBSCRIBE, lists and the combined property answer as documented."""

    async def scenario(client: Any) -> None:
        socket = await client.socket("/ws")
        assert await socket.call("SUBSCRIBE", ["ethusdt@ticker", "ethusdt@depth"]) == {"result": None, "id": 1}
        assert await socket.call("LIST_SUBSCRIPTIONS") == {"result": ["ethusdt@depth", "ethusdt@ticker"], "id": 2}
        assert await socket.call("UNSUBSCRIBE", ["ethusdt@depth"]) == {"result": None, "id": 3}
        assert (await socket.call("GET_PROPERTY", ["combined"]))["result"] is False
        assert (await socket.call("GET_PROPERTY", ["colour"]))["error"] == {"code": 0, "msg": "Unknown property"}
        other = await client.socket("/stream")
        assert (await other.call("GET_PROPERTY", ["combined"]))["result"] is True
        assert (await other.call("SET_PROPERTY", ["combined", 1]))["error"] == {"code": 1, "msg": "Invalid value type: expected Boolean"}
        assert (await other.call("SUBSCRIBED"))["error"]["code"] == 2
        await other.socket.send_str("{")
        assert (await other.until(lambda frame: "error" in frame))["error"]["code"] == 3

    play(exchange, scenario)


def test_a_client_that_sends_more_than_five_messages_a_second_is_cut_off(exchange: Any, play: Any) -> None:
    """The sixth message within a second ends the connection, after the five before it were answered."""

    async def scenario(client: Any) -> None:
        socket = await client.socket("/ws")
        for number in range(6):
            await socket.socket.send_json({"id": number, "method": "LIST_SUBSCRIPTIONS"})
        for number in range(5):
            assert await socket.until(lambda frame: True) == {"result": [], "id": number}
        ended = await socket.ended()
        assert ended.type is WSMsgType.CLOSE
        assert ended.data == 1008

    play(exchange, scenario)


def test_a_connection_may_listen_to_1024_streams_and_no_more(exchange: Any, play: Any) -> None:
    """The 1025th stream is refused and ends the connection, as was measured at the venue."""

    async def scenario(client: Any) -> None:
        socket = await client.socket("/ws")
        names = [f"unknown{number}usdt@trade" for number in range(1025)]
        assert (await socket.call("SUBSCRIBE", names[:1024]))["result"] is None
        assert (await socket.call("SUBSCRIBE", names[1024:]))["error"] == {"code": 4, "msg": "Too many subscriptions"}
        ended = await socket.ended()
        assert (ended.data, ended.extra) == (1008, "Invalid request")

    play(exchange, scenario)


@pytest.mark.parametrize("separator", ["@+08:00", "@%2B08:00"])
def test_several_streams_are_named_in_the_path_and_bars_in_another_time_zone_too(exchange: Any, play: Any, separator: str) -> None:
    """Raw streams may be several; a day eight hours ahead of UTC opens at 16:00 UTC."""

    async def scenario(client: Any) -> None:
        socket = await client.socket(f"/ws/btcusdt@kline_1d{separator}/ethusdt@bookTicker")
        await socket.until(lambda frame: frame.get("s") == "ETHUSDT" and "b" in frame)
        bar = (await socket.until(lambda frame: frame.get("e") == "kline"))["k"]
        assert bar["t"] % 86_400_000 == 16 * 3_600_000
        assert bar["T"] == bar["t"] + 86_399_999
        combined = await client.socket(f"/stream?streams=btcusdt@kline_1d{separator}/ethusdt@bookTicker")
        frame = await combined.until(lambda frame: "kline" in frame["stream"])
        assert (frame["stream"], frame["data"]["k"]["t"]) == ("btcusdt@kline_1d@+08:00", bar["t"])

    play(exchange, scenario)


def test_a_refused_request_says_where_it_went_wrong(exchange: Any, play: Any) -> None:
    """Line and column are those at which the venue's JSON reader stops."""

    async def scenario(client: Any) -> None:
        socket = await client.socket("/ws")
        for text, message in (
            ('{"id":3}', "Invalid request: missing field `method` at line 1 column 8"),
            ('{\n  "id":3\n}', "Invalid request: missing field `method` at line 3 column 1"),
            ('{"method":"LISTEN","id":3}', "GET_PROPERTY` at line 1 column 18"),
            ('{"id":}', "Invalid JSON: expected value at line 1 column 7"),
        ):
            await socket.socket.send_str(text)
            assert (await socket.until(lambda frame: "error" in frame))["error"]["msg"].endswith(message)

    play(exchange, scenario)


@pytest.mark.parametrize("name", ["@@@###", "not a stream", "btcusdt@", ""])
def test_what_cannot_be_a_streams_name_ends_the_connection(exchange: Any, play: Any, name: str) -> None:
    """A stream that does not exist is acknowledged and stays silent; a name with the wrong characters is refused."""

    async def scenario(client: Any) -> None:
        socket = await client.socket("/ws")
        assert (await socket.call("SUBSCRIBE", ["btcusdt@nosuchstream", "!ticker@arr", "btcusdt@kline_1d@+08:00"]))["result"] is None
        assert (await socket.call("SUBSCRIBE", [name]))["error"] == {"code": 2, "msg": "Invalid request: invalid stream"}
        ended = await socket.ended()
        assert (ended.data, ended.extra) == (1008, "Invalid request")

    play(exchange, scenario)


def test_an_empty_request_is_no_json(exchange: Any, play: Any) -> None:
    """As the venue words it."""

    async def scenario(client: Any) -> None:
        socket = await client.socket("/ws")
        await socket.socket.send_str("")
        frame = await socket.until(lambda frame: "error" in frame)
        assert frame["error"] == {"code": 3, "msg": "Invalid JSON: EOF while parsing a value at line 1 column 0"}

    play(exchange, scenario)


def test_at_shutdown_every_socket_is_told_and_closed_and_nothing_is_served_on(start_exchange: Any, play: Any) -> None:
    """SIGTERM sends serverShutdown in each kind of socket's own form and ends the process within moments."""
    running = start_exchange()

    async def scenario(client: Any) -> None:
        raw, wrapped, api = await client.socket("/ws"), await client.socket("/stream"), await client.socket("/ws-api/v3")
        running.process.terminate()
        assert (await raw.until(lambda frame: True))["e"] == "serverShutdown"
        assert (await wrapped.until(lambda frame: True))["stream"] == "!serverShutdown"
        assert (await api.until(lambda frame: True))["event"]["e"] == "serverShutdown"
        for socket in (raw, wrapped, api):
            ended = await socket.ended()
            assert ended.data == 1001

    play(running, scenario)
    assert running.process.wait(10) == 0
