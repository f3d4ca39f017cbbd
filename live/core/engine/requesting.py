"""Requesting: the orders a strategy asks for by itself: sent, canceled, replaced; and its timers.

A replacement is a cancel and a new order, sent only once the old one has ended by evidence, for what is then left of the
quantity. What waits for the end of an order is not part of the state: a restart begins disarmed and cancels every order.
"""

from typing import NamedTuple

from live.core import records
from live.core.effects import CancelTimer, SetTimer
from live.core.engine.sending import Sending
from live.core.engine.workspace import Workspace
from live.core.entities import Order
from live.core.inputs import Deployment
from live.core.orders import OrderState
from live.core.requests import CancelRequest, OrderRequest, ReplaceRequest, Request, TimerRequest
from live.core.risk.checks import first_cancel_denial
from live.core.risk.codes import DenialCode

_OPEN, _FILLED = OrderState.OPEN, OrderState.FILLED  # a module's own name costs a fifth of an attribute of an enumeration


class Ending(NamedTuple):
    """Say why an order is canceled, and what is to take its place; `replacement` None means nothing."""

    reason: str
    replacement: ReplaceRequest | None


class Requesting:
    """Carry out what strategies ask for besides targets."""

    __slots__ = ("_endings", "_sending", "_work")

    def __init__(self, work: Workspace, sending: Sending) -> None:
        self._work = work
        self._sending = sending
        self._endings: dict[str, Ending] = {}

    def begin_session(self) -> None:
        """Forget what an earlier session's strategies wanted in place of their orders."""
        self._endings.clear()

    def request(self, deployment: Deployment, request: Request) -> None:
        """Carry out one request of a strategy."""
        if isinstance(request, OrderRequest):
            self._submit(deployment, request)
        elif isinstance(request, TimerRequest):
            self._set_timer(deployment.strategy_id, request)
        else:
            self._end(deployment, request)

    def cancel_all(self, strategy_id: str, reason: str) -> None:
        """Cancel every order a strategy asked for."""
        for order in self._work.state.live_orders_of(strategy_id):
            if not order.decision_id:
                self._endings[order.order_id] = Ending(reason, None)
                self._work.request_cancel(order, reason)

    def after_end(self, order: Order) -> None:
        """Once an order ended without filling, send what is to take its place."""
        ending = self._endings.pop(order.order_id, None)
        deployment = self._work.state.deployments.get(order.strategy_id)
        if ending is None or ending.replacement is None or deployment is None or order.state is _FILLED:
            return
        asked = ending.replacement
        quantity = (order.quantity if asked.quantity is None else asked.quantity) - order.filled_quantity
        if quantity > 0:
            request = OrderRequest(
                order.label,
                order.instrument_id,
                order.side,
                quantity,
                order.order_type,
                order.time_in_force,
                asked.limit_price,
                asked.trigger_price,
                order.expires_at,
                order.reduce_only,
                "",
                order.order_id,
            )
            self._submit(deployment, request, order)

    def cancel_again(self, order: Order) -> None:
        """Cancel an open order again whose cancel came to nothing, when its strategy still wants it gone."""
        ending = self._endings.get(order.order_id)
        if ending is not None:
            self._work.request_cancel(order, ending.reason)

    def _submit(self, deployment: Deployment, request: OrderRequest, replaced: Order | None = None) -> None:
        work = self._work
        instrument = work.state.instruments[request.instrument_id]
        if not request.is_finite:
            self._refuse(deployment.strategy_id, request, DenialCode.TARGET_NOT_A_NUMBER)
            return
        if not request.in_range(instrument):
            self._refuse(deployment.strategy_id, request, DenialCode.TARGET_OUT_OF_RANGE)
            return
        limit_price = None if request.limit_price is None else request.limit_price_units(instrument)
        trigger_price = None if request.trigger_price is None else request.trigger_price_units(instrument)
        if replaced is not None:
            limit_price = replaced.limit_price if limit_price is None else limit_price
            trigger_price = replaced.trigger_price if trigger_price is None else trigger_price
        self._sending.send(
            deployment,
            request.instrument_id,
            request.side,
            request.quantity,
            request.order_type,
            request.time_in_force,
            limit_price,
            0,  # no decision
            trigger_price,
            request.expires_at,
            request.reduce_only,
            request.label,
            request.replaces,
            request.reason,
        )

    def _end(self, deployment: Deployment, request: CancelRequest | ReplaceRequest) -> None:
        order = self._labeled(deployment.strategy_id, request.label)
        if order is None:
            return
        denial = first_cancel_denial(self._work.state, order, self._work.now)
        if denial is not None:
            detail = f"{order.order_id} {request.label}: {denial.detail}"
            self._work.emit(records.OrderDenied(self._work.now, "", denial.code, detail, deployment.strategy_id))
            return
        replacement = request if isinstance(request, ReplaceRequest) else None
        asked = order.order_id in self._endings
        ending = Ending("the strategy canceled it" if replacement is None else "the strategy replaced it", replacement)
        self._endings[order.order_id] = ending
        if not asked or order.state is _OPEN:  # asked for while it was on its way: it is asked for again once it is open
            self._work.request_cancel(order, ending.reason)

    def _labeled(self, strategy_id: str, label: str) -> Order | None:
        for order in self._work.state.live_orders.values():
            if order.label == label and order.strategy_id == strategy_id:
                return order
        return None

    def _set_timer(self, strategy_id: str, request: TimerRequest) -> None:
        effects = self._work.effects
        if request.due is None:
            effects.append(CancelTimer(strategy_id, request.name))
        else:
            effects.append(SetTimer(strategy_id, request.name, request.due))

    def _refuse(self, strategy_id: str, request: OrderRequest, code: DenialCode) -> None:
        detail = (
            f"{strategy_id} asked for {request.side} {request.quantity} of {request.instrument_id} as {request.order_type} at limit "
            f"{request.limit_price!r}, trigger {request.trigger_price!r}: {request.reason}"
        )
        self._work.emit(records.OrderDenied(self._work.now, "", code, detail, strategy_id))
