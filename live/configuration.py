"""Configuration: `interlock.toml`, what it means, and where each value came from."""

import hashlib
import os
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from live.core.decimals import MONEY_SCALE, parse_scaled
from live.core.errors import DecimalError, InterlockError
from live.latch import home_directory
from live.promotion import TrustedKey
from live.promotion.keys import parse_trusted_key
from live.venues.sim import CostModel, FillPrice

CONFIGURATION_FILE = "interlock.toml"
CONFIGURATION_SCHEMA = 1
NANOSECONDS = 1_000_000_000


class ConfigurationError(InterlockError):
    """A configuration value is missing, unknown or wrong."""


class ServiceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Say where the control plane listens; port 0 takes any free one."""

    host: str = "127.0.0.1"
    port: int = 8420


class ArmingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bound how long a challenge and a lease may live, in seconds."""

    challenge_seconds: int = 60
    maximum_lease_seconds: int = 86_400


class AccountSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Describe an account: opening balances as decimal text by asset, and limits tighter than the bundle's."""

    balances: dict[str, str]
    limits: dict[str, Any] = {}


class VenueSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Describe a simulated venue."""

    kind: Literal["simulated"] = "simulated"
    fill_price: FillPrice = FillPrice.NEXT_OPEN
    maker_fee_ppm: int = 1_000
    taker_fee_ppm: int = 1_000
    slippage_basis_points: int = 2
    request_log: str = ""

    @property
    def costs(self) -> CostModel:
        """Give the cost model of the venue."""
        return CostModel(maker_fee_ppm=self.maker_fee_ppm, taker_fee_ppm=self.taker_fee_ppm, slippage_basis_points=self.slippage_basis_points)


class FeedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Describe the market data feed: a tape that is played.

    Attributes:
        tape: a closed tape segment; relative to the configuration file.
        start: begin after this time (ISO 8601, UTC); what lies before is history for warming up.
        speed: times faster than real time; 0 is as fast as it goes.
    """

    tape: str
    start: str = ""
    speed: float = 1.0


class DeploymentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Deploy a bundle's strategy on an account and a venue, with limits tighter than the bundle's."""

    strategy: str
    bundle: str
    account: str
    venue: str
    mode: Literal["DRY_RUN", "SHADOW", "LIVE"] = "DRY_RUN"
    limits: dict[str, Any] = {}


class PromotionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hold the live host's own demands on evidence, gate by gate, and digests of revoked bundles."""

    requirements: dict[str, dict[str, float]] = msgspec.field(default_factory=lambda: {"determinism": {}, "limits": {}})
    revoked: list[str] = []


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    service: ServiceSettings = ServiceSettings()
    arming: ArmingSettings = ArmingSettings()
    promotion: PromotionSettings = PromotionSettings()
    trusted_keys: list[dict[str, str]] = []
    accounts: dict[str, AccountSettings] = {}
    venues: dict[str, VenueSettings] = {}
    feed: FeedSettings | None = None
    deployment: list[DeploymentSettings] = []


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
    promotion: PromotionSettings
    trusted_keys: tuple[TrustedKey, ...]
    accounts: dict[str, AccountSettings]
    venues: dict[str, VenueSettings]
    feed: FeedSettings | None
    deployments: tuple[DeploymentSettings, ...]
    origins: dict[str, str]

    @property
    def digest(self) -> str:
        """Hash every value that decides what the service does, in hexadecimal sha256."""
        parts = (self.arming, self.promotion, self.trusted_keys, self.accounts, self.venues, self.feed, self.deployments)
        return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()

    def path(self, text: str) -> Path:
        """Resolve a path of the configuration file against that file's directory."""
        base = Path.cwd() if self.file is None else self.file.resolve().parent
        return base / text

    @property
    def feed_start(self) -> int:
        """Give the time after which the feed begins, nanoseconds UTC; 0 for the whole tape."""
        return 0 if self.feed is None or not self.feed.start else parse_time(self.feed.start)

    def values(self) -> dict[str, str]:
        """List every effective value by its dotted name, as text."""
        document: dict[str, Any] = {
            "home": str(self.home),
            "keys": str(self.keys),
            "service": msgspec.to_builtins(self.service),
            "arming": msgspec.to_builtins(self.arming),
            "promotion": msgspec.to_builtins(self.promotion),
            "trusted_keys": [msgspec.to_builtins(key) for key in self.trusted_keys],
            "accounts": msgspec.to_builtins(self.accounts),
            "venues": msgspec.to_builtins(self.venues),
            "feed": msgspec.to_builtins(self.feed),
            "deployment": [msgspec.to_builtins(deployment) for deployment in self.deployments],
        }
        return dict(flatten(document))


