"""Context: what a strategy may ask of the engine, and the wishes it makes."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random
from typing import TypeVar

from live.core.decimals import MONEY_SCALE, Number, round_to_step
from live.core.entities import Order
from live.core.errors import DecimalError, StrategyError
from live.core.inputs import Deployment
from live.core.instruments import Instrument
from live.core.market import InstrumentMarket
from live.core.portfolio import Wish
from live.core.requests import (
    NEEDS_LIMIT_PRICE,
    NEEDS_TRIGGER_PRICE,
    CancelRequest,
    OrderRequest,
    ReplaceRequest,
    Request,
    TimerRequest,
)
from live.core.state import EngineState
from live.core.views import OrderView, view_order
from live.core.vocabulary import OrderType, Side, TimeInForce

_NO_REASON = ""
"""What is said where no reason is given; nothing is to be looked at in it."""
LONGEST_REASON = 500
"""Characters of a reason that are recorded; the rest is cut off."""
LONGEST_LABEL = 64
"""Characters of an order's label or a timer's name."""
LONGEST_UNITS = 128
"""Bits of a number of units that can still be written down with its denial."""

Worth = Callable[[str, str], int | None]
"""Values an account in a quote asset, in money units; None while a held instrument has no price."""

Word = TypeVar("Word", Side, OrderType, TimeInForce)


class RunningContext:
    """Answer one strategy's questions and collect its wishes; implements `StrategyContext`.

    Attributes:
        deployment: what the strategy is bound to.
        wishes: targets and requests of the current event, in the order in which they were said; always the same list.
        now: time of the current event, nanoseconds UTC.
        random: the strategy's own source of chance.
        warming_up: whether any instrument still lacks the declared number of bars.
    """

    __slots__ = ("_labels", "_last", "_markets", "_state", "_units", "_worth", "deployment", "now", "random", "warming_up", "wishes")

    def __init__(
        self,
        deployment: Deployment,
        state: EngineState,
        markets: Mapping[str, InstrumentMarket],
        units: Mapping[str, tuple[int, int]],
        worth: Worth,
        seed: int,
    ) -> None:
        """Take a deployment whose instruments are all defined; `units` are the price and quantity units of each."""
        self.deployment = deployment
        self.wishes: list[Wish | Request] = []
        self.now = state.now
        self.random = Random(f"{seed} {deployment.strategy_id}")  # noqa: S311 - chance that repeats is what a replay needs
        self.warming_up = False
        self._last: dict[str, tuple[int | None, float | None, Number | None]] = {}
        self._labels = 0
        self._state = state
        self._markets = markets
        self._units = units
        self._worth = worth

    def forget_one(self, instrument_id: str) -> None:
        """Forget what the strategy asked for in one instrument, so that asking again counts as new."""
        self._last.pop(instrument_id, None)

    def forget(self) -> None:
        """Forget what the strategy asked for, so that asking again counts as new."""
        self.wishes.clear()
        self._last.clear()

    def instrument(self, instrument_id: str) -> Instrument:
        """Give the definition of an instrument of this strategy.

        Raises:
            StrategyError: the strategy did not declare the instrument.
        """
        self._check_declared(instrument_id)
        return self._state.instruments[instrument_id]

    def units(self, instrument_id: str, amount: Number | str) -> int:
        """Turn an amount of the base asset into quantity units on the lot, rounded toward zero.

        Raises:
            StrategyError: the instrument is not declared, or the amount is no finite number.
        """
        instrument = self.instrument(instrument_id)
        try:
            exact = Decimal(amount) if isinstance(amount, str) else _number(amount, "an amount")
            units = round_to_step(abs(exact), instrument.quantity_scale, instrument.lot_size, up=False)
        except (DecimalError, ArithmeticError) as error:
            raise StrategyError(f"the amount {amount!r} cannot be turned into units of {instrument_id}: {error}") from None
        return -units if exact < 0 else units

    def position(self, instrument_id: str) -> int:
        """Give this strategy's signed position, in quantity units.

        Raises:
            StrategyError: the strategy did not declare the instrument.
        """
        self._check_declared(instrument_id)
        return self._state.ledger.quantity(self.deployment.account_id, self.deployment.strategy_id, instrument_id)

    def average_price(self, instrument_id: str) -> float | None:
        """Give what the held position cost per unit of the base asset, in quote; None while flat.

        Raises:
            StrategyError: the strategy did not declare the instrument.
        """
        instrument = self.instrument(instrument_id)
        held = self._state.ledger.positions.get((self.deployment.account_id, self.deployment.strategy_id, instrument_id))
        if held is None or not held.quantity:
            return None
        return held.cost / instrument.notional(10**instrument.price_scale, held.quantity)

    def last_price(self, instrument_id: str) -> float | None:
        """Give the last price, in quote per base; None before the first.

        Raises:
            StrategyError: the strategy did not declare the instrument.
        """
        self._check_declared(instrument_id)
        price = self._markets[instrument_id].last_price
        return None if price is None else price / self._units[instrument_id][0]

    def equity(self, asset: str) -> float | None:
        """Give what the account is worth in a quote asset; None while a held instrument has no price."""
        worth = self._worth(self.deployment.account_id, asset)
        return None if worth is None else worth / 10**MONEY_SCALE

    def balance(self, asset: str) -> float:
        """Give the account's balance of an asset."""
        return self._state.ledger.balance(self.deployment.account_id, asset) / 10**MONEY_SCALE

    def target_fraction(self, instrument_id: str, fraction: float, *, limit_price: Number | None = None, reason: str = "") -> None:
        """Want a position worth `fraction` of the account's equity.

        Raises:
            StrategyError: the instrument is not declared, or an argument is of a wrong type.
        """
        key = (None, fraction, limit_price)
        if self._last.get(instrument_id) != key:
            self._wish(instrument_id, None, float(_number(fraction, "fraction")), limit_price, reason)
            self._last[instrument_id] = key

    def target_units(self, instrument_id: str, units: int, *, limit_price: Number | None = None, reason: str = "") -> None:
        """Want a position of `units` quantity units.

        Raises:
            StrategyError: the instrument is not declared, or an argument is of a wrong type.
        """
        key = (units, None, limit_price)
        if self._last.get(instrument_id) != key:
            self._wish(instrument_id, _whole(units, "units"), None, limit_price, reason)
            self._last[instrument_id] = key

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
        """Ask for one order and give its label.

        Raises:
            StrategyError: the instrument is not declared, an argument is of a wrong type, the type of order lacks a price it
                needs or has one it cannot have, or the label names an order that is still alive.
        """
        self._check_declared(instrument_id)
        kind = _member(OrderType, order_type, "order_type")
        at_once = kind in {OrderType.MARKET, OrderType.STOP}
        rests = TimeInForce.IMMEDIATE_OR_CANCEL if at_once else TimeInForce.GOOD_TILL_CANCELED
        if time_in_force is not None:
            rests = _member(TimeInForce, time_in_force, "time_in_force")
        for name, price, needed in (
            ("limit_price", limit_price, kind in NEEDS_LIMIT_PRICE),
            ("trigger_price", trigger_price, kind in NEEDS_TRIGGER_PRICE),
        ):
            if (price is not None) is not needed:
                raise StrategyError(f"a {kind} order {'needs a' if needed else 'has no'} {name}, received {price!r}")
        if (expires_at is not None) is not (rests is TimeInForce.GOOD_TILL_DATE):
            raise StrategyError(f"expires_at is given with time_in_force GTD and only then, received {expires_at!r} with {rests}")
        if not label:
            self._labels += 1
            label = f"#{self._labels}"
        elif self._is_taken(_name(label, "label")):
            raise StrategyError(f"the label {label!r} names an order that is still alive: choose another, or replace that order")
        self.wishes.append(
            OrderRequest(
                label,
                instrument_id,
                _member(Side, side, "side"),
                _whole(quantity, "quantity"),
                kind,
                rests,
                None if limit_price is None else _number(limit_price, "limit_price"),
                None if trigger_price is None else _number(trigger_price, "trigger_price"),
                None if expires_at is None else _whole(expires_at, "expires_at"),
                bool(reduce_only),
                _text(reason),
            )
        )
        return label

    def cancel_order(self, label: str) -> None:
        """Ask for the end of an order.

        Raises:
            StrategyError: the label is no text.
        """
        self.wishes.append(CancelRequest(_name(label, "label")))

    def replace_order(
        self, label: str, *, quantity: int | None = None, limit_price: Number | None = None, trigger_price: Number | None = None
    ) -> None:
        """Cancel an order, and once it ended send a new one under its label with what is given changed.

        Raises:
            StrategyError: an argument is of a wrong type.
        """
        self.wishes.append(
            ReplaceRequest(
                _name(label, "label"),
                None if quantity is None else _whole(quantity, "quantity"),
                None if limit_price is None else _number(limit_price, "limit_price"),
                None if trigger_price is None else _number(trigger_price, "trigger_price"),
            )
        )

    def cancel_all(self, instrument_id: str | None = None) -> None:
        """Ask for the end of every order the strategy asked for, in one instrument or in all.

        Raises:
            StrategyError: the strategy did not declare the instrument.
        """
        for order in self._own_orders(instrument_id):
            self.wishes.append(CancelRequest(order.label))

    def open_orders(self, instrument_id: str | None = None) -> list[OrderView]:
        """List the orders the strategy asked for that may still fill, oldest first; in all, also those in instruments it had before.

        Raises:
            StrategyError: the strategy did not declare the instrument.
        """
        instruments = self._state.instruments
        return [view_order(order, instruments[order.instrument_id]) for order in self._own_orders(instrument_id)]

    def set_timer(self, name: str, due: int) -> None:
        """Ask for `on_timer` at engine time `due`, nanoseconds UTC.

        Raises:
            StrategyError: the time is not in the future, or an argument is of a wrong type.
        """
        if _whole(due, "due") <= self.now:
            raise StrategyError(f"the timer {name!r} is due at {due}, which is not after {self.now}: give a time in the future")
        self.wishes.append(TimerRequest(_name(name, "name"), due))

    def cancel_timer(self, name: str) -> None:
        """Forget a timer.

        Raises:
            StrategyError: the name is no text.
        """
        self.wishes.append(TimerRequest(_name(name, "name"), None))

    def _own_orders(self, instrument_id: str | None) -> list[Order]:
        if instrument_id is not None:
            self._check_declared(instrument_id)
        return [order for order in self._state.live_orders_of(self.deployment.strategy_id, instrument_id) if order.label]

    def _is_taken(self, label: str) -> bool:
        asked = any(isinstance(wish, OrderRequest) and wish.label == label for wish in self.wishes)
        return asked or any(order.label == label for order in self._own_orders(None))

    def _wish(self, instrument_id: str, units: int | None, fraction: float | None, limit_price: Number | None, reason: str) -> None:
        if instrument_id not in self._units:
            self._check_declared(instrument_id)
        price = None if limit_price is None else _number(limit_price, "limit_price")
        self.wishes.append(Wish(instrument_id, units, fraction, price, reason if reason is _NO_REASON else _text(reason)))

    def _check_declared(self, instrument_id: str) -> None:
        if instrument_id not in self._units:
            raise StrategyError(
                f"strategy {self.deployment.strategy_id} used {instrument_id}, which its strategy.toml does not declare: "
                "add it under [[instruments]]"
            )


