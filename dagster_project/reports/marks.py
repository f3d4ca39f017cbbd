"""Marks: the last price of each instrument as market events of every kind go by, by the engine's own rule."""

from collections.abc import Mapping

from live.core.errors import InputError
from live.core.market import InstrumentMarket
from live.core.market_events import Bar, FundingRate, MarketEvent, Quote, QuoteBar, Trade


class Marks:
    """Follow the market: the last trade or close of a bar, and where neither ever came the middle of bid and ask.

    Attributes:
        prices: last price of each instrument, in price units.
    """

    def __init__(self, prices: Mapping[str, int] | None = None) -> None:
        """Begin with prices that are known from before."""
        self.prices = dict(prices or {})
        self._markets: dict[str, InstrumentMarket] = {}

    def begin_session(self) -> None:
        """Let a session find its prices anew, as its engine did; until it does, what was known stays."""
        self._markets.clear()

    def observe(self, event: MarketEvent) -> None:
        """Take in an event; one of the warm-up is history and moves no price, nor does one that is malformed: no engine took it in."""
        market = self._markets.get(event.instrument_id)
        if market is None:
            market = self._markets[event.instrument_id] = InstrumentMarket()
        try:
            _show(market, event)
        except InputError:
            return
        if market.last_price is not None:
            self.prices[event.instrument_id] = market.last_price


def _show(market: InstrumentMarket, event: MarketEvent) -> None:
    match event:
        case Bar():
            market.observe(event)
        case Trade():
            market.observe_trade(event)
        case Quote():
            market.observe_quote(event)
        case QuoteBar():
            market.observe_quote_bar(event)
        case FundingRate():
            market.observe_funding(event)
        case _:
            market.observe_book(event)
