"""Valuation: what an account and a strategy are worth at the last prices."""

from collections.abc import Mapping

from live.core.market import InstrumentMarket
from live.core.state import EngineState


def equity(state: EngineState, markets: Mapping[str, InstrumentMarket], account_id: str, quote: str) -> int | None:
    """Value an account in one quote asset: cash and all strategies' positions; None while a held instrument has no price."""
    total = state.ledger.balance(account_id, quote)
    for position in state.ledger.positions.values():
        if position.quantity and position.account_id == account_id:
            instrument = state.instruments[position.instrument_id]
            if instrument.quote == quote:
                price = markets[position.instrument_id].last_price
                if price is None:
                    return None
                total += instrument.notional(price, position.quantity)
    return total


def profit(state: EngineState, markets: Mapping[str, InstrumentMarket], strategy_id: str) -> int | None:
    """Value a strategy's profit since it first traded in the account it is deployed on, realised and not, after fees.

    None while a held instrument has no price. A strategy that is not deployed is valued over all accounts.
    """
    deployment = state.deployments.get(strategy_id)
    total = 0
    for position in state.ledger.positions.values():
        if position.strategy_id != strategy_id or (deployment is not None and position.account_id != deployment.account_id):
            continue
        total += position.cash
        if position.quantity:
            price = markets[position.instrument_id].last_price
            if price is None:
                return None
            total += state.instruments[position.instrument_id].notional(price, position.quantity)
    return total
