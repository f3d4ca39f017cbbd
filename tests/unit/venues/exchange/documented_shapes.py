"""Shapes of Binance's REST answers, written down from the examples of its public documentation, and a check against them.

A shape is a kind ("int", "bool", "text", "decimal", "percent", "multiplier", "null"), an object of shapes in the documented order, where a
name that begins with "?" may be absent ("Conditional fields in Order Responses"), a list with the shape of every element, a tuple of
shapes by position, or alternatives in `OneOf`. The documentation's decimals are of several lengths; the exchange prints eight places.
"""

import re
from typing import Any, NamedTuple

DECIMAL = re.compile(r"-?[0-9]+\.[0-9]{8}")
PERCENT = re.compile(r"-?[0-9]+\.[0-9]{3}")
MULTIPLIER = re.compile(r"[0-9]+(\.[0-9]+)?")


class OneOf(NamedTuple):
    """Several shapes of which one must fit."""

    shapes: tuple[Any, ...]


ACK = {"symbol": "text", "orderId": "int", "orderListId": "int", "clientOrderId": "text", "transactTime": "int"}
AMOUNTS = {
    "price": "decimal",
    "origQty": "decimal",
    "executedQty": "decimal",
    "origQuoteOrderQty": "decimal",
    "cummulativeQuoteQty": "decimal",
    "status": "text",
    "timeInForce": "text",
    "type": "text",
    "side": "text",
}
CONDITIONAL = {
    "?stopPrice": "decimal",
    "?preventedMatchId": "int",
    "?preventedQuantity": "decimal",
    "?strategyId": "int",
    "?strategyType": "int",
}
RESULT = ACK | AMOUNTS | CONDITIONAL | {"workingTime": "int", "selfTradePreventionMode": "text"}
FILL = {"price": "decimal", "qty": "decimal", "commission": "decimal", "commissionAsset": "text", "tradeId": "int"}
PREVENTED = {
    "preventedMatchId": "int",
    "makerSymbol": "text",
    "makerOrderId": "int",
    "price": "decimal",
    "?takerPreventedQuantity": "decimal",
    "?makerPreventedQuantity": "decimal",
}
FULL = ACK | AMOUNTS | CONDITIONAL
FULL |= {"workingTime": "int", "fills": [FILL], "?preventedMatches": [PREVENTED], "selfTradePreventionMode": "text"}
"""In the order of "Cancel an Existing Order and Send a New Order", the STP FAQ and the venue's answers; "New order" has the mode first."""
STATUS = {
    "symbol": "text",
    "orderId": "int",
    "orderListId": "int",
    "clientOrderId": "text",
    "price": "decimal",
    "origQty": "decimal",
    "executedQty": "decimal",
    "cummulativeQuoteQty": "decimal",
    "status": "text",
    "timeInForce": "text",
    "type": "text",
    "side": "text",
    "stopPrice": "decimal",
    "icebergQty": "decimal",
    "time": "int",
    "updateTime": "int",
    "isWorking": "bool",
    "workingTime": "int",
    "origQuoteOrderQty": "decimal",
    "selfTradePreventionMode": "text",
    "?preventedMatchId": "int",
    "?preventedQuantity": "decimal",
    "?strategyId": "int",
    "?strategyType": "int",
}
CANCELED = (
    {
        "symbol": "text",
        "origClientOrderId": "text",
        "orderId": "int",
        "orderListId": "int",
        "clientOrderId": "text",
        "transactTime": "int",
    }
    | AMOUNTS
    | CONDITIONAL
    | {"selfTradePreventionMode": "text"}
)
ERROR = {"code": "int", "msg": "text"}
REPLACED = {
    "cancelResult": "text",
    "newOrderResult": "text",
    "cancelResponse": OneOf((CANCELED, ERROR)),
    "newOrderResponse": OneOf((FULL, RESULT, ACK, ERROR, "null")),
}
REPLACE_ERROR = ERROR | {"data": REPLACED}
RATES = {"maker": "decimal", "taker": "decimal", "buyer": "decimal", "seller": "decimal"}
TWO_RATES = {"maker": "decimal", "taker": "decimal"}
DISCOUNT = {"enabledForAccount": "bool", "enabledForSymbol": "bool", "discountAsset": "text", "discount": "decimal"}
ACCOUNT = {
    "makerCommission": "int",
    "takerCommission": "int",
    "buyerCommission": "int",
    "sellerCommission": "int",
    "commissionRates": RATES,
    "canTrade": "bool",
    "canWithdraw": "bool",
    "canDeposit": "bool",
    "brokered": "bool",
    "requireSelfTradePrevention": "bool",
    "preventSor": "bool",
    "updateTime": "int",
    "accountType": "text",
    "balances": [{"asset": "text", "free": "decimal", "locked": "decimal"}],
    "permissions": ["text"],
    "uid": "int",
}
TRADE = {
    "id": "int",
    "price": "decimal",
    "qty": "decimal",
    "quoteQty": "decimal",
    "time": "int",
    "isBuyerMaker": "bool",
    "isBestMatch": "bool",
}
MY_TRADE = {
    "symbol": "text",
    "id": "int",
    "orderId": "int",
    "orderListId": "int",
    "price": "decimal",
    "qty": "decimal",
    "quoteQty": "decimal",
    "commission": "decimal",
    "commissionAsset": "text",
    "time": "int",
    "isBuyer": "bool",
    "isMaker": "bool",
    "isBestMatch": "bool",
}
AGGREGATE = {"a": "int", "p": "decimal", "q": "decimal", "f": "int", "l": "int", "T": "int", "m": "bool", "M": "bool"}
KLINE = (
    "int",
    "decimal",
    "decimal",
    "decimal",
    "decimal",
    "decimal",
    "int",
    "decimal",
    "int",
    "decimal",
    "decimal",
    "text",
)
DEPTH = {"lastUpdateId": "int", "bids": [("decimal", "decimal")], "asks": [("decimal", "decimal")]}
CHANGE = {"symbol": "text", "priceChange": "decimal", "priceChangePercent": "percent", "weightedAvgPrice": "decimal"}
RANGE = {"openPrice": "decimal", "highPrice": "decimal", "lowPrice": "decimal"}
VOLUME = {
    "volume": "decimal",
    "quoteVolume": "decimal",
    "openTime": "int",
    "closeTime": "int",
    "firstId": "int",
    "lastId": "int",
    "count": "int",
}
BOOK = {"bidPrice": "decimal", "bidQty": "decimal", "askPrice": "decimal", "askQty": "decimal"}
DAY = CHANGE | {"prevClosePrice": "decimal", "lastPrice": "decimal", "lastQty": "decimal"} | BOOK | RANGE | VOLUME
WINDOW = CHANGE | RANGE | {"lastPrice": "decimal"} | VOLUME
MINI = {"symbol": "text"} | RANGE | {"lastPrice": "decimal"} | VOLUME
LIMIT = {"rateLimitType": "text", "interval": "text", "intervalNum": "int", "limit": "int"}
LOTS = {"filterType": "text", "minQty": "decimal", "maxQty": "decimal", "stepSize": "decimal"}
FILTER = OneOf(
    (
        {"filterType": "text", "minPrice": "decimal", "maxPrice": "decimal", "tickSize": "decimal"},
        LOTS,
        {
            "filterType": "text",
            "bidMultiplierUp": "multiplier",
            "bidMultiplierDown": "multiplier",
            "askMultiplierUp": "multiplier",
            "askMultiplierDown": "multiplier",
            "avgPriceMins": "int",
        },
        {
            "filterType": "text",
            "minNotional": "decimal",
            "applyMinToMarket": "bool",
            "maxNotional": "decimal",
            "applyMaxToMarket": "bool",
            "avgPriceMins": "int",
        },
        {"filterType": "text", "maxNumOrders": "int"},
        {"filterType": "text", "maxNumAlgoOrders": "int"},
        {"filterType": "text", "maxPosition": "decimal"},
    )
)
SYMBOL = {
    "symbol": "text",
    "status": "text",
    "baseAsset": "text",
    "baseAssetPrecision": "int",
    "quoteAsset": "text",
    "quotePrecision": "int",
    "quoteAssetPrecision": "int",
    "baseCommissionPrecision": "int",
    "quoteCommissionPrecision": "int",
    "orderTypes": ["text"],
    "icebergAllowed": "bool",
    "ocoAllowed": "bool",
    "otoAllowed": "bool",
    "opoAllowed": "bool",
    "quoteOrderQtyMarketAllowed": "bool",
    "allowTrailingStop": "bool",
    "cancelReplaceAllowed": "bool",
    "amendAllowed": "bool",
    "pegInstructionsAllowed": "bool",
    "isSpotTradingAllowed": "bool",
    "isMarginTradingAllowed": "bool",
    "filters": [FILTER],
    "permissions": ["text"],
    "permissionSets": [["text"]],
    "defaultSelfTradePreventionMode": "text",
    "allowedSelfTradePreventionModes": ["text"],
}
INFORMATION = {
    "timezone": "text",
    "serverTime": "int",
    "rateLimits": [LIMIT],
    "exchangeFilters": [FILTER],
    "symbols": [SYMBOL],
}
PREVENTED_MATCH = {
    "symbol": "text",
    "preventedMatchId": "int",
    "takerOrderId": "int",
    "makerSymbol": "text",
    "makerOrderId": "int",
    "tradeGroupId": "int",
    "selfTradePreventionMode": "text",
    "price": "decimal",
    "?takerPreventedQuantity": "decimal",
    "?makerPreventedQuantity": "decimal",
    "transactTime": "int",
}
ORDER_TEST = {
    "standardCommissionForOrder": TWO_RATES,
    "specialCommissionForOrder": TWO_RATES,
    "taxCommissionForOrder": TWO_RATES,
    "discount": DISCOUNT,
}
COMMISSION = {
    "symbol": "text",
    "standardCommission": RATES,
    "specialCommission": RATES,
    "taxCommission": RATES,
    "discount": DISCOUNT,
}
MY_FILTERS = {
    "exchangeFilters": [FILTER],
    "symbolFilters": [FILTER],
    "assetFilters": [{"filterType": "text", "asset": "text", "limit": "decimal"}],
}


