from pathlib import Path

import pytest

from live.configuration import ConfigurationError, live_keys, load_configuration
from live.configuration.settings import DialectName
from live.configuration.venues import COMPARISON_WEIGHT_PER_MINUTE, adapter_address
from live.driver.adapter_digest import adapter_digest
from live.venues.ccxt_adapter.dialects import DIALECTS
from live.venues.clock_offset import ClockBounds
from live.venues.request_budget import BudgetLimits, Priority

SECOND = """[[deployment]]
strategy = "second"
bundle = "champion.bundle.json"
account = "second"
venue = "binance-spot"
mode = "LIVE"

[[deployment]]"""

WHOLE = """
schema = 1

[live]
enabled = true

[accounts.real]

[accounts.virtual]
balances = { USDT = "10000.00" }

[venues.binance-spot]
kind = "ccxt"
dialect = "binance"
simulated = true
http = "http://127.0.0.1:18080"
web_socket = "ws://127.0.0.1:18080"
latency_budget_ms = 250

[venues.binance-spot.clock]
stop_ms = 300

[venues.paper-spot]

[[deployment]]
strategy = "champion"
bundle = "champion.bundle.json"
account = "real"
venue = "binance-spot"
mode = "LIVE"

[[deployment]]
strategy = "shadow"
bundle = "shadow.bundle.json"
account = "virtual"
venue = "binance-spot"
mode = "SHADOW"
"""


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    return tmp_path / "interlock.toml"


def changed(*changes: tuple[str, str]) -> str:
    """Give the whole file with changes, each of which found its place."""
    text = WHOLE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_a_venue_with_an_address_is_read_whole(file: Path) -> None:
    """What it is asked by, how far its clock may be off, and that no real money is behind it."""
    file.write_text(WHOLE)
    loaded = load_configuration(file, {})
    venue = loaded.venues["binance-spot"]
    assert (venue.dialect, venue.simulated, venue.recv_window_ms, venue.latency_budget_ms) == ("binance", True, 2_000, 250)
    assert venue.clock.bounds == ClockBounds(warn=10**8, stop=3 * 10**8, disarm=10**9, maximum_age=120 * 10**9)
    assert loaded.live_accounts == {"real": "binance-spot"}
    assert loaded.values()["live.enabled"] == "True"
    assert loaded.values()["venues.binance-spot.clock.stop_ms"] == "300"


def live_accounts(count: int) -> list[tuple[str, str]]:
    """Deploy on so many LIVE accounts at the venue."""
    names = [f"more{number}" for number in range(1, count)]
    deployed = "".join(SECOND.removesuffix("[[deployment]]").replace('"second"', f'"{name}"') for name in names)
    tables = "".join(f"\n[accounts.{name}]" for name in names)
    return [("[accounts.real]", f"[accounts.real]{tables}"), ("[[deployment]]", f"{deployed}[[deployment]]")]


@pytest.mark.parametrize(("count", "seconds"), [(1, 5.0), (3, 5.0), (4, 5.4), (12, 16.0)])
def test_the_time_between_comparisons_grows_with_the_live_accounts_where_nobody_wrote_it(file: Path, count: int, seconds: float) -> None:
    """The default never keeps a host from starting; what a person wrote is kept, and held to the bound."""
    file.write_text(changed(*live_accounts(count)))
    loaded = load_configuration(file, {})
    assert len(loaded.live_accounts) == count
    assert loaded.venues["binance-spot"].reconcile_seconds == seconds
    assert loaded.venues["paper-spot"].reconcile_seconds == 5.0
    file.write_text(changed(*live_accounts(count), ("latency_budget_ms = 250", "reconcile_seconds = 17")))
    assert load_configuration(file, {}).venues["binance-spot"].reconcile_seconds == 17.0
    if seconds > 5.0:
        file.write_text(changed(*live_accounts(count), ("latency_budget_ms = 250", "reconcile_seconds = 5")))
        with pytest.raises(ConfigurationError, match=f"reconcile_seconds must be at least {seconds:g}, received 5"):
            load_configuration(file, {})


def test_every_dialect_of_the_adapter_can_be_configured() -> None:
    """The configuration names them without loading the adapter."""
    assert set(DialectName.__args__) == set(DIALECTS)


