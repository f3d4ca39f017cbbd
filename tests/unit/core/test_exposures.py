"""Exposures: running sums that equal what is added up anew from the orders alive, and what a book comes to at worst."""

import random

import pytest

from live.core.entities import Order
from live.core.exposures import Book, Exposures, worst_price
from live.core.vocabulary import InstrumentKind, OrderType, Scope, Side, TimeInForce

BTC, ETH, KRAKEN = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT", "kraken-spot:BTCUSDT"
FACTOR = 1_000
"""Money units in one price unit times one quantity unit, of the instruments used here."""


def order(number: int = 1, **changes) -> Order:
    """Make a live limit order, a buy of 100 at 100.00 unless told otherwise, which reserves at its limit."""
    fields = {
        "order_id": f"O{number}",
        "intent_id": number,
        "decision_id": 0,
        "strategy_id": "alpha",
        "account_id": "paper",
        "instrument_id": BTC,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.GOOD_TILL_CANCELED,
        "quantity": 100,
        "limit_price": 10_000,
        "reference_price": 10_000,
        "created_at": 0,
        "worst_price": 10_000,
    }
    return Order(**{**fields, **changes})


def added_up(alive: list[Order], held: int) -> tuple[int, ...]:
    """Add up a book's sums from the orders in it."""
    sums = [held]
    for side in (Side.BUY, Side.SELL):
        for reducing in (False, True):
            these = [one for one in alive if one.side is side and one.reduce_only is reducing]
            sums += [sum(one.remaining for one in these), sum(one.remaining * one.worst_price * FACTOR for one in these)]
    return (*sums, len(alive))


@pytest.mark.parametrize("seed", range(6))
def test_every_sum_equals_what_the_orders_alive_add_up_to(make, seed):
    """Whatever order in which orders begin, fill in parts and end, of two strategies, two accounts and two venues."""
    chance, exposures = random.Random(seed), Exposures()
    instruments = {name: make.btc(instrument_id=name, base=name[-7:-4]) for name in (BTC, ETH, KRAKEN)}
    alive: list[Order] = []
    held: dict[tuple[str, str, str], int] = {}
    for number in range(120):
        if not alive or chance.random() < 0.5:
            account, strategy = chance.choice([("paper", "alpha"), ("paper", "beta"), ("other", "gamma")])
            one = order(
                number,
                account_id=account,
                strategy_id=strategy,
                instrument_id=chance.choice([BTC, ETH, KRAKEN]),
                side=chance.choice([Side.BUY, Side.SELL]),
                reduce_only=chance.random() < 0.4,
                quantity=chance.randrange(10, 200),
                worst_price=chance.randrange(9_000, 11_000),
            )
            alive.append(one)
            exposures.add(one, instruments[one.instrument_id])
        elif chance.random() < 0.5:
            one = chance.choice(alive)
            before = one.remaining
            one.filled_quantity += chance.randrange(1, before + 1) if before else 0
            exposures.fill(one, instruments[one.instrument_id], before)
            signed = one.side.sign * (before - one.remaining)
            exposures.move(one.account_id, one.strategy_id, one.instrument_id, signed)
            key = (one.account_id, one.strategy_id, one.instrument_id)
            held[key] = held.get(key, 0) + signed
        else:
            one = alive.pop(chance.randrange(len(alive)))
            exposures.remove(one, instruments[one.instrument_id])
        for (account, strategy), books in exposures.strategies.items():
            for name, book in books.items():
                mine = [one for one in alive if (one.account_id, one.strategy_id, one.instrument_id) == (account, strategy, name)]
                assert book.sums == added_up(mine, held.get((account, strategy, name), 0))
                assert book.instrument_id == name
        for (account, venue), books in exposures.accounts.items():
            for name, book in books.items():
                assert name.startswith(f"{venue}:")
                assert book.instrument_id == name
                mine = [one for one in alive if (one.account_id, one.instrument_id) == (account, name)]
                assert book.sums == added_up(mine, sum(quantity for key, quantity in held.items() if (key[0], key[2]) == (account, name)))
        for (scope, target), count in exposures.alive.items():
            where = [one.account_id if scope is Scope.ACCOUNT else one.instrument_id.partition(":")[0] for one in alive]
            assert count == where.count(target)
        for (account, asset), amount in exposures.reserved.items():
            here = [one for one in alive if one.account_id == account]
            buying = sum(one.remaining * one.worst_price * FACTOR for one in here if one.side is Side.BUY and asset == "USDT")
            selling = sum(one.remaining * 10**5 for one in here if one.side is Side.SELL and instruments[one.instrument_id].base == asset)
            assert amount == buying + selling
    assert {name for books in exposures.strategies.values() for name in books} == {BTC, ETH, KRAKEN}
    assert {target for _, target in exposures.alive} == {"paper", "other", "binance-spot", "kraken-spot"}
    assert {asset for _, asset in exposures.reserved} == {"USDT", "BTC", "ETH"}


