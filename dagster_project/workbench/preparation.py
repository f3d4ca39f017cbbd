"""Preparation: what has to lie in the home before the workbench can start; nothing that is there is overwritten."""

import os
from pathlib import Path

from dagster_project.addresses import Addresses
from dagster_project.datasets import open_bars, write_tape
from dagster_project.home import Home
from live.configuration import parse_time
from live.promotion import TrustedKey, generate_key, load_public_key

INSTANCE_CONFIGURATION = """\
# The Dagster instance of this home. It phones nobody.
telemetry:
  enabled: false

# No greeting over the first page.
nux:
  enabled: false

# One run at a time: a run may take all the memory it needs, and SQLite has one writer.
concurrency:
  runs:
    max_concurrent_runs: 1

# What schedules and sensors did is kept long enough to be looked into, and no longer.
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days: 7
"""

LIVE_CONFIGURATION = """\
# The live service of the workbench. Written once, yours to edit; `interlock config show` explains every value.
schema = 1

[registry]
url = "{registry}"

[accounts.{account}]
balances = {{ USDT = "10000.00" }}

[venues.binance-spot]
kind = "simulated"

# Real bars that no strategy was judged on, played 1,800 times faster than they were: one half-hour bar a second.
[feed]
tape = "{tape}"
start = "{start}"
speed = 1800

[[trusted_keys]]
name = "{key.name}"
role = "{key.role}"
keyid = "{key.keyid}"
public = "{key.public}"

# What the alias `candidate` points at in MLflow may run here, once it is loaded and armed by a person.
"""

DEPLOYMENT = """\
[[deployment]]
strategy = "{strategy}"
alias = "candidate"
account = "{account}"
venue = "binance-spot"
mode = "DRY_RUN"
"""

ACCOUNT = "paper"
DEPLOYED = ("ema_cross", "mean_reversion")
TRADED = ("btcusdt", "ethusdt")
HISTORY_START = "2019-03-01"
"""A month before the dry run begins, to warm up on."""
DRY_RUN_START = "2019-04-01T00:00:00Z"
"""Evidence ends here, and the dry run begins: no strategy was judged on what it trades."""
GATE_KEY = "gate"


def prepare_instance(home: Home) -> Path:
    """Give the directory of the Dagster instance, made and configured when it is not there yet."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    _write_once(home.dagster / "dagster.yaml", INSTANCE_CONFIGURATION)
    return home.dagster


def prepare_gate_key(keys: Path) -> TrustedKey:
    """Give the gate key of this machine, made when there is none.

    Raises:
        KeyFileError: a key is there and cannot be read, or the directory cannot be written.
    """
    public = keys / f"{GATE_KEY}.pub"
    return load_public_key(public) if public.exists() else generate_key(GATE_KEY, "gate", keys).public


def prepare_tape(home: Home, sample: Path) -> Path:
    """Give the tape that the live service plays, written from the sample bars when it is not there yet.

    Raises:
        DatasetError: the sample bars cannot be read.
    """
    tape = home.root / "dry-run.tape.gz"
    if not tape.exists():
        home.root.mkdir(parents=True, exist_ok=True)
        write_tape([open_bars(sample / f"{symbol}_30m.parquet") for symbol in TRADED], tape, parse_time(HISTORY_START))
    return tape


def prepare_configuration(home: Home, key: TrustedKey, tape: Path, addresses: Addresses) -> Path:
    """Give the live service's configuration, written when it is not there yet."""
    path = home.root / "interlock.toml"
    text = LIVE_CONFIGURATION.format(registry=addresses.mlflow_url, tape=tape.name, start=DRY_RUN_START, key=key, account=ACCOUNT)
    _write_once(path, text + "\n".join(DEPLOYMENT.format(strategy=strategy, account=ACCOUNT) for strategy in DEPLOYED))
    return path


def environment(home: Home, keys: Path, configuration: Path, addresses: Addresses) -> dict[str, str]:
    """Give what every process of the workbench finds in its environment."""
    return {
        "INTERLOCK_HOME": str(home.root),
        "INTERLOCK_KEYS": str(keys),
        "INTERLOCK_CONFIG": str(configuration),
        "INTERLOCK_PORT": str(addresses.live),
        "INTERLOCK_URL": addresses.live_url,
        "DAGSTER_HOME": str(home.dagster),
        "DAGSTER_PORT": str(addresses.dagster),
        "DAGSTER_URL": addresses.dagster_url,
        "MLFLOW_PORT": str(addresses.mlflow),
        "MLFLOW_URL": addresses.mlflow_url,
        "PAGES_PORT": str(addresses.pages),
        "EXCHANGE_PORT": str(addresses.exchange),
        "DATA_DOCS_URL": addresses.data_docs_url,
        "REPORTS_URL": addresses.reports_url,
        **SILENCE,
    }


SILENCE = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GX_ANALYTICS_ENABLED": "false",
}
"""No process phones home."""


def silence() -> None:
    """Switch telemetry off in this process and in those it starts; call it before the libraries are imported."""
    os.environ.update(SILENCE)


def _write_once(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, encoding="utf-8")