def complaints(value: Any, shape: Any, path: str = "$") -> list[str]:
    """Say where a JSON value differs from a shape."""
    if isinstance(shape, OneOf):
        found = [complaints(value, alternative, path) for alternative in shape.shapes]
        return [] if not all(found) else min(found, key=len)
    if isinstance(shape, dict):
        return _object_complaints(value, shape, path)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{path}: no array"]
        return [line for index, item in enumerate(value) for line in complaints(item, shape[0], f"{path}[{index}]")]
    if isinstance(shape, tuple):
        if not isinstance(value, list) or len(value) != len(shape):
            return [f"{path}: not an array of {len(shape)}"]
        return [line for index, item in enumerate(value) for line in complaints(item, shape[index], f"{path}[{index}]")]
    return [] if _is_kind(value, shape) else [f"{path}: {value!r} is no {shape}"]


def _object_complaints(value: Any, shape: dict[str, Any], path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: no object"]
    known = {name.removeprefix("?"): name for name in shape}
    found = [f"{path}.{name}: not documented" for name in value if name not in known]
    found += [f"{path}.{name}: missing" for name in shape if not name.startswith("?") and name not in value]
    order = [name for name in known if name in value]
    if not found and list(value) != order:
        found.append(f"{path}: in the order {list(value)}, documented {order}")
    for name, item in value.items():
        if name in known:
            found += complaints(item, shape[known[name]], f"{path}.{name}")
    return found


def _is_kind(value: Any, kind: str) -> bool:
    if kind == "null":
        return value is None
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if not isinstance(value, str):
        return False
    pattern = {"decimal": DECIMAL, "percent": PERCENT, "multiplier": MULTIPLIER}.get(kind)
    return bool(value) if pattern is None else pattern.fullmatch(value) is not None
