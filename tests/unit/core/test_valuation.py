"""Valuation: what accounts and strategies are worth and owe, what daily loss and drawdown are measured from, and margin calls."""

import pytest

from live.core import inputs, records
from live.core.engine import valuation
from live.core.engine.authority import Authority
from live.core.engine.performance import Performance
from live.core.engine.valuation import Exposure, Margin
from live.core.engine.workspace import Workspace
from live.core.market import InstrumentMarket
from live.core.records import FillRecorded, FundingRecorded
from live.core.snapshots import restore_state, take_snapshot
from live.core.state import EngineState
from live.core.vocabulary import AccountType, InstrumentKind, Liquidity, OperatorAction, Scope, Side, TradingState

BTC, ETH = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT"
USDT = 10**8
SECOND = 1_000_000_000
DAY = 86_400 * SECOND


class Books:
    """Hold a state whose ledger is filled by hand, and prices."""

    def __init__(self, make, account_type=AccountType.MARGIN, eth_kind=InstrumentKind.SPOT, maintenance=50_000):
        self.state = EngineState()
        margins = {"initial_margin_ppm": 100_000, "maintenance_margin_ppm": maintenance}
        self.state.apply(inputs.InstrumentDefined(0, make.btc(kind=InstrumentKind.PERPETUAL, **margins)))
        self.state.apply(inputs.InstrumentDefined(0, make.eth(kind=eth_kind, **margins)))
        leverage = 1_000_000 if account_type is AccountType.CASH else 10_000_000
        self.state.apply(inputs.AccountDefined(0, "a", account_type, leverage))
        self.state.ledger.deposit("a", "USDT", 1_000 * USDT)
        self.markets = {BTC: InstrumentMarket(), ETH: InstrumentMarket()}

    def fill(self, signed, price, instrument_id=BTC, strategy_id="s", fee=0, account_id="a"):
        """Book a fill."""
        side = Side.BUY if signed > 0 else Side.SELL
        fill = FillRecorded(
            0, "o", strategy_id, account_id, instrument_id, "v", "t", side, price, abs(signed), fee, "USDT", Liquidity.TAKER, 0, late=False
        )
        self.state.ledger.apply_fill(fill, self.state.instruments[instrument_id])
        return self

    def at(self, btc=None, eth=None):
        """Set last prices."""
        self.markets[BTC].last_price, self.markets[ETH].last_price = btc, eth
        return self

    def value(self, function, *arguments):
        """Value something."""
        return getattr(valuation, function)(self.state, self.markets, *arguments)


def test_equity_counts_a_spot_position_whole_and_a_perpetual_by_its_gain(make):
    """1 ETH bought at 50 and now at 60 is worth 60; 1 BTC contract from 100 to 90 is 10 lost."""
    books = Books(make).fill(1_000, 10_000).fill(1_000, 5_000, ETH).at(9_000, 6_000)
    assert books.value("equity", "a", "USDT") == (1_000 - 50 + 60 - 10) * USDT
    assert books.value("account_profit", "a", "USDT") == 0


def test_profit_takes_in_fees_and_funding(make):
    """10 gained, 1 paid in fees and 2 in funding leave 7."""
    books = Books(make).fill(1_000, 10_000, fee=USDT).at(11_000)
    record = FundingRecorded(0, "a", "s", BTC, "f", -2 * USDT)
    books.state.ledger.apply_funding(record, books.state.instruments[BTC])
    assert books.value("profit", "s") == 7 * USDT
    assert books.value("unrealised", "s") == 10 * USDT
    assert books.value("equity", "a", "USDT") == 1_007 * USDT


def test_exposure_is_gross_and_net(make):
    """A long of 100 and a short of 50 by two strategies are 150 gross and 50 net of one account."""
    books = Books(make).fill(1_000, 10_000).fill(-500, 10_000, strategy_id="t").at(10_000)
    assert books.value("account_exposure", "a", "USDT") == Exposure(150 * USDT, 50 * USDT)
    assert books.value("strategy_exposure", "t") == Exposure(50 * USDT, -50 * USDT)


