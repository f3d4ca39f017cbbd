"""The story that the demo tells: eight acts, each of which checks what it claims."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dagster_project.demo.backstage import prepare_host
from dagster_project.demo.live import trade_live
from dagster_project.demo.promotion import promote, write_configuration
from dagster_project.demo.proof import replay_twice, verify_everything, write_up
from dagster_project.demo.research import judge_data, prove_strategies
from dagster_project.demo.stage import Stage, open_stage
from dagster_project.demo.telling import make_console
from dagster_project.demo.trading import kill_and_release, trade_in_dry_run
from dagster_project.demo.venue import open_exchange
from dagster_project.home import open_home
from dagster_project.orchestration import Pipeline
from dagster_project.workbench.preparation import GATE_KEY, prepare_gate_key, prepare_instance, prepare_tape, silence
from live.configuration import keys_directory


def tell(sample: Path, strategies: Path) -> None:
    """Tell the whole story.

    Raises:
        ClaimFailed: a claim does not hold.
        InterlockError: something that a claim rests on does not work.
    """
    silence()
    os.environ["INTERLOCK_GATE_KEY"] = str(keys_directory() / f"{GATE_KEY}.pem")
    home = open_home()
    tape = prepare_tape(home, sample)
    key = prepare_gate_key(keys_directory())
    prepare_instance(home)
    console = make_console()
    with (
        ThreadPoolExecutor(1) as backstage,
        open_stage(console) as stage,
        open_stage(console, name="demo-live") as live_stage,
        open_exchange(live_stage.home) as exchange,
        Pipeline(home) as pipeline,
    ):
        # The conformance kit mostly waits, so it costs the other acts little.
        prepared = backstage.submit(prepare_host, live_stage, exchange, strategies)
        dataset = judge_data(stage, pipeline, home, sample)
        judged = prove_strategies(stage, pipeline, home, strategies)
        stage.start_mlflow(home)
        config = write_configuration(stage, key, tape, stage.registry_url)
        # The pipeline replays sessions with the bundles that the live service's own configuration trusts.
        stage.environment["INTERLOCK_CONFIG"] = os.environ["INTERLOCK_CONFIG"] = str(config)
        replay_twice(stage, dataset, strategies)
        promote(stage, judged)
        trade_in_dry_run(stage, config)
        kill_and_release(stage, config)
        verify_everything(stage, config)
        write_up(stage, pipeline)
        trade_live(live_stage, exchange, prepared.result)
        print_what_next(stage)


def print_what_next(stage: Stage) -> None:
    """Say what a person can do next."""
    stage.console.print("\n[bold]Every claim held.[/] What to do next:")
    stage.console.print("  make dev", markup=False)
    for where, what in (
        ("http://127.0.0.1:8423", "start page: where everything is"),
        ("http://127.0.0.1:3000", "Dagster: Catalog -> strategy_evidence -> Checks, a partition a strategy version"),
        ("http://127.0.0.1:8422", "MLflow: Model training -> Model registry -> ema_cross: gate reports, aliases, tags"),
        ("http://127.0.0.1:8423/reports/", "today's summary and the session reports"),
        ("http://127.0.0.1:8423/exchange", "the local exchange, and how the live host trades there"),
    ):
        stage.console.print(f"    {where:<32} {what}", markup=False)
    stage.console.print("  interlock strategy new my_strategy       # then README.md, “Your first strategy”", markup=False)
