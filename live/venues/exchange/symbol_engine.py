"""The matching engine of one symbol: it admits orders, matches them, wakes stops, settles accounts and says what happened.

Sources: Binance Spot API documentation, "New order", "Self Trade Prevention FAQ", "Commission rates FAQ", "Unfilled order count rules".
"""

from collections.abc import Callable, Mapping
from copy import copy

from msgspec import Struct

from live.venues.exchange import errors
from live.venues.exchange.accounts import Account
from live.venues.exchange.announcer import Announcer, made_up_client_id
from live.venues.exchange.book import Book
from live.venues.exchange.events import AggregateTradeEvent, Event, TradeEvent
from live.venues.exchange.filters import STOP_TYPES, TAKES_AT_ANY_PRICE, check_position
from live.venues.exchange.fixed8 import ONE, Fixed8
from live.venues.exchange.market import AggregateTrade, PublicTrade
from live.venues.exchange.market_record import MarketRecord, MarketState
from live.venues.exchange.matching import Plan, Step, plan, plan_by_quote
from live.venues.exchange.orders import (
    OPEN_STATUSES,
    Execution,
    ExecutionType,
    ExpiryReason,
    OrderRequest,
    OrderStatus,
    OrderType,
    PreventedMatch,
    SelfTradePrevention,
    Side,
    TimeInForce,
    VenueOrder,
)
from live.venues.exchange.settlement import Settlement
from live.venues.exchange.stops import Stops, waits_for_rise
from live.venues.exchange.symbols import SymbolRules

TAKER_CREDIT = 1
"""What an order's first fill takes off the count of unfilled orders when it fills as it arrives."""

MAKER_CREDIT = 5
"""The same when it fills later: the documentation's example."""

NO_TRADE_GROUP = -1

_REJECT_REASONS = {
    errors.insufficient_balance().message: "INSUFFICIENT_BALANCES",
    errors.would_immediately_match().message: "WOULD_MATCH_IMMEDIATELY",
    errors.would_trigger_immediately().message: "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
}


class SymbolState(Struct, kw_only=True):
    """A symbol's engine as it is written down.

    Attributes:
        resting: account and order id of the orders on the book, bids then asks, each in priority.
    """

    order_id: int
    trade_id: int
    aggregate_id: int
    prevented_match_id: int
    execution_id: int
    update_id: int
    resting: list[tuple[str, int]]
    market: MarketState


class Outcome(Struct):
    """What an order's matching brought."""

    executions: list[Execution]
    prevented: list[PreventedMatch]


