"""Witness: stand between an engine and a strategy, write down every call with all that could be seen, and show it again.

What is said is written down as it was said, before the engine makes anything of it: targets, orders of the strategy's own,
their ends and replacements, and timers alike. A call that the context refuses says nothing.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, NamedTuple, TypeVar

from dagster_project.gates.isolation import Isolation
from live.core.context import RunningContext
from live.core.decimals import Number
from live.core.inputs import Deployment
from live.core.instruments import Instrument
from live.core.records import FillRecorded
from live.core.requests import OrderRequest
from live.core.state import EngineState
from live.core.strategy import BarView, OrderView, Strategy, StrategyContext
from live.core.vocabulary import OrderType, Side, TimeInForce


class Target(NamedTuple):
    """Spell one wish of a strategy; `units` or `fraction` is None."""

    instrument_id: str
    units: Any
    fraction: Any
    limit_price: Any
    reason: Any


class Asked(NamedTuple):
    """Spell one request of a strategy: what it called, for which instrument if any, and everything else it gave, by name."""

    call: str
    instrument_id: str
    given: dict[str, Any]


Said = tuple[Target | Asked, ...]
Seen = TypeVar("Seen")


class Facts(NamedTuple):
    """Hold what a strategy could see of its account and its orders at a call, by instrument or asset."""

    positions: dict[str, int]
    average_prices: dict[str, float | None]
    last_prices: dict[str, float | None]
    equities: dict[str, float | None]
    balances: dict[str, float]
    orders: list[OrderView]


class Step(NamedTuple):
    """One call of a strategy.

    Attributes:
        bar: index of the bar that it is called with, or that comes next.
        handler: which of its methods is called.
        argument: what it is handed; None for a bar, which is found by its index.
        now: engine time, nanoseconds UTC.
        facts: what it can see.
        chance: where its source of chance stands; None while it has never asked for it.
        labels: how many orders it left for the context to name so far.
    """

    bar: int
    handler: str
    argument: Any
    now: int
    facts: Facts
    chance: tuple[Any, ...] | None
    labels: int

    @property
    def is_bar(self) -> bool:
        """Tell whether this call hands over a bar."""
        return self.handler == "on_bar"


class Listening:
    """Pass on what a strategy asks and says, and write down what it says; implements `StrategyContext`.

    Attributes:
        said: what was said since it was last cleared.
        labels: how many orders were left for the context to name.
        drew: whether the source of chance was ever asked for.
    """

    def __init__(self, context: StrategyContext) -> None:
        self.said: list[Target | Asked] = []
        self.labels = 0
        self.drew = False
        self._context = context
        self.instrument = context.instrument
        self.units = context.units
        self.position = context.position
        self.average_price = context.average_price
        self.last_price = context.last_price
        self.equity = context.equity
        self.balance = context.balance
        self.open_orders = context.open_orders

    @property
    def warming_up(self) -> bool:
        """Tell whether what is said is still ignored."""
        return self._context.warming_up

    @property
    def now(self) -> int:
        """Give the time of the current event, nanoseconds UTC."""
        return self._context.now

    @property
    def random(self) -> Random:
        """Give the strategy's own source of chance."""
        self.drew = True
        return self._context.random

    def target_fraction(self, instrument_id: str, fraction: float, *, limit_price: Number | None = None, reason: str = "") -> None:
        """Pass a wish on."""
        self._context.target_fraction(instrument_id, fraction, limit_price=limit_price, reason=reason)
        self.said.append(Target(instrument_id, None, fraction, limit_price, reason))

    def target_units(self, instrument_id: str, units: int, *, limit_price: Number | None = None, reason: str = "") -> None:
        """Pass a wish on."""
        self._context.target_units(instrument_id, units, limit_price=limit_price, reason=reason)
        self.said.append(Target(instrument_id, units, None, limit_price, reason))

    def submit_order(  # noqa: PLR0913 - an order has that many parts
        self,
        instrument_id: str,
        side: Side | str,
        quantity: int,
        *,
        order_type: OrderType | str = OrderType.MARKET,
        limit_price: Number | None = None,
        trigger_price: Number | None = None,
        time_in_force: TimeInForce | str | None = None,
        expires_at: int | None = None,
        reduce_only: bool = False,
        label: str = "",
        reason: str = "",
    ) -> str:
        """Pass a request on."""
        given: dict[str, Any] = {
            "order_type": order_type,
            "limit_price": limit_price,
            "trigger_price": trigger_price,
            "time_in_force": time_in_force,
            "expires_at": expires_at,
            "reduce_only": reduce_only,
            "label": label,
            "reason": reason,
        }
        named = self._context.submit_order(instrument_id, side, quantity, **given)
        self.labels += not label
        self.said.append(Asked("submit_order", instrument_id, {"side": side, "quantity": quantity, **given}))
        return named

    def cancel_order(self, label: str) -> None:
        """Pass a request on."""
        self._context.cancel_order(label)
        self.said.append(Asked("cancel_order", "", {"label": label}))

    def replace_order(
        self, label: str, *, quantity: int | None = None, limit_price: Number | None = None, trigger_price: Number | None = None
    ) -> None:
        """Pass a request on."""
        given: dict[str, Any] = {"quantity": quantity, "limit_price": limit_price, "trigger_price": trigger_price}
        self._context.replace_order(label, **given)
        self.said.append(Asked("replace_order", "", {"label": label, **given}))

    def cancel_all(self, instrument_id: str | None = None) -> None:
        """Pass a request on."""
        self._context.cancel_all(instrument_id)
        self.said.append(Asked("cancel_all", instrument_id or "", {}))

    def set_timer(self, name: str, due: int) -> None:
        """Pass a request on."""
        self._context.set_timer(name, due)
        self.said.append(Asked("set_timer", "", {"name": name, "due": due}))

    def cancel_timer(self, name: str) -> None:
        """Pass a request on."""
        self._context.cancel_timer(name)
        self.said.append(Asked("cancel_timer", "", {"name": name}))


