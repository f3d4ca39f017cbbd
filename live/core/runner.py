"""Runner: one strategy instance, what it may see, and what it asked for on the current event."""

from live.core.errors import StrategyError
from live.core.inputs import Bar, Deployment
from live.core.instruments import Instrument
from live.core.portfolio import Wish
from live.core.records import FillRecorded
from live.core.state import EngineState
from live.core.strategy import BarView, Strategy


class StrategyRunner:
    """Feed one strategy and collect its wishes; implements the context that the strategy sees."""

    __slots__ = ("_bars_seen", "_last", "_state", "_units", "_warm_up_bars", "deployment", "strategy", "wishes")

    def __init__(self, strategy: Strategy, deployment: Deployment, warm_up_bars: int, state: EngineState) -> None:
        self.strategy = strategy
        self.deployment = deployment
        self.wishes: list[Wish] = []
        self._warm_up_bars = warm_up_bars
        self._bars_seen = dict.fromkeys(deployment.instrument_ids, 0)
        self._last: dict[str, tuple[int | None, float | None, float | None]] = {}
        self._state = state
        self._units: dict[str, tuple[int, int]] = {}

    def on_bar(self, bar: Bar) -> None:
        """Hand a finished bar to the strategy; wishes made before its warm-up is over, or by history, are dropped."""
        instrument_id = bar.instrument_id
        units = self._units.get(instrument_id)
        if units is None:
            instrument = self._state.instruments[instrument_id]
            units = self._units[instrument_id] = (10**instrument.price_scale, 10**instrument.quantity_scale)
        self._bars_seen[instrument_id] += 1
        self.strategy.on_bar(BarView(bar, *units), self)
        if self.wishes and (bar.warm_up or self.warming_up):
            self.wishes.clear()
            self._last.clear()

    def on_fill(self, fill: FillRecorded) -> None:
        """Hand the strategy one of its own executions."""
        self.strategy.on_fill(fill, self)

    @property
    def warming_up(self) -> bool:
        """Tell whether any instrument still lacks the declared number of bars."""
        needed = self._warm_up_bars
        return any(seen <= needed for seen in self._bars_seen.values()) if needed else False

    def instrument(self, instrument_id: str) -> Instrument:
        """Give the definition of an instrument of this strategy.

        Raises:
            StrategyError: the strategy did not declare the instrument.
        """
        self._check_declared(instrument_id)
        return self._state.instruments[instrument_id]

    def position(self, instrument_id: str) -> int:
        """Give this strategy's signed position, in quantity units.

        Raises:
            StrategyError: the strategy did not declare the instrument.
        """
        self._check_declared(instrument_id)
        return self._state.ledger.quantity(self.deployment.strategy_id, instrument_id)

    def target_fraction(self, instrument_id: str, fraction: float, *, limit_price: float | None = None, reason: str = "") -> None:
        """Want a position worth `fraction` of the account's equity."""
        self._wish(instrument_id, None, float(fraction), limit_price, reason)

    def target_units(self, instrument_id: str, units: int, *, limit_price: float | None = None, reason: str = "") -> None:
        """Want a position of `units` quantity units."""
        self._wish(instrument_id, units, None, limit_price, reason)

    def _wish(self, instrument_id: str, units: int | None, fraction: float | None, limit_price: float | None, reason: str) -> None:
        key = (units, fraction, limit_price)
        if self._last.get(instrument_id) == key:
            return
        self._check_declared(instrument_id)
        self._last[instrument_id] = key
        self.wishes.append(Wish(instrument_id, units, fraction, limit_price, reason))

    def _check_declared(self, instrument_id: str) -> None:
        if instrument_id not in self._bars_seen:
            raise StrategyError(
                f"strategy {self.deployment.strategy_id} used {instrument_id}, which its strategy.toml does not declare: "
                "add it under [[instruments]]"
            )
