"""Accounts: what they may hold is fixed while they hold it; transfers and funding are booked once, in whole, or refused."""

import pytest

from live.core import inputs, records
from live.core.errors import InputError
from live.core.snapshots import take_snapshot
from live.core.state import FUNDING_RETENTION
from live.core.vocabulary import AccountType, InstrumentKind, Scope, TradingState

BTC, ETH = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT"
USDT = 10**8
CASH, MARGIN = AccountType.CASH, AccountType.MARGIN


def define(desk, account_type=MARGIN, leverage=5_000_000, account_id="paper"):
    """Define an account."""
    return desk.feed(inputs.AccountDefined(desk.now, account_id, account_type, leverage))


def transfer(desk, amount, source="paper", target="other", asset="USDT"):
    """Report a transfer."""
    return desk.feed(inputs.BalanceTransferred(desk.now, source, target, asset, amount, "test"))


def fund(desk, amount, funding_id="F1", account_id="paper", instrument_id=BTC):
    """Report a funding payment."""
    return desk.feed(inputs.FundingPaid(desk.now, desk.now, account_id, instrument_id, amount, funding_id))


@pytest.fixture
def perpetual(new_desk, make):
    """Open a desk with two strategies that may trade a perpetual in a margin account."""
    desk = new_desk(make.deployment("alpha"), make.deployment("beta"))
    desk.open(make.btc(kind=InstrumentKind.PERPETUAL, initial_margin_ppm=100_000, maintenance_margin_ppm=50_000), make.eth(), armed=False)
    define(desk)
    desk.clear_latches()
    desk.arm("alpha")
    desk.arm("beta")
    return desk


def hold(desk, strategy_id, units):
    """Let a strategy come to hold units of the perpetual, and be silent afterwards."""
    desk.want(units, strategy_id=strategy_id)
    desk.fill()
    desk.strategies[strategy_id].script = None


def test_an_account_that_was_never_defined_is_a_cash_account(desk):
    """Nothing may be borrowed unless somebody said so."""
    assert desk.state.ledger.account("paper").account_type is CASH


def test_a_definition_is_known_after_a_restart(desk):
    """Type and leverage are part of the state."""
    define(desk)
    account = desk.restart().state.accounts["paper"]
    assert (account.account_type, account.maximum_leverage_ppm) == (MARGIN, 5_000_000)


@pytest.mark.parametrize(("account_type", "leverage"), [(CASH, 2_000_000), (CASH, 0), (MARGIN, 999_999)])
def test_a_leverage_that_contradicts_the_type_is_refused(desk, account_type, leverage):
    """A cash account has no leverage, a margin account at least one."""
    with pytest.raises(InputError, match="leverage"):
        define(desk, account_type, leverage)
    assert "paper" not in desk.state.accounts


def test_a_type_changes_only_while_the_account_is_empty(desk):
    """What is held was bought under the rules of its type; the leverage may change at any time."""
    define(desk)
    define(desk, leverage=2_000_000)
    with pytest.raises(InputError, match="only while it is empty"):
        define(desk, CASH, 1_000_000)
    desk.feed(inputs.BalanceChanged(desk.now, "paper", "USDT", -10_000 * USDT, "out"))
    define(desk, CASH, 1_000_000)
    assert desk.state.accounts["paper"].account_type is CASH


def test_a_fold_passes_over_a_definition_that_was_refused(desk):
    """The journal holds it, since inputs are written before they are judged."""
    define(desk)
    before = take_snapshot(desk._fold)
    desk._fold.apply(inputs.AccountDefined(desk.now, "paper", CASH, 1_000_000))
    assert take_snapshot(desk._fold) == before


def test_a_transfer_is_posted_with_both_balances(desk):
    """The sum over accounts stays."""
    transfer(desk, 4_000 * USDT)
    (posted,) = desk.of(records.TransferPosted)
    assert (posted.from_balance, posted.to_balance) == (6_000 * USDT, 4_000 * USDT)
    transfer(desk, 1_000 * USDT)
    (posted,) = desk.of(records.TransferPosted)
    assert (posted.from_balance, posted.to_balance) == (5_000 * USDT, 5_000 * USDT)
    desk.state.ledger.check(desk.state.instruments)


@pytest.mark.parametrize(("amount", "target"), [(10_001 * USDT, "other"), (0, "other"), (-1, "other"), (1, "paper")])
def test_a_transfer_that_cannot_be_is_refused(desk, amount, target):
    """Nothing of it is booked."""
    with pytest.raises(InputError, match="correct the transfer"):
        transfer(desk, amount, target=target)
    assert desk.state.ledger.balance("paper", "USDT") == 10_000 * USDT


def test_a_cash_account_may_send_all_it_has(desk):
    """To the last unit."""
    transfer(desk, 10_000 * USDT)
    assert desk.state.ledger.balance("paper", "USDT") == 0


def test_a_transfer_takes_nothing_that_strategies_hold(desk):
    """What was paid in besides may go; a position whose asset is elsewhere could never be sold."""
    desk.want(100)
    desk.fill()
    desk.feed(inputs.BalanceChanged(desk.now, "paper", "BTC", 5, "paid in"))
    for amount in (6, 10_000_005):
        with pytest.raises(InputError, match="strategies hold 10000000"):
            transfer(desk, amount, asset="BTC")
    transfer(desk, 5, asset="BTC")
    assert desk.state.ledger.balance("paper", "BTC") == 10_000_000


def test_a_margin_account_may_send_what_strategies_hold(desk):
    """It can borrow what it has to deliver."""
    define(desk)
    desk.want(100)
    desk.fill()
    transfer(desk, 9_000_000, asset="BTC")
    assert desk.state.ledger.balance("paper", "BTC") == 1_000_000