def test_margin_is_a_part_of_the_net_position_of_each_instrument(make):
    """The venue sees one position: 10 % and 5 % of what is left between a long and a short, and of a spot short."""
    books = Books(make).fill(1_000, 10_000).fill(-500, 10_000, strategy_id="t").fill(-1_000, 10_000, ETH).at(12_000, 10_000)
    assert books.value("margin", "a", "USDT") == Margin(6 * USDT + 10 * USDT, 3 * USDT + 5 * USDT)
    assert valuation.net_quantities(books.state, "a", "USDT") == {BTC: 500, ETH: -1_000}
    assert books.value("margin_used", "a", "USDT") == 16 * USDT
    assert books.value("maintenance_margin", "a", "USDT") == 8 * USDT


def test_a_cash_account_needs_no_margin(make):
    """What it holds is paid for."""
    assert Books(make, AccountType.CASH).fill(1_000, 10_000, ETH).at(1, 1).value("margin", "a", "USDT") == Margin(0, 0)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("equity", ("a", "USDT")),
        ("profit", ("s",)),
        ("account_profit", ("a", "USDT")),
        ("unrealised", ("s",)),
        ("account_exposure", ("a", "USDT")),
        ("strategy_exposure", ("s",)),
        ("margin", ("a", "USDT")),
        ("margin_used", ("a", "USDT")),
        ("maintenance_margin", ("a", "USDT")),
        ("drawdown", ("s",)),
        ("account_drawdown", ("a", "USDT")),
        ("profit_today", ("s", 0)),
        ("account_profit_today", ("a", "USDT", 0)),
    ],
)
def test_nothing_is_valued_while_what_is_held_has_no_price(make, function, arguments):
    """A guess would be a wrong number; once flat, no price is needed."""
    books = Books(make).fill(1_000, 10_000).at(None, 5_000)
    books.state.day_profits["s"] = books.state.account_days["a/USDT"] = (0, 0)
    books.state.peaks = {(Scope.STRATEGY, "s"): 0, (Scope.ACCOUNT, "a/USDT"): 0}
    assert books.value(function, *arguments) is None
    assert books.fill(-1_000, 10_000).value(function, *arguments) is not None


def test_another_quote_asset_is_valued_apart(make):
    """An account may hold instruments in several; each has its own equity."""
    books = Books(make)
    books.state.apply(inputs.InstrumentDefined(0, make.eth(instrument_id="binance-spot:ETHEUR", quote="EUR")))
    books.fill(1_000, 5_000, "binance-spot:ETHEUR").at(1, 1)
    assert books.value("equity", "a", "USDT") == 1_000 * USDT
    assert books.value("account_exposure", "a", "USDT") == Exposure(0, 0)


