"""Load strategy code out of a source archive, the same way for a bundle and for a folder.

The archive is unpacked so that tracebacks show sources, but the modules are compiled from the archive's own bytes in
memory: no compiled file on disk and no change after verification can take their place. Each archive lives under a
module named by its digest, so versions run side by side.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from live.core.strategy import Strategy
from live.promotion.archive import read_archive, unpack_archive
from live.promotion.documents import sha256_hex
from live.promotion.errors import StrategyLoadError
from live.promotion.sources import split_entry_point
from live.promotion.strategy_folder import StrategyFolder
from live.promotion.strategy_version import HANDLERS, StrategyVersion
from live.promotion.verification import VerifiedBundle

STRATEGIES_FOLDER = "strategies"
MODULE_PREFIX = "interlock_strategy_"
_MODULE_DIGEST_LENGTH = 16


@dataclass(frozen=True)
class LoadedStrategy:
    """Hold a strategy that is ready to be handed to the engine.

    Attributes:
        version: the strategy version it was made from.
        strategy: the instance, constructed with its parameters.
        strategy_class: the class the entry point names.
        parameters: the typed parameters, an instance of `strategy_class.Parameters`.
        module_name: the digest-named package it was imported under.
        directory: where its sources were unpacked.
        warm_up_bars: bars of each instrument it needs before its targets count.
    """

    version: StrategyVersion
    strategy: Any
    strategy_class: type[Any]
    parameters: Any
    module_name: str
    directory: Path
    warm_up_bars: int


def load_strategy(bundle: VerifiedBundle, home: Path) -> LoadedStrategy:
    """Unpack a verified bundle to `<home>/strategies/<source digest>/` and construct its strategy.

    Raises:
        ArchiveError: the unpacked sources no longer are what the bundle holds.
        StrategyLoadError: the code cannot be imported, or does not accept its parameters.
    """
    return _load(bundle.version, bundle.archive, home)


def load_strategy_source(folder: StrategyFolder, home: Path) -> LoadedStrategy:
    """Construct the strategy of a folder that was read with `load_strategy_folder`, on the path a bundle takes.

    Raises:
        ArchiveError: the unpacked sources no longer are what was read.
        StrategyLoadError: the code cannot be imported, or does not accept its parameters.
    """
    return _load(folder.version, folder.archive, home)


def load_archive(version: StrategyVersion, archive: bytes, directory: Path) -> LoadedStrategy:
    """Construct a strategy out of memory and write nothing; `directory` is where tracebacks say its sources are.

    Raises:
        StrategyLoadError: the archive is not the version's, its code cannot be imported, or does not accept its parameters.
    """
    digest = _check_digest(version, archive)
    return _construct(version, archive, digest, directory)


def import_class(archive: bytes, digest: str, entry_point: str, label: str, directory: Path) -> tuple[str, type[Strategy]]:
    """Import the class an entry point names out of an archive, and give it with the digest-named package it lies in.

    Raises:
        StrategyLoadError: the code cannot be imported, or the entry point names no strategy class.
    """
    package = MODULE_PREFIX + digest[:_MODULE_DIGEST_LENGTH]
    _install(_ArchiveImporter(package, digest, read_archive(archive), directory))
    module_path, class_name = split_entry_point(entry_point)
    module = _import_module(f"{package}.{module_path}", package, label)
    strategy_class = getattr(module, class_name, None)
    if not (isinstance(strategy_class, type) and issubclass(strategy_class, Strategy)):
        raise StrategyLoadError(
            f"{label}: {entry_point} is {strategy_class!r} after import, expected a subclass of live.core.strategy.Strategy: "
            "correct the entry point or the class"
        )
    return package, strategy_class


def unload(loaded: LoadedStrategy) -> None:
    """Forget the modules of a strategy, so that loading it again runs them again."""
    package = loaded.module_name
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not (isinstance(finder, _ArchiveImporter) and finder.package == package)]


def _load(version: StrategyVersion, archive: bytes, home: Path) -> LoadedStrategy:
    digest = _check_digest(version, archive)
    return _construct(version, archive, digest, unpack_archive(archive, home.resolve() / STRATEGIES_FOLDER))


def _check_digest(version: StrategyVersion, archive: bytes) -> str:
    digest = sha256_hex(archive)
    if digest != version.source_digest:
        raise StrategyLoadError(
            f"{version.label}: the sources have the digest {digest[:12]}, expected {version.source_digest[:12]}: verify the bundle again"
        )
    return digest


def _construct(version: StrategyVersion, archive: bytes, digest: str, directory: Path) -> LoadedStrategy:
    package, strategy_class = import_class(archive, digest, version.entry_point, version.label, directory)
    class_name = strategy_class.__name__
    parameters = _make_parameters(version, strategy_class)
    warm_up_bars = _warm_up_bars(version, strategy_class, parameters)
    try:
        strategy: Any = strategy_class(parameters)
    except (Exception, SystemExit) as error:  # Strategy code can raise anything, and the service must outlive it.
        raise StrategyLoadError(f"{version.label}: {class_name}(parameters) failed with {type(error).__name__}: {error}") from error
    _check_handlers(version, strategy_class)
    return LoadedStrategy(version, strategy, strategy_class, parameters, package, directory, warm_up_bars)


def _check_handlers(version: StrategyVersion, strategy_class: type[Strategy]) -> None:
    """Refuse a class that is fed with something else than its version declares: it would wait for what never comes."""
    for kind, handler in HANDLERS.items():
        takes_in = getattr(strategy_class, handler) is not getattr(Strategy, handler)
        if takes_in and kind not in version.data.all_kinds:
            raise StrategyLoadError(
                f"{version.label}: {strategy_class.__name__} overrides {handler} and strategy.toml does not declare {kind!r}: "
                "add it to [data] kinds, or drop the method"
            )
        if not takes_in and kind in version.data.all_kinds:
            raise StrategyLoadError(
                f"{version.label}: strategy.toml declares {kind!r} and {strategy_class.__name__} does not override {handler}: "
                "override it, or drop the kind from [data]"
            )


def _warm_up_bars(version: StrategyVersion, strategy_class: type[Strategy], parameters: Any) -> int:
    """Ask the class how much history these parameters need; more than the version declares would not be there."""
    try:
        needed = int(strategy_class.warm_up_bars(parameters))
    except (Exception, SystemExit) as error:  # Strategy code can raise anything, and the service must outlive it.
        raise StrategyLoadError(f"{version.label}: warm_up_bars(parameters) failed with {type(error).__name__}: {error}") from error
    declared = version.data.warm_up_bars
    if not 0 <= needed <= declared:
        raise StrategyLoadError(
            f"{version.label} needs {needed} warm-up bars with these parameters, strategy.toml declares {declared}: "
            f"set [data] warm_up_bars to at least {needed}"
        )
    return needed


class _ArchiveImporter(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Find and load the modules of one archive out of memory."""

    def __init__(self, package: str, digest: str, files: Mapping[str, bytes], directory: Path) -> None:
        self.package = package
        self.digest = digest
        self._files = files
        self._directory = directory

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Answer for the modules of this archive, and for no other; a package gets no path, so nothing of it is found on disk."""
        name = self._file_of(fullname)
        if name is None:
            return None
        spec = importlib.util.spec_from_loader(fullname, self, origin=str(self._directory / name), is_package=self.is_package(fullname))
        if spec is not None:
            spec.has_location = True
        return spec

    def is_package(self, fullname: str) -> bool:
        """Say whether a module may have submodules."""
        return (self._file_of(fullname) or "").endswith("__init__.py")

    def get_source(self, fullname: str) -> str | None:
        """Give a module's source for tracebacks and `inspect`."""
        name = self._file_of(fullname)
        return None if name is None else importlib.util.decode_source(self._files.get(name, b""))

    def get_code(self, fullname: str) -> Any:
        """Compile a module from the archive's bytes, never from a cached file."""
        name = self._file_of(fullname) or ""
        return self.source_to_code(self._files.get(name, b""), str(self._directory / name))

    def get_data(self, path: str) -> bytes:
        """Give a file of the archive, so that `pkgutil.get_data(__package__, "weights/model.json")` reads no disk."""
        try:
            return self._files[Path(path).relative_to(self._directory).as_posix()]
        except (KeyError, ValueError):
            raise FileNotFoundError(f"{path} is not in the source archive of {self.package}") from None

    def _file_of(self, fullname: str) -> str | None:
        """Name the file of a module; a folder without `__init__.py` is a package whose file is empty."""
        if fullname != self.package and not fullname.startswith(f"{self.package}."):
            return None
        path = fullname[len(self.package) + 1 :].replace(".", "/")
        folder = f"{path}/" if path else ""
        if f"{folder}__init__.py" not in self._files and f"{path}.py" in self._files:
            return f"{path}.py"
        return f"{folder}__init__.py" if any(name.startswith(folder) and name.endswith(".py") for name in self._files) else None


