"""What a simulated trade costs: proportional fees by liquidity, and slippage in basis points."""

import msgspec

from live.core.decimals import PARTS_PER_MILLION, divide_up
from live.core.errors import InputError
from live.core.instruments import Instrument
from live.core.vocabulary import Liquidity, Side

BASIS_POINTS = 10_000


class CostModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Price a simulated trade.

    Attributes:
        maker_fee_ppm: fee of a resting order, parts per million of the notional.
        taker_fee_ppm: fee of an order that takes liquidity; Binance Spot's base rate is 1,000 (0.1 %).
        slippage_basis_points: how far a taking order fills from the quoted price, against us.
    """

    maker_fee_ppm: int = 1_000
    taker_fee_ppm: int = 1_000
    slippage_basis_points: int = 2

    def __post_init__(self) -> None:
        """Refuse a cost that is negative or larger than the trade.

        Raises:
            InputError: a cost is out of range.
        """
        for name, value, bound in (
            ("maker_fee_ppm", self.maker_fee_ppm, PARTS_PER_MILLION),
            ("taker_fee_ppm", self.taker_fee_ppm, PARTS_PER_MILLION),
            ("slippage_basis_points", self.slippage_basis_points, BASIS_POINTS),
        ):
            if not 0 <= value < bound:
                raise InputError(f"{name} must lie within 0..{bound - 1}, received {value}")

    def slipped(self, price: int, side: Side, instrument: Instrument) -> int:
        """Move a price against us by the slippage, to the next tick away; never below one tick."""
        tick = instrument.tick_size
        move = divide_up(price * self.slippage_basis_points, BASIS_POINTS * tick) * tick
        return price + move if side is Side.BUY else max(tick, price - move)

    def fee(self, notional: int, liquidity: Liquidity) -> int:
        """Charge a notional, in money units of the quote asset, rounded up."""
        rate = self.maker_fee_ppm if liquidity is Liquidity.MAKER else self.taker_fee_ppm
        return divide_up(notional * rate, PARTS_PER_MILLION)
