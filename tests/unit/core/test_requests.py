"""Requests: the orders a strategy asks for by itself, and its timers."""

from decimal import Decimal
from random import Random

import msgspec
import pytest

from live.core import inputs, records
from live.core.decimals import LARGEST_INTEGER
from live.core.effects import CancelTimer, SetTimer
from live.core.errors import StrategyError
from live.core.orders import OrderState
from live.core.requests import OrderRequest
from live.core.vocabulary import OrderType, Side, TimeInForce, TradingState

BTC = "binance-spot:BTCUSDT"
ETH = "binance-spot:ETHUSDT"


def buy(label="", quantity=100, price=99.0, **how):
    """Ask for a resting buy of 0.1 BTC at 99.00."""
    how = {"order_type": "LIMIT", "limit_price": price, **how}
    return lambda bar, context: context.submit_order(BTC, "BUY", quantity, label=label, **how)


def test_an_order_leaves_with_everything_that_was_asked_for(desk):
    """Type, prices on the tick, time in force, expiry, flags and the strategy's words are in the intent and in the effect."""
    desk.ask(buy("entry", order_type="STOP_LIMIT", price=101.239, trigger_price=Decimal("100.501"), reason="breakout",
                 time_in_force="GTD", expires_at=desk.now + 10**12))  # fmt: skip
    intent = desk.of(records.IntentRecorded)[0]
    assert (intent.order_type, intent.side, intent.quantity) == (OrderType.STOP_LIMIT, Side.BUY, 100)
    assert (intent.limit_price, intent.trigger_price) == (10_123, 10_051)
    assert (intent.label, intent.reason, intent.decision_id) == ("entry", "breakout", 0)
    assert desk.of(records.DecisionRecorded) == []
    sent = desk.submitted[0]
    assert (sent.trigger_price, sent.expires_at, sent.time_in_force) == (10_051, intent.expires_at, TimeInForce.GOOD_TILL_DATE)
    for name in sent.__struct_fields__:
        assert getattr(sent, name) == getattr(intent, name)
    assert intent.reference_price == 10_000


def test_an_order_without_a_price_to_judge_it_by_is_denied(desk):
    """The intent says that there was none."""
    desk.deployments = (msgspec.structs.replace(desk.deployments[0], instrument_ids=(BTC, ETH)),)
    after = desk.restart("SESSION2", *desk.deployments)
    after.clear_latches()
    after.arm()
    after.ask(lambda bar, context: context.submit_order(ETH, "BUY", 100))
    assert after.of(records.IntentRecorded)[0].reference_price == 0
    assert after.code == "PRICE_REFERENCE_MISSING"


def test_an_order_that_may_only_reduce_leaves_as_one(desk):
    """The venue has to know it as well: the position may change while it rests."""
    desk.want(100)
    desk.fill()
    desk.strategy.script = None
    desk.ask(lambda bar, context: context.submit_order(BTC, "SELL", 100, reduce_only=True))
    assert [(sent.side, sent.reduce_only) for sent in desk.submitted] == [(Side.SELL, True)]
    assert desk.order.reduce_only


def test_a_price_is_rounded_so_that_it_is_never_worse_and_a_trigger_so_that_it_is_never_early(desk):
    """A sell's limit goes up, its stop goes down."""
    desk.ask(buy())
    desk.fill(price=9_900)
    desk.ask(
        lambda bar, context: context.submit_order(BTC, Side.SELL, 50, order_type="STOP_LIMIT", limit_price=98.001, trigger_price=98.509)
    )
    assert (desk.order.limit_price, desk.order.trigger_price) == (9_801, 9_850)


def test_labels_are_given_when_the_strategy_gives_none(desk):
    """Each order can be told from every other."""
    labels = []
    desk.ask(lambda bar, context: labels.extend([buy()(bar, context), buy(price=98.0)(bar, context)]))
    assert labels == ["#1", "#2"]
    assert [order.label for order in desk.state.live_orders.values()] == labels


