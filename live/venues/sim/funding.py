"""Funding of perpetuals, from the venue's own view of each account's net position.

Longs pay shorts `rate x value at the mark price` (Binance USD-M futures, "Introduction to Funding Rates"). Liquidation is not simulated:
the maintenance margin is the engine's to watch, and an account that sinks below it goes on trading here.
"""

from live.core.instruments import Instrument
from live.core.market_events import FundingRate

PARTS_PER_BILLION = 1_000_000_000


def funding_amount(instrument: Instrument, position: int, rate: FundingRate) -> int:
    """Give what a position receives (positive) or pays, in money units of the quote asset, rounded against the account."""
    value = instrument.notional(rate.mark_price, abs(position))
    return -(value if position > 0 else -value) * rate.rate_ppb // PARTS_PER_BILLION
