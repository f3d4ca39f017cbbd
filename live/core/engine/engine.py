"""The engine: which input goes to which room.

`handle(input)` changes state and appends to `records` and `effects`; it performs nothing. The driver journals the
records and, once they are durable, carries out the effects. There is no mode here: replay, dry run, shadow and live
differ in the driver that feeds the engine and the venue that answers it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from live.core import inputs
from live.core.effects import Effect
from live.core.engine import valuation
from live.core.engine.accounts import Accounts
from live.core.engine.authority import Authority
from live.core.engine.conditions import Conditions
from live.core.engine.control import Control
from live.core.engine.deciding import Deciding
from live.core.engine.executions import Executions
from live.core.engine.market_data import MarketData
from live.core.engine.performance import Performance
from live.core.engine.reports import Reports
from live.core.engine.requesting import Requesting
from live.core.engine.sending import Sending
from live.core.engine.sessions import Sessions
from live.core.engine.watch import Watch
from live.core.engine.workspace import Workspace
from live.core.errors import InputError
from live.core.market_events import Bar, BookDelta, BookSnapshot, FundingRate, Quote, QuoteBar, Trade
from live.core.ports import Ports
from live.core.records import OutputRecord
from live.core.runner import WarmUp
from live.core.state import EngineState
from live.core.strategy import Strategy

END_OF_TIME = 2**63 - 1
"""The last nanosecond that a journal can hold."""


class Engine:
    """Turn inputs into records and effects; the same inputs always give the same records.

    Attributes:
        state: what survives a restart; changed only by applying journal entries.
        records: output records since the driver last drained them; always the same list.
        effects: effects since the driver last drained them; always the same list.
        now: the engine's time: `ts_init` of the last input.
    """

    def __init__(
        self,
        strategies: Mapping[str, tuple[Strategy, int]],
        state: EngineState | None = None,
        ports: Ports | None = None,
        *,
        beyond_live: bool = False,
    ) -> None:
        """Take strategies by id, each with its declared warm-up bars, and the state to go on from.

        Only a replay says `beyond_live`: its sessions may then open with limits above the ceilings, see `check_ceilings`.
        """
        ports = Ports() if ports is None else ports
        self._work = work = Workspace(EngineState() if state is None else state)
        self.now = work.now
        self.state = work.state
        self.records = work.records
        self.effects = work.effects
        self._authority = authority = Authority(work)
        sending = Sending(work, ports.router)
        self._deciding = deciding = Deciding(work, sending, Requesting(work, sending))
        watch = Watch(work, authority, deciding)
        performance = Performance(work, authority)
        accounts = Accounts(work, authority, performance)
        market_data = MarketData(work, deciding, watch, performance)
        reports = Reports(work, authority, deciding, watch)
        conditions = Conditions(work, authority)
        executions = Executions(work, authority, deciding, watch, reports, accounts, performance, conditions)
        control = Control(work, authority, deciding)
        sessions = Sessions(work, strategies, authority, deciding, watch, market_data, beyond_live=beyond_live)
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            Bar: market_data.on_bar,
            QuoteBar: market_data.on_quote_bar,
            Trade: market_data.on_trade,
            Quote: market_data.on_quote,
            BookSnapshot: market_data.on_book,
            BookDelta: market_data.on_book,
            FundingRate: market_data.on_funding,
            inputs.TimerFired: market_data.on_timer,
            inputs.CloseOutRequested: deciding.close_out,
            inputs.SessionStarted: sessions.on_session_started,
            inputs.SessionClosed: work.state.apply_input,
            inputs.InstrumentDefined: control.on_instrument,
            inputs.AccountDefined: accounts.on_account,
            inputs.BalanceChanged: accounts.on_balance,
            inputs.BalanceTransferred: accounts.on_transfer,
            inputs.FundingPaid: accounts.on_funding,
            inputs.LeaseGranted: control.on_lease_granted,
            inputs.LeaseEnded: control.on_lease_ended,
            inputs.LatchObserved: control.on_latch,
            inputs.FeedChanged: market_data.on_feed,
            inputs.ClockTicked: market_data.on_clock,
            inputs.EffectOutcome: reports.on_effect_outcome,
            inputs.OrderAccepted: reports.on_accepted,
            inputs.OrderRejected: reports.on_rejected,
            inputs.OrderCanceled: reports.on_canceled,
            inputs.OrderExpired: reports.on_expired,
            inputs.CancelRejected: reports.on_cancel_rejected,
            inputs.ExecutionReported: executions.on_execution,
            inputs.OrderObserved: reports.on_observed,
            inputs.OperatorCommand: control.on_operator,
            inputs.OrderResolved: reports.on_resolved,
            inputs.AccessDenied: work.state.apply_input,
            inputs.ExternalOrderObserved: reports.on_external_order,
            inputs.LimitsSet: conditions.on_limits,
            inputs.ClockSampled: conditions.on_clock,
            inputs.ReconciliationReported: conditions.on_reconciliation,
            inputs.JournalHealthReported: conditions.on_journal_health,
        }

    def handle(self, event: inputs.MarketEvent | inputs.RecordedInput) -> None:
        """Take in one input. After an error the engine is in no state to go on: its driver must stop for good.

        Raises:
            InputError: time ran backwards, or the input cannot be accepted, and nothing of it was; says what was wrong.
            StrategyError: a strategy failed; names it and the event.
            LedgerError: a fill does not fit the ledger.
        """
        work, now = self._work, event.ts_init
        if now > work.now:
            if now > END_OF_TIME:
                raise InputError(_fault_of_time(work.now, event))
            self.now = work.now = now
        elif now < work.now:
            raise InputError(_fault_of_time(work.now, event))
        self._handlers[type(event)](event)
        if work.updates:
            self._deciding.tell_updates()

    def equity(self, account_id: str, quote: str) -> int | None:
        """Value an account in one quote asset: cash and all strategies' positions; None while a held instrument has no price."""
        return valuation.equity(self._work.state, self._work.markets, account_id, quote)

    def profit(self, strategy_id: str) -> int | None:
        """Value a strategy's profit since it first traded, realised and not, after fees; None while a held instrument has no price."""
        return valuation.profit(self._work.state, self._work.markets, strategy_id)

    def strategy_figures(self, strategy_id: str) -> valuation.StrategyFigures:
        """Tell how a strategy stands at the last prices."""
        return valuation.strategy_figures(self._work.state, self._work.markets, strategy_id, self._work.now)

    def warm_up(self, strategy_id: str) -> WarmUp | None:
        """Tell how far a strategy's warm-up has come; None where it does not run."""
        runner = self._work.runners.get(strategy_id)
        return None if runner is None else runner.warm_up

    def account_figures(self, account_id: str, quote: str) -> valuation.AccountFigures:
        """Tell how an account stands in one quote asset at the last prices."""
        return valuation.account_figures(self._work.state, self._work.markets, account_id, quote, self._work.now)

    def last_price(self, instrument_id: str) -> int | None:
        """Give an instrument's last price, in price units."""
        market = self._work.markets.get(instrument_id)
        return None if market is None else market.last_price

    def best_prices(self, instrument_id: str) -> tuple[int, int] | None:
        """Give an instrument's best bid and ask, in price units; None while they are not known."""
        market = self._work.markets.get(instrument_id)
        if market is None or market.bid_price is None or market.ask_price is None:
            return None
        return market.bid_price, market.ask_price

    def forbids(self, order_id: str) -> bool:
        """Tell whether an order that has not left yet may not leave any more."""
        order = self._work.state.live_orders.get(order_id)
        return order is None or self._authority.forbids(order)


def _fault_of_time(now: int, event: inputs.MarketEvent | inputs.RecordedInput) -> str:
    if event.ts_init < now:
        return f"ts_init ran backwards from {now} to {event.ts_init} at {event!r}: stamp inputs at receipt, in order"
    return f"ts_init {event.ts_init} does not fit 63 bits at {event!r}: times are nanoseconds since 1970"


def drain(engine: Engine) -> tuple[Sequence[OutputRecord], Sequence[Effect]]:
    """Take what an engine said since the last call."""
    said, asked = tuple(engine.records), tuple(engine.effects)
    if said:
        engine.records.clear()
    if asked:
        engine.effects.clear()
    return said, asked
