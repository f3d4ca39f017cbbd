"""What the exchange says about itself: its symbols with their filters, and its limits.

Source: Binance Spot API documentation, "Exchange information" and "Filters".
"""

from collections.abc import Iterable
from typing import Any

from live.venues.exchange.fixed8 import Fixed8, fixed8_text
from live.venues.exchange.payloads import Payload
from live.venues.exchange.symbols import ExchangeRules, SymbolRules
from live.venues.exchange.weights import RateLimit, Usage

PERMISSION = "SPOT"
"""The one permission that symbols and accounts have here."""


def exchange_information(
    symbols: Iterable[SymbolRules], rules: ExchangeRules, limits: Iterable[RateLimit], time: int, *, permission_sets: bool
) -> Payload:
    """Give rules and limits; `time` is printed as it is."""
    return {
        "timezone": "UTC",
        "serverTime": time,
        "rateLimits": [rate_limit(limit) for limit in limits],
        "exchangeFilters": exchange_filters(rules),
        "symbols": [symbol_information(symbol, permission_sets=permission_sets) for symbol in symbols],
    }


def rate_limit(limit: RateLimit) -> Payload:
    """Give one limit."""
    return {
        "rateLimitType": limit.kind,
        "interval": limit.interval,
        "intervalNum": limit.interval_number,
        "limit": limit.limit,
    }


def rate_limit_usage(usage: Usage) -> Payload:
    """Give one limit and how much of it is used."""
    return rate_limit(usage.rule) | {"count": usage.count}


def symbol_information(rules: SymbolRules, *, permission_sets: bool = True) -> Payload:
    """Give a symbol with its filters; what this exchange does not do is said not to be allowed."""
    return {
        "symbol": rules.symbol,
        "status": rules.status,
        "baseAsset": rules.base_asset,
        "baseAssetPrecision": rules.asset_precision,
        "quoteAsset": rules.quote_asset,
        "quotePrecision": rules.asset_precision,
        "quoteAssetPrecision": rules.asset_precision,
        "baseCommissionPrecision": rules.asset_precision,
        "quoteCommissionPrecision": rules.asset_precision,
        "orderTypes": sorted(rules.order_types),
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": symbol_filters(rules),
        "permissions": [],
        "permissionSets": [[PERMISSION]] if permission_sets else [],
        "defaultSelfTradePreventionMode": rules.default_stp_mode,
        "allowedSelfTradePreventionModes": list(rules.stp_modes),
    }


def symbol_filters(rules: SymbolRules) -> list[Payload]:
    """Give the trading rules of a symbol."""
    filters: list[dict[str, Any]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": fixed8_text(rules.min_price),
            "maxPrice": fixed8_text(rules.max_price),
            "tickSize": fixed8_text(rules.tick_size),
        },
        _lots("LOT_SIZE", rules.min_quantity, rules.max_quantity, rules.step_size),
        _lots("MARKET_LOT_SIZE", rules.market_min_quantity, rules.market_max_quantity, rules.market_step_size),
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": _short(rules.bid_multiplier_up),
            "bidMultiplierDown": _short(rules.bid_multiplier_down),
            "askMultiplierUp": _short(rules.ask_multiplier_up),
            "askMultiplierDown": _short(rules.ask_multiplier_down),
            "avgPriceMins": rules.average_price_minutes,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": fixed8_text(rules.min_notional),
            "applyMinToMarket": rules.apply_min_to_market,
            "maxNotional": fixed8_text(rules.max_notional),
            "applyMaxToMarket": rules.apply_max_to_market,
            "avgPriceMins": rules.average_price_minutes,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.max_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": rules.max_algo_orders},
    ]
    if rules.max_position:
        filters.append({"filterType": "MAX_POSITION", "maxPosition": fixed8_text(rules.max_position)})
    return filters


def exchange_filters(rules: ExchangeRules) -> list[Payload]:
    """Give the rules over all symbols."""
    filters: list[Payload] = []
    if rules.max_orders:
        filters.append({"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": rules.max_orders})
    if rules.max_algo_orders:
        filters.append({"filterType": "EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": rules.max_algo_orders})
    return filters


def relevant_filters(symbol: SymbolRules, rules: ExchangeRules) -> Payload:
    """Give the filters that concern an account on a symbol, MAX_ASSET among them, which is shown nowhere else."""
    return {
        "exchangeFilters": exchange_filters(rules),
        "symbolFilters": symbol_filters(symbol),
        "assetFilters": [
            {"filterType": "MAX_ASSET", "asset": asset, "limit": fixed8_text(rules.max_assets[asset])}
            for asset in (symbol.base_asset, symbol.quote_asset)
            if asset in rules.max_assets
        ],
    }


def _lots(name: str, smallest: Fixed8, largest: Fixed8, step: Fixed8) -> Payload:
    return {"filterType": name, "minQty": fixed8_text(smallest), "maxQty": fixed8_text(largest), "stepSize": fixed8_text(step)}


def _short(value: Fixed8) -> str:
    return fixed8_text(value).rstrip("0").rstrip(".")
