"""Settings: the tables of `interlock.toml`, as types."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from live.core.errors import InterlockError
from live.promotion.admission import Alias
from live.promotion.evidence import INTEGRITY_GATES
from live.venues.clock_offset import MILLISECOND, ClockBounds
from live.venues.sim import CostModel, FillModel, FillPrice, SimulationSettings

CONFIGURATION_SCHEMA = 1
Mode = Literal["DRY_RUN", "SHADOW", "LIVE"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


class LiveSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Say whether this host may trade at real venues at all, and how many persons arming it takes.

    Attributes:
        enabled: without it no deployment may be LIVE, whoever signs what.
        second_person: arming LIVE takes the codes of two operators, each with a token of their own.
    """

    enabled: bool = False
    second_person: bool = False


class AccountSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Describe an account.

    Attributes:
        balances: opening balances as decimal text by asset; an account that is LIVE has none, the venue says what is on it.
        limits: limits tighter than the bundle's, for each strategy on the account by itself.
        total_limits: limits for all strategies on the account together; what is left out is the sum of theirs.
    """

    balances: dict[str, str] = {}
    limits: dict[str, Any] = {}
    total_limits: dict[str, Any] = {}


DialectName = Literal["binance"]
"""Every dialect of the ccxt adapter, by the name that configuration gives it."""


class ClockSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bound the distance of our clock from a venue's, its uncertainty included, in milliseconds.

    Attributes:
        warn_ms: above this a person should look.
        stop_ms: above this nothing new is sent.
        disarm_ms: above this the venue's strategies are disarmed.
        sample_seconds: time between two measurements.
        maximum_age_seconds: a measurement that is older says nothing any more, so nothing new is sent.
    """

    warn_ms: int = 100
    stop_ms: int = 250
    disarm_ms: int = 1_000
    sample_seconds: float = 10.0
    maximum_age_seconds: int = 120

    @property
    def bounds(self) -> ClockBounds:
        """Give the bounds in nanoseconds."""
        return ClockBounds(
            warn=self.warn_ms * MILLISECOND,
            stop=self.stop_ms * MILLISECOND,
            disarm=self.disarm_ms * MILLISECOND,
            maximum_age=self.maximum_age_seconds * 1_000 * MILLISECOND,
        )


class VenueSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Describe a venue: one that is simulated in this process, or one that is spoken to through ccxt.

    Attributes:
        kind: `simulated`, or `ccxt` for a venue with an address.
        fill_price: where a simulated market order fills: the next bar's open, the same bar's close, or another price of the next bar.
            This, the fees, the slippage and `simulation` hold for the orders of DRY_RUN and SHADOW deployments, at a venue of either kind.
        maker_fee_ppm: simulated fee of an order that rested, parts per million of the notional.
        taker_fee_ppm: simulated fee of an order that traded at once.
        slippage_basis_points: how much worse than the market simulated market orders fill.
        request_log: file below the home that gets a line for every request that left, for an audit that does not trust the journal.
        total_limits: limits for all strategies on the venue together; what is left out is the sum of theirs.
        simulation: every rule of the simulated venue, with the tables of a replay's ([the guide](../guide/replay.md) lists them); then
            `fill_price`, the fees and the slippage beside it do not count.
        dialect: how a `ccxt` venue is spoken to.
        simulated: no real money is behind a `ccxt` venue: a local exchange or a test network.
        http: its REST address, without a path.
        web_socket: its address for streams, without a path.
        web_socket_api: its address for requests over sockets, without a path; the one for streams when it is left out.
        recv_window_ms: how long after its stamp the venue may accept a request.
        timeout_ms: how long an answer may take.
        latency_budget_ms: the most that an order may take from the market data it rests on to the venue's acknowledgement.
        reconcile_seconds: time between two comparisons of orders and balances with the venue's; left out, it is longer where the accounts
            that are LIVE there need that, to keep within the venue's request limit.
        fill_scan_seconds: time between two readings of the trade history.
        clock: how far its clock may be from ours, a table of its own below.
    """

    kind: Literal["simulated", "ccxt"] = "simulated"
    fill_price: FillPrice = FillPrice.NEXT_OPEN
    maker_fee_ppm: int = 1_000
    taker_fee_ppm: int = 1_000
    slippage_basis_points: int = 2
    request_log: str = ""
    total_limits: dict[str, Any] = {}
    simulation: SimulationSettings | None = None
    dialect: DialectName | None = None
    simulated: bool = False
    http: str = ""
    web_socket: str = ""
    web_socket_api: str = ""
    recv_window_ms: int = 2_000
    timeout_ms: int = 5_000
    latency_budget_ms: int | None = None
    reconcile_seconds: float = 5.0
    fill_scan_seconds: float = 10.0
    clock: ClockSettings = ClockSettings()

    @property
    def rules(self) -> SimulationSettings:
        """Give how the venue fills, charges, delays and refuses.

        Raises:
            InputError: a cost is out of range.
        """
        if self.simulation is not None:
            return self.simulation
        return SimulationSettings(fill=FillModel(price=self.fill_price), costs=self.costs)

    @property
    def costs(self) -> CostModel:
        """Give the cost model of the venue.

        Raises:
            InputError: a cost is out of range.
        """
        return CostModel(
            maker_fee_ppm=self.maker_fee_ppm, taker_fee_ppm=self.taker_fee_ppm, slippage_basis_points=self.slippage_basis_points
        )


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
    """Deploy a strategy on an account and a venue, with limits tighter than the bundle's.

    Attributes:
        strategy: strategy id, the one in the bundle; positions belong to it.
        account: a name under `[accounts]`; one that is LIVE is an account at the venue, any other exists here only.
        venue: a name under `[venues]`, the one in the instruments' ids.
        bundle: path of the bundle file; either this or `alias` is given.
        alias: follow the registry instead: load what `interlock sync` accepted for this alias of the strategy's model.
        mode: DRY_RUN fills in this process by the venue's market; SHADOW is the same beside a LIVE deployment of the venue, on an account
            of its own; LIVE sends orders.
        limits: tighter than the bundle's and the account's.
    """

    strategy: str
    account: str
    venue: str
    bundle: str | None = None
    alias: Alias | None = None
    mode: Mode = "DRY_RUN"
    limits: dict[str, Any] = {}


class PromotionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hold the live host's own demands on evidence, gate by gate, and digests of revoked bundles.

    Attributes:
        requirements: gates that the evidence must have passed, with this host's bounds: `minimum_<measure>`, `maximum_<measure>`.
            Without the table, every integrity gate. The table replaces that: a host that accepts less names what it still asks for.
        revoked: digests of bundles, strategy versions or sources that may not run any more.
    """

    requirements: dict[str, dict[str, float]] = msgspec.field(default_factory=lambda: {gate: {} for gate in INTEGRITY_GATES})
    revoked: list[str] = []


class RegistrySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name the MLflow server whose aliases `interlock sync` follows; the live service itself never calls it.

    Attributes:
        url: base address of the server, http or https. A name and password or a token come from the environment, never from here.
        poll_seconds: how long `interlock sync --watch` waits between two passes.
        maximum_age_seconds: how long ago the registry may have answered `interlock sync` last for a deployment that follows an
            alias to be armed: what was revoked or withdrawn since would not be known. A lease that runs is not ended by it.
    """

    url: str
    poll_seconds: float = 5.0
    maximum_age_seconds: float = 300.0


class ConfigurationFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hold what `interlock.toml` says, before anything is looked up or checked against anything else."""

    schema: int
    service: ServiceSettings = ServiceSettings()
    arming: ArmingSettings = ArmingSettings()
    live: LiveSettings = LiveSettings()
    promotion: PromotionSettings = PromotionSettings()
    registry: RegistrySettings | None = None
    trusted_keys: list[dict[str, str]] = []
    accounts: dict[str, AccountSettings] = {}
    venues: dict[str, VenueSettings] = {}
    feed: FeedSettings | None = None
    deployment: list[DeploymentSettings] = []


def parse_time(text: str) -> int:
    """Read an ISO 8601 time as nanoseconds UTC; without a zone it is UTC.

    Raises:
        ConfigurationError: the text is no such time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"a time like 2019-04-01T00:00:00Z was expected, received {text!r}") from None
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    return since // timedelta(microseconds=1) * 1_000
