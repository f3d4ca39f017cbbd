"""Risk: orders of every type, conditions of the house, limits of accounts and venues: denied one unit beyond the bound, passed at it."""

from typing import Any

import pytest

from live.core import inputs, records
from live.core.errors import InputError
from live.core.limits import complete
from live.core.market_events import BookSnapshot, Quote
from live.core.orders import OrderState
from live.core.risk.checks import first_cancel_denial, first_denial
from live.core.risk.codes import DenialCode
from live.core.scope_limits import ScopeLimits
from live.core.snapshots import restore_state, take_snapshot
from live.core.vocabulary import AccountType, InstrumentKind, OperatorAction, OrderType, Outcome, Scope, Side, TimeInForce, TradingState

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
END = 2**63 - 1
USDT = 10**8
BTC = "binance-spot:BTCUSDT"
ETH = "binance-spot:ETHUSDT"


def order(desk, side: str, quantity: int, **fields: Any):
    """Let the strategy ask for one order on the next bar; returns the code of its denial, None when it was sent."""
    return desk.send(side, quantity, **fields)


def hold(desk, quantity: int):
    """Buy a position at once."""
    return desk.hold(quantity)


@pytest.fixture(name="limited")
def _limited(new_desk, make):
    """Open a desk under some other limits than usual."""
    return lambda **changes: new_desk(make.deployment(limits=make.limits(**changes))).open()


@pytest.fixture(name="margin_desk")
def _margin_desk(new_desk, make):
    """Open a desk on a margin account that trades a perpetual with 20 % initial margin."""

    def open_one(balance: int, leverage: int = 5_000_000, **limits: Any):
        desk = new_desk(make.deployment(limits=make.limits(**limits)))
        desk.feed(inputs.AccountDefined(desk.now, "paper", AccountType.MARGIN, leverage))
        perpetual = make.btc(kind=InstrumentKind.PERPETUAL, initial_margin_ppm=200_000, maintenance_margin_ppm=100_000)
        return desk.open(perpetual, make.eth(), balance=balance)

    return open_one


# Conditions of the house


def test_without_a_report_of_the_journal_nothing_is_sent(desk):
    """A journal that fell behind, and one that nothing was heard of in this session, deny."""
    desk.feed(inputs.JournalHealthReported(desk.now, healthy=False, detail="slow"))
    assert desk.alarms == ["JOURNAL_UNHEALTHY"]
    assert order(desk, "BUY", 100) == DenialCode.JOURNAL_UNHEALTHY
    desk.feed(inputs.JournalHealthReported(desk.now, healthy=True, detail=""))
    assert order(desk, "BUY", 100) is None


@pytest.mark.parametrize(("offset", "code"), [(-240_000_000, None), (240_000_000, None), (0, None)])
def test_a_clock_within_its_bound_passes(desk, offset, code):
    """Offset and uncertainty together are 250 ms, the bound."""
    desk.feed(inputs.ClockSampled(desk.now, "binance-spot", offset, 10_000_000, END))
    assert order(desk, "BUY", 100) is code
    assert desk.trading() is TradingState.ARMED


def test_a_clock_beyond_its_bound_ends_the_lease(desk):
    """One nanosecond more, and a person has to arm again; until then even a new lease sends nothing."""
    desk.feed(inputs.ClockSampled(desk.now, "binance-spot", -240_000_000, 10_000_001, END))
    assert (desk.alarms, desk.trading()) == (["CLOCK_FAULT"], TradingState.DISARMED)
    desk.arm(lease_id="again")
    assert order(desk, "BUY", 100) == DenialCode.CLOCK_OFFSET_EXCEEDED


def test_a_clock_sample_that_ran_out_denies(desk):
    """At its last nanosecond it counts, after it no more."""
    desk.feed(inputs.ClockSampled(desk.now, "binance-spot", 0, 0, desk.now + 60 * SECOND))
    assert order(desk, "BUY", 100) is None
    desk.fill()
    assert order(desk, "BUY", 100) == DenialCode.CLOCK_UNKNOWN


def test_an_account_that_differs_from_the_venue_ends_its_leases(desk):
    """Its orders are canceled, and nothing is sent until it is clean and armed again."""
    desk.feed(inputs.ReconciliationReported(desk.now, "paper", clean=False, detail="one order more", valid_until=END))
    assert (desk.alarms, desk.trading()) == (["RECONCILIATION_BREAK"], TradingState.DISARMED)
    desk.arm(lease_id="again")
    assert order(desk, "BUY", 100) == DenialCode.RECONCILIATION_UNCLEAN
    desk.feed(inputs.ReconciliationReported(desk.now, "paper", clean=True, detail="", valid_until=desk.now))
    assert order(desk, "BUY", 100) == DenialCode.RECONCILIATION_UNKNOWN


