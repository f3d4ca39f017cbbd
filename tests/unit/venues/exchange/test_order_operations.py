"""What the endpoints for orders make of their parameters, and what accounts may ask about what became of them."""

from typing import Any

import pytest
from rest_market import START, Asker

from live.venues.exchange.errors import VenueError
from live.venues.exchange.weights import RequestLimits

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "50000"}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
STOP = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.01", "stopPrice": "50000"}


def refusal(ask: Asker, operation: str, **sent: Any) -> VenueError:
    """Give what a request is refused with."""
    with pytest.raises(VenueError) as found:
        ask(operation, **sent)
    return found.value


def counts(ask: Asker) -> list[int]:
    """Give how many unfilled orders are counted."""
    return [usage["count"] for usage in ask("account.rateLimits.orders", pause=0)]


@pytest.mark.parametrize(
    ("sent", "code", "message"),
    [
        ({"symbol": "NOSUCH"}, -1121, "Invalid symbol."),
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"type": "HOPE"}, -1116, "Invalid orderType."),
        ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"price": "0"}, -1013, "Invalid price."),
        ({"quantity": "0.000"}, -1013, "Invalid quantity."),
        ({"stopPrice": "1"}, -1106, "Parameter 'stopPrice' sent when not required."),
        ({"selfTradePreventionMode": "TRANSFER"}, -1013, "This symbol does not allow the specified self-trade prevention mode."),
        ({"selfTradePreventionMode": "HOPE"}, -1130, "Data sent for parameter 'selfTradePreventionMode' is not valid."),
        ({"strategyType": "999999"}, -1134, "`strategyType` was less than 1000000."),
        ({"newOrderRespType": "ALL"}, -1130, "Data sent for parameter 'newOrderRespType' is not valid."),
        ({"pegPriceType": "PRIMARY_PEG"}, -2010, "Pegged orders are not supported for this symbol."),
        ({"icebergQty": "0.001"}, -1013, "Iceberg orders are not supported for this symbol."),
        ({"bogus": "1"}, -1104, "Not all sent parameters were read; read '6' parameter(s) but was sent '7'."),
    ],
)
def test_a_malformed_order_is_refused_and_not_counted(sent: dict[str, str], code: int, message: str) -> None:
    """Each mistake has its code and text, and leaves neither an order nor a count behind."""
    ask = Asker()
    error = refusal(ask, "order.place", **(LIMIT | sent))
    assert (error.code, error.message) == (code, message)
    assert ask("openOrders.status") == []
    assert counts(ask) == [0, 0]


def test_a_tested_order_meets_the_filters_and_is_not_placed() -> None:
    """An order that is only tested is refused like a real one, and leaves nothing behind when it is not."""
    ask = Asker()
    assert refusal(ask, "order.test", **(LIMIT | {"quantity": "0.000001"})).message == "Filter failure: LOT_SIZE"
    assert refusal(ask, "order.test", **(LIMIT | {"newOrderRespType": "ALL"})).code == -1130
    assert ask("order.test", **LIMIT) == {}
    assert (ask("openOrders.status"), counts(ask)) == ([], [0, 0])


@pytest.mark.parametrize("name", ["symbol", "side", "type", "timeInForce", "quantity", "price"])
def test_a_limit_order_has_its_mandatory_parameters(name: str) -> None:
    """-1102 names the parameter that is missing."""
    error = refusal(Asker(), "order.place", **{key: value for key, value in LIMIT.items() if key != name})
    assert (error.code, f"'{name}'" in error.message) == (-1102, True)


@pytest.mark.parametrize(
    ("order", "fields"),
    [(LIMIT, "fills"), (MARKET, "fills"), (STOP, None), (LIMIT | {"type": "LIMIT_MAKER", "timeInForce": None}, None)],
)
def test_answers_are_full_for_limit_and_market_orders_and_else_an_acknowledgement(order: dict[str, Any], fields: str | None) -> None:
    """`newOrderRespType` defaults to FULL for LIMIT and MARKET, and to ACK otherwise."""
    answer = Asker()("order.place", **{name: value for name, value in order.items() if value is not None})
    assert ("fills" in answer, "status" in answer) == ((True, True) if fields else (False, False))


