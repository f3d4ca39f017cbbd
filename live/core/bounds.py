"""Bounds: what a strategy's orders are judged by, looked up once when limits are set and not with every order."""

from collections.abc import Iterable, Mapping

import msgspec

from live.core.inputs import Deployment
from live.core.instruments import Instrument
from live.core.limits import Limits, complete
from live.core.scope_limits import ScopeLimits, sum_of, tighten
from live.core.vocabulary import Scope

ScopeKey = tuple[Scope, str]


class Purse(msgspec.Struct, frozen=True, gc=False):
    """Name an account's profit in one quote asset: the account, its day, and the scope of its peak."""

    account_id: str
    target: str
    peak: ScopeKey


class Bounds(msgspec.Struct, frozen=True, gc=False):
    """Hold one strategy's limits and those of the scopes it shares.

    Attributes:
        limits: the strategy's own, complete.
        account: scope of its account.
        venue: scope of its venue.
        account_limits: limits of the account.
        venue_limits: limits of the venue.
        takes_all: whether account and venue take every order type and time in force.
        peak: scope of its own highest profit.
        purse: what its account made in its quote asset.
        others: what the other accounts on its venue made in it.
        fewest_open_orders: the smallest of its, its account's and its venue's bounds on orders alive; fewer reach none of them.
        fewest_requests: the smallest of their bounds on orders a minute, and on requests less one: while what is alive and what was
            sent and canceled in a scope are fewer together, no bound is reached there, and one more order could be canceled.
    """

    limits: Limits
    account: ScopeKey
    venue: ScopeKey
    account_limits: ScopeLimits
    venue_limits: ScopeLimits
    takes_all: bool
    peak: ScopeKey
    purse: Purse
    others: tuple[Purse, ...]
    fewest_open_orders: int
    fewest_requests: int


def derive_bounds(
    deployments: Iterable[Deployment], given: Mapping[ScopeKey, ScopeLimits], instruments: Mapping[str, Instrument]
) -> dict[str, Bounds]:
    """Derive the bounds of every deployed strategy: what is not given for an account or a venue is the sum of its strategies'."""
    deployed = list(deployments)
    limits = {one.strategy_id: complete(one.limits) for one in deployed}
    quotes = {one.strategy_id: _quote(one, instruments) for one in deployed}
    sharing: dict[ScopeKey, list[Limits]] = {}
    purses: dict[tuple[str, str], dict[str, Purse]] = {}
    for one in deployed:
        for scope in ((Scope.ACCOUNT, one.account_id), (Scope.VENUE, one.venue_id)):
            sharing.setdefault(scope, []).append(limits[one.strategy_id])
        quote = quotes[one.strategy_id]
        target = account_target(one.account_id, quote)
        purses.setdefault((one.venue_id, quote), {})[one.account_id] = Purse(one.account_id, target, (Scope.ACCOUNT, target))
    nothing = ScopeLimits()
    shared = {scope: tighten(sum_of(sets), given.get(scope, nothing)) for scope, sets in sharing.items()}
    bounds: dict[str, Bounds] = {}
    for one in deployed:
        account, venue = (Scope.ACCOUNT, one.account_id), (Scope.VENUE, one.venue_id)
        both = (shared[account], shared[venue])
        on_venue = purses[one.venue_id, quotes[one.strategy_id]]
        own = limits[one.strategy_id]
        alive, orders = (own.maximum_open_orders, own.maximum_instrument_open_orders), own.maximum_orders_per_minute
        requests = (each for scope in both for each in (scope.maximum_orders_per_minute, scope.maximum_requests_per_minute - 1))
        bounds[one.strategy_id] = Bounds(
            own,
            account,
            venue,
            *both,
            takes_all=all(scope.order_types is None and scope.times_in_force is None for scope in both),
            peak=(Scope.STRATEGY, one.strategy_id),
            purse=on_venue[one.account_id],
            others=tuple(purse for account_id, purse in on_venue.items() if account_id != one.account_id),
            fewest_open_orders=min(*alive, *(scope.maximum_open_orders for scope in both)),
            fewest_requests=min(orders, *requests),
        )
    return bounds


def account_target(account_id: str, quote: str) -> str:
    """Name what an account made in one quote asset, as `paper/USDT`."""
    return f"{account_id}/{quote}"


def _quote(deployment: Deployment, instruments: Mapping[str, Instrument]) -> str:
    """Give the one quote asset of a deployment's instruments, empty while none of them is defined."""
    return next((instruments[name].quote for name in deployment.instrument_ids if name in instruments), "")
