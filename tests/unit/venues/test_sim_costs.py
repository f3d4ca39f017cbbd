"""Fees by every schedule there is, and what contradicts itself."""

import pytest
from simulated_market import BTC, Market

from live.core.errors import InputError
from live.core.vocabulary import Side
from live.venues.sim import CostModel, FillModel, SimulationSettings
from live.venues.sim.costs import FeeAsset, FeeRates, FeeTier, MinimumOf, Rounding, round_fee
from live.venues.sim.fees import DAY
from live.venues.sim.latency import Delay, Distribution
from live.venues.sim.queueing import QueueModel
from live.venues.sim.settings import VenueFilters


def fees(*fills, step=60, **costs):
    """Charge fills of (side, quantity) at a price of 100.00 each, taken at the open; gives (fee, asset)."""
    sim = Market(SimulationSettings(costs=CostModel(slippage_basis_points=0, **costs)))
    sim.bar(10_000, 10_000, 10_000, 10_000)
    for number, (side, quantity) in enumerate(fills):
        sim.submit(side, quantity, f"O{number}")
        sim.bar(10_000, 10_000, 10_000, 10_000, step=step)
    return [(one.fee, one.fee_asset) for one in sim.executions()]


BUY, SELL = (Side.BUY, 1_000), (Side.SELL, 1_000)  # one coin for 100 USDT


def test_a_maker_may_earn_a_rebate():
    """Rounded so that it is never more than the rate says."""
    sim = Market(SimulationSettings(costs=CostModel(maker_fee_ppm=-333, slippage_basis_points=0)))
    sim.bar(10_000, 10_000, 10_000, 10_000)
    sim.submit(Side.BUY, 1, limit=9_999)
    sim.bar(10_000, 10_000, 9_900, 10_000)
    assert sim.executions()[0].fee == -3_329  # 0.09999 USDT x 333 ppm is 0.0000332967


@pytest.mark.parametrize(
    ("costs", "fee"),
    [
        ({"taker_fee_ppm": 0, "fee_per_fill": "1.25"}, 125_000_000),
        ({"taker_fee_ppm": 0, "fee_per_order": "0.50"}, 50_000_000),
        ({"taker_fee_ppm": 0, "fee_per_unit": "0.005"}, 500_000),
        ({"taker_fee_ppm": 1_000, "fee_per_fill": "1", "fee_per_unit": "2"}, 310_000_000),
        ({"taker_fee_ppm": 1_000, "minimum_fee": "1"}, 100_000_000),
        ({"taker_fee_ppm": 20_000, "minimum_fee": "1"}, 200_000_000),
    ],
)
def test_fixed_unit_and_minimum_fees_add_up(costs, fee):
    """One coin for 100 USDT."""
    assert fees(BUY, **costs) == [(fee, "USDT")]


@pytest.mark.parametrize(("rate", "exact", "binary"), [(350, 4_000_000, 3_000_000), (360, 4_000_000, 4_000_000)])
def test_a_fee_reckoned_in_binary_falls_to_the_side_its_double_lies_on(rate, exact, binary):
    """100 USDT x 350 ppm is 0.035, and in doubles a little less."""
    assert fees(BUY, taker_fee_ppm=rate, fee_decimals=2, fee_rounding=Rounding.HALF_UP) == [(exact, "USDT")]
    assert fees(BUY, taker_fee_ppm=rate, fee_decimals=2, fee_rounding=Rounding.BINARY) == [(binary, "USDT")]


def test_an_orders_fee_comes_with_its_first_fill_and_a_fills_fee_with_each():
    """Two fills of one order, capped by participation."""
    costs = CostModel(taker_fee_ppm=0, slippage_basis_points=0, fee_per_order="1", fee_per_fill="0.1")
    sim = Market(SimulationSettings(costs=costs, participation_ppm=1_000_000))
    sim.bar(10_000, 10_000, 10_000, 10_000)
    sim.submit(Side.BUY, 15)
    sim.bar(10_000, 10_000, 10_000, 10_000, volume=10)
    sim.bar(10_000, 10_000, 10_000, 10_000, volume=10)
    assert [one.fee for one in sim.executions()] == [110_000_000, 10_000_000]


