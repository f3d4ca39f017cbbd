"""A desk: one engine driven by hand, one input at a time, whose state must equal the fold of its journal after each."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from live.core import inputs, records
from live.core.effects import CancelOrder, Effect, QueryOrder, SubmitOrder
from live.core.engine import Engine, drain
from live.core.engine.worth import Worth
from live.core.entities import Order
from live.core.inputs import Deployment
from live.core.instruments import Instrument
from live.core.limits import Limits
from live.core.market_events import MARKET_TYPES
from live.core.reconciliation import TRADES, WITNESSES
from live.core.risk.candidate import Candidate
from live.core.snapshots import restore_state, take_snapshot
from live.core.state import EngineState
from live.core.strategy import BarView, OrderView, Strategy, StrategyContext
from live.core.vocabulary import EffectAction, Liquidity, OperatorAction, Outcome, Scope, TradingState

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
START = 1_704_067_200 * SECOND + 12 * 3_600 * SECOND
USDT = 10**8
BTC = "binance-spot:BTCUSDT"
ETH = "binance-spot:ETHUSDT"

Script = Callable[[BarView, StrategyContext], None]

written = msgspec.msgpack.Encoder().encode
read = msgspec.msgpack.Decoder(records.JournalEntry).decode


class Scripted(Strategy):
    """Do what the test says."""

    Parameters = dict

    def __init__(self, parameters: Any = None) -> None:
        self.script: Script | None = None
        self.on_fill_script: Callable[[records.FillRecorded, StrategyContext], None] | None = None
        self.bars: list[tuple[str, float]] = []
        self.market_script: Callable[[Any, StrategyContext], None] | None = None
        self.on_order_script: Callable[[OrderView, StrategyContext], None] | None = None
        self.on_timer_script: Callable[[str, StrategyContext], None] | None = None
        self.seen: list[Any] = []
        self.updates: list[tuple[str, str]] = []
        self.starts = 0

    @classmethod
    def warm_up_bars(cls, parameters: Any) -> int:
        """Need no history."""
        return 0

    def on_bar(self, bar: BarView, context: StrategyContext) -> None:
        """Run the script, if there is one."""
        self.bars.append((bar.instrument_id, bar.close))
        if self.script is not None:
            self.script(bar, context)

    def on_start(self, context: StrategyContext) -> None:
        """Count the beginnings."""
        self.starts += 1

    def _on_event(self, event: Any, context: StrategyContext) -> None:
        """Note the event, and run the script for market events other than bars, if there is one."""
        self.seen.append(event)
        if self.market_script is not None:
            self.market_script(event, context)

    on_trade = on_quote = on_quote_bar = on_book = on_funding = _on_event

    def on_order(self, order: OrderView, context: StrategyContext) -> None:
        """Note what became of an order, and run the script for it, if there is one."""
        self.updates.append((order.label, order.state))
        if self.on_order_script is not None:
            self.on_order_script(order, context)

    def on_timer(self, name: str, context: StrategyContext) -> None:
        """Run the script for timers, if there is one."""
        if self.on_timer_script is not None:
            self.on_timer_script(name, context)

    def on_fill(self, fill: records.FillRecorded, context: StrategyContext) -> None:
        """Run the script for fills, if there is one."""
        if self.on_fill_script is not None:
            self.on_fill_script(fill, context)


def btc(**changes: Any) -> Instrument:
    """Define BTCUSDT: prices in cents, quantities in 0.001, lots of 0.010."""
    fields = {
        "instrument_id": BTC,
        "base": "BTC",
        "quote": "USDT",
        "price_scale": 2,
        "quantity_scale": 3,
        "lot_size": 10,
        "minimum_quantity": 10,
    }
    return Instrument(**{**fields, "minimum_notional": 5 * USDT, **changes})


def eth(**changes: Any) -> Instrument:
    """Define ETHUSDT likewise."""
    return btc(**{"instrument_id": ETH, "base": "ETH", **changes})


def limits(**changes: Any) -> Limits:
    """Give limits that let the desk's usual orders through."""
    fields = {
        "maximum_order_quantity": {BTC: 10_000, ETH: 10_000},
        "maximum_order_notional": 1_000 * USDT,
        "maximum_position_notional": 2_000 * USDT,
        "maximum_open_orders": 3,
        "maximum_orders_per_minute": 5,
        "maximum_daily_loss": 100 * USDT,
        "price_collar_ppm": 50_000,
        "maximum_data_age": 60 * SECOND,
    }
    return Limits(**{**fields, **changes})


