"""The venue around the matching: filters, latency, funding, and what a restart brings back."""

import pytest
from simulated_market import BTC, Market

from live.core import inputs, market_events
from live.core.effects import QueryOrder
from live.core.entities import Order
from live.core.instruments import Instrument
from live.core.orders import OrderState
from live.core.vocabulary import InstrumentKind, OrderType, Side, TimeInForce
from live.venues.sim import CostModel, FillModel, SimulationSettings
from live.venues.sim.latency import Delay, Distribution, LatencyModel
from live.venues.sim.settings import VenueFilters

FREE = CostModel(maker_fee_ppm=0, taker_fee_ppm=0, slippage_basis_points=0)


def market(instrument=BTC, fill=None, **changes):
    """Open a venue without costs, one bar at 100.00 into its life."""
    sim = Market(SimulationSettings(fill=fill or FillModel(), costs=FREE, **changes), instrument)
    sim.bar(10_000, 10_000, 10_000, 10_000)
    return sim


# Filters


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trigger": 9_999}, "Filter failure: PRICE_FILTER"),
        ({"limit": 9_000, "time_in_force": TimeInForce.GOOD_TILL_DATE, "expires_at": 60}, "Invalid expire time."),
        ({"limit": 9_000, "time_in_force": TimeInForce.GOOD_TILL_DATE}, "Unsupported order combination."),
        ({"limit": 9_000, "expires_at": 1_000}, "Unsupported order combination."),
        ({"limit": 9_000, "kind": OrderType.STOP_LIMIT}, "Unsupported order combination."),
        ({"limit": 9_000, "trigger": 9_000, "kind": OrderType.LIMIT}, "Unsupported order combination."),
        ({"limit": 9_000, "kind": OrderType.LIMIT_MAKER, "time_in_force": TimeInForce.FILL_OR_KILL}, "Unsupported order combination."),
        ({"time_in_force": TimeInForce.GOOD_TILL_CANCELED}, "Unsupported order combination."),
        ({"quantity": 10}, "Filter failure: NOTIONAL"),
        ({"quantity": 10, "limit": 9_000}, "Filter failure: NOTIONAL"),
        ({"limit": 8_995}, "Filter failure: PERCENT_PRICE"),
        ({"limit": 10_505}, "Filter failure: PERCENT_PRICE"),
    ],
)
def test_what_the_venue_refuses_it_refuses_in_binances_words(fields, reason):
    """The last price is 100.00; limits may lie 10 % below and 5 % above it, and an order is worth 5 USDT at least."""
    instrument = Instrument(
        instrument_id="sim:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3, tick_size=5, minimum_notional=5 * 10**8
    )
    sim = market(instrument, filters=VenueFilters(price_up_ppm=50_000, price_down_ppm=100_000))
    assert sim.submit(Side.BUY, **{"quantity": 100, **fields})[1].reason == reason
    assert sim.venue.open_order_ids() == []


@pytest.mark.parametrize(
    ("filters", "fields", "refused"),
    [
        ({"minimum_notional": True}, {"quantity": 10}, True),
        ({}, {"quantity": 10}, False),
        ({"price_up_ppm": 50_000}, {"limit": 10_505}, True),
        ({"price_up_ppm": 50_000}, {"limit": 8_995}, False),
        ({"price_down_ppm": 100_000}, {"limit": 8_995}, True),
        ({"price_down_ppm": 100_000}, {"limit": 10_505}, False),
    ],
)
def test_each_filter_stands_by_itself(filters, fields, refused):
    """One that the venue has is asked, also where it has no other; one that it has not is not."""
    instrument = Instrument(
        instrument_id="sim:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3, minimum_notional=5 * 10**8
    )
    sim = market(instrument, filters=VenueFilters(**{"minimum_notional": False, **filters}))
    sim.submit(Side.BUY, **{"quantity": 100, **fields})
    assert [kind for kind, _, _ in sim.ends()] == ["OrderRejected"] * refused


def test_an_account_has_no_more_orders_than_the_venue_allows():
    """Another account's do not count."""
    sim = market(filters=VenueFilters(maximum_orders=2))
    sim.submit(Side.BUY, 1, "O1", limit=9_000)
    sim.submit(Side.BUY, 1, "O2", "other", limit=9_000)
    sim.submit(Side.BUY, 1, "O3", limit=9_000)
    assert sim.submit(Side.BUY, 1, "O4", limit=9_000)[1].reason == "Filter failure: MAX_NUM_ORDERS"
    sim.cancel("O1")
    assert sim.submit(Side.BUY, 1, "O5", limit=9_000)[1].order_id == "O5"
    assert sim.venue.open_order_ids() == ["O2", "O3", "O5"]


# Latency


def late(submit=0, cancel=0, answer=0, market_data=0, **changes):
    """Open a venue that is so far away, in nanoseconds."""
    legs = {"submit": submit, "cancel": cancel, "answer": answer, "market_data": market_data}
    return market(latency=LatencyModel(**{leg: Delay(nanoseconds=time) for leg, time in legs.items()}), **changes)