def test_times_are_in_the_unit_asked_for() -> None:
    """A client that asks for microseconds gets every time in them, but -1 for an order that does not work yet."""
    ask = Asker()
    placed = ask("order.place", unit=1, **(STOP | {"newOrderRespType": "RESULT"}))
    assert (placed["transactTime"], placed["workingTime"]) == (START + 1_000_000, -1)
    assert ask("order.status", symbol="BTCUSDT", orderId=str(placed["orderId"]))["time"] == (START + 1_000_000) // 1_000


def test_unfilled_orders_are_counted_and_first_fills_give_counts_back() -> None:
    """The FAQ's taker example: a resting order counts, one that trades at once is taken off again, and cancels change nothing."""
    ask = Asker()
    ask("order.place", **(LIMIT | {"newClientOrderId": "resting"}))
    assert counts(ask) == [1, 1]
    ask("order.place", **MARKET)
    assert counts(ask) == [1, 1]
    ask("order.cancel", symbol="BTCUSDT", origClientOrderId="resting")
    assert counts(ask) == [1, 1]
    assert [usage["count"] for usage in ask("account.rateLimits.orders", pause=10_000_000)] == [0, 1]


def test_a_query_finds_an_order_only_after_the_read_lag() -> None:
    """A microsecond before, the order does not exist for queries and lists; then it does. Trades come as late."""
    ask = Asker(read_lag=500_000)
    placed = ask("order.place", **(LIMIT | {"newClientOrderId": "late"}))
    ask("order.place", pause=0, **MARKET)
    query = {"symbol": "BTCUSDT", "origClientOrderId": "late"}
    assert refusal(ask, "order.status", pause=499_999, **query).code == -2013
    for operation in ("openOrders.status", "allOrders", "myTrades"):
        assert ask(operation, pause=0, symbol="BTCUSDT") == []
    assert ask("order.status", pause=1, **query)["orderId"] == placed["orderId"]
    assert len(ask("openOrders.status", pause=0, symbol="BTCUSDT")) == 1
    assert len(ask("allOrders", pause=0, symbol="BTCUSDT")) == 2
    assert len(ask("myTrades", pause=0, symbol="BTCUSDT")) == 1


def test_an_order_is_named_by_one_id_at_least() -> None:
    """A query or a cancel without any id is -1102; the cancel restriction is one of two words."""
    ask = Asker()
    message = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
    for operation in ("order.status", "order.cancel"):
        error = refusal(ask, operation, symbol="BTCUSDT")
        assert (error.code, error.message) == (-1102, message)
    error = refusal(ask, "order.cancel", symbol="BTCUSDT", orderId="1", cancelRestrictions="ALWAYS")
    assert (error.code, error.message) == (-1145, "Invalid cancelRestrictions")


REPLACE = LIMIT | {"price": "50001", "cancelOrigClientOrderId": "first"}
FULL = RequestLimits(orders_10s=1)


