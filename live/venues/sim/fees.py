"""Fees of simulated executions: the port, and the one implementation, which follows a cost model."""

from collections import deque
from typing import Protocol

from live.core.decimals import MONEY_SCALE, PARTS_PER_MILLION
from live.core.effects import SubmitOrder
from live.core.instruments import Instrument
from live.core.vocabulary import Liquidity, Side
from live.venues.sim.costs import MONEY_UNIT, CostModel, FeeAsset, MinimumOf, Rounding, binary_fee, money, round_fee

DAY = 24 * 3_600 * 1_000_000_000

_MAKER = Liquidity.MAKER


class FeeModel(Protocol):
    """Price executions; an implementation may remember what was traded."""

    def charge(
        self, instrument: Instrument, order: SubmitOrder, price: int, quantity: int, liquidity: Liquidity, before: int, now: int
    ) -> tuple[int, str]:
        """Give the fee of an execution in money units, negative for a rebate, and the asset it is in.

        Args:
            instrument: what is traded.
            order: what was asked for.
            price: price units.
            quantity: quantity units.
            liquidity: whether it made or took liquidity.
            before: what the order had filled before it, in quantity units.
            now: venue time, nanoseconds UTC.
        """
        ...


class CostModelFees:
    """Charge what a cost model says.

    Volume for the tiers is what this object saw: after a restart it begins at nothing, which is the dearer side.
    """

    def __init__(self, costs: CostModel) -> None:
        self._costs = costs
        self._maker_fee_ppm, self._taker_fee_ppm = costs.maker_fee_ppm, costs.taker_fee_ppm
        self._per_fill = money("fee_per_fill", costs.fee_per_fill)
        self._per_order = money("fee_per_order", costs.fee_per_order)
        self._per_unit = money("fee_per_unit", costs.fee_per_unit)
        self._minimum = money("minimum_fee", costs.minimum_fee)
        self._other_price = money("other_asset_price", costs.other_asset_price) if costs.other_asset else 0
        self._tiers = [(money("volume", tier.volume), tier) for tier in costs.tiers]
        self._volumes: dict[tuple[str, str], _RollingVolume] = {}
        self._is_plain = (
            not (self._per_fill or self._per_order or self._per_unit or self._minimum or costs.tiers or costs.instruments)
            and costs.fee_asset is FeeAsset.QUOTE
            and costs.fee_rounding is Rounding.UP
            and costs.fee_decimals == costs.notional_decimals == MONEY_SCALE
        )

    def charge(
        self, instrument: Instrument, order: SubmitOrder, price: int, quantity: int, liquidity: Liquidity, before: int, now: int
    ) -> tuple[int, str]:
        """Give the fee in money units, negative for a rebate, and the asset it is in."""
        notional = instrument.notional(price, quantity)
        if self._is_plain:
            rate = self._maker_fee_ppm if liquidity is _MAKER else self._taker_fee_ppm
            return -(-notional * rate // PARTS_PER_MILLION), instrument.quote  # rounded up, as `divide_up` does
        costs = self._costs
        rate = self._rate(instrument, order.account_id, notional, liquidity, now)
        if costs.notional_decimals != MONEY_SCALE:
            notional = round_fee(notional, 1, costs.fee_rounding, costs.notional_decimals)
        units = 10**instrument.quantity_scale
        share = notional * rate
        if costs.fee_rounding is Rounding.BINARY:
            share = binary_fee(notional, rate, costs.fee_decimals) * PARTS_PER_MILLION
        numerator = (share + self._per_fill * PARTS_PER_MILLION) * units + self._per_unit * quantity * PARTS_PER_MILLION
        denominator = PARTS_PER_MILLION * units
        if self._minimum:
            least = self._minimum * denominator
            paid = 0
            if before and costs.minimum_fee_of is MinimumOf.ORDER:
                earlier = self._per_unit * before * PARTS_PER_MILLION
                numerator, paid = numerator + earlier, max(earlier, least)
            numerator = max(numerator, least) - paid
        if not before:
            numerator += self._per_order * denominator
        asset = instrument.quote
        if costs.fee_asset is FeeAsset.OTHER:
            asset = costs.other_asset
            numerator *= (PARTS_PER_MILLION - costs.other_asset_discount_ppm) * MONEY_UNIT
            denominator *= PARTS_PER_MILLION * self._other_price
        elif costs.fee_asset is FeeAsset.RECEIVED and order.side is Side.BUY:
            asset = instrument.base
            numerator *= 10**instrument.price_scale
            denominator *= price
        return round_fee(numerator, denominator, costs.fee_rounding, costs.fee_decimals), asset

    def _rate(self, instrument: Instrument, account_id: str, notional: int, liquidity: Liquidity, now: int) -> int:
        """Look up the rate, by instrument first, then by the volume before this execution; and count the execution."""
        rates = self._costs.instruments.get(instrument.instrument_id, self._costs)
        if self._tiers:
            volume = self._volumes.setdefault((account_id, instrument.quote), _RollingVolume(self._costs.tier_days * DAY))
            reached = volume.at(now)
            volume.add(now, notional)
            if rates is self._costs:
                for least, tier in self._tiers:
                    if reached >= least:
                        rates = tier
        return rates.maker_fee_ppm if liquidity is _MAKER else rates.taker_fee_ppm


class _RollingVolume:
    def __init__(self, window: int) -> None:
        self._window = window
        self._fills: deque[tuple[int, int]] = deque()
        self._sum = 0

    def at(self, now: int) -> int:
        while self._fills and self._fills[0][0] <= now - self._window:
            self._sum -= self._fills.popleft()[1]
        return self._sum

    def add(self, now: int, notional: int) -> None:
        self._fills.append((now, notional))
        self._sum += notional
