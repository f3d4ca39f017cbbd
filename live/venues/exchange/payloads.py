"""JSON answers of the exchange, field by field as Binance's documentation shows them.

`unit` is how many microseconds a printed time unit has: 1,000 for milliseconds, the default, or 1.
Source: Binance Spot API documentation, the examples of each endpoint and "Conditional fields in Order Responses".
"""

from collections.abc import Iterable, Mapping
from typing import Any

from live.venues.exchange.accounts import AccountView
from live.venues.exchange.commissions import CommissionRates
from live.venues.exchange.errors import VenueError
from live.venues.exchange.exchange import Canceled, Placed
from live.venues.exchange.fixed8 import ONE, fixed8_text
from live.venues.exchange.market import AggregateTrade, BookTicker, Depth, Kline, PublicTrade, Ticker
from live.venues.exchange.orders import Execution, OrderType, PreventedMatch, SelfTradePrevention, VenueOrder

Payload = dict[str, Any]

MILLISECOND = 1_000
"""Microseconds of the unit that times are printed in unless a client asks for microseconds."""

STOP_TYPES = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})
_NO_COMMISSION = {"maker": fixed8_text(0), "taker": fixed8_text(0), "buyer": fixed8_text(0), "seller": fixed8_text(0)}
_TAKER_LOSES = frozenset({SelfTradePrevention.EXPIRE_TAKER, SelfTradePrevention.EXPIRE_BOTH, SelfTradePrevention.DECREMENT})
_MAKER_LOSES = frozenset({SelfTradePrevention.EXPIRE_MAKER, SelfTradePrevention.EXPIRE_BOTH, SelfTradePrevention.DECREMENT})


def error_payload(error: VenueError) -> Payload:
    """Say why a request was refused."""
    payload: Payload = {"code": error.code, "msg": error.message}
    if error.data is not None:
        payload["data"] = error.data
    return payload


def order_ack(placed: Placed, unit: int) -> Payload:
    """Acknowledge a new order."""
    order = placed.order
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": placed.time // unit,
    }


def order_result(placed: Placed, unit: int) -> Payload:
    """Say how a new order stands after matching."""
    order = placed.order
    payload = order_ack(placed, unit) | _amounts(order)
    _add_conditional(payload, order)
    payload["workingTime"] = _working_time(order, unit)
    payload["selfTradePreventionMode"] = order.stp_mode
    return payload


def order_full(placed: Placed, unit: int) -> Payload:
    """Say how a new order stands after matching, with what it traded and what was prevented.

    The venue's own answers have the mode of self-trade prevention last, whatever the documentation's example shows.
    """
    payload = order_result(placed, unit)
    mode = payload.pop("selfTradePreventionMode")
    payload["fills"] = [
        {
            "price": fixed8_text(execution.price),
            "qty": fixed8_text(execution.quantity),
            "commission": fixed8_text(execution.commission),
            "commissionAsset": execution.commission_asset,
            "tradeId": execution.trade_id,
        }
        for execution in placed.executions
    ]
    if placed.prevented:
        payload["preventedMatches"] = [
            {
                "preventedMatchId": match.prevented_match_id,
                "makerSymbol": match.symbol,
                "makerOrderId": match.maker_order_id,
                "price": fixed8_text(match.price),
            }
            | _prevented_quantities(match)
            for match in placed.prevented
        ]
    payload["selfTradePreventionMode"] = mode
    return payload


def order_status(order: VenueOrder, unit: int) -> Payload:
    """Say how an order stands that is asked for."""
    payload: Payload = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": order.client_order_id,
        "price": fixed8_text(order.price),
        "origQty": fixed8_text(order.quantity),
        "executedQty": fixed8_text(order.executed),
        "cummulativeQuoteQty": fixed8_text(order.cumulative_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
        "stopPrice": fixed8_text(order.stop_price),
        "icebergQty": fixed8_text(0),
        "time": order.time // unit,
        "updateTime": order.update_time // unit,
        "isWorking": order.is_working,
        "workingTime": _working_time(order, unit),
        "origQuoteOrderQty": fixed8_text(order.quote_quantity),
        "selfTradePreventionMode": order.stp_mode,
    }
    _add_prevented(payload, order)
    _add_strategy(payload, order)
    return payload


