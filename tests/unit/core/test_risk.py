"""Risk: every code is denied one unit beyond its bound and passes at it; all checks are on, in one order."""

import ast
import inspect
from itertools import pairwise
from pathlib import Path

import pytest

from live.core import inputs, records
from live.core.engine import deciding, requesting
from live.core.risk import candidate, checks, codes
from live.core.risk.checks import CHECKS, conditions, crossing, exposure, first_denial, form, market, pace, permission
from live.core.risk.codes import DenialCode
from live.core.vocabulary import OperatorAction, OrderType, Outcome, Scope, Side, TimeInForce

SECOND = 1_000_000_000
USDT = 10**8
BTC = "binance-spot:BTCUSDT"
ETH = "binance-spot:ETHUSDT"
HUNDRED = 10_000


def passes(desk):
    """Tell that the last input sent an order."""
    assert [record.code for record in desk.of(records.OrderDenied)] == []
    return bool(desk.submitted)


@pytest.fixture
def limited(new_desk, make):
    """Open a desk under some other limits than usual."""
    return lambda **changes: new_desk(make.deployment(limits=make.limits(**changes))).open()


def test_every_code_has_a_check_and_every_check_is_on():
    """Each denial code is given by a check in CHECKS, or by the judgement of a wish, and no written check is left out."""
    families = (permission, conditions, form, market, exposure, crossing, pace)
    written = {function for module in families for name, function in vars(module).items() if name.startswith("check_")}
    assert written == set(CHECKS)
    assert len(set(CHECKS)) == len(CHECKS)
    assert first_denial.__code__.co_names == tuple(check.__name__ for check in CHECKS)
    source = "".join(inspect.getsource(module) for module in (*families, deciding, requesting))
    assert [code for code in DenialCode if f"DenialCode.{code.name}" not in source] == []


def test_every_code_is_its_name_and_has_a_line_of_documentation():
    """The reference page is made of these lines, so none may be missing."""
    tree = ast.parse(Path(codes.__file__).read_text())
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef)).body
    documented = [
        name.targets[0].id
        for name, line in pairwise(body)
        if isinstance(name, ast.Assign) and isinstance(line, ast.Expr) and str(line.value.value).strip().endswith(".")
    ]
    assert documented == [code.name for code in DenialCode]
    assert all(code.value == code.name for code in DenialCode)


def test_no_check_can_be_switched_off():
    """The only way past the checks is through all of them: nothing in their package reads a switch."""
    for module in (checks, candidate, permission, conditions, form, market, exposure, crossing, pace):
        assert not {"os", "environ", "disabled", "skip", "bypass_checks"} & set(dir(module))


def test_an_order_within_every_bound_passes(desk):
    """With nothing in its way, an order leaves."""
    desk.want(100)
    assert passes(desk)


# May anything be sent


@pytest.mark.parametrize("scope", [(Scope.GLOBAL, ""), (Scope.VENUE, "binance-spot"), (Scope.ACCOUNT, "paper"), (Scope.STRATEGY, "alpha")])
def test_a_latch_that_was_never_read_counts_as_engaged(desk, scope):
    """Three clear latches of four are not enough."""
    del desk.state.latches[scope]
    del desk._fold.latches[scope]
    desk.want(100)
    assert desk.code == DenialCode.LATCH_ENGAGED
    assert desk.of(records.OrderDenied)[-1].detail == " ".join(scope).strip()
    assert not desk.submitted


@pytest.mark.parametrize("scope", [(Scope.GLOBAL, ""), (Scope.VENUE, "binance-spot"), (Scope.ACCOUNT, "paper"), (Scope.STRATEGY, "alpha")])
def test_a_kill_at_any_level_denies(desk, scope):
    """The strictest of the four levels holds."""
    desk.command(OperatorAction.KILL, *scope)
    desk.want(100)
    assert desk.code == DenialCode.STATE_KILLED


def test_a_strategy_that_was_not_armed_is_denied(new_desk):
    """After boot, with clear latches, everything is DISARMED."""
    desk = new_desk().open(armed=False)
    desk.clear_latches()
    desk.want(100)
    assert desk.code == DenialCode.STATE_DISARMED


