"""Act 4: an alias asks for a promotion, signatures over evidence grant it, and a label alone grants nothing."""

from datetime import UTC, datetime
from pathlib import Path

from dagster_project.demo.research import Judged
from dagster_project.demo.stage import Stage
from dagster_project.demo.telling import title, working
from dagster_project.workbench.preparation import DEPLOYED, DEPLOYMENT, DRY_RUN_START, LIVE_CONFIGURATION
from live.promotion import TrustedKey

SPEED = 90_000
"""Times faster than real time: fifty half-hour bars a second."""


def write_configuration(stage: Stage, key: TrustedKey, tape: Path, registry: str) -> Path:
    """Write the configuration of the live service, on a free port and in a hurry."""
    # Every demo begins with an empty account: one of its own, so that summaries do not add it to another one's.
    account = f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    text = LIVE_CONFIGURATION.format(registry=registry, tape=tape, start=DRY_RUN_START, key=key, account=account)
    text = text.replace("schema = 1\n", 'schema = 1\n\n[service]\nhost = "127.0.0.1"\nport = 0\n', 1).replace(
        "speed = 1800", f"speed = {SPEED}"
    )
    path = stage.home / "interlock.toml"
    path.write_text(text + "\n".join(DEPLOYMENT.format(strategy=strategy, account=account) for strategy in DEPLOYED), encoding="utf-8")
    return path


def promote(stage: Stage, judged: dict[str, Judged]) -> None:
    """Act 4: bundles are registered; candidate is accepted, champion without signatures is refused, a changed byte too."""
    title(stage.console, 4, "An alias asks for a promotion; signatures over evidence grant it")
    bundle = Path(judged["ema_cross"].run.metadata["strategy_bundle"]["path"])
    tampered = stage.home / "tampered.bundle.json"
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    tampered.write_bytes(bytes(content))
    public = str(Path(stage.environment["INTERLOCK_GATE_KEY"]).with_suffix(".pub"))
    refused = stage.interlock("strategy", "verify", str(tampered), "--trust", public, expect=2)
    stage.check("error" in refused, f"one changed byte in a bundle: {refused['error']}", refused)
    with working(stage.console, "waiting for the MLflow server"):
        stage.wait_for_mlflow()
    for name in DEPLOYED:
        version = judged[name].run.metadata["registered_version"]["model_version"]
        stage.mlflow("POST", "registered-models/alias", {"name": name, "alias": "candidate", "version": str(version)})
        stage.check(
            True, f"{judged[name].submission.label} is version {version} of the model {name} in MLflow; its alias candidate was set"
        )
    number = str(judged["ema_cross"].run.metadata["registered_version"]["model_version"])
    stage.mlflow("POST", "registered-models/alias", {"name": "ema_cross", "alias": "champion", "version": number})
    states = {state["strategy"]: state["aliases"] for state in stage.interlock("sync")["strategies"]}
    stage.check(
        all(states[name]["candidate"]["status"] == "accepted" for name in DEPLOYED),
        "interlock sync fetched both bundles, verified them and accepted them as candidates",
        states,
    )
    champion = states["ema_cross"]["champion"]
    stage.check(champion["status"] == "refused", f"champion, set by hand: LIVE refused, {champion['reason']}", champion)
    tags = stage.mlflow("GET", f"model-versions/get?name=ema_cross&version={number}")["model_version"]["tags"]
    written = {tag["key"]: tag["value"] for tag in tags}
    stage.check("refused" in written["interlock.status"], f"and MLflow shows it: interlock.status = {written['interlock.status']}", written)
