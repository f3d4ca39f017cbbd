from pathlib import Path

import pytest

from live.configuration import ConfigurationError, keys_directory, load_configuration

WHOLE = """
schema = 1

[service]
host = "127.0.0.1"
port = 9000

[arming]
challenge_seconds = 30
maximum_lease_seconds = 3600

[accounts.paper]
balances = { USDT = "10000.00" }
limits = { maximum_order_notional = "100.00" }

[venues."binance-spot"]
taker_fee_ppm = 750

[feed]
tape = "tapes/market.tape.gz"
start = "2019-04-01T00:00:00Z"
speed = 2

[[deployment]]
strategy = "ema_cross"
bundle = "ema_cross.bundle.json"
account = "paper"
venue = "binance-spot"
"""


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    return tmp_path / "interlock.toml"


def refusal(file: Path, text: str, environment: dict[str, str] | None = None) -> str:
    """Give the sentence with which a configuration is refused."""
    file.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load_configuration(file, environment or {})
    return str(refused.value)


def test_every_value_is_read_and_its_origin_known(file: Path) -> None:
    """What the file says comes from the file, what the environment says from there, and the rest is a default."""
    file.write_text(WHOLE)
    loaded = load_configuration(file, {"INTERLOCK_HOME": "/srv/interlock", "INTERLOCK_KEYS": "/srv/keys", "INTERLOCK_PORT": "0"})
    values = loaded.values()
    assert (values["home"], values["keys"], values["service.port"]) == ("/srv/interlock", "/srv/keys", "0")
    assert values["venues.binance-spot.taker_fee_ppm"] == "750"
    assert values["venues.binance-spot.maker_fee_ppm"] == "1000"
    assert values["deployment[0].mode"] == "DRY_RUN"
    assert loaded.origins["service.host"] == str(file)
    assert loaded.origins["service.port"] == "environment INTERLOCK_PORT"
    assert "venues.binance-spot.maker_fee_ppm" not in loaded.origins
    assert set(loaded.origins) <= set(values)
    assert loaded.feed_start == 1_554_076_800 * 10**9
    assert loaded.path("tapes/market.tape.gz") == file.parent / "tapes" / "market.tape.gz"


