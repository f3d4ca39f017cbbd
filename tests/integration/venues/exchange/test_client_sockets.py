"""Sockets of the exchange under clients that its authors did not write, unmodified and pointed here by address alone."""

import asyncio
from typing import Any

import pytest

KEY, SECRET = "desk-key", "desk-secret"
PATIENCE = 20


async def _soon(awaitable: Any) -> Any:
    async with asyncio.timeout(PATIENCE):
        return await awaitable


def test_ccxt_watches_a_market_and_its_own_orders(exchange: Any) -> None:
    """ccxt.pro keeps a book without a checksum error, watches trades, tickers and candles, and hears of its own fill."""
    ccxt_pro = pytest.importorskip("ccxt.pro", reason="ccxt is not installed")

    async def scenario() -> None:
        client = ccxt_pro.binance(
            {
                "apiKey": KEY,
                "secret": SECRET,
                "enableRateLimit": False,
                "options": {
                    "defaultType": "spot",
                    "fetchMarkets": {"types": ["spot"]},
                    "fetchCurrencies": False,
                    "fetchMargins": False,
                    "watchTicker": {"name": "ticker"},
                    "watchTickers": {"name": "ticker"},
                },
            }
        )
        for name, address in client.urls["api"].items():
            if isinstance(address, str):
                client.urls["api"][name] = f"{exchange.http}/blocked/{name}"
        client.urls["api"].update(public=f"{exchange.http}/api/v3", private=f"{exchange.http}/api/v3")
        client.urls["api"]["ws"].update(
            {"spot": f"{exchange.web_socket}/stream-spot/ws", "ws-api": {"spot": f"{exchange.web_socket}/ws-api/v3"}}
        )
        try:
            for _ in range(5):
                book = await _soon(client.watch_order_book("BTC/USDT"))
            assert book["bids"][0][0] < book["asks"][0][0]
            assert (await _soon(client.watch_trades("BTC/USDT")))[0]["price"] > 0
            assert (await _soon(client.watch_ticker("BTC/USDT")))["bid"] > 0
            assert (await _soon(client.watch_ohlcv("BTC/USDT", "1m")))[0][4] > 0
            await _soon(client.ensure_user_data_stream_ws_subscribe_signature("spot"))
            watching = asyncio.create_task(client.watch_my_trades("ETH/USDT"))
            order = await _soon(client.create_order_ws("ETH/USDT", "market", "buy", 0.25, None, {"newClientOrderId": "ccxt-1"}))
            assert order["status"] == "closed"
            assert (await _soon(watching))[0]["order"] == order["id"]
        finally:
            await client.close()

    asyncio.run(scenario())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_venues_own_sdk_finds_every_stream_and_answer_as_its_models_say(exchange: Any) -> None:
    """binance-sdk-spot parses streams, requests and user events, and no field is left over that its models do not know."""
    sdk = pytest.importorskip("binance_sdk_spot.spot", reason="binance-sdk-spot is not installed")

    def left_over(model: Any) -> list[Any]:
        if isinstance(model, list):
            return [found for each in model for found in left_over(each)]
        if getattr(model, "actual_instance", None) is not None:
            return left_over(model.actual_instance)
        if not hasattr(type(model), "model_fields"):
            return []
        own = [model.additional_properties] if getattr(model, "additional_properties", None) else []
        return own + [found for name in type(model).model_fields for found in left_over(getattr(model, name))]

    async def scenario() -> None:
        client = sdk.Spot(
            config_ws_api=sdk.ConfigurationWebSocketAPI(api_key=KEY, api_secret=SECRET, stream_url=f"{exchange.web_socket}/ws-api/v3"),
            config_ws_streams=sdk.ConfigurationWebSocketStreams(stream_url=f"{exchange.web_socket}/stream"),
        )
        api = await client.websocket_api.create_connection()
        events: asyncio.Queue[Any] = asyncio.Queue()
        (await _soon(api.user_data_stream_subscribe_signature())).stream.on("message", events.put_nowait)
        placed = await _soon(api.order_place("BTCUSDT", "BUY", "MARKET", quote_order_qty=100.0, new_client_order_id="sdk-1"))
        answers = [
            placed,
            await _soon(api.time()),
            await _soon(api.depth("BTCUSDT")),
            await _soon(api.klines("BTCUSDT", "1m")),
            await _soon(api.order_status("BTCUSDT", orig_client_order_id="sdk-1")),
            await _soon(api.my_trades("BTCUSDT")),
            await _soon(api.account_status()),
        ]
        assert not [found for answer in answers for found in left_over(answer.data())]
        assert placed.data().result.status == "FILLED"
        assert (await _soon(api.session_status())).data().result.user_data_stream
        heard = [await _soon(events.get()) for _ in range(3)]
        assert not left_over(heard)
        assert heard[0].actual_instance.c == "sdk-1"
        await api.close_connection(close_session=True)

        streams = await client.websocket_streams.create_connection()
        told: dict[str, asyncio.Queue[Any]] = {}
        for name, arguments in (
            ("trade", ("btcusdt",)),
            ("agg_trade", ("btcusdt",)),
            ("book_ticker", ("btcusdt",)),
            ("diff_book_depth", ("btcusdt",)),
            ("kline", ("btcusdt", "1m")),
        ):
            queue = told[name] = asyncio.Queue()
            (await _soon(getattr(streams, name)(*arguments))).on("message", queue.put_nowait)
        for queue in told.values():
            assert not left_over(await _soon(queue.get()))
        await streams.close_connection(close_session=True)

    asyncio.run(scenario())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_python_binance_keeps_a_depth_cache_and_hears_of_its_order(exchange: Any) -> None:
    """Its sockets, its depth cache and its user socket work as they are."""
    binance = pytest.importorskip("binance", reason="python-binance is not installed")

    async def scenario() -> None:
        binance.AsyncClient.API_URL = f"{exchange.http}/api"
        binance.AsyncClient.WS_API_URL = f"{exchange.web_socket}/ws-api/v3"
        client = await binance.AsyncClient.create(KEY, SECRET)
        manager = binance.BinanceSocketManager(client)
        manager.STREAM_URL = f"{exchange.web_socket}/"
        try:
            async with manager.multiplex_socket(["btcusdt@trade", "ethusdt@trade"]) as socket:
                assert (await _soon(socket.recv()))["data"]["e"] == "trade"
            async with manager.miniticker_socket() as socket:
                assert {ticker["e"] for ticker in await _soon(socket.recv())} == {"24hrMiniTicker"}
            async with binance.DepthCacheManager(client, "BTCUSDT", bm=manager) as depth:
                cache = await _soon(depth.recv())
                assert cache.get_bids()[0][0] < cache.get_asks()[0][0]
            async with manager.user_socket() as user:
                order = await _soon(client.ws_create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.001"))
                assert (await _soon(user.recv()))["i"] == order["orderId"]
        finally:
            await client.close_connection()

    asyncio.run(scenario())