@pytest.mark.parametrize(
    ("old", "new"),
    [("enabled = true", "enabled = true\nsecond_person = true"), ("stop_ms = 300", "stop_ms = 301"), ("simulated = true", "")],
)
def test_what_decides_over_live_is_in_the_digest(file: Path, old: str, new: str) -> None:
    """A lease is bound to it."""
    file.write_text(WHOLE)
    before = load_configuration(file, {}).digest
    file.write_text(changed((old, new)))
    assert load_configuration(file, {}).digest != before


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((("enabled = true", "enabled = false"),), "deployment champion: mode LIVE is off on this host: write enabled = true under [live]"),
        ((("[live]\nenabled = true\n", ""),), "deployment champion: mode LIVE is off on this host"),
        ((('kind = "ccxt"', 'kind = "simulated"'),), 'venues."binance-spot".dialect: a venue of kind "simulated" has none'),
        ((('dialect = "binance"\n', ""),), 'venues."binance-spot".dialect is missing'),
        ((('dialect = "binance"', 'dialect = "kraken"'),), "venues.binance-spot.dialect: one of binance was expected"),
        ((('http = "http://127.0.0.1:18080"\n', ""),), ".http must be an address like http://127.0.0.1:18080 without a path, received ''"),
        ((("ws://127.0.0.1:18080", "ws://127.0.0.1:18080/ws"),), ".web_socket must be an address like ws://127.0.0.1:18080 without a path"),
        ((("http://127.0.0.1:18080", "ftp://127.0.0.1"),), ".http must be an address"),
        ((("http://127.0.0.1:18080", "http://k:s@127.0.0.1"),), ".http must be an address"),
        ((("http://127.0.0.1:18080", "http://127.0.0.1:port"),), ".http must be an address"),
        ((("http://127.0.0.1:18080", "http://[::1"),), ".http must be an address"),
        ((("http://127.0.0.1:18080", "http://api.binance.com"),), "a key would cross the network to api.binance.com in the clear"),
        ((("http://127.0.0.1:18080", "https://api.binance.com"),), ".simulated: real money may be behind api.binance.com"),
        ((("ws://127.0.0.1:18080", "wss://stream.binance.com:9443"),), ".simulated: real money may be behind stream.binance.com"),
        ((("ws://127.0.0.1:18080", "wss://8.8.8.8"),), ".simulated: real money may be behind 8.8.8.8"),
        ((("latency_budget_ms = 250", "latency_budget_ms = 0"),), ".latency_budget_ms must lie within 1..60000, received 0"),
        ((("latency_budget_ms = 250", "recv_window_ms = 60001"),), ".recv_window_ms must lie within 1..60000, received 60001"),
        ((("latency_budget_ms = 250", "reconcile_seconds = nan"),), ".reconcile_seconds must lie within 1.4..300, received nan"),
        ((("latency_budget_ms = 250", "reconcile_seconds = 0.1"),), ".reconcile_seconds must lie within 1.4..300, received 0.1"),
        ((("latency_budget_ms = 250", "fill_scan_seconds = 0.4"),), ".fill_scan_seconds must lie within 0.5..300, received 0.4"),
        (
            (
                ("latency_budget_ms = 250", "reconcile_seconds = 2.6"),
                ("[accounts.real]", "[accounts.real]\n[accounts.second]"),
                ("[[deployment]]", SECOND),
            ),
            '"binance-spot".reconcile_seconds must be at least 2.7, received 2.6: the 2 accounts that are LIVE there',
        ),
        (
            (("stop_ms = 300", "stop_ms = 50"),),
            ".clock: 1 <= warn_ms <= stop_ms <= disarm_ms <= 60000 was expected, received 100, 50 and 1000",
        ),
        ((("stop_ms = 300", "sample_seconds = 200"),), ".clock: 0.1 <= sample_seconds <= maximum_age_seconds <= 300 was expected"),
        ((("stop_ms = 300", "sample_seconds = nan"),), ".clock: 0.1 <= sample_seconds"),
        (
            (('venue = "binance-spot"\nmode = "LIVE"', 'venue = "paper-spot"\nmode = "LIVE"'),),
            "deployment champion: mode LIVE needs a venue with an address, paper-spot is simulated in this process: use DRY_RUN",
        ),
        (
            (('mode = "LIVE"', 'mode = "DRY_RUN"'), ("[accounts.real]", '[accounts.real]\nbalances = { USDT = "1" }')),
            "deployment shadow: mode SHADOW runs beside a LIVE deployment, and binance-spot has none",
        ),
        ((('account = "virtual"', 'account = "real"'),), "deployment shadow: account real is champion's LIVE account"),
        (
            (("[accounts.real]", '[accounts.real]\nbalances = { USDT = "1" }'),),
            "accounts.real.balances: the account is LIVE, so the venue says",
        ),
        ((('balances = { USDT = "10000.00" }', ""),), "accounts.virtual.balances is empty, and shadow would have nothing to trade with"),
        ((("[venues.paper-spot]", '[feed]\ntape = "t.tape.gz"\n[venues.paper-spot]'),), "[feed] plays a tape on a clock of its own"),
        (
            (('bundle = "champion.bundle.json"', 'alias = "candidate"'), ("[live]", '[registry]\nurl = "http://127.0.0.1:5000"\n[live]')),
            "deployment champion: alias 'candidate' does not ask for LIVE: follow the champion",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_with_what_to_do(file: Path, changes: tuple[tuple[str, str], ...], expected: str) -> None:
    """A mode that the host, the venue or the account does not allow, and an address that a key must not go to."""
    file.write_text(changed(*changes))
    with pytest.raises(ConfigurationError) as refused:
        load_configuration(file, {})
    assert expected in str(refused.value)
    assert str(file) in str(refused.value)


def test_one_live_account_belongs_to_one_venue(file: Path) -> None:
    """Its key is for one venue, and its ledger equals one venue's."""
    other = WHOLE[WHOLE.index("[venues.binance-spot]") : WHOLE.index("[venues.paper-spot]")].replace("binance-spot", "other-spot")
    deployment = '[[deployment]]\nstrategy = "second"\nbundle = "b.json"\naccount = "real"\nvenue = "other-spot"\nmode = "LIVE"\n'
    file.write_text(WHOLE + deployment + other)
    with pytest.raises(ConfigurationError, match=r"account real is LIVE at .* and at .*, and its key is for one venue"):
        load_configuration(file, {})


def test_two_live_accounts_do_not_share_a_key(file: Path) -> None:
    """Names that become the same variable would let one account trade with the other's key."""
    second = '[[deployment]]\nstrategy = "second"\nbundle = "b.json"\naccount = "re.al"\nvenue = "binance-spot"\nmode = "LIVE"\n'
    text = changed(("[accounts.real]", '[accounts."re.al"]\n[accounts.re_al]'), ('account = "real"', 'account = "re_al"'))
    file.write_text(text + second)
    with pytest.raises(ConfigurationError, match=r"re_al and re\.al are both LIVE and both read INTERLOCK_KEY_RE_AL: rename one"):
        load_configuration(file, {})


@pytest.mark.parametrize(
    ("http", "web_socket"),
    [
        ("https://testnet.binance.vision", "wss://stream.testnet.binance.vision"),
        ("http://exchange:18080", "ws://exchange:18080"),
        ("http://10.0.0.7", "ws://192.168.1.2:9"),
        ("http://[::1]:18080", "ws://localhost:18080"),
    ],
)
def test_a_venue_nearby_or_a_test_network_may_be_simulated(file: Path, http: str, web_socket: str) -> None:
    """No real money is behind this machine, a private network or a venue's own test network."""
    file.write_text(changed(("http://127.0.0.1:18080", http), ("ws://127.0.0.1:18080", web_socket)))
    assert load_configuration(file, {}).venues["binance-spot"].simulated


def test_real_money_is_reached_over_a_private_line_only(file: Path) -> None:
    """A venue that is not simulated may be anywhere, if nobody on the way can read."""
    real = changed(("simulated = true\n", ""), ("http://127.0.0.1:18080", "https://api.binance.com"))
    file.write_text(real.replace("ws://127.0.0.1:18080", "wss://stream.binance.com:9443"))
    assert not load_configuration(file, {}).venues["binance-spot"].simulated


@pytest.mark.parametrize(
    ("given", "asked"), [("", "ws://127.0.0.1:18080"), ('web_socket_api = "ws://127.0.0.1:18090"\n', "ws://127.0.0.1:18090")]
)
def test_sockets_for_requests_may_have_an_address_of_their_own(file: Path, given: str, asked: str) -> None:
    """As they have at Binance; where they do not, it is that of the streams, in the evidence too."""
    file.write_text(changed(("latency_budget_ms = 250\n", f"latency_budget_ms = 250\n{given}")))
    venue = load_configuration(file, {}).venues["binance-spot"]
    assert adapter_address("binance-spot", venue, "1").web_socket_api == asked


@pytest.mark.parametrize("address", ["ws-api.binance.com", "wss://ws-api.binance.com/ws-api/v3", "wss://ws-api.binance.com"])
def test_an_address_for_requests_is_held_to_what_the_others_are(file: Path, address: str) -> None:
    """It is an address without a path, and no real venue while the venue is said to be simulated."""
    file.write_text(changed(("latency_budget_ms = 250\n", f'latency_budget_ms = 250\nweb_socket_api = "{address}"\n')))
    with pytest.raises(ConfigurationError, match=r"web_socket_api must be|real money may be behind ws-api\.binance\.com"):
        load_configuration(file, {})


def test_conformance_is_asked_of_the_adapter_at_the_configured_address(file: Path) -> None:
    """With the digest of the source that would trade."""
    file.write_text(WHOLE)
    venues = load_configuration(file, {}).venues
    adapter = adapter_address("binance-spot", venues["binance-spot"], "7")
    assert (adapter.http, adapter.web_socket, adapter.kit_version) == ("http://127.0.0.1:18080", "ws://127.0.0.1:18080", "7")
    assert adapter.adapter_digest == adapter_digest()
    with pytest.raises(ConfigurationError, match="paper-spot is simulated in this process and has no adapter"):
        adapter_address("paper-spot", venues["paper-spot"], "7")


def test_keys_are_read_for_live_accounts_only(file: Path) -> None:
    """A process that only runs dry has no trading key in it, whatever the environment holds."""
    environment = {f"INTERLOCK_{what}_{account}": what for what in ("KEY", "SECRET") for account in ("REAL", "VIRTUAL")}
    file.write_text(WHOLE)
    assert list(live_keys(load_configuration(file, {}), environment)) == ["real"]
    file.write_text(WHOLE[: WHOLE.index("[[deployment]]")])
    assert live_keys(load_configuration(file, {}), environment) == {}


def test_comparisons_leave_a_venues_weight_to_orders():
    """What configuration allows them is what the budget of requests gives to reconciling."""
    limits = BudgetLimits()
    assert limits.weight * limits.shares[Priority.RECONCILE] // 100 == COMPARISON_WEIGHT_PER_MINUTE
