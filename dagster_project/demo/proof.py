"""Proof: the same data gives the same records, and what was recorded can be checked and run again."""

import shutil
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from dagster_project.datasets import Dataset
from dagster_project.demo.stage import Stage
from dagster_project.demo.telling import title, working
from dagster_project.gates.bars import read_bar_tape
from dagster_project.orchestration import Pipeline
from live.core.inputs import Bar
from live.driver.recovery import anchors_path, session_journals
from live.journal import JournalReader, read_anchors, write_segment

INSTRUMENT = "binance-spot:BTCUSDT"


def replay_twice(stage: Stage, dataset: Dataset, strategies: Path) -> None:
    """Act 3: the same replay in two processes is the same, and one tick makes it another."""
    title(stage.console, 3, "The same data and the same code give the same decisions")
    tape, changed = dataset.tape([INSTRUMENT]), stage.home / "changed.tape.gz"
    rows = sum(file.rows for file in dataset.manifest.files if file.instrument_id == INSTRUMENT)
    stage.console.print(f"  {rows:,} real half-hour bars of {INSTRUMENT}, from dataset {dataset.digest[:12]}")
    folder = str(strategies / "ema_cross")
    journals = [stage.home / f"replay-{number}.journal" for number in (1, 2, 3)]
    runs: list[dict[str, Any]] = []
    for number, seed in ((0, "1"), (1, "2718281")):
        with working(stage.console, f"replaying in process {number + 1} with PYTHONHASHSEED={seed}"):
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
    with working(stage.console, "replaying with one tick changed"):
        third = stage.interlock("replay", folder, "--tape", str(changed), "--journal", str(journals[2]))
    stage.check(
        third["parity_digest"] != first["parity_digest"],
        f"one tick more in one close, on {_day(moved)}, gives another digest: {third['parity_digest'][:16]}…",
    )
    difference = stage.interlock("journal", "diff", str(journals[0]), str(journals[2]), expect=2)
    stage.check("error" in difference, f"the first differing record is named: {difference['error']}", difference)


def verify_everything(stage: Stage, config: Path) -> None:
    """Act 7: what was recorded can be checked, run again, and not be changed unseen."""
    title(stage.console, 7, "What happened can be proven, and is written up")
    stage.stop_service()
    journals = session_journals(stage.home)
    anchors = str(stage.home / "journal" / "anchors.jsonl")
    for journal in journals:
        verified = stage.interlock("journal", "verify", str(journal), "--anchors", anchors)
        stage.check(True, f"{journal.name}: {verified['records']:,} records, chain and seal hold")
    traded = journals[0]
    with working(stage.console, "replaying the session that traded and crashed"):
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


def write_up(stage: Stage, pipeline: Pipeline) -> None:
    """Go on with act 7: the pipeline pulls the sessions, replays them, and summarises the day."""
    traded = session_journals(stage.home)[0]
    with working(stage.console, "pulling the sessions into the lake, replaying them, and summarising the day"):
        archived = pipeline.run("archive_sessions", config={"session_archive": {"source": str(stage.home)}})
        history = read_anchors(anchors_path(stage.home)).of_session(traded.stem)
        day = f"{datetime.fromtimestamp(history.seals[-1].at // 1_000_000_000, UTC):%Y-%m-%d}"
        summarised = pipeline.run("summarise_days", partition=day)
    stage.check(
        archived.check("sessions_are_sound").passed, f"the lake has {archived.metadata['session_archive']['archived']} sessions of it"
    )
    replayed = archived.check("sessions_replay_identically")
    stage.check(replayed.passed, replayed.description)
    summary = summarised.metadata["daily_summary"]
    stage.check(summary["fills"] > 0, f"the summary of {day} is written: {summary['headline']}", summary)


def _change_one_tick(tape: Path, changed: Path, journal: Path) -> Bar:
    """Write the tape again with one price unit added to one close: the bar on which the tenth decision was made."""
    with JournalReader(journal) as reader:
        decided = next(islice(reader.rows(kinds=("DecisionRecorded",)), 9, None)).ts
    header, bars = read_bar_tape(tape)
    index = next(index for index, bar in enumerate(bars) if bar.ts_init == decided)
    bar = bars[index]
    bars[index] = replace(bar, close=bar.close + 1, high=max(bar.high, bar.close + 1))
    write_segment(changed, bars, header.instruments, header.session_id)
    return bars[index]


def _day(bar: Bar) -> str:
    return f"{datetime.fromtimestamp(bar.ts_event // 1_000_000_000, UTC):%Y-%m-%d %H:%M}"
