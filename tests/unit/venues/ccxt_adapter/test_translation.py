"""What the adapter writes and reads, exactly or not at all."""

import copy
import re
from typing import Any

import pytest

from live.core.decimals import MONEY_SCALE, format_scaled
from live.core.effects import SubmitOrder
from live.core.instruments import Instrument
from live.core.vocabulary import Liquidity, OrderType, Side, TimeInForce
from live.venues.ccxt_adapter.dialects import BINANCE_SPOT
from live.venues.ccxt_adapter.translation import (
    Catalogue,
    SeenStatus,
    UnreadableAnswerError,
    order_arguments,
    read_balances,
    read_instrument,
    read_order,
    read_trade,
)
from live.venues.protocol import AssetBalance

ORDER: dict[str, Any] = {
    "id": "28",
    "clientOrderId": "IL1",
    "symbol": "BTC/USDT",
    "status": "open",
    "side": "buy",
    "type": "limit",
    "amount": "0.00300000",
    "filled": "0.00100000",
    "price": "60000.10000000",
    "timestamp": 1_507_725_176_595,
    "lastUpdateTimestamp": 1_507_725_176_600,
    "trades": [
        {
            "id": "56",
            "symbol": "BTC/USDT",
            "price": "60000.10000000",
            "amount": "0.00100000",
            "fee": {"cost": "0.00000100", "currency": "BTC"},
            "takerOrMaker": None,
        }
    ],
    "info": {"status": "PARTIALLY_FILLED"},
}


def order(order_type: OrderType, limit: int | None = None, trigger: int | None = None) -> SubmitOrder:
    """Make an order of 0.00100 BTC."""
    return SubmitOrder("IL1", "s", "a", "local:BTCUSDT", Side.BUY, order_type, TimeInForce.GOOD_TILL_CANCELED, 100, limit, trigger)


def test_a_market_order_names_no_price_and_no_time_in_force(catalogue: Catalogue) -> None:
    """With a price ccxt would send an amount to spend instead of the quantity."""
    arguments = order_arguments(order(OrderType.MARKET), catalogue.of("local:BTCUSDT"), BINANCE_SPOT.timed_types)
    assert arguments == ("BTC/USDT", "market", "buy", "0.00100", None, {"clientOrderId": "IL1"})


def test_orders_are_written_with_every_digit_and_under_our_id(catalogue: Catalogue) -> None:
    """A stop limit carries its trigger beside its limit; a post-only order has no time in force to name."""
    listing, timed = catalogue.of("local:BTCUSDT"), BINANCE_SPOT.timed_types
    stop = order_arguments(order(OrderType.STOP_LIMIT, 60_000_01, 60_100_00), listing, timed)
    assert stop[1:] == (
        "limit",
        "buy",
        "0.00100",
        "60000.01",
        {"clientOrderId": "IL1", "timeInForce": "GTC", "triggerPrice": "60100.00"},
    )
    maker = order_arguments(order(OrderType.LIMIT_MAKER, 60_000_01), listing, timed)
    assert maker[1:] == ("LIMIT_MAKER", "buy", "0.00100", "60000.01", {"clientOrderId": "IL1"})


def test_an_order_is_read_with_the_executions_its_answer_lists(catalogue: Catalogue) -> None:
    """What filled at once took; time and id are the order's."""
    seen = read_order(ORDER, catalogue)
    assert (seen.status, seen.quantity, seen.executed_quantity, seen.limit_price) == (SeenStatus.WORKING, 300, 100, 60_000_10)
    assert seen.ts_event == 1_507_725_176_600_000_000
    (trade,) = seen.trades
    assert (trade.order_id, trade.venue_order_id, trade.price, trade.quantity) == ("IL1", "28", 60_000_10, 100)
    assert (trade.fee, trade.fee_asset, trade.liquidity) == (100, "BTC", Liquidity.TAKER)


def test_the_answer_to_a_cancel_names_the_cancel_and_is_read_under_the_orders_id(catalogue: Catalogue) -> None:
    """The id in it is that of the request that canceled."""
    seen = read_order({**ORDER, "clientOrderId": "x-other", "status": "canceled"}, catalogue, asked_id="IL1")
    assert (seen.order_id, seen.status) == ("IL1", SeenStatus.CANCELED)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": None},
        {"id": ""},
        {"status": None},
        {"status": "something new"},
        {"side": None},
        {"symbol": "NONE/USDT"},
        {"amount": None},
        {"filled": "0.000001"},
        {"price": "60000.001"},
        {"price": "NaN"},
        {"lastUpdateTimestamp": None, "timestamp": None},
        {"info": None},
        {"trades": [{"id": "56"}]},
    ],
    ids=str,
)
def test_an_answer_that_shows_no_order_is_unreadable(catalogue: Catalogue, changed: dict[str, Any]) -> None:
    """An order without an id, as ccxt makes of a broken body, or with a number that does not fit, is no order."""
    with pytest.raises(UnreadableAnswerError):
        read_order({**ORDER, **changed}, catalogue)


