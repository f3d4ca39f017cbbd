"""Other engines' results, reproduced to the last digit by settings alone.

The numbers in `reference/` were computed by those engines; the scripts beside them say how, and by which version.
"""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from simulated_market import Market

from live.core.decimals import MONEY_SCALE, format_scaled, parse_scaled
from live.core.instruments import Instrument
from live.core.vocabulary import Liquidity, OrderType, Side
from live.venues.sim import CostModel, FillModel, FillPrice, SimulationSettings
from live.venues.sim.costs import Rounding
from live.venues.sim.settings import Excess, Improvement, IntrabarPath, StopPrice, TriggeredStop, VenueFilters

REFERENCE = Path(__file__).parent / "reference"
BACKTESTING = json.loads((REFERENCE / "backtesting_0_6_6.json").read_text())
NAUTILUS = json.loads((REFERENCE / "nautilus_1_221_0.json").read_text())

SHARE = Instrument(instrument_id="sim:SHARE", base="SHARE", quote="USD", price_scale=6, quantity_scale=0)
BACKTESTING_SETTINGS = {
    "next_open": SimulationSettings(
        fill=FillModel(touch=True, improvement=Improvement.OPEN),
        costs=CostModel(
            maker_fee_ppm=1_000,
            taker_fee_ppm=1_000,
            slippage_basis_points=2,
            slippage_on_opening_only=True,
            fee_rounding=Rounding.HALF_EVEN,
        ),
    ),
    "same_close": SimulationSettings(
        fill=FillModel(price=FillPrice.SAME_CLOSE, touch=True, improvement=Improvement.OPEN),
        costs=CostModel(
            maker_fee_ppm=500,
            taker_fee_ppm=500,
            slippage_basis_points=0,
            slippage_on_opening_only=True,
            fee_per_fill="1.5",
            fee_rounding=Rounding.HALF_EVEN,
        ),
    ),
    "resting": SimulationSettings(
        fill=FillModel(touch=True, improvement=Improvement.OPEN),
        costs=CostModel(maker_fee_ppm=200, taker_fee_ppm=200, slippage_basis_points=0, fee_rounding=Rounding.HALF_EVEN),
        filters=VenueFilters(triggered_stops=TriggeredStop.REST),
    ),
}


@pytest.mark.parametrize("case", BACKTESTING["cases"])
def test_backtesting_py_ends_with_the_same_equity(case):
    """Next open and trade on close, relative and fixed commission, spread on entries, limits, stops and reversals."""
    reference = BACKTESTING["cases"][case]
    market = Market(BACKTESTING_SETTINGS[case], SHARE)
    for number, bar in enumerate(BACKTESTING["bars"]):
        market.bar(*(round(price * 10) * 100_000 for price in bar))
        for order in reference["orders"]:
            if order["bar"] == number:
                prices = {name: round(order[key] * 1_000_000) for key, name in (("limit", "limit"), ("stop", "trigger")) if key in order}
                market.submit(Side.BUY if order["size"] > 0 else Side.SELL, abs(order["size"]), f"O{number}", **prices)
    signs = {f"O{order['bar']}": 1 if order["size"] > 0 else -1 for order in reference["orders"]}
    cash = Fraction(BACKTESTING["cash"]) * 10**MONEY_SCALE
    for one in market.executions():
        cash -= signs[one.order_id] * SHARE.notional(one.price, one.quantity) + one.fee
    assert format_scaled(int(cash), MONEY_SCALE) == f"{reference['equity']:.8f}"
    assert market.venue.open_order_ids() == []


COIN = Instrument(instrument_id="sim:BTCUSD", base="BTC", quote="USD", price_scale=2, quantity_scale=3)
NAUTILUS_SETTINGS = SimulationSettings(
    fill=FillModel(
        price=FillPrice.SAME_CLOSE,
        path=IntrabarPath.OPEN_HIGH_LOW_CLOSE,
        touch=True,
        stop_price=StopPrice.TRIGGER,
        through_fills_all=True,
        excess=Excess.NEXT_TICK,
    ),
    costs=CostModel(
        maker_fee_ppm=210, taker_fee_ppm=430, slippage_basis_points=0, fee_rounding=Rounding.HALF_UP, fee_decimals=2, notional_decimals=2
    ),
    participation_ppm=250_000,
)


@pytest.mark.parametrize("case", NAUTILUS["cases"])
def test_nautilus_trader_fills_the_same_quantities_at_the_same_prices_and_fees(case):
    """At the close, by the path open, high, low, close, a quarter of the volume at the price and the rest a tick worse."""
    reference = NAUTILUS["cases"][case]
    settings = NAUTILUS_SETTINGS
    if reference["data"] == "trades":
        settings = SimulationSettings(fill=FillModel(trades_have_sides=True), costs=NAUTILUS_SETTINGS.costs)
    market = Market(settings, COIN)
    fills = []
    for number, (open_, high, low, close, volume) in enumerate(NAUTILUS["bars"]):
        begun = len(market.executions())
        if reference["data"] == "bars":
            market.bar(open_, high, low, close, volume)
        else:
            market.trade(close, volume, Side.SELL if number % 2 else Side.BUY)
        inside = len(market.executions())
        for place, order in enumerate(reference["orders"]):
            if order["at"] == number:
                prices = {key: parse_scaled(order[key], 2) for key in ("limit", "trigger") if key in order}
                kind = OrderType(order["type"])
                market.submit(Side(order["side"]), parse_scaled(order["quantity"], 3), f"O{place}", kind=kind, **prices)
        # That engine wakes its strategies after the bar: what filled inside is counted to the one before.
        for index, one in enumerate(market.executions()[begun:], start=begun):
            order = reference["orders"][int(one.order_id[1:])]
            fills.append(
                {
                    "at": number - (index < inside),
                    "side": order["side"],
                    "price": format_scaled(one.price, 2),
                    "quantity": format_scaled(one.quantity, 3),
                    "fee": format_scaled(one.fee // 10**6, 2),
                    "liquidity": Liquidity(one.liquidity).name,
                }
            )
            assert one.fee % 10**6 == 0
    assert fills == reference["fills"]
