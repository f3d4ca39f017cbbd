"""Deciding: from a strategy's wishes to decisions, and from a standing target to the one intent that goes toward it."""

from live.core import records
from live.core.decimals import LARGEST_INTEGER
from live.core.effects import SubmitOrder
from live.core.engine.valuation import equity, profit
from live.core.engine.workspace import Workspace
from live.core.orders import OrderEvent, OrderState
from live.core.portfolio import LONGEST_RETRY_WAIT, Plan, Wish, is_exit, limit_price_units, plan, target_units
from live.core.risk.candidate import Candidate, largest_exit
from live.core.risk.checks import first_denial
from live.core.risk.codes import DenialCode
from live.core.runner import StrategyRunner
from live.core.state import Order, Target

DAY = 86_400 * 1_000_000_000
MAXIMUM_ORDERS_PER_SESSION = 36**8 - 1
"""Client ids are `IL`, an 8-character nonce and at most 8 base-36 digits: 18 characters, never reused."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Deciding:
    """Record what strategies want, and pursue it.

    Attributes:
        retries: exits to try again, by strategy and instrument: the wait in bars, and how many of them are left.
    """

    __slots__ = ("_refused", "_work", "retries")

    def __init__(self, work: Workspace) -> None:
        self._work = work
        self._refused: dict[tuple[str, str], tuple[str, str, DenialCode]] = {}
        self.retries: dict[tuple[str, str], tuple[int, int]] = {}

    def begin_session(self) -> None:
        """Take up the exits that an earlier session left, in an order that does not depend on how its state was restored."""
        for strategy_id, instrument_id in sorted(self._work.state.targets):
            self._schedule_retry(strategy_id, instrument_id)

    def begin_lease(self, strategy_id: str) -> None:
        """Let a newly armed strategy say again what it wants, and try its exits at the next bar."""
        runner = self._work.runners[strategy_id]
        runner.forget()
        for key in sorted(key for key in self._work.state.targets if key[0] == strategy_id):
            self.retries.pop(key, None)
            self._schedule_retry(*key)

    def decide(self, runner: StrategyRunner) -> None:
        """Turn what a strategy asked for on the current event into decisions, and pursue each."""
        deployment = runner.deployment
        for wish in runner.wishes:
            key = (deployment.strategy_id, wish.instrument_id)
            refusal = self._record_decision(key, deployment.account_id, wish)
            if refusal is not None:
                runner.forget_one(wish.instrument_id)
            self._refuse(key, wish, refusal)
        runner.wishes.clear()

    def pursue(self, strategy_id: str, instrument_id: str) -> None:
        """Take the next step toward a strategy's standing target."""
        work, key = self._work, (strategy_id, instrument_id)
        state = work.state
        target = state.targets.get(key)
        if target is None or strategy_id not in work.runners:
            return
        deployment = state.deployments[strategy_id]
        held = state.ledger.quantity(deployment.account_id, strategy_id, instrument_id)
        orders = state.live_orders_of(strategy_id, instrument_id)
        if held == target.units and not orders:
            self.retries.pop(key, None)
            return
        instrument = state.instruments[instrument_id]
        exits = is_exit(target.units, held)
        largest = 0
        if exits:
            lease, price = state.leases.get(strategy_id), work.markets[instrument_id].last_price
            largest = largest_exit(target, deployment.limits, lease, instrument, price)
        step = plan(target, held, orders, instrument.lot_size, largest)
        for order in step.cancels:
            work.request_cancel(order, "the target changed")
        if step.quantity:
            self._send_intent(strategy_id, instrument_id, target, step)
        elif not orders and not exits:
            self.retries.pop(key, None)

    def pursue_past(self, order: Order) -> None:
        """Take the next step toward the standing target, unless an order was sent for that very decision."""
        target = self._work.state.targets.get((order.strategy_id, order.instrument_id))
        if target is not None and target.decision_id != order.decision_id:
            self.pursue(order.strategy_id, order.instrument_id)

    def after_end(self, order: Order) -> None:
        """Once an order ended, go on toward the target; an exit that came to nothing is tried again later."""
        key = (order.strategy_id, order.instrument_id)
        target = self._work.state.targets.get(key)
        if target is None:
            return
        if order.state is OrderState.FILLED or not target.tried:
            self.pursue(*key)
        else:
            self._schedule_retry(*key)

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

    def _record_decision(self, key: tuple[str, str], account_id: str, wish: Wish) -> DenialCode | None:
        """Record a wish as a decision and pursue it, unless it is the standing one; returns why it cannot be followed."""
        work = self._work
        state = work.state
        strategy_id, instrument_id = key
        instrument, price = state.instruments[instrument_id], work.markets[instrument_id].last_price
        standing = state.targets.get(key)
        held = state.ledger.quantity(account_id, strategy_id, instrument_id)
        if not wish.is_finite:
            return DenialCode.TARGET_NOT_A_NUMBER
        if not wish.in_range(instrument):
            return DenialCode.TARGET_OUT_OF_RANGE
        worth = equity(state, work.markets, account_id, instrument.quote) if wish.needs_equity else 0
        if worth is None or (wish.needs_equity and price is None):
            return DenialCode.PRICE_REFERENCE_MISSING
        units = target_units(wish, worth, price or 0, instrument)
        if abs(units) > LARGEST_INTEGER:
            return DenialCode.TARGET_OUT_OF_RANGE
        limit_price = limit_price_units(wish, buying=units > held, instrument=instrument)
        said = wish.requested
        if standing is not None and standing.requested == said and standing.limit_price == limit_price:
            was_served = standing.tried or standing.units == held
            if was_served:
                return None
        decision_id = state.decision_sequence + 1
        decision = records.DecisionRecorded(
            work.now, decision_id, strategy_id, instrument_id, units, said, limit_price, price or 0, wish.reason
        )
        work.emit(decision)
        self.retries.pop(key, None)
        self.pursue(strategy_id, instrument_id)
        return None

    def _refuse(self, key: tuple[str, str], wish: Wish, code: DenialCode | None) -> None:
        """Say once that a wish cannot be followed, and again only when it or the reason changed; the standing target stays."""
        if code is None:
            self._refused.pop(key, None)
            return
        said = (wish.requested, repr(wish.limit_price), code)
        if self._refused.get(key) != said:
            self._refused[key] = said
            detail = f"{key[0]} wanted {wish.requested} of {key[1]} at limit {wish.limit_price!r}: {wish.reason}"
            self._work.emit(records.OrderDenied(self._work.now, "", code, detail))

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

    def _send_intent(self, strategy_id: str, instrument_id: str, target: Target, step: Plan) -> None:
        work = self._work
        state, now = work.state, work.now
        assert step.side is not None, "a plan with a quantity has a side"
        deployment = state.deployments[strategy_id]
        market = work.markets[instrument_id]
        intent_id = state.intent_sequence + 1
        intent = records.IntentRecorded(
            now,
            self._next_order_id(),
            intent_id,
            target.decision_id,
            strategy_id,
            deployment.account_id,
            instrument_id,
            step.side,
            step.order_type,
            step.time_in_force,
            step.quantity,
            step.limit_price,
            market.last_price or 0,
            (records.Allocation(strategy_id, intent_id, step.quantity),),
        )
        work.emit(intent)
        denial = first_denial(
            Candidate(
                intent,
                state=state,
                limits=deployment.limits,
                instrument=state.instruments.get(instrument_id),
                markets=work.markets,
                profit_today=self._profit_today(strategy_id),
                now=now,
            )
        )
        if denial is not None:
            work.emit(records.OrderDenied(now, intent.order_id, denial.code, denial.detail))
            self._schedule_retry(strategy_id, instrument_id)
            return
        order = state.orders[intent.order_id]
        work.transition(order, OrderEvent.APPROVE)
        work.transition(order, OrderEvent.SUBMIT)
        work.effects.append(
            SubmitOrder(
                intent.order_id,
                strategy_id,
                deployment.account_id,
                instrument_id,
                step.side,
                step.order_type,
                step.time_in_force,
                step.quantity,
                step.limit_price,
            )
        )

    def _profit_today(self, strategy_id: str) -> int | None:
        work = self._work
        made, opened = profit(work.state, work.markets, strategy_id), work.state.day_profits.get(strategy_id)
        if made is None or opened is None or opened[0] != work.now // DAY:
            return None
        return made - opened[1]

    def _next_order_id(self) -> str:
        number = self._work.state.order_sequence + 1
        assert number <= MAXIMUM_ORDERS_PER_SESSION, "a session cannot have that many orders"
        digits = ""
        while number:
            number, digit = divmod(number, 36)
            digits = _DIGITS[digit] + digits
        return f"IL{self._work.state.nonce}{digits}"