class _Watched(NamedTuple):
    strategy: Strategy
    instrument_ids: tuple[str, ...]
    assets: tuple[str, ...]
    isolation: Isolation


class Witness(Strategy):
    """Stand between the engine and a strategy, and write down every call and every answer; `make_witness` makes one.

    Attributes:
        steps: the calls.
        said: what was said at each; what was said before it was warm is left out.
    """

    def __init__(self, parameters: _Watched) -> None:
        self.steps: list[Step] = []
        self.said: list[Said] = []
        self.watched = parameters
        self._index = 0
        self._facts = Facts({}, {}, {}, {}, {}, [])
        self._chance: tuple[Any, ...] | None = None
        self._listening: Listening | None = None

    def hand_on(self, handler: str, argument: Any, context: StrategyContext, call: Callable[[Listening], None]) -> None:
        """Call the strategy, and write down what it could see and what it said."""
        listening = self._listening = self._listening or Listening(context)
        if listening.drew and (chance := context.random.getstate()) != self._chance:
            self._chance = chance
        step = Step(self._index, handler, argument, context.now, self._see(context), self._chance, listening.labels)
        listening.said.clear()
        with self.watched.isolation.watch():
            call(listening)
        self.steps.append(step)
        self.said.append(() if context.warming_up else tuple(listening.said))
        self._index += step.is_bar

    def _see(self, context: StrategyContext) -> Facts:
        """Take down what can be seen; what did not change since the call before is kept once."""
        names, assets = self.watched.instrument_ids, self.watched.assets
        seen = self._facts
        self._facts = Facts(
            _kept(seen.positions, {name: context.position(name) for name in names}),
            _kept(seen.average_prices, {name: context.average_price(name) for name in names}),
            _kept(seen.last_prices, {name: context.last_price(name) for name in names}),
            _kept(seen.equities, {asset: context.equity(asset) for asset in assets}),
            _kept(seen.balances, {asset: context.balance(asset) for asset in assets}),
            _kept(seen.orders, context.open_orders()),
        )
        return self._facts


def _kept(old: Seen, new: Seen) -> Seen:
    """Give what was kept when nothing changed."""
    return old if old == new else new


