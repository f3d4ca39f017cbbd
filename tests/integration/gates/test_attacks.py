"""Ways to know the future on purpose that need no date, to leave notes for a later run, and to behave while being watched."""

import itertools
import json
from datetime import UTC, datetime

import pytest

LIMIT = 5.0


@pytest.fixture(name="ups")
def _ups(history):
    """Give each bar but the last, and whether the next one closed higher."""
    return [(bar, later.close > bar.close) for bar, later in itertools.pairwise(history)]


def packed(keys, name="KNOWN"):
    """Write a set as source of which no single literal is conspicuous."""
    keys = sorted(keys)
    parts = [keys[start : start + 100] for start in range(0, len(keys), 100)]
    lines = [f"{name}_{number} = {part!r}" for number, part in enumerate(parts)]
    return "\n".join([*lines, f"{name} = {{{', '.join(f'*{name}_{number}' for number in range(len(parts)))}}}"])


def test_closes_learnt_by_heart_lose_their_edge(write_strategy, probe_folder, ups):
    """The price itself is the key: no cut, no poison and no other date changes anything, a little noise does."""
    folder = write_strategy(
        "long = round(bar.close * 100) in KNOWN",
        top=packed(bar.close for bar, up in ups if up),
    )
    findings = probe_folder(folder)
    gate = findings.look_ahead
    assert not gate.passed
    assert findings.report.look_ahead.edges_lost["jitter"] > LIMIT
    assert findings.report.look_ahead.leaks == ()
    assert "its edge goes away with every price moved a little" in gate.detail


def test_volumes_learnt_by_heart_lose_their_edge(write_strategy, probe_folder, ups):
    """Any field of the bar can be the key."""
    folder = write_strategy("long = round(bar.volume * 10**6) in KNOWN", top=packed(bar.volume for bar, up in ups if up))
    findings = probe_folder(folder)
    assert findings.report.look_ahead.edges_lost["jitter"] > LIMIT