def test_tables_of_an_account_and_of_a_venue_are_the_same_books(make):
    """An account on two venues has two tables, a venue with two accounts as well; strategies that share an account are counted once."""
    exposures = Exposures()
    exposures.move("paper", "alpha", BTC, 5)
    exposures.move("paper", "alpha", KRAKEN, 7)
    exposures.move("paper", "beta", BTC, 1)
    exposures.move("other", "gamma", BTC, 2)
    exposures.move("paper", "alpha", ETH, 9)
    exposures.move("paper", "alpha", BTC, -2)
    assert [{name: book.held for name, book in table.items()} for table in exposures.of_account["paper"]] == [{BTC: 4, ETH: 9}, {KRAKEN: 7}]
    assert [{name: book.held for name, book in table.items()} for table in exposures.of_venue["binance-spot"]] == [
        {BTC: 4, ETH: 9},
        {BTC: 2},
    ]
    assert exposures.sharing == {"paper": 2, "other": 1}
    assert exposures.of_venue["kraken-spot"][0] is exposures.accounts["paper", "kraken-spot"]


def test_a_position_that_is_set_moves_its_account_by_the_difference():
    """Also one that nothing was known of before."""
    exposures = Exposures()
    exposures.hold("paper", "alpha", BTC, 5)
    exposures.hold("paper", "beta", BTC, 3)
    exposures.hold("paper", "alpha", BTC, -2)
    assert exposures.strategies["paper", "alpha"][BTC].held == -2
    assert exposures.accounts["paper", "binance-spot"][BTC].held == 1


def test_a_venue_is_what_stands_before_the_first_colon():
    """A venue's own name of an instrument may have one too."""
    exposures = Exposures()
    exposures.move("paper", "alpha", "kraken-spot:BTC:USD", 5)
    assert list(exposures.of_venue) == ["kraken-spot"]


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_an_order_that_filled_beyond_its_quantity_frees_what_it_reserved_and_no_more(make, side):
    """Another order beside it reserves what it did, while the one overfilled counts as alive, after, and when it turns out to be alive."""
    exposures, other, overfilled = Exposures(), order(1, side=side), order(2, side=side)

    def reserves():
        books = exposures.strategies["paper", "alpha"][BTC], exposures.accounts["paper", "binance-spot"][BTC]
        return [book.sums[:-1] for book in books], dict(exposures.reserved), [book.orders for book in books]

    exposures.add(other, make.btc())
    sums, reserved, _ = reserves()
    exposures.add(overfilled, make.btc())
    overfilled.filled_quantity = 130
    exposures.fill(overfilled, make.btc(), 100)
    assert reserves() == (sums, reserved, [2, 2])
    exposures.remove(overfilled, make.btc())
    assert reserves() == (sums, reserved, [1, 1])
    exposures.add(overfilled, make.btc())
    assert reserves() == (sums, reserved, [2, 2])


def test_an_order_that_turns_out_to_be_alive_reserves_what_is_left_of_it(make):
    """To the last unit."""
    exposures = Exposures()
    exposures.add(order(filled_quantity=99), make.btc())
    book = exposures.strategies["paper", "alpha"][BTC]
    assert (book.buys, book.buy_notional, exposures.reserved) == (1, 10_000 * FACTOR, {("paper", "USDT"): 10_000 * FACTOR})


def test_a_perpetual_reserves_nothing_of_a_balance(make):
    """Its margin is judged instead."""
    exposures, perpetual = Exposures(), make.btc(kind=InstrumentKind.PERPETUAL)
    for side in (Side.BUY, Side.SELL):
        exposures.add(order(side=side), perpetual)
    assert exposures.reserved == {}
    assert exposures.alive == {(Scope.ACCOUNT, "paper"): 2, (Scope.VENUE, "binance-spot"): 2}


def book_of(held: int, *orders: tuple[Side, int, int, bool], make) -> Book:
    """Make a book that holds so much and has live orders, each a side, quantity, worst price and whether it only reduces."""
    exposures = Exposures()
    exposures.move("paper", "alpha", BTC, held)
    for number, (side, quantity, worst, reducing) in enumerate(orders):
        exposures.add(order(number, side=side, quantity=quantity, worst_price=worst, reduce_only=reducing), make.btc())
    return exposures.strategies["paper", "alpha"][BTC]


BUY, SELL = Side.BUY, Side.SELL


