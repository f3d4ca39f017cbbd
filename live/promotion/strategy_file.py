"""Load a strategy from a single source file: what a replay needs before there is a folder to promote."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from live.core.strategy import Strategy
from live.promotion.archive import pack_files
from live.promotion.documents import sha256_hex
from live.promotion.errors import StrategyFolderError, StrategyLoadError
from live.promotion.loader import import_class
from live.promotion.sources import check_sources
from live.promotion.strategy_version import SHORT_DIGEST_LENGTH, check_strategy_id

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stand in for the parameters of a strategy class that declares none."""


@dataclass(frozen=True)
class StrategyFile:
    """Hold a strategy that was loaded from one file, ready to be replayed.

    Attributes:
        strategy_id: the class's name in lower case with underscores.
        label: id and the first digits of the source digest.
        source_digest: SHA-256 of the file, packed as a source archive.
        strategy: the instance, constructed with its parameters.
        parameters: their values as plain numbers, texts and booleans.
        warm_up_bars: bars of each instrument it needs before its targets count.
    """

    strategy_id: str
    label: str
    source_digest: str
    strategy: Strategy
    parameters: dict[str, Any]
    warm_up_bars: int


def names_a_file(text: str) -> bool:
    """Tell whether a strategy is named as `file.py:Class`, not as a folder."""
    path, separator, _ = text.rpartition(":")
    return bool(separator) and path.endswith(".py")


def load_strategy_file(text: str, settings: Mapping[str, object]) -> StrategyFile:
    """Load the class that `file.py:Class` names; parameters come from the defaults of its `Parameters` and from settings.

    Raises:
        StrategyFolderError: the file cannot be read, imports what a strategy must not, or has no such class.
        StrategyLoadError: the code cannot be imported, a parameter has no value or does not fit, or the class does not accept them.
    """
    name, _, class_name = text.rpartition(":")
    path = Path(name)
    try:
        source = path.read_bytes()
    except OSError as error:
        raise StrategyFolderError(f"{path} cannot be read ({error.strerror}): name a strategy as file.py:Class") from error
    entry_point, files = f"{path.stem}:{class_name}", {path.name: source}
    check_sources(files, entry_point)
    archive = pack_files(files)
    digest = sha256_hex(archive)
    strategy_id = _WORD_START.sub("_", class_name).lower()
    check_strategy_id(strategy_id)
    label = f"{strategy_id}@{digest[:SHORT_DIGEST_LENGTH]}"
    _, strategy_class = import_class(archive, digest, entry_point, label, path.parent.resolve())
    parameters = _read_parameters(strategy_class, settings, label)
    try:
        strategy = strategy_class(parameters)
        warm_up_bars = int(strategy_class.warm_up_bars(parameters))
    except (Exception, SystemExit) as error:
        raise StrategyLoadError(f"{label}: constructing {class_name} failed with {type(error).__name__}: {error}") from error
    if warm_up_bars < 0:
        raise StrategyLoadError(f"{label}: warm_up_bars(parameters) gave {warm_up_bars}, expected 0 or more")
    return StrategyFile(strategy_id, label, digest, strategy, msgspec.to_builtins(parameters), warm_up_bars)


def _read_parameters(strategy_class: type[Strategy], settings: Mapping[str, object], label: str) -> Any:
    """Construct the parameters; text is read as the type that the field declares."""
    kind: Any = getattr(strategy_class, "Parameters", NoParameters)
    if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct):
        raise StrategyLoadError(f"{label}: {strategy_class.__name__}.Parameters must be a msgspec.Struct, received {kind!r}")
    if unknown := sorted(set(settings) - set(kind.__struct_fields__)):
        known = ", ".join(kind.__struct_fields__) or "none"
        raise StrategyLoadError(f"{label}: there is no parameter {unknown[0]!r}: the declared parameters are {known}")
    try:
        return msgspec.convert(dict(settings), kind, strict=False)
    except msgspec.ValidationError as error:
        raise StrategyLoadError(
            f"{label}: the parameters do not fit {strategy_class.__name__}.Parameters ({error}): give each a default, or set it with --set"
        ) from error