def _install(importer: _ArchiveImporter) -> None:
    """Put the importer before all others, once an archive."""
    for existing in sys.meta_path:
        if isinstance(existing, _ArchiveImporter) and existing.package == importer.package:
            if existing.digest != importer.digest:
                raise StrategyLoadError(f"{importer.package} is loaded from another archive whose digest begins alike: restart the process")
            return
    sys.meta_path.insert(0, importer)


def _import_module(name: str, package: str, label: str) -> ModuleType:
    known = set(sys.modules)
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # Strategy code can raise anything, and the service must outlive it.
        for loaded in set(sys.modules) - known:
            if loaded == package or loaded.startswith(f"{package}."):
                del sys.modules[loaded]
        raise StrategyLoadError(f"{label}: importing {name.partition('.')[2]} failed with {type(error).__name__}: {error}") from error


def _make_parameters(version: StrategyVersion, strategy_class: type[Any]) -> Any:
    parameters_class: Any = getattr(strategy_class, "Parameters", None)
    if not isinstance(parameters_class, type) or not issubclass(parameters_class, msgspec.Struct):
        raise StrategyLoadError(
            f"{version.label}: {strategy_class.__name__}.Parameters must be a msgspec.Struct, received {parameters_class!r}"
        )
    if unknown := sorted(set(version.parameters) - set(parameters_class.__struct_fields__)):
        raise StrategyLoadError(
            f"{version.label}: strategy.toml sets {unknown[0]!r} and Parameters has no such field: add the field or drop the setting"
        )
    try:
        return msgspec.convert(version.parameters, parameters_class)
    except msgspec.ValidationError as error:
        raise StrategyLoadError(f"{version.label}: the parameters do not fit {strategy_class.__name__}.Parameters: {error}") from error
