"""Risk: an order may neither repeat nor meet another one of ours."""

import pytest

from live.core.risk.checks import crossing
from live.core.risk.codes import DenialCode
from live.core.vocabulary import OrderType, Side

SECOND = 1_000_000_000
BTC = "binance-spot:BTCUSDT"
ETH = "binance-spot:ETHUSDT"


def test_the_same_order_twice_at_once_is_a_duplicate(new_desk, make):
    """A minute apart it is another order; within the window it is not sent."""
    desk, loose = (new_desk(make.deployment(limits=make.limits(duplicate_window=60 * SECOND + more))).open() for more in (1, 0))
    fields = {"order_type": "LIMIT", "limit_price": 99.0}
    assert desk.send("BUY", 100, **fields) is None
    assert desk.send("BUY", 100, **fields) == DenialCode.DUPLICATE_ORDER
    assert desk.send("BUY", 110, **fields) is None
    assert loose.send("BUY", 100, **fields) is None
    assert loose.send("BUY", 100, **fields) is None


@pytest.mark.parametrize(
    ("resting", "wanted", "code"),
    [
        (("LIMIT", 104.0, None), ("BUY", {}), DenialCode.SELF_TRADE),
        (("LIMIT", 104.0, None), ("BUY", {"order_type": "STOP", "trigger_price": 103.0}), DenialCode.SELF_TRADE),
        (("LIMIT", 104.0, None), ("BUY", {"order_type": "STOP", "trigger_price": 104.5}), None),
        (("STOP", None, 97.0), ("BUY", {"order_type": "LIMIT", "limit_price": 96.0}), DenialCode.SELF_TRADE),
        (("STOP", None, 97.0), ("BUY", {"order_type": "LIMIT", "limit_price": 98.0}), None),
        (("STOP", None, 97.0), ("BUY", {}), None),
        (("STOP_LIMIT", 96.5, 97.0), ("BUY", {"order_type": "LIMIT", "limit_price": 96.0}), None),
        (("STOP_LIMIT", 96.5, 97.0), ("BUY", {"order_type": "LIMIT", "limit_price": 96.5}), DenialCode.SELF_TRADE),
        (("STOP_LIMIT", 101.0, 102.0), ("BUY", {"order_type": "LIMIT", "limit_price": 103.0}), DenialCode.SELF_TRADE),
        (("STOP_LIMIT", 96.5, 97.0), ("BUY", {"order_type": "LIMIT", "limit_price": 97.0}), DenialCode.SELF_TRADE),
        (("STOP_LIMIT", 96.5, 97.0), ("BUY", {"order_type": "LIMIT", "limit_price": 98.0}), None),
        (("STOP_LIMIT", 101.0, 100.0), ("BUY", {"order_type": "LIMIT", "limit_price": 101.0}), DenialCode.SELF_TRADE),
        (("STOP_LIMIT", 101.0, 100.0), ("BUY", {"order_type": "LIMIT", "limit_price": 100.99}), None),
        (("LIMIT", 104.0, None), ("BUY", {"order_type": "LIMIT", "limit_price": 104.0}), DenialCode.SELF_TRADE),
        (("LIMIT", 104.0, None), ("BUY", {"order_type": "LIMIT", "limit_price": 103.99}), None),
        (
            ("LIMIT", 104.0, None),
            ("BUY", {"order_type": "STOP_LIMIT", "trigger_price": 104.0, "limit_price": 105.0}),
            DenialCode.SELF_TRADE,
        ),
        (("LIMIT", 104, None), ("BUY", {"order_type": "STOP_LIMIT", "trigger_price": 104.01, "limit_price": 105.0}), None),
        (
            ("LIMIT", 104.0, None),
            ("BUY", {"order_type": "STOP_LIMIT", "trigger_price": 103.0, "limit_price": 104.0}),
            DenialCode.SELF_TRADE,
        ),
        (("LIMIT", 104, None), ("BUY", {"order_type": "STOP_LIMIT", "trigger_price": 103.0, "limit_price": 103.99}), None),
        (("LIMIT", 105.0, None), ("BUY", {"close": 10_000}), DenialCode.SELF_TRADE),
        (("LIMIT", 105.0, None), ("BUY", {"close": 9_999}), None),
    ],
)
def test_an_order_may_not_meet_one_of_ours(desk, resting, wanted, code):
    """A market order reaches as far as the collar; what rests before a stop's trigger is gone before it begins."""
    desk.hold(300)
    kind, limit, trigger = resting
    assert desk.send("SELL", 100, order_type=kind, limit_price=limit, trigger_price=trigger) is None
    side, fields = wanted
    assert desk.send(side, 100, **fields) == code


