"""Boot: what a session is put together from, and the inputs it begins with, all of them closed."""

import platform
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog

from live.configuration import Configuration
from live.core import inputs
from live.core.decimals import MONEY_SCALE, format_scaled, parse_scaled
from live.core.entities import Order
from live.core.inputs import RecordedInput
from live.core.instruments import Instrument, merge_instruments
from live.core.orders import OrderState
from live.core.state import EngineState
from live.driver.clock import Clock, PlaybackClock, WallClock
from live.driver.engine_digest import engine_digest
from live.driver.playback import PlaybackStart, TapePlayer
from live.driver.recovery import Recovered
from live.driver.scheduler import Scheduler
from live.latch import clear, latch_path, read_latch
from live.service.deployments import DeploymentStatus
from live.service.errors import StartError
from live.service.gate import LatchGate
from live.service.scopes import configured_scopes, venue_of
from live.venues.by_account import VenueByAccount
from live.venues.protocol import Venue
from live.venues.request_log import RequestLog
from live.venues.sim import SimulatedVenue

NONCE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
NONCE_LENGTH = 8
VENUE_KEEPS = (OrderState.OPEN, OrderState.CANCEL_REQUESTED, OrderState.CANCEL_UNKNOWN)
"""States whose order a simulated venue still has after a restart: its acceptance was recorded and its end was not."""

log = structlog.get_logger()


def make_nonce() -> str:
    """Draw the part of client order ids that tells this session's orders from all others."""
    return "".join(secrets.choice(NONCE_ALPHABET) for _ in range(NONCE_LENGTH))


def make_feed(
    configuration: Configuration, recovered: Recovered, statuses: Mapping[str, DeploymentStatus]
) -> tuple[Clock, TapePlayer | None]:
    """Make the clock and the feed, which goes on where the session before stopped.

    Raises:
        StartError: the tape cannot be read.
    """
    if configuration.feed is None:
        return WallClock(), None
    after = max(configuration.feed_start, recovered.market.time, recovered.state.now)
    history: dict[str, int] = {}
    for status in statuses.values():
        if status.loaded is not None:
            for instrument in status.loaded.version.instruments:
                history[instrument.instrument_id] = max(history.get(instrument.instrument_id, 0), status.loaded.warm_up_bars)
    clock = PlaybackClock(after)
    tape = configuration.path(configuration.feed.tape)
    if not tape.is_file():
        raise StartError(f"feed.tape: there is no tape at {tape}: correct the path, or make one with `interlock dataset to-tape`")
    return clock, TapePlayer(tape, PlaybackStart(after, recovered.market, history), configuration.feed.speed, clock)


def gather_instruments(statuses: Mapping[str, DeploymentStatus], player: TapePlayer | None) -> dict[str, Instrument]:
    """Collect the instruments of bundles and feed.

    Raises:
        CoreError: two of them disagree about an instrument.
    """
    deployed = [instrument for status in statuses.values() if status.bundle is not None for instrument in status.bundle.version.instruments]
    return merge_instruments(deployed, () if player is None else player.instruments)


@dataclass(frozen=True)
class Venues:
    """Hold what orders can go to.

    Attributes:
        routes: the venue that takes every request of an instrument, by its id.
        simulated: the venues in this process, by id: the only ones there are, or those of accounts that are not LIVE.
        logs: request logs by venue, where one is kept.
    """

    routes: dict[str, Venue]
    simulated: dict[str, SimulatedVenue]
    logs: dict[str, RequestLog]


