"""Performance: the bases that daily loss and drawdown are measured from, and the watch over margin.

A day opens, for each strategy and each account it trades in, with the profit at the first price of a UTC day. The peak is
the highest profit at any day's opening and after any fill: a record each time it rises at any price would be more records
than bars. Nothing is liquidated here: an account whose equity is below its maintenance margin may only reduce.
"""

from typing import NamedTuple

from live.core import records
from live.core.decimals import PARTS_PER_MILLION, divide_up
from live.core.engine.authority import Authority
from live.core.engine.valuation import account_profit, equity, margin, net_quantities, profit
from live.core.engine.workspace import Workspace
from live.core.instruments import Instrument
from live.core.retention import DAY
from live.core.state import account_target
from live.core.vocabulary import AccountType, Scope, TradingState

_NEVER = (-1, 0)
_STRATEGY, _ACCOUNT = Scope.STRATEGY, Scope.ACCOUNT  # a module's own names cost a fifth of an enumeration's


class Band(NamedTuple):
    """Hold prices of an instrument, under the definition it was made for, at which no margin account can be short of equity."""

    instrument: Instrument
    lowest: int
    highest: int


class Performance:
    """Open days, raise peaks and call for margin.

    Attributes:
        next_day: engine time from which on a price opens a day that is not open yet.
        marginal: whether there are margin accounts, so that prices are to be watched.
    """

    __slots__ = ("_authority", "_bands", "_called", "_work", "marginal", "next_day")

    def __init__(self, work: Workspace, authority: Authority) -> None:
        self._work = work
        self._authority = authority
        self._called: set[tuple[str, str]] = set()
        self._bands: dict[str, Band] = {}
        self.next_day = 0
        self.marginal = False
        self.forget()

    def begin_session(self) -> None:
        """Open the day for this session's strategies at its first price."""
        self.next_day = 0
        self.forget()

    def forget(self) -> None:
        """Judge margin anew at the next price: what an account holds or may hold has changed."""
        self._bands.clear()
        self.marginal = any(account.account_type is AccountType.MARGIN for account in self._work.state.accounts.values())

    def _raise_peak(self, key: tuple[Scope, str], made: int | None) -> None:
        peak = self._work.state.peaks.get(key)
        if made is not None and (peak is None or made > peak):
            self._work.emit(records.PeakRaised(self._work.now, *key, made))

    def on_price(self, instrument_id: str) -> None:
        """Open the day and judge margin at a new price; need be called only from `next_day` on or while `marginal`."""
        if self._work.now >= self.next_day:
            self._open_day()
        if self.marginal:
            self._watch_margin(instrument_id)

    def _open_day(self) -> None:
        """Take profit at the first price of a UTC day as the base of daily loss, once it can be computed.

        A day that an earlier release opened has no peak yet; it gets one.
        """
        work = self._work
        state, day = work.state, work.now // DAY
        missing = False
        for strategy_id in work.runners:
            key = (Scope.STRATEGY, strategy_id)
            is_open = state.day_profits.get(strategy_id, _NEVER)[0] == day
            if is_open and key in state.peaks:
                continue
            made = profit(state, work.markets, strategy_id)
            if made is None:
                missing = True
                continue
            if not is_open:
                work.emit(records.DayOpened(work.now, strategy_id, day, made))
            self._raise_peak(key, made)
        for account_id, quote in state.accounts_in_use():
            target = account_target(account_id, quote)
            if state.account_days.get(target, _NEVER)[0] == day:
                continue
            made = account_profit(state, work.markets, account_id, quote)
            if made is None:
                missing = True
                continue
            work.emit(records.AccountDayOpened(work.now, account_id, quote, day, made))
            self._raise_peak((Scope.ACCOUNT, target), made)
        if not missing:
            self.next_day = (day + 1) * DAY

    def after_fill(self, strategy_id: str, account_id: str, quote: str) -> None:
        """Raise the peaks of a strategy and its account, where a fill leaves more profit than any before."""
        work = self._work
        state = work.state
        if self.marginal:
            self._bands.clear()
        key = (_STRATEGY, strategy_id)
        peak = state.peaks.get(key)
        if peak is not None and (made := profit(state, work.markets, strategy_id)) is not None and made > peak:
            work.emit(records.PeakRaised(work.now, *key, made))
        key = (_ACCOUNT, account_target(account_id, quote))
        peak = state.peaks.get(key)
        if peak is not None and (made := account_profit(state, work.markets, account_id, quote)) is not None and made > peak:
            work.emit(records.PeakRaised(work.now, *key, made))

    def _watch_margin(self, instrument_id: str) -> None:
        """Judge margin at a new price, unless it lies where no account can be short of it."""
        band = self._bands.get(instrument_id)
        if band is not None and band.instrument is self._work.state.instruments[instrument_id]:
            price = self._work.markets[instrument_id].last_price
            if price is not None and band.lowest <= price <= band.highest:
                return
        self._judge_margin()

    def _judge_margin(self) -> None:
        """Judge every margin account, and find the prices between which none has to be judged again."""
        work = self._work
        state = work.state
        self._bands = {
            name: Band(instrument, 0, market.last_price * 1_000)
            for name, market in work.markets.items()
            if (instrument := state.instruments[name]) and market.last_price is not None
        }
        for account_id in sorted(state.accounts):
            if state.accounts[account_id].account_type is AccountType.MARGIN:
                for quote in sorted({state.instruments[key[2]].quote for key in state.ledger.held.get(account_id, ())}):
                    self._judge_account(account_id, quote)

    def _judge_account(self, account_id: str, quote: str) -> None:
        work = self._work
        worth = equity(work.state, work.markets, account_id, quote)
        needed = margin(work.state, work.markets, account_id, quote)
        if worth is None or needed is None:
            slack = -1
        else:
            slack = worth - needed.maintenance
            if slack < 0:
                self._call(account_id, quote, worth, needed.maintenance)
            else:
                self._called.discard((account_id, quote))
        self._narrow(account_id, quote, slack)

    def _call(self, account_id: str, quote: str, worth: int, maintenance: int) -> None:
        said = f"equity of {account_id} is {worth} money units of {quote}, its maintenance margin {maintenance}"
        if (account_id, quote) not in self._called:
            self._called.add((account_id, quote))
            self._work.alarm("MARGIN_CALL", "", f"{said}: the venue may liquidate it; pay in or reduce")
        self._authority.restrict(Scope.ACCOUNT, account_id, TradingState.REDUCE_ONLY, f"margin call: {said}")

    def _narrow(self, account_id: str, quote: str, slack: int) -> None:
        """Narrow the bands of an account's instruments to the moves that cost, all together, less than its slack.

        A move of one price unit costs the account the value of one price unit, and raises its maintenance margin by a part of
        it. Each value is rounded to a money unit, which a unit a position and a price covers.
        """
        work = self._work
        quantities = net_quantities(work.state, account_id, quote)
        roundings = 4 * len(work.state.ledger.held.get(account_id, ()))
        for instrument_id, quantity in quantities.items():
            band, market = self._bands.get(instrument_id), work.markets[instrument_id]
            if band is None or market.last_price is None or slack < 0:
                self._bands.pop(instrument_id, None)
                continue
            value = abs(band.instrument.notional(1_000, quantity)) + 1
            cost = divide_up(value * (PARTS_PER_MILLION + band.instrument.maintenance_margin_ppm), PARTS_PER_MILLION)
            room = max(0, slack // len(quantities) - roundings) * 1_000 // cost
            lowest, highest = market.last_price - room, market.last_price + room
            self._bands[instrument_id] = Band(band.instrument, max(band.lowest, lowest), min(band.highest, highest))
