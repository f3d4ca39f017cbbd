"""No sequence of events gets an order past any limit: each bound is computed again, from orders and fills alone, at each approval.

Strategies ask for orders of every type, at random; the venue accepts, fills in part, loses, rejects, cancels and expires them; the
session restarts, limits are tightened, clocks drift. The auditor folds the journal record by record and, where an order is approved,
adds everything up anew from orders and executions; it shares no sum and no formula with the checks.
"""

from collections import defaultdict
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from live.core import inputs, records
from live.core.engine import Engine, drain
from live.core.entities import Order
from live.core.inputs import Bar, Deployment
from live.core.instruments import Instrument
from live.core.limits import Limits, complete
from live.core.market_events import Quote
from live.core.orders import MAY_REST_AT_VENUE, TERMINAL, OrderEvent, OrderState
from live.core.scope_limits import ScopeLimits
from live.core.snapshots import restore_state, take_snapshot
from live.core.state import EngineState
from live.core.strategy import Strategy
from live.core.vocabulary import (
    AccountType,
    EffectAction,
    InstrumentKind,
    Liquidity,
    OperatorAction,
    OrderType,
    Outcome,
    Scope,
    Side,
    TimeInForce,
    TradingState,
)

SECOND = 1_000_000_000
HOUR = 3_600 * SECOND
START = 1_704_067_200 * SECOND
END = 2**63 - 1
USDT = 10**8
BTC, ETH, PERP = "sim:BTCUSDT", "sim:ETHUSDT", "sim:PERP"
FACTOR = 1_000
"""Money units in one price unit times one quantity unit: 8 places of money, 2 of price, 3 of quantity."""
COLLAR = 50_000


def instrument(name: str, **changes: Any) -> Instrument:
    """Define an instrument with prices in cents and quantities in thousandths."""
    fields = {"instrument_id": name, "base": name[4:7], "quote": "USDT", "price_scale": 2, "quantity_scale": 3}
    return Instrument(**{**fields, "tick_size": 5, "lot_size": 10, "minimum_quantity": 10, "minimum_notional": USDT, **changes})


INSTRUMENTS = {
    BTC: instrument(BTC),
    ETH: instrument(ETH),
    PERP: instrument(PERP, kind=InstrumentKind.PERPETUAL, initial_margin_ppm=200_000, maintenance_margin_ppm=100_000),
}
LIMITS = Limits(
    maximum_order_quantity={BTC: 300, ETH: 300, PERP: 300},
    maximum_order_notional=30 * USDT,
    maximum_position_notional=60 * USDT,
    maximum_open_orders=4,
    maximum_orders_per_minute=5,
    maximum_daily_loss=USDT // 2,
    price_collar_ppm=COLLAR,
    maximum_data_age=90 * SECOND,
    maximum_net_notional=50 * USDT,
    maximum_instrument_notional=45 * USDT,
    maximum_instrument_open_orders=3,
    maximum_cancels_per_minute=3,
    maximum_executions_per_hour=9,
    maximum_drawdown=USDT * 6 // 10,
    maximum_spread_ppm=10_000,
)
WHOLE = complete(LIMITS)
DEPLOYMENTS = (
    Deployment("alpha", "alpha@1", "cash", "sim", (BTC, ETH), LIMITS),
    Deployment("beta", "beta@1", "cash", "sim", (BTC,), LIMITS),
    Deployment("gamma", "gamma@1", "margin", "sim", (PERP, ETH), LIMITS),
)
BY_NAME = {one.strategy_id: one for one in DEPLOYMENTS}
SCOPES = [
    (Scope.GLOBAL, ""),
    (Scope.VENUE, "sim"),
    (Scope.ACCOUNT, "cash"),
    (Scope.ACCOUNT, "margin"),
    *((Scope.STRATEGY, name) for name in BY_NAME),
]
LEVERAGE = 3_000_000
LEASE = 28 * USDT


class Asking(Strategy):
    """Do once, on the next bar, what the test says."""

    Parameters = dict

    def __init__(self) -> None:
        self.script: Any = None

    @classmethod
    def warm_up_bars(cls, parameters: Any) -> int:
        """Need no history."""
        return 0

    def on_bar(self, bar: Any, context: Any) -> None:
        """Run the script once, on a bar of its instrument."""
        if self.script is not None and self.script[0] == bar.instrument_id:
            script, self.script = self.script[1], None
            script(context)


