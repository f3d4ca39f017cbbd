"""Every payload of a real process has every field that Binance's own SDK documents, of the documented type, and no other."""

import importlib
import re
from typing import Any

import pytest

pytest.importorskip("binance_sdk_spot", reason="binance-sdk-spot is not installed")

from documented_models import CONDITIONAL, CONDITIONAL_IN_REPORTS, differences

SYMBOL = "BTCUSDT"
RESULT_ONLY = frozenset(
    [
        "price",
        "origQty",
        "executedQty",
        "origQuoteOrderQty",
        "cummulativeQuoteQty",
        "status",
        "timeInForce",
        "type",
        "side",
        "workingTime",
        "selfTradePreventionMode",
    ]
)
"""What a RESULT has over an ACK."""
DERIVED = frozenset(
    ["priceChange", "priceChangePercent", "weightedAvgPrice", "prevClosePrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty"]
)
"""What a FULL ticker has over a MINI one."""

ELSEWHERE = frozenset({"count", "sors", "priceExponent", "qtyExponent", "multiplierExponent"})
"""What the models of `exchangeInfo` have that JSON's has not: usage, order routing, and the exponents of SBE."""

ORDER_LISTS = frozenset(
    ["contingencyType", "listClientOrderId", "listOrderStatus", "listStatusType", "orderReports", "orders", "transactionTime"]
)
"""What the model of `order.cancel` has for orders that belong to a list."""