class _EveryHandler(Witness):
    """Hand on every call that a strategy on bars can get."""

    def on_start(self, context: StrategyContext) -> None:
        self.hand_on("on_start", None, context, self.watched.strategy.on_start)

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        self.hand_on("on_bar", None, context, lambda listening: self.watched.strategy.on_bar(bar, listening))

    def on_fill(self, fill: FillRecorded, context: StrategyContext) -> None:
        self.hand_on("on_fill", fill, context, lambda listening: self.watched.strategy.on_fill(fill, listening))

    def on_order(self, order: OrderView, context: StrategyContext) -> None:
        self.hand_on("on_order", order, context, lambda listening: self.watched.strategy.on_order(order, listening))

    def on_timer(self, name: str, context: StrategyContext) -> None:
        self.hand_on("on_timer", name, context, lambda listening: self.watched.strategy.on_timer(name, listening))


def make_witness(strategy: Strategy, instruments: Mapping[str, Instrument], isolation: Isolation) -> Witness:
    """Make a witness that overrides what the strategy overrides and nothing else, since the engine feeds what is overridden."""
    chosen = {name: vars(_EveryHandler)[name] for name in overridden_handlers(type(strategy)) if name in vars(_EveryHandler)}
    assets = sorted({asset for one in instruments.values() for asset in (one.base, one.quote)})
    made = type("Witness", (Witness,), chosen)
    return made(_Watched(strategy, tuple(instruments), tuple(assets), isolation))


def overridden_handlers(strategy_class: type[Any]) -> list[str]:
    """Name the handlers that a strategy class overrides."""
    return [
        name for name in vars(Strategy) if name.startswith("on_") and getattr(strategy_class, name, None) is not getattr(Strategy, name)
    ]


class ShownContext(RunningContext):
    """Show a strategy what it saw in a replay, and refuse what the engine's own context refuses."""

    def __init__(self, deployment: Deployment, instruments: Mapping[str, Instrument], seed: int) -> None:
        """Take what the replay was set up with, so that names and chance are what they were there."""
        state = EngineState()
        state.instruments = dict(instruments)
        units = {name: (10**one.price_scale, 10**one.quantity_scale) for name, one in instruments.items()}
        super().__init__(deployment, state, {}, units, lambda *_: None, seed)
        self._facts = Facts({}, {}, {}, {}, {}, [])

    def begin(self, step: Step) -> None:
        """Stand where the replay stood before a call: with its chance, and its count of orders that the context named."""
        if step.chance is not None:
            self.random.setstate(step.chance)
        self._labels = step.labels

    def show(self, step: Step, *, warming_up: bool) -> None:
        """Show what could be seen at a call."""
        self.forget()
        self.now, self._facts, self.warming_up = step.now, step.facts, warming_up

    def position(self, instrument_id: str) -> int:
        """Give the position of the replay."""
        self._check_declared(instrument_id)
        return self._facts.positions[instrument_id]

    def average_price(self, instrument_id: str) -> float | None:
        """Give what it cost in the replay."""
        self._check_declared(instrument_id)
        return self._facts.average_prices[instrument_id]

    def last_price(self, instrument_id: str) -> float | None:
        """Give the last price of the replay."""
        self._check_declared(instrument_id)
        return self._facts.last_prices[instrument_id]

    def equity(self, asset: str) -> float | None:
        """Give the equity of the replay; an asset that no instrument knows is not held."""
        return self._facts.equities.get(asset, 0.0)

    def balance(self, asset: str) -> float:
        """Give the balance of the replay; an asset that no instrument knows is not held."""
        return self._facts.balances.get(asset, 0.0)

    def open_orders(self, instrument_id: str | None = None) -> list[OrderView]:
        """List the open orders of the replay."""
        if instrument_id is not None:
            self._check_declared(instrument_id)
        return [order for order in self._facts.orders if instrument_id in {None, order.instrument_id}]

    def cancel_all(self, instrument_id: str | None = None) -> None:
        """Ask for the end of every open order of the replay."""
        for order in self.open_orders(instrument_id):
            self.cancel_order(order.label)

    def _is_taken(self, label: str) -> bool:
        asked = any(isinstance(wish, OrderRequest) and wish.label == label for wish in self.wishes)
        return asked or any(order.label == label for order in self.open_orders())
