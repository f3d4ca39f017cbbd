"""Evaluation: run every gate on a submitted strategy version and a frozen dataset, and put what they say into evidence."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagster_project.datasets import Dataset, verify_dataset
from dagster_project.equity import EquityError, EquityPoint, FillFact
from dagster_project.gates.attempts import JudgedBefore, other_sharpes
from dagster_project.gates.bars import read_bar_tape
from dagster_project.gates.cost_stress import cost_stress_gate, multiplied
from dagster_project.gates.data_quality import data_quality_gate, missing_data
from dagster_project.gates.deflated_sharpe import deflated_sharpe_gate
from dagster_project.gates.look_ahead import look_ahead_gate
from dagster_project.gates.performance import DailyReturns, Performance, measure_performance
from dagster_project.gates.policy import GatePolicy
from dagster_project.gates.probe_process import ProbeReport, ProbeRequest, RunningProbe
from dagster_project.gates.regimes import market_days, regimes_gate
from dagster_project.gates.report import write_report
from dagster_project.gates.source_review import review_sources
from dagster_project.gates.submissions import Submission
from dagster_project.gates.warm_up import warm_up_gate
from dagster_project.home import Home
from live.core.instruments import merge_instruments
from live.driver.engine_digest import engine_digest
from live.driver.evidence import ReplayJob, Run, StrategyFailed, determinism_gate, limits_gate, replay_gate, replay_in_processes
from live.driver.replay import ReplayResult
from live.promotion import EVIDENCE_SCHEMA, Evidence, GateResult, StrategyFolder, read_archive
from live.promotion.evidence import GateKind
from live.venues.sim import CostModel

GATES: dict[str, GateKind] = {
    "data_quality": "integrity",
    "determinism": "integrity",
    "replay": "integrity",
    "look_ahead": "integrity",
    "warm_up": "integrity",
    "limits": "integrity",
    "deflated_sharpe": "evidence",
    "cost_stress": "evidence",
    "regimes": "evidence",
}
"""Every gate in the order of the report, and whether it must pass to run anywhere or only to ask for LIVE."""


@dataclass(frozen=True)
class Evaluation:
    """Hold everything that judging a strategy version gave.

    Attributes:
        submission: what was judged.
        dataset_digest: digest of what it was judged on.
        dataset_name: the name that dataset was frozen under.
        evidence: what every gate said.
        result: of the replay at normal costs; no events when the dataset does not hold what the strategy asks for.
        fills: executions of that replay.
        curve: its equity.
        returns: its daily returns that count, by UTC day number; after the fit's `until` where one is declared.
        sharpe: Sharpe ratio per day of those returns; None when it has no meaning.
        report_markdown: the gate report for people.
    """

    submission: Submission
    dataset_digest: str
    dataset_name: str
    evidence: Evidence
    result: ReplayResult
    fills: list[FillFact]
    curve: list[EquityPoint]
    returns: DailyReturns
    sharpe: float | None
    report_markdown: str

    @property
    def replayed(self) -> bool:
        """Say whether there was a replay from beginning to end; only then is the evaluation a trial."""
        return self.result.events > 0


def evaluate(
    submission: Submission,
    dataset: Dataset,
    home: Home,
    policy: GatePolicy,
    trials: Sequence[JudgedBefore],
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Judge a strategy version on a dataset; a version that fails gates is an evaluation like any other.

    Args:
        submission: the frozen strategy version.
        dataset: the frozen market data.
        home: where sources are unpacked.
        policy: the thresholds.
        trials: every trial of the ledger; those on bars of this dataset raise the hurdle, this version's own earlier ones do not.
        progress: called with a few words before each stage.

    Raises:
        GateError: a probe could not be run.
        EvidenceFailed: a replay could not be run, and the strategy is not to blame.
        InterlockError: tape, journal or dataset cannot be read.
    """
    say = progress or (lambda _: None)
    version = submission.folder.version
    say("verifying the dataset")
    quality = data_quality_gate(dataset.manifest, verify_dataset(dataset), version, policy.data_quality)
    if missing_data(dataset.manifest, version):
        results = _without_a_replay(quality, "not run: the dataset does not hold what the strategy asks for")
        return _conclude(submission, dataset, policy, results, _NOTHING, Performance([], [], [], None))
    try:
        results, result, performance = _Judgement(submission, dataset, home, policy, trials, say).run(quality)
    except (StrategyFailed, EquityError) as error:
        failed = _not_run("replay", "integrity", str(error))
        results = _without_a_replay(quality, "not run: the strategy did not get through the replay", failed)
        return _conclude(submission, dataset, policy, results, _NOTHING, Performance([], [], [], None))
    return _conclude(submission, dataset, policy, results, result, performance)