def canceled(outcome: Canceled, unit: int) -> Payload:
    """Say how an order stood when it was canceled."""
    order = outcome.order
    payload: Payload = {
        "symbol": order.symbol,
        "origClientOrderId": outcome.original_client_order_id,
        "orderId": order.order_id,
        "orderListId": order.order_list_id,
        "clientOrderId": outcome.client_order_id,
        "transactTime": outcome.time // unit,
    }
    payload |= _amounts(order)
    _add_conditional(payload, order)
    payload["selfTradePreventionMode"] = order.stp_mode
    return payload


def cancel_replaced(cancel: Canceled | VenueError, new_order: Payload | VenueError | None, unit: int) -> Payload:
    """Say what became of both halves of a cancel-replace: `new_order` is its answer, its refusal, or None when it was not attempted."""
    if new_order is None:
        result, response = "NOT_ATTEMPTED", None
    elif isinstance(new_order, VenueError):
        result, response = "FAILURE", error_payload(new_order)
    else:
        result, response = "SUCCESS", new_order
    failed = isinstance(cancel, VenueError)
    return {
        "cancelResult": "FAILURE" if failed else "SUCCESS",
        "newOrderResult": result,
        "cancelResponse": error_payload(cancel) if failed else canceled(cancel, unit),
        "newOrderResponse": response,
    }


def account_information(view: AccountView, unit: int, *, omit_zero: bool) -> Payload:
    """Say what an account has and may do."""
    rates = view.rates
    return {
        "makerCommission": rates.maker * 10_000 // ONE,
        "takerCommission": rates.taker * 10_000 // ONE,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": _standard_commission(rates),
        "canTrade": view.can_trade,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": view.update_time // unit,
        "accountType": "SPOT",
        "balances": [
            {"asset": balance.asset, "free": fixed8_text(balance.free), "locked": fixed8_text(balance.locked)}
            for balance in view.balances
            if not omit_zero or balance.free or balance.locked
        ],
        "permissions": ["SPOT"],
        "uid": view.uid,
    }


def account_commission(symbol: str, rates: CommissionRates) -> Payload:
    """Say what trades of a symbol cost an account."""
    return {
        "symbol": symbol,
        "standardCommission": _standard_commission(rates),
        "specialCommission": dict(_NO_COMMISSION),
        "taxCommission": dict(_NO_COMMISSION),
        "discount": _discount(rates),
    }


def order_test_commission(rates: CommissionRates) -> Payload:
    """Say what trades of an order would cost that was only tested."""
    nothing = {"maker": fixed8_text(0), "taker": fixed8_text(0)}
    return {
        "standardCommissionForOrder": {"maker": fixed8_text(rates.maker), "taker": fixed8_text(rates.taker)},
        "specialCommissionForOrder": nothing,
        "taxCommissionForOrder": dict(nothing),
        "discount": _discount(rates),
    }


def account_trade(execution: Execution, unit: int) -> Payload:
    """Say what an account traded."""
    return {
        "symbol": execution.symbol,
        "id": execution.trade_id,
        "orderId": execution.order_id,
        "orderListId": -1,
        "price": fixed8_text(execution.price),
        "qty": fixed8_text(execution.quantity),
        "quoteQty": fixed8_text(execution.quote_quantity),
        "commission": fixed8_text(execution.commission),
        "commissionAsset": execution.commission_asset,
        "time": execution.time // unit,
        "isBuyer": execution.is_buyer,
        "isMaker": execution.is_maker,
        "isBestMatch": True,
    }


