"""The works as strategies of this project, each as every measured peer does it."""

from typing import Any

from live.core.strategy import BarView, Strategy, StrategyContext

ONE_UNIT = 1_000_000
FAST, SLOW = 20, 50


class EmaCross(Strategy):
    """Hold one unit while the fast average is above the slow one."""

    Parameters = dict

    def __init__(self, parameters: Any = None) -> None:
        self._fast = self._slow = 0.0
        self._bars = 0

    @classmethod
    def warm_up_bars(cls, parameters: Any) -> int:
        """Need no history: the first 49 bars are counted by hand, as the peers do."""
        return 0

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Update both averages, seeded with the first close, and say the target from the 50th bar on."""
        close = bar.close
        if not self._bars:
            self._fast = self._slow = close
        fast = self._fast = self._fast + (close - self._fast) * (2 / (FAST + 1))
        slow = self._slow = self._slow + (close - self._slow) * (2 / (SLOW + 1))
        self._bars += 1
        if self._bars >= SLOW:
            context.target_units(bar.instrument_id, ONE_UNIT if fast > slow else 0)


class OrderEachBar(EmaCross):
    """Go long and flat in turns."""

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Want the other one."""
        self._bars += 1
        context.target_units(bar.instrument_id, ONE_UNIT if self._bars % 2 else 0)


class Idle(EmaCross):
    """Do as much on each bar, and want no position."""

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Say the same on every bar."""
        self._bars += 1
        context.target_units(bar.instrument_id, 0)