class _Judgement:
    def __init__(
        self,
        submission: Submission,
        dataset: Dataset,
        home: Home,
        policy: GatePolicy,
        trials: Sequence[JudgedBefore],
        say: Callable[[str], None],
    ) -> None:
        self.folder = submission.folder
        self.dataset = dataset
        self.home = home
        self.policy = policy
        self.trials = trials
        self.say = say
        self.tape = dataset.tape([one.instrument_id for one in self.folder.version.instruments])

    def run(self, quality: GateResult) -> tuple[tuple[GateResult, ...], ReplayResult, Performance]:
        policy = self.policy
        request = ProbeRequest(
            folder=str(self.folder.path),
            version_digest=self.folder.version.digest,
            tape=str(self.tape),
            look_ahead=policy.look_ahead,
            warm_up=policy.warm_up,
        )
        with tempfile.TemporaryDirectory(prefix="interlock-gates-") as scratch:
            probing = RunningProbe(request)
            try:
                self.say("replaying at normal and at higher costs")
                normal, again, stressed = self._replay(Path(scratch))
                self.say("measuring performance")
                header, bars = read_bar_tape(self.tape)
                instruments = merge_instruments(self.folder.version.instruments, header.instruments)
                until = None if self.folder.fit is None else self.folder.fit.until
                performance = measure_performance(normal, bars, instruments, until)
                sharpes = {1: performance.sharpe}
                for multiple, run in stressed.items():
                    sharpes[multiple] = measure_performance(run, bars, instruments, until).sharpe
                self.say("probing for look-ahead and warm-up")
                report = probing.finish()
            finally:
                probing.close()
            returns = performance.returns
            others = other_sharpes(self.trials, self.dataset, self.home, self.folder.version.digest)
            results = (
                quality,
                determinism_gate(normal, again),
                replay_gate(normal.result, policy.replay.minimum_fills),
                *_probe_gates(report, normal.result.parity_digest, self.folder, policy),
                limits_gate(self.folder, normal.journal, policy.limits.maximum_looseness),
                deflated_sharpe_gate([value for _, value in returns], others, policy.deflated_sharpe),
                cost_stress_gate(sharpes, policy.cost_stress),
                regimes_gate(returns, market_days(bars), policy.regimes),
            )
        return results, normal.result, performance

    def _replay(self, scratch: Path) -> tuple[Run, Run, dict[int, Run]]:
        one, other = self.policy.determinism.hash_seeds
        multiples = self.policy.cost_stress.multiples
        jobs = [ReplayJob(scratch / "one.journal", one), ReplayJob(scratch / "other.journal", other)]
        jobs += [ReplayJob(scratch / f"{multiple}x.journal", one, multiplied(CostModel(), multiple)) for multiple in multiples]
        normal, again, *stressed = replay_in_processes(self.folder, self.tape, self.home.root, jobs)
        return normal, again, dict(zip(multiples, stressed, strict=True))


def _probe_gates(report: ProbeReport, parity_digest: str, folder: StrategyFolder, policy: GatePolicy) -> tuple[GateResult, GateResult]:
    """Judge what the probes found, which is about the strategy only when the watched replay said what the judged one said.

    Sources are reviewed here once more: in the process of the probes the strategy ran, and might have written the report itself.
    """
    if report.look_ahead is None or report.warm_up is None:
        said = "; ".join(report.violations) or f"the strategy did not get through history under watch: {report.failure}"
        return (
            GateResult(
                gate="look_ahead",
                passed=False,
                kind="integrity",
                measured={"violations": len(report.violations)},
                threshold={"maximum_violations": 0},
                detail=said,
            ),
            _not_run("warm_up", "integrity", f"not run: {said}"),
        )
    reviewed = review_sources(read_archive(folder.archive), folder.version.parameters)
    violations = [*report.violations, *(problem for problem in reviewed if problem not in report.look_ahead.problems)]
    if report.parity_digest != parity_digest:
        violations.append("the strategy did something else while it was probed than in the replay that is judged")
    return (
        look_ahead_gate(report.look_ahead, violations, policy.look_ahead),
        warm_up_gate(report.warm_up, policy.warm_up),
    )


def _without_a_replay(quality: GateResult, detail: str, *others: GateResult) -> tuple[GateResult, ...]:
    """Give the results of a version that could not be replayed, in order: what is known, and of each other gate that it was not run."""
    known = {result.gate: result for result in (quality, *others)}
    return tuple(known.get(gate) or _not_run(gate, kind, detail) for gate, kind in GATES.items())


def _not_run(gate: str, kind: GateKind, detail: str) -> GateResult:
    return GateResult(gate=gate, passed=False, kind=kind, measured={}, threshold={}, detail=detail)


def _conclude(
    submission: Submission,
    dataset: Dataset,
    policy: GatePolicy,
    results: Sequence[GateResult],
    result: ReplayResult,
    performance: Performance,
) -> Evaluation:
    evidence = Evidence(
        schema=EVIDENCE_SCHEMA,
        strategy_version_digest=submission.digest,
        dataset_digest=dataset.digest,
        policy_digest=policy.digest,
        engine_digest=engine_digest(),
        results=tuple(results),
        created_at=time.time_ns(),
    )
    report = write_report(submission.folder.version, dataset.manifest, evidence, result, performance)
    return Evaluation(
        submission=submission,
        dataset_digest=dataset.digest,
        dataset_name=dataset.manifest.name,
        evidence=evidence,
        result=result,
        fills=performance.fills,
        curve=performance.curve,
        returns=performance.returns,
        sharpe=performance.sharpe,
        report_markdown=report,
    )


_NOTHING = ReplayResult(
    events=0,
    records=0,
    decisions=0,
    intents=0,
    fills=0,
    denials={},
    alarms={},
    profit={},
    fees="0",
    first_event=0,
    last_event=0,
    parity_digest="",
)
