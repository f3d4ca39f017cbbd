"""Runner: what a strategy sees and may say, and how its failures are named."""

import pytest

from live.core import records
from live.core.errors import StrategyError

BTC = "binance-spot:BTCUSDT"


def raise_key_error(bar, context):
    """Fail like a strategy with a bug."""
    return {}["missing"]


def test_a_strategy_that_fails_is_named_with_the_event(desk):
    """The error says which strategy, on which bar, and what it raised."""
    desk.strategy.script = raise_key_error
    with pytest.raises(StrategyError, match=rf"strategy alpha failed on the bar of {BTC} at {desk.now + 60 * 10**9}: KeyError: 'missing'"):
        desk.bar()


def test_a_strategy_that_leaves_takes_nobody_along(desk):
    """A call of sys.exit() in a strategy is a failure of that strategy, and not the end of the process."""

    def leave(*_):
        raise SystemExit(3)

    desk.strategy.script = leave
    with pytest.raises(StrategyError, match=rf"strategy alpha failed on the bar of {BTC} at \d+: SystemExit: 3"):
        desk.bar()


def test_a_strategy_that_fails_on_a_fill_is_named_with_the_fill(desk):
    """The same for its own executions."""
    desk.want(100)
    desk.strategy.on_fill_script = raise_key_error
    with pytest.raises(StrategyError, match="strategy alpha failed on the fill T1 of order ILSESSION11: KeyError"):
        desk.fill()


@pytest.mark.parametrize("units", [1.0, 1.5, True, float("nan"), "3", None])
def test_units_that_are_no_whole_number_are_an_error(desk, units):
    """A float or a bool is a bug in the strategy, not a size."""
    desk.strategy.script = lambda bar, context: context.target_units(BTC, units)
    with pytest.raises(StrategyError, match="units must be a whole number"):
        desk.bar()


def test_units_that_cannot_even_be_written_down_are_an_error(desk):
    """A number of thousands of digits is not turned into text for its denial."""
    desk.strategy.script = lambda bar, context: context.target_units(BTC, 10**100_000)
    with pytest.raises(StrategyError, match="332193 bits"):
        desk.bar()


@pytest.mark.parametrize("fraction", [10**400, "0.5", True, None, [0.5]])
def test_a_fraction_that_is_no_number_is_an_error(desk, fraction):
    """Text is not guessed to be a number."""
    desk.strategy.script = lambda bar, context: context.target_fraction(BTC, fraction)
    with pytest.raises(StrategyError, match=r"fraction must be a number|too large"):
        desk.bar()


@pytest.mark.parametrize("limit_price", ["99", False, (99,)])
def test_a_limit_price_that_is_no_number_is_an_error(desk, limit_price):
    """The same for prices."""
    desk.strategy.script = lambda bar, context: context.target_units(BTC, 10, limit_price=limit_price)
    with pytest.raises(StrategyError, match="limit_price must be a number"):
        desk.bar()


@pytest.mark.parametrize("reason", [5, None, "two\nlines", "\udcff"])
def test_a_reason_that_no_journal_can_hold_is_an_error(desk, reason):
    """A record that could not be read back would damage the journal."""
    desk.strategy.script = lambda bar, context: context.target_units(BTC, 10, reason=reason)
    with pytest.raises(StrategyError, match="reason must be printable text"):
        desk.bar()


def test_a_long_reason_is_cut(desk):
    """A strategy cannot fill the disk with its reasons."""
    desk.strategy.script = lambda bar, context: context.target_units(BTC, 100, reason="x" * 10_000)
    desk.bar()
    assert len(desk.of(records.DecisionRecorded)[0].reason) == 500


@pytest.mark.parametrize("ask", ["target_units", "position", "instrument"])
def test_an_instrument_that_was_not_declared_is_an_error(desk, ask):
    """A strategy reaches only what its strategy.toml names."""
    arguments = (10,) if ask == "target_units" else ()
    desk.strategy.script = lambda bar, context: getattr(context, ask)("binance-spot:ETHUSDT", *arguments)
    with pytest.raises(StrategyError, match="does not declare"):
        desk.bar()


def test_a_strategy_sees_prices_as_floats_and_its_own_position(desk):
    """A bar shows quote per base and base volume; the position is its own."""
    seen = []
    desk.strategy.script = lambda bar, context: seen.append(
        (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.ts_event, context.position(BTC), context.instrument(BTC).base)
    )
    desk.bar(close=10_050, open=10_000, high=10_100, low=9_900, volume=1_500)
    assert seen == [(100.0, 101.0, 99.0, 100.5, 1.5, desk.now, 0, "BTC")]


def test_wishes_before_the_warm_up_is_over_are_dropped(new_desk):
    """With two bars of warm-up the third is the first that counts, and what was said before is not remembered."""
    desk = new_desk(warm_up_bars=2).open()
    for number in range(4):
        desk.want(100)
        assert bool(desk.of(records.DecisionRecorded)) is (number == 2)


def test_every_instrument_has_to_warm_up(new_desk, make):
    """One warm instrument is not enough."""
    eth = "binance-spot:ETHUSDT"
    desk = new_desk(make.deployment(instrument_ids=(BTC, eth)), warm_up_bars=1).open()
    for _ in range(3):
        assert not [record for record in desk.want(100) if isinstance(record, records.DecisionRecorded)]
    desk.bar(instrument_id=eth)
    desk.bar(instrument_id=eth)
    assert desk.of(records.DecisionRecorded)


def test_history_never_leads_to_a_decision(desk):
    """Wishes on bars flagged as warm-up are dropped."""
    desk.strategy.script = lambda bar, context: context.target_units(BTC, 100)
    desk.bar(warm_up=True)
    assert not desk.said
    desk.bar()
    assert desk.of(records.DecisionRecorded)


def test_a_fill_during_warm_up_leads_to_no_decision(desk):
    """After a restart a late fill wakes a strategy whose averages are still cold: what it says does not count."""
    desk.want(100)
    after = desk.restart()
    cold = type(after)(*after.deployments, warm_up_bars=5, state=after.state)
    cold.now = after.now + 10**9
    cold.start("SESSION3")
    cold.clear_latches()
    cold.arm()
    cold.strategy.on_fill_script = lambda fill, context: context.target_units(BTC, 500)
    cold.fill()
    assert cold.held() == 100
    assert not cold.of(records.DecisionRecorded)


def test_a_strategy_hears_of_its_fills_by_a_handler_of_its_own(desk, monkeypatch):
    """Whether its class defines the handler or it was given one: only a strategy that has none is passed over."""
    monkeypatch.delattr(type(desk.strategy), "on_fill")
    other, heard = type(desk)(*desk.deployments), []
    other.strategy.on_fill = lambda fill, context: heard.append((fill.order_id, context.now))
    other.open()
    other.want(100)
    other.fill()
    assert heard == [(other.order.order_id, other.now)]