def test_cancel_only_lets_no_order_out(desk):
    """Neither entry nor exit."""
    desk.want(100)
    desk.fill()
    desk.command(OperatorAction.CANCEL_ONLY)
    desk.want(0)
    assert desk.code == DenialCode.STATE_CANCEL_ONLY


def test_reduce_only_lets_an_exit_out_and_no_entry(desk):
    """What is held may be sold, to the last unit; nothing may be bought."""
    desk.want(100)
    desk.fill()
    desk.command(OperatorAction.REDUCE_ONLY)
    desk.want(110)
    assert desk.code == DenialCode.STATE_REDUCE_ONLY
    desk.want(0)
    assert passes(desk)


def test_reduce_only_lets_nothing_out_while_flat(desk):
    """A position of nothing cannot be reduced."""
    desk.command(OperatorAction.REDUCE_ONLY)
    desk.want(-100)
    assert desk.code == DenialCode.STATE_REDUCE_ONLY


def test_reduce_only_does_not_let_the_position_change_sign(desk):
    """Selling more than is held is no reduction."""
    desk.want(100)
    desk.fill()
    desk.command(OperatorAction.REDUCE_ONLY)
    desk.want(-10)
    assert desk.code == DenialCode.STATE_REDUCE_ONLY


def test_a_strategy_whose_lease_is_gone_is_denied(desk):
    """Trading states alone do not arm."""
    desk.state.leases.clear()
    desk._fold.leases.clear()
    desk.want(100)
    assert desk.code == DenialCode.LEASE_MISSING


