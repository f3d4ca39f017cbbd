"""Venues: addresses that may carry a key, and which modes a venue, an account and this host allow."""

import ipaddress
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from math import ceil
from urllib.parse import urlsplit

from msgspec.structs import replace

from live.configuration.settings import (
    AccountSettings,
    ClockSettings,
    ConfigurationError,
    DeploymentSettings,
    LiveSettings,
    VenueSettings,
)
from live.driver.adapter_digest import adapter_digest
from live.promotion.conformance import AdapterAddress

TEST_NETWORKS = frozenset(
    {
        "testnet.binance.vision",
        "api.testnet.binance.vision",
        "stream.testnet.binance.vision",
        "ws-api.testnet.binance.vision",
    }
)
"""Hosts of venues' own test networks, where no real money is."""

LONGEST_RECEIVE_WINDOW_MS = 60_000
"""The longest that Binance takes (binance-spot-api-docs, "Timing security")."""
LONGEST_TIMEOUT_MS = 60_000
LONGEST_PERIOD_SECONDS = 300.0
"""The longest between two looks at what a venue has: silence denies after two of them."""
SHORTEST_SCAN_SECONDS = 0.5
COMPARISON_WEIGHT = 100
"""Request weight of one comparison of an account: all its open orders, 80, and its balances, 20 (binance-spot-api-docs, "rest-api.md")."""
COMPARISON_WEIGHT_PER_MINUTE = 4_500
"""How much of the venue's weight a minute comparisons may use: the rest is kept for orders and their cancels."""

_ONLY_CCXT = ("dialect", "simulated", "http", "web_socket", "web_socket_api", "recv_window_ms", "timeout_ms", "latency_budget_ms", "clock")
_DEFAULTS = VenueSettings()


def check_venue(name: str, venue: VenueSettings) -> None:
    """Refuse a venue that cannot be spoken to, or whose address does not fit what is said of its money.

    Raises:
        ConfigurationError: naming the key and what to write.
    """
    place = f'venues."{name}"'
    if venue.kind == "simulated":
        if needless := [key for key in _ONLY_CCXT if getattr(venue, key) != getattr(_DEFAULTS, key)]:
            raise ConfigurationError(f'{place}.{needless[0]}: a venue of kind "simulated" has none: leave it out, or write kind = "ccxt"')
        return
    if venue.dialect is None:
        raise ConfigurationError(f'{place}.dialect is missing: a venue of kind "ccxt" has one, like dialect = "binance"')
    hosts = [_host(f"{place}.http", venue.http, "http"), _host(f"{place}.web_socket", venue.web_socket, "ws")]
    if venue.web_socket_api:
        hosts.append(_host(f"{place}.web_socket_api", venue.web_socket_api, "ws"))
    if venue.simulated and (real := [host for host in hosts if not _is_near(host) and host not in TEST_NETWORKS]):
        raise ConfigurationError(
            f"{place}.simulated: real money may be behind {real[0]}: only this machine, a private network and the test networks "
            f"{', '.join(sorted(TEST_NETWORKS))} are taken for simulated; write simulated = false"
        )
    _check_bounds(place, venue)
    _check_clock(f"{place}.clock", venue.clock)


def _host(place: str, address: str, scheme: str) -> str:
    """Give the host of an address, which has no path and hides a key from the network."""
    example = f"{scheme}://127.0.0.1:18080"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = None, None
    bare = parts is not None and not (parts.path or parts.query or parts.fragment or parts.username or parts.password)
    if parts is None or not host or not bare or parts.scheme not in (scheme, f"{scheme}s"):
        raise ConfigurationError(f"{place} must be an address like {example} without a path, received {address!r}")
    if parts.scheme == scheme and not _is_near(host):
        raise ConfigurationError(f"{place}: a key would cross the network to {host} in the clear: write {scheme}s://")
    return host