def test_a_label_of_a_live_order_cannot_be_used_again(desk):
    """Nor twice on one event; once the order ended it can."""
    desk.ask(buy("one"))
    with pytest.raises(StrategyError, match="'one' names an order that is still alive"):
        desk.ask(buy("one"))
    other = type(desk)().open()
    with pytest.raises(StrategyError, match="still alive"):
        other.ask(lambda bar, context: (buy("x")(bar, context), buy("x", price=98.0)(bar, context)))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"order_type": "LIMIT"}, "a LIMIT order needs a limit_price"),
        ({"order_type": "MARKET", "limit_price": 1.0}, "a MARKET order has no limit_price"),
        ({"order_type": "STOP"}, "a STOP order needs a trigger_price"),
        ({"order_type": "ICEBERG"}, "order_type is one of MARKET, LIMIT"),
        ({"time_in_force": "DAY"}, "time_in_force is one of GTC, IOC"),
        ({"time_in_force": "GTD"}, "expires_at is given with time_in_force GTD and only then"),
        ({"expires_at": 5}, "expires_at is given with time_in_force GTD and only then"),
        ({"order_type": "LIMIT", "limit_price": "99"}, "limit_price must be a number"),
        ({"label": "two\nlines"}, "label must be printable text"),
    ],
)
def test_an_order_that_contradicts_itself_is_a_bug_of_the_strategy(desk, how, said):
    """What is wrong is said in a sentence, and nothing is guessed."""
    with pytest.raises(StrategyError, match=said):
        desk.ask(lambda bar, context: context.submit_order(BTC, "BUY", 100, **how))


@pytest.mark.parametrize("price", [float("nan"), float("inf"), Decimal("NaN")])
def test_a_price_that_is_no_number_is_denied(desk, price):
    """With its own code, and under the strategy's name."""
    desk.ask(buy(price=price))
    denied = desk.of(records.OrderDenied)[0]
    assert (denied.code, denied.order_id, denied.strategy_id) == ("TARGET_NOT_A_NUMBER", "", "alpha")


