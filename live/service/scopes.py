"""Scopes: what can be stopped here, and which orders a scope covers."""

from live.configuration import Configuration
from live.core.entities import Order
from live.core.vocabulary import Scope

ScopeKey = tuple[Scope, str]
"""A scope and its target; the target of the global scope is empty."""


def configured_scopes(configuration: Configuration) -> list[ScopeKey]:
    """List every scope that a latch guards: global, each venue, account and deployed strategy."""
    return [
        (Scope.GLOBAL, ""),
        *((Scope.VENUE, name) for name in configuration.venues),
        *((Scope.ACCOUNT, name) for name in configuration.accounts),
        *((Scope.STRATEGY, deployment.strategy) for deployment in configuration.deployments),
    ]


def scope_name(scope: Scope, target: str) -> str:
    """Name a scope for people, like `STRATEGY ema_cross`."""
    return f"{scope} {target}".rstrip()


def covers(scope: Scope, target: str, order: Order) -> bool:
    """Tell whether a scope covers an order; its strategy need not be deployed any more."""
    if scope is Scope.GLOBAL:
        return True
    names = {Scope.VENUE: venue_of(order.instrument_id), Scope.ACCOUNT: order.account_id, Scope.STRATEGY: order.strategy_id}
    return names[scope] == target


def venue_of(instrument_id: str) -> str:
    """Give the venue of an instrument."""
    return instrument_id.partition(":")[0]
