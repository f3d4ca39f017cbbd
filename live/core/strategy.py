"""What a strategy is and what it may see.

A strategy is handed one finished bar at a time and says what position it wants. It has no clock, no files, no network
and no randomness of its own, so the same bars always give the same decisions. It never places orders: the portfolio
turns targets into intents, and risk decides about each.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol

import msgspec

from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.core.records import FillRecorded


class BarView(msgspec.Struct, frozen=True, gc=False):
    """Show a finished bar to a strategy with prices and volume as floats.

    Attributes:
        instrument_id: the instrument.
        ts_event: the bar's close, nanoseconds UTC.
        close: the last price, in quote per base.
    """

    instrument_id: str
    ts_event: int
    close: float
    _bar: Bar
    _price_unit: int
    _quantity_unit: int

    @property
    def open(self) -> float:
        """Give the first price, in quote per base."""
        return self._bar.open / self._price_unit

    @property
    def high(self) -> float:
        """Give the highest price, in quote per base."""
        return self._bar.high / self._price_unit

    @property
    def low(self) -> float:
        """Give the lowest price, in quote per base."""
        return self._bar.low / self._price_unit

    @property
    def volume(self) -> float:
        """Give the traded quantity, in the base asset."""
        return self._bar.volume / self._quantity_unit


class StrategyContext(Protocol):
    """What a strategy may ask and say."""

    @property
    def warming_up(self) -> bool:
        """Tell whether targets are still ignored because indicators lack history."""
        ...

    def instrument(self, instrument_id: str) -> Instrument:
        """Give the definition of an instrument of this strategy."""
        ...

    def position(self, instrument_id: str) -> int:
        """Give this strategy's signed position, in quantity units."""
        ...

    def target_fraction(self, instrument_id: str, fraction: float, *, limit_price: float | None = None, reason: str = "") -> None:
        """Want a position worth `fraction` of the account's equity; with `limit_price`, by a resting limit order."""
        ...

    def target_units(self, instrument_id: str, units: int, *, limit_price: float | None = None, reason: str = "") -> None:
        """Want a position of `units` quantity units; with `limit_price`, by a resting limit order."""
        ...


class Strategy(ABC):
    """Base class of every strategy.

    Say the target on every bar: the engine records a decision only when it changes. A subclass declares `Parameters`, a
    frozen msgspec Struct, and takes one in its constructor.
    """

    Parameters: ClassVar[type[Any]]

    @abstractmethod
    def __init__(self, parameters: Any) -> None: ...

    @classmethod
    @abstractmethod
    def warm_up_bars(cls, parameters: Any) -> int:
        """Give how many bars of each instrument must pass before targets count."""

    @abstractmethod
    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Take in a finished bar and say the target."""

    def on_fill(self, fill: FillRecorded, context: StrategyContext) -> None:
        """Take in one of this strategy's own executions; does nothing unless overridden."""
        del fill, context
