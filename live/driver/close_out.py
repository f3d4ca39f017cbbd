"""What happens to positions that are left when a replay's market data ends."""

from enum import StrEnum


class CloseOut(StrEnum):
    """What happens to positions that are left when the market data ends."""

    NONE = "NONE"
    """They stay, valued at the last price."""
    LAST_PRICE = "LAST_PRICE"
    """Live orders are canceled, and each position is closed at the last price by a market order, with fees."""
    LAST_OPEN = "LAST_OPEN"
    """The same at the open of the last bar, as backtesting.py finalizes trades; where orders fill at the next open."""