def test_a_new_session_knows_nothing_of_journal_clock_and_account(desk):
    """What was reported before a restart says nothing after it."""
    after = desk.restart()
    assert after.state.journal_healthy
    again = type(desk)(*desk.deployments, state=restore_state(take_snapshot(after.state)))
    again.start("SESSION3")
    assert (again.state.journal_healthy, again.state.clocks, again.state.reconciliations) == (False, {}, {})


# Form


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"order_type": "LIMIT", "limit_price": 99.0}, None),
        ({"order_type": "LIMIT", "limit_price": 99.0, "time_in_force": "FOK"}, None),
        ({"order_type": "LIMIT_MAKER", "limit_price": 99.0}, None),
        ({"order_type": "LIMIT_MAKER", "limit_price": 99.0, "time_in_force": "IOC"}, DenialCode.TIME_IN_FORCE_UNSUPPORTED),
        ({"order_type": "MARKET", "time_in_force": "GTC"}, DenialCode.TIME_IN_FORCE_UNSUPPORTED),
        ({"order_type": "STOP", "trigger_price": 101.0}, None),
        ({"order_type": "STOP", "trigger_price": 101.0, "time_in_force": "FOK"}, DenialCode.TIME_IN_FORCE_UNSUPPORTED),
        ({"order_type": "STOP_LIMIT", "trigger_price": 101.0, "limit_price": 102.0}, None),
    ],
)
def test_each_type_takes_the_times_in_force_it_can_mean(desk, fields, code):
    """What trades at once cannot rest, what only makes cannot take."""
    assert order(desk, "BUY", 100, **fields) == code


@pytest.mark.parametrize(
    "changes",
    [
        {"limit_price": 10_000},
        {"trigger_price": 10_000},
        {"expires_at": END},
        {"order_type": "LIMIT", "time_in_force": "GTC"},
        {"order_type": "STOP"},
        {"order_type": "STOP_LIMIT", "trigger_price": 10_000, "time_in_force": "GTC"},
        {"order_type": "LIMIT", "limit_price": 10_000, "time_in_force": "GTD"},
    ],
)
def test_an_order_with_too_much_or_too_little_is_malformed(desk, changes):
    """A market order with a limit, a stop without a trigger, a good-till-date without a date."""
    assert order(desk, "BUY", 100) is None
    kinds = {"order_type": OrderType, "time_in_force": TimeInForce}
    denial = first_denial(desk.candidate(**{name: kinds.get(name, int)(value) for name, value in changes.items()}))
    assert denial is not None
    assert denial.code == DenialCode.ORDER_MALFORMED
    assert " with " in denial.detail


@pytest.mark.parametrize(("later", "code"), [(1, None), (0, DenialCode.EXPIRY_IN_PAST)])
def test_an_order_must_expire_later_than_it_is_sent(desk, later, code):
    """Not at the same nanosecond."""
    at = desk.now + 60 * SECOND + later
    assert order(desk, "BUY", 100, order_type="LIMIT", limit_price=99.0, time_in_force="GTD", expires_at=at) == code


@pytest.mark.parametrize(("scope", "target"), [(Scope.VENUE, "binance-spot"), (Scope.ACCOUNT, "paper")])
def test_a_venue_or_account_may_take_only_some_types(desk, scope, target):
    """What it does not take is denied, also after another set names others: only what both name is left."""
    limit_only = ScopeLimits(order_types=(OrderType.LIMIT,))
    desk.feed(inputs.LimitsSet(desk.now, scope, target, limit_only))
    assert order(desk, "BUY", 100) == DenialCode.ORDER_TYPE_UNSUPPORTED
    assert order(desk, "BUY", 100, order_type="LIMIT", limit_price=99.0) is None
    desk.feed(inputs.LimitsSet(desk.now, scope, target, ScopeLimits(order_types=(OrderType.MARKET,))))
    assert order(desk, "BUY", 200, order_type="LIMIT", limit_price=99.0) == DenialCode.ORDER_TYPE_UNSUPPORTED


@pytest.mark.parametrize(("scope", "target"), [(Scope.VENUE, "binance-spot"), (Scope.ACCOUNT, "paper")])
def test_a_venue_or_account_may_take_only_some_times_in_force(desk, scope, target):
    """What it does not take is denied, and the denial names it."""
    desk.feed(inputs.LimitsSet(desk.now, scope, target, ScopeLimits(times_in_force=(TimeInForce.GOOD_TILL_CANCELED,))))
    assert order(desk, "BUY", 100) == DenialCode.TIME_IN_FORCE_UNSUPPORTED
    assert desk.of(records.OrderDenied)[-1].detail == f"IOC in {scope} {target}"
    assert order(desk, "BUY", 100, order_type="LIMIT", limit_price=99.0) is None


