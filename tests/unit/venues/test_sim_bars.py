"""Matching on bars: stops, paths, participation, bars of quotes, times in force and reduce-only."""

import pytest
from simulated_market import BTC, Market

from live.core import inputs
from live.core.errors import InputError
from live.core.vocabulary import Liquidity, OrderType, Side, TimeInForce
from live.venues.sim import CostModel, FillModel, FillPrice, SimulationSettings
from live.venues.sim.latency import Delay, LatencyModel
from live.venues.sim.settings import Excess, Improvement, IntrabarPath, StopPrice, TriggeredStop, VenueFilters

FREE = CostModel(maker_fee_ppm=0, taker_fee_ppm=0, slippage_basis_points=0)


def market(fill=None, costs=FREE, **changes):
    """Open a venue without costs, one bar into its life."""
    opened = Market(SimulationSettings(fill=fill or FillModel(), costs=costs, **changes))
    opened.bar(10_000, 10_000, 10_000, 10_000)
    return opened


@pytest.mark.parametrize(("side", "trigger"), [(Side.BUY, 10_100), (Side.SELL, 9_900)])
def test_a_stop_fills_at_its_trigger_when_the_bar_reaches_it(side, trigger):
    """A touch triggers it: that is the worse assumption for a stop."""
    sim = market()
    sim.submit(side, 5, trigger=trigger)
    assert sim.bar(10_000, 10_099, 9_901, 10_000) == []
    assert sim.bar(10_000, 10_100, 9_900, 10_000) == [(trigger, 5)]
    assert sim.executions()[0].liquidity is Liquidity.TAKER


@pytest.mark.parametrize(
    ("rule", "price"),
    [
        (StopPrice.TRIGGER_OR_OPEN, 9_500),
        (StopPrice.TRIGGER, 9_900),
        (StopPrice.TRIGGER_OR_CLOSE, 9_400),
        (StopPrice.TRIGGER_WITHIN_BAR, 9_600),
    ],
)
def test_a_stop_that_the_open_jumps_over_fills_at_the_open_unless_declared_otherwise(rule, price):
    """The bar opens at 9,500 and closes at 9,400, and trades nowhere near the trigger of 9,900."""
    sim = market(FillModel(stop_price=rule))
    sim.submit(Side.SELL, 5, trigger=9_900)
    assert sim.bar(9_500, 9_600, 9_300, 9_400) == [(price, 5)]


def test_a_stop_within_the_bar_fills_at_its_trigger_and_one_that_the_bar_jumps_over_at_its_low():
    """A buy's mirror image of the rule above."""
    sim = market(FillModel(stop_price=StopPrice.TRIGGER_WITHIN_BAR))
    sim.submit(Side.BUY, 5, trigger=10_100)
    assert sim.bar(10_150, 10_200, 10_050, 10_150) == [(10_100, 5)]
    sim.submit(Side.BUY, 5, "O2", trigger=10_300)
    assert sim.bar(10_400, 10_500, 10_350, 10_400) == [(10_350, 5)]