def prevented_match(match: PreventedMatch, unit: int) -> Payload:
    """Say which match self-trade prevention kept from happening."""
    return (
        {
            "symbol": match.symbol,
            "preventedMatchId": match.prevented_match_id,
            "takerOrderId": match.taker_order_id,
            "makerSymbol": match.symbol,
            "makerOrderId": match.maker_order_id,
            "tradeGroupId": match.trade_group_id,
            "selfTradePreventionMode": match.stp_mode,
            "price": fixed8_text(match.price),
        }
        | _prevented_quantities(match)
        | {"transactTime": match.time // unit}
    )


def public_trade(trade: PublicTrade, unit: int) -> Payload:
    """Say what was traded."""
    return {
        "id": trade.trade_id,
        "price": fixed8_text(trade.price),
        "qty": fixed8_text(trade.quantity),
        "quoteQty": fixed8_text(trade.quote_quantity),
        "time": trade.time // unit,
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


def aggregate_trade(trade: AggregateTrade, unit: int) -> Payload:
    """Say what one taking order traded at one price."""
    return {
        "a": trade.aggregate_id,
        "p": fixed8_text(trade.price),
        "q": fixed8_text(trade.quantity),
        "f": trade.first_trade_id,
        "l": trade.last_trade_id,
        "T": trade.time // unit,
        "m": trade.buyer_is_maker,
        "M": True,
    }


def depth(book: Depth) -> Payload:
    """Show the book."""
    return {"lastUpdateId": book.last_update_id, "bids": _levels(book.bids), "asks": _levels(book.asks)}


def kline(bar: Kline, unit: int) -> list[Any]:
    """Show one bar."""
    return [
        bar.open_time // unit,
        fixed8_text(bar.open),
        fixed8_text(bar.high),
        fixed8_text(bar.low),
        fixed8_text(bar.close),
        fixed8_text(bar.volume),
        bar.close_time // unit,
        fixed8_text(bar.quote_volume),
        bar.trades,
        fixed8_text(bar.taker_buy_volume),
        fixed8_text(bar.taker_buy_quote_volume),
        "0",
    ]


def average_price(minutes: int, price: int, close_time: int, unit: int) -> Payload:
    """Give the average price of the last minutes, and when the last trade was."""
    return {"mins": minutes, "price": fixed8_text(price), "closeTime": close_time // unit}


def ticker_full(ticker: Ticker, book: BookTicker, unit: int) -> Payload:
    """Give the statistics of a day."""
    change = ticker.last - ticker.open
    return {
        "symbol": ticker.symbol,
        "priceChange": fixed8_text(change),
        "priceChangePercent": percent_text(change, ticker.open),
        "weightedAvgPrice": fixed8_text(ticker.weighted_average),
        "prevClosePrice": fixed8_text(ticker.previous_close),
        "lastPrice": fixed8_text(ticker.last),
        "lastQty": fixed8_text(ticker.last_quantity),
        "bidPrice": fixed8_text(book.bid_price),
        "bidQty": fixed8_text(book.bid_quantity),
        "askPrice": fixed8_text(book.ask_price),
        "askQty": fixed8_text(book.ask_quantity),
        "openPrice": fixed8_text(ticker.open),
        "highPrice": fixed8_text(ticker.high),
        "lowPrice": fixed8_text(ticker.low),
        "volume": fixed8_text(ticker.volume),
        "quoteVolume": fixed8_text(ticker.quote_volume),
        "openTime": ticker.open_time // unit,
        "closeTime": ticker.close_time // unit,
        "firstId": ticker.first_trade_id,
        "lastId": ticker.last_trade_id,
        "count": ticker.trades,
    }


def ticker_window(ticker: Ticker, unit: int) -> Payload:
    """Give the statistics of a window, without the book and what was before it."""
    change = ticker.last - ticker.open
    return {
        "symbol": ticker.symbol,
        "priceChange": fixed8_text(change),
        "priceChangePercent": percent_text(change, ticker.open),
        "weightedAvgPrice": fixed8_text(ticker.weighted_average),
    } | {name: value for name, value in ticker_mini(ticker, unit).items() if name != "symbol"}


def ticker_mini(ticker: Ticker, unit: int) -> Payload:
    """Give the statistics of a day without what can be derived."""
    return {
        "symbol": ticker.symbol,
        "openPrice": fixed8_text(ticker.open),
        "highPrice": fixed8_text(ticker.high),
        "lowPrice": fixed8_text(ticker.low),
        "lastPrice": fixed8_text(ticker.last),
        "volume": fixed8_text(ticker.volume),
        "quoteVolume": fixed8_text(ticker.quote_volume),
        "openTime": ticker.open_time // unit,
        "closeTime": ticker.close_time // unit,
        "firstId": ticker.first_trade_id,
        "lastId": ticker.last_trade_id,
        "count": ticker.trades,
    }


def ticker_price(symbol: str, price: int) -> Payload:
    """Give the last price."""
    return {"symbol": symbol, "price": fixed8_text(price)}


def ticker_book(symbol: str, book: BookTicker) -> Payload:
    """Give the top of the book."""
    return {
        "symbol": symbol,
        "bidPrice": fixed8_text(book.bid_price),
        "bidQty": fixed8_text(book.bid_quantity),
        "askPrice": fixed8_text(book.ask_price),
        "askQty": fixed8_text(book.ask_quantity),
    }


def percent_text(part: int, whole: int) -> str:
    """Print a share in percent with three decimals, rounded half away from zero; 0.000 of nothing."""
    if not whole:
        return "0.000"
    thousandths = (abs(part) * 200_000 + whole) // (2 * whole)
    return f"{'-' if part < 0 and thousandths else ''}{thousandths // 1_000}.{thousandths % 1_000:03d}"


def _amounts(order: VenueOrder) -> Payload:
    return {
        "price": fixed8_text(order.price),
        "origQty": fixed8_text(order.quantity),
        "executedQty": fixed8_text(order.executed),
        "origQuoteOrderQty": fixed8_text(order.quote_quantity),
        "cummulativeQuoteQty": fixed8_text(order.cumulative_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
    }


def _add_conditional(payload: Payload, order: VenueOrder) -> None:
    if order.type in STOP_TYPES:
        payload["stopPrice"] = fixed8_text(order.stop_price)
    _add_prevented(payload, order)
    _add_strategy(payload, order)


def _add_prevented(payload: Payload, order: VenueOrder) -> None:
    if order.prevented_match_id is not None:
        payload["preventedMatchId"] = order.prevented_match_id
        payload["preventedQuantity"] = fixed8_text(order.prevented)


def _add_strategy(payload: Payload, order: VenueOrder) -> None:
    if order.strategy_id is not None:
        payload["strategyId"] = order.strategy_id
    if order.strategy_type is not None:
        payload["strategyType"] = order.strategy_type


def _working_time(order: VenueOrder, unit: int) -> int:
    return order.working_time if order.working_time < 0 else order.working_time // unit


def _prevented_quantities(match: PreventedMatch) -> Payload:
    payload: Payload = {}
    if match.stp_mode in _TAKER_LOSES:
        payload["takerPreventedQuantity"] = fixed8_text(match.taker_prevented_quantity)
    if match.stp_mode in _MAKER_LOSES:
        payload["makerPreventedQuantity"] = fixed8_text(match.maker_prevented_quantity)
    return payload


def _standard_commission(rates: CommissionRates) -> Mapping[str, str]:
    return {"maker": fixed8_text(rates.maker), "taker": fixed8_text(rates.taker), "buyer": fixed8_text(0), "seller": fixed8_text(0)}


def _discount(rates: CommissionRates) -> Payload:
    return {
        "enabledForAccount": rates.pay_with_discount_asset,
        "enabledForSymbol": True,
        "discountAsset": rates.discount_asset,
        "discount": fixed8_text(rates.discount),
    }


def _levels(levels: Iterable[tuple[int, int]]) -> list[list[str]]:
    return [[fixed8_text(price), fixed8_text(quantity)] for price, quantity in levels]
