"""Translation: ccxt's structures into ours and our orders into its arguments, exactly, or not at all.

ccxt is told to leave numbers as the text that the venue sent. Whatever is missing, of the wrong kind, or finer than an instrument's
scale makes an answer unreadable, and an unreadable answer to an order leaves the order unknown.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from live.core.decimals import MONEY_SCALE, format_scaled, parse_scaled
from live.core.effects import SubmitOrder
from live.core.errors import CoreError
from live.core.instruments import Instrument
from live.core.vocabulary import Liquidity, OrderType, Side
from live.venues.errors import VenueCallError
from live.venues.protocol import AssetBalance, OwnTrade

NANOSECONDS_PER_MILLISECOND = 1_000_000


class UnreadableAnswerError(VenueCallError):
    """A venue's answer cannot be read: a field is missing, of the wrong kind, or finer than the instrument's scale."""


class Listing(NamedTuple):
    """Name an instrument as ccxt and as the venue do."""

    instrument: Instrument
    symbol: str
    market_id: str


class Catalogue:
    """Find an instrument by our name, ccxt's or the venue's.

    Attributes:
        listings: what can be read, by our name.
        unread: markets that are left out, since nobody here trades them and they cannot be read, and why; by the venue's name.
    """

    def __init__(self, venue_id: str, markets: Iterable[Mapping[str, Any]], configured: Iterable[Instrument]) -> None:
        """Read what a venue lists.

        Args:
            venue_id: its name, as in its instruments' ids.
            markets: ccxt's markets.
            configured: definitions whose scales and versions are kept, with the venue's filters as they are now.

        Raises:
            UnreadableAnswerError: a market that is configured cannot be read, or is not listed as active.
        """
        known = {instrument.instrument_id: instrument for instrument in configured}
        self.listings: dict[str, Listing] = {}
        self.unread: dict[str, str] = {}
        self._unread_symbols: dict[str, str] = {}
        self._by_market: dict[str, Listing] = {}
        self._by_symbol: dict[str, Listing] = {}
        for market in markets:
            instrument_id = f"{venue_id}:{market['id']}"
            if not market.get("spot", True) or (not market.get("active", True) and instrument_id not in known):
                continue
            try:
                listing = Listing(read_instrument(instrument_id, market, known.get(instrument_id)), market["symbol"], market["id"])
            except UnreadableAnswerError as error:
                if instrument_id in known:
                    raise
                self.unread[market["id"]] = self._unread_symbols[market["symbol"]] = str(error)
                continue
            self.listings[instrument_id] = self._by_market[listing.market_id] = self._by_symbol[listing.symbol] = listing
        missing = known.keys() - self.listings.keys()
        if missing:
            raise UnreadableAnswerError(f"{venue_id} does not list {', '.join(sorted(missing))}: correct the deployment's instruments")

    def of(self, instrument_id: str) -> Listing:
        """Find a listing by our name.

        Raises:
            UnreadableAnswerError: the venue does not list it.
        """
        try:
            return self.listings[instrument_id]
        except KeyError:
            raise UnreadableAnswerError(f"the venue does not list {instrument_id}: correct the deployment's instruments") from None

    def of_market(self, market_id: str) -> Listing:
        """Find a listing by the venue's name.

        Raises:
            UnreadableAnswerError: the venue did not list it when it was asked.
        """
        try:
            return self._by_market[market_id]
        except KeyError:
            why = self.unread.get(market_id, "which it had not listed")
            raise UnreadableAnswerError(f"the venue speaks of {market_id!r}, {why}") from None

    def of_symbol(self, symbol: str) -> Listing:
        """Find a listing by ccxt's name.

        Raises:
            UnreadableAnswerError: the venue did not list it when it was asked.
        """
        try:
            return self._by_symbol[symbol]
        except KeyError:
            why = self._unread_symbols.get(symbol, "which it had not listed")
            raise UnreadableAnswerError(f"the venue speaks of {symbol!r}, {why}") from None


class SeenStatus(StrEnum):
    """What a venue says an order does."""

    WORKING = "WORKING"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


_STATUSES = {
    "open": SeenStatus.WORKING,
    "canceling": SeenStatus.WORKING,
    "closed": SeenStatus.FILLED,
    "canceled": SeenStatus.CANCELED,
    "expired": SeenStatus.EXPIRED,
    "rejected": SeenStatus.REJECTED,
}


class SeenOrder(msgspec.Struct, frozen=True):
    """Hold an order as an answer shows it; units are the instrument's, times nanoseconds UTC.

    Attributes:
        words: the venue's own name of the status.
        trades: the executions that the answer lists; most list none.
    """

    instrument_id: str
    order_id: str
    venue_order_id: str
    side: Side
    status: SeenStatus
    quantity: int
    executed_quantity: int
    limit_price: int | None
    ts_event: int
    words: str
    trades: tuple[OwnTrade, ...]


class OrderArguments(NamedTuple):
    """Hold the arguments of ccxt's `create_order`."""

    symbol: str
    order_type: str
    side: str
    amount: str
    price: str | None
    parameters: dict[str, str]