class Checked:
    """Gather what differs from the SDK's models."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def __call__(self, api: str, name: str, value: Any, *, many: bool = False, absent: frozenset[str] = CONDITIONAL) -> Any:
        """Compare a payload, or each of a list that is not empty, with a model, and give it."""
        snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        model = getattr(importlib.import_module(f"binance_sdk_spot.{api}.models.{snake}"), name)
        complaints = differences(value, list[model] if many else model, absent)
        self.found.setdefault(f"{api} {name}", []).extend(complaints if value != [] else ["nothing to compare"])
        return value

    def done(self) -> None:
        """Fail with everything that differs, by payload."""
        complaints = [f"{name} {line}" for name, lines in self.found.items() for line in sorted(set(lines))]
        assert not complaints, "\n".join(complaints)


def test_the_check_misses_nothing(exchange: Any, play: Any) -> None:
    """A field that is gone, of another type, or unknown is complained of, however deep it lies."""

    async def scenario(client: Any) -> None:
        account = await client.signed("GET", "account")
        for damage, complaint in (
            (lambda: account.pop("uid"), "$.uid: missing"),
            (lambda: account["balances"][0].update(free=1.5), "$.balances[0].free: 1.5 is no str"),
            (lambda: account["commissionRates"].update(extra="1"), "$.commissionRates.extra: not documented"),
            (lambda: account.update(updateTime="1"), "$.updateTime: '1' is no int"),
            (lambda: account.update(canTrade=1), "$.canTrade: 1 is no bool"),
        ):
            damage()
            checked = Checked()
            checked("rest_api", "GetAccountResponse", account)
            with pytest.raises(AssertionError, match=re.escape(f"rest_api GetAccountResponse {complaint}")):
                checked.done()

    play(exchange, scenario)


def test_every_rest_answer_has_every_documented_field(quiet: Any, play: Any) -> None:
    """All of /api/v3: market data in every form, orders from ACK to cancel-replace, and the account."""

    async def scenario(client: Any) -> None:
        checked = Checked()

        def rest(name: str, value: Any, *, many: bool = False, absent: frozenset[str] = frozenset()) -> Any:
            return checked("rest_api", name, value, many=many, absent=CONDITIONAL | absent)

        symbol, both = {"symbol": SYMBOL}, {"symbols": '["BTCUSDT","ETHUSDT"]'}
        market = {"side": "BUY", "type": "MARKET", "quantity": "0.01", **symbol}
        traded = rest("NewOrderResponse", await client.signed("POST", "order", **market))
        assert traded["fills"]
        assert await client.public("ping") == {}
        rest("TimeResponse", await client.public("time"))
        rest("ExchangeInfoResponse", await client.public("exchangeInfo"), absent=ELSEWHERE)
        rest("DepthResponse", await client.public("depth", **symbol))
        for path, name in (("trades", "GetTrades"), ("historicalTrades", "GetTrades"), ("aggTrades", "AggTrades")):
            rest(f"{name}ResponseInner", await client.public(path, **symbol), many=True)
        rest("AvgPriceResponse", await client.public("avgPrice", **symbol))
        for path in ("klines", "uiKlines"):
            for row in await client.public(path, interval="1m", **symbol):
                assert [type(each) for each in row] == [int, *[str] * 5, int, str, int, str, str, str]
        for path, name in (("ticker/24hr", "Ticker24hr"), ("ticker/tradingDay", "TickerTradingDay"), ("ticker", "Ticker")):
            rest(f"{name}Response1", await client.public(path, **symbol))
            rest(f"{name}Response2Inner", await client.public(path, **both), many=True)
            rest(f"{name}Response1", await client.public(path, type="MINI", **symbol), absent=DERIVED)
        for path, name in (("ticker/price", "TickerPrice"), ("ticker/bookTicker", "TickerBookTicker")):
            rest(f"{name}Response1", await client.public(path, **symbol))
            rest(f"{name}Response2Inner", await client.public(path), many=True)

        for kind, absent in (("ACK", RESULT_ONLY | {"fills"}), ("RESULT", frozenset({"fills"})), ("FULL", frozenset())):
            rest("NewOrderResponse", await client.order(newOrderRespType=kind, newClientOrderId=f"fields-{kind}"), absent=absent)
        rest("GetOrderResponse", await client.signed("GET", "order", origClientOrderId="fields-ACK", **symbol))
        rest("AllOrdersResponseInner", await client.signed("GET", "openOrders"), many=True)
        rest("DeleteOrderResponse", await client.signed("DELETE", "order", origClientOrderId="fields-ACK", **symbol))
        replace = await client.resting(cancelReplaceMode="ALLOW_FAILURE", cancelOrigClientOrderId="fields-FULL")
        rest("OrderCancelReplaceResponse", await client.signed("POST", "order/cancelReplace", **replace))
        half = await client.signed("POST", "order/cancelReplace", **replace)
        assert (half["code"], half["msg"]) == (-2021, "Order cancel-replace partially failed.")
        assert half["data"]["cancelResult"] == "FAILURE"
        rest("OrderCancelReplaceResponseNewOrderResponse", half["data"]["newOrderResponse"])
        poor = await client.signed("POST", "order/cancelReplace", **(replace | {"quantity": "100"}))
        assert poor["data"] == {
            "cancelResult": "FAILURE",
            "newOrderResult": "FAILURE",
            "cancelResponse": {"code": -2011, "msg": "Unknown order sent."},
            "newOrderResponse": {"code": -2010, "msg": "Account has insufficient balance for requested action."},
        }
        stopped = await client.signed("POST", "order/cancelReplace", **(replace | {"cancelReplaceMode": "STOP_ON_FAILURE"}))
        assert (stopped["code"], stopped["data"]["newOrderResult"], stopped["data"]["newOrderResponse"]) == (-2022, "NOT_ATTEMPTED", None)
        rest("DeleteOpenOrdersResponseInner", await client.signed("DELETE", "openOrders", **symbol), many=True)
        rest("OrderTestResponse", await client.signed("POST", "order/test", computeCommissionRates="true", **market))
        assert await client.signed("POST", "order/test", **market) == {}
        rest("AllOrdersResponseInner", await client.signed("GET", "allOrders", **symbol), many=True)
        rest("MyTradesResponseInner", await client.signed("GET", "myTrades", **symbol), many=True)
        rest("GetAccountResponse", await client.signed("GET", "account"))
        held = rest("GetAccountResponse", await client.signed("GET", "account", omitZeroBalances="true"))
        assert all(float(each["free"]) or float(each["locked"]) for each in held["balances"])
        rest("AccountCommissionResponse", await client.signed("GET", "account/commission", **symbol))
        rest("RateLimitOrderResponseInner", await client.signed("GET", "rateLimit/order"), many=True)
        taker = await prevent(client)
        rest("MyPreventedMatchesResponseInner", await client.signed("GET", "myPreventedMatches", orderId=taker, **symbol), many=True)
        checked.done()

    play(quiet, scenario)


def unnamed(event: Any) -> Any:
    """Give a user event without its type, which the SDK takes off before it asks the model."""
    return {name: value for name, value in event.items() if name != "e"}


async def prevent(client: Any) -> int:
    """Let an order of the account meet another of the account, and give the taker's id."""
    ask = (await client.public("depth", symbol=SYMBOL, limit=5))["asks"][0][0]
    await client.signed("DELETE", "openOrders", symbol=SYMBOL)
    best = {"symbol": SYMBOL, "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    rested = await client.signed("POST", "order", side="SELL", price=f"{float(ask) - 0.01:.2f}", **best)
    assert rested["status"] in {"NEW", "FILLED"}, rested
    taker = await client.signed("POST", "order", side="BUY", price=ask, selfTradePreventionMode="EXPIRE_MAKER", **best)
    assert taker["preventedMatches"], taker
    return taker["orderId"]


def test_every_web_socket_api_answer_has_every_documented_field(quiet: Any, play: Any) -> None:
    """Each method answers with id, status, result and rateLimits, and its result has what the SDK's model has."""

    async def scenario(client: Any) -> None:
        checked = Checked()
        api = await client.socket("/ws-api/v3")
        symbol, both = {"symbol": SYMBOL}, {"symbols": [SYMBOL, "ETHUSDT"]}
        client_ids = iter(range(100))

        async def ask(method: str, name: str, absent: frozenset[str] = frozenset(), **sent: Any) -> Any:
            answer = await api.call(method, sent)
            assert list(answer) == ["id", "status", "result", "rateLimits"], answer
            answer["id"] = str(answer["id"])  # the SDK knows only ids that are texts; numbers are echoed as numbers
            if method.startswith(("session", "userDataStream")):
                del answer["rateLimits"]  # the page says that every answer has it, its examples of these leave it out
            return checked("websocket_api", f"{name}Response", answer, absent=CONDITIONAL | absent)["result"]

        async def own(method: str, name: str, absent: frozenset[str] = frozenset(), **sent: Any) -> Any:
            return await ask(method, name, absent, **client.parameters(**sent))

        market = {"side": "BUY", "type": "MARKET", "quantity": "0.01", **symbol}
        assert (await own("order.place", "OrderPlace", **market))["fills"]
        await ask("ping", "Ping")
        await ask("time", "Time")
        for method, name in (
            ("depth", "Depth"),
            ("trades.recent", "TradesRecent"),
            ("trades.historical", "TradesHistorical"),
            ("trades.aggregate", "TradesAggregate"),
            ("avgPrice", "AvgPrice"),
        ):
            assert await ask(method, name, **symbol)
        for method, name in (("klines", "Klines"), ("uiKlines", "UiKlines")):
            assert len((await ask(method, name, interval="1m", **symbol))[0]) == 12
        for method, name in (("ticker.24hr", "Ticker24hr"), ("ticker.tradingDay", "TickerTradingDay"), ("ticker", "Ticker")):
            await ask(method, f"{name}", **symbol)
            await ask(method, f"{name}", **both)
            await ask(method, f"{name}", DERIVED, type="MINI", **both)
        for method, name in (("ticker.price", "TickerPrice"), ("ticker.book", "TickerBook")):
            await ask(method, name, **symbol)
            await ask(method, name)
        rules = await api.call("exchangeInfo", symbol)
        checked("websocket_api", "ExchangeInfoResponse", rules["result"], absent=ELSEWHERE)
        limits = [(limit["rateLimitType"], limit["intervalNum"], limit["interval"]) for limit in rules["result"]["rateLimits"]]
        assert limits == [("REQUEST_WEIGHT", 1, "MINUTE"), ("ORDERS", 10, "SECOND"), ("ORDERS", 1, "DAY"), ("CONNECTIONS", 5, "MINUTE")]
        await ask("session.status", "SessionStatus")
        await ask("session.subscriptions", "SessionSubscriptions")

        rested = await client.resting()
        for kind, absent in (("ACK", RESULT_ONLY | {"fills"}), ("RESULT", frozenset({"fills"})), ("FULL", frozenset())):
            await own("order.place", "OrderPlace", absent, **rested, newOrderRespType=kind, newClientOrderId=f"ws-{next(client_ids)}")
        market = {"side": "BUY", "type": "MARKET", "quantity": "0.01", **symbol}
        assert (await own("order.place", "OrderPlace", **market))["fills"]
        await own("order.test", "OrderTest", computeCommissionRates="true", **market)
        await own("order.status", "OrderStatus", origClientOrderId="ws-0", **symbol)
        await own("openOrders.status", "OpenOrdersStatus", **symbol)
        await own("order.cancel", "OrderCancel", ORDER_LISTS, origClientOrderId="ws-0", **symbol)
        replace = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "ws-1"}
        replaced = await api.call("order.cancelReplace", client.parameters(**rested, **replace))
        # The method's own model lacks the new order's fills and working time, which REST's has.
        checked("rest_api", "OrderCancelReplaceResponse", replaced["result"])
        failed = await api.call("order.cancelReplace", client.parameters(**rested, **replace))
        assert list(failed) == ["id", "status", "error", "rateLimits"]
        assert (failed["status"], failed["error"]["code"]) == (400, -2022)
        canceled = await api.call("openOrders.cancelAll", client.parameters(**symbol))
        # The method's own model is of order lists and single orders at once: what it lists of single orders is REST's.
        checked("rest_api", "DeleteOpenOrdersResponseInner", canceled["result"], many=True)
        await own("allOrders", "AllOrders", **symbol)
        await own("myTrades", "MyTrades", **symbol)
        await own("account.status", "AccountStatus")
        await own("account.status", "AccountStatus", omitZeroBalances="true")
        await own("account.commission", "AccountCommission", **symbol)
        await own("account.rateLimits.orders", "AccountRateLimitsOrders")
        await own("myPreventedMatches", "MyPreventedMatches", orderId=await prevent(client), **symbol)
        await own("userDataStream.subscribe.signature", "UserDataStreamSubscribeSignature")
        await ask("userDataStream.unsubscribe", "UserDataStreamUnsubscribe")
        checked.done()

    play(quiet, scenario)