@pytest.mark.parametrize(("ceiling", "sent"), [(10 * USDT + USDT // 2, True), (10 * USDT + USDT // 2 - 1, False)])
def test_a_lease_bounds_one_order_at_its_worst_price(desk, ceiling, sent):
    """0.100 BTC at 100 USDT may cost 10.50 USDT, five per cent above its reference."""
    desk.arm(ceiling=ceiling)
    desk.want(100)
    assert passes(desk) if sent else desk.code == DenialCode.LEASE_NOTIONAL_EXCEEDED


# Is the order well formed


def test_an_instrument_that_the_limits_do_not_name_is_denied(new_desk, make):
    """To trade an instrument its largest order must be given."""
    desk = new_desk(make.deployment(limits=make.limits(maximum_order_quantity={ETH: 100}))).open()
    desk.want(100)
    assert desk.code == DenialCode.INSTRUMENT_NOT_ALLOWED


def judge(desk, **changes):
    """Run all checks on an intent like the last one, changed."""
    return checks.first_denial(desk.candidate(**changes))


def test_an_instrument_without_a_definition_is_denied(desk):
    """What is unknown cannot be judged."""
    desk.want(100)
    assert judge(desk, instrument_id="binance-spot:DOGEUSDT").code == DenialCode.INSTRUMENT_UNKNOWN


@pytest.mark.parametrize(("quantity", "code"), [(200, None), (201, DenialCode.QUANTITY_NOT_ON_LOT)])
def test_a_quantity_must_be_on_the_lot(desk, quantity, code):
    """One unit off the lot is denied."""
    desk.want(100)
    denial = judge(desk, quantity=quantity)
    assert (denial and denial.code) == code


@pytest.mark.parametrize(("minimum", "sent"), [(100, True), (101, False)])
def test_a_quantity_below_the_venues_minimum_is_denied(new_desk, make, minimum, sent):
    """At the minimum it passes."""
    desk = new_desk().open(make.btc(minimum_quantity=minimum))
    desk.want(100)
    assert passes(desk) if sent else desk.code == DenialCode.QUANTITY_BELOW_MINIMUM


@pytest.mark.parametrize(("bound", "sent"), [(100, True), (99, False)])
def test_a_quantity_above_the_limit_is_denied(limited, bound, sent):
    """At the limit it passes."""
    desk = limited(maximum_order_quantity={BTC: bound})
    desk.want(100)
    assert passes(desk) if sent else desk.code == DenialCode.QUANTITY_ABOVE_MAXIMUM


@pytest.mark.parametrize(("bound", "sent"), [(100, True), (99, False)])
def test_a_quantity_above_the_venues_maximum_is_denied(new_desk, make, bound, sent):
    """The venue's maximum holds where it is the smaller one."""
    desk = new_desk().open(make.btc(maximum_quantity=bound))
    desk.want(100)
    assert passes(desk) if sent else desk.code == DenialCode.QUANTITY_ABOVE_MAXIMUM


@pytest.mark.parametrize(("limit", "venue"), [(80, 90), (90, 80)])
def test_a_quantity_is_held_against_the_smaller_maximum(new_desk, make, limit, venue):
    """And the denial says which one that was."""
    desk = new_desk(make.deployment(limits=make.limits(maximum_order_quantity={BTC: limit}))).open(make.btc(maximum_quantity=venue))
    desk.want(100)
    assert [denied.detail for denied in desk.of(records.OrderDenied)] == ["100 > 80"]


@pytest.mark.parametrize(
    ("price", "code"),
    [(9_995, None), (9_996, DenialCode.PRICE_NOT_ON_TICK), (0, DenialCode.PRICE_NOT_ON_TICK), (-5, DenialCode.PRICE_NOT_ON_TICK)],
)
def test_a_limit_price_must_be_positive_and_on_the_tick(new_desk, make, price, code):
    """One unit off the tick is denied."""
    desk = new_desk().open(make.btc(tick_size=5))
    desk.want(100)
    denial = judge(desk, limit_price=price, order_type=OrderType.LIMIT, time_in_force=TimeInForce.GOOD_TILL_CANCELED)
    assert (denial and denial.code) == code


@pytest.mark.parametrize(
    ("price", "code"),
    [(9_995, None), (9_996, DenialCode.PRICE_NOT_ON_TICK), (0, DenialCode.PRICE_NOT_ON_TICK), (-5, DenialCode.PRICE_NOT_ON_TICK)],
)
def test_a_trigger_price_must_be_positive_and_on_the_tick(new_desk, make, price, code):
    """As a limit price must."""
    desk = new_desk().open(make.btc(tick_size=5))
    desk.want(100)
    denial = form.check_price(desk.candidate(trigger_price=price))
    assert (denial and denial.code) == code


def test_a_price_off_the_tick_is_said_with_the_tick(new_desk, make):
    """Whoever reads the denial sees what would have passed."""
    desk = new_desk().open(make.btc(tick_size=5))
    desk.want(100)
    said = [form.check_price(desk.candidate(**price)) for price in ({"limit_price": 9_996}, {"trigger_price": 9_997})]
    assert [denial.detail for denial in said if denial] == ["9996 on tick 5", "trigger 9997 on tick 5"]


def test_the_smallest_price_is_one_unit(desk):
    """Of a limit and of a trigger."""
    desk.want(100)
    assert form.check_price(desk.candidate(limit_price=1, trigger_price=1)) is None


# Is the market known well enough


def test_without_a_price_nothing_is_sent(new_desk, make):
    """An exit that is wanted before the first bar of its instrument is recorded, and denied."""
    desk = new_desk(make.deployment(instrument_ids=(BTC, ETH))).open()
    desk.strategy.script = lambda bar, context: context.target_units(ETH, 100)
    desk.bar()
    assert desk.code == DenialCode.PRICE_REFERENCE_MISSING


@pytest.mark.parametrize(("age", "code"), [(60 * SECOND, None), (60 * SECOND + 1, DenialCode.DATA_STALE)])
def test_stale_data_is_denied(desk, age, code):
    """Data exactly as old as allowed passes, a nanosecond older does not."""
    desk.want(100)
    desk.now += age
    denial = judge(desk)
    assert (denial and denial.code) == code


@pytest.mark.parametrize(("lead", "sent"), [(5 * SECOND, True), (5 * SECOND + 1, False)])
def test_data_from_the_future_is_denied(desk, lead, sent):
    """A venue's clock may be a little ahead; data from further ahead would never grow stale."""
    desk.strategy.script = lambda bar, context: context.target_units(BTC, 100)
    desk.bar(ts_event=desk.now + 60 * SECOND + lead)
    assert passes(desk) if sent else desk.code == DenialCode.DATA_STALE


def test_a_feed_that_is_down_denies(desk):
    """Fresh data of a feed that has just died is not fresh; once it flows again, orders do."""
    desk.feed(inputs.FeedChanged(desk.now, BTC, healthy=False, detail="reconnecting"))
    desk.want(100)
    assert desk.code == DenialCode.DATA_STALE
    desk.feed(inputs.FeedChanged(desk.now, BTC, healthy=True, detail=""))
    desk.want(110)
    assert passes(desk)


@pytest.mark.parametrize(("limit_price", "sent"), [(95.00, True), (94.99, False), (105.00, True), (105.01, False)])
def test_a_price_outside_the_collar_is_denied(desk, limit_price, sent):
    """Five per cent from the last price passes, a cent further does not."""
    desk.want(100, limit_price=limit_price)
    assert passes(desk) if sent else desk.code == DenialCode.PRICE_OUTSIDE_COLLAR


@pytest.mark.parametrize(("close", "sent"), [(10_500, True), (10_501, False)])
def test_a_market_order_is_denied_when_the_references_disagree(desk, close, sent):
    """After a jump beyond the collar the last price is not believed until the median follows."""
    for _ in range(9):
        desk.bar()
    desk.want(100, close=close)
    assert passes(desk) if sent else desk.code == DenialCode.PRICE_OUTSIDE_COLLAR
    if not sent:
        said = desk.of(records.OrderDenied)[-1].detail
        assert said == "10501 is 50100 ppm from the median of last closes 10000, allowed 50000"


def test_a_price_outside_the_collar_is_told_with_its_distance(desk):
    """In parts per million, whole ones, and from which of the two references."""
    desk.want(100, limit_price=94.99)
    said = desk.of(records.OrderDenied)[-1].detail
    assert said == "9499 is 50100 ppm from the last price 10000, allowed 50000"


# Does the worst case fit


@pytest.mark.parametrize(("minimum", "sent"), [(950_000_000, True), (1_000_000_001, False)])
def test_an_order_below_the_venues_minimum_notional_is_denied(new_desk, make, minimum, sent):
    """0.100 BTC at 100 USDT is 10 USDT, and 9.50 USDT a collar lower."""
    desk = new_desk().open(make.btc(minimum_notional=minimum))
    desk.want(100)
    assert passes(desk) if sent else desk.code == DenialCode.NOTIONAL_BELOW_MINIMUM


@pytest.mark.parametrize(("minimum", "sent"), [(950_000_000, True), (950_000_001, False)])
def test_an_entry_that_could_not_be_sold_again_is_denied(new_desk, make, minimum, sent):
    """What a fall by the collar would make too small to sell is not bought."""
    desk = new_desk().open(make.btc(minimum_notional=minimum))
    desk.want(100)
    assert passes(desk) if sent else desk.code == DenialCode.EXIT_BELOW_MINIMUM


@pytest.mark.parametrize(("bound", "sent"), [(1_050_000_000, True), (1_049_999_999, False)])
def test_an_order_above_the_notional_limit_is_denied(limited, bound, sent):
    """At its worst price the order is worth 10.50 USDT."""
    desk = limited(maximum_order_notional=bound)
    desk.want(100)
    assert passes(desk) if sent else desk.code == DenialCode.NOTIONAL_ABOVE_MAXIMUM


@pytest.mark.parametrize(("bound", "sent"), [(2_050_000_000, True), (2_049_999_999, False)])
def test_a_position_above_its_limit_is_denied(limited, bound, sent):
    """What is held counts at the last price, what is bought at its worst."""
    desk = limited(maximum_position_notional=bound)
    desk.want(100)
    desk.fill()
    desk.want(200)
    assert passes(desk) if sent else desk.code == DenialCode.POSITION_ABOVE_MAXIMUM


@pytest.mark.parametrize(("bound", "sent"), [(2_100_000_000, True), (2_099_999_999, False)])
def test_an_order_of_unknown_fate_counts_toward_the_position(new_desk, make, bound, sent):
    """A buy that was lost may yet fill in whole, at its worst price, so the next one meets a smaller limit."""
    one = make.deployment(instrument_ids=(BTC, ETH), limits=make.limits(maximum_position_notional=bound))
    desk = new_desk(one).open()
    desk.bar(instrument_id=ETH)
    desk.want(100)
    desk.outcome(Outcome.FAILED)
    desk.strategy.script = lambda bar, context: context.target_units(ETH, 100)
    desk.bar(instrument_id=ETH)
    assert passes(desk) if sent else desk.code == DenialCode.POSITION_ABOVE_MAXIMUM


def test_a_position_in_an_instrument_that_left_the_limits_still_counts(new_desk, make):
    """Taking an instrument out of a version does not free the budget of what it still holds."""
    both = make.deployment(instrument_ids=(BTC, ETH))
    desk = new_desk(both).open()
    desk.strategy.script = lambda bar, context: context.target_units(ETH, 100)
    desk.bar(instrument_id=ETH)
    desk.fill()
    only_btc = make.deployment(limits=make.limits(maximum_order_quantity={BTC: 10_000}, maximum_position_notional=2_049_999_999))
    after = desk.restart("SESSION2", only_btc)
    after.clear_latches()
    after.arm()
    after.bar(instrument_id=ETH)
    after.want(100)
    assert after.code == DenialCode.POSITION_ABOVE_MAXIMUM


def test_a_position_that_cannot_be_valued_denies_buying(new_desk, make):
    """A held instrument without a price could be worth anything."""
    desk = new_desk(make.deployment(instrument_ids=(BTC, ETH))).open()
    desk.strategy.script = lambda bar, context: context.target_units(ETH, 100)
    desk.bar(instrument_id=ETH)
    desk.fill()
    after = desk.restart()
    after.clear_latches()
    after.arm()
    after.want(100)
    assert after.code == DenialCode.PRICE_REFERENCE_MISSING
    assert after.of(records.OrderDenied)[-1].detail == f"{ETH} is held but has no price in USDT"


@pytest.mark.parametrize(("goal", "code"), [(0, None), (-10, DenialCode.POSITION_BELOW_ZERO)])
def test_no_more_is_sold_than_is_held(desk, goal, code):
    """A cash account cannot be short."""
    desk.want(100)
    desk.fill()
    desk.want(goal)
    assert passes(desk) if code is None else desk.code == code


@pytest.mark.parametrize(("balance", "sent"), [(1_052_100_000, True), (1_052_099_999, False)])
def test_a_buy_must_be_covered_at_its_worst_with_fees(new_desk, balance, sent):
    """10.50 USDT and 0.2 % of it."""
    desk = new_desk().open(balance=balance)
    desk.want(100)
    assert passes(desk) if sent else desk.code == DenialCode.BALANCE_INSUFFICIENT


@pytest.mark.parametrize(("balance", "sent"), [(2_104_200_000, True), (2_104_199_999, False)])
def test_live_buys_of_every_strategy_reserve_the_accounts_balance(new_desk, make, balance, sent):
    """Two strategies on one account cannot spend the same money."""
    desk = new_desk(make.deployment("alpha"), make.deployment("beta")).open(balance=balance)
    desk.want(100, strategy_id="alpha")
    desk.want(100, strategy_id="beta")
    assert passes(desk) if sent else desk.code == DenialCode.BALANCE_INSUFFICIENT


@pytest.mark.parametrize(("withdrawn", "sent"), [(0, True), (1, False)])
def test_a_sell_must_be_covered_by_the_asset(desk, withdrawn, sent):
    """What was withdrawn from the account by hand cannot be sold, whatever the strategy's position says."""
    desk.want(100)
    desk.fill()
    if withdrawn:
        desk.feed(inputs.BalanceChanged(desk.now, "paper", "BTC", -withdrawn, "withdrawn by hand"))
    desk.want(0)
    assert passes(desk) if sent else desk.code == DenialCode.BALANCE_INSUFFICIENT


@pytest.mark.parametrize(("offer", "sent"), [(101.00, True), (100.00, False)])
def test_an_order_that_would_meet_another_of_the_account_is_denied(new_desk, make, offer, sent):
    """Beta's bid at 100 does not trade with alpha's offer at 100, and may rest below one at 101."""
    desk = new_desk(make.deployment("alpha"), make.deployment("beta")).open()
    desk.want(100, strategy_id="alpha")
    desk.fill()
    desk.want(0, limit_price=offer, strategy_id="alpha")
    desk.accept()
    desk.strategies["alpha"].script = None
    desk.want(100, limit_price=100.00, strategy_id="beta")
    assert passes(desk) if sent else desk.code == DenialCode.SELF_TRADE


@pytest.mark.parametrize(("bound", "sent"), [(2, True), (1, False)])
def test_no_more_orders_live_than_allowed(new_desk, make, bound, sent):
    """An order of unknown fate is alive."""
    desk = new_desk(make.deployment(instrument_ids=(BTC, ETH), limits=make.limits(maximum_open_orders=bound))).open()
    desk.bar(instrument_id=ETH)
    desk.want(100)
    desk.outcome(Outcome.FAILED)
    desk.strategy.script = lambda bar, context: context.target_units(ETH, 100)
    desk.bar(instrument_id=ETH)
    assert passes(desk) if sent else desk.code == DenialCode.OPEN_ORDERS_EXCEEDED


# Too fast or too wrong


def test_no_more_orders_a_minute_than_allowed(limited):
    """The third order in a minute is denied when two are allowed, and passes 60 seconds after the first."""
    desk = limited(maximum_orders_per_minute=2, maximum_data_age=3_600 * SECOND)
    desk.want(100)
    first = desk.now
    for number in (1, 2):
        desk.cancel()
        desk.now = first + number * SECOND - 60 * SECOND
        desk.want(100 + number * 10)
        assert passes(desk) if number == 1 else desk.code == DenialCode.ORDER_RATE_EXCEEDED
    desk.now = first
    desk.want(130)
    assert passes(desk)


@pytest.mark.parametrize(("close", "sent"), [(9_001, True), (9_000, False)])
def test_entries_stop_at_the_daily_loss(limited, close, sent):
    """0.500 BTC bought at 100 lose 5 USDT at 90; unrealised loss counts."""
    desk = limited(maximum_daily_loss=5 * USDT, price_collar_ppm=100_000, maximum_order_quantity={BTC: 500})
    desk.want(500)
    desk.fill()
    for _ in range(9):
        desk.bar(close)
    desk.want(600, close=close)
    assert passes(desk) if sent else desk.code == DenialCode.DAILY_LOSS_EXCEEDED
    desk.cancel()
    desk.want(0, close=close)
    assert passes(desk), "an exit is never stopped by a loss"


def test_entries_stop_while_the_daily_loss_is_unknown(new_desk, make):
    """With a held instrument that has no price yet the day cannot be opened, so nothing is bought; exits go on."""
    one = make.deployment(instrument_ids=(BTC, ETH))
    desk = new_desk(one).open()
    for instrument_id in (ETH, BTC):
        desk.strategy.script = lambda bar, context: context.target_units(bar.instrument_id, 100)
        desk.bar(instrument_id=instrument_id)
        desk.fill()
    tomorrow = desk.restart()
    tomorrow.now += 24 * 3_600 * SECOND
    tomorrow.clear_latches()
    tomorrow.arm()
    tomorrow.want(200)
    assert tomorrow.code == DenialCode.PRICE_REFERENCE_MISSING
    tomorrow.want(0)
    assert passes(tomorrow)


def test_an_unknown_profit_denies_what_does_not_reduce(desk):
    """Without the day's opening profit no loss can be told, so only exits pass."""
    desk.want(200)
    desk.state.day_profits.clear()
    desk._fold.day_profits.clear()
    unknown = pace.check_daily_loss(desk.candidate())
    assert unknown.code == DenialCode.DAILY_LOSS_UNKNOWN
    desk.fill()
    assert pace.check_daily_loss(desk.candidate(side=Side.SELL)) is None
