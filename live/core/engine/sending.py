"""Sending: one order from intent to risk to the effect that leaves."""

from live.core import records
from live.core.effects import SubmitOrder
from live.core.engine.workspace import Workspace
from live.core.engine.worth import Worth
from live.core.inputs import Deployment
from live.core.orders import OrderEvent, OrderState, next_state
from live.core.ports import Router
from live.core.risk.candidate import Candidate
from live.core.risk.checks import first_denial
from live.core.state import EngineState
from live.core.vocabulary import OrderType, Side, TimeInForce

# Every order that passes begins with the same two moves: the table is asked for them once.
_APPROVE, _SUBMIT = OrderEvent.APPROVE, OrderEvent.SUBMIT
_APPROVED = next_state(OrderState.INTENT_RECORDED, _APPROVE)
_SUBMITTING = next_state(_APPROVED, _SUBMIT)

MAXIMUM_ORDERS_PER_SESSION = 36**8 - 1
"""Client ids are `IL`, an 8-character nonce and at most 8 base-36 digits: 18 characters, never reused."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]
"""Two digits at a time take half the divisions."""
_PAIR = 36 * 36


class Sending:
    """Record intents, have them judged, and ask the driver to send what passes."""

    __slots__ = ("_begun", "_begun_at", "_nonce", "_router", "_work", "_worth")

    def __init__(self, work: Workspace, router: Router) -> None:
        self._work = work
        self._worth = Worth(work.state, work.markets)
        self._router = router
        self._begun, self._begun_at = "", -1  # what ids have in common, and the number without its last two digits
        self._nonce: str = work.state.nonce

    def send(  # noqa: PLR0913, PLR0917 - an order has that many parts
        self,
        deployment: Deployment,
        instrument_id: str,
        side: Side,
        quantity: int,
        order_type: OrderType,
        time_in_force: TimeInForce,
        limit_price: int | None,
        decision_id: int = 0,
        trigger_price: int | None = None,
        expires_at: int | None = None,
        reduce_only: bool = False,
        label: str = "",
        replaces: str = "",
        reason: str = "",
    ) -> bool:
        """Record an intent and send it unless a check denies it; tells whether it was sent. Prices in price units."""
        work = self._work
        state, now = work.state, work.now
        strategy_id = deployment.strategy_id
        route = self._router.route(deployment, instrument_id)
        account_id, instrument_id = route.account_id, route.instrument_id
        intent_id = state.intent_sequence + 1
        order_id = self._next_order_id(state)
        intent = records.IntentRecorded(
            now,
            order_id,
            intent_id,
            decision_id,
            strategy_id,
            account_id,
            instrument_id,
            side,
            order_type,
            time_in_force,
            quantity,
            limit_price,
            work.markets[instrument_id].last_price or 0,
            (records.Allocation(strategy_id, intent_id, quantity),),
            trigger_price,
            expires_at,
            reduce_only,
            label,
            replaces,
            reason,
        )
        order, said = state.apply_intent(intent), work.records
        said.append(intent)
        candidate = Candidate(intent, state, work.markets, self._worth, now)
        denial = first_denial(candidate)
        if denial is not None:
            work.emit(records.OrderDenied(now, order_id, denial.code, denial.detail, strategy_id))
            work.note_update(order)
            return False
        said.append(records.OrderTransitioned(now, order_id, _APPROVE, _APPROVED, ""))
        submitting = records.OrderTransitioned(now, order_id, _SUBMIT, _SUBMITTING, "")
        state.give_out(order, submitting, candidate.worst_price)  # it reserves at the price that was judged; a fold finds it anew
        said.append(submitting)
        work.effects.append(
            SubmitOrder(
                order_id,
                strategy_id,
                account_id,
                instrument_id,
                side,
                order_type,
                time_in_force,
                quantity,
                limit_price,
                trigger_price,
                expires_at,
                reduce_only,
            )
        )
        return True

    def _next_order_id(self, state: EngineState) -> str:
        """Name the next order; all but the last two digits stay the same for 1,296 orders, and are kept."""
        number = state.order_sequence + 1
        begun = number // _PAIR
        if begun != self._begun_at or state.nonce != self._nonce:
            assert number <= MAXIMUM_ORDERS_PER_SESSION, "a session cannot have that many orders"
            self._begin_ids(begun, state.nonce)
        last = _PAIRS[number % _PAIR]
        return self._begun + (last if begun else last.lstrip("0"))

    def _begin_ids(self, begun: int, nonce: str) -> None:
        """Write down what ids have in common that go on with the number `begun`, as far as that is one."""
        self._begun_at, self._nonce = begun, nonce
        digits = ""
        while begun:
            digits = _PAIRS[begun % _PAIR] + digits
            begun //= _PAIR
        self._begun = f"IL{nonce}{digits.lstrip('0')}"
