"""Risk: strategies share accounts, accounts share venues, and what all of them hold, may hold and lost is added up where they do."""

from typing import Any

import pytest

from live.core import inputs, records
from live.core.entities import Lease, Target
from live.core.limits import Limits
from live.core.retention import DAY
from live.core.risk.candidate import largest_exit
from live.core.risk.checks import exposure, first_denial, pace
from live.core.risk.codes import DenialCode
from live.core.scope_limits import ScopeLimits
from live.core.vocabulary import AccountType, InstrumentKind, OrderType, Scope, Side

SECOND = 1_000_000_000
USDT = 10**8
BTC, ETH, EURO, KRAKEN = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT", "binance-spot:BTCEUR", "kraken-spot:BTCUSDT"
ACCOUNT, VENUE = (Scope.ACCOUNT, "paper"), (Scope.VENUE, "binance-spot")


@pytest.fixture(name="house")
def _house(new_desk, make):
    """Open a desk with strategies that share an account, a venue, or both with the first one."""

    def open_one(**limits: Any):
        limits = {"maximum_order_quantity": dict.fromkeys((BTC, ETH, EURO, KRAKEN), 10_000), "maximum_open_orders": 5, **limits}
        desk = new_desk(
            make.deployment("alpha", instrument_ids=(BTC, ETH), limits=make.limits(**limits)),
            make.deployment("beta", limits=make.limits(**limits)),
            make.deployment("gamma", account_id="other", instrument_ids=(BTC, ETH), limits=make.limits(**limits)),
            make.deployment("delta", venue_id="kraken-spot", instrument_ids=(KRAKEN,), limits=make.limits(**limits)),
            make.deployment("euro", instrument_ids=(EURO,), limits=make.limits(**limits)),
        )
        names = {BTC: {}, ETH: {"base": "ETH"}, EURO: {"quote": "EUR"}, KRAKEN: {}}
        desk.open(*(make.btc(instrument_id=name, minimum_notional=USDT, **fields) for name, fields in names.items()))
        for account, asset in (("other", "USDT"), ("paper", "EUR")):
            desk.feed(inputs.BalanceChanged(desk.now, account, asset, 10_000 * USDT, "opening balance"))
        return desk

    return open_one


def furnish(desk):
    """Let every strategy hold something, and one have a buy of 20 alive at 99.00."""
    desk.hold(100)
    desk.hold(50, ETH)
    desk.hold(30, strategy_id="beta")
    desk.hold(80, EURO, strategy_id="euro")
    desk.hold(70, strategy_id="gamma")
    desk.hold(40, KRAKEN, strategy_id="delta")
    assert desk.send("BUY", 60, order_type="LIMIT", limit_price=99.0, strategy_id="gamma") is None
    return desk


def test_worst_cases_add_up_over_instruments_strategies_accounts_and_venues(house):
    """In the order's quote asset only; gross, all bought and all sold, in units of 0.01 here."""
    desk = furnish(house())
    desk.send("BUY", 60, order_type="LIMIT", limit_price=100.0)
    desk.cancel()
    candidate = desk.candidate()
    unit = USDT // 100
    assert candidate.strategy_worst() == (2_100 * unit, 2_100 * unit, 1_500 * unit)
    assert candidate.account_worst() == (2_800 * unit, 2_800 * unit, 2_200 * unit)
    assert candidate.venue_worst() == (3_694 * unit, 3_694 * unit, 2_500 * unit)
    other = desk.candidate(account_id="other", strategy_id="gamma", side=Side.SELL, quantity=50)
    assert other.strategy_worst() == (1_294 * unit, 1_294 * unit, 200 * unit)
    assert other.account_worst() == other.strategy_worst()
    assert other.venue_worst() == (3_094 * unit, 3_094 * unit, 2_000 * unit)
    alone = desk.candidate(strategy_id="delta", instrument_id=KRAKEN, quantity=10)
    assert alone.strategy_worst() == alone.venue_worst() == (500 * unit, 500 * unit, 400 * unit)
    assert alone.account_worst() == (2_300 * unit, 2_300 * unit, 2_200 * unit)
    euro = desk.candidate(strategy_id="euro", instrument_id=EURO, quantity=10)
    assert euro.strategy_worst() == euro.account_worst() == euro.venue_worst() == (900 * unit, 900 * unit, 800 * unit)


