"""Ways in which people reach the future by accident, each seeded into a small strategy, and honest strategies beside them."""

import itertools
import shutil
from pathlib import Path

import pytest

from dagster_project.gates.policy import load_policy
from dagster_project.gates.probe_process import ProbeRequest, RunningProbe
from live.promotion import load_strategy_folder

STRATEGIES = Path(__file__).parents[3] / "strategies"

BY_TIME = """
    table = json.loads(pkgutil.get_data(__package__, "weights/table.json"))
    self.table = table
"""
LOOK_UP = "long = self.table.get(str(bar.ts_event), False)"

SHIFTED = """
def fit(parameters, bars):
    closes = [bar.close for bar in bars]
    ahead = [later > now for now, later in zip(closes, closes[1:])]
    return {"table.json": {str(bar.ts_event): up for bar, up in zip(bars, ahead)}}
"""
CENTRED = """
def fit(parameters, bars):
    closes = [bar.close for bar in bars]
    smooth = [sum(closes[max(0, at - 5) : at + 6]) / len(closes[max(0, at - 5) : at + 6]) for at in range(len(closes))]
    return {"table.json": {str(bar.ts_event): mean > bar.close for bar, mean in zip(bars, smooth)}}
"""
FILLED_BACKWARDS = """
def fit(parameters, bars):
    known = {at: bars[at].close for at in range(0, len(bars), 6)}
    filled = [known.get(-(-at // 6) * 6, bars[-1].close) for at in range(len(bars))]
    return {"table.json": {str(bar.ts_event): later > bar.close for bar, later in zip(bars, filled)}}
"""
SCALED = """
def fit(parameters, bars):
    closes = [bar.close for bar in bars]
    mean = sum(closes) / len(closes)
    return {"scaler.json": {"mean": mean, "deviation": (sum((close - mean) ** 2 for close in closes) / len(closes)) ** 0.5}}
"""
TUNED = """
def fit(parameters, bars):
    closes = [bar.close for bar in bars]
    def earned(lag):
        return sum(closes[at + 1] / closes[at] - 1 for at in range(lag, len(closes) - 1) if closes[at] > closes[at - lag])
    return {"lag.json": max(range(1, 30), key=earned)}
"""
SAME_DAY = """
def fit(parameters, bars):
    highest = {}
    for bar in bars:
        day = str(bar.ts_event // 86400_000_000_000)
        highest[day] = max(highest.get(day, 0.0), bar.close)
    return {"table.json": highest}
"""
CAUSAL = """
def fit(parameters, bars):
    table, total = {}, 0.0
    for count, bar in enumerate(bars, start=1):
        total += bar.close
        table[str(bar.ts_event)] = bar.close > total / count
    return {"table.json": table}
"""