def test_a_cash_account_cannot_hold_a_perpetual(new_desk, make):
    """It has to be defined as a margin account."""
    desk = new_desk().open(make.btc(kind=InstrumentKind.PERPETUAL), make.eth())
    assert order(desk, "BUY", 100) == DenialCode.ACCOUNT_TYPE_UNSUPPORTED


# The market


@pytest.mark.parametrize(("trigger", "code"), [(150.0, None), (150.01, DenialCode.PRICE_OUTSIDE_COLLAR)])
def test_a_trigger_may_be_ten_collars_away(limited, trigger, code):
    """It trades only once the market is there."""
    desk = limited(maximum_order_notional=2_000 * USDT)
    assert order(desk, "BUY", 100, order_type="STOP", trigger_price=trigger) == code


@pytest.mark.parametrize(("limit", "code"), [(115.5, None), (115.51, DenialCode.PRICE_OUTSIDE_COLLAR)])
def test_the_limit_of_a_stop_limit_is_within_a_collar_of_its_trigger(desk, limit, code):
    """However far the trigger is."""
    assert order(desk, "BUY", 100, order_type="STOP_LIMIT", trigger_price=110.0, limit_price=limit) == code


@pytest.mark.parametrize(("ask", "code"), [(10_050, None), (10_051, DenialCode.SPREAD_TOO_WIDE)])
def test_no_trade_begins_in_a_spread_too_wide(limited, ask, code):
    """At 1 % it does; what only makes, and an exit, may go in any."""
    desk = limited(maximum_spread_ppm=10_000, price_collar_ppm=60_000)
    hold(desk, 200)
    for side, quantity, fields, expected in (
        ("SELL", 60, {}, None),
        ("BUY", 100, {}, code),
        ("BUY", 60, {"order_type": "LIMIT_MAKER", "limit_price": 94.9}, None),
    ):
        desk.feed(Quote(desk.now, desk.now, BTC, 9_950, 1_000, ask, 1_000))
        assert order(desk, side, quantity, **fields) == expected
        if expected is None:
            desk.cancel()


def test_limits_that_ask_for_quotes_deny_without_one(limited):
    """A price from bars alone is not enough then; a quote too old is none."""
    desk = limited(requires_quotes=True)
    assert order(desk, "BUY", 100) == DenialCode.QUOTE_MISSING
    desk.feed(Quote(desk.now, desk.now, BTC, 9_990, 1_000, 10_010, 1_000))
    assert order(desk, "BUY", 100) is None
    desk.fill()
    assert order(desk, "BUY", 100) == DenialCode.DATA_STALE


@pytest.mark.parametrize(
    ("size", "code"),
    [(80, None), (79, DenialCode.SLIPPAGE_EXCEEDED), (1, DenialCode.SLIPPAGE_EXCEEDED), (0, None)],
)
def test_what_no_quote_shows_counts_at_the_edge_of_the_collar(limited, size, code):
    """A fifth of the order at 5 % is 1 % on average; a quote that gives no size gives no depth to judge."""
    desk = limited(maximum_slippage_ppm=10_000)
    desk.feed(Quote(desk.now, desk.now, BTC, 10_000, size, 10_000, size))
    assert order(desk, "BUY", 100) == code
    if code:
        said = desk.of(records.OrderDenied)[-1].detail
        assert said == f"{(100 - size) * 500} ppm expected, allowed 10000, {100 - size} beyond the depth"


@pytest.mark.parametrize(("price", "code"), [(10_200, None), (10_202, DenialCode.SLIPPAGE_EXCEEDED)])
def test_the_book_is_walked(limited, price, code):
    """Half of the order at the best price and half 2 % away is 1 % on average."""
    desk = limited(maximum_slippage_ppm=10_000)
    desk.bar()
    desk.feed(BookSnapshot(desk.now, desk.now, BTC, 1, ((9_990, 500),), ((10_000, 50), (price, 500))))
    assert order(desk, "BUY", 100) == code


def _pay(desk, price: int, orders: int = 1, side: str = "BUY", quantity: int = 100):
    """Let market orders fill at a price, each judged by a last price of 100."""
    for _ in range(orders):
        assert order(desk, side, quantity) is None
        desk.fill(price=price)


