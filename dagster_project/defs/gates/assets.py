"""Assets of promotion: a strategy version is submitted, judged, bundled and registered, one partition a version."""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from dagster_project.addresses import read_addresses
from dagster_project.defs.gates.checks import GATE_CHECKS, answer_check
from dagster_project.defs.partitions import STRATEGY_VERSIONS
from dagster_project.defs.resources import HomeResource
from dagster_project.equity import drawdown
from dagster_project.gates import evaluate, load_policy, open_submission, read_evidence, submit_strategy, write_evidence
from dagster_project.gates.bundling import MissingGateKey, find_bundle, gate_key_path, refusals, sign_submission
from dagster_project.gates.sharpe import annualised
from dagster_project.home import Home

GROUP = "gates"
OWNERS = ["team:research"]


class SubmissionConfig(dg.Config):
    """Choose what to submit."""

    folder: str = Field(default="strategies/ema_cross", description="Strategy folder, the one that holds strategy.toml.")
    parameters: dict[str, Any] = Field(
        default={}, description="Values for declared parameters, like {fast: 10}; the others keep their default."
    )


class EvaluationConfig(dg.Config):
    """Choose what to judge it on."""

    dataset: str = Field(default="sample", description="Name or digest of a frozen dataset.")


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"python"})
def strategy_submission(context: dg.AssetExecutionContext, config: SubmissionConfig, home: HomeResource) -> dg.MaterializeResult:
    """Freeze a strategy folder with its parameters as a strategy version, which becomes a partition."""
    submission = submit_strategy(home.open(), Path(config.folder), config.parameters)
    context.instance.add_dynamic_partitions(STRATEGY_VERSIONS.name or "", [submission.label])
    version = submission.folder.version
    return dg.MaterializeResult(
        metadata={
            "version": submission.label,
            "digest": submission.digest,
            "path": dg.MetadataValue.path(submission.path),
            "parameters": dg.MetadataValue.json(dict(version.parameters)),
            "instruments": ", ".join(one.instrument_id for one in version.instruments),
            "next": dg.MetadataValue.md(
                f"The sensor `prove_new_versions` starts the job `prove_strategy` for the partition `{submission.label}` within half a "
                "minute. Without the daemon, launch that job for the partition yourself."
            ),
        }
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "mlflow"},
    partitions_def=STRATEGY_VERSIONS,
    deps=[strategy_submission, "replay_dataset"],
    check_specs=GATE_CHECKS,
)
def strategy_evidence(context: dg.AssetExecutionContext, config: EvaluationConfig, home: HomeResource) -> dg.MaterializeResult:
    """Judge the version by every gate; each gate is a check, and the run succeeds whatever they say."""
    from dagster_project.datasets import open_dataset
    from dagster_project.tracking import TrialLedger, record_evaluation

    opened = home.open()
    trials = TrialLedger(opened.trials).trials()
    submission = open_submission(opened, context.partition_key)
    evaluation = evaluate(submission, open_dataset(opened, config.dataset), opened, load_policy(), trials, context.log.info)
    run_id, trial = record_evaluation(opened, evaluation, _links(context), dagster_run_id=context.run.run_id)
    place = write_evidence(opened, evaluation, run_id)
    evidence = evaluation.evidence
    numbers: dict[str, Any] = {
        "fills": evaluation.result.fills,
        "days": len(evaluation.returns),
        "drawdown": drawdown(evaluation.curve),
    }
    if evaluation.sharpe is not None:
        numbers["sharpe_annualised"] = annualised(evaluation.sharpe)
    if trial is not None:
        numbers["trial"] = trial.number
    return dg.MaterializeResult(
        metadata={
            "may_run": evidence.integrity_passed,
            "may_ask_for_live": evidence.integrity_passed and evidence.evidence_passed,
            **numbers,
            "report": dg.MetadataValue.md(evaluation.report_markdown),
            "dataset": f"{evaluation.dataset_name} {evaluation.dataset_digest}",
            "policy": evidence.policy_digest,
            "engine": evidence.engine_digest,
            "mlflow_run": dg.MetadataValue.url(_run_page(opened, submission.folder.version.strategy_id, run_id)),
            "path": dg.MetadataValue.path(place),
        },
        check_results=[answer_check(result) for result in evidence.results],
    )


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"python"}, partitions_def=STRATEGY_VERSIONS, deps=[strategy_evidence])
def strategy_bundle(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
    """Sign version, evidence and sources with the gate key, or refuse; it reads the evidence itself and asks no check."""
    opened = home.open()
    submission = open_submission(opened, context.partition_key)
    stored = read_evidence(opened, submission.digest)
    if reasons := refusals(stored):
        return _refused(reasons)
    try:
        bundle = sign_submission(opened, submission, stored, gate_key_path())
    except MissingGateKey as error:
        raise dg.Failure(description=str(error)) from error
    return dg.MaterializeResult(
        metadata={
            "refused": False,
            "bundle": bundle.path.name,
            "digest": bundle.digest,
            "may_ask_for_live": stored.evidence.evidence_passed,
            "path": dg.MetadataValue.path(bundle.path),
        }
    )


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"mlflow"}, partitions_def=STRATEGY_VERSIONS, deps=[strategy_bundle])
def registered_version(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
    """Register the bundle as a version of the strategy's model in MLflow; the same bundle again gives the same version."""
    opened = home.open()
    submission = open_submission(opened, context.partition_key)
    stored = read_evidence(opened, submission.digest)
    if reasons := refusals(stored):
        return _refused(reasons)
    bundle = find_bundle(opened, stored)
    if bundle is None:
        raise dg.Failure(description=f"{submission.label} has no bundle of its newest evidence: materialise strategy_bundle first")
    from dagster_project.tracking import register_bundle
    from dagster_project.tracking.store import version_address

    card = submission.path / "card.md"
    prose = card.read_text(encoding="utf-8") if card.is_file() else None
    number = register_bundle(opened, bundle.path, stored.run_id, stored.report_markdown, _links(context), card=prose)
    strategy_id = submission.folder.version.strategy_id
    page = version_address(strategy_id, number, read_addresses().mlflow_url)
    return dg.MaterializeResult(
        metadata={
            "refused": False,
            "model": strategy_id,
            "model_version": number,
            "bundle": bundle.digest,
            "page": dg.MetadataValue.url(page),
            "next": dg.MetadataValue.md(
                f"To let it run in DRY_RUN, give version {number} the alias `candidate` on [its page]({page}); `interlock sync` then "
                "pulls it."
            ),
        }
    )


def _refused(reasons: list[str]) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"refused": True, "reasons": dg.MetadataValue.md("\n".join(f"- {reason}" for reason in reasons))})


def _links(context: dg.AssetExecutionContext) -> dict[str, str]:
    return {"Dagster run": f"{read_addresses().dagster_url}/runs/{context.run.run_id}"}


def _run_page(home: Home, strategy_id: str, run_id: str) -> str:
    from dagster_project.tracking.store import open_tracking, run_address

    return run_address(open_tracking(home).experiment_id(strategy_id), run_id, read_addresses().mlflow_url)