def make_venues(
    configuration: Configuration,
    instruments: Mapping[str, Instrument],
    state: EngineState,
    scheduler: Scheduler,
    gate: LatchGate,
    held: ExitStack,
) -> Venues:
    """Make the configured venues, each simulated one with the orders that the journal left on its book; `held` closes their request logs.

    Raises:
        StartError: an order is alive at a venue that is not configured any more, or a request log cannot be opened.
    """
    _refuse_lost_venues(configuration, state.live_orders.values())
    # Orders may be alive in instruments that nothing is deployed on any more.
    known = {**state.instruments, **instruments}
    real = configuration.live_accounts
    venues = Venues({}, {}, {})
    for venue_id, settings in configuration.venues.items():
        if settings.request_log:
            venues.logs[venue_id] = _open_request_log(configuration.home / settings.request_log)
            held.callback(venues.logs[venue_id].close)
        venue = SimulatedVenue(venue_id, known, settings.rules, scheduler.schedule, gate, request_log=venues.logs.get(venue_id))
        kept = [
            order
            for order in state.live_orders.values()
            if order.state in VENUE_KEEPS and venue_of(order.instrument_id) == venue_id and order.account_id not in real
        ]
        positions: Counter[tuple[str, str]] = Counter()
        for (account_id, _, instrument_id), position in state.ledger.positions.items():
            if account_id not in real:
                positions[account_id, instrument_id] += position.quantity
        venue.restore(kept, positions)
        venues.routes[venue_id] = venues.simulated[venue_id] = venue
    return venues


def route_accounts(venues: Venues, connections: Mapping[str, Venue]) -> None:
    """Send the orders of accounts that trade for real where their money is."""
    for venue_id, simulated in venues.simulated.items():
        accounts = {account_id: one for account_id, one in connections.items() if one.venue_id == venue_id}
        if accounts:
            venues.routes[venue_id] = VenueByAccount(venue_id, accounts, simulated)


def ensure_latches(configuration: Configuration, state: EngineState) -> None:
    """Create the latch of a scope that no session ever saw; one that was seen and is gone stays missing, which is engaged.

    Raises:
        StartError: a latch cannot be written.
    """
    for scope, target in configured_scopes(configuration):
        path = latch_path(configuration.home, scope, target)
        try:
            if not path.exists() and (scope, target) not in state.latches:
                clear(path, "created for a new scope")
        except OSError as error:
            raise StartError(
                f"the latch {path} cannot be created ({error.strerror}): without it nothing may trade, mend the disk"
            ) from None


def opening_inputs(
    configuration: Configuration,
    state: EngineState,
    started: inputs.SessionStarted,
    instruments: Iterable[Instrument],
) -> list[RecordedInput]:
    """List what the engine is told first: definitions, what the latches say, the session, and accounts seen for the first time."""
    now = started.ts_init
    opening: list[RecordedInput] = [inputs.InstrumentDefined(now, instrument) for instrument in instruments]
    for scope, target in configured_scopes(configuration):
        reading = read_latch(latch_path(configuration.home, scope, target))
        opening.append(inputs.LatchObserved(now, scope, target, reading.engaged, reading.reason))
    opening.append(started)
    for account_id, account in configuration.accounts.items():
        for asset, text in account.balances.items():
            amount, deposited = parse_scaled(text, MONEY_SCALE), state.ledger.deposits.get((account_id, asset))
            if deposited is None:
                opening.append(inputs.BalanceChanged(now, account_id, asset, amount, "opening balance"))
            elif deposited != amount:
                log.warning(
                    "the configured opening balance is not what the account was opened with: the journal's counts",
                    account_id=account_id,
                    asset=asset,
                    configured=format_scaled(amount, MONEY_SCALE),
                    deposited=format_scaled(deposited, MONEY_SCALE),
                )
    return opening


def session_started(
    configuration: Configuration, now: int, session_id: str, nonce: str, head: str, statuses: Iterable[DeploymentStatus]
) -> inputs.SessionStarted:
    """Say everything that must be equal for the session to replay to the same records."""
    return inputs.SessionStarted(
        now,
        session_id,
        nonce,
        secrets.randbits(63),
        engine_digest(),
        platform.python_version(),
        configuration.digest,
        head,
        tuple(deployment for status in statuses if (deployment := status.deployment) is not None),
    )


def _refuse_lost_venues(configuration: Configuration, orders: Iterable[Order]) -> None:
    for order in orders:
        venue_id = venue_of(order.instrument_id)
        if venue_id not in configuration.venues:
            raise StartError(
                f"order {order.order_id} of {order.strategy_id} may be alive at {venue_id}, which is not configured any more: "
                f'put [venues."{venue_id}"] back, so that it can be canceled'
            )


def _open_request_log(path: Path) -> RequestLog:
    try:
        return RequestLog(path)
    except OSError as error:
        raise StartError(f"the request log {path} cannot be opened ({error.strerror}): correct request_log, or mend the disk") from None
