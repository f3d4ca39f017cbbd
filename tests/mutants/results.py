"""What became of each mutant, read from the files that mutmut leaves in its working copy, and which survivors are explained."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

TABLES = "live/core/orders.py (tables)"
KILLED = frozenset({1, 3, 36, 24, -24, 152, 255, -11, -9})
"""Exit codes of a run that a mutant broke: a test failed, pytest could not go on, it ran out of time, or it crashed."""

_MANGLED = re.compile(r"\bx(?:_|ǁ\w+?ǁ)(\w+?)__mutmut_(?:orig|\d+)\b")
"""How a mutant's function is called in mutmut's file."""
_NAME = re.compile(r"(?:x_|xǁ(?P<class>\w+)ǁ)(?P<function>\w+)__mutmut_(?P<number>\d+)$")


@dataclass(frozen=True)
class Mutant:
    """One change and whether the tests noticed it.

    Attributes:
        module: file it is in.
        function: function or method it is in, or the table.
        original: the changed lines before, stripped.
        changed: the changed lines after, stripped.
        killed: whether a test failed, or did not end.
        covered: whether any test runs the function at all.
    """

    module: str
    function: str
    original: str
    changed: str
    killed: bool
    covered: bool = True


@dataclass(frozen=True)
class Explanation:
    """Why a mutant survives and may; matched by function and both texts, so that it moves along with the code."""

    module: str
    function: str
    original: str
    changed: str
    why: str

    def fits(self, mutant: Mutant) -> bool:
        """Tell whether this is about that mutant."""
        return (self.module, self.function, self.original, self.changed) == (
            mutant.module,
            mutant.function,
            mutant.original,
            mutant.changed,
        )


def read_mutants(tree: Path) -> list[Mutant]:
    """Give every mutant that was run, in the order of the code."""
    found: list[Mutant] = []
    for meta in sorted((tree / "mutants").rglob("*.py.meta")):
        source = meta.with_suffix("")
        module = source.relative_to(tree / "mutants").as_posix()
        lines = source.read_text(encoding="utf-8").splitlines()
        spans = json.loads(source.with_suffix(".py.spans").read_text(encoding="utf-8"))["spans"]
        for name, exit_code in json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"].items():
            if exit_code is None:
                continue
            mangled = name.rpartition(".")[2]
            parts = _NAME.match(mangled)
            assert parts is not None, f"mutmut named a mutant {name!r}, which is no name of its version that this was written for"
            before, after = (lines[slice(spans[key][0] - 1, spans[key][1])] for key in (mangled.rpartition("_")[0] + "_orig", mangled))
            original, changed = _difference(before, after)
            function = f"{parts['class']}.{parts['function']}" if parts["class"] else parts["function"]
            found.append(Mutant(module, function, original, changed, exit_code in KILLED, exit_code != 33))
    return found


def table_mutants(lines: Iterable[str]) -> list[Mutant]:
    """Read what `tables.py` printed."""
    said = [json.loads(line) for line in lines if line.startswith("{")]
    return [
        Mutant(TABLES, one["change"].partition(":")[0], "", one["change"].partition(": ")[2], one["exit_code"] in KILLED) for one in said
    ]


def read_explanations(path: Path) -> list[Explanation]:
    """Read the explained survivors."""
    return [Explanation(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", [])]


def score(mutants: Sequence[Mutant]) -> float:
    """Give the per cent of mutants that were noticed; explained survivors count as survivors."""
    return 100 * sum(mutant.killed for mutant in mutants) / len(mutants)


def _difference(before: Sequence[str], after: Sequence[str]) -> tuple[str, str]:
    removed, added = [], []
    for line in difflib.ndiff(*([_MANGLED.sub(r"\1", line) for line in lines] for lines in (before, after))):
        if line.startswith("- "):
            removed.append(line[2:].strip())
        elif line.startswith("+ "):
            added.append(line[2:].strip())
    return " ".join(removed), " ".join(added)