@pytest.mark.parametrize(("price", "code"), [(10_100, None), (10_101, DenialCode.SLIPPAGE_EXCEEDED)])
def test_own_orders_that_lately_paid_too_much_forbid_the_next_one_whatever_the_quote_says(limited, price, code):
    """Three orders on average 1 % beyond the price they were judged by, in a market whose quote shows all that is asked for."""
    desk = limited(maximum_slippage_ppm=10_000)
    _pay(desk, 10_100, 2)
    _pay(desk, price)
    desk.feed(Quote(desk.now, desk.now, BTC, 10_000, 10_000, 10_000, 10_000))
    assert order(desk, "BUY", 300) == code
    if code:
        said = desk.of(records.OrderDenied)[-1].detail
        assert said == "10033 ppm were paid on average by own orders of the last hour, allowed 10000"


def test_what_was_paid_lately_keeps_nobody_from_getting_out(limited):
    """An order that only reduces goes, and so does one whose limit bounds what it pays."""
    desk = limited(maximum_slippage_ppm=10_000)
    _pay(desk, 10_200, 3)
    assert order(desk, "BUY", 100) == DenialCode.SLIPPAGE_EXCEEDED
    assert order(desk, "BUY", 100, order_type="LIMIT", limit_price=100.0) is None
    desk.cancel()
    assert order(desk, "SELL", 100) is None


def test_what_few_orders_paid_or_orders_of_an_hour_ago_says_nothing(limited):
    """Two orders are chance, parts of one are one order, and an hour after the first of three two are left."""
    desk = limited(maximum_slippage_ppm=10_000, maximum_orders_per_minute=60)
    _pay(desk, 10_200)
    assert order(desk, "BUY", 100) is None
    for _ in range(4):
        desk.fill(25, price=10_200)
    assert order(desk, "BUY", 100) is None
    desk.fill(price=10_200)
    assert order(desk, "BUY", 100) == DenialCode.SLIPPAGE_EXCEEDED
    first = next(iter(desk.state.orders.values())).created_at
    assert desk.state.slippage.lately("paper", BTC, first + HOUR - 1) == 20_000
    assert desk.state.slippage.lately("paper", BTC, first + HOUR) is None


def test_what_other_accounts_and_other_instruments_paid_says_nothing(limited):
    """What a simulated account pays is the simulation's, and each market is its own."""
    desk = limited(maximum_slippage_ppm=10_000)
    _pay(desk, 10_200, 3)
    assert desk.state.slippage.lately("paper", BTC, desk.now) == 20_000
    assert desk.state.slippage.lately("other", BTC, desk.now) is None
    assert desk.state.slippage.lately("paper", ETH, desk.now) is None


def test_better_prices_weigh_against_worse_ones_by_quantity(limited):
    """300 bought 1 % too dear and 100 sold 2 % above the price: what was sold for more was gained."""
    desk = limited(maximum_slippage_ppm=10_000)
    _pay(desk, 10_100, quantity=200)
    _pay(desk, 10_100)
    _pay(desk, 10_200, side="SELL")
    assert desk.state.slippage.lately("paper", BTC, desk.now) == (300 * 10_000 - 100 * 20_000) // 400


# Worst cases


def test_a_stop_is_worth_what_it_may_reach(limited):
    """A buy stop at 101 may fill 5 % above: 106.05 for 0.1."""
    fields = {"order_type": "STOP", "trigger_price": 101.0}
    assert order(limited(maximum_order_notional=1_060_500_000), "BUY", 100, **fields) is None
    assert order(limited(maximum_order_notional=1_060_499_999), "BUY", 100, **fields) == DenialCode.NOTIONAL_ABOVE_MAXIMUM


def test_a_sell_below_the_market_is_worth_the_market(limited):
    """It may fill at 100 although its limit is 96."""
    desk = limited(maximum_order_notional=1_000_000_000, maximum_position_notional=3_000 * USDT)
    hold(desk, 90)
    hold(desk, 90)
    assert order(desk, "SELL", 110, order_type="LIMIT", limit_price=96.0) == DenialCode.NOTIONAL_ABOVE_MAXIMUM
    assert order(desk, "SELL", 100, order_type="LIMIT", limit_price=96.0) is None


def test_a_sell_that_leaves_a_short_too_small_to_take_back_is_denied(margin_desk):
    """Sold from 0.1 held, 0.15 leave a short worth 4.75 at 95, below the venue's minimum of 5; 0.16 leave 5.70."""
    desk = margin_desk(1_000 * USDT)
    hold(desk, 100)
    assert order(desk, "SELL", 150) == DenialCode.EXIT_BELOW_MINIMUM
    assert order(desk, "SELL", 160) is None


