"""What a simulated trade costs: fees by liquidity, fill, order, quantity and volume, in any asset and rounding, and slippage."""

from enum import StrEnum
from math import floor
from random import Random

import msgspec

from live.core.decimals import MONEY_SCALE, PARTS_PER_MILLION, divide_up, parse_scaled
from live.core.errors import DecimalError, InputError
from live.core.instruments import Instrument
from live.core.vocabulary import Liquidity, Side

BASIS_POINTS = 10_000

_BUY = Side.BUY
_PPM_OF_BASIS_POINT = PARTS_PER_MILLION // BASIS_POINTS

MONEY_UNIT = 10**MONEY_SCALE
"""Money units in one whole unit of an asset."""


class Rounding(StrEnum):
    """How a fee is rounded to the decimals it is charged in."""

    UP = "UP"
    """Away from us: a fee becomes larger, a rebate smaller."""
    DOWN = "DOWN"
    """Toward us."""
    HALF_UP = "HALF_UP"
    """To the nearest; a half away from zero."""
    HALF_EVEN = "HALF_EVEN"
    """To the nearest; a half to the even neighbour."""
    BINARY = "BINARY"
    """To the nearest, of notional times rate in binary floating point, where hardly anything is a half: as NautilusTrader reckons."""


class FeeAsset(StrEnum):
    """Which asset a fee is charged in."""

    QUOTE = "QUOTE"
    RECEIVED = "RECEIVED"
    """The asset that the trade brings: base of a buy, quote of a sell, as at Binance Spot."""
    OTHER = "OTHER"
    """A third asset, at a declared rate."""


class MinimumOf(StrEnum):
    """What a smallest fee is the smallest of."""

    FILL = "FILL"
    """One execution."""
    ORDER = "ORDER"
    """All executions of an order: what the first one paid counts for the next, as zipline and brokers of shares reckon."""


class FeeTier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """State the rates from a traded volume on.

    Attributes:
        volume: notional of the account's fills in the window, decimal text in the quote asset.
        maker_fee_ppm: fee of a resting order, parts per million; negative is a rebate.
        taker_fee_ppm: fee of an order that takes liquidity.
    """

    volume: str
    maker_fee_ppm: int
    taker_fee_ppm: int

    def __post_init__(self) -> None:
        """Refuse rates or a volume that are out of range.

        Raises:
            InputError: a rate or the volume is out of range.
        """
        _check_rates(self.maker_fee_ppm, self.taker_fee_ppm)
        money("volume", self.volume)


class FeeRates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """State the rates of one instrument, whatever the volume.

    Attributes:
        maker_fee_ppm: fee of a resting order, parts per million; negative is a rebate.
        taker_fee_ppm: fee of an order that takes liquidity.
    """

    maker_fee_ppm: int
    taker_fee_ppm: int

    def __post_init__(self) -> None:
        """Refuse rates that are out of range.

        Raises:
            InputError: a rate is out of range.
        """
        _check_rates(self.maker_fee_ppm, self.taker_fee_ppm)