@pytest.mark.parametrize(
    ("mode", "exceeded", "limits", "exists", "crosses", "status", "results"),
    [
        ("STOP_ON_FAILURE", None, None, True, False, 200, ("SUCCESS", "SUCCESS")),
        ("STOP_ON_FAILURE", None, None, False, False, 400, ("FAILURE", "NOT_ATTEMPTED")),
        ("STOP_ON_FAILURE", None, None, True, True, 409, ("SUCCESS", "FAILURE")),
        ("STOP_ON_FAILURE", "CANCEL_ONLY", FULL, True, False, 429, ("SUCCESS", "FAILURE")),
        ("STOP_ON_FAILURE", "CANCEL_ONLY", FULL, False, False, 429, ("FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", None, None, True, False, 200, ("SUCCESS", "SUCCESS")),
        ("ALLOW_FAILURE", None, None, False, True, 400, ("FAILURE", "FAILURE")),
        ("ALLOW_FAILURE", None, None, False, False, 409, ("FAILURE", "SUCCESS")),
        ("ALLOW_FAILURE", None, None, True, True, 409, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", "CANCEL_ONLY", FULL, True, False, 409, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", "CANCEL_ONLY", FULL, False, False, 400, ("FAILURE", "FAILURE")),
    ],
)
def test_cancel_replace_answers_as_the_documented_table(
    mode: str, exceeded: str | None, limits: RequestLimits | None, exists: bool, crosses: bool, status: int, results: tuple[str, str]
) -> None:
    """Every row of the documentation's table: what each half did, and the status that follows."""
    ask = Asker(limits=limits)
    ask("order.place", **(LIMIT | {"newClientOrderId": "first" if exists else "another"}))
    sent = REPLACE | {"cancelReplaceMode": mode}
    if exceeded is not None:
        sent["orderRateLimitExceededMode"] = exceeded
    if crosses:
        sent |= {"type": "LIMIT_MAKER", "price": "60500"}
        sent.pop("timeInForce")
    pause = 0 if limits else 1_000_000
    if status == 200:
        answer = ask("order.cancelReplace", pause=pause, **sent)
    else:
        error = refusal(ask, "order.cancelReplace", pause=pause, **sent)
        answer = error.data
        assert error.http_status == status
        assert error.code == (-2021 if "SUCCESS" in results else -2022)
    assert (answer["cancelResult"], answer["newOrderResult"]) == results
    still_open = {order["clientOrderId"] for order in ask("openOrders.status", pause=0)}
    assert ("first" in still_open) is (exists and results[0] != "SUCCESS")
    assert len(still_open - {"first", "another"}) == (results[1] == "SUCCESS")


def test_cancel_replace_does_nothing_beyond_the_order_limit_unless_told() -> None:
    """Without CANCEL_ONLY an account beyond its limit gets 429 and -1015, and its order stays."""
    ask = Asker(limits=FULL)
    ask("order.place", **(LIMIT | {"newClientOrderId": "first"}))
    error = refusal(ask, "order.cancelReplace", pause=0, **(REPLACE | {"cancelReplaceMode": "STOP_ON_FAILURE"}))
    assert (error.http_status, error.code) == (429, -1015)
    assert len(ask("openOrders.status", pause=0)) == 1


def test_a_replacement_that_was_not_attempted_counts() -> None:
    """A new order with NOT_ATTEMPTED still adds one to the unfilled orders."""
    ask = Asker()
    refusal(ask, "order.cancelReplace", **(REPLACE | {"cancelReplaceMode": "STOP_ON_FAILURE"}))
    assert counts(ask) == [1, 1]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({}, None),
        ({"orderId": "1"}, None),
        ({"startTime": "1"}, None),
        ({"endTime": "1"}, None),
        ({"fromId": "1"}, None),
        ({"startTime": "1", "endTime": "86400001"}, None),
        ({"orderId": "1", "fromId": "1"}, None),
        ({"startTime": "1", "endTime": "86400002"}, -1127),
        ({"startTime": "2", "endTime": "1"}, -1130),
        ({"fromId": "1", "startTime": "1"}, -1128),
        ({"orderId": "1", "startTime": "1"}, -1128),
        ({"fromId": "1", "endTime": "1"}, -1128),
    ],
)
def test_trades_are_asked_for_in_the_documented_combinations(sent: dict[str, str], code: int | None) -> None:
    """Seven combinations of parameters are supported, spans are 24 hours at most, and the rest is refused."""
    ask = Asker()
    if code is None:
        ask("myTrades", symbol="BTCUSDT", **sent)
    else:
        assert refusal(ask, "myTrades", symbol="BTCUSDT", **sent).code == code


def test_accounts_see_their_own_alone() -> None:
    """Another account's orders and trades are neither found nor listed nor canceled."""
    ask = Asker()
    placed = ask("order.place", **LIMIT)
    ask("order.place", **MARKET)
    query = {"symbol": "BTCUSDT", "orderId": str(placed["orderId"])}
    assert refusal(ask, "order.status", account="bob", **query).code == -2013
    assert refusal(ask, "order.cancel", account="bob", **query).code == -2011
    assert refusal(ask, "openOrders.cancelAll", account="bob", symbol="BTCUSDT").code == -2011
    for operation in ("openOrders.status", "allOrders", "myTrades"):
        assert ask(operation, account="bob", symbol="BTCUSDT") == []


