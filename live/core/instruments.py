"""Instruments: what is traded, on which decimal scale, and the venue's filters for it."""

from collections.abc import Iterable
from math import gcd
from typing import Self

import msgspec
from msgspec.structs import force_setattr

from live.core.decimals import LARGEST_INTEGER, MONEY_SCALE, PARTS_PER_MILLION, divide_half_even, truncate_toward_zero
from live.core.errors import InstrumentError
from live.core.vocabulary import InstrumentKind

LARGEST_SCALE = 18
"""Decimal places a price, quantity or contract size may have: more would leave no room for a whole unit within 62 bits."""

FIXED_FIELDS = ("base", "quote", "price_scale", "quantity_scale", "kind", "contract_size", "contract_scale")
"""What turns an instrument's numbers into money: the same for a journal's life."""


class _Ratios:
    """Hold what follows from an instrument's scales: derived, so no field of it, and read several times for every order."""

    __slots__ = ("_base_factor", "_base_ratio", "_value_factor", "_value_ratio")
    _base_factor: int
    """The multiplier of `_base_ratio` where it divides by 1, as it nearly always does; else 0."""
    _base_ratio: tuple[int, int]
    _value_factor: int
    """The multiplier of `_value_ratio` likewise."""
    _value_ratio: tuple[int, int]


