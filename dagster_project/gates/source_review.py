"""Source review: find, without running anything, what a strategy's sources have no honest use for.

The probes see what a strategy says. What it can see of the probes, and of history, is limited here: modules that lead out of
the strategy, attributes that lead up the stack to whoever holds the bars to come, state that is left in a library for a later
run, and tables in the source that no fit accounts for. Names that are put together at run time are not found: this stops
accidents and short cuts, and it is no sandbox. What keeps malice out is who signs.
"""

import ast
from collections.abc import Iterator, Mapping

from live.promotion import ParameterValue

LARGEST_TABLE = 128
"""Entries of a literal table; weekdays, hours and the coefficients of a filter fit, a history does not."""
LONGEST_TEXT = 2000
"""Characters or bytes of a literal; docstrings may be longer."""
LONGEST_INTEGER = 128
"""Bits of a literal."""
MOST_NUMBERS = 500
"""Numbers in all sources together, so that many small tables are one large one."""
MOST_TEXT = 20_000
"""Characters and bytes of all literals together; docstrings are left out."""

_MODULES = frozenset(
    [
        "_thread",
        "asyncio",
        "builtins",
        "code",
        "concurrent",
        "ctypes",
        "faulthandler",
        "fcntl",
        "gc",
        "http",
        "importlib",
        "inspect",
        "io",
        "linecache",
        "mmap",
        "multiprocessing",
        "os",
        "platform",
        "posix",
        "pty",
        "resource",
        "runpy",
        "select",
        "shutil",
        "signal",
        "site",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "sys",
        "sysconfig",
        "tempfile",
        "threading",
        "traceback",
        "tracemalloc",
        "urllib",
        "weakref",
    ]
)
_NAMES = frozenset(
    [
        "__builtins__",
        "__import__",
        "__loader__",
        "__spec__",
        "breakpoint",
        "compile",
        "delattr",
        "eval",
        "exec",
        "globals",
        "input",
        "locals",
        "vars",
    ]
)
_ATTRIBUTES = frozenset(
    [
        "__builtins__",
        "__closure__",
        "__code__",
        "__dict__",
        "__globals__",
        "__loader__",
        "__self__",
        "__spec__",
        "__subclasses__",
        "__traceback__",
        "ag_frame",
        "cr_frame",
        "f_back",
        "f_builtins",
        "f_globals",
        "f_locals",
        "gi_frame",
        "tb_frame",
        "tb_next",
    ]
)


_CHANGING = frozenset({"add", "append", "appendleft", "extend", "insert", "setdefault", "update"})


def review_sources(files: Mapping[str, bytes], parameters: Mapping[str, ParameterValue]) -> list[str]:
    """List what should not be there, each with its file and line; an empty list means nothing was found.

    Args:
        files: the archive's files by name; only Python sources are looked at.
        parameters: the version's parameters.
    """
    found = [
        f"{name}:{line} {problem}"
        for name, content in sorted(files.items())
        if name.endswith(".py")
        for line, problem in sorted(set(_review(ast.parse(content, filename=name))))
    ]
    long = [name for name, value in parameters.items() if isinstance(value, str) and len(value) > LONGEST_TEXT]
    found += _totals([ast.parse(content) for name, content in files.items() if name.endswith(".py")])
    return [*found, *(f"parameter {name} is a text of more than {LONGEST_TEXT} characters: {_TABLE_ADVICE}" for name in long)]


_TABLE_ADVICE = "what was computed from data belongs under weights/, with a [fit] that gives it"


def _review(tree: ast.Module) -> Iterator[tuple[int, str]]:
    yield from _tables(tree)
    imported = set(_bound_by_import(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from _modules(node.lineno, [alias.name for alias in names])
            case ast.ImportFrom(module=str(module), level=0):
                yield from _modules(node.lineno, [module])
            case ast.Name(id=name) if name in _NAMES:
                yield node.lineno, f"uses {name}, which leads out of the strategy"
            case ast.Attribute(attr=name) if name in _ATTRIBUTES:
                yield node.lineno, f"uses .{name}, which leads out of the strategy"
            case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()) if _root(node) in imported:
                yield node.lineno, f"changes {_root(node)}, which it imported: what is kept there outlives a run"
            case ast.Call(func=ast.Attribute(value=ast.Attribute() | ast.Subscript() as kept, attr=name)) if (
                name in _CHANGING and _root(kept) in imported
            ):
                yield node.lineno, f"changes {_root(kept)}, which it imported: what is kept there outlives a run"
            case ast.Attribute(ctx=ast.Store()) if not _root(node):
                yield node.lineno, "changes an attribute of what it did not make"
            case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(name)), *_]) if name not in _ATTRIBUTES:
                pass
            case ast.Call(func=ast.Name(id="getattr")):
                yield node.lineno, "uses getattr with a name that cannot be read here"
            case ast.Call(func=ast.Name(id="setattr"), args=[ast.Name(id=name), *_]) if name == "self":
                pass
            case ast.Call(func=ast.Name(id="setattr")):
                yield node.lineno, "uses setattr on something that is not its own"
            case _:
                pass


def _totals(trees: list[ast.Module]) -> list[str]:
    constants = [
        node.value
        for tree in trees
        for prose in [_prose(tree)]
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and id(node) not in prose
    ]
    numbers = sum(isinstance(value, int | float | complex) and not isinstance(value, bool) for value in constants)
    text = sum(len(value) for value in constants if isinstance(value, str | bytes))
    found = [f"the sources hold {numbers} numbers, {MOST_NUMBERS} are allowed: {_TABLE_ADVICE}"] if numbers > MOST_NUMBERS else []
    if text > MOST_TEXT:
        found.append(f"the sources hold {text} characters of literals, {MOST_TEXT} are allowed: {_TABLE_ADVICE}")
    return found


def _prose(tree: ast.Module) -> set[int]:
    """Give the docstrings, and other expressions that nothing uses."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def _tables(tree: ast.Module) -> Iterator[tuple[int, str]]:
    prose = _prose(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Dict(keys=items) | ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items) if len(items) > LARGEST_TABLE:
                yield node.lineno, f"holds a table of {len(items)} entries: {_TABLE_ADVICE}"
            case ast.Constant(value=str() | bytes() as value) if len(value) > LONGEST_TEXT and id(node) not in prose:
                yield node.lineno, f"holds a literal of {len(value)} characters: {_TABLE_ADVICE}"
            case ast.Constant(value=int(value)) if value.bit_length() > LONGEST_INTEGER:
                yield node.lineno, f"holds a number of {value.bit_length()} bits: {_TABLE_ADVICE}"
            case _:
                pass


def _modules(line: int, names: list[str]) -> Iterator[tuple[int, str]]:
    for name in names:
        if name.partition(".")[0] in _MODULES:
            yield line, f"imports {name}, which leads out of the strategy; weights come with pkgutil.get_data"


def _bound_by_import(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)


def _root(node: ast.expr) -> str:
    """Give the name at the left end of `a.b[c].d`; empty when a call or something else stands there."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
