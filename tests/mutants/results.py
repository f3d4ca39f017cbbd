"""What became of each mutant, read from the files that mutmut leaves in its working copy, and which survivors are explained."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

TABLES = "live/core/orders.py (tables)"
KILLED = frozenset({1, 3, 36, 24, -24, 152, 255, -11, -9})
"""Exit codes of a run that a mutant broke: a test failed, pytest could not go on, it ran out of time, or it crashed."""

_MANGLED = re.compile(r"\bx(?:_|ǁ\w+?ǁ)(\w+?)__mutmut_(?:orig|\d+)\b")
"""How a mutant's function is called in mutmut's file."""
_NAME = re.compile(r"(?:x_|xǁ(?P<class>\w+)ǁ)(?P<function>\w+)__mutmut_(?P<number>\d+)$")


_SQL = re.compile(r"(SELECT|INSERT|UPDATE|DELETE|CREATE|PRAGMA|ATTACH|BEGIN|VACUUM|DROP|ALTER|WHEN) ")
_LITERAL = re.compile(r'(?<![rf])"([^"\\]*)"')


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


@dataclass(frozen=True)
class Result:
    """What became of a module's mutants the last time they were run.

    Attributes:
        module: file they are in.
        commit: what the repository held, with a plus when it held more than was committed.
        on: day it was run, UTC.
        total: how many mutants the module has; a sample ran fewer.
        mutants: those that were run, in the order of the code.
    """

    module: str
    commit: str
    on: str
    total: int
    mutants: tuple[Mutant, ...]


def keep(folder: Path, result: Result) -> None:
    """Keep a module's result in place of the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{_file_name(result.module)}.json").write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")


def kept(folder: Path) -> list[Result]:
    """Give what is kept, a result for each module, by name."""
    found: list[Result] = []
    for path in sorted(folder.glob("*.json")):
        said = json.loads(path.read_text(encoding="utf-8"))
        found.append(Result(**{**said, "mutants": tuple(Mutant(**mutant) for mutant in said["mutants"])}))
    return found


def untried(files: Iterable[str], results: Iterable[Result]) -> list[str]:
    """Give the files none of whose mutants were tried; one that has none is not among them."""
    seen = {result.module.removesuffix(" (tables)") for result in results if result.mutants or not result.total}
    return sorted(set(files) - seen)


def read_names(tree: Path) -> dict[str, list[str]]:
    """Give the names of each module's mutants, run or not, but for those that change only words."""
    return {
        module: [name for name in exit_codes if not _changes_words(*differences[name])] for module, differences, exit_codes in _metas(tree)
    }


def read_mutants(tree: Path) -> list[Mutant]:
    """Give every mutant that was run, in the order of the code."""
    found: list[Mutant] = []
    for module, differences, exit_codes in _metas(tree):
        for name, exit_code in exit_codes.items():
            original, changed = differences[name]
            if exit_code is None or _changes_words(original, changed):
                continue
            parts = _parts(name)
            function = f"{parts['class']}.{parts['function']}" if parts["class"] else parts["function"]
            found.append(Mutant(module, function, original, changed, exit_code in KILLED, exit_code != 33))
    return found


def table_mutants(lines: Iterable[str]) -> tuple[int, list[Mutant]]:
    """Read what `tables.py` printed: how many mutants there are, and what became of those that were run."""
    said = [json.loads(line) for line in lines if line.startswith("{")]
    return said[0]["total"], [
        Mutant(TABLES, one["change"].partition(":")[0], "", one["change"].partition(": ")[2], one["exit_code"] in KILLED)
        for one in said[1:]
    ]


def read_explanations(path: Path) -> list[Explanation]:
    """Read the explained survivors."""
    return [Explanation(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", [])]


def score(mutants: Sequence[Mutant]) -> float:
    """Give the per cent of mutants that were noticed; explained survivors count as survivors."""
    return 100 * sum(mutant.killed for mutant in mutants) / len(mutants)


def _metas(tree: Path) -> Iterator[tuple[str, dict[str, tuple[str, str]], dict[str, int | None]]]:
    """Give each module with, by the names of its mutants, what they change and what became of them."""
    for meta in sorted((tree / "mutants").rglob("*.py.meta")):
        source = meta.with_suffix("")
        lines = source.read_text(encoding="utf-8").splitlines()
        exit_codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        if not exit_codes:
            yield source.relative_to(tree / "mutants").as_posix(), {}, {}
            continue
        spans = json.loads(source.with_suffix(".py.spans").read_text(encoding="utf-8"))["spans"]
        differences: dict[str, tuple[str, str]] = {}
        for name in exit_codes:
            mangled = _parts(name)[0]
            before, after = (lines[slice(spans[key][0] - 1, spans[key][1])] for key in (mangled.rpartition("_")[0] + "_orig", mangled))
            differences[name] = _difference(before, after)
        yield source.relative_to(tree / "mutants").as_posix(), differences, exit_codes


def _parts(name: str) -> re.Match[str]:
    parts = _NAME.match(name.rpartition(".")[2])
    assert parts is not None, f"mutmut named a mutant {name!r}, which is no name of its version that this was written for"
    return parts


def _changes_words(original: str, changed: str) -> bool:
    """Tell whether all that differs is the content of texts with a space in them: a person reads those, unless they are SQL."""
    before, after = _LITERAL.split(original), _LITERAL.split(changed)
    differing = [number for number, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]]
    return (
        len(before) == len(after)
        and bool(differing)
        and all(number % 2 and " " in before[number] and not _SQL.match(before[number]) for number in differing)
    )


def _file_name(module: str) -> str:
    return re.sub(r"\W+", "-", module).strip("-")


def _difference(before: Sequence[str], after: Sequence[str]) -> tuple[str, str]:
    removed, added = [], []
    before, after = ([_MANGLED.sub(r"\1", line) for line in lines] for lines in (before, after))
    for line in difflib.ndiff(before, after):
        if line.startswith("- "):
            removed.append(line[2:].strip())
        elif line.startswith("+ "):
            added.append(line[2:].strip())
    return " ".join(removed), " ".join(added)
