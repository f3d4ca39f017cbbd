"""Deciding: from market data to decisions, and from a standing target to the one intent that goes toward it."""

from live.core import inputs, records
from live.core.effects import SubmitOrder
from live.core.engine.valuation import equity, profit
from live.core.engine.workspace import Workspace
from live.core.errors import InputError
from live.core.orders import TERMINAL, OrderEvent, OrderState
from live.core.portfolio import LONGEST_RETRY_WAIT, Plan, Wish, is_exit, limit_price_units, plan, target_units
from live.core.risk.candidate import Candidate
from live.core.risk.checks import first_denial
from live.core.risk.codes import DenialCode
from live.core.runner import StrategyRunner
from live.core.state import Order, Target

DAY = 86_400 * 1_000_000_000
MAXIMUM_ORDERS_PER_SESSION = 36**8 - 1
"""Client ids are `IL`, an 8-character nonce and at most 8 base-36 digits: 18 characters, never reused."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Deciding:
    """Run strategies on market data and pursue what they decide."""

    __slots__ = ("_next_day", "_retries", "_subscribers", "_work")

    def __init__(self, work: Workspace) -> None:
        self._work = work
        self._subscribers: dict[str, tuple[StrategyRunner, ...]] = {}
        self._retries: dict[tuple[str, str], tuple[int, int]] = {}
        self._next_day = 0

    def begin_session(self) -> None:
        """Subscribe this session's strategies to their instruments and take up the exits that an earlier session left."""
        work = self._work
        wanted: dict[str, list[StrategyRunner]] = {}
        for runner in work.runners.values():
            for instrument_id in runner.deployment.instrument_ids:
                wanted.setdefault(instrument_id, []).append(runner)
        self._subscribers = {instrument_id: tuple(runners) for instrument_id, runners in wanted.items()}
        for strategy_id, instrument_id in work.state.targets:
            if strategy_id in work.runners:
                self._schedule_retry(strategy_id, instrument_id)

    def on_bar(self, bar: inputs.Bar) -> None:
        """Take in a finished bar: mark the market, open the day, ask the strategies, try failed exits again."""
        work = self._work
        market = work.markets.get(bar.instrument_id)
        if market is None:
            raise InputError(f"market data for {bar.instrument_id} came before its definition: send InstrumentDefined first")
        market.observe(bar)
        if not bar.warm_up and work.now >= self._next_day:
            self._open_day()
        for runner in self._subscribers.get(bar.instrument_id, ()):
            runner.on_bar(bar)
            if runner.wishes:
                self._decide(runner)
        if self._retries and not bar.warm_up:
            self._retry_exits(bar.instrument_id)

    def on_fill(self, fill: records.FillRecorded) -> None:
        """Hand a fill to its strategy and follow what it decides."""
        runner = self._work.runners.get(fill.strategy_id)
        if runner is not None:
            runner.on_fill(fill)
            if runner.wishes:
                self._decide(runner)

    def after_change(self, order: Order) -> None:
        """Once an order ended, go on toward the target; an exit that came to nothing is tried again later."""
        if order.state not in TERMINAL:
            return
        if order.state in (OrderState.CANCELED, OrderState.FILLED):
            self._pursue(order.strategy_id, order.instrument_id)
        else:
            self._schedule_retry(order.strategy_id, order.instrument_id)

    def _open_day(self) -> None:
        work = self._work
        day = work.now // DAY
        missing = False
        for strategy_id in work.runners:
            known = work.state.day_profits.get(strategy_id)
            if known is not None and known[0] == day:
                continue
            made = profit(work.state, work.markets, strategy_id)
            if made is None:
                missing = True
            else:
                work.emit(records.DayOpened(work.now, strategy_id, day, made))
        if not missing:
            self._next_day = (day + 1) * DAY

    def _decide(self, runner: StrategyRunner) -> None:
        wishes = runner.wishes
        while wishes:
            wish = wishes.pop(0)
            strategy_id = runner.deployment.strategy_id
            target = self._record_decision(strategy_id, runner.deployment.account_id, wish)
            if target is not None:
                self._retries.pop((strategy_id, wish.instrument_id), None)
                self._pursue(strategy_id, wish.instrument_id)

    def _record_decision(self, strategy_id: str, account_id: str, wish: Wish) -> Target | None:
        """Record a wish as a decision; returns None when it is the standing one or cannot be followed."""
        work, instrument_id = self._work, wish.instrument_id
        state = work.state
        instrument, price = state.instruments[instrument_id], work.markets[instrument_id].last_price
        standing = state.targets.get((strategy_id, instrument_id))
        held = state.ledger.quantity(strategy_id, instrument_id)
        worth = equity(state, work.markets, account_id, instrument.quote)
        decision_id = state.decision_sequence + 1
        if not wish.is_finite or price is None or worth is None:
            code = DenialCode.PRICE_REFERENCE_MISSING if wish.is_finite else DenialCode.TARGET_NOT_A_NUMBER
            units = held if standing is None else standing.units
            work.emit(
                records.DecisionRecorded(
                    work.now, decision_id, strategy_id, instrument_id, units, wish.requested, None, price or 0, wish.reason
                )
            )
            detail = f"decision {decision_id}: {wish.requested}, limit price {wish.limit_price!r}"
            work.emit(records.OrderDenied(work.now, "", code, detail))
            return None
        units = target_units(wish, worth, price, instrument)
        limit_price = limit_price_units(wish, buying=units > held, instrument=instrument)
        if standing is not None and standing.requested == wish.requested and standing.limit_price == limit_price:
            return None
        work.emit(
            records.DecisionRecorded(
                work.now, decision_id, strategy_id, instrument_id, units, wish.requested, limit_price, price, wish.reason
            )
        )
        return state.targets[strategy_id, instrument_id]

    def _pursue(self, strategy_id: str, instrument_id: str) -> None:
        """Take the next step toward a strategy's standing target."""
        work = self._work
        target = work.state.targets.get((strategy_id, instrument_id))
        if target is None or strategy_id not in work.runners:
            return
        held = work.state.ledger.quantity(strategy_id, instrument_id)
        step = plan(target, held, work.state.live_orders_of(strategy_id, instrument_id))
        for order in step.cancels:
            work.request_cancel(order, "the target changed")
        if step.quantity:
            self._send_intent(strategy_id, instrument_id, target, step)

    def _retry_exits(self, instrument_id: str) -> None:
        for key in [key for key in self._retries if key[1] == instrument_id]:
            wait, bars_left = self._retries[key]
            if bars_left > 1:
                self._retries[key] = (wait, bars_left - 1)
                continue
            self._retries[key] = (wait, wait)
            self._pursue(*key)

    def _schedule_retry(self, strategy_id: str, instrument_id: str) -> None:
        """Try an exit again after 1, 2, 4, … bars when its order came to nothing; an entry waits for the next decision."""
        key = (strategy_id, instrument_id)
        state = self._work.state
        target = state.targets.get(key)
        if target is None or not is_exit(target.units, state.ledger.quantity(strategy_id, instrument_id)):
            self._retries.pop(key, None)
            return
        wait = min(self._retries[key][0] * 2, LONGEST_RETRY_WAIT) if key in self._retries else 1
        self._retries[key] = (wait, wait)

    def _send_intent(self, strategy_id: str, instrument_id: str, target: Target, step: Plan) -> None:
        work = self._work
        state, now = work.state, work.now
        assert step.side is not None, "a plan with a quantity has a side"
        deployment = state.deployments[strategy_id]
        market = work.markets.get(instrument_id)
        intent = records.IntentRecorded(
            now,
            self._next_order_id(),
            state.intent_sequence + 1,
            target.decision_id,
            strategy_id,
            deployment.account_id,
            instrument_id,
            step.side,
            step.order_type,
            step.time_in_force,
            step.quantity,
            step.limit_price,
            0 if market is None or market.last_price is None else market.last_price,
            (records.Allocation(strategy_id, state.intent_sequence + 1, step.quantity),),
        )
        work.emit(intent)
        denial = first_denial(
            Candidate(
                intent,
                state=state,
                limits=deployment.limits,
                instrument=state.instruments.get(instrument_id),
                market=market,
                marks={key: value.last_price for key, value in work.markets.items() if value.last_price is not None},
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
