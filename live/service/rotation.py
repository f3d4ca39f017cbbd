"""Rotation: what is pending is loaded by closing the session and opening the next one, while nothing is armed.

Each check refuses before anything was closed, so a load that cannot be done changes nothing. A promotion never arms: the next
session begins DISARMED, like every other.
"""

from collections.abc import Mapping

from live.configuration import Configuration
from live.core.errors import InterlockError
from live.core.state import may_follow
from live.core.vocabulary import Scope, TradingState
from live.promotion.cache import Accepted
from live.service.boot import gather_instruments
from live.service.deployments import load_deployments
from live.service.errors import ConflictError, UnavailableError
from live.service.running import RunningSession
from live.service.session import Session


def refuse_while_trading(running: RunningSession) -> None:
    """Refuse to close a session in which anything may trade or be traded.

    Raises:
        UnavailableError: trading is halted: the next session needs a person and a restart.
        ConflictError: something is armed, being killed, or an order is alive.
    """
    session = running.session
    driver, state = session.driver, session.driver.engine.state
    if driver.failure is not None:
        raise UnavailableError(f"trading is halted ({driver.failure}): look at the journal, then restart, which loads what is pending")
    armed = {
        *session.gate.leases,
        *state.leases,
        *(name for name in state.deployments if state.trading_state(Scope.STRATEGY, name) < TradingState.DISARMED),
    }
    if armed:
        raise ConflictError(f"{', '.join(sorted(armed))} is armed: disarm first, then load what is pending", armed=sorted(armed))
    if running.killing.busy:
        raise ConflictError("a kill is running: wait for its report, then load what is pending")
    if state.live_orders:
        orders = ", ".join(list(state.live_orders)[:5])
        raise ConflictError(f"orders may still be open ({orders}): wait until they are canceled, or restart, which recovers them")


def refuse_unloadable(configuration: Configuration, session: Session, pending: Mapping[str, Accepted], now: int) -> None:
    """Load what is pending on the side, as the next session will, and refuse when any of it does not load; may run on any thread.

    Raises:
        ConflictError: naming what does not load, and why.
    """
    statuses = {status.settings.strategy: status for status in load_deployments(configuration, configuration.home, now)}
    unloadable = [f"{name}: {statuses[name].refused or statuses[name].waiting}" for name in pending if statuses[name].loaded is None]
    if unloadable:
        raise ConflictError(f"what is pending does not load, and nothing was changed: {'; '.join(unloadable)}")
    try:
        instruments = gather_instruments(statuses, session.player)
    except InterlockError as error:
        raise ConflictError(f"what is pending does not fit the rest, and nothing was changed: {error}") from None
    known = session.driver.engine.state.instruments
    for instrument_id, instrument in instruments.items():
        if not may_follow(known.get(instrument_id), instrument):
            raise ConflictError(
                f"what is pending defines {instrument_id} anew ({instrument} after {known[instrument_id]}), and scales and assets are "
                "fixed for a journal's life: nothing was changed"
            )