@pytest.mark.parametrize("answer", [None, {}, [], "<html>", {"id": None, "status": None}], ids=str)
def test_anything_else_is_unreadable_too(catalogue: Catalogue, answer: object) -> None:
    """Whatever a venue sends, only an order is an order."""
    with pytest.raises(UnreadableAnswerError):
        read_order(answer, catalogue)
    with pytest.raises(UnreadableAnswerError):
        read_trade(answer, catalogue)
    with pytest.raises(UnreadableAnswerError):
        read_balances(answer)


def test_a_trade_whose_role_nobody_tells_is_unreadable(catalogue: Catalogue) -> None:
    """Maker and taker are not guessed, but for what filled in the answer to its order."""
    trade = {
        "id": "56",
        "order": "28",
        "symbol": "BTC/USDT",
        "side": "sell",
        "price": "1.00",
        "amount": "1.00000",
        "fee": {"cost": "0.00000000", "currency": None},
        "takerOrMaker": "maker",
        "timestamp": 1,
    }
    read = read_trade(trade, catalogue)
    assert (read.liquidity, read.fee, read.fee_asset) == (Liquidity.MAKER, 0, "USDT")
    with pytest.raises(UnreadableAnswerError):
        read_trade({**trade, "takerOrMaker": None}, catalogue)
    with pytest.raises(UnreadableAnswerError):
        read_trade({**trade, "fee": {"cost": "0.1", "currency": None}}, catalogue)


def test_filters_come_from_the_venue_and_scales_from_the_definition(market: dict[str, Any]) -> None:
    """A definition that the venue's steps fit keeps its scales; one that is too coarse is refused."""
    fine = Instrument(instrument_id="local:BTCUSDT", base="BTC", quote="USDT", price_scale=4, quantity_scale=8, version=3)
    read = read_instrument("local:BTCUSDT", market, fine)
    assert (read.price_scale, read.tick_size, read.lot_size, read.version) == (4, 100, 1_000, 4)
    assert read_instrument("local:BTCUSDT", market, read) == read
    bare = read_instrument("local:BTCUSDT", market, None)
    assert (bare.price_scale, bare.quantity_scale, bare.tick_size, bare.version) == (2, 5, 1, 1)
    assert format_scaled(bare.minimum_notional, MONEY_SCALE) == "5.00000000"
    coarse = Instrument(instrument_id="local:BTCUSDT", base="BTC", quote="USDT", price_scale=1, quantity_scale=5)
    with pytest.raises(UnreadableAnswerError, match="filters cannot be read"):
        read_instrument("local:BTCUSDT", market, coarse)


def test_an_instrument_that_is_not_listed_is_named(market: dict[str, Any]) -> None:
    """A deployment's mistake is said when the venue starts, and not with its first order."""
    unknown = Instrument(instrument_id="local:NONEUSDT", base="NONE", quote="USDT", price_scale=2, quantity_scale=5)
    with pytest.raises(UnreadableAnswerError, match="does not list local:NONEUSDT"):
        Catalogue("local", [market], [unknown])


BROKEN = [
    (("precision", "price"), None, "precision.price: "),
    (("precision", "price"), "a cent", "precision.price: "),
    (("precision", "amount"), "0.000000000001", "precision.amount: "),
    (("limits", "amount", "min"), "many", "limits.amount.min: "),
    (("limits", "cost"), {}, "limits.cost.min: "),
]


@pytest.mark.parametrize(("path", "value", "named"), BROKEN)
def test_a_market_that_cannot_be_read_is_left_out_where_nobody_trades_it_and_named_with_its_field_where_somebody_does(
    market: dict[str, Any], path: tuple[str, ...], value: object, named: str
) -> None:
    """One odd market among thousands keeps no other from being traded."""
    odd = {**copy.deepcopy(market), "id": "ODDUSDT", "symbol": "ODD/USDT", "base": "ODD"}
    place = odd
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    known = Instrument(instrument_id="local:ODDUSDT", base="ODD", quote="USDT", price_scale=2, quantity_scale=5)
    with pytest.raises(UnreadableAnswerError, match=re.escape(f"local:ODDUSDT: the venue's filters cannot be read: {named}")):
        Catalogue("local", [market, odd], [known])
    catalogue = Catalogue("local", [odd, market], [])
    if path == ("precision", "amount"):
        assert catalogue.unread == {}, "without a definition its own steps say how fine it is"
        return
    assert list(catalogue.listings) == ["local:BTCUSDT"]
    assert list(catalogue.unread) == ["ODDUSDT"]
    assert named in catalogue.unread["ODDUSDT"]
    for ask in (lambda: catalogue.of_market("ODDUSDT"), lambda: catalogue.of_symbol("ODD/USDT")):
        with pytest.raises(UnreadableAnswerError, match=f"the venue speaks of 'ODD.*, local:ODDUSDT: .*{named}"):
            ask()


def test_balances_leave_out_what_the_account_has_nothing_of() -> None:
    """Free and locked in money units."""
    answer = {"free": {"BTC": "1.00000000", "ETH": "0.00000000"}, "used": {"BTC": "0.50000000", "ETH": "0.00000000"}}
    assert read_balances(answer) == (AssetBalance("BTC", 100_000_000, 50_000_000),)
