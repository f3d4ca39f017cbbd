"""Loading: the effective configuration out of the file, the environment and the defaults, checked against itself."""

import hashlib
import math
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from live.configuration.explaining import convert
from live.configuration.settings import (
    CONFIGURATION_SCHEMA,
    AccountSettings,
    ArmingSettings,
    ConfigurationError,
    ConfigurationFile,
    DeploymentSettings,
    FeedSettings,
    LiveSettings,
    PromotionSettings,
    RegistrySettings,
    ServiceSettings,
    VenueSettings,
    parse_time,
)
from live.configuration.venues import check_mode, check_modes, check_venue, pace_comparisons
from live.core.decimals import MONEY_SCALE, parse_scaled
from live.core.errors import DecimalError, InterlockError
from live.core.scope_limits import parse_scope_limits
from live.latch import home_directory
from live.promotion import INTEGRITY_GATES, TrustedKey
from live.promotion.admission import ALIASES, Demands
from live.promotion.keys import parse_trusted_key

CONFIGURATION_FILE = "interlock.toml"
LARGEST_BALANCE = 2**62 - 1
"""In money units: a sum of two still fits the 64 bits that a journal can hold."""
LONGEST_LEASE_SECONDS = 86_400
LONGEST_CHALLENGE_SECONDS = 600
LONGEST_POLL_SECONDS = 3_600
LONGEST_AGE_SECONDS = 86_400

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_LARGEST_PORT = 65_535


class Configuration(msgspec.Struct, frozen=True):
    """Hold the effective configuration.

    Attributes:
        home: directory of all mutable state.
        keys: directory of private keys and token digests, outside the repository.
        file: the configuration file, None when there is none.
        origins: where each value came from, by its dotted name; what is not listed is a default.
        digest: sha256 over the effective values, which a lease is bound to.
    """

    home: Path
    keys: Path
    file: Path | None
    service: ServiceSettings
    arming: ArmingSettings
    live: LiveSettings
    promotion: PromotionSettings
    registry: RegistrySettings | None
    trusted_keys: tuple[TrustedKey, ...]
    accounts: dict[str, AccountSettings]
    venues: dict[str, VenueSettings]
    feed: FeedSettings | None
    deployments: tuple[DeploymentSettings, ...]
    origins: dict[str, str]

    @property
    def digest(self) -> str:
        """Hash every value that decides what the service does, in hexadecimal sha256."""
        age = None if self.registry is None else self.registry.maximum_age_seconds
        parts = (self.arming, self.live, self.promotion, age, self.trusted_keys, self.accounts, self.venues, self.feed, self.deployments)
        return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()

    def path(self, text: str) -> Path:
        """Resolve a path of the configuration file against that file's directory."""
        base = Path.cwd() if self.file is None else self.file.resolve().parent
        return base / text

    @property
    def feed_start(self) -> int:
        """Give the time after which the feed begins, nanoseconds UTC; 0 for the whole tape."""
        return 0 if self.feed is None or not self.feed.start else parse_time(self.feed.start)

    @property
    def live_accounts(self) -> dict[str, str]:
        """Give the venue of each account that a LIVE deployment trades; only these have a key in this process."""
        return {deployment.account: deployment.venue for deployment in self.deployments if deployment.mode == "LIVE"}

    @property
    def demands(self) -> Demands:
        """Give what this host demands of every bundle."""
        return Demands(self.trusted_keys, self.promotion.requirements, self.promotion.revoked)

    def values(self) -> dict[str, str]:
        """List every effective value by its dotted name, as text."""
        document: dict[str, Any] = {
            "schema": CONFIGURATION_SCHEMA,
            "home": str(self.home),
            "keys": str(self.keys),
            "service": msgspec.to_builtins(self.service),
            "arming": msgspec.to_builtins(self.arming),
            "live": msgspec.to_builtins(self.live),
            "promotion": {**msgspec.to_builtins(self.promotion), "requirements": self._requirements()},
            "registry": msgspec.to_builtins(self.registry),
            "trusted_keys": [msgspec.to_builtins(key) for key in self.trusted_keys],
            "accounts": msgspec.to_builtins(self.accounts),
            "venues": msgspec.to_builtins(self.venues),
            "feed": msgspec.to_builtins(self.feed),
            "deployment": [msgspec.to_builtins(deployment) for deployment in self.deployments],
        }
        return dict(flatten(document))

    def _requirements(self) -> dict[str, object]:
        return {gate: dict(bounds) or "must pass" for gate, bounds in self.promotion.requirements.items()}


