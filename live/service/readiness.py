"""Readiness: is the service ready to trade, and if not, every reason why."""

from live.core.orders import UNKNOWN
from live.core.vocabulary import TradingState
from live.service.scopes import scope_name
from live.service.session import Session


def reasons_not_ready(session: Session | None) -> list[str]:
    """List why nothing, or not everything, can be armed and trade; empty when all can."""
    if session is None:
        return ["the session is not open"]
    driver, state = session.driver, session.driver.engine.state
    reasons = [f"deployment {name} was refused: {status.refused}" for name, status in session.deployments.items() if status.refused]
    reasons += [f"deployment {name} waits: {status.waiting}" for name, status in session.deployments.items() if status.waiting]
    reasons += [
        f"deployment {name} was withdrawn, {standing.withdrawn.code}: {standing.withdrawn.reason}"
        for name, standing in session.promotions.standings.items()
        if standing.withdrawn is not None
    ]
    reasons += [
        f"deployment {name} cannot be armed, {stale.code}: {stale.reason}"
        for name, status in session.deployments.items()
        if status.bundle is not None and (stale := session.promotions.stale(name)) is not None
    ]
    if not session.deployments:
        reasons.append("nothing is deployed: add a [[deployment]] to interlock.toml")
    if driver.failure is not None:
        reasons.append(f"trading is halted: {driver.failure}")
    reasons += _reasons_of_venues(session)
    reasons += [clock.reason for clock in session.clocks.values() if clock.reason]
    reasons += session.latency.reasons()
    if session.player is None and not session.feeds:
        reasons.append("no feed is configured: add a [feed] to interlock.toml")
    elif session.player is not None and session.player.ended is not None:
        reasons.append(f"no market data will come: {session.player.ended}")
    reasons += [f"{scope_name(*key)} is KILLED" for key, value in sorted(state.trading_states.items()) if value is TradingState.KILLED]
    unknown = sum(order.state in UNKNOWN for order in state.live_orders.values())
    if unknown:
        reasons.append(f"orders of unknown fate: {unknown}")
    return reasons


def _reasons_of_venues(session: Session) -> list[str]:
    """Say which real venues are not reached, whose market data does not flow, and which accounts are not known to equal their venue's."""
    state = session.driver.engine.state
    reasons = [f"the feed of {name} is down: {detail}" for feed in session.feeds.values() for name, detail in feed.faults().items()]
    for account_id, connection in session.trading.items():
        answer = state.reconciliations.get(account_id)
        if connection.detail is not None:
            reasons.append(f"account {account_id} cannot reach {connection.venue_id}: {connection.detail}")
        elif answer is None or session.driver.now() > answer.valid_until:
            reasons.append(f"account {account_id} is not known to equal {connection.venue_id}'s")
        elif not answer.clean:
            reasons.append(f"account {account_id} differs from {connection.venue_id}'s: {answer.detail}")
    return reasons
