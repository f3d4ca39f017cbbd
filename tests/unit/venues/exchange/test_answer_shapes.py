"""Every REST answer has the fields, kinds and order that Binance's documentation shows, and a changed field would be noticed."""

import copy
import random
from typing import Any

import documented_shapes as shapes
import pytest
from rest_market import Asker

from live.venues.exchange.endpoints import ENDPOINTS
from live.venues.exchange.errors import VenueError
from live.venues.exchange.payloads import error_payload

REFUSED = {"order.amend.keepPriority", "orderList.place", "orderList.place.oco", "orderList.place.oto", "orderList.place.otoco"}
REFUSED |= {"orderList.status", "orderList.cancel", "sor.order.place", "sor.order.test"}
EMPTY = {"allOrderLists", "openOrderLists.status", "order.amendments", "myAllocations"}
"""What this exchange has none of: it refuses, or lists nothing."""

DOCUMENTED: dict[str, Any] = {
    "ping": {},
    "time": {"serverTime": "int"},
    "exchangeInfo": shapes.INFORMATION,
    "depth": shapes.DEPTH,
    "trades.recent": [shapes.TRADE],
    "trades.historical": [shapes.TRADE],
    "trades.aggregate": [shapes.AGGREGATE],
    "klines": [shapes.KLINE],
    "uiKlines": [shapes.KLINE],
    "avgPrice": {"mins": "int", "price": "decimal", "closeTime": "int"},
    "ticker.24hr": shapes.DAY,
    "ticker.24hr MINI": shapes.MINI,
    "ticker.24hr all": [shapes.DAY],
    "ticker.tradingDay": shapes.WINDOW,
    "ticker": shapes.WINDOW,
    "ticker MINI": shapes.MINI,
    "ticker.price": {"symbol": "text", "price": "decimal"},
    "ticker.book": {"symbol": "text"} | shapes.BOOK,
    "order.place ACK": shapes.ACK,
    "order.place RESULT": shapes.RESULT,
    "order.place FULL": shapes.FULL,
    "order.place traded": shapes.FULL,
    "order.place stop": shapes.FULL,
    "order.place prevented": shapes.FULL,
    "order.place strategy": shapes.FULL,
    "order.test": {},
    "order.test commission": shapes.ORDER_TEST,
    "order.cancel": shapes.CANCELED,
    "openOrders.cancelAll": [shapes.CANCELED],
    "order.cancelReplace": shapes.REPLACED,
    "order.cancelReplace failed": shapes.REPLACE_ERROR,
    "order.cancelReplace half": shapes.REPLACE_ERROR,
    "order.status": shapes.STATUS,
    "order.status prevented": shapes.STATUS,
    "openOrders.status": [shapes.STATUS],
    "allOrders": [shapes.STATUS],
    "myTrades": [shapes.MY_TRADE],
    "myPreventedMatches": [shapes.PREVENTED_MATCH],
    "myFilters": shapes.MY_FILTERS,
    "account.status": shapes.ACCOUNT,
    "account.commission": shapes.COMMISSION,
    "account.rateLimits.orders": [shapes.LIMIT | {"count": "int"}],
    "error": shapes.ERROR,
}


