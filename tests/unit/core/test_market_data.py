"""Market data: what must be known before a bar, and who is woken by it."""

import pytest

from live.core import inputs
from live.core.errors import InputError

BTC = "binance-spot:BTCUSDT"
ETH = "binance-spot:ETHUSDT"


def test_a_bar_of_an_unknown_instrument_is_refused(desk):
    """Its scale is not known, so its numbers mean nothing."""
    with pytest.raises(InputError, match="before its definition"):
        desk.bar(instrument_id="binance-spot:DOGEUSDT")


def test_the_feed_of_an_unknown_instrument_is_refused(desk):
    """A feed that nobody asked for is a mistake in the feed."""
    with pytest.raises(InputError, match="before its definition"):
        desk.feed(inputs.FeedChanged(desk.now, "binance-spot:DOGEUSDT", healthy=True, detail=""))


@pytest.mark.parametrize("changes", [{"low": 0}, {"high": 9_999}, {"open": 10_001}, {"volume": -1}, {"ts_event": 1}])
def test_a_bar_that_contradicts_itself_wakes_nobody(desk, changes):
    """It is refused before any strategy sees it."""
    desk.bar()
    with pytest.raises(InputError, match="mend or drop it at its source"):
        desk.bar(**changes)
    assert len(desk.strategy.bars) == 1


def test_a_strategy_is_woken_by_its_own_instruments_only(new_desk, make):
    """Who declared an instrument gets its bars, in the order of deployment."""
    desk = new_desk(make.deployment("alpha"), make.deployment("beta", instrument_ids=(BTC, ETH))).open()
    desk.bar(instrument_id=BTC)
    desk.bar(instrument_id=ETH)
    assert desk.strategies["alpha"].bars == [(BTC, 100.0)]
    assert desk.strategies["beta"].bars == [(BTC, 100.0), (ETH, 100.0)]


def test_strategies_are_woken_in_the_recorded_order(new_desk, make):
    """The order of deployments is in the journal; how the strategies were loaded is not, and decides nothing."""
    from live.core.engine import Engine

    desk = new_desk(make.deployment("beta"), make.deployment("alpha"))
    desk.engine = Engine({name: (desk.strategies[name], 0) for name in ("alpha", "beta")})
    desk.open()
    for strategy in desk.strategies.values():
        strategy.script = lambda bar, context: context.target_units(BTC, 100)
    desk.bar()
    assert [effect.strategy_id for effect in desk.submitted] == ["beta", "alpha"]


def test_the_last_price_is_the_last_close(desk):
    """The engine gives it to whoever asks, and nothing for what it has not seen."""
    desk.bar(10_123)
    assert desk.engine.last_price(BTC) == 10_123
    assert desk.engine.last_price(ETH) is None


def test_an_account_is_worth_its_cash_and_positions(desk):
    """At the last price; unknown while a held instrument has none."""
    assert desk.engine.equity("paper", "USDT") == 10_000 * 10**8
    desk.want(100)
    desk.fill()
    desk.bar(11_000)
    assert desk.engine.equity("paper", "USDT") == 10_001 * 10**8
    assert desk.engine.profit("alpha") == 10**8
    assert desk.restart().engine.equity("paper", "USDT") is None
    assert desk.restart("SESSION3").engine.profit("alpha") is None
