"""Real venues: the adapters that a configuration asks for, made but not started."""

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from functools import partial

from live.configuration import Configuration, VenueSettings
from live.configuration.credentials import AccountKey
from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.core.market_events import BookDelta, BookSnapshot, Trade
from live.core.orders import OrderState
from live.core.runner import subscriptions
from live.core.state import EngineState
from live.service.account_lock import lock_account
from live.service.boot import Venues
from live.service.connections import TradingConnection
from live.service.deployments import DeploymentStatus
from live.service.feeds import FeedConnection
from live.service.scopes import venue_of
from live.venues.ccxt_adapter import DIALECTS, CcxtMarketFeed, CcxtTradingVenue, Credentials, Endpoint, TradingSettings
from live.venues.ccxt_adapter.ccxt_exchange import exchange_class
from live.venues.protocol import Gate, MarketFeed, MarketKind
from live.venues.request_budget import RequestBudget

HISTORY_MARGIN = 60_000_000_000
"""The trade history is read from this long before the last thing known, nanoseconds: clocks differ."""

_KINDS = {Bar: MarketKind.BARS, Trade: MarketKind.TRADES, BookSnapshot: MarketKind.BOOK, BookDelta: MarketKind.BOOK}


class RealVenues:
    """Make adapters for one session: those that ask one venue share its request budget.

    Attributes:
        feeds: market data by venue.
        trading: venues by the account that trades there.
    """

    def __init__(self, configuration: Configuration, state: EngineState, statuses: Mapping[str, DeploymentStatus]) -> None:
        self.feeds: dict[str, FeedConnection] = {}
        self.trading: dict[str, TradingConnection] = {}
        self._configuration = configuration
        self._state = state
        self._statuses = statuses
        self._endpoints = {name: endpoint_of(name, venue) for name, venue in configuration.venues.items() if venue.kind == "ccxt"}
        for dialect in {one.dialect.exchange for one in self._endpoints.values()}:
            exchange_class(dialect)  # seconds of importing, done here and not while the event loop waits for it
        self._budgets = {name: RequestBudget(one.dialect.limits) for name, one in self._endpoints.items()}

    def make_feeds(self, instruments: Mapping[str, Instrument]) -> None:
        """Make the feed of every venue that something is deployed on, for what is deployed there."""
        for venue_id, endpoint in self._endpoints.items():
            wanted = [one for one in instruments.values() if one.venue_id == venue_id]
            if wanted:
                make = partial(_make_feed, endpoint, self._budgets[venue_id])
                self.feeds[venue_id] = FeedConnection(make, venue_id, wanted, self._kinds(venue_id), self._warm_up(venue_id))

    def make_trading(
        self, keys: Mapping[str, AccountKey], instruments: Mapping[str, Instrument], venues: Venues, gate: Gate, now: int, held: ExitStack
    ) -> None:
        """Take the accounts with a LIVE deployment for this process alone, and make the venue of each; `held` lets go of them.

        Args:
            keys: the accounts' keys.
            instruments: what is deployed.
            venues: holds the request logs.
            gate: the last look before the transport.
            now: the machine's time, nanoseconds UTC.
            held: lets go of the accounts at the end.

        Raises:
            StartError: another process of this machine trades an account.
        """
        for account_id, venue_id in self._configuration.live_accounts.items():
            endpoint, key = self._endpoints[venue_id], keys[account_id]
            held.enter_context(lock_account(endpoint.http, key.key, venue_id, account_id, self._configuration.home))
            known = {**self._state.instruments, **instruments}
            traded = self._instruments_of(account_id, venue_id, instruments)
            venue = CcxtTradingVenue(
                endpoint,
                Credentials(account_id, key.key, key.secret, key.place),
                gate,
                history_since=_history_since(self._state, account_id, now),
                request_log=venues.logs.get(venue_id),
                settings=TradingSettings(scan_interval=self._configuration.venues[venue_id].fill_scan_seconds),
                budget=self._budgets[venue_id],
                recognises=lambda order_id: order_id in self._state.orders,
                strangers_since=(self._state.now or now) - HISTORY_MARGIN,
            )
            connection = self.trading[account_id] = TradingConnection(venue, [known[name] for name in traded], self._state.instruments)
            self._budgets[venue_id].when_banned(partial(connection.banned, self.trading))

    def _instruments_of(self, account_id: str, venue_id: str, instruments: Mapping[str, Instrument]) -> list[str]:
        """Name what an account trades, and what it has orders or positions in."""
        state = self._state
        names = {name: None for name, one in instruments.items() if one.venue_id == venue_id}
        names.update((one.instrument_id, None) for one in state.orders.values() if one.account_id == account_id)
        names.update((one.instrument_id, None) for one in state.ledger.held.get(account_id, {}).values())
        return [name for name in names if venue_of(name) == venue_id]

    def _kinds(self, venue_id: str) -> frozenset[MarketKind]:
        """Say what a venue's strategies and the checks of their orders read: prices, spread and depth always.

        Depth is not for LIVE alone: without it a rehearsed order is denied by chance, when less than it rests at the best price.
        """
        kinds = {MarketKind.BARS, MarketKind.QUOTES, MarketKind.BOOK}
        for status in self._of(venue_id):
            if status.runnable is not None:
                kinds.update(_KINDS[kind] for kind in subscriptions(type(status.runnable[0])) if kind in _KINDS)
        return frozenset(kinds)

    def _warm_up(self, venue_id: str) -> dict[str, int]:
        wanted: dict[str, int] = {}
        for status in self._of(venue_id):
            if status.loaded is not None:
                for instrument in status.loaded.version.instruments:
                    wanted[instrument.instrument_id] = max(wanted.get(instrument.instrument_id, 0), status.loaded.warm_up_bars)
        return wanted

    def _of(self, venue_id: str) -> Collection[DeploymentStatus]:
        return [status for status in self._statuses.values() if status.settings.venue == venue_id]


def endpoint_of(venue_id: str, venue: VenueSettings) -> Endpoint:
    """Say where a configured venue is, and how it is spoken to."""
    assert venue.dialect is not None, "checked when the configuration was loaded"
    return Endpoint(
        venue_id=venue_id,
        dialect=DIALECTS[venue.dialect],
        http=venue.http,
        web_socket=venue.web_socket,
        web_socket_api=venue.web_socket_api,
        receive_window=venue.recv_window_ms,
        timeout=venue.timeout_ms,
    )


def _make_feed(endpoint: Endpoint, budget: RequestBudget) -> MarketFeed:
    return CcxtMarketFeed(endpoint, budget=budget)


def _history_since(state: EngineState, account_id: str, now: int) -> int:
    """Give the venue time from which an account's executions are asked for: before any that may be missing here."""
    orders = (one for one in state.orders.values() if one.account_id == account_id)
    doubtful = [one.created_at for one in orders if one.order_id in state.live_orders or one.state is OrderState.NOT_PLACED]
    return min([state.now or now, now, *doubtful]) - HISTORY_MARGIN