LEAKS = {
    "a table shifted by one bar": (SHIFTED, BY_TIME, LOOK_UP),
    "a centred average": (CENTRED, BY_TIME, LOOK_UP),
    "gaps filled backwards": (FILLED_BACKWARDS, BY_TIME, LOOK_UP),
    "a scaler fitted on all rows": (
        SCALED,
        'self.scaler = json.loads(pkgutil.get_data(__package__, "weights/scaler.json"))',
        'long = (bar.close - self.scaler["mean"]) / self.scaler["deviation"] < -0.1',
    ),
    "a parameter tuned on all rows": (
        TUNED,
        'self.lag = json.loads(pkgutil.get_data(__package__, "weights/lag.json"))',
        "long = len(self.closes) > 30 and bar.close > self.closes[-1 - self.lag]",
    ),
    "the high of a day that is not over": (
        SAME_DAY,
        BY_TIME,
        "long = bar.close < 0.99 * self.table.get(str(bar.ts_event // 86400_000_000_000), 0.0)",
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_weights_that_know_what_came_later_are_caught(leak, write_strategy, ship_weights, probe_folder):
    """The decision that changes when the future is gone is named with its bar, instrument and time."""
    fit, init, decide = LEAKS[leak]
    folder = ship_weights(write_strategy(decide, init=init, fit=fit, warm_up=40))
    findings = probe_folder(folder)
    gate = findings.look_ahead
    assert not gate.passed
    assert not gate.holds
    first = min(findings.report.look_ahead.leaks, key=lambda found: found.ts)
    assert first.probe in {"prefix", "poison"}
    assert (gate.measured["first_leaking_bar"], gate.measured["first_leaking_instrument"]) == (first.bar, "binance-spot:BTCUSDT")
    assert f"leaks first at bar {first.bar} of binance-spot:BTCUSDT, 2018-0" in gate.detail


def test_the_first_leaking_bar_is_found_between_two_cuts_of_the_spread(write_strategy, ship_weights, probe_folder, history):
    """A leak that begins late is located to the bar, not to the next cut."""
    fit = """
def fit(parameters, bars):
    return {"table.json": {str(bar.ts_event): at >= 650 and at + 1 < len(bars) for at, bar in enumerate(bars)}}
"""
    gate = probe_folder(ship_weights(write_strategy(LOOK_UP, init=BY_TIME, fit=fit))).look_ahead
    assert (gate.measured["probe"], gate.measured["first_leaking_bar"]) == ("prefix", 650)


def test_a_table_in_the_source_is_caught_by_translation(write_strategy, probe_folder, history):
    """No weights and no fit: what was known with hindsight is keyed by time, and 28 years later the key is not there."""
    known = {bar.ts_event: later.close > bar.close for bar, later in itertools.pairwise(history)}
    folder = write_strategy("long = KNOWN.get(bar.ts_event, False)", top=f"KNOWN = {known!r}")
    gate = probe_folder(folder).look_ahead
    assert not gate.passed
    assert gate.measured["probe"] == "translation"


def test_a_cache_that_survives_a_run_is_caught(write_strategy, probe_folder):
    """The second run in one process reads what the first one wrote down."""
    decide = """
    CACHE[bar.ts_event] = bar.close
    long = CACHE.get(bar.ts_event + 1800_000_000_000, 0.0) > bar.close
    """
    gate = probe_folder(write_strategy(decide, top="CACHE = {}")).look_ahead
    assert not gate.passed
    assert "repeat" in gate.detail


DEEDS = {
    "open('/etc/hostname').close()": "opened the file '/etc/hostname'",
    "__import__('pathlib').Path('/etc/hosts').read_text()": "opened the file '/etc/hosts'",
    "__import__('os').listdir('/')": "listed the directory '/'",
    "__import__('socket').socket().close()": "opened a socket",
    "__import__('subprocess').run(['true'])": "started the process",
    "__import__('time').time()": "read the clock with time.time",
    "__import__('datetime').datetime.now()": "read the clock with datetime.now",
    "__import__('threading').Thread(target=print).start()": "started a thread",
}


def test_reaching_for_anything_but_bars_is_named(write_strategy, probe_folder):
    """Each deed by itself and with its line, even where the refusal is swallowed."""
    attempts = "\n".join(f"try:\n    self.last is None and {deed}\nexcept Exception:\n    pass" for deed in DEEDS)
    findings = probe_folder(write_strategy(f"{attempts}\nlong = bar.close > (self.last or bar.close)"))
    assert not findings.look_ahead.passed
    for said in DEEDS.values():
        assert any(f"the strategy {said} (strategy.py:" in one for one in findings.report.violations), said
        assert f"the strategy {said}" in findings.look_ahead.detail


def test_a_file_that_is_read_at_import_is_named(write_strategy, tape):
    """A strategy that cannot live without it never gets through history."""
    folder = write_strategy("long = HOSTS != ''", top="HOSTS = open('/etc/hosts').read()")
    request = ProbeRequest(
        folder=str(folder),
        version_digest=load_strategy_folder(folder).version.digest,
        tape=str(tape),
        look_ahead=load_policy().look_ahead,
        warm_up=load_policy().warm_up,
    )
    running = RunningProbe(request)
    try:
        report = running.finish()
    finally:
        running.close()
    assert report.look_ahead is None
    assert report.violations == ("the strategy opened the file '/etc/hosts' (strategy.py:7)",)


def test_importing_a_library_is_no_violation(write_strategy, probe_folder):
    """What the import machinery opens is not what the strategy opens."""
    decide = """
    import colorsys, fractions, statistics
    long = bar.close > (self.last or bar.close)
    """
    findings = probe_folder(write_strategy(decide))
    assert findings.look_ahead.passed, findings.look_ahead.detail


def test_weights_without_a_fit_are_refused(write_strategy, ship_weights, probe_folder):
    """Nobody can say what they know."""
    folder = ship_weights(write_strategy(LOOK_UP, init=BY_TIME, fit=CAUSAL))
    toml = folder / "strategy.toml"
    toml.write_text(toml.read_text().replace('[fit]\nentry_point = "fit:fit"\n', ""))
    gate = probe_folder(folder).look_ahead
    assert not gate.passed
    assert "weights/table.json is shipped and strategy.toml declares no [fit]" in gate.detail


def test_weights_that_the_fit_does_not_give_are_refused(write_strategy, probe_folder):
    """An honest fit beside other weights proves nothing about them."""
    folder = write_strategy(LOOK_UP, init=BY_TIME, fit=CAUSAL, weights={"table.json": "{}"})
    gate = probe_folder(folder).look_ahead
    assert not gate.passed
    assert "weights/table.json is not what the declared fit gives" in gate.detail


def test_an_honest_table_passes(write_strategy, ship_weights, probe_folder):
    """Weights of which each entry knows only what came before it: the same at every cut."""
    findings = probe_folder(ship_weights(write_strategy(LOOK_UP, init=BY_TIME, fit=CAUSAL)))
    assert findings.look_ahead.passed, findings.look_ahead.detail
    assert findings.look_ahead.measured["cuts"] == 60 + 6 * 4


UNTIL = "2018-03-08"
UNTIL_TS = 1_520_467_200 * 1_000_000_000


def test_a_fit_that_stops_in_time_passes_and_only_later_bars_prove_it(write_strategy, ship_weights, probe_folder, history):
    """A scaler fitted up to a date may know everything before it; cuts begin after it."""
    _, init, decide = LEAKS["a scaler fitted on all rows"]
    folder = ship_weights(write_strategy(decide, init=init, fit=SCALED, until=UNTIL), UNTIL_TS)
    findings = probe_folder(folder)
    assert findings.look_ahead.passed, findings.look_ahead.detail
    assert findings.look_ahead.measured["fit_until"] == "2018-03-08T00:00:00Z"
    later = sum(bar.ts_init > UNTIL_TS for bar in history)
    assert 0 < later < len(history)
    last = history[-1].ts_event // 1_000_000_000
    everything = ship_weights(write_strategy(decide, init=init, fit=SCALED, until="2030-01-01"))
    none_left = probe_folder(everything).look_ahead
    assert last < 1_893_456_000
    assert not none_left.passed
    assert "leaves room for 0 cuts" in none_left.detail


def test_weights_fitted_beyond_the_declared_date_are_refused(write_strategy, ship_weights, probe_folder):
    """The date is not taken on trust: the fit is repeated with no bar after it."""
    _, init, decide = LEAKS["a scaler fitted on all rows"]
    gate = probe_folder(ship_weights(write_strategy(decide, init=init, fit=SCALED, until=UNTIL))).look_ahead
    assert not gate.passed
    assert "weights/scaler.json is not what the declared fit gives" in gate.detail


def test_a_date_of_hindsight_in_the_fit_is_caught_by_translation(write_strategy, ship_weights, probe_folder):
    """A fit that stops in time and knows by heart when to sell."""
    fit = """
def fit(parameters, bars):
    return {"table.json": {"sell": 1_520_900_000_000_000_000}}
"""
    folder = ship_weights(write_strategy('long = bar.ts_event < self.table["sell"]', init=BY_TIME, fit=fit, until=UNTIL), UNTIL_TS)
    gate = probe_folder(folder).look_ahead
    assert not gate.passed
    assert gate.measured["probe"] == "translation"


def test_peeker_is_refused_at_its_first_bar_that_counts(sample_tape, probe_folder):
    """Centred window and scaler over all rows, on the sample that its weights were fitted on."""
    gate = probe_folder(STRATEGIES / "peeker", on=sample_tape).look_ahead
    assert not gate.passed
    assert gate.measured["problems"] == 0
    assert "the prefix probe leaks first at bar 8 of binance-spot:BTCUSDT, 2017-10-01T04:30:00Z" in gate.detail


def test_a_renamed_peeker_is_refused_alike(sample_tape, probe_folder, tmp_path):
    """Another folder, id and class name change nothing that is measured."""
    folder = tmp_path / "trend_compass"
    shutil.copytree(STRATEGIES / "peeker", folder)
    for name in ("strategy.toml", "strategy.py", "fit.py"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("peeker", "trend_compass").replace("Peeker", "TrendCompass"))
    gate = probe_folder(folder, on=sample_tape).look_ahead
    assert not gate.passed
    assert (gate.measured["probe"], gate.measured["first_leaking_bar"]) == ("prefix", 8)


def test_a_peeker_without_its_fit_is_refused(sample_tape, probe_folder, tmp_path):
    """Taking the declaration away takes the proof away, and its table still knows its dates."""
    folder = tmp_path / "peeker"
    shutil.copytree(STRATEGIES / "peeker", folder)
    toml = folder / "strategy.toml"
    toml.write_text(toml.read_text().replace('[fit]\nentry_point = "fit:fit"\n', ""))
    gate = probe_folder(folder, on=sample_tape).look_ahead
    assert not gate.passed
    assert gate.measured["problems"] == 1
    assert gate.measured["probe"] == "translation"
