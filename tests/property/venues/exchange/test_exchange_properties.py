"""Whatever is asked of the exchange, assets are conserved, books do not cross, priority holds and ids have no gaps."""

from collections import defaultdict
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from live.venues.exchange.commissions import CommissionRates
from live.venues.exchange.errors import VenueError
from live.venues.exchange.events import DepthEvent, OrderEvent, TradeEvent
from live.venues.exchange.exchange import Exchange, ExchangeState
from live.venues.exchange.filters import MANDATORY
from live.venues.exchange.fixed8 import ONE
from live.venues.exchange.orders import (
    OPEN_STATUSES,
    CancelReplaceMode,
    OrderRequest,
    OrderStatus,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from live.venues.exchange.symbols import BNBUSDT, BTCUSDT

ACCOUNTS = ("alice", "bob", "house")
DEPOSITS = {"BTC": 5 * ONE, "USDT": 600 * ONE, "BNB": ONE // 100}
RULES = msgspec.structs.replace(BTCUSDT, min_notional=0, bid_multiplier_down=0, ask_multiplier_down=0)
RATES = {
    "alice": CommissionRates(maker=75_001, taker=133_337),
    "bob": CommissionRates(maker=75_001, taker=133_337, pay_with_discount_asset=True),
}

ORDERS = st.fixed_dictionaries(
    {
        "account": st.sampled_from(ACCOUNTS),
        "type": st.sampled_from(list(OrderType)),
        "side": st.sampled_from(list(Side)),
        "price": st.integers(95, 105),
        "stop": st.integers(95, 105),
        "lots": st.integers(1, 150_000),
        "in_quote": st.booleans(),
        "force": st.sampled_from(list(TimeInForce)),
        "mode": st.sampled_from(list(SelfTradePrevention)),
    }
)
CANCELS = st.fixed_dictionaries({"account": st.sampled_from(ACCOUNTS), "cancel": st.integers(0, 40)})
REPLACES = st.tuples(ORDERS, CANCELS)
STEPS = st.lists(st.one_of(ORDERS, ORDERS, ORDERS, CANCELS, REPLACES), min_size=1, max_size=60)


def opened() -> Exchange:
    """Open an exchange on which two accounts have funds and the house may go short."""
    exchange = Exchange((RULES, BNBUSDT))
    for account in ACCOUNTS:
        exchange.add_account(account, DEPOSITS, 0, rates=RATES.get(account), house=account == "house")
    return exchange


def request(step: dict[str, Any]) -> OrderRequest:
    """Make an order whose parameters go with its type."""
    needed = MANDATORY[step["type"]]
    in_quote = step["type"] is OrderType.MARKET and step["in_quote"]
    return OrderRequest(
        symbol="BTCUSDT",
        side=step["side"],
        type=step["type"],
        time_in_force=step["force"] if "timeInForce" in needed else None,
        quantity=None if in_quote else step["lots"] * RULES.step_size,
        quote_quantity=step["lots"] * ONE // 997 if in_quote else None,
        price=step["price"] * ONE if "price" in needed else None,
        stop_price=step["stop"] * ONE if "stopPrice" in needed else None,
        stp_mode=step["mode"],
    )


def act(exchange: Exchange, step: Any, now: int) -> None:
    """Do one step; a refusal is a fine answer."""
    try:
        if isinstance(step, tuple):
            order, cancel = step
            exchange.cancel_replace(
                cancel["account"], request(order), CancelReplaceMode.ALLOW_FAILURE, now, cancel_order_id=cancel["cancel"]
            )
        elif "cancel" in step:
            exchange.cancel(step["account"], "BTCUSDT", step["cancel"], None, None, None, now)
        else:
            exchange.place(step["account"], request(step), now)
    except VenueError:
        return


def check_funds(exchange: Exchange) -> None:
    """Every asset adds up, nobody but the house is short, and what is locked is what open orders hold."""
    totals: dict[str, int] = defaultdict(int, exchange.fees)
    for account in ACCOUNTS:
        locked: dict[str, int] = defaultdict(int)
        for order in exchange.open_orders(account):
            locked["USDT" if order.side is Side.BUY else "BTC"] += order.locked
        for balance in exchange.account(account).balances:
            totals[balance.asset] += balance.free + balance.locked
            assert balance.locked == locked[balance.asset]
            assert balance.free >= 0 or account == "house"
    assert totals == {asset: amount * len(ACCOUNTS) for asset, amount in DEPOSITS.items()}


def check_book(exchange: Exchange) -> None:
    """Bids lie below asks, and levels are what open orders have left."""
    depth = exchange.depth("BTCUSDT", 1_000)
    assert not depth.bids or not depth.asks or depth.bids[0][0] < depth.asks[0][0]
    assert list(depth.bids) == sorted(depth.bids, reverse=True)
    assert list(depth.asks) == sorted(depth.asks)
    levels: dict[tuple[Side, int], int] = defaultdict(int)
    for account in ACCOUNTS:
        for order in exchange.open_orders(account, "BTCUSDT"):
            assert order.remaining > 0
            if order.is_working:
                levels[order.side, order.price] += order.remaining
    assert levels == {
        **{(Side.BUY, price): quantity for price, quantity in depth.bids},
        **{(Side.SELL, price): quantity for price, quantity in depth.asks},
    }


def check_orders(exchange: Exchange) -> None:
    """What an order traded is what its executions say, and a finished one holds nothing."""
    for account in ("alice", "bob"):
        traded: dict[int, int] = defaultdict(int)
        for execution in exchange.my_trades(account, "BTCUSDT", limit=10_000):
            traded[execution.order_id] += execution.quantity
        for order in exchange.all_orders(account, "BTCUSDT", limit=10_000):
            assert order.executed == traded[order.order_id]
            assert order.remaining >= 0
            assert order.status in OPEN_STATUSES or order.locked == 0
            assert (order.status is OrderStatus.FILLED) <= (order.remaining == 0)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_assets_are_conserved_and_the_book_is_sound(steps: list[Any]) -> None:
    """After every step: sums, locks, levels; at the end: histories, ids, and the book as its events tell it."""
    exchange = opened()
    told: dict[str, dict[int, int]] = {"bids": {}, "asks": {}}
    update_id = trade_id = 0
    for now, step in enumerate(steps):
        act(exchange, step, now)
        check_funds(exchange)
        check_book(exchange)
        for event in exchange.drain():
            if isinstance(event, DepthEvent):
                assert event.first_update_id == update_id + 1
                update_id = event.last_update_id
                told["bids"].update(event.bids)
                told["asks"].update(event.asks)
            elif isinstance(event, TradeEvent):
                trade_id += 1
                assert event.trade_id == trade_id
            elif isinstance(event, OrderEvent):
                assert event.account != "house"
    check_orders(exchange)
    depth = exchange.depth("BTCUSDT", 1_000)
    assert depth.last_update_id == update_id
    assert {price: quantity for price, quantity in told["bids"].items() if quantity} == dict(depth.bids)
    assert {price: quantity for price, quantity in told["asks"].items() if quantity} == dict(depth.asks)


A_TAKER_IN_AN_EMPTY_BOOK = {
    "account": "house",
    "type": OrderType.MARKET,
    "side": Side.BUY,
    "lots": 1,
    "in_quote": False,
    "mode": SelfTradePrevention.NONE,
}


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, cut=st.integers(0, 60))
@example(steps=[A_TAKER_IN_AN_EMPTY_BOOK], cut=1)
def test_an_exchange_that_was_written_down_goes_on_the_same(steps: list[Any], cut: int) -> None:
    """Events and state from then on are those of one that never stopped."""
    whole, first = opened(), opened()
    for now, step in enumerate(steps[:cut]):
        act(whole, step, now)
        act(first, step, now)
    second = Exchange((RULES, BNBUSDT))
    second.read(msgspec.msgpack.decode(msgspec.msgpack.encode(first.write()), type=ExchangeState))
    whole.drain()
    for now, step in enumerate(steps[cut:], start=cut):
        act(whole, step, now)
        act(second, step, now)

    assert second.drain() == whole.drain()
    assert second.write() == whole.write()


LIMITS = st.lists(
    st.tuples(st.sampled_from(list(Side)), st.integers(95, 105), st.integers(1, 5), st.one_of(st.none(), st.integers(0, 30))), max_size=50
)


@settings(max_examples=150, deadline=None)
@given(steps=LIMITS)
def test_matching_equals_a_plain_list(steps: list[tuple[Side, int, int, int | None]]) -> None:
    """Trades are those of a list that is searched for the best price and the oldest order each time."""
    exchange = Exchange()
    exchange.add_account("house", {}, 0, house=True)
    resting: list[list[Any]] = []
    expected: list[tuple[int, int, int, int]] = []
    for now, (side, price, quantity, canceled) in enumerate(steps, start=1):
        if canceled is not None:
            resting = [order for order in resting if order[0] != canceled]
            act(exchange, {"account": "house", "cancel": canceled}, now)
        order_id = exchange.place(
            "house",
            OrderRequest(
                symbol="BTCUSDT",
                side=side,
                type=OrderType.LIMIT,
                time_in_force=TimeInForce.GTC,
                quantity=quantity * ONE,
                price=price * ONE,
            ),
            now,
        ).order.order_id
        sign = 1 if side is Side.BUY else -1
        left = quantity
        while left:
            makers = [order for order in resting if order[1] is not side and (order[2] - price) * sign <= 0]
            if not makers:
                resting.append([order_id, side, price, left])
                break
            maker = min(makers, key=lambda order: (order[2] * sign, order[0]))
            amount = min(maker[3], left)
            expected.append((order_id, maker[0], maker[2] * ONE, amount * ONE))
            maker[3] -= amount
            left -= amount
            resting = [order for order in resting if order[3]]

    trades = [event for event in exchange.drain() if isinstance(event, TradeEvent)]
    assert [
        (max(trade.buyer_order_id, trade.seller_order_id), min(trade.buyer_order_id, trade.seller_order_id), trade.price, trade.quantity)
        for trade in trades
    ] == expected
    assert sorted((order[0], order[3] * ONE) for order in resting) == sorted(
        (order.order_id, order.remaining) for order in exchange.open_orders("house", "BTCUSDT")
    )
