"""Adapter: a real venue behind the Venue protocol, by way of ccxt; the only package that imports it.

`dialects` is what differs between venues, as data; `client` is where a request leaves; `translation` turns what a venue says into ours
and back, exactly; `trading` is one account's orders, `witnesses` what becomes of those in doubt, `market_feed` the market's data.
"""

from live.venues.ccxt_adapter.client import Credentials, Endpoint
from live.venues.ccxt_adapter.dialects import DIALECTS, Dialect
from live.venues.ccxt_adapter.market_feed import CcxtMarketFeed, FeedSettings
from live.venues.ccxt_adapter.trading import CcxtTradingVenue, TradingSettings

__all__ = ["DIALECTS", "CcxtMarketFeed", "CcxtTradingVenue", "Credentials", "Dialect", "Endpoint", "FeedSettings", "TradingSettings"]