def test_an_order_that_travels_fills_in_no_bar_that_opened_before_it_arrived():
    """The bar after the decision is under way already."""
    sim = late(submit=1)
    assert [type(one).__name__ for one in sim.submit(Side.BUY, 1)] == ["EffectOutcome"]
    assert sim.bar(10_100, 10_100, 10_100, 10_100) == []
    assert sim.bar(10_200, 10_200, 10_200, 10_200) == [(10_200, 1)]


@pytest.mark.parametrize(("interval", "fills"), [(59, [(10_100, 1)]), (60, [])])
def test_a_declared_bar_length_says_when_a_bar_opened(interval, fills):
    """Sent at the bar before, arriving one nanosecond later."""
    sim = late(submit=1, fill=FillModel(bar_interval=interval))
    sim.submit(Side.BUY, 1)
    assert sim.bar(10_100, 10_100, 10_100, 10_100) == fills


@pytest.mark.parametrize("fields", [{"trigger": 10_050}, {"limit": 9_950}, {"limit": 9_950, "kind": OrderType.LIMIT_MAKER}])
def test_neither_does_a_stop_or_a_limit_that_travels(fields):
    """Though the bar reaches its price."""
    sim = late(submit=1)
    sim.submit(Side.BUY, 1, **fields)
    assert sim.bar(10_000, 10_100, 9_900, 10_000) == []
    assert len(sim.bar(10_000, 10_100, 9_900, 10_000)) == 1


@pytest.mark.parametrize(("age", "fills"), [(0, []), (9, []), (10, [(10_010, 1)])])
def test_an_order_that_travels_meets_no_quote_older_than_declared(age, fills):
    """The quote came ten nanoseconds before it; else the next quote counts."""
    sim = late(submit=10, fill=FillModel(maximum_data_age=age))
    sim.quote(9_990, 5, 10_010, 5)
    sim.submit(Side.BUY, 1)
    sim.run_due(sim.now + 10)
    assert [(one.price, one.quantity) for one in sim.executions()] == fills
    assert sim.quote(9_999, 5, 10_111, 5, step=11) == ([] if fills else [(10_111, 1)])


def test_a_quote_of_the_very_time_of_arrival_is_not_stale():
    """The loop lets the market speak first at equal times."""
    sim = late(submit=10)
    sim.quote(9_990, 5, 10_010, 5)
    sim.submit(Side.BUY, 1)
    assert sim.quote(9_999, 5, 10_111, 5, step=10) == [(10_111, 1)]


def test_answers_are_known_after_their_delay_and_market_data_delay_puts_the_order_later():
    """Ten out, three of a market that is further on, twenty back less those three."""
    sim = late(submit=10, answer=20, market_data=3)
    sent = sim.now
    sim.submit(Side.BUY, 1, limit=9_000)
    sim.run_due(sent + 13)
    assert sim.venue.open_order_ids() == ["O1"]
    assert type(sim.answers[-1]) is inputs.EffectOutcome
    sim.run_due(sent + 30)
    assert (type(sim.answers[-1]), sim.answers[-1].ts_init, sim.answers[-1].ts_event) == (inputs.OrderAccepted, sent + 30, sent + 13)


def test_an_order_may_fill_before_its_cancel_arrives():
    """The cancel finds nothing; both answers arrive, the fill first."""
    sim = late(cancel=100)
    sim.submit(Side.BUY, 1, limit=9_950)
    sim.cancel("O1")
    assert sim.bar(10_000, 10_000, 9_900, 10_000) == [(9_950, 1)]
    sim.run_due(sim.now + 100)
    assert sim.ends() == [("CancelRejected", "O1", "Unknown order sent.")]


def test_a_cancel_that_overtakes_its_order_finds_nothing_and_the_order_works():
    """As at a real venue."""
    sim = late(submit=100, cancel=1)
    sim.submit(Side.BUY, 1, limit=9_950)
    sim.cancel("O1")
    sim.run_due(sim.now + 100)
    assert sim.ends() == [("CancelRejected", "O1", "Unknown order sent.")]
    assert sim.venue.open_order_ids() == ["O1"]


def test_while_an_order_travels_its_absence_proves_nothing():
    """The fence is its arrival; the trade history is asked after the open orders have answered."""
    sim = late(submit=100, cancel=1, answer=5)
    sent = sim.now
    sim.submit(Side.BUY, 1, limit=9_950)
    sim.venue.query(QueryOrder("O1", "paper", BTC.instrument_id, sent), sent)
    sim.run_due(sent + 50)
    seen = [one for one in sim.answers if isinstance(one, inputs.OrderObserved)]
    assert [(one.endpoint, one.found, one.venue_time > one.fence) for one in seen] == [
        ("order", False, False),
        ("open_orders", False, False),
        ("trades", False, False),
    ]
    assert [one.requested_at for one in seen] == [sent, sent, seen[1].ts_init]