def test_without_a_file_everything_is_a_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory gives a service that listens and trades nothing; an empty file is the same."""
    monkeypatch.chdir(tmp_path)
    loaded = load_configuration(None, {})
    assert (loaded.file, loaded.home, loaded.service.port, loaded.deployments) == (None, Path("data"), 8420, ())
    assert loaded.origins == {}
    Path("interlock.toml").write_text("# nothing yet\n")
    assert load_configuration(None, {}).file == Path("interlock.toml")


def test_the_argument_goes_before_the_environment(file: Path, tmp_path: Path) -> None:
    """`--config` names the file even where INTERLOCK_CONFIG names another."""
    file.write_text("schema = 1\n[service]\nport = 1")
    other = tmp_path / "other.toml"
    other.write_text("schema = 1\n[service]\nport = 2")
    environment = {"INTERLOCK_CONFIG": str(other)}
    assert load_configuration(None, environment).service.port == 2
    assert load_configuration(file, environment).service.port == 1


def test_every_integrity_gate_is_asked_for_unless_the_file_names_others(file: Path) -> None:
    """Closed by default, and shown: a host that says nothing asks for all six gates; one that names three has named what it accepts."""
    file.write_text("schema = 1\n[promotion]\nrevoked = []")
    asked = [name for name in load_configuration(file, {}).values() if name.startswith("promotion.requirements.")]
    assert asked == [
        f"promotion.requirements.{gate}" for gate in ("data_quality", "determinism", "replay", "look_ahead", "warm_up", "limits")
    ]
    file.write_text("schema = 1\n[promotion.requirements]\ndeterminism = {}\nreplay = { minimum_fills = 30 }")
    loaded = load_configuration(file, {})
    assert {name: value for name, value in loaded.values().items() if name.startswith("promotion.requirements")} == {
        "promotion.requirements.determinism": "must pass",
        "promotion.requirements.replay.minimum_fills": "30.0",
    }
    assert loaded.demands.requirements == {"determinism": {}, "replay": {"minimum_fills": 30.0}}


def test_a_table_that_asks_for_no_gate_is_refused(file: Path) -> None:
    """What is left of a table whose lines were taken out does not open the host to evidence of anything."""
    assert "promotion.requirements names no gate" in refusal(file, "schema = 1\n[promotion.requirements]")


def test_the_digest_covers_what_decides_and_nothing_else(file: Path) -> None:
    """A lease is bound to every value that decides what is traded; where the service listens is none of them."""
    file.write_text(WHOLE)
    digest = load_configuration(file, {}).digest
    for old, new in (
        ("challenge_seconds = 30", "challenge_seconds = 31"),
        ('"10000.00"', '"10000.01"'),
        ('"100.00"', '"100.01"'),
        ("taker_fee_ppm = 750", "taker_fee_ppm = 751"),
        ("market.tape.gz", "markets.tape.gz"),
        ("speed = 2", "speed = 3"),
        ("ema_cross.bundle.json", "ema_cross2.bundle.json"),
    ):
        file.write_text(WHOLE.replace(old, new))
        assert load_configuration(file, {}).digest != digest, new
    file.write_text(WHOLE.replace("port = 9000", "port = 9001"))
    assert load_configuration(file, {"INTERLOCK_HOME": "/elsewhere"}).digest == digest


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("schema = 1", "schema = 2", "schema 2 was received, this program reads 1: update the file"),
        ("schema = 1", "", "schema is missing: write schema = 1 at the top of the file"),
        ("port = 9000", "prt = 9000", "service.prt is not known: [service] may hold host, port"),
        ("port = 9000", "port = 70000", "service.port must be a port number of 0..65535, received 70000"),
        ("port = 9000", f"port = {'9' * 30}", "service.port must be a port number"),
        ("challenge_seconds = 30", "challenge_seconds = 0", "arming.challenge_seconds must lie within 1..600, received 0"),
        ("maximum_lease_seconds = 3600", "maximum_lease_seconds = 86401", "arming.maximum_lease_seconds must lie within 1..86400"),
        ('"10000.00"', '"10,000"', "accounts.paper.balances.USDT: a decimal number was expected"),
        ('"10000.00"', '"nan"', "accounts.paper.balances.USDT: a finite decimal number was expected"),
        ('"10000.00"', '"-1"', "accounts.paper.balances.USDT: an opening balance is not negative"),
        ('"10000.00"', '"100000000000"', "accounts.paper.balances.USDT: an opening balance is not negative and fits 62 bits"),
        ("taker_fee_ppm = 750", "taker_fee_ppm = -1", 'venues."binance-spot": taker_fee_ppm must lie within'),
        ("speed = 2", "speed = nan", "feed.speed must be a finite number that is not negative, received nan"),
        ("speed = 2", "speed = inf", "feed.speed must be a finite number that is not negative, received inf"),
        ("speed = 2", "speed = -1", "feed.speed must be a finite number that is not negative, received -1"),
        ("2019-04-01T00:00:00Z", "April", "feed.start: a time like 2019-04-01T00:00:00Z was expected, received 'April'"),
        ("[accounts.paper]", '[accounts."pa per"]', "a name has 1 to 64 letters"),
        ('account = "paper"', 'account = "real"', "deployment ema_cross: account 'real' is not configured: add [accounts.real]"),
        ('venue = "binance-spot"', 'venue = "kraken"', "deployment ema_cross: venue 'kraken' is not configured: add [venues.\"kraken\"]"),
        ('strategy = "ema_cross"', 'strategy = "../up"', "deployment.'../up': a name has 1 to 64 letters"),
    ],
)
def test_a_wrong_value_is_refused_with_what_to_do(file: Path, old: str, new: str, expected: str) -> None:
    """Each refusal names the file, the key, what was received and what to write."""
    assert old in WHOLE
    said = refusal(file, WHOLE.replace(old, new, 1))
    assert expected in said
    assert str(file) in said


def test_a_strategy_is_deployed_once(file: Path) -> None:
    """Positions belong to the strategy id, so two deployments of one id could not be told apart."""
    again = WHOLE[WHOLE.index("[[deployment]]") :]
    assert "strategy ema_cross is deployed twice" in refusal(file, WHOLE + again)


@pytest.mark.parametrize("mode", ["LIVE", "SHADOW"])
def test_a_mode_that_needs_a_real_venue_is_refused(file: Path, mode: str) -> None:
    """A venue that is simulated in this process has nowhere to send to, and nothing else is run quietly."""
    assert f"mode {mode} needs a venue with an address, binance-spot is simulated in this process: use DRY_RUN" in refusal(
        file, f'{WHOLE}mode = "{mode}"'
    )


@pytest.mark.parametrize("text", ["schema = ", "[service", b"\xff\xfe".decode("latin-1")])
def test_a_file_that_is_no_toml_is_refused(file: Path, text: str) -> None:
    """The sentence names the file and the place."""
    assert refusal(file, text).startswith(f"the configuration file {file} cannot be read: ")


def test_a_file_that_is_missing_or_unreadable_is_refused(file: Path, tmp_path: Path) -> None:
    """A named file that is not there is no reason to run on defaults."""
    with pytest.raises(ConfigurationError, match="does not exist: create it"):
        load_configuration(file, {})
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_configuration(tmp_path, {})
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_configuration(file, {})


@pytest.mark.parametrize("port", ["http", "-1", "65536", "8420 ", "٨٤٢٠", "9" * 5_000, "1e3"])
def test_a_port_in_the_environment_must_be_one(file: Path, port: str) -> None:
    """Garbage in INTERLOCK_PORT is named, however long."""
    assert "INTERLOCK_PORT must be a port number of 0..65535" in refusal(file, WHOLE, {"INTERLOCK_PORT": port})


def test_keys_need_a_home_of_somebody(tmp_path: Path) -> None:
    """Keys lie below the user's home, or where INTERLOCK_KEYS says; an empty variable is none."""
    assert keys_directory({"INTERLOCK_KEYS": str(tmp_path)}) == tmp_path
    assert keys_directory({"INTERLOCK_KEYS": ""}) == Path.home() / ".interlock" / "keys"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container a user may have no home directory at all."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", staticmethod(homeless))
    with pytest.raises(ConfigurationError, match="set INTERLOCK_KEYS"):
        keys_directory({})


