"""Executions: book every fill once, whatever state its order is in, and stop what a wrong fill shows to be wrong."""

from live.core import inputs, records
from live.core.decimals import LARGEST_INTEGER
from live.core.engine.accounts import Accounts, position_changed
from live.core.engine.authority import Authority
from live.core.engine.conditions import Conditions
from live.core.engine.deciding import Deciding
from live.core.engine.performance import Performance
from live.core.engine.reports import Reports
from live.core.engine.watch import Watch
from live.core.engine.workspace import Workspace
from live.core.entities import Order
from live.core.instruments import Instrument
from live.core.orders import NOT_ACCEPTED, TERMINAL, OrderEvent, OrderState
from live.core.state import fill_key
from live.core.vocabulary import AccountType, InstrumentKind, Scope, Side

# A module's own name costs a fifth of an attribute of an enumeration, and these are read with every fill.
_DENIED, _ACCEPT, _COMPLETE = OrderState.DENIED, OrderEvent.ACCEPT, OrderEvent.COMPLETE
_SELL, _SPOT = Side.SELL, InstrumentKind.SPOT


class Executions:
    """Turn the venue's executions into fills and positions."""

    __slots__ = ("_accounts", "_authority", "_conditions", "_deciding", "_performance", "_reports", "_watch", "_work")

    def __init__(
        self,
        work: Workspace,
        authority: Authority,
        deciding: Deciding,
        watch: Watch,
        reports: Reports,
        accounts: Accounts,
        performance: Performance,
        conditions: Conditions,
    ) -> None:
        self._work = work
        self._authority = authority
        self._deciding = deciding
        self._watch = watch
        self._reports = reports
        self._accounts = accounts
        self._performance = performance
        self._conditions = conditions

    def on_execution(self, report: inputs.ExecutionReported) -> None:
        """Book an execution, unless it is known, malformed, or of an order that was never sent.

        Raises:
            StrategyError: its strategy failed on it.
        """
        work = self._work
        state = work.state
        state.now = report.ts_init  # it changes nothing else before it is booked: see `EngineState.apply_input`
        order = state.orders.get(report.order_id)
        if order is None or order.state is _DENIED:
            self._refuse_stranger(order, report)
            return
        account_id, instrument_id, venue_order_id = order.account_id, order.instrument_id, report.venue_order_id
        key = fill_key(account_id, instrument_id, report.trade_id, venue_order_id)
        if key in state.fill_keys:
            return
        instrument = state.instruments[instrument_id]
        if not _is_well_formed(report, instrument):
            work.alarm("MALFORMED_FILL", order.order_id, f"trade {report.trade_id}: {report.quantity} at {report.price}, fee {report.fee}")
            self._authority.kill(Scope.ACCOUNT, account_id, f"a malformed fill of {order.order_id}")
            return
        accepted = order.state in NOT_ACCEPTED
        if accepted:
            work.transition(order, _ACCEPT)
        if venue_order_id != order.venue_order_id:
            self._reports.check_venue_order(order, venue_order_id)
        fill = self._book(order, report, key, instrument)
        late = fill.late
        filled, quantity = order.filled_quantity, order.quantity
        if late or filled > quantity:
            self._stop_after(order, report, "LATE_FILL" if late else "OVERFILL")
        if not late:
            if filled >= quantity:
                work.transition(order, _COMPLETE)
            elif order.announced is not None and filled >= order.announced_quantity:
                work.transition(order, order.announced, "the last fill before its end came")
        self._conditions.after_fill(order)
        runner = work.runners.get(fill.strategy_id)
        if runner is not None and runner.hears_fills:
            runner.on_fill(fill)
            if runner.wishes:
                self._deciding.decide(runner)
        if order.state in TERMINAL:
            if not late:
                self._watch.look_no_more(order)
            self._deciding.after_end(order)
        elif accepted:
            self._watch.rest(order)

    def _refuse_stranger(self, order: Order | None, report: inputs.ExecutionReported) -> None:
        """Stop the account of an order that we denied or that is known as external, or every account when the order is nobody's.

        What an external order traded is not booked: the balances differ until a person has reconciled them.
        """
        if order is None:
            self._reports.alarm_unknown(report)
        external = [one for one in self._work.state.external_orders.values() if one.venue_order_id == report.venue_order_id]
        if order is None and len(external) == 1:
            said = f"trade {report.trade_id} fills the external order {report.venue_order_id}"
            self._work.alarm("EXTERNAL_FILL", report.order_id, said)
            self._authority.kill(Scope.ACCOUNT, external[0].account_id, said)
            return
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

    def _book(self, order: Order, report: inputs.ExecutionReported, key: str, instrument: Instrument) -> records.FillRecorded:
        """Record a fill, which is late when its order has ended, and the position after it; judge what they leave.

        The position was read where the fill was applied, so it is not compared with itself, as a fold compares the two.
        """
        work = self._work
        now, said, strategy_id, account_id = work.now, work.records, order.strategy_id, order.account_id
        fill = records.FillRecorded(
            now,
            order.order_id,
            strategy_id,
            account_id,
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
            order.state in TERMINAL,
        )
        position = work.state.book_fill(fill, key, order, instrument)
        said.append(fill)
        said.append(position_changed(now, position))
        quote, balances = instrument.quote, work.state.ledger.balances
        if (
            report.fee_asset != quote
            or balances[account_id, quote] < 0
            or (fill.side is _SELL and balances.get((account_id, instrument.base), 0) < 0)
        ):  # nothing else can have gone below zero
            self._judge_balances(fill, instrument)
        self._performance.after_fill(strategy_id, account_id, quote)
        return fill

    def _judge_balances(self, fill: records.FillRecorded, instrument: Instrument) -> None:
        """Stop a cash account that a fill took below zero in what it traded; a fee in a third asset is only alarmed.

        No check and no position rests on an asset that only pays fees, so an account whose holding of it was never posted may
        go on; the alarm asks for the posting.
        """
        work, account_id, fee_asset = self._work, fill.account_id, fill.fee_asset
        ledger = work.state.ledger
        given = instrument.base if fill.side is _SELL and instrument.kind is _SPOT else instrument.quote
        if ledger.balances[account_id, given] < 0:
            self._accounts.stop_if_overdrawn(account_id, given, f"trade {fill.trade_id} of {fill.order_id}")
        if fill.fee > 0 and fee_asset != given and (balance := ledger.balances[account_id, fee_asset]) < 0:
            if fee_asset in (instrument.base, instrument.quote):
                self._accounts.stop_if_overdrawn(account_id, fee_asset, f"trade {fill.trade_id} of {fill.order_id}")
            elif balance + fill.fee >= 0 and ledger.account(account_id).account_type is AccountType.CASH:
                detail = f"the fee of trade {fill.trade_id} leaves {balance} money units of {fee_asset} in {account_id}: post what it holds"
                work.alarm("NEGATIVE_BALANCE", fill.order_id, detail)


def _is_well_formed(report: inputs.ExecutionReported, instrument: Instrument) -> bool:
    price, quantity = report.price, report.quantity
    return (
        price > 0
        and quantity > 0
        and instrument.notional(price, quantity) <= LARGEST_INTEGER
        and instrument.base_amount(quantity) <= LARGEST_INTEGER
        and -LARGEST_INTEGER <= report.fee <= LARGEST_INTEGER
    )