class Auditor:
    """Keep books from records alone, and add up every bound anew where an order is approved."""

    def __init__(self) -> None:
        self.shadow = EngineState()
        self.prices: dict[str, int] = {}
        self.quotes: dict[str, tuple[int, int]] = {}
        self.sent: list[tuple[int, str, str]] = []
        self.canceled: list[tuple[int, str, str]] = []
        self.positions: dict[tuple[str, str, str], int] = defaultdict(int)
        self.flows: dict[tuple[str, str, str], int] = defaultdict(int)
        self.balances: dict[tuple[str, str], int] = defaultdict(int)
        self.executed: dict[str, list[int]] = defaultdict(list)
        self.traded: set[str] = set()
        self.paid_in: dict[str, int] = defaultdict(int)
        self.day: dict[str, tuple[int, int]] = {}
        self.peaks: dict[tuple[Scope, str], int] = {}
        self.scope_limits: dict[str, ScopeLimits] = {}
        self.conditions: dict[str, Any] = {}
        self.approvals = 0

    def take(self, entry: Any) -> None:
        """Audit one journal entry, then fold it."""
        if isinstance(entry, records.OrderTransitioned):
            order = self.shadow.orders[entry.order_id]
            if entry.event is OrderEvent.APPROVE:
                self.approvals += 1
                self.audit(order, entry.ts)
            elif entry.event is OrderEvent.SUBMIT:
                self.sent.append((entry.ts, order.strategy_id, order.account_id))
            elif entry.event is OrderEvent.REQUEST_CANCEL:
                self.canceled.append((entry.ts, order.strategy_id, order.account_id))
        elif isinstance(entry, records.FillRecorded):
            self.note_fill(entry)
        elif isinstance(entry, records.BalancePosted):
            self.balances[entry.account_id, entry.asset] += entry.amount
            self.paid_in[entry.account_id] += entry.amount
        elif isinstance(entry, records.DayOpened):
            assert entry.profit == self.profit(entry.strategy_id)
            self.day[entry.strategy_id] = (entry.day, entry.profit)
            self.raise_peak((Scope.STRATEGY, entry.strategy_id), entry.profit)
        elif isinstance(entry, records.AccountDayOpened):
            assert entry.profit == self.account_profit(entry.account_id)
            self.day[entry.account_id] = (entry.day, entry.profit)
            self.raise_peak((Scope.ACCOUNT, entry.account_id), entry.profit)
        elif isinstance(entry, records.PeakRaised):
            self.peaks[entry.scope, entry.target.partition("/")[0]] = entry.profit
        elif isinstance(entry, records.LeaseChanged) and entry.lease_id:
            self.executed[entry.strategy_id].clear()
        elif isinstance(entry, inputs.SessionStarted):
            self.conditions.clear()
            self.scope_limits.clear()
        elif isinstance(entry, inputs.LimitsSet):
            old = self.scope_limits.get(entry.target, entry.limits)
            self.scope_limits[entry.target] = ScopeLimits(
                *(min(getattr(old, name), getattr(entry.limits, name)) for name in ScopeLimits.__struct_fields__[:7])
            )
        elif isinstance(entry, inputs.ClockSampled | inputs.ReconciliationReported | inputs.JournalHealthReported):
            self.conditions[type(entry).__name__ + getattr(entry, "account_id", "")] = entry
        self.shadow.apply(entry)

    def raise_peak(self, key: tuple[Scope, str], profit: int) -> None:
        """Note a highest profit."""
        self.peaks[key] = max(self.peaks.get(key, profit), profit)

    def note_fill(self, fill: records.FillRecorded) -> None:
        """Add an execution to the books."""
        key = (fill.account_id, fill.strategy_id, fill.instrument_id)
        sign, value = fill.side.sign, fill.price * fill.quantity * FACTOR
        if fill.order_id not in self.traded:
            self.traded.add(fill.order_id)
            self.executed[fill.strategy_id].append(self.now)
        self.positions[key] += sign * fill.quantity
        self.flows[key] -= sign * value + fill.fee
        if INSTRUMENTS[fill.instrument_id].kind is InstrumentKind.SPOT:
            self.balances[fill.account_id, "USDT"] -= sign * value + fill.fee
            self.balances[fill.account_id, INSTRUMENTS[fill.instrument_id].base] += sign * fill.quantity * 10**5

    @property
    def now(self) -> int:
        """Give the time of the entry before."""
        return self.shadow.now

    def profit(self, strategy_id: str) -> int:
        """Add up flows and what is held at the last prices."""
        return sum(
            flow + self.positions[key] * self.prices.get(key[2], 0) * FACTOR for key, flow in self.flows.items() if key[1] == strategy_id
        )

    def account_profit(self, account_id: str) -> int:
        """Add up the profits of all strategies in an account: here nothing else moves it."""
        return sum(self.profit(one.strategy_id) for one in DEPLOYMENTS if one.account_id == account_id)

    def live(self) -> list[Order]:
        """List what may still fill."""
        return [order for order in self.shadow.orders.values() if order.state in MAY_REST_AT_VENUE]

    @staticmethod
    def worst_price(order: Order) -> Fraction:
        """Give the highest price an order may fill at."""
        prices = [one for one in (order.limit_price, order.trigger_price, order.reference_price) if one is not None]
        if order.side is Side.SELL:
            return Fraction(max(prices))
        if order.limit_price is not None:
            return Fraction(order.limit_price)
        return Fraction(max(prices) * (1_000_000 + COLLAR), 1_000_000)

    def value(self, order: Order) -> Fraction:
        """Value what an order may still fill, at worst."""
        return self.worst_price(order) * (order.quantity - order.filled_quantity) * FACTOR

    def extremes(self, held: int, orders: list[Order]) -> tuple[int, int]:
        """Give the largest and smallest position that any order and extent of fills may lead to, with a venue that clips reduce-only."""
        buys = sum(one.remaining for one in orders if one.side is Side.BUY and not one.reduce_only)
        sells = sum(one.remaining for one in orders if one.side is Side.SELL and not one.reduce_only)
        covering = sum(one.remaining for one in orders if one.side is Side.BUY and one.reduce_only)
        closing = sum(one.remaining for one in orders if one.side is Side.SELL and one.reduce_only)
        high = (held if held >= 0 else min(0, held + covering)) + buys
        low = (held if held <= 0 else max(0, held - closing)) - sells
        return high, low

    def reduces(self, order: Order) -> bool:
        """Tell whether an order can only bring its strategy's position nearer to zero."""
        held = self.positions[order.account_id, order.strategy_id, order.instrument_id]
        mine = [one for one in self.live() if (one.strategy_id, one.instrument_id) == (order.strategy_id, order.instrument_id)]
        high, low = self.extremes(held, [*mine, order])
        return (held < 0 and high <= 0) if order.side is Side.BUY else (held > 0 and low >= 0)

    def worst(self, positions: dict[str, int], orders: list[Order]) -> tuple[Fraction, Fraction, Fraction, dict[str, Fraction]]:
        """Give gross, most bought, most sold and each instrument's worst value over positions and orders."""
        gross = bought = sold = Fraction(0)
        each: dict[str, Fraction] = {}
        for name in {*positions, *(one.instrument_id for one in orders)}:
            held, mine = positions.get(name, 0), [one for one in orders if one.instrument_id == name]
            value = Fraction(held * self.prices.get(name, 0) * FACTOR)
            buying = sum((self.value(one) for one in mine if one.side is Side.BUY), Fraction(0))
            selling = sum((self.value(one) for one in mine if one.side is Side.SELL), Fraction(0))
            high, low = self.extremes(held, mine)
            opening_buys = [one for one in mine if one.side is Side.BUY and not one.reduce_only]
            opening_sells = [one for one in mine if one.side is Side.SELL and not one.reduce_only]
            bought_open = sum((self.value(one) for one in opening_buys), Fraction(0))
            sold_open = sum((self.value(one) for one in opening_sells), Fraction(0))
            long = value + bought_open if held >= 0 else Fraction(0)
            if held < 0 < high:
                long = bought_open * high / sum(one.remaining for one in opening_buys)
            short = -value + sold_open if held < 0 else Fraction(0)
            if low < 0 <= held:
                short = sold_open * -low / sum(one.remaining for one in opening_sells)
            each[name] = max(long, short)
            gross += each[name]
            bought += value + buying
            sold += value - selling
        return gross, bought, sold, each

    def audit(self, order: Order, now: int) -> None:
        """Compute every bound again for an order that is being approved."""
        deployment = BY_NAME[order.strategy_id]
        self.audit_permission(order, deployment, now)
        self.audit_form(order, now)
        live = self.live()
        mine = [one for one in live if one.strategy_id == order.strategy_id]
        reduces = self.reduces(order)
        assert reduces or not order.reduce_only, "a reduce-only order may not open"
        assert self.value(order) <= min(LIMITS.maximum_order_notional, LEASE) + 100 * FACTOR
        self.audit_crossing(order, live, now)
        self.audit_exposure(order, live, mine, reduces)
        self.audit_money(order, live, reduces)
        self.audit_pace(order, live, mine, now)
        if not reduces:
            self.audit_losses(order, deployment, now)

    def audit_permission(self, order: Order, deployment: Deployment, now: int) -> None:
        """Latches, states, lease, journal, clock, reconciliation."""
        state = self.shadow
        scopes = [SCOPES[0], SCOPES[1], (Scope.ACCOUNT, deployment.account_id), (Scope.STRATEGY, order.strategy_id)]
        strictest = max(state.trading_states.get(scope, TradingState.DISARMED) for scope in scopes)
        assert strictest is TradingState.ARMED or (strictest is TradingState.REDUCE_ONLY and self.reduces(order))
        assert all(state.latches[scope] is False for scope in scopes)
        assert order.strategy_id in state.leases
        assert self.conditions["JournalHealthReported"].healthy
        clock, answer = self.conditions["ClockSampled"], self.conditions[f"ReconciliationReported{order.account_id}"]
        assert clock.valid_until >= now
        assert abs(clock.offset) + clock.uncertainty <= SECOND // 4
        assert answer.clean
        assert answer.valid_until >= now

    def audit_form(self, order: Order, now: int) -> None:
        """Type, time in force, lot, tick, minimum, spread."""
        kind, name = order.order_type, order.instrument_id
        assert (order.limit_price is not None) is (kind in (OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP_LIMIT))
        assert (order.trigger_price is not None) is (kind in (OrderType.STOP, OrderType.STOP_LIMIT))
        assert order.expires_at is None or order.expires_at > now
        assert (order.time_in_force is TimeInForce.GOOD_TILL_DATE) is (order.expires_at is not None)
        rests = order.time_in_force in (TimeInForce.GOOD_TILL_CANCELED, TimeInForce.GOOD_TILL_DATE)
        assert kind is not OrderType.MARKET or order.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL
        assert kind is not OrderType.LIMIT_MAKER or rests
        assert kind is not OrderType.STOP or rests or order.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL
        assert order.quantity % 10 == 0 < order.quantity <= 300
        assert all(price is None or price % 5 == 0 < price for price in (order.limit_price, order.trigger_price))
        last = self.prices[name]
        limit = order.limit_price
        if order.trigger_price is None and limit is not None:
            assert abs(limit - last) * 1_000_000 <= COLLAR * last
        if order.trigger_price is not None and limit is not None:
            assert abs(limit - order.trigger_price) * 1_000_000 <= COLLAR * order.trigger_price
        if name in self.quotes and kind is not OrderType.LIMIT_MAKER and not self.reduces(order):
            bid, ask = self.quotes[name]
            assert Fraction(ask - bid, 1) / Fraction(ask + bid, 2) <= Fraction(WHOLE.maximum_spread_ppm, 1_000_000)
        prices = [one for one in (limit, order.trigger_price, order.reference_price) if one is not None]
        assert min(prices[0], last if limit is None else prices[0]) * order.quantity * FACTOR >= USDT

    def audit_crossing(self, order: Order, live: list[Order], now: int) -> None:
        """No duplicate, and no trade with ourselves between plain limit orders, or of a market order within its collar."""
        for other in live:
            if (other.account_id, other.instrument_id) != (order.account_id, order.instrument_id):
                continue
            same = all(
                getattr(other, name) == getattr(order, name)
                for name in ("strategy_id", "side", "order_type", "quantity", "limit_price", "trigger_price")
            )
            assert not same or now - other.created_at >= WHOLE.duplicate_window
            if other.side is order.side or other.trigger_price is not None or order.trigger_price is not None or other.limit_price is None:
                continue
            reach = order.limit_price
            if reach is None:
                reach = Fraction(order.reference_price * (1_000_000 + order.side.sign * COLLAR), 1_000_000)
            assert order.side.sign * (other.limit_price - reach) > 0, "it may trade with ourselves"

    def audit_exposure(self, order: Order, live: list[Order], mine: list[Order], reduces: bool) -> None:
        """Positions of strategy, instrument, account and venue."""
        if order.account_id == "cash":
            same = [one for one in mine if one.instrument_id == order.instrument_id]
            held = self.positions[order.account_id, order.strategy_id, order.instrument_id]
            assert order.side is Side.BUY or self.extremes(held, [*same, order])[1] >= 0, "a cash account would be short"
        if reduces:
            return
        own = {key[2]: quantity for key, quantity in self.positions.items() if key[1] == order.strategy_id}
        gross, bought, sold, each = self.worst(own, [*mine, order])
        slack = 300 * len(live) + 300  # worst prices are whole price units, rounded up
        assert gross <= WHOLE.maximum_position_notional + slack * FACTOR
        assert max(bought, -sold) <= WHOLE.maximum_net_notional + slack * FACTOR
        assert each[order.instrument_id] <= WHOLE.maximum_instrument_notional + slack * FACTOR
        for scope, accounts in ((order.account_id, [order.account_id]), ("sim", ["cash", "margin"])):
            limits = self.scope_limits.get(scope)
            total, most, least = Fraction(0), Fraction(0), Fraction(0)
            for account_id in accounts:
                netted: dict[str, int] = defaultdict(int)
                for key, quantity in self.positions.items():
                    if key[0] == account_id:
                        netted[key[2]] += quantity
                orders = [one for one in [*live, order] if one.account_id == account_id]
                gross, bought, sold, _ = self.worst(netted, orders)
                total, most, least = total + gross, most + bought, least + sold
            if limits is not None:
                assert total <= limits.maximum_gross_notional + slack * FACTOR
                assert max(most, -least) <= limits.maximum_net_notional + slack * FACTOR

    def audit_money(self, order: Order, live: list[Order], reduces: bool) -> None:
        """The balance of a cash account, the margin of the other."""
        here = [one for one in [*live, order] if one.account_id == order.account_id]
        if order.account_id == "cash":
            if order.side is Side.BUY:
                needed = sum((self.value(one) for one in here if one.side is Side.BUY), Fraction(0)) * Fraction(1_002, 1_000)
                assert needed <= self.balances["cash", "USDT"] + 300 * len(here) * FACTOR
            else:
                base = INSTRUMENTS[order.instrument_id].base
                selling = [one for one in here if one.side is Side.SELL and one.instrument_id == order.instrument_id]
                assert sum(one.remaining for one in selling) * 10**5 <= self.balances["cash", base]
            return
        if reduces:
            return
        netted = {key[2]: quantity for key, quantity in self.positions.items() if key[0] == "margin"}
        gross, _, _, each = self.worst(netted, here)
        equity = self.paid_in["margin"] + self.account_profit("margin")
        needed = sum((value * INSTRUMENTS[name].initial_margin_ppm / 1_000_000 for name, value in each.items()), Fraction(0))
        assert needed <= equity + 300 * len(here) * FACTOR
        assert gross <= Fraction(equity * LEVERAGE, 1_000_000) + 300 * len(here) * FACTOR

    def audit_pace(self, order: Order, live: list[Order], mine: list[Order], now: int) -> None:
        """Open orders, rates, the reserve for cancels, executions."""
        assert len(mine) < WHOLE.maximum_open_orders
        assert sum(one.instrument_id == order.instrument_id for one in mine) < WHOLE.maximum_instrument_open_orders
        since = now - 60 * SECOND
        assert sum(ts > since and name == order.strategy_id for ts, name, _ in self.sent) < WHOLE.maximum_orders_per_minute
        for scope, limits in self.scope_limits.items():
            if scope in ("sim", order.account_id):
                alive = sum(scope in ("sim", one.account_id) for one in live)
                orders = sum(ts > since and scope in ("sim", account) for ts, _, account in self.sent)
                cancels = sum(ts > since and scope in ("sim", account) for ts, _, account in self.canceled)
                assert alive < limits.maximum_open_orders
                assert orders < limits.maximum_orders_per_minute
                assert orders + 1 + cancels + alive + 1 <= limits.maximum_requests_per_minute, "no room to cancel everything"
        traded = sum(ts > now - HOUR for ts in self.executed[order.strategy_id])
        assert traded + len(mine) < WHOLE.maximum_executions_per_hour

    def audit_losses(self, order: Order, deployment: Deployment, now: int) -> None:
        """Daily loss and drawdown, of strategy and account."""
        today, made = now // (24 * HOUR), self.profit(order.strategy_id)
        assert self.day[order.strategy_id][0] == self.day[order.account_id][0] == today
        assert self.day[order.strategy_id][1] - made < WHOLE.maximum_daily_loss
        assert self.peaks[Scope.STRATEGY, order.strategy_id] - made < WHOLE.maximum_drawdown
        limits, account_made = self.scope_limits.get(order.account_id), self.account_profit(deployment.account_id)
        if limits is not None:
            assert self.day[order.account_id][1] - account_made < limits.maximum_daily_loss
            assert self.peaks[Scope.ACCOUNT, order.account_id] - account_made < limits.maximum_drawdown


