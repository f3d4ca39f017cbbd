"""Capabilities: what a venue can do with orders, so that what it cannot is denied before it leaves."""

import msgspec

from live.core.vocabulary import OrderType, TimeInForce


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """Say what a venue offers.

    Attributes:
        order_types: kinds of orders it takes.
        times_in_force: how long an order may rest.
        combinations: the times in force that each kind of order may name.
        native_replace: one request cancels an order and places another.
        cancel_all: one request takes every order of an instrument off the book.
        query_by_client_id: an order is found by the id that we gave it.
        signed_expiry: a request says until when it may be accepted; without that no order is ever proven absent.
        trade_history_by_id: executions are listed from a trade id on, so that none can be missed.
        order_stream: the venue says what happens to orders without being asked.
        client_id_length: most characters that an order's id may have.
    """

    order_types: frozenset[OrderType]
    times_in_force: frozenset[TimeInForce]
    combinations: frozenset[tuple[OrderType, TimeInForce]]
    native_replace: bool
    cancel_all: bool
    query_by_client_id: bool
    signed_expiry: bool
    trade_history_by_id: bool
    order_stream: bool
    client_id_length: int

    def refusal(self, order_type: OrderType, time_in_force: TimeInForce, order_id: str) -> str | None:
        """Say why an order of this form cannot be written in the venue's language, None when it can."""
        if (order_type, time_in_force) not in self.combinations:
            return f"the venue has no {order_type} order with {time_in_force}"
        if len(order_id) > self.client_id_length:
            return f"the venue takes ids of at most {self.client_id_length} characters, received {order_id!r}"
        return None
