"""Runner: one strategy instance, what it may see, and what it asked for on the current event."""

from live.core.errors import StrategyError
from live.core.inputs import Bar, Deployment
from live.core.instruments import Instrument
from live.core.portfolio import Wish
from live.core.records import FillRecorded
from live.core.state import EngineState
from live.core.strategy import BarView, Strategy

LONGEST_REASON = 500
"""Characters of a reason that are recorded; the rest is cut off."""
LONGEST_UNITS = 128
"""Bits of a number of units that can still be written down with its denial."""


class StrategyRunner:
    """Feed one strategy and collect its wishes; implements the context that the strategy sees."""

    __slots__ = ("_bars_seen", "_last", "_state", "_units", "_warm_up_bars", "_warming_up", "deployment", "strategy", "wishes")

    def __init__(self, strategy: Strategy, deployment: Deployment, warm_up_bars: int, state: EngineState) -> None:
        """Take a strategy whose instruments are all defined."""
        self.strategy = strategy
        self.deployment = deployment
        self.wishes: list[Wish] = []
        self._warm_up_bars = warm_up_bars
        self._warming_up = warm_up_bars > 0
        self._bars_seen = dict.fromkeys(deployment.instrument_ids, 0)
        self._last: dict[str, tuple[int | None, float | None, float | None]] = {}
        self._state = state
        instruments = {instrument_id: state.instruments[instrument_id] for instrument_id in deployment.instrument_ids}
        self._units = {name: (10**one.price_scale, 10**one.quantity_scale) for name, one in instruments.items()}

    def on_bar(self, bar: Bar) -> None:
        """Hand a finished bar to the strategy; wishes made before its warm-up is over, or by history, are dropped.

        Raises:
            StrategyError: the strategy failed, or asked for something that is no target.
        """
        instrument_id = bar.instrument_id
        price_unit, quantity_unit = self._units[instrument_id]
        if self._warming_up:
            self._bars_seen[instrument_id] += 1
            self._warming_up = any(seen <= self._warm_up_bars for seen in self._bars_seen.values())
        try:
            self.strategy.on_bar(BarView(instrument_id, bar.ts_event, bar.close / price_unit, bar, price_unit, quantity_unit), self)
        except (Exception, SystemExit) as error:  # a strategy that leaves must not take the service along
            raise self._failure(error, f"the bar of {instrument_id} at {bar.ts_event}") from error
        if self.wishes and (bar.warm_up or self._warming_up):
            self.forget()

    def on_fill(self, fill: FillRecorded) -> None:
        """Hand the strategy one of its own executions; wishes made before its warm-up is over are dropped.

        Raises:
            StrategyError: the strategy failed, or asked for something that is no target.
        """
        try:
            self.strategy.on_fill(fill, self)
        except (Exception, SystemExit) as error:  # a strategy that leaves must not take the service along
            raise self._failure(error, f"the fill {fill.trade_id} of order {fill.order_id}") from error
        if self._warming_up:
            self.forget()

    def forget_one(self, instrument_id: str) -> None:
        """Forget what the strategy asked for in one instrument, so that asking again counts as new."""
        self._last.pop(instrument_id, None)

    def forget(self) -> None:
        """Forget what the strategy asked for, so that asking again counts as new."""
        self.wishes.clear()
        self._last.clear()

    @property
    def warming_up(self) -> bool:
        """Tell whether any instrument still lacks the declared number of bars."""
        return self._warming_up

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
        return self._state.ledger.quantity(self.deployment.account_id, self.deployment.strategy_id, instrument_id)

    def target_fraction(self, instrument_id: str, fraction: float, *, limit_price: float | None = None, reason: str = "") -> None:
        """Want a position worth `fraction` of the account's equity.

        Raises:
            StrategyError: the instrument is not declared, or an argument is of a wrong type.
        """
        key = (None, fraction, limit_price)
        if self._last.get(instrument_id) != key:
            self._wish(instrument_id, None, _number(fraction, "fraction"), limit_price, reason)
            self._last[instrument_id] = key

    def target_units(self, instrument_id: str, units: int, *, limit_price: float | None = None, reason: str = "") -> None:
        """Want a position of `units` quantity units.

        Raises:
            StrategyError: the instrument is not declared, or an argument is of a wrong type.
        """
        key = (units, None, limit_price)
        if self._last.get(instrument_id) != key:
            if type(units) is not int:
                raise StrategyError(f"units must be a whole number of quantity units, received {units!r}: convert it with int()")
            if units.bit_length() > LONGEST_UNITS:
                raise StrategyError(f"units is a number of {units.bit_length()} bits: no position is that large")
            self._wish(instrument_id, units, None, limit_price, reason)
            self._last[instrument_id] = key

    def _wish(self, instrument_id: str, units: int | None, fraction: float | None, limit_price: float | None, reason: str) -> None:
        self._check_declared(instrument_id)
        price = None if limit_price is None else _number(limit_price, "limit_price")
        if type(reason) is not str or not reason.isprintable():
            raise StrategyError(f"reason must be printable text on one line, received {reason!r}")
        self.wishes.append(Wish(instrument_id, units, fraction, price, reason[:LONGEST_REASON]))

    def _check_declared(self, instrument_id: str) -> None:
        if instrument_id not in self._bars_seen:
            raise StrategyError(
                f"strategy {self.deployment.strategy_id} used {instrument_id}, which its strategy.toml does not declare: "
                "add it under [[instruments]]"
            )

    def _failure(self, error: BaseException, event: str) -> StrategyError:
        said = str(error) if isinstance(error, StrategyError) else f"{type(error).__name__}: {error}"
        return StrategyError(f"strategy {self.deployment.strategy_id} failed on {event}: {said}; mend it and promote it again")


def _number(value: object, name: str) -> float:
    """Take an int or float as a float.

    Raises:
        StrategyError: it is something else; a bool is no number here.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise StrategyError(f"{name} must be a number, received {value!r}")
    return float(value)
