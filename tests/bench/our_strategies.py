"""The works as strategies of this project, each as every measured peer does it."""

from typing import Any, ClassVar

from live.core.strategy import BarView, Strategy, StrategyContext, TradeView
from live.core.vocabulary import OrderType, Side

ONE_UNIT = 1_000_000
SMALL = 10_000
"""0.01 of a unit."""
STOCK = 10 * ONE_UNIT
"""What is bought so that there is something to offer: a cash account cannot sell what it does not hold."""
FAST, SLOW = 20, 50
FLIP_EVERY = 100
LEVELS = 10


class EmaCross(Strategy):
    """Hold one unit while the fast average is above the slow one."""

    Parameters = dict
    unit: ClassVar[int] = ONE_UNIT

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
            context.target_units(bar.instrument_id, self.unit if fast > slow else 0)


class SmallEmaCross(EmaCross):
    """Do the same with a hundredth of a unit: over ten million bars the fees of a whole one would reach the limit on loss."""

    unit = SMALL


class OrderEachBar(EmaCross):
    """Go long and flat in turns."""

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Want the other one."""
        self._bars += 1
        context.target_units(bar.instrument_id, SMALL if self._bars % 2 else 0)


class Idle(EmaCross):
    """Do as much on each bar, and want no position."""

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Say the same on every bar."""
        self._bars += 1
        context.target_units(bar.instrument_id, 0)


class FlipTicks(Strategy):
    """Go long and flat in turns, at each hundredth tick."""

    Parameters = dict

    def __init__(self, parameters: Any = None) -> None:
        self._seen = 0
        self._target = 0

    def on_trade(self, trade: TradeView, context: StrategyContext) -> None:
        """Wake on each tick."""
        self._seen += 1
        if self._seen % FLIP_EVERY == 0:
            self._target = SMALL - self._target
            context.target_units(trade.instrument_id, self._target)


class RestingGrid(Strategy):
    """Keep ten bids and ten offers around the close, and replace one of each on every bar: a cancel and a new order."""

    Parameters = dict

    def __init__(self, parameters: Any = None) -> None:
        self.cancels = 0
        self._seen = 0

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Buy what will be offered at the first bar, place all at the second, then replace one pair on each."""
        cents = round(bar.close * 100)
        if not self._seen:
            context.submit_order(bar.instrument_id, Side.BUY, STOCK, label="stock")
        elif self._seen == 1:
            for level in range(1, LEVELS + 1):
                self._quote(bar.instrument_id, context, level, cents, set())
        else:
            resting = {order.label for order in context.open_orders()}
            self._quote(bar.instrument_id, context, self._seen % LEVELS + 1, cents, resting)
        self._seen += 1

    def _quote(self, instrument_id: str, context: StrategyContext, level: int, cents: int, resting: set[str]) -> None:
        """Replace the bid and the offer of a level, which lies that many thousandths away from the price."""
        for side, away in ((Side.BUY, -level), (Side.SELL, level)):
            label = f"{side}{level}"
            price = cents * (1_000 + away) // 1_000 / 100
            if label in resting:
                self.cancels += 1
                context.replace_order(label, limit_price=price)
            else:
                context.submit_order(instrument_id, side, SMALL, order_type=OrderType.LIMIT, limit_price=price, label=label)
