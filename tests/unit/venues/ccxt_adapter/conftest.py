"""Markets and answers as ccxt gives them, for the adapter's tests that need no venue."""

from typing import Any

import pytest

from live.core.instruments import Instrument
from live.venues.ccxt_adapter.translation import Catalogue

INSTRUMENT = Instrument(instrument_id="local:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=5)


@pytest.fixture
def market() -> dict[str, Any]:
    """Give a market whose filters are text, as ccxt is told to leave them."""
    return {
        "id": "BTCUSDT",
        "symbol": "BTC/USDT",
        "base": "BTC",
        "quote": "USDT",
        "spot": True,
        "active": True,
        "precision": {"price": "0.01000000", "amount": "0.00001000"},
        "limits": {"amount": {"min": "0.00001000", "max": "9000.00000000"}, "cost": {"min": "5.00000000"}},
    }


@pytest.fixture
def catalogue(market: dict[str, Any]) -> Catalogue:
    """Give a catalogue of that market."""
    return Catalogue("local", [market], [INSTRUMENT])
