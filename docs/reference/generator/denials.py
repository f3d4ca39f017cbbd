"""The page of denial codes, in the order in which the checks run."""

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import live.core
from generator.docstrings import member_texts, summary
from generator.markdown import code, page, table
from live.core.risk.checks import CHECKS
from live.core.risk.codes import DenialCode


def render() -> str:
    """Write the page."""
    return page(
        "Denial codes",
        "An order is denied before it leaves when a check does not pass. The code is the same in the journal (`OrderDenied.code`), in the "
        "metric `interlock_denials_total{code=…}`, in `GET /v1/denials` and here. A code is never renamed or used again.",
        "All checks run, in this order, for every order; none can be switched off. The first one that denies decides.",
        denials(),
    )


def denials() -> str:
    """List the codes, each beside what refuses with it."""
    texts = member_texts(DenialCode)
    rows: list[tuple[str, str, str, str]] = []
    placed: set[str] = set()
    for number, check in enumerate(CHECKS, start=1):
        for name in dict.fromkeys(codes_of(check)):
            rows.append((str(number), code(check.__name__), code(name), texts[name]))
            placed.add(name)
    before = [("–", code(place), code(name), texts[name]) for name, place in _elsewhere(placed)]
    return table(("order", "refused by", "code", "meaning"), before + rows)


def checks() -> str:
    """List the checks in their order with what each denies."""
    return table(
        ("order", "check", "what it does", "codes"),
        (
            (str(number), code(check.__name__), summary(check), ", ".join(code(name) for name in dict.fromkeys(codes_of(check))))
            for number, check in enumerate(CHECKS, start=1)
        ),
    )


def codes_of(check: Callable[..., Any]) -> Iterator[str]:
    """Name the codes that a check uses, in itself or in a function of its own module that it calls."""
    tree = ast.parse(inspect.getsource(inspect.getmodule(check) or check))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    yield from _codes_in(check.__name__, functions, set())


def _codes_in(name: str, functions: dict[str, ast.FunctionDef], seen: set[str]) -> Iterator[str]:
    seen.add(name)
    expressions = [node for node in ast.walk(functions[name]) if isinstance(node, ast.expr)]
    for node in sorted(expressions, key=lambda node: (node.lineno, node.col_offset)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "DenialCode":
            yield node.attr
        elif isinstance(node, ast.Name) and node.id in functions and node.id not in seen:
            yield from _codes_in(node.id, functions, seen)


def _elsewhere(placed: set[str]) -> list[tuple[str, str]]:
    """Find where the codes come from that no check uses: a wish that cannot become an order is refused before the checks."""
    root = Path(str(live.core.__file__)).parent
    found: dict[str, str] = {}
    for path in sorted(root.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "DenialCode":
                    found.setdefault(node.attr, f"{path.stem}.{function.name}")
    return [(name, found.get(name, "not used yet")) for name in DenialCode.__members__ if name not in placed]