def test_a_reduce_only_order_may_not_open(desk):
    """Alone it must fit the position; beside another reduce-only order it need not, beside an ordinary one it must."""
    assert order(desk, "SELL", 100, reduce_only=True) == DenialCode.REDUCE_ONLY_VIOLATED
    hold(desk, 200)
    assert order(desk, "SELL", 210, reduce_only=True) == DenialCode.REDUCE_ONLY_VIOLATED
    assert order(desk, "SELL", 100, order_type="LIMIT", limit_price=103.0) is None
    assert order(desk, "SELL", 110, order_type="STOP", trigger_price=96.0, reduce_only=True) == DenialCode.REDUCE_ONLY_VIOLATED
    assert order(desk, "SELL", 100, order_type="STOP", trigger_price=96.0, reduce_only=True) is None


def test_reduce_only_orders_bracket_a_margin_position(margin_desk):
    """A stop and a profit-taking limit may both close all of it: the venue clips the second."""
    desk = margin_desk(1_000 * USDT)
    hold(desk, 200)
    assert order(desk, "SELL", 200, order_type="STOP", trigger_price=95.0, reduce_only=True) is None
    assert order(desk, "SELL", 200, order_type="LIMIT", limit_price=104.0, reduce_only=True) is None


@pytest.mark.parametrize(("bound", "code"), [(2_000_000_000, None), (1_999_999_999, DenialCode.INSTRUMENT_EXPOSURE_EXCEEDED)])
def test_one_instrument_has_a_bound_of_its_own(limited, bound, code):
    """What is held and what a resting order may add count."""
    desk = limited(maximum_instrument_notional=bound, maximum_order_notional=1_050_000_000)
    hold(desk, 100)
    assert order(desk, "BUY", 50, order_type="LIMIT", limit_price=100.0) is None
    desk.accept()
    resting = desk.order
    assert order(desk, "BUY", 60, order_type="LIMIT", limit_price=100.0) == DenialCode.INSTRUMENT_EXPOSURE_EXCEEDED
    desk.cancel(resting)
    assert order(desk, "BUY", 100, order_type="LIMIT", limit_price=100.0) == code


def test_the_net_of_positions_has_a_bound_of_its_own(margin_desk):
    """Long and short of one strategy count against each other, only then."""
    desk = margin_desk(10_000 * USDT, maximum_net_notional=1_050_000_000)
    assert order(desk, "BUY", 110, order_type="LIMIT", limit_price=100.0) == DenialCode.NET_EXPOSURE_EXCEEDED
    assert order(desk, "SELL", 110, order_type="LIMIT", limit_price=100.0) == DenialCode.NET_EXPOSURE_EXCEEDED
    assert order(desk, "SELL", 105 - 5, order_type="LIMIT", limit_price=100.0) is None


@pytest.mark.parametrize("scope", [(Scope.ACCOUNT, "paper"), (Scope.VENUE, "binance-spot")])
def test_strategies_share_the_exposure_of_their_account_and_venue(new_desk, make, scope):
    """What one of them holds or may hold leaves less for the other; an exit always goes."""
    desk = new_desk(make.deployment(), make.deployment("beta")).open()
    desk.feed(inputs.LimitsSet(desk.now, *scope, ScopeLimits(maximum_gross_notional=2_050_000_000)))
    hold(desk, 100)
    desk.want(100, strategy_id="beta")
    assert desk.of(records.OrderDenied) == []
    desk.fill(50)
    desk.want(110, strategy_id="beta")
    code = DenialCode.ACCOUNT_EXPOSURE_EXCEEDED if scope[0] is Scope.ACCOUNT else DenialCode.VENUE_EXPOSURE_EXCEEDED
    assert order(desk, "BUY", 60) == code
    assert order(desk, "SELL", 100) is None


def test_a_strategy_alone_has_what_its_own_limits_allow(desk):
    """Without limits of account and venue, theirs are the sum of the strategies'."""
    bounds, limits = desk.state.bounds["alpha"], complete(desk.deployments[0].limits)
    assert bounds.limits == limits
    for scope in (bounds.account_limits, bounds.venue_limits):
        assert scope.maximum_gross_notional == limits.maximum_position_notional
        assert scope.maximum_daily_loss == limits.maximum_daily_loss
        assert scope.maximum_requests_per_minute == 5 + 3 + 8


