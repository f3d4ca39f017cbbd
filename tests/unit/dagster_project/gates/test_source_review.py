import pytest

from dagster_project.gates.source_review import LARGEST_TABLE, LONGEST_TEXT, MOST_NUMBERS, MOST_TEXT, review_sources

FOUND = {
    "import os": "imports os, which leads out of the strategy",
    "from importlib import resources": "imports importlib",
    "import urllib.request": "imports urllib.request",
    "def f():\n    import gc": "strategy.py:2 imports gc",
    "__import__('os')": "uses __import__",
    "eval('1')": "uses eval",
    "f = (lambda: 0).__globals__": "uses .__globals__",
    "getattr(f, 'f_' + 'back')": "uses getattr with a name that cannot be read here",
    "getattr(f, 'f_back')": "uses getattr with a name",
    "import json\njson.cache = {}": "strategy.py:2 changes json, which it imported",
    "from live.core.strategy import Strategy\nStrategy.cache = 1": "changes Strategy, which it imported",
    "import json\njson.decoder.cache['x'] = 1": "changes json, which it imported",
    "import json\njson.count += 1": "changes json, which it imported",
    "import json\njson.__all__.append(1)": "changes json, which it imported",
    "type(bar).cache = 1": "changes an attribute of what it did not make",
    "setattr(type(bar), 'cache', 1)": "uses setattr on something that is not its own",
    f"T = {list(range(LARGEST_TABLE + 1))}": f"holds a table of {LARGEST_TABLE + 1} entries",
    f"T = '{'x' * (LONGEST_TEXT + 1)}'": f"holds a literal of {LONGEST_TEXT + 1} characters",
    f"T = {2**200}": "holds a number of 201 bits",
}

ALLOWED = [
    "import json, math, pkgutil, statistics\nfrom collections import deque\nimport numpy as np\nimport msgspec",
    "from .features import slope",
    "class S:\n    def f(self):\n        self.a.b = 1\n        self.c['x'] = 2\n        setattr(self, 'd', 3)\n        self.e[0].f += 1",
    "import numpy as np\nx = np.append([1], 2)\ny = np.add.reduce(x)",
    "import re\nPATTERN = re.compile('x')",
    "x = getattr(parameters, 'fast', 1)",
    f'"""{"prose " * LONGEST_TEXT}"""',
    f"HOURS = {list(range(LARGEST_TABLE))}",
    "MASK = 2**64 - 1",
]


@pytest.mark.parametrize("source", FOUND)
def test_what_has_no_honest_use_is_named_with_its_line(source):
    """Ways out of the strategy, notes for a later run, and tables that no fit accounts for."""
    problems = review_sources({"strategy.py": source.encode()}, {})
    assert any(FOUND[source] in problem for problem in problems), problems
    assert all(problem.startswith("strategy.py:") for problem in problems)


@pytest.mark.parametrize("source", ALLOWED)
def test_what_strategies_are_made_of_is_left_alone(source):
    """Libraries, own state, constants, and prose of any length."""
    assert review_sources({"strategy.py": source.encode()}, {}) == []


def test_weights_are_not_sources_and_long_parameters_are_tables():
    """Weights are proven by their fit; a parameter is a choice."""
    assert review_sources({"weights/a.json": b"[" + b"1," * 1000 + b"1]"}, {"mode": "slow", "fast": 3}) == []
    (problem,) = review_sources({}, {"mode": "0" * (LONGEST_TEXT + 1)})
    assert "parameter mode is a text of more than" in problem


def test_many_small_tables_are_one_large_one():
    """Over all files: numbers, and characters of literals."""
    part = "\n".join(f"T{number} = {list(range(100))}" for number in range(MOST_NUMBERS // 200 + 1))
    (problem,) = review_sources({"a.py": part.encode(), "b.py": part.encode()}, {})
    assert f"{MOST_NUMBERS} are allowed" in problem
    assert review_sources({"a.py": part.encode()}, {}) == []
    text = "\n".join(f"T{number} = '{'x' * LONGEST_TEXT}'" for number in range(MOST_TEXT // LONGEST_TEXT + 1))
    (problem,) = review_sources({"a.py": text.encode()}, {})
    assert f"{MOST_TEXT} are allowed" in problem