def test_every_market_stream_has_every_documented_field(exchange: Any, play: Any) -> None:
    """Each stream of a symbol and of all, raw and combined."""
    streams = {
        "btcusdt@trade": "TradeResponse",
        "btcusdt@aggTrade": "AggTradeResponse",
        "btcusdt@kline_1m": "KlineResponse",
        "btcusdt@kline_1d@+08:00": "KlineResponse",
        "btcusdt@bookTicker": "BookTickerResponse",
        "btcusdt@depth@100ms": "DiffBookDepthResponse",
        "btcusdt@depth": "DiffBookDepthResponse",
        "btcusdt@depth5@100ms": "PartialBookDepthResponse",
        "btcusdt@depth20": "PartialBookDepthResponse",
        "btcusdt@miniTicker": "MiniTickerResponse",
        "btcusdt@ticker": "TickerResponse",
        "btcusdt@ticker_1h": "RollingWindowTickerResponse",
        "btcusdt@avgPrice": "AvgPriceResponse",
        "!miniTicker@arr": "AllMiniTickerResponseInner",
        "!ticker_4h@arr": "AllMarketRollingWindowTickerResponseInner",
    }

    async def scenario(client: Any) -> None:
        checked = Checked()
        socket = await client.socket("/stream")
        assert await socket.call("SUBSCRIBE", list(streams)) == {"result": None, "id": 1}
        bought = await client.signed("POST", "order", symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.01")
        assert bought["status"] == "FILLED", bought
        for stream, name in streams.items():
            frame = await socket.until(lambda frame, stream=stream: frame.get("stream") == stream)
            assert list(frame) == ["stream", "data"]
            checked("websocket_streams", name, frame["data"], many=stream.startswith("!"))
        raw = await client.socket("/ws/btcusdt@bookTicker/btcusdt@trade")
        await client.signed("POST", "order", symbol=SYMBOL, side="SELL", type="MARKET", quantity="0.01")
        checked("websocket_streams", "TradeResponse", await raw.until(lambda frame: frame.get("e") == "trade"))
        checked("websocket_streams", "BookTickerResponse", await raw.until(lambda frame: "e" not in frame))
        checked.done()

    play(exchange, scenario)


def test_every_user_event_has_every_documented_field(quiet: Any, play: Any) -> None:
    """Reports from NEW to EXPIRED with the conditional fields of their kind and no others, and both messages of balances."""

    async def scenario(client: Any) -> None:
        checked = Checked()
        stream = await client.user_stream()
        symbol = {"symbol": SYMBOL}

        async def report(*shown: str, **fields: Any) -> Any:
            event = await stream.event(e="executionReport", **fields)
            checked("websocket_streams", "ExecutionReport", unnamed(event), absent=CONDITIONAL_IN_REPORTS)
            assert CONDITIONAL_IN_REPORTS & set(event) == set(shown), event
            return event

        rested = await client.resting(newClientOrderId="told-1", strategyId="7", strategyType="1000000")
        await client.signed("POST", "order", **rested)
        new = await report("W", "j", "J", c="told-1", x="NEW")
        assert (new["n"], new["N"], new["t"]) == ("0", None, -1)
        position = await stream.event(e="outboundAccountPosition")
        checked("websocket_streams", "OutboundAccountPosition", unnamed(position))
        await client.signed("DELETE", "order", origClientOrderId="told-1", **symbol)
        await report("W", "j", "J", C="told-1", x="CANCELED")
        bought = {"side": "BUY", "type": "MARKET", "quantity": "0.01", **symbol}
        await client.signed("POST", "order", newClientOrderId="told-2", **bought)
        await report("W", c="told-2", x="NEW")
        await report("W", c="told-2", x="TRADE")
        stop = {"side": "SELL", "type": "STOP_LOSS", "quantity": "0.01", "stopPrice": rested["price"], **symbol}
        await client.signed("POST", "order", newClientOrderId="told-3", **stop)
        # "W: only visible if the order is on the book": a stop that waits is not.
        assert (await report(c="told-3", x="NEW"))["w"] is False
        killed = rested | {"timeInForce": "FOK", "newClientOrderId": "told-4"}
        await client.signed("POST", "order", **killed)
        await report("W", "j", "J", "eR", c="told-4", x="EXPIRED")
        taker = await prevent(client)
        told = await stream.event(e="executionReport", x="TRADE_PREVENTION")
        checked("websocket_streams", "ExecutionReport", unnamed(told), absent=CONDITIONAL_IN_REPORTS - set("vABuU"))
        assert taker in {told["i"], told["U"]}
        checked.done()

    play(quiet, scenario)
