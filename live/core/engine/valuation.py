"""Valuation: what an account and a strategy are worth at the last prices."""

from collections.abc import Mapping

from live.core.market import InstrumentMarket
from live.core.state import EngineState


def equity(state: EngineState, markets: Mapping[str, InstrumentMarket], account_id: str, quote: str) -> int | None:
    """Value an account in one quote asset: cash and all strategies' positions; None while a held instrument has no price."""
    total = state.ledger.balance(account_id, quote)
    for position in state.ledger.positions.values():
        instrument = state.instruments[position.instrument_id]
        if position.account_id == account_id and instrument.quote == quote and position.quantity:
            price = markets[position.instrument_id].last_price
            if price is None:
                return None
            total += instrument.notional(price, position.quantity)
    return total


def profit(state: EngineState, markets: Mapping[str, InstrumentMarket], strategy_id: str) -> int | None:
    """Value a strategy's profit since it first traded, realised and not, after fees; None while a held instrument has no price."""
    total = 0
    for position in state.ledger.positions.values():
        if position.strategy_id != strategy_id:
            continue
        price = markets[position.instrument_id].last_price
        if price is None:
            if position.quantity:
                return None
            price = 0
        total += position.profit(state.instruments[position.instrument_id].notional(price, 1))
    return total
