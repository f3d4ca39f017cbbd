"""Conditions: a fault of the house stops what it concerns, once, and nothing else."""

import pytest

from live.core import inputs, records
from live.core.risk.codes import DenialCode
from live.core.vocabulary import Scope, TradingState

BTC, KRAKEN = "binance-spot:BTCUSDT", "kraken-spot:BTCUSD"
END = 2**63 - 1
MILLISECOND = 1_000_000


def clock(desk, offset, uncertainty=0, venue_id="binance-spot"):
    """Report how far our clock is from a venue's."""
    return desk.feed(inputs.ClockSampled(desk.now, venue_id, offset, uncertainty, END))


def reconciliation(desk, detail, account_id="paper"):
    """Report what differs in an account, nothing when empty."""
    return desk.feed(inputs.ReconciliationReported(desk.now, account_id, clean=not detail, detail=detail, valid_until=END))


@pytest.fixture
def several(new_desk, make):
    """Open a desk with a strict and a lenient strategy on one venue and another one elsewhere, each in an account of its own."""
    strict, lenient = make.limits(maximum_clock_offset=50 * MILLISECOND), make.limits(maximum_clock_offset=100 * MILLISECOND)
    elsewhere = make.limits(maximum_order_quantity={KRAKEN: 10_000}, maximum_clock_offset=50 * MILLISECOND)
    return new_desk(
        make.deployment("elsewhere", account_id="three", venue_id="kraken-spot", instrument_ids=(KRAKEN,), limits=elsewhere),
        make.deployment("lenient", account_id="two", limits=lenient),
        make.deployment("strict", account_id="one", limits=strict),
    ).open(make.btc(), make.btc(instrument_id=KRAKEN))


def test_a_clock_fault_stops_the_strategies_of_its_venue_that_allow_less(several):
    """The one that allows more goes on, and so does the one whose venue's clock is ours."""
    clock(several, 60 * MILLISECOND)
    assert several.alarms == ["CLOCK_FAULT"]
    assert several.of(records.AlarmRaised)[0].detail.startswith("strict: ")
    states = {name: several.trading(name) for name in several.strategies}
    assert states == {"elsewhere": TradingState.ARMED, "lenient": TradingState.ARMED, "strict": TradingState.DISARMED}


@pytest.mark.parametrize(("distance", "stops"), [(79, False), (80, False), (81, True)])
def test_where_a_venue_bounds_its_clock_leases_end_beyond_that_and_not_beyond_a_limit(several, distance, stops):
    """Between the limit of the strict one, 50 ms, and the bound at which the venue's leases end nothing is sent, and nothing ends."""
    sample = inputs.ClockSampled(
        several.now, "binance-spot", distance * MILLISECOND, 0, END, stop_above=60 * MILLISECOND, disarm_above=80 * MILLISECOND
    )
    several.feed(sample)
    states = [several.trading(name) is TradingState.DISARMED for name in ("strict", "lenient", "elsewhere")]
    assert states == [stops, stops, False]


@pytest.mark.parametrize(("limit", "stop_above", "allowed"), [(50, 60, 50), (100, 60, 60), (100, 0, 100)])
def test_the_tighter_of_a_strategys_limit_and_its_venues_bound_forbids_to_send(new_desk, make, limit, stop_above, allowed):
    """One nanosecond beyond it nothing is sent; where the venue has no bound the limit holds."""
    desk = new_desk(make.deployment(limits=make.limits(maximum_clock_offset=limit * MILLISECOND))).open()
    for beyond, code in ((0, None), (1, DenialCode.CLOCK_OFFSET_EXCEEDED)):
        offset = -(allowed * MILLISECOND + beyond)
        desk.feed(inputs.ClockSampled(desk.now, "binance-spot", offset, 0, END, stop_above * MILLISECOND, 1_000 * MILLISECOND))
        assert desk.send("BUY", 100) == code


def test_a_clock_fault_is_said_of_what_is_armed(several):
    """Every sample says the same; who is disarmed already knows."""
    clock(several, 60 * MILLISECOND)
    assert clock(several, 60 * MILLISECOND) == []
    several.arm("strict", lease_id="again")
    clock(several, 60 * MILLISECOND)
    assert several.alarms == ["CLOCK_FAULT"]


def test_a_reconciliation_break_stops_its_account_and_is_said_once(several):
    """It stays until it is mended; a break after that is news."""
    reconciliation(several, "one order more", "one")
    assert several.alarms == ["RECONCILIATION_BREAK"]
    assert several.of(records.AlarmRaised)[0].detail == "one: one order more"
    assert (several.trading("strict"), several.trading("lenient")) == (TradingState.DISARMED, TradingState.ARMED)
    assert reconciliation(several, "two orders more", "one") == []
    assert reconciliation(several, "", "one") == []
    several.arm("strict", lease_id="again")
    reconciliation(several, "one order less", "one")
    assert several.alarms == ["RECONCILIATION_BREAK"]
    assert several.trading("strict") is TradingState.DISARMED


def test_an_account_that_was_never_reconciled_breaks_at_its_first_difference(several):
    """That nothing was heard of it does not make a difference old."""
    reconciliation(several, "a balance", "unheard of")
    assert several.alarms == ["RECONCILIATION_BREAK"]
    assert several.state.trading_state(Scope.STRATEGY, "strict") is TradingState.ARMED


def test_a_journal_that_falls_behind_is_said_once(desk):
    """With what the driver said of it; nothing is disarmed, since nothing is sent meanwhile."""
    slow = inputs.JournalHealthReported(desk.now, healthy=False, detail="the disk is slow")
    desk.feed(slow)
    assert [(one.code, one.detail) for one in desk.of(records.AlarmRaised)] == [("JOURNAL_UNHEALTHY", "the disk is slow")]
    assert desk.feed(slow) == []
    assert desk.trading() is TradingState.ARMED


def test_fills_of_one_hour_end_a_lease_and_those_before_it_do_not_count(new_desk, make):
    """Two within 60 minutes are as many as allowed; two an hour apart are not."""
    desk = new_desk(make.deployment(limits=make.limits(maximum_executions_per_hour=2))).open()
    desk.want(100)
    desk.fill()
    desk.now += 3_600 * 1_000_000_000
    desk.want(200)
    desk.fill()
    assert desk.trading() is TradingState.ARMED
    desk.want(300)
    desk.fill()
    assert desk.alarms == ["REPEATED_EXECUTIONS"]
    assert "alpha: 2 of its orders" in desk.of(records.AlarmRaised)[0].detail
    assert desk.of(records.AlarmRaised)[0].order_id == desk.order.order_id
