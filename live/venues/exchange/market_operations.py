"""Operations that anybody may ask for: time, rules, book, trades, bars and statistics.

Source: Binance Spot API documentation, "General endpoints" and "Market Data endpoints".
"""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum

from live.venues.exchange import errors, information, payloads
from live.venues.exchange.errors import VenueError
from live.venues.exchange.fixed8 import ONE
from live.venues.exchange.market import INTERVALS, Kline, Ticker
from live.venues.exchange.operations import Desk, Run, read_times
from live.venues.exchange.parameters import Parameters
from live.venues.exchange.payloads import Payload
from live.venues.exchange.weights import RateLimit

_MOST = 1_000
_DEFAULT = 500
_MOST_LEVELS = 5_000
_DEFAULT_LEVELS = 100
_MOST_SYMBOLS = 100
_MINUTE = 60_000_000
_DAY = 86_400_000_000
_ZONE = re.compile(r"([+-]?)([0-9]{1,2})(?::([0-5][0-9]))?", re.ASCII)
_WEST, _EAST = -12 * 60 * _MINUTE, 14 * 60 * _MINUTE
_WINDOW = re.compile(r"([1-9][0-9]?)([mhd])", re.ASCII)
_WINDOW_MINUTES = {"m": (1, 59), "h": (60, 23), "d": (1_440, 7)}
_BAD_SYMBOL_STATUS = -1122
_OTHER_SYMBOL_STATUS = -1220


class TickerType(StrEnum):
    """How much a ticker says."""

    FULL = "FULL"
    MINI = "MINI"


class SymbolStatus(StrEnum):
    """States of a symbol that can be asked for."""

    TRADING = "TRADING"
    HALT = "HALT"
    BREAK = "BREAK"