_ORDER_TYPES = {
    OrderType.MARKET: "market",
    OrderType.LIMIT: "limit",
    OrderType.LIMIT_MAKER: "LIMIT_MAKER",
    OrderType.STOP: "market",
    OrderType.STOP_LIMIT: "limit",
}


def order_arguments(order: SubmitOrder, listing: Listing, timed_types: frozenset[OrderType]) -> OrderArguments:
    """Write an order as ccxt takes it; a market order never names a price, which would turn its quantity into an amount to spend."""
    instrument = listing.instrument
    parameters = {"clientOrderId": order.order_id}
    if order.order_type in timed_types:
        parameters["timeInForce"] = str(order.time_in_force)
    if order.trigger_price is not None:
        parameters["triggerPrice"] = format_scaled(order.trigger_price, instrument.price_scale)
    return OrderArguments(
        listing.symbol,
        _ORDER_TYPES[order.order_type],
        order.side.lower(),
        format_scaled(order.quantity, instrument.quantity_scale),
        None if order.limit_price is None else format_scaled(order.limit_price, instrument.price_scale),
        parameters,
    )


def read_instrument(instrument_id: str, market: Mapping[str, Any], configured: Instrument | None) -> Instrument:
    """Read a market's filters, on the scales that are configured, or else on those that its steps need.

    Raises:
        UnreadableAnswerError: a filter is missing, or finer than the configured scale; names the field, as ccxt calls it.
    """
    read = _Fields(market)
    try:
        tick = read("precision", "price")
        price_scale = _places(tick) if configured is None else configured.price_scale
        filters: dict[str, Any] = {"tick_size": parse_scaled(tick, price_scale)}
        lot = read("precision", "amount")
        quantity_scale = _places(lot) if configured is None else configured.quantity_scale
        filters["lot_size"] = parse_scaled(lot, quantity_scale)
        filters["minimum_quantity"] = max(1, parse_scaled(read("limits", "amount", "min") or "0", quantity_scale))
        if maximum := read("limits", "amount", "max"):
            filters["maximum_quantity"] = parse_scaled(maximum, quantity_scale)
        filters["minimum_notional"] = parse_scaled(read("limits", "cost", "min") or "0", MONEY_SCALE)
        read.last = "filters together"
        if configured is None:
            return Instrument(
                instrument_id=instrument_id,
                base=market["base"],
                quote=market["quote"],
                price_scale=price_scale,
                quantity_scale=quantity_scale,
                **filters,
            )
        found = replace(configured, **filters)
    except (CoreError, KeyError, TypeError, InvalidOperation) as error:
        said = f"{type(error).__name__}: {error}" if isinstance(error, KeyError | InvalidOperation) else str(error)
        raise UnreadableAnswerError(f"{instrument_id}: the venue's filters cannot be read: {read.last}: {said}") from error
    return configured if found == configured else replace(found, version=configured.version + 1)