def test_a_transfer_leaves_the_last_unit_that_a_strategy_holds(desk):
    """One unit is a position like any other."""
    desk.want(100, limit_price=99.0)
    desk.accept()
    desk.fill(1)
    with pytest.raises(InputError, match="strategies hold 100000"):
        transfer(desk, 100_000, asset="BTC")


def test_a_transfer_of_one_asset_is_free_whatever_is_held_of_another(desk):
    """The purchase is paid for, so all that is left of the cash may go."""
    desk.want(100)
    desk.fill()
    transfer(desk, 9_990 * USDT - 1)
    assert desk.state.ledger.balance("paper", "USDT") == 1


def test_a_transfer_is_no_profit(desk):
    """Money that was paid in or out was not earned."""
    desk.bar()
    transfer(desk, 4_000 * USDT)
    assert desk.state.peaks[Scope.ACCOUNT, "paper/USDT"] == 0
    assert desk.engine.equity("paper", "USDT") == 6_000 * USDT
    desk.now += 86_400 * 10**9
    desk.bar()
    assert desk.state.account_days["paper/USDT"][1] == 0


def test_funding_is_split_by_what_each_strategy_holds(perpetual):
    """The parts are exact: what division leaves goes to the largest holder."""
    hold(perpetual, "alpha", 200)
    hold(perpetual, "beta", 100)
    fund(perpetual, -100)
    assert [(one.strategy_id, one.amount) for one in perpetual.of(records.FundingRecorded)] == [("alpha", -66), ("beta", -34)]
    assert [one.cash for one in perpetual.of(records.PositionChanged)] == [-66, -34]
    assert perpetual.engine.profit("alpha") == -66
    assert perpetual.state.ledger.balance("paper", "USDT") == 10_000 * USDT - 100
    perpetual.state.ledger.check(perpetual.state.instruments)


def test_the_largest_holder_takes_what_division_leaves_whatever_its_id(perpetual):
    """A unit weighs least where most is held; a short counts by its size."""
    hold(perpetual, "alpha", 100)
    hold(perpetual, "beta", -300)
    fund(perpetual, 101)
    assert {one.strategy_id: one.amount for one in perpetual.of(records.FundingRecorded)} == {"alpha": -51, "beta": 152}


def test_of_equal_holders_the_first_by_id_takes_what_division_leaves(perpetual):
    """So the split does not depend on who traded first."""
    hold(perpetual, "beta", 100)
    hold(perpetual, "alpha", 100)
    fund(perpetual, 101)
    assert [(one.strategy_id, one.amount) for one in perpetual.of(records.FundingRecorded)] == [("alpha", 51), ("beta", 50)]


def test_a_short_receives_what_longs_pay(perpetual):
    """Of a net position of 100 the long of 200 pays twice what the account does, and the short of 100 gets it."""
    hold(perpetual, "alpha", 200)
    hold(perpetual, "beta", -100)
    fund(perpetual, -100)
    assert {one.strategy_id: one.amount for one in perpetual.of(records.FundingRecorded)} == {"alpha": -200, "beta": 100}


def test_funding_that_is_reported_again_is_booked_once(perpetual):
    """Also after a restart; another id is another payment, and so is the same one in another account."""
    hold(perpetual, "alpha", 100)
    fund(perpetual, -7)
    assert fund(perpetual, -7) == []
    after = perpetual.restart()
    assert fund(after, -7) == []
    fund(after, -7, "F2")
    assert after.state.ledger.balance("paper", "USDT") == 10_000 * USDT - 14


def test_known_payments_are_forgotten_when_they_cannot_come_again(perpetual):
    """Memory does not grow with the life of a journal."""
    hold(perpetual, "alpha", 100)
    fund(perpetual, -7, "F1")
    perpetual.now += FUNDING_RETENTION
    fund(perpetual, -7, "F2")
    assert list(perpetual.state.funding_keys) == [f"paper|{BTC}|F2"]


def test_funding_no_position_explains_is_the_accounts_and_alarmed(perpetual):
    """The money moved, so it is booked; whose it is, a person has to find out."""
    fund(perpetual, 50)
    assert [(one.strategy_id, one.amount) for one in perpetual.of(records.FundingRecorded)] == [("", 50)]
    assert perpetual.alarms == ["FUNDING_NOT_ATTRIBUTED"]
    assert perpetual.engine.equity("paper", "USDT") == 10_000 * USDT + 50


def test_funding_of_a_spot_position_is_the_accounts_and_alarmed(desk):
    """Only perpetuals are funded."""
    desk.want(100)
    desk.fill()
    fund(desk, 50)
    assert desk.alarms == ["FUNDING_NOT_ATTRIBUTED"]
    assert desk.engine.profit("alpha") == 0


@pytest.mark.parametrize("changes", [{"instrument_id": "binance-spot:NOBODY"}, {"amount": 2**62}])
def test_funding_that_cannot_be_booked_stops_its_account(perpetual, changes):
    """The venue moved money that our books cannot show."""
    fund(perpetual, **{"amount": 5, **changes})
    assert perpetual.alarms == ["MALFORMED_FUNDING"]
    assert perpetual.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.KILLED
    assert perpetual.of(records.FundingRecorded) == []


def test_funding_that_takes_a_cash_account_below_zero_stops_it(desk):
    """A cash account cannot owe."""
    fund(desk, -10_000 * USDT)
    assert "NEGATIVE_BALANCE" not in desk.alarms
    fund(desk, -1, "F2")
    assert "NEGATIVE_BALANCE" in desk.alarms
    assert "funding F2 of -1 money units" in desk.of(records.AlarmRaised)[-1].detail
    assert desk.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.KILLED
