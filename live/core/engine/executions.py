"""Executions: book every fill once, whatever state its order is in, and stop what a wrong fill shows to be wrong."""

from live.core import inputs, records
from live.core.decimals import LARGEST_INTEGER
from live.core.engine.authority import Authority
from live.core.engine.deciding import Deciding
from live.core.engine.reports import Reports
from live.core.engine.watch import Watch
from live.core.engine.workspace import Workspace
from live.core.orders import TERMINAL, OrderEvent, OrderState
from live.core.state import Order, fill_key
from live.core.vocabulary import Scope


class Executions:
    """Turn the venue's executions into fills and positions."""

    __slots__ = ("_authority", "_deciding", "_reports", "_watch", "_work")

    def __init__(self, work: Workspace, authority: Authority, deciding: Deciding, watch: Watch, reports: Reports) -> None:
        self._work = work
        self._authority = authority
        self._deciding = deciding
        self._watch = watch
        self._reports = reports

    def on_execution(self, report: inputs.ExecutionReported) -> None:
        """Book an execution, unless it is known, malformed, or of an order that was never sent.

        Raises:
            StrategyError: its strategy failed on it.
        """
        work = self._work
        order = self._reports.order_of(report, exists=True)
        if order is None or order.state is OrderState.DENIED:
            self._refuse_stranger(order, report)
            return
        if fill_key(order.account_id, order.instrument_id, report.trade_id, report.venue_order_id) in work.state.fill_keys:
            return
        if not self._is_well_formed(order, report):
            work.alarm("MALFORMED_FILL", order.order_id, f"trade {report.trade_id}: {report.quantity} at {report.price}, fee {report.fee}")
            self._authority.kill(Scope.ACCOUNT, order.account_id, f"a malformed fill of {order.order_id}")
            return
        accepted = order.state in (OrderState.SUBMITTING, OrderState.SUBMIT_UNKNOWN)
        if accepted:
            work.transition(order, OrderEvent.ACCEPT)
        late = order.state in TERMINAL
        self._reports.check_venue_order(order, report.venue_order_id)
        fill = self._book(order, report, late=late)
        if late or order.filled_quantity > order.quantity:
            self._stop_after(order, report, "LATE_FILL" if late else "OVERFILL")
        if not late:
            self._reports.conclude(order)
        self._tell(fill)
        if order.state in TERMINAL:
            self._deciding.after_end(order)
        elif accepted:
            self._watch.rest(order)

    def _tell(self, fill: records.FillRecorded) -> None:
        """Hand a fill to its strategy and follow what it decides."""
        runner = self._work.runners.get(fill.strategy_id)
        if runner is not None:
            runner.on_fill(fill)
            if runner.wishes:
                self._deciding.decide(runner)

    def _refuse_stranger(self, order: Order | None, report: inputs.ExecutionReported) -> None:
        """Stop the account of an order that we denied, or every account when the order is nobody's."""
        said = f"trade {report.trade_id} fills an order that was never sent"
        self._work.alarm("UNEXPECTED_FILL", report.order_id, said)
        if order is None:
            self._authority.kill(Scope.GLOBAL, "", f"{said}: {report.order_id}")
        else:
            self._authority.kill(Scope.ACCOUNT, order.account_id, f"{said}: {report.order_id}")

    def _stop_after(self, order: Order, report: inputs.ExecutionReported, code: str) -> None:
        """Stop a strategy whose order filled when or as much as it should not, and cancel what may be left of it."""
        filled = f"filled {order.filled_quantity} of {order.quantity}"
        self._work.alarm(code, order.order_id, f"trade {report.trade_id} of {report.quantity} in state {order.state}, {filled}")
        self._authority.kill(Scope.STRATEGY, order.strategy_id, f"{code} of {order.order_id}")
        if order.state in TERMINAL and order.remaining:
            self._work.send_cancel(order)
            self._work.query(order)

    def _is_well_formed(self, order: Order, report: inputs.ExecutionReported) -> bool:
        instrument = self._work.state.instruments[order.instrument_id]
        return (
            report.price > 0
            and report.quantity > 0
            and instrument.notional(report.price, report.quantity) <= LARGEST_INTEGER
            and instrument.base_amount(report.quantity) <= LARGEST_INTEGER
            and abs(report.fee) <= LARGEST_INTEGER
        )

    def _book(self, order: Order, report: inputs.ExecutionReported, *, late: bool) -> records.FillRecorded:
        work = self._work
        fill = records.FillRecorded(
            work.now,
            order.order_id,
            order.strategy_id,
            order.account_id,
            order.instrument_id,
            report.venue_order_id,
            report.trade_id,
            order.side,
            report.price,
            report.quantity,
            report.fee,
            report.fee_asset,
            report.liquidity,
            report.ts_event,
            late,
        )
        work.emit(fill)
        held = work.state.ledger.positions[order.account_id, order.strategy_id, order.instrument_id]
        changed = records.PositionChanged(
            work.now,
            order.strategy_id,
            order.account_id,
            order.instrument_id,
            held.quantity,
            held.cost,
            held.realised,
            held.fees,
            held.cash,
        )
        work.emit(changed)
        return fill