def read_order(answer: Any, catalogue: Catalogue, *, asked_id: str | None = None) -> SeenOrder:
    """Read an order.

    Args:
        answer: ccxt's order.
        catalogue: the venue's instruments.
        asked_id: our id of the order, where the answer carries the id of another request about it, as that of a cancel does.

    Raises:
        UnreadableAnswerError: it cannot be read.
    """
    try:
        listing = catalogue.of_symbol(answer["symbol"])
        instrument = listing.instrument
        venue_order_id = _text(answer["id"])
        order_id = asked_id if asked_id is not None else answer["clientOrderId"] or ""
        side = Side(answer["side"].upper())
        when = answer["lastUpdateTimestamp"] or answer["timestamp"]
        price = None if answer["type"] == "market" else answer["price"]
        trades = tuple(
            read_trade({**trade, "order": venue_order_id, "side": side, "timestamp": when}, catalogue, order_id=order_id, taker=True)
            for trade in answer["trades"] or ()
        )
        return SeenOrder(
            instrument.instrument_id,
            order_id,
            venue_order_id,
            side,
            _STATUSES[answer["status"]],
            parse_scaled(answer["amount"], instrument.quantity_scale),
            parse_scaled(answer["filled"], instrument.quantity_scale),
            parse_scaled(price, instrument.price_scale) if price else None,
            when * NANOSECONDS_PER_MILLISECOND,
            str(answer["info"].get("status", answer["status"])),
            trades,
        )
    except (CoreError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableAnswerError(f"the venue's answer shows no order that can be read: {type(error).__name__}: {error}") from error


def read_trade(answer: Any, catalogue: Catalogue, *, order_id: str = "", taker: bool = False) -> OwnTrade:
    """Read an execution of ours.

    Args:
        answer: ccxt's trade.
        catalogue: the venue's instruments.
        order_id: the client order id, where it is known.
        taker: what it was where the answer does not say, as that to a new order does not: what fills at once takes.

    Raises:
        UnreadableAnswerError: it cannot be read.
    """
    try:
        instrument = catalogue.of_symbol(answer["symbol"]).instrument
        fee = answer["fee"]
        cost = parse_scaled(fee["cost"], MONEY_SCALE)
        role = answer["takerOrMaker"] or ("taker" if taker else "unknown")
        return OwnTrade(
            instrument.instrument_id,
            _text(answer["id"]),
            _text(answer["order"]),
            order_id,
            Side(answer["side"].upper()),
            parse_scaled(answer["price"], instrument.price_scale),
            parse_scaled(answer["amount"], instrument.quantity_scale),
            cost,
            (fee["currency"] or instrument.quote) if not cost else _text(fee["currency"]),
            {"taker": Liquidity.TAKER, "maker": Liquidity.MAKER}[role],
            answer["timestamp"] * NANOSECONDS_PER_MILLISECOND,
        )
    except (CoreError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableAnswerError(f"the venue's answer shows no execution that can be read: {type(error).__name__}: {error}") from error


def read_balances(answer: Any) -> tuple[AssetBalance, ...]:
    """Read what an account has, leaving out assets that it has nothing of.

    Raises:
        UnreadableAnswerError: it cannot be read.
    """
    try:
        free, used = answer["free"], answer["used"]
        found = (
            AssetBalance(asset, parse_scaled(free[asset], MONEY_SCALE), parse_scaled(used[asset], MONEY_SCALE)) for asset in sorted(free)
        )
        return tuple(balance for balance in found if balance.free or balance.locked)
    except (CoreError, KeyError, TypeError) as error:
        raise UnreadableAnswerError(f"the venue's answer shows no balances that can be read: {type(error).__name__}: {error}") from error


def units(text: str, scale: int) -> int:
    """Read plain decimal text as units of `10**-scale`, several times faster than by way of a decimal number.

    Raises:
        DecimalError: it is no decimal number, or finer than the scale.
    """
    whole, _, fraction = text.partition(".")
    excess = len(fraction) - scale
    digits = whole + fraction
    if excess < 0 or not digits.isdecimal():
        return parse_scaled(text, scale)
    value, rest = divmod(int(digits), 10**excess)
    return parse_scaled(text, scale) if rest else value


class _Fields:
    """Read a market's fields by their path; `last` is the one that was read last, to be named where it cannot be used."""

    def __init__(self, market: Mapping[str, Any]) -> None:
        self.last = ""
        self._market = market

    def __call__(self, *path: str) -> Any:
        self.last = ".".join(path)
        found: Any = self._market
        for name in path:
            found = found[name]
        return found


def _text(value: Any) -> str:
    """Give text that says something; an id that is missing or empty is none."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"text was expected, received {value!r}")
    return value


def _places(step: str) -> int:
    exponent = Decimal(step).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