@pytest.mark.parametrize(
    ("held", "orders", "gross", "bought", "sold"),
    [
        # Flat: the larger of all buys and all sells.
        (0, [], 0, 0, 0),
        (0, [(BUY, 10, 100, False)], 1_000, 1_000, 0),
        (0, [(SELL, 10, 100, False)], 1_000, 0, -1_000),
        (0, [(BUY, 10, 100, False), (SELL, 30, 100, False)], 3_000, 1_000, -3_000),
        (0, [(BUY, 10, 100, False), (BUY, 5, 102, False)], 1_510, 1_510, 0),
        # What only reduces opens nothing.
        (0, [(BUY, 10, 100, True)], 0, 1_000, 0),
        (0, [(SELL, 10, 100, True)], 0, 0, -1_000),
        # Long: what is held and may be bought; sells open what is left of them after the position.
        (10, [], 1_000, 1_000, 1_000),
        (10, [(BUY, 5, 102, False)], 1_510, 1_510, 1_000),
        (10, [(SELL, 10, 100, False)], 1_000, 1_000, 0),
        (10, [(SELL, 11, 100, False)], 1_000, 1_000, -100),
        (10, [(SELL, 30, 101, False)], 2_020, 1_000, -2_030),
        (10, [(SELL, 30, 101, False), (SELL, 10, 99, True)], 3_030, 1_000, -3_020),
        (10, [(SELL, 30, 101, False), (SELL, 15, 99, True)], 3_030, 1_000, -3_515),
        (10, [(SELL, 30, 101, False), (SELL, 4, 99, True)], 2_424, 1_000, -2_426),
        (10, [(SELL, 30, 101, False), (BUY, 4, 99, True)], 2_020, 1_396, -2_030),
        (10, [(SELL, 30, 101, False), (SELL, 4, 99, True), (SELL, 3, 99, True)], 2_727, 1_000, -2_723),
        (10, [(SELL, 30, 101, False), (SELL, 10, 99, False)], 3_015, 1_000, -3_020),
        (1, [(SELL, 2, 300, False)], 300, 100, -500),
        # Short: the mirror image.
        (-1, [(BUY, 2, 300, False)], 300, 500, -100),
        (-10, [(BUY, 30, 101, False), (BUY, 10, 99, False)], 3_015, 3_020, -1_000),
        (-10, [(BUY, 30, 101, False), (BUY, 4, 99, True), (BUY, 3, 99, True)], 2_727, 2_723, -1_000),
        (-10, [], 1_000, -1_000, -1_000),
        (-10, [(SELL, 5, 102, False)], 1_510, -1_000, -1_510),
        (-10, [(BUY, 10, 100, False)], 1_000, 0, -1_000),
        (-10, [(BUY, 30, 101, False)], 2_020, 2_030, -1_000),
        (-10, [(BUY, 30, 101, False), (BUY, 10, 99, True)], 3_030, 3_020, -1_000),
        (-10, [(BUY, 30, 101, False), (BUY, 15, 99, True)], 3_030, 3_515, -1_000),
        (-10, [(BUY, 30, 101, False), (BUY, 4, 99, True)], 2_424, 2_426, -1_000),
        (-10, [(BUY, 30, 101, False), (SELL, 4, 99, True)], 2_020, 2_030, -1_396),
    ],
)
def test_a_book_at_worst(make, held, orders, gross, bought, sold):
    """Gross is the larger of long and short, in thousands here; the same whether its last order is alive or only asked for."""
    expected = (gross * FACTOR, bought * FACTOR, sold * FACTOR)
    assert book_of(held, *orders, make=make).worst(make.btc(), 100) == expected
    for number, (side, quantity, worst, reducing) in enumerate(orders):
        others = book_of(held, *orders[:number], *orders[number + 1 :], make=make)
        assert others.worst(make.btc(), 100, quantity, quantity * worst * FACTOR, side is BUY, reducing) == expected


def test_what_is_opened_in_part_is_rounded_up(make):
    """Two thirds of 1 000 000 001 money units are 666 666 668, never less."""
    coarse = make.btc(price_scale=8, quantity_scale=0, lot_size=1, minimum_quantity=1)
    long, short = Book(BTC), Book(BTC)
    long.held, long.sells, long.sell_notional = 1, 3, 1_000_000_001
    short.held, short.buys, short.buy_notional = -1, 3, 1_000_000_001
    assert [book.worst(coarse, 1)[0] for book in (long, short)] == [666_666_668, 666_666_668]


@pytest.mark.parametrize(
    ("side", "limit", "trigger", "worst"),
    [
        (BUY, 9_900, None, 9_900),
        (BUY, 10_200, 10_100, 10_200),
        (BUY, None, None, 10_500),
        (BUY, None, 10_100, 10_605),
        (BUY, None, 9_900, 10_500),
        (BUY, None, 10_001, 10_502),
        (SELL, 9_900, None, 10_000),
        (SELL, 10_300, None, 10_300),
        (SELL, None, None, 10_000),
        (SELL, None, 9_800, 10_000),
        (SELL, None, 10_100, 10_100),
        (SELL, 10_050, 10_100, 10_100),
        (SELL, 10_200, 10_100, 10_200),
    ],
)
def test_the_worst_price_of_an_order(side, limit, trigger, worst):
    """A limit bounds a buy; else it may go up by the collar of 5 %, rounded up. A sell may fill at the highest price it names."""
    assert worst_price(order(side=side, limit_price=limit, trigger_price=trigger), 50_000) == worst