def _is_near(host: str) -> bool:
    """Tell whether a host is this machine or lies in a private network: a bare name is one of a network of containers."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host
    return address.is_loopback or address.is_private


def _check_bounds(place: str, venue: VenueSettings) -> None:
    for key, value, highest in (
        ("recv_window_ms", venue.recv_window_ms, LONGEST_RECEIVE_WINDOW_MS),
        ("timeout_ms", venue.timeout_ms, LONGEST_TIMEOUT_MS),
        ("latency_budget_ms", venue.latency_budget_ms, LONGEST_TIMEOUT_MS),
    ):
        if value is not None and not 1 <= value <= highest:
            raise ConfigurationError(f"{place}.{key} must lie within 1..{highest}, received {value}")
    for key, period, shortest in (
        ("reconcile_seconds", venue.reconcile_seconds, _shortest_reconciliation(1)),
        ("fill_scan_seconds", venue.fill_scan_seconds, SHORTEST_SCAN_SECONDS),
    ):
        if not shortest <= period <= LONGEST_PERIOD_SECONDS:
            raise ConfigurationError(f"{place}.{key} must lie within {shortest:g}..{LONGEST_PERIOD_SECONDS:g}, received {period}")


def pace_comparisons(
    venues: Mapping[str, VenueSettings], deployments: Sequence[DeploymentSettings], written: Collection[str]
) -> dict[str, VenueSettings]:
    """Give the venues with as long between comparisons as their LIVE accounts need, except where a person wrote it.

    Args:
        venues: what is configured.
        deployments: what is deployed.
        written: dotted names of the values that somebody wrote.
    """
    live = Counter({deployment.account: deployment.venue for deployment in deployments if deployment.mode == "LIVE"}.values())
    return {
        name: venue
        if venue.kind != "ccxt" or f"venues.{name}.reconcile_seconds" in written
        else replace(venue, reconcile_seconds=max(venue.reconcile_seconds, _shortest_reconciliation(live[name])))
        for name, venue in venues.items()
    }


def _shortest_reconciliation(accounts: int) -> float:
    """Give the shortest time between comparisons that so many accounts behind one address can afford, seconds."""
    return ceil(accounts * COMPARISON_WEIGHT * 60 / COMPARISON_WEIGHT_PER_MINUTE * 10) / 10


def _check_clock(place: str, clock: ClockSettings) -> None:
    if not 1 <= clock.warn_ms <= clock.stop_ms <= clock.disarm_ms <= LONGEST_RECEIVE_WINDOW_MS:
        raise ConfigurationError(
            f"{place}: 1 <= warn_ms <= stop_ms <= disarm_ms <= {LONGEST_RECEIVE_WINDOW_MS} was expected, received "
            f"{clock.warn_ms}, {clock.stop_ms} and {clock.disarm_ms}"
        )
    if not 0.1 <= clock.sample_seconds <= clock.maximum_age_seconds <= LONGEST_PERIOD_SECONDS:
        raise ConfigurationError(
            f"{place}: 0.1 <= sample_seconds <= maximum_age_seconds <= {LONGEST_PERIOD_SECONDS:g} was expected, received "
            f"{clock.sample_seconds} and {clock.maximum_age_seconds}"
        )


def check_mode(deployment: DeploymentSettings, venue: VenueSettings, live: LiveSettings) -> None:
    """Refuse a mode that the venue or this host does not have.

    Raises:
        ConfigurationError: naming the deployment and what to write.
    """
    name, mode = deployment.strategy, deployment.mode
    if mode == "DRY_RUN":
        return
    if venue.kind == "simulated":
        raise ConfigurationError(
            f"deployment {name}: mode {mode} needs a venue with an address, {deployment.venue} is simulated in this process: use DRY_RUN, "
            f'or write kind = "ccxt" for the venue'
        )
    if mode != "LIVE":
        return
    if not live.enabled:
        raise ConfigurationError(f"deployment {name}: mode LIVE is off on this host: write enabled = true under [live] if it should trade")
    if deployment.alias is not None and deployment.alias != "champion":
        raise ConfigurationError(
            f"deployment {name}: alias {deployment.alias!r} does not ask for LIVE: follow the champion, or use DRY_RUN or SHADOW"
        )


def check_modes(
    deployments: Sequence[DeploymentSettings],
    venues: Mapping[str, VenueSettings],
    accounts: Mapping[str, AccountSettings],
    *,
    has_feed: bool,
) -> None:
    """Refuse deployments that do not go together: real and imagined money on one account, and a shadow of nothing.

    Raises:
        ConfigurationError: naming the deployment and what to write.
    """
    live = {deployment.account: deployment for deployment in deployments if deployment.mode == "LIVE"}
    _check_variables(list(live))
    traded_live = Counter(deployment.venue for deployment in live.values())
    for name, count in traded_live.items():
        if venues[name].kind == "ccxt" and venues[name].reconcile_seconds < (shortest := _shortest_reconciliation(count)):
            raise ConfigurationError(
                f'venues."{name}".reconcile_seconds must be at least {shortest:g}, received {venues[name].reconcile_seconds}: the {count} '
                f"accounts that are LIVE there would use up its request limit with comparisons alone"
            )
    for deployment in deployments:
        name, mode, account = deployment.strategy, deployment.mode, deployment.account
        if has_feed and venues[deployment.venue].kind == "ccxt":
            raise ConfigurationError(
                f"deployment {name}: {deployment.venue} sends its own market data, and [feed] plays a tape on a clock of its own: keep one"
            )
        if mode == "SHADOW" and deployment.venue not in traded_live:
            raise ConfigurationError(
                f"deployment {name}: mode SHADOW runs beside a LIVE deployment, and {deployment.venue} has none: use DRY_RUN"
            )
        other = live.get(account)
        if other is None:
            if not accounts[account].balances:
                raise ConfigurationError(f"accounts.{account}.balances is empty, and {name} would have nothing to trade with: add some")
            continue
        if mode != "LIVE":
            raise ConfigurationError(
                f"deployment {name}: account {account} is {other.strategy}'s LIVE account, and its ledger must hold real money only: "
                f"give {mode} an account of its own"
            )
        if other.venue != deployment.venue:
            raise ConfigurationError(
                f"deployment {name}: account {account} is LIVE at {other.venue} and at {deployment.venue}, and its key is for one venue: "
                "give each venue its own account"
            )
        if accounts[account].balances:
            raise ConfigurationError(
                f"accounts.{account}.balances: the account is LIVE, so the venue says what is on it: leave the balances out"
            )


def _check_variables(accounts: Sequence[str]) -> None:
    """Refuse two LIVE accounts that would read the same key."""
    readers: dict[str, str] = {}
    for account in accounts:
        variable = key_variables(account)[0]
        other = readers.setdefault(variable, account)
        if other != account:
            raise ConfigurationError(f"accounts {other} and {account} are both LIVE and both read {variable}: rename one")


def key_variables(account_id: str) -> tuple[str, str]:
    """Name the environment variables of an account's key and secret."""
    name = re.sub(r"[^A-Z0-9]", "_", account_id.upper())
    return f"INTERLOCK_KEY_{name}", f"INTERLOCK_SECRET_{name}"


def adapter_address(name: str, venue: VenueSettings, kit_version: str) -> AdapterAddress:
    """Say of which adapter, at which address, conformance evidence of a venue must be.

    Raises:
        ConfigurationError: the venue is simulated in this process, so there is no adapter.
    """
    if venue.dialect is None:
        raise ConfigurationError(f"{name} is simulated in this process and has no adapter: name a venue of kind ccxt")
    return AdapterAddress(
        venue_id=name,
        dialect=venue.dialect,
        http=venue.http,
        web_socket=venue.web_socket,
        web_socket_api=venue.web_socket_api or venue.web_socket,
        adapter_digest=adapter_digest(),
        kit_version=kit_version,
    )