@pytest.mark.parametrize("how", [{"quantity": 0}, {"quantity": -5}, {"price": -1.0}, {"price": 1e300}])
def test_a_size_or_price_that_cannot_be_meant_is_denied(desk, how):
    """Nothing leaves."""
    desk.ask(buy(**how))
    assert desk.code == "TARGET_OUT_OF_RANGE"
    assert desk.submitted == []


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"quantity": LARGEST_INTEGER}, True),
        ({"quantity": LARGEST_INTEGER + 1}, False),
        ({"quantity": 1}, True),
        ({"limit_price": LARGEST_INTEGER // 100 - 1}, True),
        ({"limit_price": LARGEST_INTEGER // 100}, False),
        ({"trigger_price": LARGEST_INTEGER // 100 - 1}, True),
        ({"trigger_price": LARGEST_INTEGER // 100}, False),
        ({"limit_price": 0}, False),
        ({"trigger_price": 0}, False),
        ({"limit_price": 0.01, "trigger_price": 0.01}, True),
    ],
)
def test_a_request_holds_numbers_that_a_journal_can(make, changes, fits):
    """Of prices in hundredths those whose units fit, and of quantities every one from 1."""
    fields = {"quantity": 100, "limit_price": None, "trigger_price": None, **changes}
    request = OrderRequest(
        "one", BTC, Side.BUY, order_type=OrderType.MARKET, time_in_force=TimeInForce.GOOD_TILL_CANCELED, expires_at=None,
        reduce_only=False, reason="", **fields,
    )  # fmt: skip
    assert request.in_range(make.btc()) is fits


def test_every_order_is_judged_by_risk(desk):
    """An order of its own has no way around a check, and the strategy hears of the denial."""
    desk.ask(buy("far", price=50.0))
    assert desk.code == "PRICE_OUTSIDE_COLLAR"
    assert desk.strategy.updates == [("far", OrderState.DENIED)]


def test_a_strategy_hears_what_becomes_of_its_orders(desk):
    """Once for each input that changed it, with the state it has then."""
    desk.ask(buy("one"))
    desk.accept()
    desk.fill(40, price=9_900)
    desk.fill(price=9_900)
    assert desk.strategy.updates == [("one", OrderState.OPEN), ("one", OrderState.FILLED)]
    assert desk.held() == 100


def test_a_cancel_is_asked_for_and_its_end_is_told(desk):
    """The order is gone only once the venue says so."""
    desk.ask(buy("one"))
    desk.accept()
    desk.ask(lambda bar, context: context.cancel_order("one"))
    assert desk.canceled == [desk.order.order_id]
    assert (desk.order.state, desk.order.detail) == (OrderState.CANCEL_REQUESTED, "the strategy canceled it")
    desk.cancel()
    assert desk.strategy.updates[-1] == ("one", OrderState.CANCELED)


def test_a_cancel_of_what_ended_is_nobodys_business(desk):
    """No effect, no alarm."""
    desk.bar()
    desk.ask(lambda bar, context: context.cancel_order("never"))
    assert (desk.asked, desk.said) == ([], [])


def test_a_refused_cancel_is_asked_for_again(desk):
    """The venue refused it and shows the order open: it is still unwanted."""
    desk.ask(buy("one"))
    desk.accept()
    desk.ask(lambda bar, context: context.cancel_order("one"))
    order = desk.order
    desk.feed(inputs.CancelRejected(desk.now, desk.now, order.order_id, "busy"))
    assert order.state is OrderState.OPEN
    desk.tick(2)
    assert desk.canceled == [order.order_id]


def test_a_replacement_leaves_once_the_old_order_ended_and_for_what_is_left(desk):
    """Never two orders at once; what filled meanwhile is not sent again."""
    desk.ask(buy("one", quantity=200))
    desk.accept()
    old = desk.order
    desk.ask(lambda bar, context: context.replace_order("one", quantity=150, limit_price=98.5))
    assert desk.submitted == []
    desk.fill(30, price=9_900, order=old)
    assert desk.submitted == []
    desk.cancel(old)
    new = desk.submitted[0]
    assert (new.quantity, new.limit_price) == (120, 9_850)
    assert (desk.order.replaces, desk.order.label) == (old.order_id, "one")


def test_a_replacement_of_a_single_unit_leaves(new_desk, make):
    """As long as anything is left it is sent, and what filled already is all there was."""
    desk = new_desk().open(make.btc(lot_size=1, minimum_quantity=1, minimum_notional=0), make.eth())
    for asked, left in ((31, [1]), (30, [])):
        desk.ask(buy("one", quantity=100))
        desk.accept()
        desk.ask(lambda bar, context, asked=asked: context.replace_order("one", quantity=asked))
        desk.fill(30, price=9_900)
        desk.cancel()
        assert [sent.quantity for sent in desk.submitted] == left
        if left:
            desk.fill(price=9_900)


def test_an_order_that_filled_is_not_replaced(desk):
    """The race with the cancel was lost: there is nothing left to move."""
    desk.ask(buy("one"))
    desk.accept()
    desk.ask(lambda bar, context: context.replace_order("one", limit_price=98.5))
    desk.fill(price=9_900)
    assert desk.submitted == []
    assert len(desk.state.orders) == 1


def test_a_replacement_keeps_what_was_not_changed(desk):
    """Quantity, type and prices are those of the old order unless given."""
    desk.ask(buy("one", order_type="STOP_LIMIT", price=101.0, trigger_price=100.5))
    desk.accept()
    desk.ask(lambda bar, context: context.replace_order("one", trigger_price=100.7))
    desk.cancel()
    new = desk.submitted[0]
    assert (new.order_type, new.quantity, new.limit_price, new.trigger_price) == (OrderType.STOP_LIMIT, 100, 10_100, 10_070)


def test_a_replacement_keeps_how_long_the_old_order_may_rest(desk):
    """Its date and that it may only reduce as well."""
    desk.want(100)
    desk.fill()
    desk.strategy.script = None
    expires = desk.now + 10**12
    how = {"order_type": "LIMIT", "limit_price": 101.0, "time_in_force": "GTD", "expires_at": expires, "reduce_only": True}
    desk.ask(lambda bar, context: context.submit_order(BTC, "SELL", 100, label="one", **how))
    desk.accept()
    desk.ask(lambda bar, context: context.replace_order("one", limit_price=101.5))
    desk.cancel()
    new = desk.submitted[0]
    assert (new.side, new.quantity, new.limit_price) == (Side.SELL, 100, 10_150)
    assert (new.time_in_force, new.expires_at, new.reduce_only) == (TimeInForce.GOOD_TILL_DATE, expires, True)


def test_a_replacement_is_dropped_with_the_session(desk):
    """A restart begins disarmed and cancels every order; what was to take its place is not sent."""
    desk.ask(buy("one"))
    desk.accept()
    desk.ask(lambda bar, context: context.replace_order("one", limit_price=98.5))
    after = desk.restart()
    after.feed(inputs.OrderCanceled(after.now, after.now, desk.order.order_id, "test"))
    assert after.submitted == []


def test_an_order_in_an_instrument_that_is_traded_no_more_is_shown_and_its_end_told(desk, make):
    """It may still fill: the strategy of a new version sees it among all its orders, with its price."""
    desk.ask(buy("one"))
    desk.accept()
    after = desk.restart("SESSION2", make.deployment(instrument_ids=(ETH,)))
    shown = []
    after.strategy.script = lambda bar, context: shown.extend(context.open_orders())
    after.bar(instrument_id=ETH)
    assert [(one.label, one.instrument_id, one.limit_price) for one in shown] == [("one", BTC, 99.0)]
    after.feed(inputs.OrderCanceled(after.now, after.now, desk.order.order_id, "test"))
    assert after.strategy.updates[-1] == ("one", OrderState.CANCELED)


def test_all_orders_can_be_canceled_at_once_and_targets_stay(desk):
    """What serves a target is the portfolio's."""
    desk.ask(
        lambda bar, context: (buy("a")(bar, context), buy("b", price=98.0)(bar, context), context.target_units(BTC, 50, limit_price=97.0))
    )
    for order in list(desk.state.live_orders.values()):
        desk.accept(order)
    desk.ask(lambda bar, context: context.cancel_all())
    assert [desk.state.orders[order_id].label for order_id in desk.canceled] == ["a", "b"]


def test_a_strategy_sees_its_own_open_orders(desk):
    """With prices as it gave them; those that serve targets are not among them."""
    seen = []
    desk.ask(lambda bar, context: (buy("a")(bar, context), context.target_units(BTC, 50, limit_price=97.0)))
    desk.ask(lambda bar, context: seen.extend(context.open_orders(BTC)))
    assert [(one.label, one.limit_price, one.remaining, one.state) for one in seen] == [("a", 99.0, 100, OrderState.SUBMITTING)]


def test_a_target_leaves_the_orders_a_strategy_asked_for_alone(desk):
    """A stop stays where it is while a target is pursued."""
    desk.want(200)
    desk.fill()
    desk.strategy.script = None
    desk.ask(lambda bar, context: context.submit_order(BTC, "SELL", 100, order_type="STOP", trigger_price=97.0, label="stop"))
    desk.accept()
    desk.ask(lambda bar, context: context.target_units(BTC, 100))
    assert desk.canceled == []
    assert [(one.side, one.quantity) for one in desk.submitted] == [(Side.SELL, 100)]


def test_answers_to_updates_are_followed_on_the_same_event(desk):
    """A strategy may place its exit when its entry is filled."""
    desk.strategy.on_order_script = lambda order, context: (
        context.submit_order(BTC, "SELL", order.quantity, order_type="LIMIT", limit_price=101.0, label="exit")
        if order.label == "entry" and order.state is OrderState.FILLED
        else None
    )
    desk.ask(buy("entry"))
    desk.fill(price=9_900)
    assert [(one.side, one.limit_price) for one in desk.submitted] == [(Side.SELL, 10_100)]


def test_a_strategy_that_never_stops_asking_is_stopped(desk):
    """Each denial answered with the next order would keep the engine on one event for ever."""
    desk.strategy.on_order_script = lambda order, context: context.submit_order(BTC, "BUY", 100, order_type="LIMIT", limit_price=1.0)
    with pytest.raises(StrategyError, match="more than 10000 orders on one event"):
        desk.ask(buy(price=1.0))


def test_timers_are_set_moved_and_forgotten_by_effects(desk):
    """The driver keeps them; the engine hears of one by an input that is recorded."""
    due = desk.now + 10**12
    desk.ask(lambda bar, context: (context.set_timer("roll", due), context.cancel_timer("old")))
    assert desk.asked == [SetTimer("alpha", "roll", due), CancelTimer("alpha", "old")]
    desk.strategy.on_timer_script = lambda name, context: context.target_units(BTC, 100, reason=name)
    desk.now = due
    desk.feed(inputs.TimerFired(due, "alpha", "roll", due))
    assert [(one.target, one.reason) for one in desk.of(records.DecisionRecorded)] == [(100, "roll")]


def test_a_timer_lies_in_the_future(desk):
    """One that is due already would come at once, again and again."""
    with pytest.raises(StrategyError, match="give a time in the future"):
        desk.ask(lambda bar, context: context.set_timer("now", context.now))


def test_a_timer_of_a_strategy_that_is_gone_is_nobodys(desk):
    """A recorded timer whose strategy is not deployed changes nothing."""
    assert desk.feed(inputs.TimerFired(desk.now, "gone", "x", desk.now)) == []


def test_chance_is_seeded_by_session_and_strategy():
    """The same session draws the same numbers, another strategy others."""
    from tests.unit.core.conftest import Desk, deployment

    def draw(strategy_id):
        desk = Desk(deployment(strategy_id)).open()
        drawn = []
        desk.ask(lambda bar, context: drawn.extend(context.random.random() for _ in range(3)))
        return drawn

    chance = Random("0 alpha")
    assert draw("alpha") == [chance.random() for _ in range(3)]
    assert draw("alpha") != draw("beta")


def test_a_strategy_sees_what_it_holds_and_what_that_cost(desk):
    """Equity, balance, average and last price as floats, amounts in lots."""
    desk.want(200)
    desk.fill(price=10_000)
    desk.strategy.script = None
    seen = {}
    desk.ask(
        lambda bar, context: seen.update(
            average=context.average_price(BTC), last=context.last_price(BTC), equity=context.equity("USDT"), cash=context.balance("USDT"),
            units=(context.units(BTC, 0.129), context.units(BTC, "-0.129"), context.units(BTC, Decimal("0.12"))),
        ),
        close=10_100,
    )  # fmt: skip
    assert seen == {"average": 100.0, "last": 101.0, "equity": 10_000.2, "cash": 9_980.0, "units": (120, -120, 120)}


def test_a_strategy_begins_once_a_session(desk):
    """Before its first event, and not again on another instrument's."""
    desk.bar()
    desk.bar()
    assert desk.strategy.starts == 1


def test_closing_out_cancels_and_sells_everything(desk):
    """A person or the end of a replay asks; the strategy's own wishes come after."""
    desk.want(200)
    desk.fill()
    desk.strategy.script = None
    desk.ask(lambda bar, context: context.submit_order(BTC, "SELL", 60, order_type="STOP", trigger_price=97.0, label="stop"))
    desk.accept()
    stop = desk.order
    desk.feed(inputs.CloseOutRequested(desk.now, "alpha", "end of data"))
    assert desk.canceled == [stop.order_id]
    desk.cancel(stop)
    desk.bar()
    assert [(one.side, one.quantity) for one in desk.state.live_orders.values()] == [(Side.SELL, 200)]
    assert desk.trading() is TradingState.ARMED