def test_limits_of_a_scope_only_ever_get_tighter_within_a_session(desk):
    """A looser set changes nothing, a new session begins with what the configuration says then."""
    desk.feed(inputs.LimitsSet(desk.now, Scope.ACCOUNT, "paper", ScopeLimits(maximum_open_orders=1)))
    desk.feed(inputs.LimitsSet(desk.now, Scope.ACCOUNT, "paper", ScopeLimits(maximum_open_orders=2)))
    assert desk.state.bounds["alpha"].account_limits.maximum_open_orders == 1
    assert order(desk, "BUY", 100, order_type="LIMIT", limit_price=99.0) is None
    assert order(desk, "BUY", 200, order_type="LIMIT", limit_price=99.0) == DenialCode.ACCOUNT_OPEN_ORDERS_EXCEEDED
    assert desk.restart().state.bounds["alpha"].account_limits.maximum_open_orders == 3


@pytest.mark.parametrize(
    ("scope", "limits"),
    [
        (Scope.STRATEGY, ScopeLimits()),
        (Scope.ACCOUNT, ScopeLimits(maximum_open_orders=1_001)),
        (Scope.ACCOUNT, ScopeLimits(maximum_gross_notional=1, maximum_net_notional=2)),
    ],
)
def test_limits_that_limit_nothing_are_refused(desk, scope, limits):
    """Absurdly loose, contradicting, or of a scope that has its own."""
    with pytest.raises(InputError):
        desk.engine.handle(inputs.LimitsSet(desk.now, scope, "paper", limits))


def test_an_order_nobody_sent_takes_its_part_of_the_balance(new_desk):
    """What somebody else has open in the account is not free."""
    desk = new_desk().open(balance=1_052 * 10**6 + 100 * 10**6)
    desk.bar()
    assert order(desk, "BUY", 100) is None
    desk.feed(inputs.OrderRejected(desk.now, desk.now, desk.order.order_id, "no"))
    desk.feed(inputs.ExternalOrderObserved(desk.now, desk.now, "paper", BTC, "X1", "web", Side.BUY, 20, 9_900))
    assert order(desk, "BUY", 100) == DenialCode.BALANCE_INSUFFICIENT


# Margin


@pytest.mark.parametrize(("balance", "code"), [(202_000_000, None), (201_999_999, DenialCode.MARGIN_INSUFFICIENT)])
def test_equity_covers_initial_margin_and_fees(margin_desk, balance, code):
    """A short of 0.1 at 100 needs 2.00 of margin and 0.02 for fees."""
    desk = margin_desk(balance)
    assert order(desk, "SELL", 100, order_type="LIMIT", limit_price=100.0) == code


@pytest.mark.parametrize(("leverage", "code"), [(2_000_000, None), (1_999_999, DenialCode.LEVERAGE_EXCEEDED)])
def test_positions_are_worth_no_more_than_the_leverage(margin_desk, leverage, code):
    """Ten of position on five of equity is two times."""
    desk = margin_desk(5 * USDT, leverage)
    assert order(desk, "BUY", 100, order_type="LIMIT", limit_price=100.0) == code


def test_an_exit_needs_no_margin(margin_desk):
    """Whoever lost what covered a position may still close it, but not open the other side with the same order."""
    desk = margin_desk(5 * USDT)
    assert order(desk, "SELL", 200) is None
    desk.fill()
    desk.bar(10_100)
    desk.feed(inputs.BalanceChanged(desk.now, "paper", "USDT", -180_000_000, "withdrawn"))
    assert order(desk, "BUY", 400, close=10_100) == DenialCode.MARGIN_INSUFFICIENT
    assert order(desk, "BUY", 200, close=10_100) is None


# Pace


def test_an_order_leaves_room_to_cancel_everything(desk):
    """Two orders, the next one and three cancels are six requests: at five the third is denied."""
    desk.feed(inputs.LimitsSet(desk.now, Scope.VENUE, "binance-spot", ScopeLimits(maximum_requests_per_minute=5)))

    def two(bar, context):
        context.submit_order(BTC, "BUY", 60, order_type="LIMIT", limit_price=99.0)
        context.submit_order(BTC, "BUY", 70, order_type="LIMIT", limit_price=99.0)
        context.submit_order(BTC, "BUY", 80, order_type="LIMIT", limit_price=99.0)

    desk.ask(two)
    assert [record.code for record in desk.of(records.OrderDenied)] == [DenialCode.CANCEL_RESERVE_EXCEEDED]
    assert len(desk.submitted) == 2


@pytest.mark.parametrize("scope", [(Scope.ACCOUNT, "paper"), (Scope.VENUE, "binance-spot")])
@pytest.mark.parametrize(("requests", "code"), [(4, None), (3, DenialCode.CANCEL_RESERVE_EXCEEDED)])
def test_cancels_of_orders_that_are_gone_use_up_requests(desk, scope, requests, code):
    """An order and its cancel, the next order and its cancel are four requests, though nothing is alive any more."""
    desk.feed(inputs.LimitsSet(desk.now, *scope, ScopeLimits(maximum_requests_per_minute=requests)))
    assert desk.send("BUY", 60, order_type="LIMIT", limit_price=99.0, label="first") is None
    first = desk.now
    desk.accept()
    desk.now = first + SECOND - 60 * SECOND
    desk.ask(lambda bar, context: context.cancel_order("first"))
    desk.cancel()
    assert not desk.state.live_orders
    desk.now = first + 2 * SECOND - 60 * SECOND
    assert desk.send("BUY", 70, order_type="LIMIT", limit_price=99.0) == code


