"""State that survives the process: every request that changes the exchange is appended to a log before it is applied."""

from collections.abc import Sequence
from pathlib import Path

from live.venues.exchange.exchange import Exchange
from live.venues.exchange.symbols import DEFAULT_SYMBOLS, ExchangeRules, SymbolRules


def open_exchange(directory: Path, symbols: Sequence[SymbolRules] = DEFAULT_SYMBOLS, rules: ExchangeRules | None = None) -> Exchange:
    """Open the exchange whose state is kept in `directory`, as it was when its last process ended, or a new one."""
    raise NotImplementedError