def _number(value: object, name: str) -> Number:
    """Take an int, float or Decimal; a bool is no number here.

    Raises:
        StrategyError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise StrategyError(f"{name} must be a number, received {value!r}")
    return value


def _whole(value: object, name: str) -> int:
    """Take a whole number that can still be written down.

    Raises:
        StrategyError: it is something else, or absurdly large.
    """
    if type(value) is not int:
        raise StrategyError(f"{name} must be a whole number, received {value!r}: convert it with int() or context.units()")
    if value.bit_length() > LONGEST_UNITS:
        raise StrategyError(f"{name} is a number of {value.bit_length()} bits: no position is that large")
    return value


def _name(value: object, name: str) -> str:
    if type(value) is not str or not value or not value.isprintable() or len(value) > LONGEST_LABEL:
        raise StrategyError(f"{name} must be printable text of at most {LONGEST_LABEL} characters, received {value!r}")
    return value


def _text(reason: object) -> str:
    if type(reason) is not str or not reason.isprintable():
        raise StrategyError(f"reason must be printable text on one line, received {reason!r}")
    return reason[:LONGEST_REASON]


def _member(kind: type[Word], value: object, name: str) -> Word:
    if type(value) is kind:
        return value
    try:
        return kind(value)
    except ValueError:
        raise StrategyError(f"{name} is one of {', '.join(kind)}, received {value!r}") from None