@pytest.mark.parametrize("price", list(FillPrice))
def test_a_limit_order_that_could_take_rests_first_where_that_is_declared(price):
    """It fills by the next bar as LEAN fills it: at the worse of its limit and the bar's far end; one for now or never takes at once."""
    sim = market(FillModel(price=price, limits_rest=True, improvement=Improvement.WORST_OF_BAR))
    sim.submit(Side.BUY, 5, limit=10_050)
    assert sim.bar(10_010, 10_040, 9_990, 10_000) == [(10_040, 5)]
    sim.submit(Side.BUY, 5, "O2", limit=10_020)
    assert sim.bar(10_010, 10_040, 9_990, 10_000) == [(10_020, 5)]
    assert {one.liquidity for one in sim.executions()} == {Liquidity.MAKER}
    sim.submit(Side.BUY, 5, "O3", limit=10_020, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
    sim.bar(10_005, 10_040, 9_990, 10_000)
    assert sim.executions()[-1].liquidity is Liquidity.TAKER


def test_slippage_moves_a_stop_too():
    """It is a market order once it began."""
    sim = market(costs=CostModel(slippage_basis_points=100))
    sim.submit(Side.SELL, 5, trigger=9_900)
    assert sim.bar(10_000, 10_000, 9_900, 9_950) == [(9_801, 5)]


def test_a_stop_limit_takes_at_its_trigger_within_its_limit():
    """And rests at its limit when the market jumped beyond, until a bar trades through it; it keeps the venue's id all the while."""
    sim = market()
    sim.submit(Side.BUY, 5, trigger=10_100, limit=10_150)
    assert sim.bar(10_000, 10_200, 10_000, 10_150) == [(10_100, 5)]
    sim.submit(Side.BUY, 5, "O2", trigger=10_200, limit=10_210)
    assert sim.bar(10_300, 10_300, 10_205, 10_300) == []
    assert sim.bar(10_300, 10_300, 10_209, 10_300) == [(10_210, 5)]
    assert [one.venue_order_id for one in sim.answers[-2:]] == ["VO2", "VO2"]


def test_stops_come_before_limits_in_a_bar_that_reaches_both():
    """The two exits of a long position: the loss is assumed, and then there is nothing left for the profit."""
    sim = market()
    sim.submit(Side.BUY, 5)
    sim.submit(Side.SELL, 5, "profit", limit=10_050, reduce_only=True)
    sim.submit(Side.SELL, 5, "loss", trigger=9_950, reduce_only=True)
    assert sim.bar(10_000, 10_100, 9_900, 10_000) == [(10_000, 5), (9_950, 5)]
    assert sim.ends() == [("OrderExpired", "profit", "REDUCE_ONLY")]


@pytest.mark.parametrize(
    ("path", "first"),
    [
        (IntrabarPath.OPEN_HIGH_LOW_CLOSE, 10_050),
        (IntrabarPath.OPEN_LOW_HIGH_CLOSE, 9_950),
        (IntrabarPath.NEAREST_FIRST, 10_050),
        (IntrabarPath.ADVERSE_FIRST, 9_950),
    ],
)
def test_a_declared_path_decides_which_exit_comes_first(path, first):
    """The high is 60 away from the open, the low 100."""
    sim = market(FillModel(path=path))
    sim.submit(Side.BUY, 5)
    sim.bar(10_000, 10_000, 10_000, 10_000)
    sim.submit(Side.SELL, 5, "profit", limit=10_050, reduce_only=True)
    sim.submit(Side.SELL, 5, "loss", trigger=9_950, reduce_only=True)
    assert sim.bar(10_000, 10_060, 9_900, 10_000) == [(first, 5)]


def test_on_a_path_a_stop_limit_that_rests_may_fill_on_the_way_back():
    """High first, then low: the buy that began at 10,100 fills at 10,050."""
    sim = market(FillModel(path=IntrabarPath.OPEN_HIGH_LOW_CLOSE))
    sim.submit(Side.BUY, 5, trigger=10_100, limit=10_050)
    assert sim.bar(10_000, 10_200, 10_000, 10_100) == [(10_050, 5)]
    pessimistic = market()
    pessimistic.submit(Side.BUY, 5, trigger=10_100, limit=10_050)
    assert pessimistic.bar(10_000, 10_200, 10_000, 10_100) == []


def test_limits_fill_nearest_first_and_share_what_the_cap_allows():
    """A tenth of 100 units: the better price has it all, and the rest stays."""
    sim = market(participation_ppm=100_000)
    sim.submit(Side.BUY, 8, "far", limit=9_900)
    sim.submit(Side.BUY, 8, "near", limit=9_950)
    assert sim.bar(10_000, 10_000, 9_800, 10_000, volume=100) == [(9_950, 8), (9_900, 2)]
    assert (sim.venue.remaining("near"), sim.venue.remaining("far")) == (0, 6)
    assert [one.trade_id for one in sim.executions()] == ["Tnear", "Tfar-2"]
    assert sim.bar(10_000, 10_000, 9_800, 10_000, volume=100) == [(9_900, 6)]
    assert sim.executions()[-1].trade_id == "Tfar-8"


@pytest.mark.parametrize(
    ("excess", "first", "second", "ends"),
    [
        (Excess.WAIT, [(10_000, 10)], [(10_100, 10)], []),
        (Excess.EXPIRE, [(10_000, 10)], [], [("OrderExpired", "O1", "IOC")]),
        (Excess.NEXT_TICK, [(10_000, 10), (10_001, 15)], [], []),
    ],
)
def test_what_a_market_order_does_beyond_the_cap_is_declared(excess, first, second, ends):
    """Twenty-five units, of which ten may be taken of each bar."""
    sim = market(FillModel(excess=excess), participation_ppm=100_000)
    sim.submit(Side.BUY, 25)
    assert sim.bar(10_000, 10_000, 10_000, 10_000, volume=100) == first
    assert sim.bar(10_100, 10_100, 10_100, 10_100, volume=100) == second
    assert sim.ends() == ends


def test_a_bar_of_quotes_sells_at_the_bid_and_buys_at_the_ask():
    """Open, stop and limit alike."""
    sim = Market(SimulationSettings(costs=FREE))
    sim.quote_bar((9_990,) * 4, (10_010,) * 4)
    sim.submit(Side.BUY, 1, "in")
    sim.submit(Side.SELL, 2, "out")
    sim.submit(Side.BUY, 3, "limit", limit=9_950)
    sim.submit(Side.SELL, 4, "stop", trigger=9_900)
    assert sim.quote_bar((9_991, 9_999, 9_901, 9_990), (10_011, 10_020, 9_950, 10_010)) == [(10_011, 1), (9_991, 2)]
    assert sim.quote_bar((9_990, 9_999, 9_900, 9_990), (10_010, 10_020, 9_949, 10_010)) == [(9_900, 4), (9_950, 3)]


def test_at_the_same_close_a_bar_of_quotes_is_crossed_too():
    """A buy pays the ask of the bar it was decided on."""
    sim = Market(SimulationSettings(costs=FREE, fill=FillModel(price=FillPrice.SAME_CLOSE)))
    sim.quote_bar((9_990,) * 4, (10_010,) * 4)
    sim.submit(Side.BUY, 1)
    assert [one.price for one in sim.executions()] == [10_010]


@pytest.mark.parametrize(
    ("improvement", "price"), [(Improvement.NONE, 9_900), (Improvement.OPEN, 9_800), (Improvement.WORST_OF_BAR, 9_850)]
)
def test_what_a_resting_limit_gets_from_a_better_open_is_declared(improvement, price):
    """A bid at 9,900, and a bar from 9,800 with a high of 9,850."""
    sim = market(FillModel(improvement=improvement))
    sim.submit(Side.BUY, 1, limit=9_900)
    sim.bar(10_000, 10_000, 10_000, 10_000)
    assert sim.bar(9_800, 9_850, 9_700, 9_800) == [(price, 1)]


def test_where_declared_a_touch_fills():
    """At the limit's own price."""
    sim = market(FillModel(touch=True))
    sim.submit(Side.BUY, 1, limit=9_900)
    assert sim.bar(10_000, 10_000, 9_900, 10_000) == [(9_900, 1)]


@pytest.mark.parametrize("time_in_force", [TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL])
def test_an_order_that_may_not_rest_expires_at_the_open_that_does_not_fill_it(time_in_force):
    """IOC and FOK say so as their reason."""
    sim = market()
    sim.submit(Side.BUY, 1, limit=9_900, time_in_force=time_in_force)
    assert sim.bar(9_950, 9_950, 9_000, 9_950) == []
    assert sim.ends() == [("OrderExpired", "O1", time_in_force.value)]


def test_immediate_or_cancel_keeps_what_filled_and_fill_or_kill_wants_all():
    """Ten units of volume may be taken, and fifteen are wanted."""
    for time_in_force, filled in ((TimeInForce.IMMEDIATE_OR_CANCEL, 10), (TimeInForce.FILL_OR_KILL, 0)):
        sim = market(participation_ppm=100_000)
        sim.submit(Side.BUY, 15, limit=10_100, time_in_force=time_in_force)
        sim.bar(10_000, 10_000, 10_000, 10_000, volume=100)
        assert sum(one.quantity for one in sim.executions()) == filled
        assert sim.answers[-1].executed_quantity == filled


def test_a_dated_order_expires_at_its_time_and_not_before():
    """A bar that ends then may still fill it."""
    for extreme, ends in ((9_950, [("OrderExpired", "O1", "GTD")]), (9_800, [])):
        sim = market()
        sim.submit(Side.BUY, 1, limit=9_900, time_in_force=TimeInForce.GOOD_TILL_DATE, expires_at=sim.now + 120)
        sim.bar(10_000, 10_000, 9_950, 10_000)
        assert sim.venue.open_order_ids() == ["O1"]
        sim.bar(10_000, 10_000, extreme, 10_000)
        assert sim.ends() == ends
        assert sim.venue.open_order_ids() == []


def test_a_reduce_only_order_is_cut_to_the_position_and_then_ends():
    """Three held, five offered."""
    sim = market()
    sim.submit(Side.BUY, 3)
    sim.bar(10_000, 10_000, 10_000, 10_000)
    sim.submit(Side.SELL, 5, "O2", reduce_only=True)
    assert sim.bar(10_000, 10_000, 10_000, 10_000) == [(10_000, 3)]
    assert sim.ends() == [("OrderExpired", "O2", "REDUCE_ONLY")]
    sim.submit(Side.SELL, 5, "O3", reduce_only=True)
    assert sim.bar(10_000, 10_000, 10_000, 10_000) == []
    assert sim.ends()[-1] == ("OrderExpired", "O3", "REDUCE_ONLY")


def test_a_maker_order_never_takes():
    """It is refused where it would take on arrival, and fills as a maker when the market comes through."""
    sim = market()
    assert sim.submit(Side.BUY, 1, limit=10_001, kind=OrderType.LIMIT_MAKER)[1].reason == "Order would immediately match and take."
    sim.submit(Side.BUY, 1, "O2", limit=9_990, kind=OrderType.LIMIT_MAKER)
    assert sim.bar(9_900, 9_950, 9_900, 9_950) == [(9_990, 1)]
    assert sim.executions()[0].liquidity is Liquidity.MAKER


@pytest.mark.parametrize(
    ("rule", "fills", "ends"),
    [
        (TriggeredStop.REJECT, [], [("OrderRejected", "O1", "Stop price would trigger immediately.")]),
        (TriggeredStop.TRIGGER, [(9_900, 1)], []),
        (TriggeredStop.REST, [(10_000, 1)], []),
    ],
)
def test_what_becomes_of_a_stop_beyond_the_market_is_declared(rule, fills, ends):
    """A buy stop at 10,000 when the market is there, and a bar that opens lower and comes back."""
    sim = market(filters=VenueFilters(triggered_stops=rule))
    sim.submit(Side.BUY, 1, trigger=10_000)
    assert sim.bar(9_900, 10_000, 9_900, 10_000) == fills
    assert sim.ends() == ends


def test_slippage_ends_at_the_bar_and_spares_the_open_where_declared():
    """Two per cent of slippage in a bar from 10,000 to 10,100."""
    costs = CostModel(slippage_basis_points=200, slippage_within_bar=True)
    sim = market(costs=costs)
    sim.submit(Side.BUY, 1)
    assert sim.bar(10_000, 10_100, 9_900, 10_000) == [(10_100, 1)]
    sim = market(costs=CostModel(slippage_basis_points=200, slippage_at_open=False))
    sim.submit(Side.BUY, 1)
    sim.submit(Side.BUY, 1, "O2", trigger=10_050)
    assert sim.bar(10_000, 10_100, 9_900, 10_000) == [(10_000, 1), (10_251, 1)]


def test_only_what_opens_slips_where_declared():
    """Two short, five bought: two close at the open, three open a basis point beyond."""
    sim = market(costs=CostModel(slippage_basis_points=1, slippage_on_opening_only=True))
    sim.submit(Side.SELL, 2)
    assert sim.bar(10_000, 10_000, 10_000, 10_000) == [(9_999, 2)]
    sim.submit(Side.BUY, 5, "O2")
    assert sim.bar(10_000, 10_000, 10_000, 10_000) == [(10_000, 2), (10_001, 3)]


def test_what_closes_and_what_opens_are_two_executions_where_only_one_may_slip():
    """Also where the slippage is nothing: what is declared says how an order is cut, not how far a part of it slips."""
    sim = market(costs=CostModel(slippage_basis_points=0, slippage_on_opening_only=True))
    sim.submit(Side.SELL, 2)
    sim.bar(10_000, 10_000, 10_000, 10_000)
    sim.submit(Side.BUY, 5, "O2")
    assert sim.bar(10_000, 10_000, 10_000, 10_000) == [(10_000, 2), (10_000, 3)]


def test_every_order_that_ended_is_told_once_and_is_gone():
    """A cancel of it finds nothing."""
    sim = market()
    sim.submit(Side.BUY, 1)
    sim.bar(10_000, 10_000, 10_000, 10_000)
    assert [type(one) for one in sim.cancel("O1")] == [inputs.EffectOutcome, inputs.CancelRejected]
    assert sim.venue.position("paper", BTC.instrument_id) == 1


@pytest.mark.parametrize(
    ("rule", "price"), [(FillPrice.NEXT_CLOSE, 10_007), (FillPrice.NEXT_MIDDLE, 10_001), (FillPrice.NEXT_AVERAGE, 10_003)]
)
def test_a_market_order_fills_at_the_next_bars_end_where_that_is_declared(rule, price):
    """Half of 10,021 and 9,980, a quarter of all four, to the nearest tick, half of one up; the bar that was decided on fills nothing."""
    sim = market(FillModel(price=rule))
    sim.submit(Side.BUY, 5)
    sim.submit(Side.SELL, 5, "O2")
    assert sim.executions() == []
    assert sim.bar(10_002, 10_021, 9_980, 10_007) == [(price, 5), (price, 5)]


def test_a_middle_is_rounded_to_a_coarser_step_than_the_tick_where_that_is_declared():
    """Prices in cents, with stops between them: 10,000.5 becomes 10,000, and 10,005 becomes 10,010."""
    sim = market(FillModel(price=FillPrice.NEXT_MIDDLE, price_step=10))
    sim.submit(Side.BUY, 5)
    assert sim.bar(10_002, 10_021, 9_980, 10_007) == [(10_000, 5)]
    sim.submit(Side.BUY, 5, "O2")
    assert sim.bar(10_002, 10_020, 9_990, 10_007) == [(10_010, 5)]
    with pytest.raises(InputError, match="price_step must be at least 0"):
        FillModel(price_step=-1)


def test_nothing_is_bought_for_nothing_where_the_step_is_coarser_than_the_price():
    """A market at 3 rounds to none of steps of 10, and to one of them instead."""
    sim = market(FillModel(price=FillPrice.NEXT_MIDDLE, price_step=10))
    sim.submit(Side.BUY, 5)
    assert sim.bar(3, 4, 2, 3) == [(10, 5)]


def test_what_rests_fills_before_an_order_that_waits_for_the_close():
    """The volume that both may take is spent in the order in which the bar comes to them; what is left waits for the close after."""
    sim = market(FillModel(price=FillPrice.NEXT_CLOSE), participation_ppm=100_000)
    sim.submit(Side.BUY, 8, limit=9_950)
    sim.submit(Side.BUY, 8, "O2")
    assert sim.bar(10_000, 10_020, 9_940, 10_010, volume=100) == [(9_950, 8), (10_010, 2)]
    assert sim.bar(10_010, 10_020, 10_000, 10_015, volume=100) == [(10_015, 6)]


def test_slippage_of_a_late_price_ends_at_the_bars_range_where_that_is_declared():
    """Two per cent above 10,007 would be beyond the high."""
    costs = CostModel(maker_fee_ppm=0, taker_fee_ppm=0, slippage_basis_points=200, slippage_within_bar=True, slippage_at_open=False)
    sim = market(FillModel(price=FillPrice.NEXT_CLOSE), costs)
    sim.submit(Side.BUY, 5)
    assert sim.bar(10_002, 10_021, 9_980, 10_007) == [(10_021, 5)]


def test_an_order_that_arrives_within_a_bar_waits_for_the_close_of_the_next():
    """Of that bar it is not known what came before the order."""
    sim = market(FillModel(price=FillPrice.NEXT_CLOSE), latency=LatencyModel(submit=Delay(nanoseconds=1)))
    sim.submit(Side.BUY, 5)
    assert sim.bar(10_002, 10_021, 9_980, 10_007) == []
    assert sim.bar(10_007, 10_030, 10_000, 10_011) == [(10_011, 5)]
