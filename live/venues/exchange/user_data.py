"""The user data stream: who listens to which account, and the events as Binance words them (user-data-stream.md)."""

from collections.abc import Iterable
from typing import Any

import msgspec

from live.venues.exchange.errors import SUBSCRIPTION_ACTIVE, SUBSCRIPTION_INACTIVE, VenueError
from live.venues.exchange.events import AccountEvent, BalanceEvent, Event, OrderEvent
from live.venues.exchange.faults import EventSeen, FaultPlane, HoldEvent, LoseEvent, RepeatEvent
from live.venues.exchange.fixed8 import fixed8_text, quote_amount
from live.venues.exchange.orders import OPEN_STATUSES, ExecutionType
from live.venues.exchange.sockets import Connection
from live.venues.exchange.stream_payloads import MILLISECOND

MOST_SUBSCRIPTIONS = 1_000
"""Subscriptions that one connection may have at a time."""

LAST_SUBSCRIPTION_ID = 65_535
"""Subscriptions that one connection may have in its life."""

MAXIMUM_SUBSCRIPTION_IDS = -2042

UserEvent = OrderEvent | AccountEvent | BalanceEvent

encode = msgspec.json.Encoder().encode


class Subscription(msgspec.Struct, frozen=True, eq=False):
    """One account's events on one connection; `by_session` when the connection's own login opened it."""

    connection: Connection
    subscription_id: int
    account: str
    by_session: bool