class SymbolEngine:
    """Match the orders of one symbol.

    Attributes:
        rules: the symbol.
        book: orders that rest, in their priority.
        stops: orders that wait for a price.
        market: what has traded.
    """

    __slots__ = (
        "_accounts",
        "_aggregate_id",
        "_announcer",
        "_events",
        "_highest",
        "_lowest",
        "_order_id",
        "_prevented_match_id",
        "_settlement",
        "_trade_id",
        "book",
        "market",
        "rules",
        "stops",
    )

    def __init__(
        self,
        rules: SymbolRules,
        accounts: Mapping[str, Account],
        events: list[Event],
        fees: dict[str, Fixed8],
        discount_price: Callable[[str], Fixed8],
    ) -> None:
        self.rules = rules
        self.book = Book()
        self.stops = Stops()
        self.market = MarketRecord(rules.symbol)
        self._accounts = accounts
        self._events = events
        self._announcer = Announcer(rules.symbol, events)
        self._settlement = Settlement(rules, self._announcer, fees, discount_price)
        self._order_id = 0
        self._trade_id = 0
        self._aggregate_id = 0
        self._prevented_match_id = -1
        # Lowest and highest price that traded since stops were looked at; the highest is 0 when none did.
        self._lowest: Fixed8 = 0
        self._highest: Fixed8 = 0

    @property
    def update_id(self) -> int:
        """Give the number of the last change to the book."""
        return self._announcer.update_id

    def place(self, account: Account, request: OrderRequest, now: int) -> tuple[VenueOrder, Outcome]:
        """Admit an order and match it.

        Raises:
            VenueError: -2010; nothing changed.
        """
        planned = self._admit(account, request)
        order = self._order(account, request, planned, now)
        outcome = Outcome([], [])
        self._settlement.lock(order, account, planned.cost if planned else 0)
        account.enter(order)
        if planned is None:
            self.stops.add(order)
            self._announcer.tell(order, account, ExecutionType.NEW, now)
        else:
            self._announcer.tell(order, account, ExecutionType.NEW, now)
            self._execute(order, account, planned, now, outcome)
            self._wake(now)
        self._announcer.finish(self.book, now)
        return copy(order), outcome

    def cancel(self, account: Account, order: VenueOrder, client_order_id: str, now: int) -> VenueOrder:
        """Take an open order off."""
        if order in self.stops:
            self.stops.remove(order)
        else:
            self.book.side(order.side).remove(order, order.remaining)
        self._end(order, account, OrderStatus.CANCELED, now)
        self._announcer.tell(order, account, ExecutionType.CANCELED, now, client_order_id=client_order_id)
        self._announcer.finish(self.book, now)
        return copy(order)

    def reject(self, account: Account, request: OrderRequest, error: errors.VenueError, now: int) -> None:
        """Tell an account that the new half of its cancel-replace was refused after the old order had gone."""
        if account.house:
            return
        order = self._order(account, request, None, now)
        order.status = OrderStatus.REJECTED
        order.is_working = False
        account.enter(order)
        account.close(order)
        self._announcer.tell(order, account, ExecutionType.REJECTED, now, reject_reason=_REJECT_REASONS.get(error.message, error.message))

    def cancel_client_id(self) -> str:
        """Make up the client id of a cancel request."""
        return self._announcer.cancel_client_id()

    def write(self) -> SymbolState:
        """Give the engine as it is written down."""
        return SymbolState(
            order_id=self._order_id,
            trade_id=self._trade_id,
            aggregate_id=self._aggregate_id,
            prevented_match_id=self._prevented_match_id,
            execution_id=self._announcer.execution_id,
            update_id=self._announcer.update_id,
            resting=[(order.account, order.order_id) for side in (self.book.bids, self.book.asks) for order in side.orders()],
            market=self.market.write(),
        )

    def read(self, state: SymbolState) -> None:
        """Become the engine that was written down; the accounts have been read before."""
        symbol = self.rules.symbol
        self._order_id = state.order_id
        self._trade_id = state.trade_id
        self._aggregate_id = state.aggregate_id
        self._prevented_match_id = state.prevented_match_id
        self._announcer.execution_id = state.execution_id
        self._announcer.update_id = state.update_id
        self.market = MarketRecord.read(symbol, state.market)
        for name, order_id in state.resting:
            order = self._accounts[name].open[symbol][order_id]
            self.book.side(order.side).add(order)
        self.book.bids.take_changes()
        self.book.asks.take_changes()
        for account in self._accounts.values():
            for order in account.open.get(symbol, {}).values():
                if order.type in STOP_TYPES and not order.triggered:
                    self.stops.add(order)

    def _admit(self, account: Account, request: OrderRequest) -> Plan | None:
        """Check what only the engine can, and plan the order's matching; None for a stop, which is not matched yet."""
        rules, side, kind = self.rules, request.side, request.type
        if not account.house and request.client_order_id:
            known = account.newest.get((rules.symbol, request.client_order_id))
            if known is not None and known.status in OPEN_STATUSES:
                raise errors.duplicate_order()
        if kind in STOP_TYPES:
            planned = None
            last = self.market.last_price
            stop = request.stop_price or 0
            if last and (last >= stop if waits_for_rise(kind, side) else last <= stop):
                raise errors.would_trigger_immediately()
        else:
            planned = self._plan(account, request)
        if kind is OrderType.LIMIT_MAKER and self._crosses(side, request.price or 0):
            raise errors.would_immediately_match()
        if account.house:
            return planned
        self._check_funds(account, request, planned)
        if side is Side.BUY:
            check_position(_quantity(request, planned), rules, account)
        return planned

    def _plan(self, account: Account, request: OrderRequest) -> Plan:
        rules = self.rules
        mode = self._stp_mode(account, request)
        opposite = self.book.opposite(request.side)
        if request.quote_quantity is None:
            return plan(opposite, request.side, account.name, request.price or 0, request.quantity or 0, mode)
        if not opposite.best:
            raise errors.new_order_rejected("Order book liquidity is less than symbol minimum quantity.")
        step = max(rules.step_size, rules.market_step_size, 1)
        most = rules.market_max_quantity or rules.max_quantity
        planned = plan_by_quote(opposite, account.name, request.quote_quantity, step, most, mode)
        if planned.size < rules.min_quantity and not any(step.prevented for step in planned.steps):
            if planned.exhausted:
                raise errors.new_order_rejected("Order book liquidity is less than LOT_SIZE filter minimum quantity.")
            raise errors.filter_failure("LOT_SIZE")
        return planned

    def _stp_mode(self, account: Account, request: OrderRequest) -> SelfTradePrevention:
        """Say how an order treats its own account's: the market trades with itself unless told otherwise."""
        return request.stp_mode or (SelfTradePrevention.NONE if account.house else self.rules.default_stp_mode)

    def _crosses(self, side: Side, price: Fixed8) -> bool:
        best = self.book.opposite(side).best
        return bool(best) and (price >= best if side is Side.BUY else price <= best)

    def _check_funds(self, account: Account, request: OrderRequest, planned: Plan | None) -> None:
        rules = self.rules
        if request.side is Side.SELL:
            enough = account.free(rules.base_asset) >= _quantity(request, planned)
        elif request.price is not None:
            enough = account.free(rules.quote_asset) >= request.price * (request.quantity or 0) // ONE
        else:
            # A stop without a limit holds nothing until it is triggered: what it will cost is not known.
            enough = planned is None or account.free(rules.quote_asset) >= planned.cost
        if not enough:
            raise errors.insufficient_balance()

    def _order(self, account: Account, request: OrderRequest, planned: Plan | None, now: int) -> VenueOrder:
        self._order_id += 1
        order_id, symbol = self._order_id, self.rules.symbol
        waits = planned is None
        return VenueOrder(
            account=account.name,
            symbol=symbol,
            order_id=order_id,
            client_order_id=request.client_order_id or ("" if account.house else made_up_client_id(symbol, "order", order_id)),
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force or TimeInForce.GTC,
            quantity=_quantity(request, planned),
            quote_quantity=request.quote_quantity or 0,
            price=request.price or 0,
            stop_price=request.stop_price or 0,
            stp_mode=self._stp_mode(account, request),
            time=now,
            update_time=now,
            working_time=-1 if waits else now,
            is_working=not waits,
            strategy_id=request.strategy_id,
            strategy_type=request.strategy_type,
        )

    def _execute(self, order: VenueOrder, account: Account, planned: Plan, now: int, outcome: Outcome) -> None:
        """Do what was planned, then let the rest of the order rest or expire."""
        if order.time_in_force is TimeInForce.FOK and planned.traded < order.remaining:
            self._expire(order, account, ExpiryReason.UNFILLED_FOK_ORDER_EXPIRED, now)
            return
        traded: Fixed8 = 0
        price: Fixed8 = 0
        first_trade_id = self._trade_id + 1
        for step in planned.steps:
            if step.prevented:
                self._prevent(order, account, step, now, outcome)
                continue
            if step.maker.price != price:
                self._aggregate(order, price, traded, first_trade_id, now)
                price, traded, first_trade_id = step.maker.price, 0, self._trade_id + 1
            traded += step.quantity
            self._trade(order, account, step, now, outcome)
        self._aggregate(order, price, traded, first_trade_id, now)
        if order.status not in OPEN_STATUSES:
            return
        if order.type in TAKES_AT_ANY_PRICE:
            self._expire(order, account, ExpiryReason.INSUFFICIENT_LIQUIDITY, now)
        elif order.time_in_force is not TimeInForce.GTC:
            self._expire(order, account, ExpiryReason.UNFILLED_IOC_QUANTITY_EXPIRED, now)
        else:
            self.book.side(order.side).add(order)

    def _trade(self, taker: VenueOrder, account: Account, step: Step, now: int, outcome: Outcome) -> None:
        maker, quantity = step.maker, step.quantity
        price = maker.price
        quote = price * quantity // ONE
        self._trade_id += 1
        trade_id = self._trade_id
        opposite = self.book.opposite(taker.side)
        if quantity == maker.remaining:
            opposite.remove(maker, quantity)
        else:
            opposite.reduce(maker, quantity)
        self._fill(maker, self._accounts[maker.account], price, quantity, quote, now, is_maker=True)
        execution = self._fill(taker, account, price, quantity, quote, now, is_maker=False)
        if execution is not None:
            outcome.executions.append(execution)
        selling = taker.side is Side.SELL
        self.market.record(PublicTrade(trade_id, price, quantity, quote, now, selling))
        buyer, seller = (maker.order_id, taker.order_id) if selling else (taker.order_id, maker.order_id)
        self._events.append(TradeEvent(self.rules.symbol, trade_id, price, quantity, buyer, seller, now, selling))
        if not self._highest:
            self._lowest = self._highest = price
        else:
            self._lowest = min(self._lowest, price)
            self._highest = max(self._highest, price)

    def _fill(
        self, order: VenueOrder, account: Account, price: Fixed8, quantity: Fixed8, quote: Fixed8, now: int, *, is_maker: bool
    ) -> Execution | None:
        """Settle one side of a trade."""
        rules = self.rules
        if not order.executed and not account.house:
            account.fill_credits += MAKER_CREDIT if is_maker else TAKER_CREDIT
        order.executed += quantity
        order.cumulative_quote += quote
        order.update_time = now
        remaining = order.remaining
        order.status = OrderStatus.PARTIALLY_FILLED if remaining else OrderStatus.FILLED
        fee_asset, fee = self._settlement.settle(order, account, quantity, quote, is_maker=is_maker)
        if not remaining:
            account.close(order)
        if account.house:
            return None
        buying = order.side is Side.BUY
        execution = Execution(
            account.name, rules.symbol, order.order_id, self._trade_id, price, quantity, quote, fee, fee_asset, now, buying, is_maker
        )
        account.executions.setdefault(rules.symbol, []).append(execution)
        self._announcer.tell(order, account, ExecutionType.TRADE, now, execution=execution)
        return execution

    def _prevent(self, taker: VenueOrder, account: Account, step: Step, now: int, outcome: Outcome) -> None:
        """Keep an account from trading with itself; `account` owns both orders."""
        maker, mode = step.maker, taker.stp_mode
        self._prevented_match_id += 1
        taker_quantity = 0 if mode is SelfTradePrevention.EXPIRE_MAKER else taker.remaining
        maker_quantity = 0 if mode is SelfTradePrevention.EXPIRE_TAKER else maker.remaining
        if mode is SelfTradePrevention.DECREMENT:
            taker_quantity = maker_quantity = step.quantity
        prevented = PreventedMatch(
            account.name,
            self.rules.symbol,
            self._prevented_match_id,
            taker.order_id,
            maker.order_id,
            NO_TRADE_GROUP,
            mode,
            maker.price,
            taker_quantity,
            maker_quantity,
            now,
        )
        if not account.house:
            account.prevented.setdefault(self.rules.symbol, []).append(prevented)
        outcome.prevented.append(prevented)
        if maker_quantity:
            side = self.book.side(maker.side)
            if maker_quantity == maker.remaining:
                side.remove(maker, maker_quantity)
            else:
                side.reduce(maker, maker_quantity)
            self._prevent_on(maker, account, maker_quantity, prevented, now)
        if taker_quantity:
            self._prevent_on(taker, account, taker_quantity, prevented, now)

    def _prevent_on(self, order: VenueOrder, account: Account, quantity: Fixed8, prevented: PreventedMatch, now: int) -> None:
        order.prevented += quantity
        order.prevented_match_id = prevented.prevented_match_id
        if not order.remaining:
            self._end(order, account, OrderStatus.EXPIRED_IN_MATCH, now)
        else:
            order.update_time = now
            if order.side is Side.SELL:
                self._settlement.hold(order, account, order.locked - quantity)
            elif order.price:
                self._settlement.hold(order, account, order.price * order.remaining // ONE)
        self._announcer.tell(order, account, ExecutionType.TRADE_PREVENTION, now, prevented=prevented)

    def _expire(self, order: VenueOrder, account: Account, reason: ExpiryReason, now: int) -> None:
        order.expiry_reason = reason
        self._end(order, account, OrderStatus.EXPIRED, now)
        self._announcer.tell(order, account, ExecutionType.EXPIRED, now)

    def _end(self, order: VenueOrder, account: Account, status: OrderStatus, now: int) -> None:
        """Let an order trade no more, and give back what it holds."""
        order.status = status
        order.update_time = now
        self._settlement.hold(order, account, 0)
        account.close(order)

    def _wake(self, now: int) -> None:
        """Activate the stops that trades have met, and those that their trades meet in turn."""
        while self._highest:
            lowest, highest = self._lowest, self._highest
            self._lowest = self._highest = 0
            for order in self.stops.take(lowest, highest):
                self._activate(order, now)

    def _activate(self, order: VenueOrder, now: int) -> None:
        account = self._accounts[order.account]
        order.triggered = True
        order.is_working = True
        order.working_time = order.update_time = now
        planned = plan(self.book.opposite(order.side), order.side, account.name, order.price, order.remaining, order.stp_mode)
        if not order.price and order.side is Side.BUY:
            if planned.cost > account.free(self.rules.quote_asset) and not account.house:
                self._expire(order, account, ExpiryReason.REJECTED, now)
                return
            self._settlement.lock(order, account, planned.cost)
        self._announcer.tell(order, account, ExecutionType.NEW, now)
        self._execute(order, account, planned, now, Outcome([], []))

    def _aggregate(self, taker: VenueOrder, price: Fixed8, quantity: Fixed8, first_trade_id: int, now: int) -> None:
        """Write down what one taker traded at one price."""
        if not quantity:
            return
        self._aggregate_id += 1
        selling = taker.side is Side.SELL
        last = self._trade_id
        self.market.aggregates.append(AggregateTrade(self._aggregate_id, price, quantity, first_trade_id, last, now, selling))
        self._events.append(AggregateTradeEvent(self.rules.symbol, self._aggregate_id, price, quantity, first_trade_id, last, now, selling))


def _quantity(request: OrderRequest, planned: Plan | None) -> Fixed8:
    """Give the base quantity of an order; one that was given in quote has what it would match."""
    if request.quantity is not None:
        return request.quantity
    return 0 if planned is None else planned.size