@pytest.mark.parametrize(
    ("resting", "wanted", "code"),
    [
        (("LIMIT", 96.0, None), {}, DenialCode.SELF_TRADE),
        (("LIMIT", 95.0, None), {"close": 10_000}, DenialCode.SELF_TRADE),
        (("LIMIT", 95.0, None), {"close": 10_002}, None),
        (("LIMIT", 96.0, None), {"order_type": "LIMIT", "limit_price": 96.0}, DenialCode.SELF_TRADE),
        (("LIMIT", 96.0, None), {"order_type": "LIMIT", "limit_price": 96.01}, None),
        (("LIMIT", 96.0, None), {"order_type": "STOP", "trigger_price": 97.0}, DenialCode.SELF_TRADE),
        (("LIMIT", 96.0, None), {"order_type": "STOP", "trigger_price": 96.0}, DenialCode.SELF_TRADE),
        (("LIMIT", 96.0, None), {"order_type": "STOP", "trigger_price": 95.99}, None),
        (("LIMIT", 96.0, None), {"order_type": "STOP_LIMIT", "trigger_price": 97.0, "limit_price": 96.0}, DenialCode.SELF_TRADE),
        (("LIMIT", 96.0, None), {"order_type": "STOP_LIMIT", "trigger_price": 97.0, "limit_price": 96.01}, None),
        (("STOP", None, 103.0), {}, None),
        (("STOP", None, 103.0), {"order_type": "LIMIT", "limit_price": 103.0}, DenialCode.SELF_TRADE),
        (("STOP", None, 103.0), {"order_type": "LIMIT", "limit_price": 102.99}, None),
        (("STOP_LIMIT", 103.5, 103.0), {"order_type": "LIMIT", "limit_price": 103.5}, DenialCode.SELF_TRADE),
        (("STOP_LIMIT", 103.5, 103.0), {"order_type": "LIMIT", "limit_price": 103.51}, None),
        (("STOP_LIMIT", 103.5, 103.0), {"order_type": "LIMIT", "limit_price": 102.0}, None),
        (("STOP_LIMIT", 99.0, 100.0), {"order_type": "LIMIT", "limit_price": 99.0}, DenialCode.SELF_TRADE),
        (("STOP_LIMIT", 99.0, 100.0), {"order_type": "LIMIT", "limit_price": 99.01}, None),
    ],
)
def test_a_sell_may_not_meet_a_buy_of_ours(desk, resting, wanted, code):
    """As a buy may not meet a sell, the other way round."""
    desk.hold(300)
    kind, limit, trigger = resting
    assert desk.send("BUY", 100, order_type=kind, limit_price=limit, trigger_price=trigger) is None
    assert desk.send("SELL", 100, **wanted) == code


@pytest.mark.parametrize(
    ("side", "trigger", "close", "limit", "meets"),
    [
        ("SELL", 97.0, 9_700, 9_215, True),
        ("SELL", 97.0, 9_700, 9_214, False),
        ("SELL", 97.0, 9_650, 9_167, True),
        ("SELL", 97.0, 9_650, 9_166, False),
        ("BUY", 103.0, 10_300, 10_815, True),
        ("BUY", 103.0, 10_300, 10_816, False),
        ("BUY", 103.0, 10_301, 10_816, True),
        ("BUY", 103.0, 10_301, 10_817, False),
    ],
)
def test_a_stop_that_has_begun_reaches_on_from_the_market(desk, side, trigger, close, limit, meets):
    """Once the market is at its trigger or past it, it trades with what rests within the collar of the market."""
    desk.hold(300)
    assert desk.send(side, 100, order_type="STOP", trigger_price=trigger) is None
    desk.bar(close)
    other = Side.BUY if side == "SELL" else Side.SELL
    plain = {"order_type": OrderType.LIMIT, "limit_price": limit, "trigger_price": None}
    denial = crossing.check_self_trade(desk.candidate(side=other, **plain))
    assert (denial is not None) is meets
    assert crossing.check_self_trade(desk.candidate(side=Side(side), **plain)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 110},
        {"limit_price": 9_901},
        {"side": Side.SELL},
        {"order_type": OrderType.LIMIT_MAKER},
        {"trigger_price": 9_900},
        {"reduce_only": True},
        {"account_id": "other"},
        {"instrument_id": ETH},
        {"strategy_id": "beta"},
    ],
)
def test_an_order_that_differs_in_anything_is_no_duplicate(new_desk, make, changes):
    """Nor is one that replaces the other; what is the same in all is, until the window is over."""
    desk = new_desk(make.deployment(instrument_ids=(BTC, ETH)), make.deployment("beta")).open()
    assert desk.send("BUY", 100, order_type="LIMIT", limit_price=99.0) is None
    assert crossing.check_duplicate(desk.candidate(**changes)) is None
    assert crossing.check_duplicate(desk.candidate(replaces=desk.order.order_id)) is None
    assert crossing.check_duplicate(desk.candidate(later=5 * SECOND)) is None
    denial = crossing.check_duplicate(desk.candidate(later=5 * SECOND - 1))
    assert denial is not None
    assert denial.code == DenialCode.DUPLICATE_ORDER
    assert denial.detail == f"{desk.order.order_id} was asked for {5 * SECOND - 1} ns ago"