def deployment(strategy_id: str = "alpha", **changes: Any) -> Deployment:
    """Deploy a strategy on the paper account."""
    fields = {
        "strategy_id": strategy_id,
        "version": f"{strategy_id}@1",
        "account_id": "paper",
        "venue_id": "binance-spot",
        "instrument_ids": (BTC,),
        "limits": limits(),
    }
    return Deployment(**{**fields, **changes})


class Desk:
    """Drive an engine.

    Attributes:
        engine: the engine.
        strategies: its scripted strategies by id.
        journal: every entry a driver would have journaled so far.
        said: records of the last input.
        asked: effects of the last input.
        now: the time that the next input is stamped with.
    """

    def __init__(self, *deployments: Deployment, warm_up_bars: int = 0, state: EngineState | None = None) -> None:
        self.deployments = deployments or (deployment(),)
        self.strategies = {one.strategy_id: Scripted() for one in self.deployments}
        self.engine = Engine({name: (strategy, warm_up_bars) for name, strategy in self.strategies.items()}, state)
        self.journal: list[Any] = []
        self.said: list[Any] = []
        self.asked: list[Effect] = []
        self.now = max(START, self.engine.now)
        self._fold = restore_state(take_snapshot(self.engine.state))
        self._trades = 0

    @property
    def state(self) -> EngineState:
        """Give the engine's state."""
        return self.engine.state

    @property
    def strategy(self) -> Scripted:
        """Give the first strategy."""
        return next(iter(self.strategies.values()))

    def feed(self, *events: Any) -> list[Any]:
        """Let the engine handle inputs, and compare its state with the fold of its records read back; returns the records."""
        self.said, self.asked = [], []
        for event in events:
            self.engine.handle(event)
            said, asked = drain(self.engine)
            entries = [*([] if isinstance(event, MARKET_TYPES) else [event]), *(read(written(record)) for record in said)]
            for entry in entries:
                self._fold.apply(entry)
            for one in said:
                if isinstance(one, records.AlarmRaised):
                    named = getattr(event, "order_id", getattr(event, "client_order_id", ""))
                    assert one.order_id in ("", named, *self.state.orders), f"an alarm names an order that nobody knows: {one}"
                    assert one.detail, f"an alarm says nothing: {one}"
            self.journal += entries
            assert take_snapshot(self._fold) == take_snapshot(self.state), f"the fold differs from the state after {event!r}"
            self.said += said
            self.asked += asked
        return self.said

    def open(self, *instruments: Instrument, nonce: str = "SESSION1", balance: int = 10_000 * USDT, armed: bool = True) -> "Desk":
        """Define instruments, start a session, deposit and, unless told otherwise, arm every strategy."""
        self.feed(*(inputs.InstrumentDefined(self.now, one) for one in instruments or (btc(), eth())))
        self.start(nonce)
        self.report_conditions()
        if balance:
            self.feed(inputs.BalanceChanged(self.now, "paper", "USDT", balance, "opening balance"))
        if armed:
            self.clear_latches()
            for one in self.deployments:
                self.arm(one.strategy_id)
        return self

    def start(self, nonce: str) -> list[Any]:
        """Start a session."""
        return self.feed(inputs.SessionStarted(self.now, f"session {nonce}", nonce, 0, "", "", "", "", self.deployments))

    def report_conditions(self) -> None:
        """Report the journal as healthy, every venue's clock as ours, and every account as reconciled, for good; what was said stays."""
        end, before = 2**63 - 1, (self.said, self.asked)
        self.feed(inputs.JournalHealthReported(self.now, healthy=True, detail=""))
        self.feed(*(inputs.ClockSampled(self.now, venue, 0, 0, end) for venue in dict.fromkeys(one.venue_id for one in self.deployments)))
        accounts = dict.fromkeys(one.account_id for one in self.deployments)
        self.feed(*(inputs.ReconciliationReported(self.now, account, clean=True, detail="", valid_until=end) for account in accounts))
        self.said, self.asked = before

    def restart(self, nonce: str = "SESSION2", *deployments: Deployment) -> "Desk":
        """Give the desk of the next session, which goes on from the fold of this one's journal."""
        after = Desk(*(deployments or self.deployments), state=restore_state(take_snapshot(self.state)))
        after.now = self.now + SECOND
        after.start(nonce)
        after.report_conditions()
        return after

    def clear_latches(self) -> None:
        """Observe every latch as clear."""
        scopes = {scope: None for one in self.deployments for scope in self.state.scopes_of(one.strategy_id)}
        self.feed(*(inputs.LatchObserved(self.now, scope, target, engaged=False, reason="") for scope, target in scopes))

    def arm(self, strategy_id: str = "alpha", lease_id: str = "lease", ceiling: int = 1_000 * USDT) -> list[Any]:
        """Grant a lease."""
        return self.feed(inputs.LeaseGranted(self.now, strategy_id, lease_id, "ann", self.now + 3_600 * SECOND, ceiling))

    def bar(self, close: int = 10_000, instrument_id: str = BTC, **changes: Any) -> list[Any]:
        """Feed the next minute's bar, flat at `close` price units."""
        self.now += MINUTE
        fields = {"ts_init": self.now, "ts_event": self.now, "instrument_id": instrument_id, "volume": 1, "warm_up": False}
        return self.feed(inputs.Bar(**{**fields, **dict.fromkeys(("open", "high", "low", "close"), close), **changes}))

    def want(self, units: int, *, limit_price: float | None = None, close: int = 10_000, strategy_id: str = "alpha") -> list[Any]:
        """Let a strategy want a position, from the next bar on."""
        self.strategies[strategy_id].script = lambda bar, context: context.target_units(
            bar.instrument_id, units, limit_price=limit_price, reason="test"
        )
        return self.bar(close)

    def ask(self, script: Script, close: int = 10_000) -> list[Any]:
        """Let the strategy do something once, on the next bar."""

        def once(bar: BarView, context: StrategyContext) -> None:
            self.strategy.script = None
            script(bar, context)

        self.strategy.script = once
        return self.bar(close)

    def tick(self, seconds: int = 1) -> list[Any]:
        """Let time pass."""
        self.now += seconds * SECOND
        return self.feed(inputs.ClockTicked(self.now))

    @property
    def order(self) -> Order:
        """Give the newest order."""
        return list(self.state.orders.values())[-1]

    @property
    def code(self) -> str:
        """Give the code of the last denial among the last records."""
        return next(record.code for record in reversed(self.said) if isinstance(record, records.OrderDenied))

    def of(self, kind: type[Any]) -> list[Any]:
        """Pick the last input's records of a kind."""
        return [record for record in self.said if isinstance(record, kind)]

    @property
    def alarms(self) -> list[str]:
        """List the codes of the last input's alarms."""
        return [record.code for record in self.of(records.AlarmRaised)]

    @property
    def submitted(self) -> list[SubmitOrder]:
        """List the orders that the last input asked to send."""
        return [effect for effect in self.asked if isinstance(effect, SubmitOrder)]

    @property
    def canceled(self) -> list[str]:
        """List the orders that the last input asked to cancel."""
        return [effect.order_id for effect in self.asked if isinstance(effect, CancelOrder)]

    @property
    def queried(self) -> list[str]:
        """List the orders that the last input asked about."""
        return [effect.order_id for effect in self.asked if isinstance(effect, QueryOrder)]

    def outcome(self, outcome: Outcome, action: EffectAction = EffectAction.SUBMIT, order: Order | None = None) -> list[Any]:
        """Report what became of a request about an order, the newest unless told otherwise."""
        return self.feed(inputs.EffectOutcome(self.now, (order or self.order).order_id, action, outcome, "test"))

    def accept(self, order: Order | None = None) -> list[Any]:
        """Let the venue accept an order."""
        one = order or self.order
        return self.feed(inputs.OrderAccepted(self.now, self.now, one.order_id, f"V{one.order_id}"))

    def cancel(self, order: Order | None = None) -> list[Any]:
        """Let the venue report a cancel."""
        return self.feed(inputs.OrderCanceled(self.now, self.now, (order or self.order).order_id, "test"))

    def fill(self, quantity: int | None = None, price: int = 10_000, order: Order | None = None, **changes: Any) -> list[Any]:
        """Let an order trade, in whole unless told otherwise, free of fees."""
        one = order or self.order
        self._trades += 1
        report = inputs.ExecutionReported(
            self.now,
            self.now,
            one.order_id,
            f"V{one.order_id}",
            f"T{self._trades}",
            price,
            one.remaining if quantity is None else quantity,
            0,
            "USDT",
            Liquidity.TAKER,
        )
        return self.feed(msgspec.structs.replace(report, **changes))

    def observe(self, *, found: bool, endpoint: str = "order", past_fence: bool = True, order: Order | None = None) -> list[Any]:
        """Let one endpoint say what it knows of an order."""
        venue_time = self.now + (1 + (endpoint == TRADES) if past_fence else 0)
        return self.feed(inputs.OrderObserved(self.now, (order or self.order).order_id, endpoint, found, self.now, venue_time, self.now))

    def deny(self, order: Order | None = None) -> None:
        """Let every witness say, in turn and past the fence, that it knows no such order."""
        for endpoint in WITNESSES:
            self.observe(found=False, endpoint=endpoint, order=order)

    def command(self, action: OperatorAction, scope: Scope = Scope.GLOBAL, target: str = "") -> list[Any]:
        """Let an operator command."""
        return self.feed(inputs.OperatorCommand(self.now, "ann", action, scope, target, "test"))

    def send(
        self, side: str, quantity: int, instrument_id: str = BTC, *, close: int = 10_000, strategy_id: str = "", **fields: Any
    ) -> str | None:
        """Let a strategy ask for one order on the next bar; returns the code of its denial, None when it was sent."""
        strategy = self.strategies[strategy_id] if strategy_id else self.strategy

        def once(bar: BarView, context: StrategyContext) -> None:
            strategy.script = None
            context.submit_order(instrument_id, side, quantity, **fields)

        strategy.script = once
        self.bar(close, instrument_id)
        denied = self.of(records.OrderDenied)
        return denied[-1].code if denied else None

    def hold(self, quantity: int, instrument_id: str = BTC, *, strategy_id: str = "", price: int = 10_000) -> "Desk":
        """Let a strategy buy a position at once, or sell one short."""
        side = "BUY" if quantity > 0 else "SELL"
        assert self.send(side, abs(quantity), instrument_id, strategy_id=strategy_id, close=price) is None
        self.fill(price=price)
        return self

    def candidate(self, *, later: int = 0, **changes: Any) -> Candidate:
        """Put an intent like the last one, changed, up for judgement, so many nanoseconds later."""
        intent = next(entry for entry in reversed(self.journal) if isinstance(entry, records.IntentRecorded))
        markets = self.engine._work.markets
        changed = msgspec.structs.replace(intent, **changes)
        return Candidate(changed, self.state, markets, Worth(self.state, markets), self.now + later)

    def held(self, strategy_id: str = "alpha", instrument_id: str = BTC, account_id: str = "paper") -> int:
        """Give a position."""
        return self.state.ledger.quantity(account_id, strategy_id, instrument_id)

    def trading(self, strategy_id: str = "alpha") -> TradingState:
        """Give the strictest trading state of a strategy."""
        return self.state.strictest_state(strategy_id)


@pytest.fixture
def desk() -> Desk:
    """Open a desk with one armed strategy that may trade BTCUSDT."""
    return Desk().open()


@pytest.fixture
def new_desk() -> type[Desk]:
    """Give the class, for tests that need another set-up."""
    return Desk


@pytest.fixture
def make() -> Any:
    """Give the functions that make instruments, limits and deployments."""

    class Make:
        btc = staticmethod(btc)
        eth = staticmethod(eth)
        limits = staticmethod(limits)
        deployment = staticmethod(deployment)

    return Make