@pytest.mark.parametrize(
    "delay",
    [
        Delay(distribution=Distribution.UNIFORM, nanoseconds=100, maximum=900),
        Delay(distribution=Distribution.LOGNORMAL, nanoseconds=300, sigma=0.8, maximum=5_000),
    ],
)
def test_a_drawn_delay_depends_on_seed_order_and_leg_alone(delay):
    """So that a restart draws it again."""
    drawn = [delay.draw(1, f"O{number}", "submit") for number in range(200)]
    assert drawn == [delay.draw(1, f"O{number}", "submit") for number in range(200)]
    assert drawn != [delay.draw(2, f"O{number}", "submit") for number in range(200)]
    assert drawn != [delay.draw(1, f"O{number}", "cancel") for number in range(200)]
    assert 0 < min(drawn) < max(drawn) <= delay.maximum
    assert 200 < sorted(drawn)[100] < 600


# Funding

PERPETUAL = Instrument(
    instrument_id="sim:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3, kind=InstrumentKind.PERPETUAL
)


@pytest.mark.parametrize(
    ("side", "rate", "amount"), [(Side.BUY, 100_003, -33_334), (Side.SELL, 100_003, 33_333), (Side.BUY, -100_003, 33_333)]
)
def test_funding_is_paid_on_the_net_position_and_rounded_against_the_account(side, rate, amount):
    """A rate of 0.0100003 % on thirty thousandths at 111.11 USDT: longs pay when it is positive."""
    sim = market(PERPETUAL)
    sim.submit(side, 30)
    sim.bar(10_000, 10_000, 10_000, 10_000)
    sim.observe(market_events.FundingRate(sim.now + 1, sim.now + 1, BTC.instrument_id, rate, 11_111))
    paid = sim.answers[-1]
    assert isinstance(paid, inputs.FundingPaid)
    assert (paid.account_id, paid.instrument_id, paid.funding_id) == ("paper", BTC.instrument_id, f"F{sim.now}")
    assert paid.amount == amount


def test_nothing_is_paid_without_a_position_or_on_spot():
    """Flat accounts and other kinds of instruments have no funding."""
    for instrument, quantity in ((PERPETUAL, 0), (BTC, 5)):
        sim = market(instrument)
        if quantity:
            sim.submit(Side.BUY, quantity)
            sim.bar(10_000, 10_000, 10_000, 10_000)
        sim.observe(market_events.FundingRate(sim.now + 1, sim.now + 1, BTC.instrument_id, 100_000, 11_111))
        assert not any(isinstance(one, inputs.FundingPaid) for one in sim.answers)


# Restart


def recorded(order_id="O1", **changes):
    """Make an order as the engine's state holds it."""
    fields = {"side": Side.BUY, "kind": OrderType.LIMIT, "limit": 9_900, "time": TimeInForce.GOOD_TILL_CANCELED, **changes}
    given = {name: value for name, value in fields.items() if name not in {"side", "kind", "limit", "time"}}
    return Order(
        order_id, 1, 1, "alpha", "paper", BTC.instrument_id, fields["side"], fields["kind"], fields["time"], 100, fields["limit"], 10_000,
        0, OrderState.OPEN, **given,
    )  # fmt: skip


def restored(*orders, positions=None, simulation=None):
    """Open a venue on what a journal holds."""
    sim = Market(simulation or SimulationSettings(costs=FREE))
    sim.venue.restore(orders, positions)
    return sim


def test_an_execution_after_a_restart_has_an_id_of_its_own():
    """Though the venue does not know how many came before."""
    sim = restored(recorded(filled_quantity=40))
    assert sim.bar(9_800, 9_800, 9_800, 9_800) == [(9_900, 60)]
    assert sim.executions()[0].trade_id == "TO1-100"


@pytest.mark.parametrize(("filled", "fills"), [(0, []), (10, [(9_950, 90)])])
def test_a_stop_that_had_filled_in_part_goes_on_as_what_it_had_become(filled, fills):
    """A bar then falls from 99.60 to 99.40, and does not reach the trigger of 101.00."""
    stop_limit = recorded(kind=OrderType.STOP_LIMIT, limit=9_950, trigger_price=10_100, filled_quantity=filled)
    assert restored(stop_limit).bar(9_960, 9_960, 9_940, 9_940) == fills


def test_a_market_order_that_waited_and_a_dated_one_go_on_too():
    """The first at the next open, the second until its time."""
    dated = recorded("O2", time=TimeInForce.GOOD_TILL_DATE, expires_at=100)
    sim = restored(recorded(kind=OrderType.MARKET, limit=None, time=TimeInForce.IMMEDIATE_OR_CANCEL), dated)
    assert sim.bar(10_000, 10_000, 10_000, 10_000) == [(10_000, 100)]
    sim.bar(10_000, 10_000, 9_950, 10_000)
    assert sim.ends() == [("OrderExpired", "O2", "GTD")]


def test_positions_of_the_ledger_let_reduce_only_orders_reduce():
    """Without them it would end at its first fill."""
    order = recorded(side=Side.SELL, kind=OrderType.LIMIT, limit=10_100, reduce_only=True)
    sim = restored(order, positions={("paper", BTC.instrument_id): 30})
    assert sim.bar(10_200, 10_200, 10_200, 10_200) == [(10_100, 30)]
    assert sim.venue.position("paper", BTC.instrument_id) == 0