def ping(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Answer."""
    return lambda account, now: {}


def time(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Tell the time."""
    return lambda account, now: {"serverTime": now // unit}


def exchange_information(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Tell symbols, filters and REST's limits."""
    return _exchange_information(desk, parameters, unit, desk.limits.rules)


def exchange_information_by_socket(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Tell symbols, filters and the WebSocket API's limits."""
    return _exchange_information(desk, parameters, unit, desk.limits.socket_rules(desk.connects))


def _exchange_information(desk: Desk, parameters: Parameters, unit: int, limits: Sequence[RateLimit]) -> Run:
    one, several = parameters.symbol(), parameters.symbols()
    permissions = parameters.names("permissions")
    status = _read_status(parameters)
    permission_sets = parameters.boolean("showPermissionSets", default=True)
    named = one is not None or several is not None
    if one is not None and several is not None:
        raise errors.one_or_several_symbols()
    if named and (permissions is not None or status is not None):
        raise errors.invalid_parameter_combination()
    symbols = [desk.symbol(name) for name in ((one,) if one is not None else several or desk.exchange.symbols)]
    if permissions is not None and information.PERMISSION not in permissions:
        symbols = []
    shown = [rules for rules in symbols if status is None or rules.status == status]

    def run(account: str, now: int) -> Payload:
        return information.exchange_information(shown, desk.exchange.rules, limits, now // unit, permission_sets=permission_sets)

    return run


def depth(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Show the book."""
    symbol = desk.required_symbol(parameters)
    limit = parameters.limit(_DEFAULT_LEVELS, _MOST_LEVELS)
    _check_status(desk, symbol, _read_status(parameters))
    return lambda account, now: payloads.depth(desk.exchange.depth(symbol, limit))


def trades(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """List the newest trades."""
    symbol = desk.required_symbol(parameters)
    limit = parameters.limit(_DEFAULT, _MOST)
    return lambda account, now: [payloads.public_trade(trade, unit) for trade in desk.exchange.recent_trades(symbol, limit)]


def historical_trades(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """List trades from an id on, or the newest."""
    symbol = desk.required_symbol(parameters)
    limit, from_id = parameters.limit(_DEFAULT, _MOST), parameters.integer("fromId")
    return lambda account, now: [payloads.public_trade(trade, unit) for trade in desk.exchange.recent_trades(symbol, limit, from_id)]


def aggregate_trades(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """List aggregate trades from an id on, within times, or the newest."""
    symbol = desk.required_symbol(parameters)
    from_id, (start, end) = parameters.integer("fromId"), read_times(parameters)
    if from_id is not None and (start is not None or end is not None):
        raise errors.invalid_parameter_combination()
    limit = parameters.limit(_DEFAULT, _MOST)

    def run(account: str, now: int) -> list[Payload]:
        found = desk.exchange.aggregate_trades(symbol, from_id=from_id, start=start, end=end, limit=limit)
        return [payloads.aggregate_trade(trade, unit) for trade in found]

    return run


def klines(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """List bars."""
    symbol = desk.required_symbol(parameters)
    interval = parameters.required_text("interval")
    if interval not in INTERVALS:
        raise errors.invalid_interval()
    start, end = read_times(parameters)
    zone = _read_zone(parameters)
    limit = parameters.limit(_DEFAULT, _MOST)

    def run(account: str, now: int) -> list[list[object]]:
        found = desk.exchange.klines(symbol, interval, now, start=start, end=end, limit=limit, zone=zone)
        return [payloads.kline(bar, unit) for bar in found]

    return run


def average_price(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Tell the average price of the last minutes."""
    rules = desk.symbol(parameters.required_symbol())

    def run(account: str, now: int) -> Payload:
        last = desk.exchange.recent_trades(rules.symbol, 1)
        price = desk.exchange.average_price(rules.symbol, now)
        return payloads.average_price(rules.average_price_minutes, price, last[0].time if last else 0, unit)

    return run


def ticker_day(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Tell the statistics of the last 24 hours."""
    kind = _read_ticker_type(parameters)

    def show(symbol: str, now: int) -> Payload:
        ticker = desk.exchange.ticker(symbol, now)
        if kind is TickerType.MINI:
            return payloads.ticker_mini(ticker, unit)
        return payloads.ticker_full(ticker, desk.exchange.book_ticker(symbol), unit)

    return _for_symbols(desk, parameters, show)


def ticker_price(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Tell the last price."""
    return _for_symbols(desk, parameters, lambda symbol, now: payloads.ticker_price(symbol, desk.exchange.last_price(symbol)))


def ticker_book(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Tell the top of the book."""
    return _for_symbols(desk, parameters, lambda symbol, now: payloads.ticker_book(symbol, desk.exchange.book_ticker(symbol)))


def ticker_window(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Tell the statistics of a window that ends now and starts on a minute."""
    minutes = _read_window(parameters)
    kind = _read_ticker_type(parameters)

    def show(symbol: str, now: int) -> Payload:
        start = (now - minutes * _MINUTE) // _MINUTE * _MINUTE
        return _window_payload(_gather(desk, symbol, start, now, now), kind, unit)

    return _for_symbols(desk, parameters, show, required=True)


def ticker_trading_day(desk: Desk, parameters: Parameters, unit: int) -> Run:
    """Tell the statistics of the day, which starts at midnight of the time zone."""
    zone = _read_zone(parameters)
    kind = _read_ticker_type(parameters)

    def show(symbol: str, now: int) -> Payload:
        start = now - (now + zone) % _DAY
        return _window_payload(_gather(desk, symbol, start, now, start + _DAY - 1), kind, unit)

    return _for_symbols(desk, parameters, show, required=True)


def _for_symbols(desk: Desk, parameters: Parameters, show: Callable[[str, int], Payload], *, required: bool = False) -> Run:
    one, several, status = parameters.symbol(), parameters.symbols(), _read_status(parameters)
    if one is not None and several is not None:
        raise errors.one_or_several_symbols()
    if one is not None:
        symbol = desk.symbol(one).symbol
        _check_status(desk, symbol, status)
        return lambda account, now: show(symbol, now)
    if required and several is None:
        raise errors.one_of_parameters("symbol", "symbols")
    if several is not None and len(several) > _MOST_SYMBOLS:
        raise errors.invalid_parameter("symbols")
    rules = [desk.symbol(name) for name in (several if several is not None else desk.exchange.symbols)]
    names = [rule.symbol for rule in rules if status is None or rule.status == status]
    return lambda account, now: [show(name, now) for name in names]


def _read_status(parameters: Parameters) -> SymbolStatus | None:
    return parameters.choice("symbolStatus", SymbolStatus, VenueError(_BAD_SYMBOL_STATUS, "Invalid symbolStatus."))


def _check_status(desk: Desk, symbol: str, status: SymbolStatus | None) -> None:
    if status is not None and desk.symbol(symbol).status != status:
        raise VenueError(_OTHER_SYMBOL_STATUS, "The symbol's status does not match the requested symbolStatus.")


def _read_ticker_type(parameters: Parameters) -> TickerType:
    refusal = VenueError(errors.INVALID_TICKER_TYPE, "Invalid ticker type.")
    return parameters.choice("type", TickerType, refusal) or TickerType.FULL


def _read_zone(parameters: Parameters) -> int:
    """Read what local time is ahead of UTC, in microseconds: hours, or hours and minutes, from -12:00 to +14:00."""
    text = parameters.text("timeZone")
    match = _ZONE.fullmatch("0" if text is None else text)
    if match is None:
        raise errors.invalid_parameter("timeZone")
    ahead = (int(match[2]) * 60 + int(match[3] or 0)) * _MINUTE
    zone = -ahead if match[1] == "-" else ahead
    if not _WEST <= zone <= _EAST:
        raise errors.invalid_parameter("timeZone")
    return zone


def _read_window(parameters: Parameters) -> int:
    text = parameters.text("windowSize") or "1d"
    match = _WINDOW.fullmatch(text)
    if match is None or int(match[1]) > _WINDOW_MINUTES[match[2]][1]:
        raise errors.invalid_parameter("windowSize")
    return int(match[1]) * _WINDOW_MINUTES[match[2]][0]


def _gather(desk: Desk, symbol: str, start: int, now: int, close_time: int) -> Ticker:
    """Add up a window's bars of one minute, fetched in as many pieces as an answer of bars may have."""
    bars: list[Kline] = []
    at = start
    while at <= now:
        piece = [bar for bar in desk.exchange.klines(symbol, "1m", now, start=at, end=now, limit=_MOST) if bar.open_time >= at]
        bars += [bar for bar in piece if bar.trades]
        if not piece:
            break
        at = piece[-1].open_time + _MINUTE
    return _add_up(symbol, bars, start, close_time)


def _add_up(symbol: str, bars: Sequence[Kline], start: int, close_time: int) -> Ticker:
    volume, quote_volume = sum(bar.volume for bar in bars), sum(bar.quote_volume for bar in bars)
    return Ticker(
        symbol=symbol,
        open_time=start,
        close_time=close_time,
        open=bars[0].open if bars else 0,
        high=max((bar.high for bar in bars), default=0),
        low=min((bar.low for bar in bars), default=0),
        last=bars[-1].close if bars else 0,
        last_quantity=0,
        previous_close=0,
        weighted_average=quote_volume * ONE // volume if volume else 0,
        volume=volume,
        quote_volume=quote_volume,
        first_trade_id=bars[0].first_trade_id if bars else -1,
        last_trade_id=bars[-1].last_trade_id if bars else -1,
        trades=sum(bar.trades for bar in bars),
    )


def _window_payload(ticker: Ticker, kind: TickerType, unit: int) -> Payload:
    return payloads.ticker_mini(ticker, unit) if kind is TickerType.MINI else payloads.ticker_window(ticker, unit)
