"""Deciding: from a strategy's wishes to decisions, and from a standing target to the one intent that goes toward it."""

from live.core import inputs, records
from live.core.decimals import LARGEST_INTEGER
from live.core.engine.requesting import Requesting
from live.core.engine.sending import Sending
from live.core.engine.valuation import equity
from live.core.engine.workspace import Workspace
from live.core.entities import Order, Target
from live.core.errors import StrategyError
from live.core.inputs import Deployment
from live.core.instruments import Instrument
from live.core.orders import OrderState
from live.core.portfolio import LONGEST_RETRY_WAIT, Wish, is_exit, limit_price_units, on_lot, plan, target_units
from live.core.risk.candidate import largest_exit
from live.core.risk.codes import DenialCode
from live.core.runner import StrategyRunner

_FILLED = OrderState.FILLED  # a module's own name costs a fifth of an attribute of an enumeration
_SMALLEST_INTEGER = -LARGEST_INTEGER

LONGEST_CONVERSATION = 10_000
"""Updates about orders that one event may lead to: a strategy that answers each with another order would never end."""


class Deciding:
    """Record what strategies want, and pursue it.

    Attributes:
        retries: exits to try again, by strategy and instrument: the wait in bars, and how many of them are left.
    """

    __slots__ = ("_refused", "_requesting", "_sending", "_work", "retries")

    def __init__(self, work: Workspace, sending: Sending, requesting: Requesting) -> None:
        self._work = work
        self._sending = sending
        self._requesting = requesting
        self._refused: dict[tuple[str, str], tuple[str, str, DenialCode]] = {}
        self.retries: dict[tuple[str, str], tuple[int, int]] = {}

    def begin_session(self) -> None:
        """Take up the exits that an earlier session left, in an order that does not depend on how its state was restored."""
        self._requesting.begin_session()
        for strategy_id, instrument_id in sorted(self._work.state.targets):
            self._schedule_retry(strategy_id, instrument_id)

    def begin_lease(self, strategy_id: str) -> None:
        """Let a newly armed strategy say again what it wants, and try its exits at the next bar."""
        runner = self._work.runners[strategy_id]
        runner.context.forget()
        for key in sorted(key for key in self._work.state.targets if key[0] == strategy_id):
            self.retries.pop(key, None)
            self._schedule_retry(*key)

    def decide(self, runner: StrategyRunner) -> None:
        """Turn what a strategy asked for on the current event into decisions, and pursue each."""
        deployment = runner.deployment
        wishes = tuple(runner.wishes)
        runner.wishes.clear()
        for wish in wishes:
            if type(wish) is not Wish:
                self._requesting.request(deployment, wish)
                continue
            key = (deployment.strategy_id, wish.instrument_id)
            refusal = self._record_decision(key, deployment, wish)
            if refusal is not None:
                runner.context.forget_one(wish.instrument_id)
                self._refuse(key, wish, refusal)
            elif self._refused:
                self._refused.pop(key, None)

    def tell_updates(self) -> None:
        """Tell strategies what became of the orders they asked for, and follow what they ask for then.

        Raises:
            StrategyError: a strategy failed, or never stops asking.
        """
        work = self._work
        for _ in range(LONGEST_CONVERSATION):
            if not work.updates:
                return
            order = work.updates.pop(next(iter(work.updates)))
            runner = work.runners.get(order.strategy_id)
            if runner is not None:
                runner.on_order(order)
                if runner.wishes:
                    self.decide(runner)
        raise StrategyError(
            f"a strategy asked for more than {LONGEST_CONVERSATION} orders on one event, each in answer to the one before: "
            "let it wait for the next event"
        )

    def close_out(self, event: inputs.CloseOutRequested) -> None:
        """Cancel what a strategy has working, and pursue a position of nothing in every instrument it holds."""
        work, state = self._work, self._work.state
        state.apply_input(event)
        strategy_id = event.strategy_id
        deployment = state.deployments.get(strategy_id)
        if deployment is None:
            work.alarm("COMMAND_COVERS_NOTHING", "", f"{strategy_id!r} cannot be closed out: it is not deployed")
            return
        self._requesting.cancel_all(strategy_id, f"close out: {event.reason}")
        for instrument_id in deployment.instrument_ids:
            key = (strategy_id, instrument_id)
            if state.ledger.quantity(deployment.account_id, *key) or key in state.targets:
                wish = Wish(instrument_id, 0, None, None, f"close out: {event.reason}")
                work.runners[strategy_id].context.forget_one(instrument_id)
                standing = state.targets.get(key)
                if standing is not None and standing.tried and standing.requested == wish.requested():
                    self.pursue(*key)  # asked for again: what stood in the way of the exit may be gone
                else:
                    self._record_decision(key, deployment, wish)

    def pursue(self, strategy_id: str, instrument_id: str) -> None:
        """Take the next step toward a strategy's standing target."""
        work, key = self._work, (strategy_id, instrument_id)
        target, runner = work.state.targets.get(key), work.runners.get(strategy_id)
        if target is not None and runner is not None:
            deployment = runner.deployment
            self._pursue(key, deployment, target, work.state.ledger.quantity(deployment.account_id, strategy_id, instrument_id))

    def _pursue(self, key: tuple[str, str], deployment: Deployment, target: Target, held: int) -> None:
        """Take the next step toward a target from the position that is held."""
        work = self._work
        state = work.state
        orders: list[Order] = []
        if state.live_orders and (alive := state.live_by_strategy.get(key)):
            orders = [order for order in alive.values() if order.decision_id]
        if held == target.units and not orders:
            if self.retries:
                self.retries.pop(key, None)
            return
        strategy_id, instrument_id = key
        instrument = state.instruments[instrument_id]
        exits = held != 0 and is_exit(target.units, held)
        largest = 0
        if exits:
            lease, price = state.leases.get(strategy_id), work.markets[instrument_id].last_price
            largest = largest_exit(target, deployment.limits, lease, instrument, price, buying=held < 0)
        step = plan(target, held, orders, instrument.lot_size, largest)
        if step.quantity:
            assert step.side is not None, "a plan with a quantity has a side"
            sent = self._sending.send(
                deployment,
                instrument_id,
                step.side,
                step.quantity,
                step.order_type,
                step.time_in_force,
                step.limit_price,
                target.decision_id,
            )
            if not sent:
                self._schedule_retry(strategy_id, instrument_id)
            return
        for order in step.cancels:
            work.request_cancel(order, "the target changed")
        if self.retries and not orders and not exits:
            self.retries.pop(key, None)

    def pursue_past(self, order: Order) -> None:
        """Take the next step toward the standing target, unless an order was sent for that very decision."""
        decision_id = order.decision_id
        if not decision_id:
            self._requesting.cancel_again(order)
            return
        state = self._work.state
        if decision_id == state.decision_sequence:  # nobody has decided anything since
            return
        target = state.targets.get((order.strategy_id, order.instrument_id))
        if target is not None and target.decision_id != decision_id:
            self.pursue(order.strategy_id, order.instrument_id)

    def after_end(self, order: Order) -> None:
        """Once an order ended, go on toward the target; an exit that came to nothing is tried again later."""
        if not order.decision_id:
            self._requesting.after_end(order)
            return
        strategy_id, instrument_id = key = (order.strategy_id, order.instrument_id)
        work = self._work
        state, runner = work.state, work.runners.get(strategy_id)
        target = state.targets.get(key)
        if target is None or runner is None:
            return
        if order.state is _FILLED or not target.tried:
            deployment = runner.deployment
            position = state.ledger.positions.get((deployment.account_id, strategy_id, instrument_id))
            held = position.quantity if position is not None else 0
            if held != target.units or state.live_orders:
                self._pursue(key, deployment, target, held)
            elif self.retries:  # it is reached, as after most fills
                self.retries.pop(key, None)
        else:
            self._schedule_retry(strategy_id, instrument_id)

    def count_bar(self, instrument_id: str) -> list[tuple[str, str]]:
        """Count a bar of an instrument toward the waits of its exits; returns the exits whose wait is over."""
        over: list[tuple[str, str]] = []
        for key in [key for key in self.retries if key[1] == instrument_id]:
            wait, bars_left = self.retries[key]
            self.retries[key] = (wait, bars_left - 1)
            if bars_left <= 1:
                over.append(key)
        return over

    def retry_exits(self, keys: list[tuple[str, str]]) -> None:
        """Try exits whose wait was over before the strategies spoke, unless these have decided something else since."""
        for key in keys:
            retry = self.retries.get(key)
            if retry is not None and retry[1] <= 0:
                self.retries[key] = (retry[0], retry[0])
                self.pursue(*key)

    def _record_decision(self, key: tuple[str, str], deployment: Deployment, wish: Wish) -> DenialCode | None:
        """Record a wish as a decision and pursue it, unless it is the standing one; returns why it cannot be followed."""
        work = self._work
        state = work.state
        strategy_id, instrument_id = key
        instrument, price = state.instruments[instrument_id], work.markets[instrument_id].last_price
        standing = state.targets.get(key)
        position = state.ledger.positions.get((deployment.account_id, strategy_id, instrument_id))
        held = position.quantity if position is not None else 0
        units, limit_price = wish.units, None
        if units is None or wish.fraction is not None or wish.limit_price is not None:
            sized = self._size(deployment, wish, instrument, price, held)
            if isinstance(sized, DenialCode):
                return sized
            units, limit_price = sized
        elif units > LARGEST_INTEGER or units < _SMALLEST_INTEGER:
            return DenialCode.TARGET_OUT_OF_RANGE
        elif units % instrument.lot_size:
            units = on_lot(units, instrument.lot_size)
        said = wish.requested()
        if standing is not None and standing.requested == said and standing.limit_price == limit_price:
            was_served = standing.tried or standing.units == held
            if was_served:
                return None
        decision_id = state.decision_sequence + 1
        decision = records.DecisionRecorded(
            work.now, decision_id, strategy_id, instrument_id, units, said, limit_price, price or 0, wish.reason
        )
        target = state.apply_decision(decision)
        work.records.append(decision)
        if self.retries:
            self.retries.pop(key, None)
        self._pursue(key, deployment, target, held)
        return None

    def _size(
        self, deployment: Deployment, wish: Wish, instrument: Instrument, price: int | None, held: int
    ) -> tuple[int, int | None] | DenialCode:
        """Turn a wish that is more than a number of units into a target and a limit price, or say why it cannot be followed."""
        if not wish.is_finite:
            return DenialCode.TARGET_NOT_A_NUMBER
        if not wish.in_range(instrument):
            return DenialCode.TARGET_OUT_OF_RANGE
        worth: int | None = 0
        if wish.fraction:  # an exit to nothing and a wish in units depend on neither price nor equity
            worth = equity(self._work.state, self._work.markets, deployment.account_id, instrument.quote)
            if worth is None or price is None:
                return DenialCode.PRICE_REFERENCE_MISSING
        units = target_units(wish, worth, price or 0, instrument, deployment.sizing_fee_ppm)
        if units > LARGEST_INTEGER or units < _SMALLEST_INTEGER:
            return DenialCode.TARGET_OUT_OF_RANGE
        return units, limit_price_units(wish, buying=units > held, instrument=instrument)

    def _refuse(self, key: tuple[str, str], wish: Wish, code: DenialCode) -> None:
        """Say once that a wish cannot be followed, and again only when it or the reason changed; the standing target stays."""
        said = (wish.requested(), repr(wish.limit_price), code)
        if self._refused.get(key) != said:
            self._refused[key] = said
            detail = f"{key[0]} wanted {wish.requested()} of {key[1]} at limit {wish.limit_price!r}: {wish.reason}"
            self._work.emit(records.OrderDenied(self._work.now, "", code, detail, key[0]))

    def _schedule_retry(self, strategy_id: str, instrument_id: str) -> None:
        """Try an exit again after 1, 2, 4, … bars when its order came to nothing; an entry waits for the next decision."""
        key, work = (strategy_id, instrument_id), self._work
        target, runner = work.state.targets.get(key), work.runners.get(strategy_id)
        if target is None or runner is None:
            return
        held = work.state.ledger.quantity(runner.deployment.account_id, strategy_id, instrument_id)
        if not is_exit(target.units, held):
            self.retries.pop(key, None)
            return
        wait = min(self.retries[key][0] * 2, LONGEST_RETRY_WAIT) if key in self.retries else 1
        self.retries[key] = (wait, wait)