@pytest.mark.parametrize(("of", "charged"), [(MinimumOf.FILL, [100, 100, 100]), (MinimumOf.ORDER, [100, 0, 40])])
def test_a_smallest_fee_is_that_of_each_fill_or_of_the_order(of, charged):
    """An order fills by 0.56, 0.28 and 0.56 USDT worth of fees; together they are 1.40, which is above the smallest of 1."""
    costs = CostModel(maker_fee_ppm=0, taker_fee_ppm=0, slippage_basis_points=0, fee_per_unit="70", minimum_fee="1", minimum_fee_of=of)
    sim = Market(SimulationSettings(costs=costs, participation_ppm=1_000_000))
    sim.bar(10_000, 10_000, 10_000, 10_000)
    sim.submit(Side.BUY, 20)
    for volume in (8, 4, 8):
        sim.bar(10_000, 10_000, 10_000, 10_000, volume=volume)
    assert [one.fee // 1_000_000 for one in sim.executions()] == charged


def test_what_is_received_pays_the_fee_where_declared():
    """Base of a buy, quote of a sell: 0.1 % of one coin, and of 100 USDT."""
    assert fees(BUY, SELL, fee_asset=FeeAsset.RECEIVED) == [(100_000, "BTC"), (10_000_000, "USDT")]


def test_a_third_asset_pays_at_its_price_and_discount():
    """0.1 USDT less a quarter, at 300 USDT a BNB, rounded up to eight places."""
    costs = {"fee_asset": FeeAsset.OTHER, "other_asset": "BNB", "other_asset_price": "300", "other_asset_discount_ppm": 250_000}
    assert fees(BUY, **costs) == [(25_000, "BNB")]
    assert fees((Side.BUY, 1), **costs) == [(25, "BNB")]


def test_an_instrument_may_have_rates_of_its_own():
    """They come before the tiers."""
    tier = FeeTier(volume="0", maker_fee_ppm=1, taker_fee_ppm=1)
    rates = FeeRates(maker_fee_ppm=0, taker_fee_ppm=5_000)
    assert fees(BUY, instruments={BTC.instrument_id: rates}, tiers=(tier,)) == [(50_000_000, "USDT")]


def test_the_rate_falls_with_the_volume_of_the_window_and_rises_when_it_has_passed():
    """From 200 USDT on, counted before the fill, within a day."""
    tier = FeeTier(volume="200", maker_fee_ppm=0, taker_fee_ppm=500)
    assert [fee for fee, _ in fees(BUY, SELL, BUY, tiers=(tier,))] == [10_000_000, 10_000_000, 5_000_000]
    spread_out = fees(BUY, SELL, BUY, tiers=(tier,), tier_days=1, step=DAY)
    assert [fee for fee, _ in spread_out] == [10_000_000, 10_000_000, 10_000_000]


@pytest.mark.parametrize(
    ("rounding", "values"),
    [
        (Rounding.UP, {25: 30, 35: 40, 21: 30, 29: 30, -25: -20, 30: 30}),
        (Rounding.DOWN, {25: 20, 35: 30, 21: 20, 29: 20, -25: -30, 30: 30}),
        (Rounding.HALF_UP, {25: 30, 35: 40, 21: 20, 29: 30, -25: -30, 30: 30}),
        (Rounding.HALF_EVEN, {25: 20, 35: 40, 21: 20, 29: 30, -25: -20, 30: 30}),
    ],
)
def test_fees_round_as_declared(rounding, values):
    """Tens of money units, which is seven decimals; a rebate is a negative fee."""
    assert {value: round_fee(value, 1, rounding, 7) for value in values} == values


def test_a_notional_can_be_rounded_before_the_fee():
    """99.999 USDT to the cent is 100, and its tenth of a per cent is ten cents."""
    sim = Market(SimulationSettings(costs=CostModel(slippage_basis_points=0, fee_rounding=Rounding.HALF_UP, notional_decimals=0)))
    sim.bar(9_999, 9_999, 9_999, 9_999)
    sim.submit(Side.BUY, 1_000)
    sim.bar(9_999, 9_999, 9_999, 9_999)
    assert sim.executions()[0].fee == 10_000_000


def test_slippage_may_happen_now_and_then_and_the_same_way_again():
    """About half of two hundred fills, decided by the seed alone."""

    def slipped(seed):
        costs = CostModel(slippage_basis_points=0, slippage_ticks=3, slippage_probability_ppm=500_000)
        sim = Market(SimulationSettings(costs=costs, seed=seed))
        for number in range(200):
            sim.submit(Side.BUY, 1, f"O{number}")
        sim.bar(10_000, 10_000, 10_000, 10_000)
        prices = [one.price for one in sim.executions()]
        assert set(prices) == {10_000, 10_003}
        return prices

    first = slipped(1)
    assert first == slipped(1)
    assert first != slipped(2)
    assert 70 < first.count(10_003) < 130


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: CostModel(fee_per_fill="-1"), "fee_per_fill must not be negative"),
        (lambda: CostModel(fee_per_fill="much"), "fee_per_fill: a decimal number was expected"),
        (lambda: CostModel(minimum_fee="1", minimum_fee_of=MinimumOf.ORDER), "minimum_fee_of ORDER holds for fee_per_unit alone"),
        (lambda: CostModel(fee_decimals=9), "fee_decimals must lie within 0..8"),
        (lambda: CostModel(fee_asset=FeeAsset.OTHER), "other_asset"),
        (lambda: CostModel(other_asset_discount_ppm=1), "other_asset"),
        (lambda: CostModel(fee_asset=FeeAsset.OTHER, other_asset="BNB", other_asset_price="0"), "must be above 0"),
        (
            lambda: CostModel(tiers=tuple(FeeTier(volume=one, maker_fee_ppm=0, taker_fee_ppm=0) for one in ("2", "1"))),
            "tiers must rise in volume",
        ),
        (lambda: FeeTier(volume="1", maker_fee_ppm=0, taker_fee_ppm=-1), "only makers get rebates"),
        (lambda: FeeRates(maker_fee_ppm=1_000_000, taker_fee_ppm=0), "maker_fee_ppm must lie within"),
        (lambda: SimulationSettings(participation_ppm=1_000_001), "participation_ppm must lie within"),
        (lambda: FillModel(sources=()), "must name the market data"),
        (lambda: FillModel(bar_interval=-1), "bar_interval must be at least 0"),
        (lambda: QueueModel(ahead=-1), "queue.ahead must be at least 0"),
        (lambda: VenueFilters(maximum_orders=-1), "maximum_orders must be at least 0"),
        (lambda: VenueFilters(price_down_ppm=1_000_000), "price_down_ppm must lie within"),
        (lambda: Delay(nanoseconds=-1), "nanoseconds must lie within"),
        (lambda: Delay(sigma=1.0), "neither maximum nor sigma"),
        (lambda: Delay(distribution=Distribution.UNIFORM, nanoseconds=2, maximum=1), "received 2..1"),
        (lambda: Delay(distribution=Distribution.LOGNORMAL, nanoseconds=5), "a sigma within 0..3"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_with_what_was_received(make, said):
    """Before anything is simulated with it."""
    with pytest.raises(InputError, match=said):
        make()
