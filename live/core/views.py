"""Views: what a strategy sees of the market and of its own orders, with prices and quantities as floats."""

import msgspec

from live.core.book import OrderBook
from live.core.entities import Order
from live.core.instruments import Instrument
from live.core.market_events import Bar, FundingRate, Quote, QuoteBar, Trade
from live.core.orders import OrderState
from live.core.vocabulary import OrderType, Side, TimeInForce


class BarView(msgspec.Struct, frozen=True, gc=False):
    """Show a finished bar.

    Attributes:
        instrument_id: the instrument.
        ts_event: the bar's close, nanoseconds UTC.
        close: the last price, in quote per base.
    """

    instrument_id: str
    ts_event: int
    close: float
    _bar: Bar
    _price_unit: int
    _quantity_unit: int

    @property
    def open(self) -> float:
        """Give the first price, in quote per base."""
        return self._bar.open / self._price_unit

    @property
    def high(self) -> float:
        """Give the highest price, in quote per base."""
        return self._bar.high / self._price_unit

    @property
    def low(self) -> float:
        """Give the lowest price, in quote per base."""
        return self._bar.low / self._price_unit

    @property
    def volume(self) -> float:
        """Give the traded quantity, in the base asset."""
        return self._bar.volume / self._quantity_unit


class QuoteBarView(msgspec.Struct, frozen=True, gc=False):
    """Show a finished bar of bid and ask; prices in quote per base."""

    instrument_id: str
    ts_event: int
    _bar: QuoteBar
    _price_unit: int

    @property
    def bid_close(self) -> float:
        """Give the last bid."""
        return self._bar.bid_close / self._price_unit

    @property
    def ask_close(self) -> float:
        """Give the last ask."""
        return self._bar.ask_close / self._price_unit

    @property
    def close(self) -> float:
        """Give the middle of the last bid and ask."""
        return (self._bar.bid_close + self._bar.ask_close) / (2 * self._price_unit)

    @property
    def bid(self) -> tuple[float, float, float, float]:
        """Give open, high, low and close of the bid."""
        bar, unit = self._bar, self._price_unit
        return bar.bid_open / unit, bar.bid_high / unit, bar.bid_low / unit, bar.bid_close / unit

    @property
    def ask(self) -> tuple[float, float, float, float]:
        """Give open, high, low and close of the ask."""
        bar, unit = self._bar, self._price_unit
        return bar.ask_open / unit, bar.ask_high / unit, bar.ask_low / unit, bar.ask_close / unit


class TradeView(msgspec.Struct, frozen=True, gc=False):
    """Show one trade of the market; `price` is in quote per base."""

    instrument_id: str
    ts_event: int
    price: float
    _trade: Trade
    _quantity_unit: int

    @property
    def quantity(self) -> float:
        """Give the traded quantity, in the base asset."""
        return self._trade.quantity / self._quantity_unit

    @property
    def aggressor(self) -> Side:
        """Give the side that took liquidity."""
        return self._trade.aggressor


class QuoteView(msgspec.Struct, frozen=True, gc=False):
    """Show the best bid and ask; prices in quote per base, quantities in the base asset."""

    instrument_id: str
    ts_event: int
    _quote: Quote
    _price_unit: int
    _quantity_unit: int

    @property
    def bid_price(self) -> float:
        """Give the best bid."""
        return self._quote.bid_price / self._price_unit

    @property
    def ask_price(self) -> float:
        """Give the best ask."""
        return self._quote.ask_price / self._price_unit

    @property
    def bid_quantity(self) -> float:
        """Give what rests at the best bid."""
        return self._quote.bid_quantity / self._quantity_unit

    @property
    def ask_quantity(self) -> float:
        """Give what rests at the best ask."""
        return self._quote.ask_quantity / self._quantity_unit

    @property
    def mid(self) -> float:
        """Give the middle between bid and ask."""
        return (self._quote.bid_price + self._quote.ask_price) / (2 * self._price_unit)


class BookView(msgspec.Struct, frozen=True, gc=False):
    """Show the order book after a change; empty while it waits for a snapshot. Prices in quote per base, quantities in base."""

    instrument_id: str
    ts_event: int
    _book: OrderBook
    _price_unit: int
    _quantity_unit: int

    @property
    def best_bid(self) -> tuple[float, float] | None:
        """Give price and quantity of the best bid."""
        return self._level(self._book.best_bid)

    @property
    def best_ask(self) -> tuple[float, float] | None:
        """Give price and quantity of the best ask."""
        return self._level(self._book.best_ask)

    def bids(self, levels: int) -> list[tuple[float, float]]:
        """List the best bids as (price, quantity)."""
        return [(price / self._price_unit, quantity / self._quantity_unit) for price, quantity in self._book.bids(levels)]

    def asks(self, levels: int) -> list[tuple[float, float]]:
        """List the best asks as (price, quantity)."""
        return [(price / self._price_unit, quantity / self._quantity_unit) for price, quantity in self._book.asks(levels)]

    def _level(self, level: tuple[int, int] | None) -> tuple[float, float] | None:
        return None if level is None else (level[0] / self._price_unit, level[1] / self._quantity_unit)


class FundingView(msgspec.Struct, frozen=True, gc=False):
    """Show a funding rate that fell due."""

    instrument_id: str
    ts_event: int
    _funding: FundingRate
    _price_unit: int

    @property
    def rate(self) -> float:
        """Give the rate that longs pay to shorts, as a share of the value at the mark price."""
        return self._funding.rate_ppb / 1_000_000_000

    @property
    def mark_price(self) -> float:
        """Give the price the payment is computed at, in quote per base."""
        return self._funding.mark_price / self._price_unit


class OrderView(msgspec.Struct, frozen=True, gc=False):
    """Show one of a strategy's own orders as it is now; quantities in quantity units, prices in quote per base."""

    order_id: str
    label: str
    instrument_id: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    state: OrderState
    quantity: int
    filled_quantity: int
    limit_price: float | None
    trigger_price: float | None
    detail: str

    @property
    def remaining(self) -> int:
        """Give the quantity units that may still fill."""
        return max(0, self.quantity - self.filled_quantity)


def view_order(order: Order, instrument: Instrument) -> OrderView:
    """Show an order in an instrument to its strategy."""
    price_unit = 10**instrument.price_scale
    return OrderView(
        order.order_id,
        order.label,
        order.instrument_id,
        order.side,
        order.order_type,
        order.time_in_force,
        order.state,
        order.quantity,
        order.filled_quantity,
        None if order.limit_price is None else order.limit_price / price_unit,
        None if order.trigger_price is None else order.trigger_price / price_unit,
        order.detail,
    )
