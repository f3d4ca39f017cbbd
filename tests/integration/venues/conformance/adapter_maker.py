"""Adapters for the kit: the shipped ones, or ones that are wrong on purpose."""

import time
from collections.abc import Callable
from typing import Any

from live.venues.ccxt_adapter import DIALECTS, CcxtMarketFeed, CcxtTradingVenue, Credentials, Endpoint, TradingSettings

KEY, SECRET = "desk-key", "desk-secret"


class Maker:
    """Make adapters of some classes: the shipped ones, or ones that are wrong on purpose."""

    def __init__(self, trading: type[CcxtTradingVenue] = CcxtTradingVenue, feed: type[CcxtMarketFeed] = CcxtMarketFeed) -> None:
        self._trading, self._feed = trading, feed
        self._began = time.time_ns() - 1_000_000_000

    def trading(
        self, http: str, web_socket: str, gate: Any, *, wall: Callable[[], int] = time.time_ns, spoil_secret: bool = False
    ) -> CcxtTradingVenue:
        """Make a trading venue."""
        credentials = Credentials("account", KEY, SECRET[spoil_secret:])
        settings = TradingSettings(scan_interval=3_600.0)
        return self._trading(_at(http, web_socket), credentials, gate, history_since=self._began, settings=settings, wall=wall)

    def feed(self, http: str, web_socket: str) -> CcxtMarketFeed:
        """Make a feed."""
        return self._feed(_at(http, web_socket))


def _at(http: str, web_socket: str) -> Endpoint:
    return Endpoint(venue_id="local", dialect=DIALECTS["binance"], http=http, web_socket=web_socket)
