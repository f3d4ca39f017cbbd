"""Which instrument a file is of: what was declared, else what its symbol says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec

from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.importing.options import ImportOptions
from live.core.errors import InstrumentError
from live.core.instruments import Instrument

QUOTES = ("FDUSD", "BUSD", "TUSD", "USDC", "USDT", "DAI", "USD", "EUR", "GBP", "JPY", "TRY", "BRL", "AUD", "BTC", "ETH", "BNB")
"""Assets that venues quote prices in, longer names first where one ends like another."""


class Symbol(NamedTuple):
    """Hold what a file says about its instrument: a venue, a symbol and its two assets; what it does not say is empty."""

    venue: str
    text: str
    base: str = ""
    quote: str = ""


def split_symbol(text: str) -> tuple[str, str] | None:
    """Give base and quote of a symbol like `BTCUSDT`, `BTC-USD` or `btc_usd`, None when it is none."""
    parts = [part for part in re.split(r"[^A-Z0-9]", text.upper()) if part]
    if len(parts) == 2 and parts[1] in QUOTES:
        return parts[0], parts[1]
    if len(parts) == 1:
        for quote in QUOTES:
            base = parts[0].removesuffix(quote)
            if base != parts[0] and re.fullmatch(r"[A-Z][A-Z0-9]+", base):
                return base, quote
    return None


def symbol_of_name(venue: str, name: str) -> Symbol:
    """Find the symbol in a file's name, like `btcusdt_1m.csv` or `coinbase_btc_usd_4h.json`."""
    words = [word for word in re.split(r"[^A-Za-z0-9]+", name.partition(".")[0]) if word]
    for first, second in pairwise(words):
        if second.upper() in QUOTES and re.fullmatch(r"[A-Za-z]{2,6}", first) and split_symbol(first) is None:
            return Symbol(venue, f"{first}-{second}".upper(), first.upper(), second.upper())
        if second.upper() == "PERP" and re.fullmatch(r"[A-Za-z]{2,10}", first):
            return Symbol(venue, f"{first}-PERP".upper(), first.upper(), "USD")
    for word in words:
        assets = split_symbol(word)
        if assets is not None:
            return Symbol(venue, word.upper(), *assets)
    return Symbol(venue, "")


class Naming:
    """Decide the instrument of each file; a definition that was given goes before what a file says."""

    def __init__(self, instruments: Sequence[Instrument], options: ImportOptions) -> None:
        """Begin with the definitions that hold, and what a person said."""
        self._instruments = tuple(instruments)
        self._options = options

    def with_scales(self, price_scale: int | None, quantity_scale: int | None) -> Naming:
        """Give one that goes by these scales where no definition holds."""
        return Naming(self._instruments, msgspec.structs.replace(self._options, price_scale=price_scale, quantity_scale=quantity_scale))

    def declared(self, symbol: Symbol, name: str) -> Instrument | None:
        """Give the definition that holds for a file, None when its content decides.

        Raises:
            DatasetError: the file names no symbol and several definitions could be meant.
        """
        wanted = self._options.instrument_id
        if wanted is not None:
            return next((one for one in self._instruments if one.instrument_id == wanted), None)
        if not self._instruments:
            return None
        if symbol.text:
            return next((one for one in self._instruments if _plain(one.instrument_id.partition(":")[2]) == _plain(symbol.text)), None)
        if len(self._instruments) == 1:
            return self._instruments[0]
        known = ", ".join(one.instrument_id for one in self._instruments)
        raise DatasetError(f"{name} does not say which of {known} it is of: name it (instrument_id)")

    def scales(self, symbol: Symbol, name: str) -> tuple[int | None, int | None]:
        """Give the price and quantity scales that hold for a file, None where its content decides.

        Raises:
            DatasetError: as `declared`.
        """
        declared, options = self.declared(symbol, name), self._options
        if declared is not None:
            return declared.price_scale, declared.quantity_scale
        return options.price_scale, options.quantity_scale

    def instrument(self, symbol: Symbol, name: str, scales: tuple[int, int], steps: tuple[int, int] = (1, 1)) -> Instrument:
        """Define the instrument of a file.

        Args:
            symbol: what the file says of it.
            name: of the file, for errors.
            scales: decimal places of its prices and quantities.
            steps: tick and lot size in units, where the source knows them.

        Raises:
            DatasetError: neither the file nor anybody says which instrument it is, or of which assets.
        """
        declared, options = self.declared(symbol, name), self._options
        if declared is not None:
            return declared
        instrument_id = options.instrument_id or (f"{symbol.venue}:{symbol.text}" if symbol.text else "")
        if not instrument_id:
            raise DatasetError(
                f"{name} does not say which instrument it is of: name it (instrument_id=venue:SYMBOL; a replay takes it by --import)"
            )
        assets = split_symbol(instrument_id.partition(":")[2]) or ("", "")
        base, quote = options.base or symbol.base or assets[0], options.quote or symbol.quote or assets[1]
        if not (base and quote):
            raise DatasetError(f"{name}: {instrument_id} does not say which assets it trades: name them (base and quote)")
        try:
            return Instrument(
                instrument_id=instrument_id,
                base=base,
                quote=quote,
                price_scale=scales[0],
                quantity_scale=scales[1],
                tick_size=steps[0],
                lot_size=steps[1],
            )
        except InstrumentError as error:
            raise DatasetError(f"{name}: {error}") from error


def _plain(symbol: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", symbol.upper())