class UserData:
    """Tell accounts' events to the connections that subscribed to them."""

    def __init__(self, faults: FaultPlane) -> None:
        self._faults = faults
        self._by_account: dict[str, list[Subscription]] = {}
        self._by_connection: dict[Connection, dict[int, Subscription]] = {}
        self._next_ids: dict[Connection, int] = {}
        self._held: dict[str, list[UserEvent]] = {}

    def subscribe(self, connection: Connection, account: str, *, by_session: bool) -> int:
        """Start telling an account's events to a connection and give the subscription's id.

        Raises:
            VenueError: -2035 when the connection has one for the account, -2042 when it has had too many.
        """
        current = self._by_connection.setdefault(connection, {})
        if any(subscription.account == account for subscription in current.values()):
            raise VenueError(SUBSCRIPTION_ACTIVE, "User Data Stream subscription already active.")
        number = self._next_ids.get(connection, 0)
        if number > LAST_SUBSCRIPTION_ID or len(current) >= MOST_SUBSCRIPTIONS:
            raise VenueError(MAXIMUM_SUBSCRIPTION_IDS, "Maximum subscription ID reached for this connection.")
        self._next_ids[connection] = number + 1
        subscription = Subscription(connection, number, account, by_session)
        current[number] = subscription
        self._by_account.setdefault(account, []).append(subscription)
        return number

    def unsubscribe(self, connection: Connection, subscription_id: int | None) -> tuple[Subscription, ...]:
        """Stop one subscription of a connection, or all of them, and give those that ended.

        Raises:
            VenueError: -2036 when there is none to stop.
        """
        current = self._by_connection.get(connection, {})
        ended = tuple(current.values()) if subscription_id is None else tuple(filter(None, (current.get(subscription_id),)))
        if not ended:
            raise VenueError(SUBSCRIPTION_INACTIVE, "User Data Stream subscription not active.")
        self._end(ended)
        return ended

    def log_out(self, connection: Connection) -> tuple[Subscription, ...]:
        """Stop what a connection's own login opened, and give what ended."""
        ended = tuple(each for each in self._by_connection.get(connection, {}).values() if each.by_session)
        self._end(ended)
        return ended

    def forget(self, connection: Connection) -> None:
        """Drop all subscriptions of a connection that is gone."""
        self._end(tuple(self._by_connection.pop(connection, {}).values()))
        self._next_ids.pop(connection, None)

    def subscriptions(self, connection: Connection) -> tuple[int, ...]:
        """Give the ids of a connection's subscriptions."""
        return tuple(self._by_connection.get(connection, ()))

    def terminate(self, ended: Iterable[Subscription], now: int) -> None:
        """Tell that subscriptions ended."""
        for each in ended:
            event = {"e": "eventStreamTerminated", "E": now // _unit(each)}
            each.connection.publish(encode({"subscriptionId": each.subscription_id, "event": event}))

    def publish(self, events: Iterable[Event]) -> None:
        """Tell what happened to the accounts' listeners, in order, save what a fault loses, repeats or holds back."""
        for event in events:
            if not isinstance(event, UserEvent):
                continue
            listeners = self._by_account.get(event.account)
            if listeners:
                self._tell(listeners, event)

    def _tell(self, listeners: list[Subscription], event: UserEvent) -> None:
        fault = self._faults.befalling_event(_seen(event))
        if isinstance(fault, LoseEvent):
            return
        told = [event] * (fault.times if isinstance(fault, RepeatEvent) else 1)
        if isinstance(fault, HoldEvent):
            self._held.setdefault(event.account, []).append(event)
            return
        for each in (*told, *self._held.pop(event.account, ())):
            for subscription in listeners:
                document = {"subscriptionId": subscription.subscription_id, "event": event_payload(each, _unit(subscription))}
                subscription.connection.publish(encode(document))

    def _end(self, ended: Iterable[Subscription]) -> None:
        for each in ended:
            self._by_account[each.account].remove(each)
            if (current := self._by_connection.get(each.connection)) is not None:
                current.pop(each.subscription_id, None)


def event_payload(event: UserEvent, unit: int) -> dict[str, Any]:
    """Word one event; `unit` is what microseconds are divided by."""
    if isinstance(event, OrderEvent):
        return execution_report(event, unit)
    if isinstance(event, AccountEvent):
        return {
            "e": "outboundAccountPosition",
            "E": event.time // unit,
            "u": event.time // unit,
            "B": [{"a": each.asset, "f": fixed8_text(each.free), "l": fixed8_text(each.locked)} for each in event.balances],
        }
    return {"e": "balanceUpdate", "E": event.time // unit, "a": event.asset, "d": fixed8_text(event.delta), "T": event.time // unit}


def execution_report(event: OrderEvent, unit: int) -> dict[str, Any]:
    """Word what happened to an order."""
    order, execution, prevented = event.order, event.execution, event.prevented
    report: dict[str, Any] = {
        "e": "executionReport",
        "E": event.time // unit,
        "s": order.symbol,
        "c": event.client_order_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": fixed8_text(order.quantity),
        "p": fixed8_text(order.price),
        "P": fixed8_text(order.stop_price),
        "F": "0.00000000",
        "g": order.order_list_id,
        "C": event.original_client_order_id,
        "x": event.execution_type,
        "X": order.status,
        "r": event.reject_reason,
        "i": order.order_id,
        "l": fixed8_text(execution.quantity if execution else 0),
        "z": fixed8_text(order.executed),
        "L": fixed8_text(execution.price if execution else 0),
        "n": fixed8_text(execution.commission) if execution else "0",
        "N": execution.commission_asset if execution else None,
        "T": event.time // unit,
        "t": execution.trade_id if execution else -1,
    }
    if prevented is not None:
        report["v"] = prevented.prevented_match_id
    report |= {
        "I": event.execution_id,
        "w": order.is_working and order.status in OPEN_STATUSES,
        "m": execution.is_maker if execution else False,
        # Ignored, says the documentation; the venue has it true on every trade.
        "M": execution is not None,
        "O": order.time // unit,
        "Z": fixed8_text(order.cumulative_quote),
        "Y": fixed8_text(execution.quote_quantity if execution else 0),
        "Q": fixed8_text(order.quote_quantity),
    }
    if order.working_time >= 0:
        report["W"] = order.working_time // unit
    report["V"] = order.stp_mode
    if order.strategy_id is not None:
        report["j"] = order.strategy_id
    if order.strategy_type is not None:
        report["J"] = order.strategy_type
    if prevented is not None:
        is_taker = prevented.taker_order_id == order.order_id
        lost = prevented.taker_prevented_quantity if is_taker else prevented.maker_prevented_quantity
        report |= {
            "A": fixed8_text(order.prevented),
            "B": fixed8_text(lost),
            "u": prevented.trade_group_id,
            "U": prevented.maker_order_id if is_taker else prevented.taker_order_id,
        }
        if event.execution_type is ExecutionType.TRADE_PREVENTION:
            report |= {
                "Cs": prevented.symbol,
                "pl": fixed8_text(lost),
                "pL": fixed8_text(prevented.price),
                "pY": fixed8_text(quote_amount(prevented.price, lost)),
            }
    if event.expiry_reason is not None:
        report["eR"] = event.expiry_reason
    return report


def _seen(event: UserEvent) -> EventSeen:
    if isinstance(event, OrderEvent):
        order = event.order
        return EventSeen("executionReport", event.account, event.execution_type, order.symbol, order.client_order_id)
    return EventSeen("outboundAccountPosition" if isinstance(event, AccountEvent) else "balanceUpdate", event.account)


def _unit(subscription: Subscription) -> int:
    return 1 if subscription.connection.microseconds else MILLISECOND