def test_days_of_the_year_learnt_by_heart_lose_their_edge(write_strategy, probe_folder, ups):
    """Month, day and half hour are the same 28 years later, and 13 weeks more make them others."""

    def key(ts):
        at = datetime.fromtimestamp(ts // 10**9, UTC)
        return ((at.month * 31 + at.day) * 24 + at.hour) * 2 + at.minute // 30

    decide = """
    at = datetime.datetime.fromtimestamp(bar.ts_event // 10**9, datetime.UTC)
    long = ((at.month * 31 + at.day) * 24 + at.hour) * 2 + at.minute // 30 in KNOWN
    """
    folder = write_strategy(decide, top="import datetime\n" + packed(key(bar.ts_event) for bar, up in ups if up))
    findings = probe_folder(folder)
    assert findings.report.look_ahead.edges_lost["weeks"] > LIMIT
    assert findings.report.look_ahead.leaks == ()


def test_a_table_by_the_number_of_bars_fails_the_warm_up(write_strategy, probe_folder, ups):
    """Whoever counts bars from the start says something else after a fresh start."""
    folder = write_strategy("long = len(self.closes) - 1 in KNOWN", top=packed(number for number, (_, up) in enumerate(ups) if up))
    findings = probe_folder(folder)
    assert not findings.warm_up.passed


def test_a_copied_position_does_not_carry_hindsight_over(write_strategy, probe_folder, ups):
    """On another history it repeats the position it holds there, not the one that hindsight gave it."""
    decide = """
    key = round(bar.close * 100)
    long = True if key in KNOWN else (False if key in BAD else context.position(bar.instrument_id) > 0)
    """
    good, bad = (packed((bar.close for bar, up in ups if up is wanted), name) for wanted, name in ((True, "KNOWN"), (False, "BAD")))
    findings = probe_folder(write_strategy(decide, top=f"{good}\n{bad}"))
    assert findings.report.look_ahead.edges_lost["jitter"] > LIMIT


def test_counting_bars_does_not_help_where_the_price_is_unknown(write_strategy, probe_folder, ups, history):
    """Known prices on the true history, and the number of the bar elsewhere: the other histories begin later."""
    decide = """
    if len(self.closes) == 1:
        self.strange = round(bar.close * 100) not in SEEN
    long = (len(self.closes) - 1 in NUMBERS) if self.strange else round(bar.close * 100) in KNOWN
    """
    tables = {
        "KNOWN": (bar.close for bar, up in ups if up),
        "NUMBERS": (number for number, (_, up) in enumerate(ups) if up),
        "SEEN": (bar.close for bar in history),
    }
    top = "\n".join(packed(keys, name) for name, keys in tables.items())
    findings = probe_folder(write_strategy(decide, top=top))
    assert findings.report.look_ahead.leaks == ()
    assert findings.warm_up.passed
    assert findings.report.look_ahead.edges_lost["jitter"] > LIMIT
    assert not findings.look_ahead.passed


def test_remembered_shapes_are_too_many_for_the_source(write_strategy, probe_folder, ups):
    """The most similar stretch of history survives any small move, so no probe sees it; what it takes to hold it does not pass."""
    decide = """
    last, long = self.closes[-6:], False
    if len(last) == 6:
        at = min(range(5, len(CLOSES)), key=lambda end: sum(abs(CLOSES[end - 5 + j] - last[j] * 100) for j in range(6)))
        long = UPS[at]
    """
    parts = [ups[start : start + 100] for start in range(0, len(ups), 100)]
    lines = [f"C{number} = {[bar.close for bar, _ in part]}\nU{number} = {[up for _, up in part]}" for number, part in enumerate(parts)]
    joined = {name: ", ".join(f"*{name[0]}{number}" for number in range(len(parts))) for name in ("CLOSES", "UPS")}
    top = "\n".join([*lines, *(f"{name} = [{parts}]" for name, parts in joined.items())])
    gate = probe_folder(write_strategy(decide, top=top, warm_up=10)).look_ahead
    assert gate.measured["edge_lost"] < LIMIT, "this is what the memory probe does not see"
    assert not gate.passed
    assert "numbers, 500 are allowed" in gate.detail


HONEST = {
    "a coin flipped by the digits of a close": "long = round(bar.close * 100) % 2 == 0",
    "a coin flipped by the volume": "long = round(bar.volume * 10**6) % 3 == 0",
    "a level": "long = bar.close < 9000.0",
    "a cross of averages": "long = len(self.closes) > 30 and sum(self.closes[-5:]) / 5 > sum(self.closes[-30:]) / 30",
    "an hour of the day": "long = bar.ts_event // 3_600_000_000_000 % 24 < 9",
    "a weekday": "long = bar.ts_event // 86_400_000_000_000 % 7 < 3",
    "a candle without a shadow": "long = bar.open == bar.close",
    "the last move": "long = bar.close > (self.last or bar.close)",
}


@pytest.mark.parametrize("rule", HONEST)
def test_honest_rules_lose_no_edge(rule, write_strategy, probe_folder):
    """What hangs on digits or dates and knows nothing of what comes next is within chance."""
    findings = probe_folder(write_strategy(HONEST[rule], warm_up=40))
    assert findings.look_ahead.passed, findings.look_ahead.detail


CACHING = """
import json
def fit(parameters, bars):
    json.seen = max(getattr(json, "seen", ()), tuple((bar.ts_event, bar.close) for bar in bars), key=len)
    return {"table.json": {str(ts): later > now for (ts, now), (_, later) in zip(json.seen, json.seen[1:])}}
"""


def test_a_fit_that_remembers_an_earlier_fit_is_refused(write_strategy, probe_folder, history):
    """Kept in a library it outlives the modules of the strategy, and then no cut changes anything."""
    table = {str(bar.ts_event): later.close > bar.close for bar, later in itertools.pairwise(history)}
    init = 'self.table = json.loads(pkgutil.get_data(__package__, "weights/table.json"))'
    folder = write_strategy(
        "long = self.table.get(str(bar.ts_event), False)", init=init, fit=CACHING, weights={"table.json": json.dumps(table)}
    )
    gate = probe_folder(folder).look_ahead
    assert not gate.passed
    assert "fit.py:4 changes json, which it imported: what is kept there outlives a run" in gate.detail


def test_the_bar_to_come_is_not_to_be_found_up_the_stack(write_strategy, probe_folder):
    """Whoever hands out bars holds the next one too, and every probe would see the same peek."""
    decide = """
    shown = sys._getframe(1).f_locals.get("shown")
    at = sys._getframe(1).f_locals.get("index", 0)
    long = bool(shown) and shown[min(at + 1, len(shown) - 1)].close > bar.close
    """
    gate = probe_folder(write_strategy(decide, top="import sys")).look_ahead
    assert not gate.passed
    assert "strategy.py:7 imports sys, which leads out of the strategy" in gate.detail
    assert "uses .f_locals" in gate.detail
