"""Clients that nobody here wrote, unmodified but for the address: ccxt, Binance's own SDK and python-binance."""

import asyncio
import warnings
from typing import Any

import pytest

KEY, SECRET = "desk-key", "desk-secret"
SYMBOL = "BTCUSDT"


def far_below(price: float) -> str:
    """Give a price that rests and passes the filters."""
    return f"{price * 0.8:.2f}"


def test_ccxt_trades_by_rest(exchange: Any) -> None:
    """The library ccxt places, queries, replaces and cancels, reads markets, balances and trades, and raises its classes for refusals."""
    pytest.importorskip("ccxt", reason="ccxt is not installed")
    import ccxt.async_support as ccxt  # noqa: TID251 -- a client from outside, as its users have it

    async def main() -> None:
        client = ccxt.binance(
            {
                "apiKey": KEY,
                "secret": SECRET,
                "enableRateLimit": False,
                "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False},
            }
        )
        for name, url in client.urls["api"].items():
            if isinstance(url, str):
                client.urls["api"][name] = f"{exchange.http}/blocked/{name}"
        client.urls["api"].update(public=f"{exchange.http}/api/v3", private=f"{exchange.http}/api/v3")
        client.exceptions["exact"] = {**client.exceptions["exact"], **client.exceptions["spot"]["exact"]}
        try:
            markets = await client.load_markets()
            assert markets["BTC/USDT"]["precision"]["price"] == 0.01
            ticker = await client.fetch_ticker("BTC/USDT")
            price = far_below(ticker["bid"])
            placed = await client.create_order("BTC/USDT", "limit", "buy", 0.01, price, {"newClientOrderId": "IL-one"})
            assert (placed["status"], placed["clientOrderId"]) == ("open", "IL-one")
            with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
                await client.create_order("BTC/USDT", "limit", "buy", 0.01, price, {"newClientOrderId": "IL-one"})
            found = await client.fetch_order(None, "BTC/USDT", {"origClientOrderId": "IL-one"})
            assert found["id"] == placed["id"]
            edited = await client.edit_order(placed["id"], "BTC/USDT", "limit", "buy", 0.02, price, {"newClientOrderId": "IL-two"})
            assert [order["id"] for order in await client.fetch_open_orders("BTC/USDT")] == [edited["id"]]
            assert len(await client.cancel_all_orders("BTC/USDT")) == 1
            with pytest.raises(ccxt.OrderNotFound):
                await client.cancel_order(edited["id"], "BTC/USDT")
            bought = await client.create_order("BTC/USDT", "market", "buy", 0.01)
            assert bought["status"] == "closed"
            assert bought["trades"]
            assert {trade["order"] for trade in await client.fetch_my_trades("BTC/USDT")} >= {bought["id"]}
            assert (await client.fetch_balance())["total"]["BTC"] > 0
            assert await client.fetch_ohlcv("BTC/USDT", "1m")
            assert (await client.fetch_order_book("BTC/USDT", 5))["nonce"]
            with pytest.raises(ccxt.InsufficientFunds):
                await client.create_order("BTC/USDT", "limit", "buy", 180, price)
            with pytest.raises(ccxt.OrderImmediatelyFillable):
                await client.create_order("BTC/USDT", "limit", "buy", 0.01, f"{ticker['ask'] * 1.1:.2f}", {"postOnly": True})
            client.secret = "another"
            with pytest.raises(ccxt.AuthenticationError):
                await client.fetch_balance()
        finally:
            await client.close()

    asyncio.run(main())


def undocumented(value: Any, path: str = "") -> list[str]:
    """Name the fields of an SDK answer that Binance's own OpenAPI description does not know."""
    if isinstance(value, list | tuple):
        return [line for index, item in enumerate(value) for line in undocumented(item, f"{path}[{index}]")]
    fields = getattr(type(value), "model_fields", None)
    if fields is None:
        return []
    found = [f"{path}.{name}" for name in (getattr(value, "additional_properties", None) or {})]
    return found + [
        line for name in fields if name != "additional_properties" for line in undocumented(getattr(value, name), f"{path}.{name}")
    ]