class CostModel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Price a simulated trade; amounts are decimal text in the instrument's quote asset.

    Attributes:
        maker_fee_ppm: fee of a resting order, parts per million of the notional; negative is a rebate.
        taker_fee_ppm: fee of an order that takes liquidity; Binance Spot's base rate is 1,000 (0.1 %).
        slippage_basis_points: how far a taking order fills from the quoted price, against us.
        slippage_ppm: the same in parts per million of the price; adds to the basis points.
        slippage_ticks: the same in ticks; adds to both.
        slippage_probability_ppm: how often slippage happens, parts per million; drawn per fill from the simulation's seed.
        slippage_on_opening_only: whether only what opens or grows a position slips; an order that does both fills in two parts.
        slippage_at_open: whether what takes a bar's open slips.
        slippage_within_bar: whether slippage ends at the bar's highest price for a buy and its lowest for a sell.
        fee_per_fill: fixed fee of each execution.
        fee_per_order: fixed fee of each order, charged with its first execution.
        fee_per_unit: fee of one whole unit of quantity: a share, a coin or a contract.
        minimum_fee: smallest sum of the proportional, unit and fill fee; 0 leaves rebates alone.
        minimum_fee_of: whether each execution has that minimum, or each order once, which holds for fees by unit alone.
        fee_asset: which asset is charged.
        other_asset: name of the third asset; with `fee_asset` OTHER only.
        other_asset_price: what one whole unit of the third asset costs in the quote asset.
        other_asset_discount_ppm: what paying in the third asset saves; Binance Spot gives 250,000 for BNB.
        fee_rounding: how a fee is rounded.
        fee_decimals: decimal places of the fee in its asset; 8 is one money unit.
        notional_decimals: decimal places that the notional is rounded to, the same way, before a proportional fee is taken of it.
        tiers: rates by volume, lowest first; below the first one the rates above hold.
        tier_days: length of the rolling window over which volume counts, in days of 24 hours before the fill.
        instruments: rates of single instruments, by instrument id; they come before tiers.
    """

    maker_fee_ppm: int = 1_000
    taker_fee_ppm: int = 1_000
    slippage_basis_points: int = 2
    slippage_ppm: int = 0
    slippage_ticks: int = 0
    slippage_probability_ppm: int = PARTS_PER_MILLION
    slippage_on_opening_only: bool = False
    slippage_at_open: bool = True
    slippage_within_bar: bool = False
    fee_per_fill: str = "0"
    fee_per_order: str = "0"
    fee_per_unit: str = "0"
    minimum_fee: str = "0"
    minimum_fee_of: MinimumOf = MinimumOf.FILL
    fee_asset: FeeAsset = FeeAsset.QUOTE
    other_asset: str = ""
    other_asset_price: str = ""
    other_asset_discount_ppm: int = 0
    fee_rounding: Rounding = Rounding.UP
    fee_decimals: int = MONEY_SCALE
    notional_decimals: int = MONEY_SCALE
    tiers: tuple[FeeTier, ...] = ()
    tier_days: int = 30
    instruments: dict[str, FeeRates] = {}

    def __post_init__(self) -> None:
        """Refuse a cost that is larger than the trade or contradicts another.

        Raises:
            InputError: a cost is out of range.
        """
        _check_rates(self.maker_fee_ppm, self.taker_fee_ppm)
        for name, value, bound in (
            ("slippage_basis_points", self.slippage_basis_points, BASIS_POINTS),
            ("slippage_ppm", self.slippage_ppm, PARTS_PER_MILLION),
            ("slippage_ticks", self.slippage_ticks, PARTS_PER_MILLION),
            ("slippage_probability_ppm", self.slippage_probability_ppm, PARTS_PER_MILLION + 1),
            ("other_asset_discount_ppm", self.other_asset_discount_ppm, PARTS_PER_MILLION),
            ("fee_decimals", self.fee_decimals, MONEY_SCALE + 1),
            ("notional_decimals", self.notional_decimals, MONEY_SCALE + 1),
            ("tier_days", self.tier_days, 3_660),
        ):
            if not 0 <= value < bound:
                raise InputError(f"{name} must lie within 0..{bound - 1}, received {value}")
        for name in ("fee_per_fill", "fee_per_order", "fee_per_unit", "minimum_fee"):
            money(name, getattr(self, name))
        if self.minimum_fee_of is MinimumOf.ORDER and (
            self.maker_fee_ppm or self.taker_fee_ppm or self.tiers or self.instruments or money("fee_per_fill", self.fee_per_fill)
        ):
            raise InputError("minimum_fee_of ORDER holds for fee_per_unit alone: set maker_fee_ppm, taker_fee_ppm and fee_per_fill to 0")
        volumes = [money("volume", tier.volume) for tier in self.tiers]
        if volumes != sorted(set(volumes)) or (volumes and not self.tier_days):
            raise InputError(
                f"tiers must rise in volume, within a window of at least 1 day, received {[tier.volume for tier in self.tiers]}"
            )
        other = self.fee_asset is FeeAsset.OTHER
        if other != bool(self.other_asset) or other != bool(self.other_asset_price) or (self.other_asset_discount_ppm and not other):
            raise InputError("other_asset, other_asset_price and a discount belong to fee_asset OTHER, which needs the first two")
        if other and not money("other_asset_price", self.other_asset_price):
            raise InputError(f"other_asset_price must be above 0, received {self.other_asset_price!r}")

    @property
    def has_slippage(self) -> bool:
        """Tell whether any execution may slip, or be cut in two for it."""
        return bool(self.slippage_basis_points or self.slippage_ppm or self.slippage_ticks or self.slippage_on_opening_only)

    def slipped(self, price: int, side: Side, instrument: Instrument) -> int:
        """Move a price against us by the slippage, to the next tick away; never below one tick."""
        tick = instrument.tick_size
        parts = self.slippage_basis_points * _PPM_OF_BASIS_POINT + self.slippage_ppm
        move = (divide_up(price * parts, PARTS_PER_MILLION * tick) + self.slippage_ticks) * tick if parts else self.slippage_ticks * tick
        if side is _BUY:
            return price + move
        lower = price - move
        return lower if lower > tick else tick

    def slips(self, seed: int, order_id: str, part: int) -> bool:
        """Draw whether a fill slips, the same way on every run; `part` is what the order had filled before it."""
        if self.slippage_probability_ppm == PARTS_PER_MILLION:
            return True
        generator = Random(f"{seed}:slippage:{order_id}:{part}")  # noqa: S311 - a simulation is to be repeated
        return generator.randrange(PARTS_PER_MILLION) < self.slippage_probability_ppm

    def fee(self, notional: int, liquidity: Liquidity) -> int:
        """Charge a notional at the base rate alone, in money units of the quote asset."""
        rate = self.maker_fee_ppm if liquidity is Liquidity.MAKER else self.taker_fee_ppm
        return round_fee(notional * rate, PARTS_PER_MILLION, self.fee_rounding, self.fee_decimals)


def round_fee(numerator: int, denominator: int, rounding: Rounding, decimals: int) -> int:
    """Round a fraction of money units to a number of decimal places of the asset; `denominator` is positive."""
    step = 10 ** (MONEY_SCALE - decimals)
    denominator *= step
    if rounding is Rounding.UP:
        return -(-numerator // denominator) * step
    whole, rest = divmod(numerator, denominator)
    if rounding is not Rounding.DOWN:
        twice = 2 * rest
        upward = whole % 2 == 1 if rounding is Rounding.HALF_EVEN else numerator > 0
        whole += twice > denominator or (twice == denominator and upward)
    return whole * step


def binary_fee(notional: int, rate_ppm: int, decimals: int) -> int:
    """Give a proportional fee in money units, reckoned in IEEE 754 doubles and rounded half away from zero."""
    shifted = notional / MONEY_UNIT * (rate_ppm / PARTS_PER_MILLION) * 10**decimals
    return floor(abs(shifted) + 0.5) * (1 if shifted >= 0 else -1) * 10 ** (MONEY_SCALE - decimals)


def money(name: str, text: str) -> int:
    """Read an amount that is not negative, in money units.

    Raises:
        InputError: it is no decimal number, or negative.
    """
    try:
        amount = parse_scaled(text, MONEY_SCALE)
    except DecimalError as error:
        raise InputError(f"{name}: {error}") from None
    if amount < 0:
        raise InputError(f"{name} must not be negative, received {text!r}")
    return amount


def _check_rates(maker_fee_ppm: int, taker_fee_ppm: int) -> None:
    if not -PARTS_PER_MILLION < maker_fee_ppm < PARTS_PER_MILLION:
        raise InputError(f"maker_fee_ppm must lie within {1 - PARTS_PER_MILLION}..{PARTS_PER_MILLION - 1}, received {maker_fee_ppm}")
    if not 0 <= taker_fee_ppm < PARTS_PER_MILLION:
        raise InputError(f"taker_fee_ppm must lie within 0..{PARTS_PER_MILLION - 1}, received {taker_fee_ppm}: only makers get rebates")