def refused(ask: Asker, operation: str, **sent: str) -> Any:
    """Give the error that a request is answered with."""
    with pytest.raises(VenueError) as refusal:
        ask(operation, **sent)
    return error_payload(refusal.value)


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """One answer of every endpoint, and of every form it has."""
    ask = Asker()
    symbol = {"symbol": "BTCUSDT"}
    found: dict[str, Any] = {name: ask(name) for name in ("ping", "time", "exchangeInfo")}
    for name in ("depth", "trades.recent", "trades.historical", "trades.aggregate", "avgPrice"):
        found[name] = ask(name, **symbol)
    for name in ("klines", "uiKlines"):
        found[name] = ask(name, **symbol, interval="1m")
    for name in ("ticker.24hr", "ticker.tradingDay", "ticker", "ticker.price", "ticker.book"):
        found[name] = ask(name, **symbol)
    found["ticker.24hr all"] = ask("ticker.24hr")
    found["ticker.24hr MINI"] = ask("ticker.24hr", **symbol, type="MINI")
    found["ticker MINI"] = ask("ticker", **symbol, type="MINI", windowSize="2h")
    for kind in ("ACK", "RESULT", "FULL"):
        found[f"order.place {kind}"] = ask.limit_order("BUY", "50000", newOrderRespType=kind, newClientOrderId=f"mine-{kind}")
    found["order.place traded"] = ask("order.place", **symbol, side="BUY", type="MARKET", quantity="0.7")
    stop = {"side": "SELL", "type": "STOP_LOSS", "quantity": "0.01", "stopPrice": "50000", "newOrderRespType": "FULL"}
    found["order.place stop"] = ask("order.place", **symbol, **stop)
    found["order.place strategy"] = ask.limit_order("BUY", "50000", strategyId="7", strategyType="1000000")
    ask.limit_order("SELL", "59999.50")
    found["order.place prevented"] = ask.limit_order("BUY", "59999.50", selfTradePreventionMode="EXPIRE_BOTH")
    taker = str(found["order.place prevented"]["orderId"])
    found["order.status prevented"] = ask("order.status", **symbol, orderId=taker)
    found["myPreventedMatches"] = ask("myPreventedMatches", **symbol, orderId=taker)
    test = {"side": "BUY", "type": "MARKET", "quantity": "0.01"}
    found["order.test"] = ask("order.test", **symbol, **test)
    found["order.test commission"] = ask("order.test", **symbol, **test, computeCommissionRates="true")
    replace = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "50001"}
    mode = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "mine-ACK"}
    found["order.cancelReplace"] = ask("order.cancelReplace", **symbol, **replace, **mode)
    found["order.cancelReplace failed"] = refused(ask, "order.cancelReplace", **symbol, **replace, **mode)
    found["order.cancelReplace half"] = refused(
        ask, "order.cancelReplace", **symbol, **replace, **(mode | {"cancelReplaceMode": "ALLOW_FAILURE"})
    )
    found["order.status"] = ask("order.status", **symbol, origClientOrderId="mine-RESULT")
    found["order.cancel"] = ask("order.cancel", **symbol, origClientOrderId="mine-RESULT")
    for name in ("openOrders.status", "allOrders", "myTrades", "myFilters", "account.commission"):
        found[name] = ask(name, **symbol)
    found["openOrders.cancelAll"] = ask("openOrders.cancelAll", **symbol)
    found["account.status"] = ask("account.status")
    found["account.rateLimits.orders"] = ask("account.rateLimits.orders")
    found["error"] = refused(ask, "depth", symbol="NOSUCH")
    return found


@pytest.mark.parametrize("name", DOCUMENTED)
def test_an_answer_has_the_documented_shape(name: str, answers: dict[str, Any]) -> None:
    """An answer has every documented field, no other, in the documented order and kind."""
    assert shapes.complaints(answers[name], DOCUMENTED[name]) == []


def test_every_endpoint_has_a_shape() -> None:
    """No endpoint answers in a shape that nobody compared with the documentation."""
    covered = {name.partition(" ")[0] for name in DOCUMENTED} | REFUSED | EMPTY
    assert {endpoint.operation for endpoint in ENDPOINTS} <= covered


def test_lists_that_are_compared_have_something_in_them(answers: dict[str, Any]) -> None:
    """An empty list would fit every shape, so none is compared."""
    assert [name for name, answer in answers.items() if answer == []] == []


@pytest.mark.parametrize("name", [name for name, shape in DOCUMENTED.items() if shape])
def test_a_changed_field_is_noticed(name: str, answers: dict[str, Any]) -> None:
    """The check complains when one random field of an answer is gone, renamed, of another kind or printed otherwise."""
    drawn = random.Random(name)
    for _ in range(40):
        changed = copy.deepcopy(answers[name])
        what = change_one_field(changed, drawn)
        assert shapes.complaints(changed, DOCUMENTED[name]), f"nobody noticed that {what}"


def change_one_field(answer: Any, drawn: random.Random) -> str:
    """Change one field somewhere in an answer and say what was done."""
    holder = drawn.choice(list(holders(answer)))
    name = drawn.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    value = holder[name]
    if isinstance(holder, dict) and drawn.random() < 0.5:
        holder.pop(name)
        if drawn.random() < 0.5:
            holder[f"{name}_"] = value
            return f"{name} was renamed"
        if name in {"stopPrice", "preventedMatchId", "preventedQuantity", "strategyId", "strategyType", "preventedMatches"} or name in {
            "takerPreventedQuantity",
            "makerPreventedQuantity",
        }:
            holder["other"] = value
        return f"{name} was dropped"
    holder[name] = other_kind(value)
    return f"{name} became {holder[name]!r}"


def holders(value: Any) -> Any:
    """Give every object and every positional array in a JSON value that has something in it."""
    if isinstance(value, dict) and value:
        yield value
        for item in value.values():
            yield from holders(item)
    elif isinstance(value, list):
        if value and not isinstance(value[0], dict | list):
            yield value
        for item in value:
            yield from holders(item)


def other_kind(value: Any) -> Any:
    """Give a value that is printed otherwise, or of another kind."""
    if isinstance(value, bool | dict | list):
        return str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and shapes.DECIMAL.fullmatch(value):
        return value[:-1]
    return 1 if isinstance(value, str) else "something"