REGISTRY = '\n[registry]\nurl = "http://127.0.0.1:5000"\n'


def test_a_deployment_follows_an_alias_of_the_registry(file: Path) -> None:
    """An alias takes the place of a file, and both it and the registry are shown with where they came from."""
    file.write_text(WHOLE.replace('bundle = "ema_cross.bundle.json"', 'alias = "candidate"') + REGISTRY)
    loaded = load_configuration(file, {})
    (deployment,) = loaded.deployments
    assert (deployment.alias, deployment.bundle) == ("candidate", None)
    assert loaded.registry is not None
    assert loaded.registry.poll_seconds == 5
    assert loaded.values()["registry.url"] == "http://127.0.0.1:5000"
    assert loaded.values()["deployment[0].alias"] == "candidate"
    assert loaded.origins["registry.url"] == str(file)


@pytest.mark.parametrize(
    ("line", "registry", "expected"),
    [
        ('bundle = "b.json"\nalias = "candidate"', REGISTRY, "deployment ema_cross: bundle and alias were both received"),
        ("", REGISTRY, "deployment ema_cross: neither bundle nor alias was received"),
        ('alias = "staging"', REGISTRY, "deployment[0].alias: one of candidate, champion was expected, received 'staging'"),
        ('alias = "champion"', "", "deployment ema_cross: alias 'champion' is looked up in a registry, and none is configured"),
        ('alias = "champion"', REGISTRY.replace("http://", "file://"), "registry.url must be an address like"),
        ('alias = "champion"', REGISTRY.replace("127", "ann:secret@127"), "without a name or password in it"),
        ('alias = "champion"', f"{REGISTRY}poll_seconds = 0", "registry.poll_seconds must lie within 0.1..3600"),
        ('alias = "champion"', f"{REGISTRY}poll_seconds = nan", "registry.poll_seconds must lie within 0.1..3600"),
        (
            'alias = "champion"',
            f"{REGISTRY}maximum_age_seconds = 0",
            "registry.maximum_age_seconds must lie within registry.poll_seconds..86400",
        ),
        (
            'alias = "champion"',
            f"{REGISTRY}maximum_age_seconds = 4",
            "registry.maximum_age_seconds must lie within registry.poll_seconds..86400",
        ),
        ('alias = "champion"', f"{REGISTRY}maximum_age_seconds = nan", "received nan: what is older says nothing about revocations"),
        ('alias = "champion"', f"{REGISTRY}maximum_age_seconds = inf", "received inf"),
        ('alias = "champion"', "\n[registry]\n", "registry.url is missing"),
        ('alias = "champion"\nmode = "LIVE"', REGISTRY, "mode LIVE needs a venue with an address"),
        ('alias = "champion"\nmode = "SHADOW"', REGISTRY, "mode SHADOW needs a venue with an address"),
    ],
)
def test_where_a_deployment_comes_from_is_said_once_and_can_be_found(file: Path, line: str, registry: str, expected: str) -> None:
    """A file or an alias, not both and not neither; an alias needs a registry; and no alias makes a mode allowed."""
    file.write_text(WHOLE.replace('bundle = "ema_cross.bundle.json"', line) + registry)
    with pytest.raises(ConfigurationError) as refused:
        load_configuration(file, {})
    assert expected in str(refused.value)


@pytest.mark.parametrize(
    ("after", "table"), [("taker_fee_ppm = 750", 'venues."binance-spot"'), ('maximum_order_notional = "100.00" }', "accounts.paper")]
)
def test_limits_of_an_account_and_a_venue_are_read_and_checked_where_they_stand(file: Path, after: str, table: str) -> None:
    """What all strategies there may do together; absurd ones are refused by name, and another value is another configuration."""
    file.write_text(WHOLE)
    before = load_configuration(file, {}).digest
    file.write_text(WHOLE.replace(after, f'{after}\ntotal_limits = {{ maximum_gross_notional = "500.00" }}'))
    assert load_configuration(file, {}).digest != before
    text = WHOLE.replace(after, f'{after}\ntotal_limits = {{ maximum_gross_notional = "0" }}')
    assert f"{table}.total_limits: limit maximum_gross_notional must be positive" in refusal(file, text)
