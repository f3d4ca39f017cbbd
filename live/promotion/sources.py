"""Look at strategy sources without running them: does the entry point exist, and is everything it needs in the bundle?

This finds mistakes, not malice: code that wants to import something in secret can. What keeps malice out is who signs.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from live.promotion.errors import StrategyFolderError

_OURS = frozenset({"dagster_project", "expectations", "live", "strategies", "tests"})
_CODE_IN_DATA = frozenset({"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"})


def check_sources(files: Mapping[str, bytes], entry_point: str) -> None:
    """Check that the sources parse, define the entry point, and import nothing of ours but `live.core`.

    A module imported from beside the folder would run without being part of the source digest.

    Raises:
        StrategyFolderError: a source does not parse, imports what must not be imported, or the entry point is not there.
    """
    for name, content in files.items():
        if name.endswith(".py"):
            _check_imports(name, _parse(name, content))
    _check_defined(files, entry_point, ast.ClassDef, "class")


def check_function(files: Mapping[str, bytes], entry_point: str) -> None:
    """Check that the sources define the function that `module:function` names.

    Raises:
        StrategyFolderError: a source does not parse, or the function is not there.
    """
    _check_defined(files, entry_point, ast.FunctionDef, "function")


def split_entry_point(entry_point: str) -> tuple[str, str]:
    """Split `module:Class` into its two names.

    Raises:
        StrategyFolderError: the text is not of that form.
    """
    module, separator, class_name = entry_point.partition(":")
    if not separator or not class_name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
        raise StrategyFolderError(f"an entry point is module:Class, received {entry_point!r}: write it like strategy:EmaCross")
    return module, class_name


def _check_defined(files: Mapping[str, bytes], entry_point: str, kind: type[ast.ClassDef | ast.FunctionDef], word: str) -> None:
    module, wanted = split_entry_point(entry_point)
    path = module.replace(".", "/")
    name = next((name for name in (f"{path}.py", f"{path}/__init__.py") if name in files), None)
    if name is None:
        raise StrategyFolderError(
            f"the entry point {entry_point!r} names the module {module!r}, and the folder has no {path}.py: correct one of them"
        )
    defined = [node.name for node in _parse(name, files[name]).body if isinstance(node, kind)]
    if wanted not in defined:
        raise StrategyFolderError(
            f"the entry point {entry_point!r} names the {word} {wanted!r}, and {path}.py defines {', '.join(defined) or 'none'}: "
            "correct one of them"
        )


def _parse(name: str, content: bytes) -> ast.Module:
    try:
        return ast.parse(content, filename=name)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise StrategyFolderError(f"{name} is not valid Python: {error}") from error


def _check_imports(name: str, tree: ast.Module) -> None:
    depth = len(PurePosixPath(name).parts)
    for imported, level, line in _imports(tree):
        top = imported.partition(".")[0]
        if level > depth:
            raise StrategyFolderError(f"{name}:{line} imports from outside the strategy folder: copy what it needs into the folder")
        if level == 0 and top in _OURS and imported != "live.core" and not imported.startswith("live.core."):
            raise StrategyFolderError(
                f"{name}:{line} imports {imported}, which is not part of the bundle: a strategy imports live.core and its own folder, "
                "as in `from .features import x`"
            )
        if level == 0 and top in _CODE_IN_DATA:
            raise StrategyFolderError(f"{name}:{line} imports {imported}, which runs code out of data: save weights as JSON, npz or ONNX")


def _imports(tree: ast.Module) -> Iterator[tuple[str, int, int]]:
    """Give every import as (module, level, line), at any depth of the tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "live" and node.level == 0:
            yield from ((f"live.{alias.name}", 0, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.level, node.lineno