offsets = st.sampled_from([-100, 40, -40, 100, -5, 5, 0, 300, -300, 200, -200] * 2 + [600, -600, 3])
requests = st.fixed_dictionaries(
    {
        "side": st.sampled_from(["BUY", "BUY", "SELL"]),
        "quantity": st.sampled_from([100] * 6 + [50, 150, 200] * 3 + [260, 300, 310, 20, 5]),
        "order_type": st.sampled_from([OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT, *OrderType]),
        "limit": offsets,
        "trigger": offsets,
        "time_in_force": st.sampled_from([None] * 12 + list(TimeInForce)),
        "reduce_only": st.sampled_from([False] * 5 + [True]),
    }
)
names = st.sampled_from([("alpha", BTC), ("alpha", ETH), ("beta", BTC), ("gamma", PERP), ("gamma", ETH)])


class Judging(RuleBasedStateMachine):
    """Ask for orders of every kind, and let everything happen to them."""

    @initialize()
    def begin(self) -> None:
        """Open the first session."""
        self.auditor = Auditor()
        self.now = START + 12 * HOUR
        self.sessions = self.trades = self.labels = 0
        self.prices = {BTC: 10_000, ETH: 8_000, PERP: 10_000}
        self.open(EngineState())
        for account_id, amount in (("cash", 55 * USDT), ("margin", 15 * USDT)):
            self.feed(inputs.BalanceChanged(self.now, account_id, "USDT", amount, "opening balance"))
        self.prepare()

    def open(self, state: EngineState) -> None:
        """Start a session from a state."""
        self.sessions += 1
        self.auditor.quotes.clear()  # what is quoted is no part of the state
        self.strategies = {name: Asking() for name in BY_NAME}
        self.engine = Engine({name: (one, 0) for name, one in self.strategies.items()}, state)
        for one in INSTRUMENTS.values():
            self.feed(inputs.InstrumentDefined(self.now, one))
        if self.sessions == 1:
            self.feed(inputs.AccountDefined(self.now, "margin", AccountType.MARGIN, LEVERAGE))
        self.feed(inputs.SessionStarted(self.now, f"S{self.sessions}", f"SESSIO{self.sessions:02d}", 0, "", "", "", "", DEPLOYMENTS))

    def prepare(self) -> None:
        """Report that all is well, clear the latches, arm, and let a price of everything be seen."""
        self.feed(inputs.JournalHealthReported(self.now, healthy=True, detail=""))
        self.feed(inputs.ClockSampled(self.now, "sim", 0, 0, END))
        for account_id in ("cash", "margin"):
            self.feed(inputs.ReconciliationReported(self.now, account_id, clean=True, detail="", valid_until=END))
        for scope, target in SCOPES:
            self.feed(inputs.LatchObserved(self.now, scope, target, engaged=False, reason=""))
        for name in BY_NAME:
            self.arm(name)
        for name in INSTRUMENTS:
            self.bar(name, 0)

    def feed(self, event: Any) -> None:
        """Let the engine handle an input, and audit what it said."""
        self.engine.handle(event)
        said, self.asked = drain(self.engine)
        if not isinstance(event, Bar | Quote):
            self.auditor.take(event)
        for record in said:
            self.auditor.take(record)

    def arm(self, name: str) -> None:
        """Grant a lease, released first where a fault killed."""
        for scope, target in SCOPES:
            if self.engine.state.trading_state(scope, target) is TradingState.KILLED:
                self.feed(inputs.OperatorCommand(self.now, "ann", OperatorAction.RELEASE, scope, target, ""))
            elif self.engine.state.trading_state(scope, target) in (TradingState.REDUCE_ONLY, TradingState.CANCEL_ONLY):
                self.feed(inputs.OperatorCommand(self.now, "ann", OperatorAction.DISARM, scope, target, ""))
        self.feed(inputs.LeaseGranted(self.now, name, f"lease {self.now}", "ann", END, LEASE))

    def bar(self, name: str, move: int, seconds: int = 1) -> None:
        """Let a bar close."""
        self.now += seconds * SECOND
        price = self.prices[name] = max(4_000, self.prices[name] + move)
        self.auditor.prices[name] = price
        self.feed(Bar(self.now, self.now, name, price, price, price, price, 1))

    # The market

    @rule(
        name=st.sampled_from(list(INSTRUMENTS)), move=st.sampled_from([0, 5, -5, 50, -50, 200, -200]), seconds=st.sampled_from([1, 10, 40])
    )
    def market_moves(self, name: str, move: int, seconds: int) -> None:
        """A price changes."""
        self.bar(name, move, seconds)

    @rule(name=st.sampled_from(list(INSTRUMENTS)), half=st.sampled_from([5, 20, 20, 200]))
    def quote(self, name: str, half: int) -> None:
        """A bid and an ask are seen, near or far apart."""
        bid, ask = self.prices[name] - half, self.prices[name] + half
        self.auditor.quotes[name] = (bid, ask)
        self.feed(Quote(self.now, self.now, name, bid, 1_000, ask, 1_000))

    # The strategies

    @rule(who=names, wanted=st.lists(requests, min_size=1, max_size=4), seconds=st.sampled_from([6, 6, 1, 15]), mood=st.integers(0, 11))
    def ask(self, who: tuple[str, str], wanted: list[dict[str, Any]], seconds: int, mood: int) -> None:
        """A strategy asks for orders, one a bar; what can trade at once may do so, and what stopped it may be mended before."""
        if mood and self.engine.state.strictest_state(who[0]) >= TradingState.DISARMED:
            self.prepare()
        for request in wanted:
            self.ask_one(*who, request, seconds)
            if mood == 3:
                self.ask_one(*who, request, 1)
            if mood % 2:
                self.fill(-1, 1, 0)

    @rule(who=names, wanted=st.lists(requests, min_size=3, max_size=8))
    def ask_much(self, who: tuple[str, str], wanted: list[dict[str, Any]]) -> None:
        """A strategy asks for many orders, quickly, while nothing is in its way."""
        self.ask(who, wanted, 6, 2)

    def ask_one(self, strategy_id: str, name: str, request: dict[str, Any], seconds: int) -> None:
        """A strategy asks for one order."""
        self.labels += 1
        price, kind, label = self.prices[name], request["order_type"], f"L{self.labels}"
        expires = (self.now // SECOND + 30) * SECOND if request["time_in_force"] is TimeInForce.GOOD_TILL_DATE else None
        limited, triggered = (
            kind in (OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP_LIMIT),
            kind
            in (
                OrderType.STOP,
                OrderType.STOP_LIMIT,
            ),
        )

        def script(context: Any) -> None:
            context.submit_order(
                name,
                request["side"],
                request["quantity"],
                order_type=kind,
                limit_price=(price + request["limit"]) / 100 if limited else None,
                trigger_price=(price + request["trigger"]) / 100 if triggered else None,
                time_in_force=request["time_in_force"],
                expires_at=expires,
                reduce_only=request["reduce_only"],
                label=label,
            )

        self.strategies[strategy_id].script = (name, script)
        self.bar(name, 0, seconds)

    @rule(who=names, units=st.sampled_from([0, 0, 100, 200, -100, 400]))
    def want(self, who: tuple[str, str], units: int) -> None:
        """A strategy declares a target."""
        self.strategies[who[0]].script = (who[1], lambda context: context.target_units(who[1], units))
        self.bar(who[1], 0)

    # The venue

    def pick(self, which: int) -> Order | None:
        """Choose a live order."""
        live = list(self.engine.state.live_orders.values())
        return live[which % len(live)] if live else None

    @rule(which=st.integers(0, 7), share=st.sampled_from([1, 1, 2, 4]), worse=st.sampled_from([0, 0, 20, 40]))
    def fill(self, which: int, share: int, worse: int) -> None:
        """A live order trades, in whole or in part, never above its worst price."""
        order = self.pick(which)
        if order is None or not order.remaining:
            return
        quantity = max(1, order.remaining // share)
        if order.reduce_only:  # a venue clips it
            held = self.engine.state.ledger.quantity(order.account_id, order.strategy_id, order.instrument_id)
            quantity = min(quantity, max(0, -order.side.sign * held))
        price = order.limit_price if order.limit_price is not None else self.prices[order.instrument_id] + order.side.sign * worse
        if not quantity or (order.side is Side.BUY and price > self.auditor.worst_price(order)):
            return
        self.trades += 1
        fee = price * quantity
        report = (self.now, self.now, order.order_id, f"V{order.order_id}", f"T{self.trades}", price, quantity, fee, "USDT")
        self.feed(inputs.ExecutionReported(*report, Liquidity.TAKER))

    @rule(which=st.integers(0, 7), what=st.sampled_from(["accept", "accept", "reject", "cancel", "expire", "lose", "send", "hold"]))
    def answer(self, which: int, what: str) -> None:
        """The venue or the wire says something about a live order."""
        order = self.pick(which)
        if order is None:
            return
        order_id = order.order_id
        event: Any = {
            "accept": lambda: inputs.OrderAccepted(self.now, self.now, order_id, f"V{order_id}"),
            "reject": lambda: inputs.OrderRejected(self.now, self.now, order_id, "no"),
            "cancel": lambda: inputs.OrderCanceled(self.now, self.now, order_id, "canceled"),
            "expire": lambda: inputs.OrderExpired(self.now, self.now, order_id, "expired"),
            "lose": lambda: inputs.EffectOutcome(self.now, order_id, EffectAction.SUBMIT, Outcome.FAILED, "lost"),
            "send": lambda: inputs.EffectOutcome(self.now, order_id, EffectAction.SUBMIT, Outcome.SENT, ""),
            "hold": lambda: inputs.EffectOutcome(self.now, order_id, EffectAction.SUBMIT, Outcome.REFUSED, "the gate"),
        }[what]()
        self.feed(event)

    # The house

    @rule(
        what=st.sampled_from(["well"] * 4 + ["arm"] * 3 + ["clock", "clock gone", "unclean", "journal", "reduce"]),
        which=st.integers(0, 2),
    )
    def house(self, what: str, which: int) -> None:
        """Something is reported of the house, or put right; or a person arms or restricts."""
        account_id, name = ("cash", "margin")[which % 2], list(BY_NAME)[which]
        if what == "clock":
            self.feed(inputs.ClockSampled(self.now, "sim", (SECOND // 5) * (which + 1), SECOND // 100, END))
        elif what == "clock gone":
            self.feed(inputs.ClockSampled(self.now, "sim", 0, 0, self.now + SECOND))
        elif what == "unclean":
            self.feed(inputs.ReconciliationReported(self.now, account_id, clean=False, detail="an order more", valid_until=END))
        elif what == "journal":
            self.feed(inputs.JournalHealthReported(self.now, healthy=False, detail="slow"))
        elif what == "reduce":
            self.feed(inputs.OperatorCommand(self.now, "ann", OperatorAction.REDUCE_ONLY, Scope.STRATEGY, name, ""))
        elif what == "arm":
            self.arm(name)
        else:
            self.prepare()

    @rule(scoped=st.sampled_from(["cash", "margin", "sim"]), part=st.sampled_from([1, 1, 2, 3]), chance=st.integers(0, 3))
    def tighten(self, scoped: str, part: int, chance: int) -> None:
        """The limits of an account or the venue get tighter; what would loosen them changes nothing."""
        if chance:
            return
        scope = Scope.VENUE if scoped == "sim" else Scope.ACCOUNT
        limits = ScopeLimits(90 * USDT // part, 80 * USDT // part, 6 // part, 12 // part, 24 // part, 2 * USDT // part, 3 * USDT // part)
        self.feed(inputs.LimitsSet(self.now, scope, scoped, limits))

    @rule(restored=st.booleans(), chance=st.integers(0, 5))
    def restart(self, restored: bool, chance: int) -> None:
        """The process ends and another one goes on, from a snapshot or from the folded journal."""
        if chance:
            return
        self.now += SECOND
        self.open(restore_state(take_snapshot(self.engine.state if restored else self.auditor.shadow)))
        self.prepare()

    # What always holds

    @invariant()
    def the_state_is_the_fold(self) -> None:
        """After every step, to the byte."""
        if hasattr(self, "engine"):
            assert take_snapshot(self.auditor.shadow) == take_snapshot(self.engine.state)

    @invariant()
    def running_sums_are_what_adding_up_gives(self) -> None:
        """Books, reservations and counts equal those that positions and live orders give anew."""
        if not hasattr(self, "engine"):
            return
        state = self.engine.state
        books: dict[tuple[str, ...], list[Any]] = defaultdict(lambda: [0] * 10)
        reserved: dict[tuple[str, str], int] = defaultdict(int)
        for position in state.ledger.positions.values():
            for key in ((position.account_id, position.strategy_id), (position.account_id, "sim")):
                books[*key, position.instrument_id][0] += position.quantity
        for order in state.orders.values():
            if order.state not in MAY_REST_AT_VENUE:
                assert order.state in TERMINAL or order.state in (OrderState.INTENT_RECORDED, OrderState.APPROVED)
                continue
            place = 1 + 4 * (order.side is Side.SELL) + 2 * order.reduce_only
            worst = -(-self.auditor.worst_price(order) // 1)
            for key in ((order.account_id, order.strategy_id), (order.account_id, "sim")):
                book = books[*key, order.instrument_id]
                book[place] += order.remaining
                book[place + 1] += worst * order.remaining * FACTOR
                book[9] += 1
            one = INSTRUMENTS[order.instrument_id]
            if one.kind is InstrumentKind.SPOT:
                buying = order.side is Side.BUY
                amount = worst * order.remaining * FACTOR if buying else order.remaining * 10**5
                reserved[order.account_id, "USDT" if buying else one.base] += amount
        kept = state.exposures
        tables = [*kept.strategies.items(), *kept.accounts.items()]
        found = {(*key, name): list(book.sums) for key, table in tables for name, book in table.items() if any(book.sums)}
        assert found == {key: sums for key, sums in books.items() if any(sums)}
        assert {key: amount for key, amount in kept.reserved.items() if amount} == {
            key: amount for key, amount in reserved.items() if amount
        }

    @invariant()
    def no_lease_sees_more_executions_than_allowed(self) -> None:
        """However orders were lost and found again, within any hour of one lease."""
        if hasattr(self, "engine"):
            for name, times in self.auditor.executed.items():
                if name in self.engine.state.leases:
                    assert sum(ts > self.now - HOUR for ts in times) < WHOLE.maximum_executions_per_hour

    def teardown(self) -> None:
        """What was approved is counted, so that a machine that approves nothing is seen."""
        if hasattr(self, "engine"):
            APPROVALS.append(self.auditor.approvals)


APPROVALS: list[int] = []

TestJudging = Judging.TestCase
TestJudging.settings = settings(
    derandomize=True, deadline=None, max_examples=100, stateful_step_count=60, suppress_health_check=list(HealthCheck)
)