def test_a_day_opens_for_strategy_and_account(desk):
    """The first price of a UTC day is the base of both daily losses."""
    desk.want(100)
    assert [(one.account_id, one.quote, one.profit) for one in desk.of(records.AccountDayOpened)] == [("paper", "USDT", 0)]
    desk.fill(fee=USDT)
    desk.bar(9_000)
    assert valuation.profit_today(desk.state, desk.engine._work.markets, "alpha", desk.now) == -2 * USDT
    assert valuation.account_profit_today(desk.state, desk.engine._work.markets, "paper", "USDT", desk.now) == -2 * USDT
    desk.now += DAY
    desk.bar(9_500)
    assert desk.state.account_days["paper/USDT"] == (desk.now // DAY, -15 * USDT // 10)
    assert valuation.account_profit_today(desk.state, desk.engine._work.markets, "paper", "USDT", desk.now + DAY) is None
    desk.bar(9_000)
    assert valuation.profit_today(desk.state, desk.engine._work.markets, "alpha", desk.now) == -USDT // 2


def drawdowns(desk):
    """Give both drawdowns."""
    markets = desk.engine._work.markets
    return (
        valuation.drawdown(desk.state, markets, "alpha"),
        valuation.account_drawdown(desk.state, markets, "paper", "USDT"),
    )


def test_drawdown_is_measured_from_the_highest_profit_at_an_opening_or_fill(desk):
    """A high between fills is no peak until a fill or the next day's opening finds it."""
    desk.bar()
    assert drawdowns(desk) == (0, 0)
    desk.want(100)
    desk.fill()
    desk.bar(12_000)
    desk.bar(11_000)
    assert drawdowns(desk) == (0, 0)
    desk.want(50, close=11_000)
    desk.fill(price=11_000)
    assert {(one.scope, one.target): one.profit for one in desk.of(records.PeakRaised)} == {
        (Scope.STRATEGY, "alpha"): USDT,
        (Scope.ACCOUNT, "paper/USDT"): USDT,
    }
    desk.bar(10_000)
    assert drawdowns(desk) == (USDT // 2, USDT // 2)
    desk.now += DAY
    desk.bar(13_000)
    assert desk.state.peaks[Scope.STRATEGY, "alpha"] == 2 * USDT
    assert drawdowns(desk.restart()) == (None, None)


def test_peaks_survive_a_restart_and_a_snapshot(desk):
    """A restart is no way to forget a drawdown."""
    desk.want(100)
    desk.fill()
    desk.want(0, close=10_400)
    desk.fill(price=10_400)
    after = desk.restart()
    assert after.state.peaks == desk.state.peaks == {(Scope.STRATEGY, "alpha"): 40_000_000, (Scope.ACCOUNT, "paper/USDT"): 40_000_000}
    assert restore_state(take_snapshot(after.state)).peaks == after.state.peaks


def test_a_day_that_was_opened_before_there_were_peaks_gets_one(desk):
    """A journal of an earlier release goes on with its next price, not its next day."""
    desk.bar()
    after = desk.restart()
    for state in (after.state, after._fold):
        del state.peaks[Scope.STRATEGY, "alpha"]
    after.bar()
    assert [(one.target, one.profit) for one in after.of(records.PeakRaised)] == [("alpha", 0)]
    assert after.of(records.DayOpened) == []


def test_a_strategy_that_moves_to_another_account_begins_anew(desk, make):
    """Its profit is valued in the account it is deployed on, and so is its peak; the account keeps its own."""
    desk.want(100)
    desk.fill()
    desk.want(0, close=10_400)
    desk.fill(price=10_400)
    moved = desk.restart("SESSION2", make.deployment(account_id="second"))
    assert moved.state.peaks == {(Scope.ACCOUNT, "paper/USDT"): 40_000_000}


@pytest.fixture
def leveraged(new_desk, make):
    """Open a desk on a margin account with a perpetual that needs 5 % to be kept: 0.5 BTC bought at 100, and 10 USDT."""
    perpetual = make.btc(kind=InstrumentKind.PERPETUAL, initial_margin_ppm=100_000, maintenance_margin_ppm=50_000)
    desk = new_desk().open(perpetual, make.eth(), balance=100 * USDT, armed=False)
    desk.feed(inputs.AccountDefined(desk.now, "paper", AccountType.MARGIN, 10_000_000))
    desk.clear_latches()
    desk.arm()
    desk.want(500)
    desk.fill()
    desk.strategy.script = None
    desk.feed(inputs.BalanceChanged(desk.now, "paper", "USDT", -90 * USDT, "so that little is left"))
    return desk


def test_an_account_below_its_maintenance_margin_may_only_reduce(leveraged):
    """0.5 BTC at 84.21 leave 10 - 7.895 = 2.105 of equity for 5 % of 42.105; at 84.22 there is 2.11 for 2.1055."""
    leveraged.bar(8_422)
    assert leveraged.alarms == []
    leveraged.bar(8_421)
    (called,) = leveraged.of(records.AlarmRaised)
    assert called.code == "MARGIN_CALL"
    assert "is 210500000 money units of USDT, its maintenance margin 210525000" in called.detail
    assert leveraged.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.REDUCE_ONLY
    assert leveraged.submitted == []


def test_a_margin_call_is_said_once_and_again_after_it_was_over(leveraged):
    """Every price of a falling market would say the same; a second fall is news."""
    leveraged.bar(8_400)
    assert leveraged.alarms == ["MARGIN_CALL"]
    leveraged.bar(8_300)
    assert leveraged.alarms == []
    leveraged.bar(10_000)
    leveraged.bar(8_400)
    assert leveraged.alarms == ["MARGIN_CALL"]


def test_an_account_armed_during_a_margin_call_may_still_only_reduce(leveraged):
    """A lease loosens nothing that the market has not."""
    leveraged.command(OperatorAction.DISARM)
    leveraged.bar(8_400)
    assert leveraged.alarms == ["MARGIN_CALL"]
    leveraged.arm(lease_id="second")
    leveraged.bar(8_399)
    assert leveraged.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.REDUCE_ONLY


def test_a_called_account_that_is_disarmed_and_armed_is_restricted_again_at_the_same_price(leveraged):
    """A person may arm it all the same, and the next price is judged although it is the one that called."""
    leveraged.bar(8_400)
    leveraged.command(OperatorAction.DISARM, Scope.ACCOUNT, "paper")
    leveraged.arm(lease_id="second")
    assert leveraged.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.ARMED
    leveraged.bar(8_400)
    assert leveraged.state.trading_state(Scope.ACCOUNT, "paper") is TradingState.REDUCE_ONLY


@pytest.mark.parametrize("what", ["withdrawal", "funding", "definition", "fill"])
def test_whatever_changes_an_account_is_judged_at_the_next_price(leveraged, what):
    """The prices at which nothing could happen are found anew."""
    leveraged.bar(9_000)
    if what == "withdrawal":
        leveraged.feed(inputs.BalanceChanged(leveraged.now, "paper", "USDT", -3 * USDT, "out"))
    elif what == "funding":
        leveraged.feed(inputs.FundingPaid(leveraged.now, leveraged.now, "paper", BTC, -3 * USDT, "f"))
    elif what == "fill":
        leveraged.fill(1, price=3_000 * 100, order=next(iter(leveraged.state.orders.values())))
    else:
        instrument = leveraged.state.instruments[BTC]
        fields = {name: getattr(instrument, name) for name in instrument.__struct_fields__}
        strict = {**fields, "initial_margin_ppm": 200_000, "maintenance_margin_ppm": 200_000, "version": 2}
        leveraged.feed(inputs.InstrumentDefined(leveraged.now, type(instrument)(**strict)))
    leveraged.bar(9_001)
    assert "MARGIN_CALL" in leveraged.alarms


@pytest.fixture
def watched(make):
    """Watch a margin account that can lose 10 USDT, long two perpetuals worth 100 each and in need of next to no margin."""
    books = Books(make, eth_kind=InstrumentKind.PERPETUAL, maintenance=1)
    books.fill(1_000, 10_000).fill(1_000, 10_000, ETH).at(10_000, 10_000)
    books.state.ledger.deposit("a", "USDT", -990 * USDT)
    return books


def watch(books, *marks):
    """Move prices one at a time, and list the alarms of each move."""
    work = Workspace(books.state)
    work.markets = books.markets
    performance = Performance(work, Authority(work))
    alarms = []
    for instrument_id, price in marks:
        books.markets[instrument_id].last_price = price
        said = len(work.records)
        performance.on_price(instrument_id)
        alarms.append([one.code for one in work.records[said:] if isinstance(one, records.AlarmRaised)])
    return alarms


def test_moves_of_several_instruments_add_up_to_a_margin_call(watched):
    """6 USDT lost on each of two positions, neither of which alone is more than the account can lose."""
    assert watch(watched, (BTC, 10_000), (BTC, 9_400), (ETH, 9_400)) == [[], [], ["MARGIN_CALL"]]


@pytest.mark.parametrize("recovers", [BTC, ETH])
def test_an_account_that_was_called_is_watched_at_every_price_of_what_it_holds(watched, recovers):
    """Whichever instrument lifts it above its margin, the next fall is news."""
    moves = ((BTC, 10_000), (BTC, 9_400), (ETH, 9_400), (recovers, 10_000), (recovers, 9_400))
    assert watch(watched, *moves) == [[], [], ["MARGIN_CALL"], [], ["MARGIN_CALL"]]


class Counted(dict):
    """Count how often the accounts are gone through."""

    times = 0

    def __iter__(self):
        """Count, and go through them."""
        self.times += 1
        return super().__iter__()


def test_prices_at_which_nobody_can_be_short_cost_no_valuation(watched):
    """10 USDT can be lost on two positions of 1: up to 4.99 either way on each nothing has to be judged, and from 5.00 on it has."""
    accounts = watched.state.ledger.accounts = Counted(watched.state.accounts)
    within = ((BTC, 10_000), (BTC, 9_501), (BTC, 10_499), (ETH, 9_501), (ETH, 10_499), (BTC, 10_000))
    assert watch(watched, *within) == [[]] * 6
    assert accounts.times == 1
    for instrument_id, price in ((BTC, 9_500), (BTC, 10_500), (ETH, 9_500), (ETH, 10_500)):
        watched.at(10_000, 10_000)
        accounts.times = 0
        watch(watched, (BTC, 10_000), (instrument_id, price))
        assert accounts.times == 2


def test_an_account_with_nothing_to_lose_is_judged_at_every_price(make):
    """Six price units, each worth a tenth of a money unit, cost the one money unit that it is short of then."""
    fine = make.btc(
        instrument_id="binance-spot:FINEUSDT",
        kind=InstrumentKind.PERPETUAL,
        price_scale=5,
        quantity_scale=5,
        initial_margin_ppm=1,
        maintenance_margin_ppm=1,
    )
    books = Books(make)
    books.state.apply(inputs.InstrumentDefined(0, fine))
    books.markets[fine.instrument_id] = InstrumentMarket()
    books.fill(10, 100_000, fine.instrument_id)
    books.state.ledger.deposit("a", "USDT", 1 - 1_000 * USDT)
    assert watch(books, (fine.instrument_id, 100_000), (fine.instrument_id, 99_994)) == [[], ["MARGIN_CALL"]]


def test_an_account_larger_than_a_float_can_tell_is_called_for_one_money_unit(make):
    """Short 10^8 BTC from 100.00, it is a hundred millionth of a USDT below its margin at 140.00, and not at 139.99."""
    books = Books(make, maintenance=1)
    lost, maintenance = 4_000_000_000 * USDT, 14_000 * USDT
    books.fill(-(10**11), 10_000).state.ledger.deposit("a", "USDT", lost + maintenance - 1 - 1_000 * USDT)
    assert watch(books, (BTC, 10_000), (BTC, 13_999), (BTC, 14_000)) == [[], [], ["MARGIN_CALL"]]


def test_each_account_that_holds_an_instrument_is_called_by_itself(watched):
    """The one that can lose least of it is called first, whatever its name."""
    state = watched.state
    for account_id, spare in (("0", 3 * USDT), ("z", 5 * USDT)):
        state.apply(inputs.AccountDefined(0, account_id, AccountType.MARGIN, 10_000_000))
        state.ledger.deposit(account_id, "USDT", spare)
        watched.fill(1_000, 10_000, account_id=account_id)
    said = watch(watched, (BTC, 10_000), (BTC, 9_750), (BTC, 9_650), (BTC, 9_300), (BTC, 8_990))
    assert said == [[], [], ["MARGIN_CALL"], ["MARGIN_CALL"], ["MARGIN_CALL"]]


def test_a_cash_account_is_never_called(desk):
    """It owes nothing."""
    desk.want(100)
    desk.fill()
    desk.bar(9_600)
    desk.bar(1)
    assert desk.alarms == []
