"""What a gate says is what its numbers say: the live host reads the numbers again and must come to the same answer."""

from pathlib import Path

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dagster_project.datasets import DatasetFile, DatasetManifest, Lineage
from dagster_project.gates.cost_stress import cost_stress_gate
from dagster_project.gates.data_quality import data_quality_gate
from dagster_project.gates.deflated_sharpe import deflated_sharpe_gate
from dagster_project.gates.evaluation import GATES
from dagster_project.gates.look_ahead import Leak, LookAheadFindings, look_ahead_gate
from dagster_project.gates.policy import load_policy
from dagster_project.gates.regimes import regimes_gate
from dagster_project.gates.warm_up import WarmUpFindings, warm_up_gate
from live.driver.evidence import Run, determinism_gate, replay_gate
from live.driver.replay import ReplayResult
from live.promotion import Evidence, GateResult, load_strategy_folder, reevaluate

POLICY = load_policy()
FOLDER = load_strategy_folder(Path(__file__).parents[4] / "strategies" / "ema_cross")
VERSION = FOLDER.version
FIRST_DAY = 17_000
COUNTS = st.integers(0, 3)
SHARPES_BY_MULTIPLE = st.fixed_dictionaries(dict.fromkeys((1, 2, 3), st.none() | st.floats(-0.5, 0.5)))
RETURNS = st.integers(0, 400).flatmap(
    lambda days: st.builds(
        lambda drift, swing, jump: [drift + swing * (-1) ** day + (jump if day % 37 == 0 else 0.0) for day in range(days)],
        st.floats(-0.01, 0.02),
        st.floats(0.0, 0.05),
        st.floats(-0.2, 0.2),
    )
)
RESULTS = st.builds(
    ReplayResult,
    events=st.just(9000),
    records=st.just(100),
    decisions=st.just(50),
    intents=st.just(50),
    fills=st.integers(0, 60),
    denials=st.just({}),
    alarms=st.dictionaries(st.just("STALE"), COUNTS),
    profit=st.just({}),
    fees=st.just("0"),
    first_event=st.just(1),
    last_event=st.just(2),
    parity_digest=st.sampled_from(["a" * 64]),
)
LEAK = Leak(probe="prefix", instrument_id="a:B", bar=3, ts=10**18, cut=4, said="fraction 1", instead="nothing")
TEXTS = st.lists(st.sampled_from(["one thing", "another"]), max_size=2, unique=True)
LOOK_AHEAD = st.builds(
    LookAheadFindings,
    cuts=st.integers(95, 105),
    leaks=st.sampled_from([(), (LEAK,)]),
    problems=TEXTS.map(tuple),
    edges_lost=st.dictionaries(st.sampled_from(["jitter", "weeks"]), st.floats(-10, 10)),
    fit_until=st.none() | st.just(10**18),
)
WARM_UP = st.integers(0, 10_000).flatmap(
    lambda compared: st.builds(
        WarmUpFindings,
        warm_up_bars=st.just(30),
        starts=st.just(24),
        compared=st.just(compared),
        differing=st.integers(0, min(compared, 20)),
        first=st.just("at some bar"),
    )
)


def manifest(rows, validations):
    """Describe a dataset of so many rows of each instrument."""
    files = tuple(
        DatasetFile(instrument_id=one.instrument_id, name="a.parquet", rows=rows, first=1, last=2, content="c" * 64, sha256="f" * 64)
        for one in VERSION.instruments
    )
    lineage = Lineage(table="lake/bars", table_version=1, sources=(), validation_ids=tuple("v" * number for number in range(validations)))
    return DatasetManifest(
        schema=1, name="n", interval_seconds=VERSION.data.interval_seconds, start=0, end=2, files=files, lineage=lineage, digest="d" * 64
    )


def market(days):
    """Make a market that turns around every forty days."""
    return {FIRST_DAY + day: 0.01 * (1 if day // 40 % 2 else -1) + 0.005 * (-1) ** day for day in range(days)}


GATED = {
    "data_quality": st.builds(
        lambda rows, validations, problems: data_quality_gate(manifest(rows, validations), problems, VERSION, POLICY.data_quality),
        st.integers(1900, 2600).map(lambda bars: bars + VERSION.data.warm_up_bars),
        COUNTS,
        TEXTS,
    ),
    "determinism": st.builds(lambda result: determinism_gate(Run(result, Path("one")), Run(result, Path("other"))), RESULTS),
    "replay": st.builds(lambda result: replay_gate(result, POLICY.replay.minimum_fills), RESULTS),
    "look_ahead": st.builds(lambda findings, violations: look_ahead_gate(findings, violations, POLICY.look_ahead), LOOK_AHEAD, TEXTS),
    "warm_up": st.builds(lambda findings: warm_up_gate(findings, POLICY.warm_up), WARM_UP),
    "deflated_sharpe": st.builds(
        lambda returns, others: deflated_sharpe_gate(returns, others, POLICY.deflated_sharpe),
        RETURNS,
        st.lists(st.floats(-0.5, 0.5), max_size=30),
    ),
    "cost_stress": st.builds(lambda sharpes: cost_stress_gate(sharpes, POLICY.cost_stress), SHARPES_BY_MULTIPLE),
    "regimes": st.builds(
        lambda returns: regimes_gate([(FIRST_DAY + day, value) for day, value in enumerate(returns)], market(len(returns)), POLICY.regimes),
        RETURNS,
    ),
}
"""A strategy for the result of each gate; `limits` needs a journal and is held to the same where there is one."""


def beyond(result: GateResult, name: str) -> GateResult:
    """Put one measured number on the other side of its bound."""
    direction, _, measure = name.partition("_")
    bound = result.threshold[name]
    step = max(1.0, abs(float(bound)))
    value = float(bound) - step if direction == "minimum" else float(bound) + step
    return replace(result, measured={**result.measured, measure: value})


def reevaluate_alone(result: GateResult) -> list[str]:
    """Ask the live host about one gate, with the gate's own bounds."""
    digest = "0" * 64
    evidence = Evidence(
        schema=1,
        strategy_version_digest=digest,
        dataset_digest=digest,
        policy_digest=digest,
        engine_digest=digest,
        results=(result,),
        created_at=1,
    )
    return reevaluate(evidence, {result.gate: {name: float(bound) for name, bound in result.threshold.items()}})


@pytest.mark.parametrize("gate", GATED)
@given(data=st.data())
def test_no_gate_passes_against_its_own_numbers(gate, data):
    """And one that passes no longer holds once any number that it is gated by is beyond its bound."""
    result = data.draw(GATED[gate])
    assert (result.gate, result.kind) == (gate, GATES[gate])
    assert result.holds == result.passed, "its own numbers do not contradict its word"
    if not result.passed:
        return
    assert result.threshold, "it is gated by something"
    assert reevaluate_alone(result) == []
    for name in result.threshold:
        direction, _, measure = name.partition("_")
        assert direction in {"minimum", "maximum"}
        assert measure in result.measured, f"{name} bounds what was not measured, so nothing would be held against it"
        changed = beyond(result, name)
        assert not changed.holds, name
        assert reevaluate_alone(changed), name


@pytest.mark.parametrize("passed", [True, False])
@pytest.mark.parametrize("gate", [gate for gate in GATED if gate != "determinism"])
def test_every_gate_can_pass_and_can_fail(gate, passed):
    """Otherwise the rule above would be about nothing; what differs between two processes is named out of their journals."""
    chosen = settings(max_examples=1000, phases=[Phase.generate], database=None, deadline=None)
    assert find(GATED[gate], lambda result: result.passed is passed, settings=chosen).holds is passed
