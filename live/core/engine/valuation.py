"""Valuation: what an account and a strategy are worth, owe and risk at the last prices; money units of one quote asset.

Everything here is None while an instrument that is held has no price: a guess would be a wrong number. Only positions that
are not flat are gone through, so the cost does not grow with what was ever traded.
"""

from collections.abc import Mapping
from typing import NamedTuple

from live.core.decimals import PARTS_PER_MILLION, divide_up
from live.core.market import InstrumentMarket
from live.core.retention import DAY
from live.core.state import EngineState, account_target
from live.core.vocabulary import AccountType, InstrumentKind, Scope

_PERPETUAL = InstrumentKind.PERPETUAL  # a module's own name costs a fifth of an attribute of an enumeration

Markets = Mapping[str, InstrumentMarket]


class Exposure(NamedTuple):
    """Hold the value of positions: without regard to their sign, and summed with it, money units."""

    gross: int
    net: int


class Margin(NamedTuple):
    """Hold what a margin account must keep, money units: to open what it holds, and so as not to be liquidated."""

    initial: int
    maintenance: int


class StrategyFigures(NamedTuple):
    """Hold how a strategy stands, money units; each None while it cannot be computed."""

    profit: int | None
    unrealised: int | None
    profit_today: int | None
    drawdown: int | None
    exposure: Exposure | None


class AccountFigures(NamedTuple):
    """Hold how an account stands in one quote asset, money units; each None while it cannot be computed."""

    equity: int | None
    profit_today: int | None
    drawdown: int | None
    exposure: Exposure | None
    margin: Margin | None


def strategy_figures(state: EngineState, markets: Markets, strategy_id: str, now: int) -> StrategyFigures:
    """Tell how a strategy stands, for a person."""
    return StrategyFigures(
        profit(state, markets, strategy_id),
        unrealised(state, markets, strategy_id),
        profit_today(state, markets, strategy_id, now),
        drawdown(state, markets, strategy_id),
        strategy_exposure(state, markets, strategy_id),
    )


def account_figures(state: EngineState, markets: Markets, account_id: str, quote: str, now: int) -> AccountFigures:
    """Tell how an account stands in one quote asset, for a person."""
    return AccountFigures(
        equity(state, markets, account_id, quote),
        account_profit_today(state, markets, account_id, quote, now),
        account_drawdown(state, markets, account_id, quote),
        account_exposure(state, markets, account_id, quote),
        margin(state, markets, account_id, quote),
    )


def equity(state: EngineState, markets: Markets, account_id: str, quote: str) -> int | None:
    """Value an account in one quote asset: its balance, what spot positions are worth and what perpetuals have gained.

    What was paid in of another asset, and no strategy bought, is not in it.
    """
    ledger = state.ledger
    total = ledger.balances.get((account_id, quote), 0)
    held = ledger.held.get(account_id)
    if held:
        instruments = state.instruments
        for position in held.values():
            instrument = instruments[position.instrument_id]
            if instrument.quote == quote:
                price = markets[position.instrument_id].last_price
                if price is None:
                    return None
                total += instrument.notional(price, position.quantity)
                if instrument.kind is _PERPETUAL:
                    total -= position.cost
    return total


def profit(state: EngineState, markets: Markets, strategy_id: str) -> int | None:
    """Value a strategy's profit since it first traded in the account it is deployed on, realised and not, after fees and funding.

    A strategy that is not deployed is valued over all accounts. Fees in an asset that is neither base nor quote are not in
    it: they have no price here, and stand in `Ledger.strategy_fees`.
    """
    deployment = state.deployments.get(strategy_id)
    total = 0
    for position in state.ledger.by_strategy.get(strategy_id, ()):
        if deployment is not None and position.account_id != deployment.account_id:
            continue
        # What it cashed is what it realised less fees and with funding, and for spot less its cost: see `ledger`.
        total += position.cash
        quantity = position.quantity
        if quantity:
            instrument_id = position.instrument_id
            instrument, price = state.instruments[instrument_id], markets[instrument_id].last_price
            if price is None:
                return None
            total += instrument.notional(price, quantity)
            if instrument.kind is _PERPETUAL:
                total -= position.cost
    return total


def account_profit(state: EngineState, markets: Markets, account_id: str, quote: str) -> int | None:
    """Value an account's profit in one quote asset: its equity less what was paid in, so a deposit or transfer is no profit."""
    worth = equity(state, markets, account_id, quote)
    return None if worth is None else worth - state.ledger.deposits.get((account_id, quote), 0)


def unrealised(state: EngineState, markets: Markets, strategy_id: str) -> int | None:
    """Value what closing all of a strategy's positions, in all accounts, would realise at the last prices."""
    total = 0
    for position in state.ledger.by_strategy.get(strategy_id, ()):
        if position.quantity:
            price = markets[position.instrument_id].last_price
            if price is None:
                return None
            total += position.unrealised(state.instruments[position.instrument_id].notional(price, position.quantity))
    return total


