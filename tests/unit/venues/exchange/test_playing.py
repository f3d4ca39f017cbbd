"""Playing recordings: the book, the trades and the prices of the recording appear in the exchange, and fill who stands in their way."""

from collections.abc import Iterable

import pytest

from live.core.instruments import Instrument
from live.core.market_events import Bar, BookDelta, BookSnapshot, Quote, Trade
from live.core.vocabulary import Side as CoreSide
from live.venues.exchange.events import TradeEvent
from live.venues.exchange.exchange import Exchange
from live.venues.exchange.fixed8 import ONE
from live.venues.exchange.orders import OrderRequest, OrderStatus, OrderType, Side, TimeInForce
from live.venues.exchange.playing import Player, PlayingError, symbols_to_play

BTC = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=5)
SOL = Instrument(instrument_id="other-venue:SOL-USDT", base="SOL", quote="USDT", price_scale=3, quantity_scale=2, lot_size=5)
SECOND = 1_000_000_000
NOW = 1_700_000_000_000_000


def _snapshot(time: int, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]) -> BookSnapshot:
    return BookSnapshot(time, time, BTC.instrument_id, 1, tuple(bids), tuple(asks))


def _play(exchange: Exchange, *events: object, speed: float = 1.0) -> Player:
    return Player(exchange, [BTC], events, speed=speed, now=NOW)  # pyright: ignore[reportArgumentType]


def _desk(exchange: Exchange) -> None:
    exchange.add_account("desk", {"USDT": 1_000_000 * ONE, "BTC": 100 * ONE}, NOW)


def _buy(price: int, quantity: int, *, side: Side = Side.BUY) -> OrderRequest:
    return OrderRequest(
        symbol="BTCUSDT",
        side=side,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=quantity,
        price=price,
        client_order_id="IL1",
    )


def _book(exchange: Exchange) -> tuple[dict[float, float], dict[float, float]]:
    depth = exchange.depth("BTCUSDT", 100)
    return {p / ONE: q / ONE for p, q in depth.bids}, {p / ONE: q / ONE for p, q in depth.asks}


def test_the_book_is_the_recordings_level_by_level() -> None:
    """A snapshot is the whole book, deltas change levels and take them away, a second snapshot replaces all."""
    exchange = Exchange()
    player = _play(
        exchange,
        _snapshot(1, [(100_00, 200_000), (99_00, 100_000)], [(101_00, 300_000)]),
        BookDelta(2, 2, BTC.instrument_id, 2, 3, ((100_00, 50_000), (98_00, 10_000)), ((101_00, 0), (102_00, 70_000))),
        _snapshot(3 * SECOND, [(90_00, 100_000)], [(91_00, 100_000)]),
    )
    player.run(NOW)
    assert _book(exchange) == ({100: 0.5, 99: 1, 98: 0.1}, {102: 0.7})
    player.run(NOW + 3_000_000)
    assert _book(exchange) == ({90: 1}, {91: 1})
    assert player.ended


def test_a_book_that_moves_through_a_clients_order_fills_it() -> None:
    """An offer that falls to the client's bid trades with it at the client's price, and nothing of the recording trades with itself."""
    exchange = Exchange()
    _desk(exchange)
    player = _play(
        exchange,
        _snapshot(1, [(100_00, 100_000)], [(101_00, 100_000)]),
        _snapshot(SECOND, [(98_00, 100_000)], [(99_00, 100_000)]),
    )
    player.run(NOW)
    exchange.place("desk", _buy(100 * ONE + ONE // 2, ONE // 4), NOW)
    exchange.drain()
    player.run(NOW + 1_000_000)
    order = exchange.order("desk", "BTCUSDT", original_client_order_id="IL1")
    assert order.status is OrderStatus.FILLED
    trades = [event for event in exchange.drain() if isinstance(event, TradeEvent)]
    assert [(trade.price, trade.quantity) for trade in trades] == [(100 * ONE + ONE // 2, ONE // 4)]


def test_a_recorded_trade_takes_clients_that_are_better_first_and_the_rest_at_its_own_price() -> None:
    """A taker of 1 at 101 meets a client's offer of 0.4 at 100 and takes 0.6 at 101, where less rested than it takes."""
    exchange = Exchange()
    _desk(exchange)
    trade = Trade(2 * SECOND, 2 * SECOND, BTC.instrument_id, 101_00, 100_000, CoreSide.BUY)
    player = _play(exchange, _snapshot(1, [(99_00, 100_000)], [(101_00, 10_000)]), trade)
    player.run(NOW)
    exchange.place("desk", _buy(100 * ONE, 4 * ONE // 10, side=Side.SELL), NOW)
    exchange.drain()
    player.run(NOW + 2_000_000)
    printed = [(event.price // ONE, event.quantity) for event in exchange.drain() if isinstance(event, TradeEvent)]
    assert printed[0] == (100, 4 * ONE // 10)
    assert {price for price, _ in printed[1:]} == {101}
    assert sum(quantity for _, quantity in printed) == ONE


def test_a_bar_is_played_as_four_trades_over_as_long_as_the_bar_took() -> None:
    """Open, the far extreme, the near one and the close print in turn, and their sizes add up to the volume."""
    exchange = Exchange()
    minute = 60 * SECOND
    bars = [Bar(n * minute, n * minute, BTC.instrument_id, 100_00, 103_00, 98_00, 102_00, 100_001) for n in (1, 2)]
    player = _play(exchange, *bars)
    printed: list[tuple[int, int, int]] = []
    for second in range(0, 121, 5):
        player.run(NOW + second * 1_000_000)
        printed += [(second, e.price // ONE, e.quantity) for e in exchange.drain() if isinstance(e, TradeEvent)]
    assert [(second, price) for second, price, _ in printed] == [
        *((0, price) for price in (100, 98, 103, 102)),
        *((60, 100), (75, 98), (90, 103), (105, 102)),
    ]
    assert sum(quantity for _, _, quantity in printed) == 2 * (ONE + 1_000)


def test_a_recording_plays_as_many_times_faster_as_asked() -> None:
    """At speed 10, what came a second later is played after a tenth."""
    exchange = Exchange()
    quotes = [Quote(n * SECOND, n * SECOND, BTC.instrument_id, (100 + n) * 100, 100_000, (101 + n) * 100, 100_000) for n in range(3)]
    player = _play(exchange, *quotes, speed=10)
    player.run(NOW + 99_999)
    assert _book(exchange)[0] == {100: 1}
    player.run(NOW + 100_000)
    assert _book(exchange)[0] == {101: 1}


def test_a_symbol_that_the_exchange_lacks_is_listed_with_the_recordings_steps() -> None:
    """Tick and lot come from the instrument; its name loses what is no letter or digit."""
    rules = {each.symbol: each for each in symbols_to_play([BTC, SOL])}
    assert set(rules) == {"BTCUSDT", "ETHUSDT", "SOLUSDT"}
    assert (rules["SOLUSDT"].tick_size, rules["SOLUSDT"].step_size) == (ONE // 1_000, 5 * ONE // 100)


def test_what_cannot_be_played_is_refused_in_words() -> None:
    """More decimals than the exchange keeps and a speed of nothing are errors."""
    fine = Instrument(instrument_id="x:ABUSDT", base="A", quote="USDT", price_scale=9, quantity_scale=2)
    with pytest.raises(PlayingError, match="more than 8 decimals"):
        symbols_to_play([fine])
    with pytest.raises(PlayingError, match="positive speed"):
        _play(Exchange(), speed=0)