@pytest.mark.parametrize("scope", [(Scope.ACCOUNT, "paper"), (Scope.VENUE, "binance-spot")])
def test_account_and_venue_have_an_order_rate(desk, scope):
    """A minute later the next one goes."""
    desk.feed(inputs.LimitsSet(desk.now, *scope, ScopeLimits(maximum_orders_per_minute=1)))

    def two(bar, context):
        context.submit_order(BTC, "BUY", 60)
        context.submit_order(BTC, "BUY", 70)

    desk.ask(two)
    assert [record.code for record in desk.of(records.OrderDenied)] == [DenialCode.ACCOUNT_ORDER_RATE_EXCEEDED]
    desk.fill(order=desk.state.orders[desk.submitted[0].order_id])
    assert order(desk, "BUY", 60) is None


def test_the_rates_of_account_and_venue_survive_a_restart(desk):
    """They are counted from the orders, which are in the snapshot."""
    assert order(desk, "BUY", 60) is None
    restored = restore_state(take_snapshot(desk.state))
    assert restored.pace.orders == desk.state.pace.orders
    assert [len(times) for times in restored.pace.orders.values()] == [1, 1]


def test_a_strategy_may_ask_for_so_many_cancels_a_minute(limited):
    """Kills and operators are not asked: only a strategy's own requests are judged."""
    desk = limited(maximum_cancels_per_minute=1)
    assert order(desk, "BUY", 60, order_type="LIMIT", limit_price=99.0, label="one") is None
    one = desk.order
    desk.accept()
    assert first_cancel_denial(desk.state, one, desk.now) is None
    desk.ask(lambda bar, context: context.cancel_order("one"))
    denial = first_cancel_denial(desk.state, one, desk.now)
    assert denial is not None
    assert denial.code == DenialCode.CANCEL_RATE_EXCEEDED
    assert first_cancel_denial(restore_state(take_snapshot(desk.state)), one, desk.now) == denial
    assert first_cancel_denial(desk.state, one, desk.now + 60 * SECOND) is None


def test_a_cancel_that_is_denied_is_said_and_not_sent(limited):
    """The order stays, and a kill cancels it all the same."""
    desk = limited(maximum_cancels_per_minute=1, duplicate_window=SECOND)
    for label, quantity in (("one", 60), ("two", 70)):
        assert order(desk, "BUY", quantity, order_type="LIMIT", limit_price=99.0, label=label) is None
        desk.accept()
    two = desk.order

    def both(bar, context):
        context.cancel_order("one")
        context.cancel_order("two")

    desk.ask(both)
    assert len(desk.canceled) == 1
    (denied,) = desk.of(records.OrderDenied)
    assert (denied.code, denied.order_id, denied.strategy_id) == (DenialCode.CANCEL_RATE_EXCEEDED, "", "alpha")
    assert f"{two.order_id} two" in denied.detail
    assert two.state is OrderState.OPEN
    desk.command(OperatorAction.KILL)
    assert two.order_id in desk.canceled


def test_an_order_on_its_way_is_asked_to_end_once(desk):
    """However often its strategy says so, until the venue has it."""
    assert order(desk, "BUY", 60, order_type="LIMIT", limit_price=99.0, label="one") is None
    desk.ask(lambda bar, context: context.cancel_order("one"))
    assert len(desk.canceled) == 1
    desk.ask(lambda bar, context: context.cancel_order("one"))
    assert desk.canceled == []
    desk.accept()
    assert len(desk.canceled) == 1


def test_an_exit_of_a_short_counts_at_what_it_may_cost(margin_desk):
    """A position too large for one order is bought back in several, none of them worth more than allowed at worst."""
    desk = margin_desk(10_000 * USDT, maximum_order_notional=1_050_000_000)
    for quantity in (100, 90):
        assert order(desk, "SELL", quantity) is None
        desk.fill()
    desk.want(0)
    assert [effect.quantity for effect in desk.submitted] == [100]
    desk.fill()
    assert [effect.quantity for effect in desk.submitted] == [90]


