"""Instruments: what is traded, on which decimal scale, and the venue's filters for it."""

from collections.abc import Iterable

import msgspec

from live.core.decimals import MONEY_SCALE
from live.core.errors import InstrumentError
from live.core.vocabulary import InstrumentKind

_POWERS = tuple(10**exponent for exponent in range(MONEY_SCALE + 1))


class Instrument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Describe one instrument of one venue; prices and quantities are integers on its scales.

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
        contract_size: base asset in one contract, in units of `10**-contract_scale`; 1 for spot.
        contract_scale: decimal places of the contract size.
        initial_margin_ppm: collateral that opening needs, parts per million of the notional; 1,000,000 means no leverage.
        maintenance_margin_ppm: collateral below which a position is liquidated, parts per million of the notional.
        version: raised when the venue changes a filter; the scales never change within a journal's life.
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
            InstrumentError: a scale, step or bound is out of range.
        """
        venue, separator, symbol = self.instrument_id.partition(":")
        if not (separator and venue and symbol):
            raise InstrumentError(f"an instrument id is venue:SYMBOL, received {self.instrument_id!r}: write it like binance-spot:BTCUSDT")
        if self.price_scale < 0 or self.quantity_scale < 0 or self.price_scale + self.quantity_scale > MONEY_SCALE:
            raise InstrumentError(
                f"{self.instrument_id}: price_scale + quantity_scale must lie within 0..{MONEY_SCALE} so that a notional is exact, "
                f"received {self.price_scale} + {self.quantity_scale}"
            )
        if min(self.tick_size, self.lot_size, self.minimum_quantity) < 1 or self.maximum_quantity < self.minimum_quantity:
            raise InstrumentError(
                f"{self.instrument_id}: tick_size, lot_size and minimum_quantity must be at least 1 unit, and maximum_quantity not "
                "below minimum_quantity"
            )
        if self.minimum_notional < 0:
            raise InstrumentError(f"{self.instrument_id}: minimum_notional must not be negative, received {self.minimum_notional}")

    @property
    def venue_id(self) -> str:
        """Name the venue this instrument trades on."""
        return self.instrument_id.partition(":")[0]

    @property
    def notional_factor(self) -> int:
        """Give the factor that turns price units times quantity units into money units."""
        return _POWERS[MONEY_SCALE - self.price_scale - self.quantity_scale]

    def notional(self, price: int, quantity: int) -> int:
        """Value `quantity` at `price`, exactly, in money units of the quote asset."""
        return price * quantity * _POWERS[MONEY_SCALE - self.price_scale - self.quantity_scale]

    def base_amount(self, quantity: int) -> int:
        """Convert quantity units to money units of the base asset, exactly."""
        return quantity * _POWERS[MONEY_SCALE - self.quantity_scale]


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