def load_configuration(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Configuration:
    """Read the configuration from a file and the environment, and check it.

    Without `path` the file is INTERLOCK_CONFIG, else `interlock.toml` in the working directory when it is there.

    Raises:
        ConfigurationError: the file is missing or unreadable, or a value is unknown, missing or wrong.
    """
    environment = os.environ if environment is None else environment
    named = path or (Path(environment["INTERLOCK_CONFIG"]) if environment.get("INTERLOCK_CONFIG") else None)
    file = named if named is not None else (Path(CONFIGURATION_FILE) if Path(CONFIGURATION_FILE).exists() else None)
    try:
        return _load(file, {} if file is None else _read(file), environment)
    except InterlockError as error:
        if file is None or str(file) in str(error):
            raise
        raise ConfigurationError(f"{file}: {error}") from None


def keys_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Give the directory of private keys and token digests: INTERLOCK_KEYS, or `~/.interlock/keys`.

    Raises:
        ConfigurationError: this user has no home directory, and INTERLOCK_KEYS is not set.
    """
    environment = os.environ if environment is None else environment
    if environment.get("INTERLOCK_KEYS"):
        return Path(environment["INTERLOCK_KEYS"])
    try:
        return Path.home() / ".interlock" / "keys"
    except RuntimeError:
        raise ConfigurationError("this user has no home directory for keys: set INTERLOCK_KEYS to a directory of yours") from None


def flatten(value: object, prefix: str = "") -> list[tuple[str, str]]:
    """List the leaves of nested tables and lists as dotted names and text."""
    if isinstance(value, dict) and value:
        table = cast("dict[str, object]", value)
        return [pair for key, inner in table.items() for pair in flatten(inner, f"{prefix}.{key}" if prefix else key)]
    if isinstance(value, list) and value:
        items = cast("list[object]", value)
        return [pair for index, inner in enumerate(items) for pair in flatten(inner, f"{prefix}[{index}]")]
    return [(prefix, "" if value is None or value in ({}, []) else str(cast("object", value)))]


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"the configuration file {file} does not exist: create it, or name another with INTERLOCK_CONFIG"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"the configuration file {file} cannot be read: {error}") from None


def _load(file: Path | None, document: dict[str, Any], environment: Mapping[str, str]) -> Configuration:
    if document and "schema" not in document:
        raise ConfigurationError(f"schema is missing: write schema = {CONFIGURATION_SCHEMA} at the top of the file, before its first table")
    content = convert(document, ConfigurationFile) if document else ConfigurationFile(CONFIGURATION_SCHEMA)
    if content.schema != CONFIGURATION_SCHEMA:
        raise ConfigurationError(f"schema {content.schema} was received, this program reads {CONFIGURATION_SCHEMA}: update the file")
    origins = {name: str(file) for name, _ in flatten(document)} if document else {}
    origins |= {name: f"environment {variable}" for name, variable in _VARIABLES.items() if environment.get(variable)}
    service = content.service
    if environment.get("INTERLOCK_PORT"):
        service = ServiceSettings(service.host, _port(environment["INTERLOCK_PORT"]))
    configuration = Configuration(
        home=home_directory(environment),
        keys=keys_directory(environment),
        file=file,
        service=service,
        arming=content.arming,
        live=content.live,
        promotion=content.promotion,
        registry=content.registry,
        trusted_keys=tuple(parse_trusted_key(table) for table in content.trusted_keys),
        accounts=content.accounts,
        venues=pace_comparisons(content.venues, content.deployment, origins),
        feed=content.feed,
        deployments=tuple(content.deployment),
        origins=origins,
    )
    _check(configuration)
    return configuration


_VARIABLES = {"home": "INTERLOCK_HOME", "keys": "INTERLOCK_KEYS", "service.port": "INTERLOCK_PORT"}


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and int(text) <= _LARGEST_PORT):
        raise ConfigurationError(f"INTERLOCK_PORT must be a port number of 0..{_LARGEST_PORT}, received {text!r}")
    return int(text)


def _check(configuration: Configuration) -> None:
    """Refuse values out of range, references to nothing, duplicate deployments and modes that this host cannot run.

    Raises:
        ConfigurationError: naming the table and what to write.
    """
    if not 0 <= configuration.service.port <= _LARGEST_PORT:
        raise ConfigurationError(f"service.port must be a port number of 0..{_LARGEST_PORT}, received {configuration.service.port}")
    for name, value, longest in (
        ("maximum_lease_seconds", configuration.arming.maximum_lease_seconds, LONGEST_LEASE_SECONDS),
        ("challenge_seconds", configuration.arming.challenge_seconds, LONGEST_CHALLENGE_SECONDS),
    ):
        if not 1 <= value <= longest:
            raise ConfigurationError(f"arming.{name} must lie within 1..{longest}, received {value}")
    if configuration.feed is not None and not (math.isfinite(configuration.feed.speed) and configuration.feed.speed >= 0):
        raise ConfigurationError(f"feed.speed must be a finite number that is not negative, received {configuration.feed.speed}")
    if not configuration.promotion.requirements:
        raise ConfigurationError(
            f"promotion.requirements names no gate, and evidence of nothing would do: leave the table out to ask for "
            f"{', '.join(INTEGRITY_GATES)}, or name the gates that this host asks for"
        )
    _check_registry(configuration.registry)
    _named("feed.start", lambda: configuration.feed_start)
    for name, venue in configuration.venues.items():
        _check_name("venues", name)
        _named(f'venues."{name}"', lambda venue=venue: venue.costs)
        check_venue(name, venue)
        _named(f'venues."{name}".total_limits', lambda venue=venue: parse_scope_limits(venue.total_limits))
    for name, account in configuration.accounts.items():
        _check_name("accounts", name)
        _named(f"accounts.{name}.total_limits", lambda account=account: parse_scope_limits(account.total_limits))
        for asset, text in account.balances.items():
            _check_balance(f"accounts.{name}.balances.{asset}", text)
    _check_deployments(configuration)


def _named(place: str, read: Any) -> None:
    """Say at which place of the file a value that is read later is wrong."""
    try:
        read()
    except InterlockError as error:
        raise ConfigurationError(f"{place}: {error}") from None


def _check_name(table: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{table}.{name!r}: a name has 1 to 64 letters, digits and `_-.`: choose another")


def _check_balance(place: str, text: str) -> None:
    try:
        amount = parse_scaled(text, MONEY_SCALE)
    except DecimalError as error:
        raise ConfigurationError(f"{place}: {error}") from None
    if not 0 <= amount <= LARGEST_BALANCE:
        raise ConfigurationError(f"{place}: an opening balance is not negative and fits 62 bits, received {text!r}")


def _check_registry(registry: RegistrySettings | None) -> None:
    if registry is None:
        return
    if not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s@?#]*)?", registry.url):
        raise ConfigurationError(
            f"registry.url must be an address like http://127.0.0.1:5000, without a name or password in it, "
            f"received {re.sub('//.*@', '//…@', registry.url)!r}"
        )
    if not 0.1 <= registry.poll_seconds <= LONGEST_POLL_SECONDS:
        raise ConfigurationError(f"registry.poll_seconds must lie within 0.1..{LONGEST_POLL_SECONDS}, received {registry.poll_seconds}")
    if not registry.poll_seconds <= registry.maximum_age_seconds <= LONGEST_AGE_SECONDS:
        raise ConfigurationError(
            f"registry.maximum_age_seconds must lie within registry.poll_seconds..{LONGEST_AGE_SECONDS}, "
            f"received {registry.maximum_age_seconds}: what is older says nothing about revocations"
        )


def _check_deployments(configuration: Configuration) -> None:
    seen: set[str] = set()
    for deployment in configuration.deployments:
        name = deployment.strategy
        if name in seen:
            raise ConfigurationError(
                f"strategy {name} is deployed twice: positions belong to the strategy id, so give each deployment its own"
            )
        seen.add(name)
        _check_name("deployment", name)
        _check_origin(deployment, configuration.registry)
        if deployment.account not in configuration.accounts:
            raise ConfigurationError(
                f"deployment {name}: account {deployment.account!r} is not configured: add [accounts.{deployment.account}]"
            )
        if deployment.venue not in configuration.venues:
            raise ConfigurationError(f'deployment {name}: venue {deployment.venue!r} is not configured: add [venues."{deployment.venue}"]')
        check_mode(deployment, configuration.venues[deployment.venue], configuration.live)
    check_modes(configuration.deployments, configuration.venues, configuration.accounts, has_feed=configuration.feed is not None)


def _check_origin(deployment: DeploymentSettings, registry: RegistrySettings | None) -> None:
    name = deployment.strategy
    if deployment.bundle is not None and deployment.alias is not None:
        raise ConfigurationError(f"deployment {name}: bundle and alias were both received: keep the file's path, or the registry's alias")
    if deployment.bundle is None and deployment.alias is None:
        raise ConfigurationError(
            f"deployment {name}: neither bundle nor alias was received: name a bundle file, or one of the aliases {', '.join(ALIASES)}"
        )
    if deployment.alias is not None and registry is None:
        raise ConfigurationError(
            f"deployment {name}: alias {deployment.alias!r} is looked up in a registry, and none is configured: add [registry] with its url"
        )