def profit_today(state: EngineState, markets: Markets, strategy_id: str, now: int) -> int | None:
    """Give a strategy's profit since the first price of this UTC day; None before that, too."""
    return _since_opening(profit(state, markets, strategy_id), state.day_profits.get(strategy_id), now)


def account_profit_today(state: EngineState, markets: Markets, account_id: str, quote: str, now: int) -> int | None:
    """Give an account's profit since the first price of this UTC day; None before that, too."""
    opened = state.account_days.get(account_target(account_id, quote))
    return _since_opening(account_profit(state, markets, account_id, quote), opened, now)


def drawdown(state: EngineState, markets: Markets, strategy_id: str) -> int | None:
    """Give how far a strategy's profit is below its peak; 0 above it, None before the first day of it was opened.

    The peak is the highest profit at the first price of any UTC day and after any fill, since the strategy was deployed on
    this account. A high between fills that had gone by the next day's opening is not in it.
    """
    return _below_peak(profit(state, markets, strategy_id), state.peaks.get((Scope.STRATEGY, strategy_id)))


def account_drawdown(state: EngineState, markets: Markets, account_id: str, quote: str) -> int | None:
    """Give how far an account's profit in a quote asset is below its peak, which is measured as a strategy's is."""
    peak = state.peaks.get((Scope.ACCOUNT, account_target(account_id, quote)))
    return _below_peak(account_profit(state, markets, account_id, quote), peak)


def account_exposure(state: EngineState, markets: Markets, account_id: str, quote: str) -> Exposure | None:
    """Value what an account holds in instruments of one quote asset; strategies that hold against each other count gross."""
    gross = net = 0
    for position in state.ledger.held.get(account_id, {}).values():
        instrument = state.instruments[position.instrument_id]
        if instrument.quote == quote:
            price = markets[position.instrument_id].last_price
            if price is None:
                return None
            value = instrument.notional(price, position.quantity)
            gross += abs(value)
            net += value
    return Exposure(gross, net)


def strategy_exposure(state: EngineState, markets: Markets, strategy_id: str) -> Exposure | None:
    """Value what a strategy holds, in all accounts; its instruments share one quote asset."""
    gross = net = 0
    for position in state.ledger.by_strategy.get(strategy_id, ()):
        if position.quantity:
            price = markets[position.instrument_id].last_price
            if price is None:
                return None
            value = state.instruments[position.instrument_id].notional(price, position.quantity)
            gross += abs(value)
            net += value
    return Exposure(gross, net)


def margin(state: EngineState, markets: Markets, account_id: str, quote: str) -> Margin | None:
    """Give the margins of what an account holds in instruments of one quote asset, rounded up; nothing for a cash account.

    The venue sees one position an instrument, so strategies that hold against each other need margin for the difference.
    """
    ledger = state.ledger
    initial = maintenance = 0
    if ledger.account(account_id).account_type is AccountType.CASH:
        return Margin(0, 0)
    for instrument_id, quantity in net_quantities(state, account_id, quote).items():
        price = markets[instrument_id].last_price
        if price is None:
            return None
        instrument = state.instruments[instrument_id]
        value = abs(instrument.notional(price, quantity))
        initial += divide_up(value * instrument.initial_margin_ppm, PARTS_PER_MILLION)
        maintenance += divide_up(value * instrument.maintenance_margin_ppm, PARTS_PER_MILLION)
    return Margin(initial, maintenance)


def margin_used(state: EngineState, markets: Markets, account_id: str, quote: str) -> int | None:
    """Give the collateral that opening what an account holds needs."""
    needed = margin(state, markets, account_id, quote)
    return None if needed is None else needed.initial


def maintenance_margin(state: EngineState, markets: Markets, account_id: str, quote: str) -> int | None:
    """Give the equity below which the venue liquidates what an account holds."""
    needed = margin(state, markets, account_id, quote)
    return None if needed is None else needed.maintenance


def net_quantities(state: EngineState, account_id: str, quote: str) -> dict[str, int]:
    """Sum what all strategies hold in an account, by instrument of one quote asset, in signed quantity units."""
    total: dict[str, int] = {}
    for position in state.ledger.held.get(account_id, {}).values():
        if state.instruments[position.instrument_id].quote == quote:
            total[position.instrument_id] = total.get(position.instrument_id, 0) + position.quantity
    return total


def _since_opening(made: int | None, opened: tuple[int, int] | None, now: int) -> int | None:
    if made is None or opened is None or opened[0] != now // DAY:
        return None
    return made - opened[1]


def _below_peak(made: int | None, peak: int | None) -> int | None:
    return None if made is None or peak is None else max(0, peak - made)
