"""Figures: how strategies and accounts stand, for a person, and what strategies are worth that hold nothing or several things."""

from live.core import inputs
from live.core.engine import valuation
from live.core.engine.valuation import AccountFigures, Exposure, Margin, StrategyFigures
from live.core.vocabulary import AccountType, InstrumentKind

BTC, ETH = "binance-spot:BTCUSDT", "binance-spot:ETHUSDT"
USDT = 10**8


def test_a_strategy_stands_as_its_figures_say(desk):
    """Bought 0.1 BTC at 100 with a fee of 1 USDT, sold half at 110, and 104 now: 0.30 below what it opened with."""
    desk.want(100)
    desk.fill(fee=USDT)
    desk.want(50, close=10_500)
    desk.fill(price=11_000)
    desk.bar(10_400)
    figures = valuation.strategy_figures(desk.state, desk.engine._work.markets, "alpha", desk.now)
    cents = USDT // 100
    assert figures == StrategyFigures(
        profit=-30 * cents,
        unrealised=20 * cents,
        profit_today=-30 * cents,
        drawdown=30 * cents,
        exposure=Exposure(520 * cents, 520 * cents),
    )


def test_an_account_stands_as_its_figures_say(desk):
    """Nothing is owed by a cash account; what was paid in is no profit."""
    desk.want(100)
    desk.fill(fee=USDT)
    desk.bar(10_400)
    cents = USDT // 100
    assert valuation.account_figures(desk.state, desk.engine._work.markets, "paper", "USDT", desk.now) == AccountFigures(
        equity=10_000 * USDT - 60 * cents,
        profit_today=-60 * cents,
        drawdown=60 * cents,
        exposure=Exposure(1_040 * cents, 1_040 * cents),
        margin=Margin(0, 0),
    )
    assert desk.state.ledger.account("paper").account_type is AccountType.CASH


def test_a_margin_account_stands_with_what_it_must_keep(new_desk, make):
    """A perpetual of 10 USDT needs 1 to open and half of that to be kept."""
    perpetual = make.btc(kind=InstrumentKind.PERPETUAL, initial_margin_ppm=100_000, maintenance_margin_ppm=50_000)
    desk = new_desk().open(perpetual, make.eth(), armed=False)
    desk.feed(inputs.AccountDefined(desk.now, "paper", AccountType.MARGIN, 10_000_000))
    desk.clear_latches()
    desk.arm()
    desk.want(100)
    desk.fill()
    figures = valuation.account_figures(desk.state, desk.engine._work.markets, "paper", "USDT", desk.now)
    assert figures.margin == Margin(USDT, USDT // 2)
    assert figures.equity == 10_000 * USDT


def test_an_account_that_holds_nothing_is_exposed_to_nothing(desk):
    """Not unknown, and in need of nothing."""
    markets = desk.engine._work.markets
    assert valuation.account_figures(desk.state, markets, "nobody", "USDT", desk.now) == AccountFigures(
        equity=0, profit_today=None, drawdown=None, exposure=Exposure(0, 0), margin=Margin(0, 0)
    )
    desk.feed(inputs.AccountDefined(desk.now, "other", AccountType.MARGIN, 10_000_000))
    assert valuation.margin(desk.state, markets, "other", "USDT") == Margin(0, 0)


def test_a_strategy_that_never_traded_is_worth_nothing(desk):
    """Not unknown: nothing it holds lacks a price."""
    markets = desk.engine._work.markets
    assert valuation.profit(desk.state, markets, "alpha") == 0
    assert valuation.unrealised(desk.state, markets, "alpha") == 0
    assert valuation.strategy_exposure(desk.state, markets, "alpha") == Exposure(0, 0)


def test_a_strategys_positions_add_up(new_desk, make):
    """10 USDT of BTC that lost 1 and 20 USDT of ETH that gained 4."""
    desk = new_desk(make.deployment(instrument_ids=(BTC, ETH))).open()
    for instrument_id, units in ((BTC, 100), (ETH, 200)):
        desk.strategy.script = lambda bar, context, units=units: context.target_units(bar.instrument_id, units)
        desk.bar(instrument_id=instrument_id)
        desk.fill()
        desk.strategy.script = None
    desk.bar(9_000)
    desk.bar(12_000, instrument_id=ETH)
    markets = desk.engine._work.markets
    assert valuation.strategy_exposure(desk.state, markets, "alpha") == Exposure(33 * USDT, 33 * USDT)
    assert valuation.account_exposure(desk.state, markets, "paper", "USDT") == Exposure(33 * USDT, 33 * USDT)
    assert valuation.profit(desk.state, markets, "alpha") == valuation.unrealised(desk.state, markets, "alpha") == 3 * USDT