def load_configuration(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Configuration:
    """Read the configuration from a file and the environment, and check it.

    Without `path` the file is INTERLOCK_CONFIG, else `interlock.toml` in the working directory when it is there.

    Raises:
        ConfigurationError: the file is missing or unreadable, or a value is unknown, missing or wrong.
    """
    environment = os.environ if environment is None else environment
    named = path or (Path(environment["INTERLOCK_CONFIG"]) if environment.get("INTERLOCK_CONFIG") else None)
    file = named if named is not None else (Path(CONFIGURATION_FILE) if Path(CONFIGURATION_FILE).exists() else None)
    document = {} if file is None else _read(file)
    content = _convert(file, document) if document else _File(CONFIGURATION_SCHEMA)
    origins = {name: str(file) for name, _ in flatten(document)}
    if environment.get("INTERLOCK_HOME"):
        origins["home"] = "environment INTERLOCK_HOME"
    if environment.get("INTERLOCK_KEYS"):
        origins["keys"] = "environment INTERLOCK_KEYS"
    service = content.service
    if environment.get("INTERLOCK_PORT"):
        service = ServiceSettings(service.host, _port(environment["INTERLOCK_PORT"]))
        origins["service.port"] = "environment INTERLOCK_PORT"
    configuration = Configuration(
        home=Path(environment["INTERLOCK_HOME"]) if environment.get("INTERLOCK_HOME") else home_directory(),
        keys=keys_directory(environment),
        file=file,
        service=service,
        arming=content.arming,
        promotion=content.promotion,
        trusted_keys=tuple(parse_trusted_key(table) for table in content.trusted_keys),
        accounts=content.accounts,
        venues=content.venues,
        feed=content.feed,
        deployments=tuple(content.deployment),
        origins=origins,
    )
    _check(configuration)
    return configuration


def keys_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Give the directory of private keys and token digests: INTERLOCK_KEYS, or `~/.interlock/keys`."""
    environment = os.environ if environment is None else environment
    return Path(environment["INTERLOCK_KEYS"]) if environment.get("INTERLOCK_KEYS") else Path.home() / ".interlock" / "keys"


def parse_time(text: str) -> int:
    """Read an ISO 8601 time as nanoseconds UTC; without a zone it is UTC.

    Raises:
        ConfigurationError: the text is no such time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"a time like 2019-04-01T00:00:00Z was expected, received {text!r}") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * NANOSECONDS


def flatten(value: object, prefix: str = "") -> list[tuple[str, str]]:
    """List the leaves of nested tables and lists as dotted names and text."""
    if isinstance(value, dict) and value:
        table: dict[str, object] = value  # pyright: ignore[reportUnknownVariableType]
        return [pair for key, inner in table.items() for pair in flatten(inner, f"{prefix}.{key}" if prefix else str(key))]
    if isinstance(value, list) and value:
        items: list[object] = value  # pyright: ignore[reportUnknownVariableType]
        return [pair for index, inner in enumerate(items) for pair in flatten(inner, f"{prefix}[{index}]")]
    return [(prefix, "" if value is None or value in ({}, []) else str(value))]


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except FileNotFoundError:
        raise ConfigurationError(f"the configuration file {file} does not exist: create it, or name another with INTERLOCK_CONFIG") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"the configuration file {file} cannot be read: {error}") from None


def _convert(file: Path | None, document: dict[str, Any]) -> _File:
    try:
        content = msgspec.convert(document, _File)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{file}: {error}") from None
    if content.schema != CONFIGURATION_SCHEMA:
        raise ConfigurationError(f"{file}: schema {content.schema} was received, this program reads {CONFIGURATION_SCHEMA}: update the file")
    return content


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise ConfigurationError(f"INTERLOCK_PORT must be a port number of 0..65535, received {text!r}")
    return int(text)


def _check(configuration: Configuration) -> None:
    """Refuse references to nothing, duplicate deployments and modes that this host cannot run.

    Raises:
        ConfigurationError: naming the table and what to write.
    """
    if not 0 <= configuration.service.port <= 65_535:
        raise ConfigurationError(f"service.port must be a port number of 0..65535, received {configuration.service.port}")
    if not 0 < configuration.arming.maximum_lease_seconds <= 86_400 or configuration.arming.challenge_seconds <= 0:
        raise ConfigurationError("arming: a lease lives at most 86400 seconds and a challenge longer than 0: correct the [arming] table")
    if configuration.feed is not None and configuration.feed.speed < 0:
        raise ConfigurationError(f"feed.speed must not be negative, received {configuration.feed.speed}")
    for name, account in configuration.accounts.items():
        for asset, text in account.balances.items():
            try:
                parse_scaled(text, MONEY_SCALE)
            except DecimalError as error:
                raise ConfigurationError(f"accounts.{name}.balances.{asset}: {error}") from None
    seen: set[str] = set()
    for deployment in configuration.deployments:
        name = deployment.strategy
        if name in seen:
            raise ConfigurationError(f"strategy {name} is deployed twice: positions belong to the strategy id, so give each deployment its own")
        seen.add(name)
        if deployment.account not in configuration.accounts:
            raise ConfigurationError(f"deployment {name}: account {deployment.account!r} is not configured: add [accounts.{deployment.account}]")
        if deployment.venue not in configuration.venues:
            raise ConfigurationError(f'deployment {name}: venue {deployment.venue!r} is not configured: add [venues."{deployment.venue}"]')
        if deployment.mode != "DRY_RUN":
            raise ConfigurationError(
                f"deployment {name}: mode {deployment.mode} needs a venue adapter, this host has simulated venues only: use DRY_RUN"
            )