class Instrument(_Ratios, msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Describe one instrument of one venue; prices and quantities are integers on its scales.

    Any tick, lot and contract size can be written down, since the scales are independent of each other. Where they leave
    more decimal places than money has, a value is rounded half to even to one money unit.

    Attributes:
        instrument_id: venue and symbol, like `binance-spot:BTCUSDT`.
        base: asset that is bought or sold.
        quote: asset that prices are in.
        price_scale: decimal places of a price; 1 price unit is `10**-price_scale` quote.
        quantity_scale: decimal places of a quantity; 1 quantity unit is `10**-quantity_scale` base.
        tick_size: smallest price step, in price units.
        lot_size: smallest quantity step, in quantity units.
        minimum_quantity: smallest order, in quantity units.
        maximum_quantity: largest order the venue takes, in quantity units.
        minimum_notional: smallest order value, in money units of the quote asset.
        kind: what a trade exchanges.
        contract_size: base asset in a quantity of 1, in units of `10**-contract_scale`; 1 where quantities count the asset itself.
        contract_scale: decimal places of the contract size.
        initial_margin_ppm: collateral that opening needs, parts per million of the notional; 1,000,000 means no leverage.
        maintenance_margin_ppm: collateral below which a position is liquidated, parts per million of the notional.
        version: raised when the venue changes a filter; what `FIXED_FIELDS` names never changes within a journal's life.
    """

    instrument_id: str
    base: str
    quote: str
    price_scale: int
    quantity_scale: int
    tick_size: int = 1
    lot_size: int = 1
    minimum_quantity: int = 1
    maximum_quantity: int = 10**15
    minimum_notional: int = 0
    version: int = 1
    kind: InstrumentKind = InstrumentKind.SPOT
    contract_size: int = 1
    contract_scale: int = 0
    initial_margin_ppm: int = 1_000_000
    maintenance_margin_ppm: int = 1_000_000

    def __post_init__(self) -> None:
        """Refuse a definition that contradicts itself.

        Raises:
            InstrumentError: a name, scale, step, bound or margin is out of range; says which.
        """
        venue, separator, symbol = self.instrument_id.partition(":")
        if not (separator and venue and symbol):
            raise InstrumentError(f"an instrument id is venue:SYMBOL, received {self.instrument_id!r}: write it like binance-spot:BTCUSDT")
        if not self.base or not self.quote or self.base == self.quote:
            raise self._fault(f"base and quote are two assets, received {self.base!r} and {self.quote!r}: name both")
        for name in ("price_scale", "quantity_scale", "contract_scale"):
            if not 0 <= getattr(self, name) <= LARGEST_SCALE:
                raise self._fault(f"{name} must lie within 0..{LARGEST_SCALE}, received {getattr(self, name)}: give its decimal places")
        for name in ("tick_size", "lot_size", "minimum_quantity", "maximum_quantity", "contract_size"):
            if not 1 <= getattr(self, name) <= LARGEST_INTEGER:
                raise self._fault(f"{name} must be at least 1 unit and fit 62 bits, received {getattr(self, name)}: correct it")
        if self.maximum_quantity < self.minimum_quantity:
            raise self._fault(
                f"maximum_quantity must not be below minimum_quantity, received {self.maximum_quantity} and {self.minimum_quantity}: "
                "exchange or correct them"
            )
        if not 0 <= self.minimum_notional <= LARGEST_INTEGER:
            raise self._fault(f"minimum_notional must not be negative and fit 62 bits, received {self.minimum_notional}: correct it")
        if not 1 <= self.maintenance_margin_ppm <= self.initial_margin_ppm <= PARTS_PER_MILLION:
            raise self._fault(
                f"margins must satisfy 1 <= maintenance_margin_ppm <= initial_margin_ppm <= {PARTS_PER_MILLION}, received "
                f"{self.maintenance_margin_ppm} and {self.initial_margin_ppm}: give both in parts per million of the notional"
            )
        value_exponent = MONEY_SCALE - self.price_scale - self.quantity_scale - self.contract_scale
        value = _ratio(self.contract_size, value_exponent)
        base = _ratio(self.contract_size, MONEY_SCALE - self.quantity_scale - self.contract_scale)
        force_setattr(self, "_value_ratio", value)
        force_setattr(self, "_value_factor", value[0] if value[1] == 1 else 0)
        force_setattr(self, "_base_ratio", base)
        force_setattr(self, "_base_factor", base[0] if base[1] == 1 else 0)

    def __copy__(self) -> Self:
        """Give the definition itself: it never changes, and a copy would lack what follows from its scales."""
        return self

    @property
    def venue_id(self) -> str:
        """Name the venue this instrument trades on."""
        return self.instrument_id.partition(":")[0]

    def notional(self, price: int, quantity: int) -> int:
        """Value `quantity` at `price` in money units of the quote asset: exactly, or else rounded half to even to one unit."""
        # A factor of 0 takes the long way; so does nothing times anything, which is nothing by that way as well.
        return price * quantity * self._value_factor or _scaled(price * quantity, self._value_ratio)

    def base_amount(self, quantity: int) -> int:
        """Convert quantity units to money units of the base asset: exactly, or else rounded half to even to one unit."""
        return quantity * self._base_factor or _scaled(quantity, self._base_ratio)  # as `notional`

    def quantity_worth(self, value: int, price: int) -> int:
        """Give the largest quantity, in units toward zero, that is worth no more than `value` money units at `price`."""
        multiplier, divisor = self._value_ratio
        return truncate_toward_zero(value * divisor, price * multiplier)

    def quantity_holding(self, amount: int) -> int:
        """Give the smallest quantity, in whole units rounded up, that holds `amount` money units of the base asset."""
        multiplier, divisor = self._base_ratio
        return -(-amount * divisor // multiplier)

    def price_paid(self, value: int, quantity: int) -> int:
        """Give the price, in price units rounded half to even, at which `quantity` is worth `value` money units."""
        multiplier, divisor = self._value_ratio
        worth = quantity * multiplier
        return divide_half_even(value * divisor, worth) if worth > 0 else divide_half_even(-value * divisor, -worth)

    def _fault(self, said: str) -> InstrumentError:
        return InstrumentError(f"{self.instrument_id}: {said}")


def _scaled(number: int, ratio: tuple[int, int]) -> int:
    multiplier, divisor = ratio
    return divide_half_even(number * multiplier, divisor)


def _ratio(number: int, exponent: int) -> tuple[int, int]:
    """Write `number * 10**exponent` as a multiplier and a divisor without a common factor."""
    multiplier, divisor = number * 10 ** max(exponent, 0), 10 ** max(-exponent, 0)
    shared = gcd(multiplier, divisor)
    return multiplier // shared, divisor // shared


def merge_instruments(preferred: Iterable[Instrument], others: Iterable[Instrument]) -> dict[str, Instrument]:
    """Join definitions by id: those of strategies, which hold the venue's filters, before those that only name a feed.

    Raises:
        InstrumentError: two definitions of one instrument disagree about a scale or an asset.
    """
    merged: dict[str, Instrument] = {}
    for instrument in (*preferred, *others):
        known = merged.setdefault(instrument.instrument_id, instrument)
        for name in ("base", "quote", "price_scale", "quantity_scale"):
            if getattr(known, name) != getattr(instrument, name):
                raise InstrumentError(
                    f"{instrument.instrument_id}: two definitions disagree about {name}, received {getattr(known, name)!r} and "
                    f"{getattr(instrument, name)!r}: make strategy.toml and the data agree"
                )
    return merged
