"""Commissions are taken from what is received, or from the discount asset where the account asked for it and has enough."""

from fractions import Fraction

import pytest
from floor import BUY, SELL, Floor, request, units

from live.venues.exchange.commissions import CommissionRates, commission, discounted_commission
from live.venues.exchange.fixed8 import ONE
from live.venues.exchange.orders import OrderType, Side
from live.venues.exchange.symbols import BNBUSDT, BTCUSDT, ETHUSDT

RATES = CommissionRates(maker=ONE // 1_000, taker=ONE * 2 // 1_000)
IN_BNB = CommissionRates(maker=ONE // 1_000, taker=ONE * 2 // 1_000, pay_with_discount_asset=True)


def test_the_documented_example() -> None:
    """17491.25 at 0.0000006 is 0.01049475; at 260 a BNB and a factor of 0.25 it is 0.000010091 BNB."""
    notional = units("17491.25")

    assert commission(notional, 60) == units("0.01049475")
    assert discounted_commission(notional, 60, ONE // 4, units(260)) == units("0.00001009")


@pytest.mark.parametrize(("side", "asset", "fee"), [(BUY, "BTC", "0.002"), (SELL, "USDT", "0.2")])
def test_a_taker_pays_its_rate_of_what_it_receives(side: Side, asset: str, fee: str) -> None:
    """Base for a buyer, quote for a seller; what is paid is not touched."""
    floor = Floor(rates=RATES)
    floor.limit("maker", SELL if side is BUY else BUY, 1, 100)

    execution = floor.market("alice", side, 1).executions[0]

    assert (execution.commission_asset, execution.commission) == (asset, units(fee))
    before = {"BTC": Fraction(100), "USDT": Fraction(1_000_000)}[asset]
    received = Fraction(1 if side is BUY else 100)
    assert floor.balance("alice", asset) == (before + received - Fraction(fee), 0)
    assert floor.exchange.fees == {asset: units(fee)}


def test_a_maker_pays_its_own_rate() -> None:
    """Who waited pays the maker's rate of the same trade."""
    floor = Floor(rates=RATES)
    floor.limit("alice", SELL, 1, 100)
    floor.limit("bob", BUY, 1, 100)

    assert floor.exchange.my_trades("alice", "BTCUSDT")[0].commission == units("0.1")
    assert floor.exchange.my_trades("bob", "BTCUSDT")[0].commission == units("0.002")


def test_bnb_pays_at_a_discount_and_leaves_what_was_received_whole() -> None:
    """Three quarters of the rate, at the price the rules give while BNB has not traded."""
    floor = Floor(rates=IN_BNB, balances={"BTC": 100, "USDT": 1_000_000, "BNB": 1})
    floor.limit("maker", SELL, 1, 6_000)

    execution = floor.market("alice", BUY, 1).executions[0]

    assert (execution.commission_asset, execution.commission) == ("BNB", units("0.015"))
    assert floor.balance("alice", "BTC") == (101, 0)
    assert floor.balance("alice", "BNB") == (Fraction("0.985"), 0)


def test_who_pays_in_bnb_is_told_its_balance_with_every_order() -> None:
    """The account update names what may change: BNB too, between base and quote, even while an order only waits."""
    floor = Floor(rates=IN_BNB, balances={"BTC": 100, "USDT": 1_000_000, "BNB": 1})
    floor.limit("alice", BUY, 1, 100)

    (event,) = floor.account_events()
    assert [balance.asset for balance in event.balances] == ["BTC", "BNB", "USDT"]


def test_the_discount_assets_own_market_prices_it() -> None:
    """Once BNBUSDT has traded here, its last price counts."""
    floor = Floor(symbols=(BTCUSDT, ETHUSDT, BNBUSDT), rates=IN_BNB, balances={"BTC": 1, "USDT": 10_000, "BNB": 1})
    for side in (SELL, BUY):
        floor.place("maker", request(side, OrderType.LIMIT, 1, 300, symbol="BNBUSDT"))
    floor.limit("maker", SELL, 1, 6_000)

    assert floor.market("alice", BUY, 1).executions[0].commission == units("0.03")


def test_too_little_bnb_means_the_full_commission_of_what_was_received() -> None:
    """The discount is for those who can pay it whole."""
    floor = Floor(rates=IN_BNB, balances={"BTC": 100, "USDT": 1_000_000, "BNB": "0.01499999"})
    floor.limit("maker", SELL, 1, 6_000)

    execution = floor.market("alice", BUY, 1).executions[0]

    assert (execution.commission_asset, execution.commission) == ("BTC", units("0.002"))
    assert floor.balance("alice", "BNB") == (Fraction("0.01499999"), 0)


def test_the_house_pays_nothing() -> None:
    """The market would otherwise bleed its funds into fees."""
    floor = Floor(rates=RATES)
    floor.trade_at(100)

    assert floor.exchange.fees == {}