def test_an_accounts_first_order_at_a_venue_joins_what_others_hold_there(house):
    """What the account holds at another venue counts in the account alone, though both have one table of books so far."""
    desk = house().hold(40, KRAKEN, strategy_id="delta").hold(70, strategy_id="gamma")
    candidate = desk.candidate(account_id="paper", strategy_id="alpha", quantity=10)
    unit = USDT // 100
    assert candidate.strategy_worst() == (105 * unit, 105 * unit, 0)
    assert candidate.account_worst() == (505 * unit, 505 * unit, 400 * unit)
    assert candidate.venue_worst() == (805 * unit, 805 * unit, 700 * unit)
    desk.hold(30)
    other = desk.candidate(account_id="other", strategy_id="gamma", quantity=10)
    assert other.account_worst() == (805 * unit, 805 * unit, 700 * unit)
    assert other.venue_worst() == (1_105 * unit, 1_105 * unit, 1_000 * unit)


@pytest.mark.parametrize(
    ("scope", "name", "bound", "code"),
    [
        (ACCOUNT, "maximum_gross_notional", 28 * USDT, DenialCode.ACCOUNT_EXPOSURE_EXCEEDED),
        (ACCOUNT, "maximum_net_notional", 28 * USDT, DenialCode.ACCOUNT_EXPOSURE_EXCEEDED),
        (VENUE, "maximum_gross_notional", 3_694 * USDT // 100, DenialCode.VENUE_EXPOSURE_EXCEEDED),
        (VENUE, "maximum_net_notional", 3_694 * USDT // 100, DenialCode.VENUE_EXPOSURE_EXCEEDED),
    ],
)
def test_a_scope_bounds_what_all_in_it_may_hold(house, scope, name, bound, code):
    """At the sum of all it passes, one unit below it does not."""
    desk = furnish(house())
    for less, expected in ((0, None), (1, code)):
        desk.feed(inputs.LimitsSet(desk.now, *scope, ScopeLimits(**{name: bound - less})))
        assert desk.send("BUY", 60, order_type="LIMIT", limit_price=100.0) == expected
        if expected is None:
            desk.cancel()


def test_what_another_account_holds_without_a_price_denies(house):
    """The venue's limit cannot be judged then; an order of another quote asset is not concerned."""
    desk = house().hold(50, ETH, strategy_id="gamma")
    desk.hold(100).hold(50, EURO, strategy_id="euro")
    after = desk.restart()
    after.clear_latches()
    for one in after.deployments:
        after.arm(one.strategy_id)
    assert after.send("BUY", 60, order_type="LIMIT", limit_price=100.0) == DenialCode.PRICE_REFERENCE_MISSING
    candidate = after.candidate()
    assert (candidate.strategy_worst()[0], candidate.account_worst()[0], candidate.venue_worst()) == (16 * USDT, 16 * USDT, ETH)
    own = after.candidate(account_id="other", strategy_id="gamma")
    assert (own.strategy_worst(), own.account_worst(), own.venue_worst()) == (ETH, ETH, ETH)
    after.bar(instrument_id=ETH)
    assert after.candidate().venue_worst()[0] == 21 * USDT


def test_what_a_strategy_holds_without_a_price_is_named_in_the_denial(house):
    """Whoever reads it has to find that instrument's price, not the order's."""
    desk = house().hold(50, ETH).hold(100)
    desk.engine._work.markets[ETH].last_price = None
    denial = exposure.check_position(desk.candidate())
    assert denial == (DenialCode.PRICE_REFERENCE_MISSING, f"{ETH} is held but has no price in USDT")


@pytest.mark.parametrize(("left", "code"), [(60, DenialCode.PRICE_REFERENCE_MISSING), (0, None)])
def test_what_is_still_held_in_another_quote_asset_denies_entries(new_desk, make, left, code):
    """A new version's limits cannot bound both; what is no longer held does not matter."""
    euro = make.deployment(instrument_ids=(EURO,), limits=make.limits(maximum_order_quantity={EURO: 10_000}))
    before = new_desk(euro).open(make.btc(), make.btc(instrument_id=EURO, quote="EUR"))
    before.feed(inputs.BalanceChanged(before.now, "paper", "EUR", 10_000 * USDT, "opening balance"))
    before.hold(60, EURO)
    if not left:
        before.hold(-60, EURO)
    desk = before.restart("SESSION2", make.deployment())
    desk.clear_latches()
    desk.arm()
    desk.bar(instrument_id=EURO)
    assert desk.send("BUY", 60) == code
    if code:
        assert desk.of(records.OrderDenied)[-1].detail == f"{EURO} is held but has no price in USDT"


@pytest.mark.parametrize(("bound", "code"), [(16 * USDT, None), (16 * USDT - 1, DenialCode.INSTRUMENT_EXPOSURE_EXCEEDED)])
def test_the_bound_of_one_instrument_leaves_the_others_out(house, bound, code):
    """16 in this one pass it, whatever is held of another."""
    desk = house(maximum_instrument_notional=bound, maximum_order_notional=11 * USDT, maximum_daily_loss=USDT)
    desk.hold(100).hold(90, ETH)
    assert desk.send("BUY", 60, order_type="LIMIT", limit_price=100.0) == code


# Losses


@pytest.mark.parametrize(("bound", "code"), [(20_000_001, None), (20_000_000, DenialCode.ACCOUNT_DAILY_LOSS_EXCEEDED)])
def test_a_venue_has_the_daily_losses_of_all_its_accounts(house, bound, code):
    """0.10 in each of two accounts are 0.20; what an account made makes up for it."""
    desk = house().hold(100).hold(100, strategy_id="gamma").hold(50, ETH, strategy_id="gamma")
    desk.feed(inputs.LimitsSet(desk.now, *VENUE, ScopeLimits(maximum_daily_loss=bound)))
    assert desk.send("BUY", 60, close=9_900) == code
    desk.cancel()
    desk.bar(10_001, ETH)
    assert desk.send("BUY", 70, close=9_900) is None


@pytest.mark.parametrize(("bound", "code"), [(20_000_001, None), (20_000_000, DenialCode.ACCOUNT_DRAWDOWN_EXCEEDED)])
def test_a_venue_has_the_drawdowns_of_all_its_accounts(house, bound, code):
    """0.10 in each of two accounts are 0.20; an account above its highest profit makes up for none."""
    desk = house().hold(100).hold(100, strategy_id="gamma").hold(50, ETH, strategy_id="gamma")
    desk.feed(inputs.LimitsSet(desk.now, *VENUE, ScopeLimits(maximum_drawdown=bound)))
    assert desk.send("BUY", 60, close=9_900) == code
    desk.cancel()
    desk.bar(10_400, ETH)
    desk.feed(inputs.LimitsSet(desk.now, *VENUE, ScopeLimits(maximum_drawdown=10_000_000)))
    assert desk.send("BUY", 70, close=9_900) == DenialCode.ACCOUNT_DRAWDOWN_EXCEEDED


@pytest.mark.parametrize(("bound", "code"), [(10_000_001, None), (10_000_000, DenialCode.ACCOUNT_DRAWDOWN_EXCEEDED)])
def test_an_account_has_the_drawdown_of_its_strategies(house, bound, code):
    """Another account's is not its own."""
    desk = house().hold(100, strategy_id="beta").hold(100, strategy_id="gamma")
    desk.feed(inputs.LimitsSet(desk.now, *ACCOUNT, ScopeLimits(maximum_drawdown=bound)))
    assert desk.send("BUY", 60, close=9_900) == code


def test_without_a_loss_the_smallest_drawdown_lets_an_entry_through(house):
    """Nothing lost is less than one money unit."""
    desk = house().hold(100)
    for scope in (ACCOUNT, VENUE):
        desk.feed(inputs.LimitsSet(desk.now, *scope, ScopeLimits(maximum_drawdown=1)))
    assert desk.send("BUY", 60) is None


def test_losses_that_are_not_known_deny(house):
    """Of the strategy, of its account, of another account on its venue; of another day; and of something held without a price."""
    desk = house().hold(100).hold(50, ETH, strategy_id="gamma")
    assert desk.send("BUY", 60) is None
    desk.cancel()
    state, checks = desk.state, (pace.check_daily_loss, pace.check_drawdown)
    assert [check(desk.candidate()) for check in checks] == [None, None]
    unknown = [DenialCode.DAILY_LOSS_UNKNOWN, DenialCode.DRAWDOWN_UNKNOWN]

    def said(**changes):
        return [
            denial and (denial.code, denial.detail.rpartition(" ")[2]) for denial in (check(desk.candidate(**changes)) for check in checks)
        ]

    for days, key, peak in (
        (state.day_profits, "alpha", (Scope.STRATEGY, "alpha")),
        (state.account_days, "paper/USDT", (Scope.ACCOUNT, "paper/USDT")),
        (state.account_days, "other/USDT", (Scope.ACCOUNT, "other/USDT")),
    ):
        name = "missing" if key == "alpha" else key
        day, highest = days.pop(key), state.peaks.pop(peak)
        assert said() == [(code, name) for code in unknown]
        days[key], state.peaks[peak] = (day[0] - 1, day[1]), highest
        assert said() == [(unknown[0], name), None]
        days[key] = day
    assert said() == [None, None]
    assert said(later=DAY)[0][0] == unknown[0]
    desk.engine._work.markets[ETH].last_price = None
    assert said() == [(code, "other/USDT") for code in unknown]
    assert said(account_id="other", strategy_id="gamma") == [(code, "missing") for code in unknown]


# Margin and balance


@pytest.fixture(name="margin_desk")
def _margin_desk(new_desk, make):
    """Open a desk on a margin account with two perpetuals, of 20 % and 10 % initial margin."""

    def open_one(balance: int, leverage: int = 10_000_000):
        euro = make.deployment("euro", instrument_ids=(EURO,), limits=make.limits(maximum_order_quantity={EURO: 10_000}))
        desk = new_desk(make.deployment(instrument_ids=(BTC, ETH)), euro)
        desk.feed(inputs.AccountDefined(desk.now, "paper", AccountType.MARGIN, leverage))
        fields = {"kind": InstrumentKind.PERPETUAL, "maintenance_margin_ppm": 50_000, "minimum_notional": USDT}
        in_euro = make.btc(instrument_id=EURO, quote="EUR", initial_margin_ppm=100_000, **fields)
        desk.open(in_euro, make.btc(initial_margin_ppm=200_000, **fields), make.eth(initial_margin_ppm=100_000, **fields), balance=balance)
        desk.feed(inputs.BalanceChanged(desk.now, "paper", "EUR", 10 * USDT, "opening balance"))
        return desk.hold(100, EURO, strategy_id="euro")

    return open_one


@pytest.mark.parametrize(("balance", "code"), [(474_902_000, None), (474_901_999, DenialCode.MARGIN_INSUFFICIENT)])
def test_margin_adds_up_over_instruments_and_orders(margin_desk, balance, code):
    """3.212 for this instrument at worst, 1.495 for the other, and 0.2 % of 10.00, 6.06 and 4.95 for fees."""
    desk = margin_desk(balance).hold(100, ETH)
    assert desk.send("BUY", 50, ETH, order_type="LIMIT", limit_price=99.0) is None
    assert desk.send("SELL", 60, order_type="LIMIT", limit_price=101.0) is None
    assert desk.send("SELL", 100, order_type="LIMIT", limit_price=100.0) == code


def test_what_only_reduces_sets_fees_aside_too(margin_desk):
    """0.2 % of 5.00 that close a short in part, and of 2.00 that close a long in part."""
    desk = margin_desk(10 * USDT).hold(-100, ETH).hold(100)
    assert desk.send("BUY", 50, ETH, order_type="LIMIT", limit_price=100.0, reduce_only=True) is None
    assert desk.send("SELL", 20, order_type="LIMIT", limit_price=100.0, reduce_only=True) is None
    needed = 3 * USDT + 6 * USDT // 5 + (5 + 2 + 6) * USDT // 500
    assert desk.send("BUY", 60, order_type="LIMIT", limit_price=99.9) is None
    desk.cancel()
    candidate = desk.candidate(limit_price=10_000)
    assert exposure.check_margin(candidate) is None
    for missing, expected in ((0, None), (1, DenialCode.MARGIN_INSUFFICIENT)):
        desk.state.ledger.balances["paper", "USDT"] = needed - missing
        denial = exposure.check_margin(desk.candidate(limit_price=10_000))
        assert (denial and denial.code) == expected


def test_a_bracket_around_a_position_needs_no_margin(margin_desk):
    """The venue clips what only reduces, so two that close all of it open nothing."""
    desk = margin_desk(10 * USDT).hold(100)
    desk.feed(inputs.BalanceChanged(desk.now, "paper", "USDT", -10 * USDT, "withdrawn"))
    assert desk.send("SELL", 100, order_type="STOP", trigger_price=95.0, reduce_only=True) is None
    assert desk.send("SELL", 100, order_type="LIMIT", limit_price=104.0, reduce_only=True) is None


@pytest.mark.parametrize(("limit", "code"), [(105.0, None), (105.01, DenialCode.NET_EXPOSURE_EXCEEDED)])
def test_a_short_position_may_come_to_the_net_bound(new_desk, make, limit, code):
    """0.100 sold at 105.00 are 10.50."""
    desk = new_desk(make.deployment(limits=make.limits(maximum_net_notional=1_050_000_000, price_collar_ppm=60_000)))
    desk.feed(inputs.AccountDefined(desk.now, "paper", AccountType.MARGIN, 10_000_000))
    desk.open(make.btc(kind=InstrumentKind.PERPETUAL, initial_margin_ppm=200_000, maintenance_margin_ppm=100_000))
    assert desk.send("SELL", 100, order_type="LIMIT", limit_price=limit) == code
    assert [one.detail for one in desk.of(records.OrderDenied)] == (["1050100000 > 1050000000"] if code else [])


@pytest.mark.parametrize(("scope", "code"), [(ACCOUNT, DenialCode.ACCOUNT_EXPOSURE_EXCEEDED), (VENUE, DenialCode.VENUE_EXPOSURE_EXCEEDED)])
def test_what_a_scope_is_short_may_come_to_its_net_bound(new_desk, make, scope, code):
    """Sold counts as bought does: 0.100 at 105.00 are 10.50, and one unit less is too little room."""
    desk = new_desk(make.deployment(limits=make.limits(price_collar_ppm=60_000)))
    desk.feed(inputs.AccountDefined(desk.now, "paper", AccountType.MARGIN, 10_000_000))
    desk.open(make.btc(kind=InstrumentKind.PERPETUAL, initial_margin_ppm=200_000, maintenance_margin_ppm=100_000))
    for bound, expected in ((1_050_000_000, None), (1_049_999_999, code)):
        desk.feed(inputs.LimitsSet(desk.now, *scope, ScopeLimits(maximum_net_notional=bound)))
        assert desk.send("SELL", 100, order_type="LIMIT", limit_price=105.0) == expected
        if expected is None:
            desk.cancel()


def test_margin_is_unknown_while_something_held_has_no_price(margin_desk):
    """What takes risk away goes all the same."""
    desk = margin_desk(10 * USDT).hold(100, ETH).hold(100)
    assert desk.send("BUY", 60) is None
    desk.engine._work.markets[ETH].last_price = None
    denial = exposure.check_margin(desk.candidate())
    assert denial is not None
    assert denial == (DenialCode.MARGIN_UNKNOWN, "paper holds an instrument without a price")
    desk.cancel()
    assert exposure.check_margin(desk.candidate(side=Side.SELL)) is None


def test_margin_is_unknown_while_strategies_hold_against_each_other_without_a_price(new_desk, make):
    """The net of nothing needs no margin, but what each has gained is part of the equity."""
    desk = new_desk(make.deployment("alpha", instrument_ids=(BTC, ETH)), make.deployment("beta", instrument_ids=(ETH,)))
    desk.feed(inputs.AccountDefined(desk.now, "paper", AccountType.MARGIN, 10_000_000))
    fields = {"kind": InstrumentKind.PERPETUAL, "initial_margin_ppm": 200_000, "maintenance_margin_ppm": 50_000}
    desk.open(make.btc(**fields), make.eth(**fields)).hold(100, ETH).hold(-100, ETH, strategy_id="beta")
    assert desk.send("BUY", 60) is None
    assert exposure.check_margin(desk.candidate()) is None
    desk.engine._work.markets[ETH].last_price = None
    denial = exposure.check_margin(desk.candidate())
    assert denial is not None
    assert denial.code == DenialCode.MARGIN_UNKNOWN


@pytest.mark.parametrize(
    ("orders", "buys", "sells"),
    [
        ([("paper", BTC, Side.BUY, 20, 9_900)], 198_000_000, 0),
        ([("paper", BTC, Side.BUY, 20, None)], 200_000_000, 0),
        ([("paper", BTC, Side.SELL, 20, 9_900)], 0, 2_000_000),
        (
            [("paper", BTC, Side.BUY, 20, 9_900), ("paper", ETH, Side.BUY, 30, 9_800), ("paper", BTC, Side.SELL, 5, None)],
            492_000_000,
            500_000,
        ),
        ([("paper", ETH, Side.SELL, 20, 9_900), ("paper", EURO, Side.BUY, 20, 9_900), ("paper", EURO, Side.SELL, 4, 9_900)], 0, 400_000),
        ([("other", BTC, Side.BUY, 20, 9_900), ("paper", "binance-spot:DOGEUSDT", Side.BUY, 20, 9_900)], 0, 0),
        ([("other", BTC, Side.BUY, 20, 9_900), ("paper", BTC, Side.BUY, 20, 9_900)], 198_000_000, 0),
        ([("paper", BTC, Side.SELL, 20, 9_900), ("paper", BTC, Side.SELL, 5, 9_900)], 0, 2_500_000),
    ],
)
def test_orders_of_others_reserve_the_balance(house, orders, buys, sells):
    """What they may take of the asset that an order needs, in its account: a buy at its limit or the last price, a sell what it sells."""
    desk = house().hold(100)
    desk.bar()
    desk.bar(instrument_id=ETH)
    for number, (account, instrument_id, side, remaining, limit) in enumerate(orders):
        desk.feed(inputs.ExternalOrderObserved(desk.now, desk.now, account, instrument_id, f"X{number}", "web", side, remaining, limit))
    balances = desk.state.ledger.balances
    for side, asset, needed in ((Side.BUY, "USDT", (buys + 10 * USDT) * 1_002 // 1_000), (Side.SELL, "BTC", sells + 10_000_000)):
        plain = {"side": side, "order_type": OrderType.LIMIT, "limit_price": 10_000}
        for missing, expected in ((0, None), (1, DenialCode.BALANCE_INSUFFICIENT)):
            balances["paper", asset] = needed - missing
            denial = exposure.check_balance(desk.candidate(**plain))
            assert (denial and denial.code) == expected


def test_orders_of_others_reserve_the_balance_beside_our_own(house):
    """5.94 that our buy may cost, 1.98 for somebody's, 10.00 for the next one, and 0.2 % of all for fees."""
    desk = house()
    assert desk.send("BUY", 60, order_type="LIMIT", limit_price=99.0) is None
    desk.feed(inputs.ExternalOrderObserved(desk.now, desk.now, "paper", BTC, "X1", "web", Side.BUY, 20, 9_900))
    needed = (594_000_000 + 198_000_000 + 10 * USDT) * 1_002 // 1_000
    for missing, expected in ((0, None), (1, DenialCode.BALANCE_INSUFFICIENT)):
        desk.state.ledger.balances["paper", "USDT"] = needed - missing
        denial = exposure.check_balance(desk.candidate(quantity=100, limit_price=10_000))
        assert (denial and denial.code) == expected


def test_a_market_order_of_others_without_a_price_denies_what_needs_the_same_asset(house):
    """What it takes could be anything; an order that needs another asset does not wait for it."""
    desk = house().hold(100)
    desk.bar()
    desk.feed(inputs.ExternalOrderObserved(desk.now, desk.now, "paper", ETH, "X1", "web", Side.BUY, 20, None))
    denial = exposure.check_balance(desk.candidate(limit_price=10_000))
    assert denial is not None
    assert denial.code is DenialCode.PRICE_REFERENCE_MISSING
    assert denial.detail.startswith(ETH)
    assert exposure.check_balance(desk.candidate(side=Side.SELL, order_type=OrderType.LIMIT, limit_price=10_000)) is None


# Size, open orders and pace


@pytest.mark.parametrize(
    ("trigger", "minimum", "code"), [(99.0, 940_500_000, None), (99.0, 940_500_001, DenialCode.NOTIONAL_BELOW_MINIMUM)]
)
def test_a_sell_stop_must_be_large_enough_a_collar_below_its_trigger(new_desk, make, trigger, minimum, code):
    """0.100 at 94.05; a buy stop only grows."""
    desk = new_desk().open(make.btc(minimum_notional=minimum)).hold(200)
    assert desk.send("SELL", 100, order_type="STOP", trigger_price=trigger) == code
    assert desk.send("BUY", 100, order_type="STOP", trigger_price=101.0) is None


def test_the_price_of_an_exit_is_rounded_down(new_desk, make):
    """95.0095 is 95.00 on the venue's scale, so 0.100 of it is worth 9.50."""
    desk = new_desk().open(make.btc(minimum_notional=950_000_001))
    assert desk.send("BUY", 100, close=10_001) == DenialCode.EXIT_BELOW_MINIMUM


@pytest.mark.parametrize("scope", [ACCOUNT, VENUE])
@pytest.mark.parametrize(("bound", "code"), [(3, None), (2, DenialCode.ACCOUNT_OPEN_ORDERS_EXCEEDED)])
def test_orders_alive_add_up_in_account_and_venue(house, scope, bound, code):
    """Two of others, in the same account and at the same venue, leave room for one more or none."""
    desk = house()
    desk.feed(inputs.LimitsSet(desk.now, *scope, ScopeLimits(maximum_open_orders=bound)))
    fields = {"order_type": "LIMIT", "limit_price": 99.0}
    assert desk.send("BUY", 60, strategy_id="beta", **fields) is None
    assert desk.send("BUY", 70, ETH, **fields) is None
    assert desk.send("BUY", 60, **fields) == code
    elsewhere = ("delta", KRAKEN) if scope is VENUE else ("gamma", BTC)
    assert desk.send("BUY", 80, elsewhere[1], strategy_id=elsewhere[0], **fields) is None


@pytest.mark.parametrize(("scope", "strategy_id", "instrument_id"), [(ACCOUNT, "gamma", ETH), (VENUE, "delta", KRAKEN)])
def test_orders_alive_elsewhere_take_no_room(house, scope, strategy_id, instrument_id):
    """Two in another account or at another venue are not counted here, where the second of two is allowed."""
    desk = house()
    desk.feed(inputs.LimitsSet(desk.now, *scope, ScopeLimits(maximum_open_orders=2)))
    fields = {"order_type": "LIMIT", "limit_price": 99.0}
    for quantity in (60, 70):
        assert desk.send("BUY", quantity, instrument_id, strategy_id=strategy_id, **fields) is None
    assert desk.send("BUY", 60, strategy_id="beta", **fields) is None
    assert desk.send("BUY", 70, **fields) is None
    assert desk.send("BUY", 80, **fields) == DenialCode.ACCOUNT_OPEN_ORDERS_EXCEEDED


@pytest.mark.parametrize(("bound", "code"), [(2, None), (1, DenialCode.OPEN_ORDERS_EXCEEDED)])
def test_orders_alive_in_one_instrument_have_a_bound(house, bound, code):
    """The strategy's own, in this instrument only."""
    desk = house(maximum_instrument_open_orders=bound)
    fields = {"order_type": "LIMIT", "limit_price": 99.0}
    for name, quantity, strategy_id in ((BTC, 60, "alpha"), (ETH, 70, "alpha"), (BTC, 70, "beta")):
        assert desk.send("BUY", quantity, name, strategy_id=strategy_id, **fields) is None
    assert desk.send("BUY", 80, **fields) == code


@pytest.mark.parametrize(("bound", "code"), [(3, None), (2, DenialCode.ORDER_RATE_EXCEEDED)])
def test_a_strategy_that_shares_its_account_has_an_order_rate_of_its_own(house, bound, code):
    """What the others may send in the same account and to the same venue is no room for it."""
    desk = house(maximum_orders_per_minute=bound)
    fields = {"order_type": "LIMIT", "limit_price": 99.0}
    assert desk.send("BUY", 60, **fields) is None
    first = desk.now
    for number, strategy_id, answer in ((1, "alpha", None), (2, "alpha", code), (3, "beta", None)):
        desk.now = first + number * SECOND - 60 * SECOND
        assert desk.send("BUY", 60 + number * 10, strategy_id=strategy_id, **fields) == answer


@pytest.mark.parametrize("scope", [ACCOUNT, VENUE])
@pytest.mark.parametrize(("requests", "code"), [(6, None), (5, DenialCode.CANCEL_RESERVE_EXCEEDED)])
def test_orders_and_cancels_of_the_last_minute_leave_room_to_cancel_everything(house, scope, requests, code):
    """Two orders and a cancel, one order alive, the next one and its cancel: six, and less once the first order is a minute old."""
    desk = house(maximum_orders_per_minute=3)
    desk.feed(inputs.LimitsSet(desk.now, *scope, ScopeLimits(maximum_requests_per_minute=requests)))
    fields = {"order_type": "LIMIT", "limit_price": 99.0}
    assert desk.send("BUY", 60, label="one", **fields) is None
    first = desk.now
    desk.accept()
    desk.now = first + SECOND - 60 * SECOND
    desk.ask(lambda bar, context: context.cancel_order("one"))
    assert desk.canceled
    desk.cancel()
    desk.now = first + 2 * SECOND - 60 * SECOND
    assert desk.send("BUY", 60, strategy_id="beta", **fields) is None
    denied = first_denial(desk.candidate(strategy_id="alpha", quantity=70))
    assert (denied and denied.code) == code
    desk.now = first
    assert desk.send("BUY", 80, **fields) is None


def test_one_execution_an_hour_is_one_order(house):
    """The second is not sent while the first may still trade, and the first is sent although none ever traded."""
    desk = house(maximum_executions_per_hour=1)
    fields = {"order_type": "LIMIT", "limit_price": 99.0}
    assert desk.send("BUY", 60, **fields) is None
    first = desk.order
    assert desk.send("BUY", 70, ETH, **fields) == DenialCode.REPEATED_EXECUTIONS
    desk.cancel(first)
    assert desk.send("BUY", 80, **fields) is None


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
@pytest.mark.parametrize(
    ("held", "ordinary", "reducing", "quantity", "reduce_only", "worst", "reduces"),
    [
        (0, 0, 0, 100, False, 100, False),
        (0, 0, 50, 100, True, 0, False),
        (-200, 0, 0, 200, False, 0, True),
        (-200, 0, 0, 201, False, 1, False),
        (-200, 150, 0, 50, False, 0, True),
        (-200, 150, 0, 51, False, 1, False),
        (-200, 0, 150, 50, False, 0, True),
        (-200, 0, 150, 51, False, 1, False),
        (-200, 0, 150, 100, True, 0, True),
        (-200, 0, 10, 100, True, -90, True),
        (-200, 10, 150, 100, True, 10, False),
        (-200, 10, 0, 190, True, 0, True),
        (-200, 0, 0, 201, True, 0, False),
        (-1, 0, 0, 1, False, 0, True),
        (-1, 0, 1, 1, False, 1, False),
        (100, 0, 0, 50, False, 150, False),
        (100, 30, 20, 50, False, 180, False),
        (100, 30, 20, 50, True, 130, False),
    ],
)
def test_the_worst_position_counts_what_is_alive_on_the_same_side(
    desk, side, held, ordinary, reducing, quantity, reduce_only, worst, reduces
):
    """For a buy; for a sell of the opposite position the opposite. What only reduces ends at nothing, and the other side never counts."""
    assert desk.send("BUY", 60) is None
    desk.cancel()
    book = desk.state.exposures.strategies["paper", "alpha"][BTC]
    book.buys = book.sells = book.reducing_buys = book.reducing_sells = 7
    if side is Side.BUY:
        book.held, book.buys, book.reducing_buys = held, ordinary, reducing
    else:
        book.held, book.sells, book.reducing_sells = -held, ordinary, reducing
    candidate = desk.candidate(side=side, quantity=quantity, reduce_only=reduce_only)
    assert (candidate.worst * side.sign, candidate.reduces) == (worst, reduces)


@pytest.mark.parametrize(
    ("limit", "last", "buying", "lease", "changes", "largest"),
    [
        (None, 10_000, False, None, {}, 1_000),
        (None, 10_000, True, None, {}, 950),
        (None, 10_001, True, None, {}, 950),
        (None, 10_008, False, None, {}, 990),
        (None, None, False, None, {}, 10_000),
        (10_000, None, True, None, {}, 1_000),
        (9_000, 10_000, False, None, {}, 1_000),
        (12_500, 10_000, False, None, {}, 800),
        (9_000, 10_000, True, None, {}, 1_110),
        (None, 10_000, False, 50 * USDT, {}, 500),
        (None, 10_000, False, 150 * USDT, {}, 1_000),
        (None, 10_000, False, None, {"maximum_order_quantity": {BTC: 85}}, 80),
        (None, 10_000, False, None, {"maximum_order_quantity": {}}, 10),
        (None, 10_000, False, None, {"maximum_order_notional": USDT // 2}, 10),
        (0, None, False, None, {}, 10_000),
        (1, None, False, None, {"maximum_order_notional": 5_000_000}, 5_000),
    ],
)
def test_the_largest_exit_fits_every_bound_on_one_order(make, limit, last, buying, lease, changes, largest):
    """A sell at the higher of limit and market, a buy at its worst price; on the lot, and never below one lot."""
    limits: Limits = make.limits(maximum_order_notional=100 * USDT)
    limits = make.limits(**{"maximum_order_notional": 100 * USDT, **changes})
    held = None if lease is None else Lease("lease", 0, lease)
    assert largest_exit(Target(1, "0", 0, limit), limits, held, make.btc(maximum_quantity=20_000), last, buying=buying) == largest


def test_the_largest_exit_is_no_larger_than_the_venue_takes(make):
    """Nor than the limits' largest order."""
    limits = make.limits(maximum_order_notional=10**15)
    assert largest_exit(Target(1, "0", 0, None), limits, None, make.btc(maximum_quantity=9_000), 10_000) == 9_000
    assert largest_exit(Target(1, "0", 0, None), limits, None, make.btc(maximum_quantity=11_000), 10_000) == 10_000