def test_a_piece_of_an_exit_is_a_lot_smaller_where_the_next_would_cost_too_much(margin_desk):
    """100 at the worst price of 105 are worth a money unit more than one order may be."""
    desk = margin_desk(10_000 * USDT, maximum_order_notional=1_049_999_999)
    assert order(desk, "SELL", 100) is None
    desk.fill()
    desk.want(0)
    assert [effect.quantity for effect in desk.submitted] == [90]


def test_a_strategy_that_trades_too_often_is_disarmed_until_a_person_arms_it(limited):
    """The counter survives a restart, and only a new lease resets it."""
    desk = limited(maximum_executions_per_hour=2)
    hold(desk, 100)
    hold(desk, 110)
    assert desk.trading() is TradingState.DISARMED
    assert "alpha" not in desk.state.leases
    assert [one.code for one in desk.journal if isinstance(one, records.AlarmRaised)] == ["REPEATED_EXECUTIONS"]
    restored = restore_state(take_snapshot(desk.state))
    assert [len(times) for times in restored.pace.executions.values()] == [2]
    desk.arm(lease_id="again")
    assert order(desk, "BUY", 120) is None


def test_orders_alive_count_as_executions_to_come(limited):
    """The one that could be the third is not sent while two may still trade; an hour later the first counts no more."""
    desk = limited(maximum_executions_per_hour=2)
    hold(desk, 100)
    assert order(desk, "BUY", 100, order_type="LIMIT", limit_price=99.0) is None
    assert order(desk, "BUY", 110, order_type="LIMIT", limit_price=99.0) == DenialCode.REPEATED_EXECUTIONS
    desk.now += HOUR
    assert order(desk, "BUY", 120, order_type="LIMIT", limit_price=99.0) is None


def test_partial_fills_of_one_order_are_one_execution(limited):
    """The venue decides how many pieces an order trades in."""
    desk = limited(maximum_executions_per_hour=2)
    assert order(desk, "BUY", 100) is None
    desk.fill(30)
    desk.fill(30)
    desk.fill(40)
    assert desk.trading() is TradingState.ARMED


# Losses


@pytest.mark.parametrize(("close", "code"), [(9_901, None), (9_900, DenialCode.ACCOUNT_DAILY_LOSS_EXCEEDED)])
def test_an_account_has_a_daily_loss(desk, close, code):
    """1 % of 10 is 0.10: at that no entry begins, and an exit goes."""
    desk.feed(inputs.LimitsSet(desk.now, Scope.ACCOUNT, "paper", ScopeLimits(maximum_daily_loss=10_000_000)))
    hold(desk, 100)
    assert order(desk, "BUY", 60, close=close) == code
    assert order(desk, "SELL", 60, close=close) is None


@pytest.mark.parametrize(("close", "code"), [(10_201, None), (10_200, DenialCode.DRAWDOWN_EXCEEDED)])
def test_a_loss_from_the_highest_profit_ends_entries(limited, close, code):
    """0.40 were made; 0.20 less is the bound."""
    desk = limited(maximum_drawdown=20_000_000, maximum_daily_loss=20_000_000)
    hold(desk, 200)
    assert order(desk, "SELL", 100, close=10_400) is None
    desk.fill(price=10_400)
    wanted = {"order_type": "LIMIT", "limit_price": 100.0}
    assert order(desk, "BUY", 60, close=10_400, **wanted) is None
    desk.cancel()
    assert order(desk, "BUY", 70, close=close, **wanted) == (None if code is None else code)


def test_an_account_has_a_drawdown(desk):
    """The same, over all its strategies."""
    desk.feed(inputs.LimitsSet(desk.now, Scope.VENUE, "binance-spot", ScopeLimits(maximum_drawdown=10_000_000)))
    hold(desk, 100)
    assert order(desk, "BUY", 60, close=9_900) == DenialCode.ACCOUNT_DRAWDOWN_EXCEEDED


def test_an_order_of_unknown_fate_frees_nothing(limited):
    """Lost on its way, it reserves position and balance until there is evidence."""
    desk = limited(maximum_position_notional=1_500_000_000, maximum_order_notional=1_100_000_000, maximum_daily_loss=USDT)
    assert order(desk, "BUY", 100, order_type="LIMIT", limit_price=99.0) is None
    desk.outcome(Outcome.FAILED)
    assert order(desk, "BUY", 60, order_type="LIMIT", limit_price=99.0) == DenialCode.POSITION_ABOVE_MAXIMUM
    lost = next(iter(desk.state.live_orders.values()))
    desk.deny(lost)
    desk.tick(120)
    desk.deny(lost)
    assert order(desk, "BUY", 60, order_type="LIMIT", limit_price=99.0) == (None if lost.state is OrderState.NOT_PLACED else "")
