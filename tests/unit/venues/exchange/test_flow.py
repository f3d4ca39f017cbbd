"""The background market moves by its seed alone, and keeps both sides of its books."""

import pytest
from floor import BUY, Floor, units

from live.venues.exchange.exchange import Exchange
from live.venues.exchange.flow import CATCH_UP, FEWEST_QUOTES, HOUSE_ACCOUNT, MOST_QUOTES, BackgroundFlow

SECOND = 1_000_000
START = 1_700_000_000 * SECOND
PRICES = {"BTCUSDT": units(60_000), "ETHUSDT": units(3_000)}


def opened(seed: int = 7, *, exchange: Exchange | None = None, rate: float = 50.0) -> tuple[Exchange, BackgroundFlow]:
    """Open an exchange with a market."""
    exchange = exchange or Exchange()
    return exchange, BackgroundFlow(exchange, seed=seed, prices=PRICES, orders_per_second=rate, now=START)


def test_the_same_seed_makes_the_same_market() -> None:
    """Event for event, however the time is cut up; another seed makes another."""
    whole, cut, other = opened(), opened(), opened(8)

    whole[1].run(START + 20 * SECOND)
    other[1].run(START + 20 * SECOND)
    for step in range(1, 21):
        cut[1].run(START + step * SECOND)

    events = whole[0].drain()
    assert len(events) > 500
    assert cut[0].drain() == events
    assert other[0].drain() != events


def test_both_sides_keep_their_levels_and_the_price_moves() -> None:
    """After any second there are bids and asks that do not cross, and trades have moved the last price."""
    exchange, flow = opened()
    seen: set[int] = set()
    for step in range(1, 61):
        flow.run(START + step * SECOND)
        for symbol, price in PRICES.items():
            depth = exchange.depth(symbol, 1_000)
            assert min(len(depth.bids), len(depth.asks)) >= FEWEST_QUOTES // 2
            assert max(len(depth.bids), len(depth.asks)) <= MOST_QUOTES
            assert depth.bids[0][0] < depth.asks[0][0]
            assert abs(depth.bids[0][0] - price) < price // 50
        seen.add(exchange.last_price("BTCUSDT"))
    assert len(seen) > 20


def test_orders_come_at_the_rate_that_was_asked_for() -> None:
    """About 50 a second are about 1,500 in half a minute; the next is always ahead."""
    _, flow = opened()

    sent = flow.run(START + 30 * SECOND)

    assert 1_300 < sent < 1_700
    assert flow.next_due > START + 30 * SECOND


def test_a_side_that_somebody_took_away_comes_back() -> None:
    """Whoever buys every offer finds new ones after a while."""
    exchange, flow = opened()
    floor = Floor(exchange=exchange, balances={"USDT": 100_000_000})
    flow.run(floor.now + SECOND)
    floor.now += SECOND
    floor.market("alice", BUY, 50)
    assert exchange.depth("BTCUSDT", 10).asks == ()

    flow.run(floor.now + 5 * SECOND)

    assert len(exchange.depth("BTCUSDT", 1_000).asks) >= FEWEST_QUOTES


def test_what_customers_rest_drives_no_quote_away() -> None:
    """A hundred bids far below the market are theirs: the market goes on quoting, and sells nothing into them."""
    exchange, flow = opened()
    floor = Floor(exchange=exchange, balances={"USDT": 100_000_000})
    flow.run(floor.now + SECOND)
    floor.now += SECOND
    resting = [floor.limit("alice", BUY, 1, 57_000 - number) for number in range(100)]

    flow.run(floor.now + 30 * SECOND)

    assert len(exchange.open_orders("alice", "BTCUSDT")) == len(resting)
    quotes = [order for order in exchange.open_orders(HOUSE_ACCOUNT, "BTCUSDT") if order.side is BUY]
    assert len(quotes) >= FEWEST_QUOTES // 2


def test_a_market_that_stood_still_skips_what_it_missed() -> None:
    """After a pause it sends the orders of the last minute, not of the whole pause."""
    _, flow = opened()
    flow.run(START + SECOND)

    assert flow.run(START + 3_600 * SECOND) < 2 * 50 * CATCH_UP // SECOND


def test_a_market_goes_on_where_a_book_already_is() -> None:
    """Opened again on the same exchange it quotes around the last price, and takes old quotes off."""
    exchange, flow = opened()
    flow.run(START + 10 * SECOND)
    before = {order.order_id for order in exchange.open_orders(HOUSE_ACCOUNT, "BTCUSDT")}

    again = BackgroundFlow(exchange, seed=9, prices={"BTCUSDT": units(1)}, orders_per_second=50.0, now=START + 10 * SECOND)
    again.run(START + 40 * SECOND)

    after = {order.order_id for order in exchange.open_orders(HOUSE_ACCOUNT, "BTCUSDT")}
    assert len(before & after) < len(before) // 4
    assert exchange.last_price("BTCUSDT") == pytest.approx(units(60_000), rel=0.02)
