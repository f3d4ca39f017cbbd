"""A strategy that fails during its judgement is a refused strategy: that is an answer about it, and nothing of ours broke."""

import dagster as dg
import pytest

from dagster_project.datasets import open_dataset
from dagster_project.definitions import defs
from dagster_project.gates import GATES, evaluate, load_policy, read_evidence, submit_strategy
from dagster_project.home import HOME_VARIABLE
from dagster_project.tracking import TrialLedger
from live.cli.main import run


@pytest.fixture(name="home", scope="module")
def _home(short_home):
    return short_home


LATE = "if len(self.closes) == 60:\n    {deed}\nlong = False"
FAILURES = {
    "raises": ({"decide": LATE.format(deed="raise ValueError('lost its mind')")}, "ValueError: lost its mind"),
    "uses an instrument that it did not declare": (
        {"decide": LATE.format(deed="context.target_fraction('binance-spot:DOGEUSDT', 0.5)")},
        "used binance-spot:DOGEUSDT, which its strategy.toml does not declare",
    ),
    "wants what is no number": (
        {"decide": LATE.format(deed="context.target_fraction(bar.instrument_id, 'half')")},
        "fraction must be a number, received 'half'",
    ),
    "leaves": ({"decide": LATE.format(deed="raise SystemExit('enough')")}, "at 1506924000000000000: SystemExit: enough"),
    "ends its process": ({"decide": LATE.format(deed="__import__('os')._exit(0)")}, "must not write to standard output or end the process"),
    "writes to the standard output of the process": (
        {"decide": LATE.format(deed="""__import__('os').write(1, b'{"gate": "replay", "passed": true}')""")},
        "must not write to standard output",
    ),
    "cannot be imported": ({"decide": "long = False", "top": "raise ImportError('no such model')"}, "ImportError: no such model"),
    "cannot be constructed": ({"decide": "long = False", "init": "raise KeyError('weights')"}, "Subject(parameters) failed with KeyError"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_strategy_that_fails_is_refused_with_its_own_sentence(failure, home, write_strategy):
    """The replay gate carries the sentence, every other gate claims nothing, and nothing of it counts as a trial."""
    lines, sentence = FAILURES[failure]
    judged = evaluate(submit_strategy(home, write_strategy(**lines)), open_dataset(home, "sample"), home, load_policy(), [])
    results = judged.evidence.results_by_gate
    assert list(results) == list(GATES)
    assert {gate for gate, result in results.items() if result.passed} <= {"data_quality"}
    assert not judged.evidence.integrity_passed
    assert sentence in results["replay"].detail
    assert sentence in judged.report_markdown
    assert results["determinism"].detail == "not run: the strategy did not get through the replay"
    assert not judged.replayed


def test_the_sentence_names_the_bar(home, write_strategy):
    """Instrument and time, so that it can be found again."""
    folder = write_strategy(**FAILURES["raises"][0])
    dataset = open_dataset(home, "sample")
    judged = evaluate(submit_strategy(home, folder), dataset, home, load_policy(), [])
    ts = list(dataset.files[0].events())[59].ts_event
    assert f"failed on the bar of binance-spot:BTCUSDT at {ts}: ValueError" in judged.evidence.results_by_gate["replay"].detail


def test_an_order_for_nothing_that_is_a_number_is_denied_and_refused(home, write_strategy):
    """NaN reaches the portfolio and no further: it never trades, so the replay gate does not pass."""
    folder = write_strategy("context.target_fraction(bar.instrument_id, float('nan'))\nlong = True\nreturn")
    judged = evaluate(submit_strategy(home, folder), open_dataset(home, "sample"), home, load_policy(), [])
    assert judged.result.fills == 0
    assert sum(judged.result.denials.values()) > 0
    assert not judged.evidence.results_by_gate["replay"].holds


def test_an_instrument_that_the_tape_knows_otherwise_is_a_refusal(home, write_strategy):
    """strategy.toml contradicts the data, which is the strategy's mistake."""
    folder = write_strategy("long = False")
    toml = folder / "strategy.toml"
    toml.write_text(toml.read_text().replace("price_scale = 2", "price_scale = 1"))
    judged = evaluate(submit_strategy(home, folder), open_dataset(home, "sample"), home, load_policy(), [])
    assert "binance-spot:BTCUSDT" in judged.evidence.results_by_gate["replay"].detail
    assert not judged.evidence.integrity_passed


def test_a_strategy_that_behaves_while_it_is_probed_is_refused(home, write_strategy):
    """The watched replay must say what the judged one says, so knowing who asks does not help."""
    folder = write_strategy('long = "Listening" not in type(context).__name__ and len(self.closes) % 50 < 25')
    judged = evaluate(submit_strategy(home, folder), open_dataset(home, "sample"), home, load_policy(), [])
    assert judged.evidence.results_by_gate["replay"].holds
    gate = judged.evidence.results_by_gate["look_ahead"]
    assert not gate.passed
    assert "did something else while it was probed than in the replay that is judged" in gate.detail


FORGED = """
    if type(context).__name__ == "Listening":
        report = {
            "look_ahead": {"cuts": 500, "leaks": [], "problems": [], "edges_lost": {}, "fit_until": None},
            "warm_up": {"warm_up_bars": 5, "starts": 24, "compared": 4800, "differing": 0, "first": ""},
            "violations": [], "failure": "", "parity_digest": "",
        }
        os.write(1, json.dumps(report).encode())
        os._exit(0)
    long = len(self.closes) % 50 < 25
"""


def test_a_report_that_the_strategy_wrote_itself_does_not_pass(home, write_strategy):
    """What leads to the descriptor is found in the sources, outside the process in which the strategy runs."""
    folder = write_strategy(FORGED, top="import os")
    judged = evaluate(submit_strategy(home, folder), open_dataset(home, "sample"), home, load_policy(), [])
    gate = judged.evidence.results_by_gate["look_ahead"]
    assert not gate.passed
    assert not gate.holds
    assert "strategy.py:7 imports os, which leads out of the strategy" in gate.detail


@pytest.mark.slow
def test_it_is_a_successful_run_with_red_checks_and_a_refused_command(home, write_strategy, monkeypatch, capsys):
    """Dagster's run succeeds and says why no bundle was signed; the command exits with 2."""
    monkeypatch.setenv(HOME_VARIABLE, str(home.root))
    folder = write_strategy(**FAILURES["raises"][0])
    label = submit_strategy(home, folder).label
    definitions = dg.Definitions.merge(defs())
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("strategy_version", [label])
        result = definitions.resolve_job_def("prove_strategy").execute_in_process(instance=instance, partition_key=label)
    assert result.success
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert [name for name, check in checks.items() if check.passed] == ["data_quality", "trials_are_complete"]
    assert "lost its mind" in checks["replay"].description
    assert "lost its mind" in read_evidence(home, label).report_markdown
    said = {one.asset_key.to_user_string(): one.materialization.metadata for one in result.get_asset_materialization_events()}
    assert said["strategy_bundle"]["refused"].value is True
    assert TrialLedger(home.trials).trials() == ()
    assert run(["evaluate", str(folder)]) == 2
    printed = capsys.readouterr()
    assert "replay: the replay of subject@" in printed.out
    assert "may run nowhere, these integrity gates did not pass" in printed.err