def test_binances_own_sdk_knows_every_field(exchange: Any) -> None:
    """binance-sdk-spot parses every answer, and none has a field that its models lack."""
    pytest.importorskip("binance_sdk_spot", reason="binance-sdk-spot is not installed")
    from binance_common.configuration import ConfigurationRestAPI
    from binance_common.errors import BadRequestError
    from binance_sdk_spot.spot import Spot

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rest = Spot(config_rest_api=ConfigurationRestAPI(api_key=KEY, api_secret=SECRET, base_path=exchange.http)).rest_api
        unknown: dict[str, list[str]] = {}

        def ask(operation: str, **sent: Any) -> Any:
            answer = getattr(rest, operation)(**sent).data()
            unknown[operation] = unknown.get(operation, []) + undocumented(answer)
            return answer

        ask("ping")
        ask("time")
        ask("exchange_info")
        ask("exchange_info", symbols=[SYMBOL, "ETHUSDT"])
        for operation in ("depth", "get_trades", "historical_trades", "agg_trades", "avg_price"):
            ask(operation, symbol=SYMBOL)
        for operation in ("ticker24hr", "ticker_price", "ticker_book_ticker", "ticker", "ticker_trading_day"):
            ask(operation, symbol=SYMBOL)
        ask("ticker24hr")
        ask("ticker", symbols=[SYMBOL, "ETHUSDT"], type="MINI")
        ask("klines", symbol=SYMBOL, interval="1m")
        price = float(far_below(float(ask("ticker_price", symbol=SYMBOL).actual_instance.price)))
        limit = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC", "quantity": 0.01, "price": price}
        placed = ask("new_order", **limit, new_client_order_id="sdk")
        ask("get_order", symbol=SYMBOL, orig_client_order_id="sdk")
        ask("get_open_orders", symbol=SYMBOL)
        ask("all_orders", symbol=SYMBOL)
        replace = {"cancel_replace_mode": "STOP_ON_FAILURE", "cancel_order_id": placed.order_id}
        ask("order_cancel_replace", **limit, **replace)
        with pytest.raises(BadRequestError, match="cancel-replace failed"):
            ask("order_cancel_replace", **limit, **replace)
        ask("delete_open_orders", symbol=SYMBOL)
        ask("new_order", symbol=SYMBOL, side="BUY", type="MARKET", quantity=0.01)
        ask("order_test", symbol=SYMBOL, side="BUY", type="MARKET", quantity=0.01, compute_commission_rates=True)
        ask("get_account")
        for operation in ("my_trades", "account_commission", "my_filters", "my_allocations"):
            ask(operation, symbol=SYMBOL)
        ask("my_prevented_matches", symbol=SYMBOL, order_id=placed.order_id)
        ask("rate_limit_order")
    assert {operation: found for operation, found in unknown.items() if found} == {}
    assert len(unknown) >= 25


def test_python_binance_trades_by_rest(exchange: Any) -> None:
    """python-binance connects, reads the market and the account, and trades."""
    pytest.importorskip("binance", reason="python-binance is not installed")

    async def main() -> None:
        from binance import AsyncClient
        from binance.exceptions import BinanceAPIException

        class LocalClient(AsyncClient):
            API_URL = f"{exchange.http}/api"

        client = await LocalClient.create(KEY, SECRET)
        try:
            assert (await client.get_symbol_info(SYMBOL))["status"] == "TRADING"
            price = far_below(float((await client.get_symbol_ticker(symbol=SYMBOL))["price"]))
            placed = await client.order_limit_buy(symbol=SYMBOL, quantity="0.01", price=price)
            found = await client.get_order(symbol=SYMBOL, orderId=placed["orderId"])
            assert found["status"] == "NEW"
            assert (await client.cancel_order(symbol=SYMBOL, orderId=placed["orderId"]))["status"] == "CANCELED"
            bought = await client.order_market_buy(symbol=SYMBOL, quoteOrderQty="500")
            assert bought["status"] == "FILLED"
            assert {trade["orderId"] for trade in await client.get_my_trades(symbol=SYMBOL)} >= {bought["orderId"]}
            assert await client.create_test_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.01") == {}
            assert {balance["asset"] for balance in (await client.get_account())["balances"]} >= {"BTC", "USDT"}
            assert (await client.get_order_book(symbol=SYMBOL))["bids"]
            with pytest.raises(BinanceAPIException) as refusal:
                await client.order_limit_buy(symbol=SYMBOL, quantity="0.000001", price=price)
            assert (refusal.value.code, refusal.value.message) == (-1013, "Filter failure: LOT_SIZE")
        finally:
            await client.close_connection()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asyncio.run(main())
