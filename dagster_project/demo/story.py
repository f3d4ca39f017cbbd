"""The demo's story in five acts; each claim is checked where it is made."""

import shutil
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from dagster_project.datasets import open_bars, write_tape
from dagster_project.demo.stage import Stage, open_stage
from live.configuration import parse_time
from live.core.inputs import Bar
from live.driver.recovery import session_journals
from live.journal import JournalReader, read_segment, write_segment

STRATEGIES = ("ema_cross", "mean_reversion")
DRY_RUN_FROM = "2019-04-01T00:00:00Z"
FILLS_TO_SEE = 6
PLAIN_WIDTH = 120
"""Columns of plain output, so that no table is cut short in a log."""

CONFIGURATION = """\
schema = 1

[service]
host = "127.0.0.1"
port = 0

[[trusted_keys]]
name = "{name}"
role = "{role}"
keyid = "{keyid}"
public = "{public}"

[accounts.paper]
balances = {{ USDT = "10000.00" }}

[venues.binance-spot]
kind = "simulated"

[feed]
tape = "{tape}"
start = "{start}"
speed = 90000

[promotion.requirements]
determinism = {{ maximum_differing = 0 }}
replay = {{ minimum_fills = 20 }}
limits = {{ maximum_looseness = 20 }}
"""

DEPLOYMENT = """
[[deployment]]
strategy = "{strategy}"
bundle = "{bundle}"
account = "paper"
venue = "binance-spot"
mode = "DRY_RUN"
"""


