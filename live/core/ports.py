"""Ports of the portfolio: where an order goes and what it may cost, each with the one implementation there is today.

Smart routing and calibrated costs come as further implementations; nothing else moves for them.
"""

from typing import NamedTuple, Protocol

import msgspec

from live.core.inputs import Deployment

FEE_RESERVE_PPM = 2_000
"""Fee set aside on every order: 0.2 %, twice Binance Spot's base rate of 0.1 %."""


class Route(msgspec.Struct, frozen=True, gc=False):
    """Say which account an order is for, and which instrument of which venue it trades."""

    account_id: str
    instrument_id: str


class Router(Protocol):
    """Choose where an intent goes."""

    def route(self, deployment: Deployment, instrument_id: str) -> Route:
        """Give the route of an order that a strategy wants in an instrument."""
        ...


class DeclaredRouter:
    """Send every order where its deployment says."""

    def route(self, deployment: Deployment, instrument_id: str) -> Route:
        """Give the deployment's account and the instrument as it was named."""
        return Route(deployment.account_id, instrument_id)


class CostModel(Protocol):
    """Estimate what an order may cost before it is sent."""

    def fee_reserve_ppm(self, account_id: str, instrument_id: str) -> int:
        """Give the fee to set aside, parts per million of the notional."""
        ...


class FlatReserve:
    """Set the same share aside for every order."""

    def fee_reserve_ppm(self, account_id: str, instrument_id: str) -> int:
        """Give the flat reserve, parts per million of the notional."""
        del account_id, instrument_id
        return FEE_RESERVE_PPM


class Ports(NamedTuple):
    """Hold the implementations an engine uses."""

    router: Router = DeclaredRouter()
    costs: CostModel = FlatReserve()