def test_zero_balances_are_left_out_on_request() -> None:
    """`omitZeroBalances` drops assets of which there is nothing."""
    ask = Asker()
    assert "BNB" in {balance["asset"] for balance in ask("account.status")["balances"]}
    assert "BNB" not in {balance["asset"] for balance in ask("account.status", omitZeroBalances="true")["balances"]}


@pytest.mark.parametrize(
    ("sent", "good"),
    [
        ({}, False),
        ({"preventedMatchId": "1"}, True),
        ({"orderId": "1"}, True),
        ({"orderId": "1", "fromPreventedMatchId": "1"}, True),
        ({"orderId": "1", "preventedMatchId": "1"}, False),
        ({"preventedMatchId": "1", "fromPreventedMatchId": "1"}, False),
        ({"fromPreventedMatchId": "1"}, False),
    ],
)
def test_prevented_matches_are_asked_for_in_the_documented_combinations(sent: dict[str, str], good: bool) -> None:
    """By match or by order, and from a match on only of an order."""
    ask = Asker()
    if good:
        assert ask("myPreventedMatches", symbol="BTCUSDT", **sent) == []
    else:
        assert refusal(ask, "myPreventedMatches", symbol="BTCUSDT", **sent).code == -1128


@pytest.mark.parametrize(
    ("operation", "code", "message"),
    [
        ("order.amend.keepPriority", -2038, "Order amend is not supported for this symbol."),
        ("orderList.place", -2010, "OCO orders are not supported for this symbol"),
        ("orderList.place.oco", -2010, "OCO orders are not supported for this symbol"),
        ("orderList.place.oto", -1020, "This operation is not supported."),
        ("orderList.place.otoco", -1020, "This operation is not supported."),
        ("orderList.cancel", -2011, "Unknown order sent."),
        ("sor.order.place", -1020, "This operation is not supported."),
        ("sor.order.test", -1020, "This operation is not supported."),
    ],
)
def test_what_symbols_do_not_allow_is_refused_by_name(operation: str, code: int, message: str) -> None:
    """Amendments and order lists are refused as on a symbol that does not allow them; lists of them are empty."""
    ask = Asker()
    error = refusal(ask, operation, **LIMIT, newQty="0.005")
    assert (error.code, error.message) == (code, message)
    for listed in ("allOrderLists", "openOrderLists.status", "myAllocations"):
        assert ask(listed, limit="5") == []
    assert ask("order.amendments", symbol="BTCUSDT", orderId="1", fromExecutionId="1", limit="5") == []
    assert refusal(ask, "order.amendments", symbol="BTCUSDT").message.startswith("Mandatory parameter 'orderId' was not sent")


def test_an_order_list_is_asked_for_by_an_id_and_does_not_exist() -> None:
    """Either id finds nothing; with neither the answer says which to send, as the venue's does."""
    ask = Asker()
    for sent in ({"orderListId": "1"}, {"origClientOrderId": "mine"}):
        found = refusal(ask, "orderList.status", **sent)
        assert (found.code, found.message) == (-2013, "Order list does not exist.")
    found = refusal(ask, "orderList.status")
    message = "Combination of optional parameters invalid. Recommendation: 'orderListId' should also be sent."
    assert (found.code, found.message) == (-1128, message)


def test_a_stop_needs_a_price_or_a_distance_and_no_symbol_takes_the_distance() -> None:
    """Without both the answer names both; with a trailing delta alone it is the trailing that is refused."""
    ask = Asker()
    bare = {name: value for name, value in STOP.items() if name != "stopPrice"}
    found = refusal(ask, "order.place", **bare)
    assert (found.code, found.message) == (-1102, "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!")
    found = refusal(ask, "order.place", **bare, trailingDelta="100")
    assert (found.code, found.message) == (-1013, "Trailing stop orders are not supported for this symbol.")


def test_a_full_answer_ends_with_the_mode_of_self_trade_prevention() -> None:
    """Fills come before it, as in the venue's own answers."""
    assert list(Asker()("order.place", **MARKET))[-3:] == ["workingTime", "fills", "selfTradePreventionMode"]