def tell(sample: Path, strategies: Path) -> None:
    """Tell the whole story.

    Raises:
        ClaimFailed: a claim does not hold.
        DatasetError: the sample bars cannot be read.
    """
    console = Console(soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    with open_stage(console) as stage:
        tape = replay_twice(stage, sample, strategies)
        bundles, key = bundle_and_refuse(stage, sample, strategies, tape)
        config = write_configuration(stage, bundles, key)
        trade_in_dry_run(stage, config)
        kill_and_release(stage, config)
        verify_everything(stage, config)
        print_what_next(stage, config)


def replay_twice(stage: Stage, sample: Path, strategies: Path) -> Path:
    """Act 1: the same replay in two processes is the same, and one tick makes it another."""
    _title(stage, 1, "The same data and the same code give the same decisions")
    tape, changed = stage.home / "btc.tape.gz", stage.home / "btc-changed.tape.gz"
    bars = open_bars(sample / "btcusdt_30m.parquet")
    write_tape([bars], tape)
    stage.console.print(f"  {bars.rows:,} real half-hour bars of {bars.instrument.instrument_id}, from {sample}")
    folder = str(strategies / "ema_cross")
    journals = [stage.home / f"replay-{number}.journal" for number in (1, 2, 3)]
    runs: list[dict[str, Any]] = []
    for number, seed in ((0, "1"), (1, "2718281")):
        with _working(stage, f"replaying in process {number + 1} with PYTHONHASHSEED={seed}"):
            arguments = ("replay", folder, "--tape", str(tape), "--journal", str(journals[number]))
            runs.append(stage.interlock(*arguments, PYTHONHASHSEED=seed))
    first, second = runs
    denials = sum(first["denials"].values())
    stage.check(
        first["parity_digest"] == second["parity_digest"] and first["records"] > 0,
        f"two processes gave the same {first['records']:,} records: parity digest {first['parity_digest'][:16]}…",
        (first["parity_digest"], second["parity_digest"]),
    )
    stage.check(first["fills"] >= 20, f"{first['fills']} fills, profit after fees {first['profit']['ema_cross']} USDT", first["fills"])
    stage.check(
        denials >= 1, f"{denials} orders denied by risk: {', '.join(f'{code} {count}' for code, count in first['denials'].items())}"
    )
    moved = _change_one_tick(tape, changed, journals[0])
    with _working(stage, "replaying with one tick changed"):
        third = stage.interlock("replay", folder, "--tape", str(changed), "--journal", str(journals[2]))
    stage.check(
        third["parity_digest"] != first["parity_digest"],
        f"one tick more in one close (bar {moved.ts_event}) gives another digest: {third['parity_digest'][:16]}…",
    )
    difference = stage.interlock("journal", "diff", str(journals[0]), str(journals[2]), expect=2)
    stage.check("error" in difference, f"the first differing record is named: {difference['error']}", difference)
    return tape


def bundle_and_refuse(stage: Stage, sample: Path, strategies: Path, btc: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Act 2: evidence is signed with the code; one changed byte and the live service refuses it."""
    _title(stage, 2, "Code, limits and evidence are signed together; one changed byte is refused")
    key = stage.interlock("keys", "new", "gate", "--role", "gate", "--directory", str(stage.keys))
    eth = stage.home / "eth.tape.gz"
    write_tape([open_bars(sample / "ethusdt_30m.parquet")], eth)
    bundles: dict[str, Path] = {}
    for strategy, tape in (("ema_cross", btc), ("mean_reversion", eth)):
        with _working(stage, f"gathering evidence for {strategy}: two replays in separate processes"):
            made = stage.interlock("strategy", "bundle", str(strategies / strategy), "--tape", str(tape), "--key", key["private"])
        bundles[strategy] = Path(made["bundle"])
        gates = ", ".join(f"{gate['gate']} {'passed' if gate['passed'] else 'FAILED'}" for gate in made["gates"])
        stage.check(all(gate["passed"] for gate in made["gates"]), f"{made['version']} is bundled and signed: {gates}", made["gates"])
    write_tape(
        [open_bars(sample / f"{symbol}_30m.parquet") for symbol in ("btcusdt", "ethusdt")],
        stage.home / "market.tape.gz",
        parse_time("2019-03-01"),
    )
    tampered = stage.home / "tampered.bundle.json"
    content = bytearray(bundles["ema_cross"].read_bytes())
    content[len(content) // 2] ^= 1
    tampered.write_bytes(bytes(content))
    stage.token = stage.interlock("token", "new", "demo", *_scopes("read", "arm", "disarm", "kill", "release"))["token"]
    config = write_configuration(stage, {"ema_cross": tampered}, key["trusted_key"], name="tampered.toml")
    with _working(stage, "starting the live service with one byte of the bundle changed"):
        stage.start_service(config)
    refused = stage.call("GET", "/v1/deployments")[0]
    stage.check(refused["status"] == "REFUSED", f"refused: {refused['reason']}", refused)
    stage.call("POST", "/v1/arm", {"strategy_id": "ema_cross"}, expect=409)
    stage.check(True, "and it cannot be armed (409)")
    stage.stop_service()
    return bundles, key["trusted_key"]


def write_configuration(stage: Stage, bundles: dict[str, Path], key: dict[str, str], *, name: str = "interlock.toml") -> Path:
    """Write the configuration of the live service."""
    path = stage.home / name
    text = CONFIGURATION.format(**key, tape="market.tape.gz", start=DRY_RUN_FROM)
    text += "".join(DEPLOYMENT.format(strategy=strategy, bundle=bundle) for strategy, bundle in bundles.items())
    path.write_text(text)
    return path


def trade_in_dry_run(stage: Stage, config: Path) -> None:
    """Act 3: arm in two steps, and trade the next months through the same engine."""
    _title(stage, 3, "Armed in two steps, it trades later bars through the same engine")
    with _working(stage, "starting the live service"):
        address = stage.start_service(config)
    stage.console.print(f"  the service listens on {address.url} (its API: {address.url}/docs)")
    loaded = stage.call("GET", "/v1/deployments")
    stage.check(
        all(one["status"] == "LOADED" and one["mode"] == "DRY_RUN" for one in loaded), "both bundles verified and loaded in DRY_RUN", loaded
    )
    stage.check(all(one["state"] == "DISARMED" for one in loaded), "it boots DISARMED", loaded)
    for strategy in STRATEGIES:
        challenge = stage.call("POST", "/v1/arm", {"strategy_id": strategy})
        wrong = {"challenge_id": challenge["challenge_id"], "phrase": "yes"}
        stage.call("POST", "/v1/arm/confirm", wrong, expect=409)
        stage.call("POST", "/v1/arm/confirm", {"challenge_id": challenge["challenge_id"], "phrase": challenge["phrase"]})
        stage.check(True, f"armed by typing “{challenge['phrase']}”; “yes” was refused")
    with _working(stage, "trading"):
        stage.wait_for(lambda: _traded(stage), "both strategies traded")
    _show(
        stage,
        "Last decisions",
        stage.call("GET", "/v1/decisions?limit=5"),
        ("strategy_id", "instrument_id", "requested", "target", "reason"),
    )
    _show(
        stage,
        "Last orders",
        stage.call("GET", "/v1/orders?limit=5"),
        ("order_id", "instrument_id", "side", "order_type", "quantity", "state"),
    )
    fills = stage.call("GET", "/v1/fills?limit=1000")
    _show(stage, "Last fills", fills[:5], ("order_id", "instrument_id", "side", "price", "quantity", "fee"))
    _show(
        stage, "Positions", stage.call("GET", "/v1/positions"), ("strategy_id", "quantity", "mark", "realised", "fees", "profit", "quote")
    )
    stage.check(len(fills) >= FILLS_TO_SEE, f"{len(fills)} fills so far, each after its intent was durable")


def kill_and_release(stage: Stage, config: Path) -> None:
    """Act 4: one call stops everything, and it stays stopped through a crash."""
    _title(stage, 4, "One call stops everything, and a crash does not undo it")
    resting = stage.wait_for(lambda: stage.call("GET", "/v1/orders?open_only=true"), "an order rests on the book")
    reader = stage.interlock("token", "new", "viewer", *_scopes("read"))["token"]
    stage.call("POST", "/v1/kill", {"reason": "not allowed"}, expect=403, token=reader)
    stage.check(True, "a token without the scope gets 403, and the call is recorded")
    report = stage.call("POST", "/v1/kill", {"reason": "demo"})
    stage.check(
        report["proven"] and not report["open_orders"] and report["state"] == "KILLED",
        f"KILLED: {len(resting)} orders were open, now none are, proven in {report['seconds'] * 1000:.1f} ms",
        report,
    )
    stage.stop_service(kill=True)
    stage.check(True, "kill -9 of the service process")
    with _working(stage, "restarting"):
        stage.start_service(config)
    state = stage.call("GET", "/v1/state")
    held = {one["state"] for one in state["trading_states"] if one["scope"] == "GLOBAL"}
    stage.check(held == {"KILLED"} and state["open_orders"] == 0, "after the restart it is still KILLED, with no open order", state)
    stage.call("POST", "/v1/arm", {"strategy_id": "ema_cross"}, expect=409)
    stage.check(True, "arming is refused while it is killed (409)")
    released = stage.call("POST", "/v1/release", {"reason": "the demo is over"})
    stage.check(released["state"] == "DISARMED", "released with a reason, into DISARMED", released)


def verify_everything(stage: Stage, config: Path) -> None:
    """Act 5: what was recorded can be checked, run again, and not be changed unseen."""
    _title(stage, 5, "What happened can be proven")
    stage.stop_service()
    journals = session_journals(stage.home)
    anchors = str(stage.home / "journal" / "anchors.jsonl")
    for journal in journals:
        verified = stage.interlock("journal", "verify", str(journal), "--anchors", anchors)
        stage.check(True, f"{journal.name}: {verified['records']:,} records, chain and seal hold")
    traded = journals[1]
    with _working(stage, "replaying the session that traded and crashed"):
        again = stage.interlock("session", "replay", str(traded), INTERLOCK_CONFIG=str(config))
    stage.check(
        again["identical"] and again["records"] > 0,
        f"{traded.name} replays record for record: {again['records']:,} records from {again['market_events']:,} bars",
        again,
    )
    copy = stage.home / "copy.journal"
    shutil.copy(traded, copy)
    with JournalReader(traded) as reader:
        row = next(islice(reader.rows(kinds=("FillRecorded",)), 2, None))
    content = bytearray(copy.read_bytes())
    content[content.index(row.body) + len(row.body) // 2] ^= 1
    copy.write_bytes(bytes(content))
    found = stage.interlock("journal", "verify", str(copy), expect=2)
    stage.check("error" in found, f"one flipped byte in a copy is found: {found['error']}", found)


def print_what_next(stage: Stage, config: Path) -> None:
    """Say what a person can do next."""
    stage.console.print("\n[bold]Every claim held.[/] What to do next:")
    stage.console.print(f"  export INTERLOCK_HOME={stage.home} INTERLOCK_KEYS={stage.keys} INTERLOCK_CONFIG={config}")
    for command, why in (
        ("interlock session list", "the sessions of this demo"),
        (f"interlock journal show {session_journals(stage.home)[1]} --last 20", "what the engine said"),
        ("interlock serve", "run the live service again; its address is in the log, its API at /docs"),
        ("interlock strategy new my_strategy", "begin a strategy of your own"),
    ):
        stage.console.print(f"  .venv/bin/{command}   [dim]# {why}[/]")


def _change_one_tick(tape: Path, changed: Path, journal: Path) -> Bar:
    """Write the tape again with one price unit added to one close: the bar on which the tenth decision was made."""
    with JournalReader(journal) as reader:
        decided = next(islice(reader.rows(kinds=("DecisionRecorded",)), 9, None)).ts
    header, events = read_segment(tape)
    bars = list(events)
    index = next(index for index, bar in enumerate(bars) if bar.ts_init == decided)
    bar = bars[index]
    bars[index] = replace(bar, close=bar.close + 1, high=max(bar.high, bar.close + 1))
    write_segment(changed, bars, header.instruments, header.session_id)
    return bars[index]


def _traded(stage: Stage) -> bool:
    fills = stage.call("GET", "/v1/fills?limit=1000")
    return len(fills) >= FILLS_TO_SEE and {fill["strategy_id"] for fill in fills} == set(STRATEGIES)


def _scopes(*names: str) -> list[str]:
    return [argument for name in names for argument in ("--scope", name)]


def _title(stage: Stage, number: int, text: str) -> None:
    stage.console.print(f"\n[bold]{number}. {text}[/]")


def _working(stage: Stage, what: str) -> Progress:
    """Show that work goes on, on a terminal only; plain output gets one line."""
    if not stage.console.is_terminal:
        stage.console.print(f"  … {what}")
    progress = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), console=stage.console, transient=True, disable=not stage.console.is_terminal
    )
    progress.add_task(f"  {what}")
    return progress


def _show(stage: Stage, title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    table = Table(*(column.replace("_", " ") for column in columns), title=title, title_justify="left")
    for row in rows:
        table.add_row(*(_short(str(row[column])) for column in columns))
    stage.console.print(table)


def _short(text: str) -> str:
    """Leave out the zeros that end a decimal number; the API gives every place."""
    whole, point, places = text.partition(".")
    if not (point and places.isdecimal() and whole.lstrip("-").isdecimal()):
        return text
    return f"{whole}.{places.rstrip('0')}" if places.rstrip("0") else whole
