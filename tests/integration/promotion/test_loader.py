import dataclasses
import inspect
import linecache
import py_compile
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from live.core.market_events import MARKET_TYPES
from live.core.runner import subscriptions
from live.core.strategy import Strategy
from live.promotion import (
    ArchiveError,
    KeyFiles,
    LoadedStrategy,
    StrategyFolder,
    StrategyLoadError,
    VerifiedBundle,
    load_strategy,
    load_strategy_folder,
    load_strategy_source,
    pack_files,
    verify_bundle,
)
from live.promotion.strategy_version import HANDLERS

CREATED_AT = 1_700_000_000_000_000_000

Load = Callable[[Mapping[str, str]], LoadedStrategy]

HEAD = """import msgspec

from live.core.strategy import Strategy


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    fast: int
    slow: int
    fraction: float


"""
BODY = """class EmaCrossStrategy(Strategy):
    Parameters = Parameters

    @classmethod
    def warm_up_bars(cls, parameters):
        return 4 * parameters.slow

    def on_bar(self, bar, context):
        pass

    def __init__(self, parameters):
        self.parameters = parameters
"""
READS_WEIGHTS = """
    def weights(self, name="model"):
        import json
        import pkgutil

        return json.loads(pkgutil.get_data(__package__, f"weights/{name}.json"))
"""
IMPORTS = """from .features import ONE
from .model import TWO
from .model.deep import THREE
from .plain.part import FOUR
"""


@pytest.fixture(name="load")
def _load(folder_path: Path, home: Path) -> Load:
    """Give a function that writes files into the folder and loads it."""

    def load(files: Mapping[str, str]) -> LoadedStrategy:
        for name, content in files.items():
            (folder_path / name).parent.mkdir(parents=True, exist_ok=True)
            (folder_path / name).write_text(content)
        return load_strategy_source(load_strategy_folder(folder_path), home)

    return load


def test_a_verified_bundle_becomes_a_strategy_with_its_parameters(verified: VerifiedBundle, home: Path) -> None:
    """The class comes from a module named by the source digest, and its parameters are typed."""
    loaded = load_strategy(verified, home)
    digest = verified.version.source_digest
    assert loaded.directory == home / "strategies" / digest
    assert loaded.module_name == f"interlock_strategy_{digest[:16]}"
    assert type(loaded.strategy).__module__ == f"{loaded.module_name}.strategy"
    assert isinstance(loaded.strategy, loaded.strategy_class)
    assert (loaded.parameters.fast, loaded.parameters.slow, loaded.parameters.fraction) == (20, 50, 0.5)
    assert loaded.strategy_class.warm_up_bars(loaded.parameters) == 200


def test_a_folder_and_its_bundle_load_the_same_class(verified: VerifiedBundle, folder_path: Path, home: Path) -> None:
    """A replay from the folder runs the very code that the bundle runs live."""
    from_folder = load_strategy_source(load_strategy_folder(folder_path), home)
    from_bundle = load_strategy(verified, home)
    assert from_folder.strategy_class is from_bundle.strategy_class
    assert from_folder.version == from_bundle.version
    assert from_folder.strategy is not from_bundle.strategy


def test_sources_that_are_not_the_versions_own_are_not_loaded(verified: VerifiedBundle, home: Path) -> None:
    """The loader checks the digest itself, however the bundle it was handed came to be."""
    swapped = dataclasses.replace(verified, archive=pack_files({"strategy.py": b"class EmaCrossStrategy: ...\n"}))
    with pytest.raises(StrategyLoadError, match="the sources have the digest"):
        load_strategy(swapped, home)
    assert not home.joinpath("strategies").exists()


def test_two_versions_run_side_by_side(
    folder_path: Path, home: Path, gate_files: KeyFiles, verified: VerifiedBundle, write_signed: Callable[[StrategyFolder], Path]
) -> None:
    """An older version stays what it was while a newer one is loaded beside it, and either can be loaded again."""
    source = folder_path / "strategy.py"
    source.write_text(source.read_text().replace("4 * parameters.slow", "3 * parameters.slow"))
    newer = verify_bundle(write_signed(load_strategy_folder(folder_path)).read_bytes(), [gate_files.public], CREATED_AT)
    first, second, again = load_strategy(verified, home), load_strategy(newer, home), load_strategy(verified, home)
    bars = [loaded.strategy_class.warm_up_bars(loaded.parameters) for loaded in (first, second, again)]
    assert bars == [200, 150, 200]
    assert first.strategy_class is again.strategy_class is not second.strategy_class


def test_one_source_with_two_settings_makes_two_strategies(folder_path: Path, home: Path) -> None:
    """Versions that differ in a parameter share their code and nothing else."""
    slow = load_strategy_source(load_strategy_folder(folder_path), home)
    fast = load_strategy_source(load_strategy_folder(folder_path, {"fast": 5}), home)
    assert slow.strategy_class is fast.strategy_class
    assert (slow.parameters.fast, fast.parameters.fast) == (20, 5)


def test_a_tampered_unpacked_folder_is_refused(verified: VerifiedBundle, home: Path) -> None:
    """A source that was changed on disk after unpacking stops the loading."""
    source = load_strategy(verified, home).directory / "strategy.py"
    source.chmod(0o644)
    source.write_text(source.read_text() + "\nraise SystemExit\n")
    with pytest.raises(ArchiveError, match="differs from the bundle"):
        load_strategy(verified, home)


def test_a_compiled_file_cannot_take_the_place_of_a_source(verified: VerifiedBundle, home: Path, tmp_path: Path) -> None:
    """Loading writes no compiled files, and refuses a folder in which somebody put one."""
    directory = load_strategy(verified, home).directory
    assert sorted(path.name for path in directory.rglob("*")) == ["__init__.py", "strategy.py"]
    evil = tmp_path / "evil.py"
    evil.write_text("raise SystemExit")
    (directory / "__pycache__").mkdir()
    py_compile.compile(str(evil), cfile=str(directory / "__pycache__" / f"strategy.{sys.implementation.cache_tag}.pyc"))
    with pytest.raises(ArchiveError, match="does not belong"):
        load_strategy(verified, home)


def test_modules_come_from_the_archive_and_not_from_the_disk(load: Load) -> None:
    """A module that appears on disk after verification cannot be imported, however late the strategy tries."""
    late = f"{HEAD}{BODY}\n    def on_bar(self):\n        from . import late\n        return late\n"
    loaded = load({"strategy.py": late})
    (loaded.directory / "late.py").write_text("VALUE = 1\n")
    with pytest.raises(ImportError):
        loaded.strategy.on_bar()


def test_sources_may_be_split_over_modules_and_packages(load: Load) -> None:
    """Relative imports work at the top, in a folder with and without `__init__.py`, and from inside a package upwards."""
    loaded = load(
        {
            "strategy.py": f"{IMPORTS}{HEAD}{BODY}",
            "features.py": "ONE = 1\n",
            "model/__init__.py": "TWO = 2\n",
            "model/deep.py": "from ..features import ONE\nfrom . import TWO\nTHREE = ONE + TWO\n",
            "plain/part.py": "from ..model.deep import THREE\nFOUR = THREE + 1\n",
        }
    )
    assert sys.modules[type(loaded.strategy).__module__].FOUR == 4


def test_weights_are_read_out_of_the_archive(load: Load) -> None:
    """`pkgutil.get_data` gives the verified bytes, whatever is on the disk by then."""
    loaded = load({"strategy.py": f"{HEAD}{BODY}{READS_WEIGHTS}", "weights/model.json": "[1, 2]"})
    path = loaded.directory / "weights" / "model.json"
    path.chmod(0o644)
    path.write_text("[3, 4]")
    assert loaded.strategy.weights() == [1, 2]
    with pytest.raises(FileNotFoundError, match="not in the source archive"):
        loaded.strategy.weights("other")


def test_tracebacks_and_inspect_show_the_source(load: Load) -> None:
    """A person who debugs a live strategy sees the lines of the unpacked file."""
    loaded = load({"strategy.py": f"{HEAD}{BODY}\n    def on_bar(self):\n        raise RuntimeError('here')  # this line\n"})
    with pytest.raises(RuntimeError) as caught:
        loaded.strategy.on_bar()
    linecache.checkcache()
    assert "# this line" in "".join(traceback.format_exception(caught.value))
    assert "# this line" in inspect.getsource(loaded.strategy_class)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise RuntimeError('no luck')\n", r"importing strategy failed with RuntimeError: no luck"),
        ("raise SystemExit(3)\n", r"failed with SystemExit: 3"),
        ("import a_library_nobody_has\n", r"failed with ModuleNotFoundError"),
        ("from .missing import x\n", r"failed with ModuleNotFoundError"),
    ],
)
def test_an_import_that_fails_is_one_clear_error(load: Load, code: str, words: str) -> None:
    """Whatever strategy code does on import, the service gets one typed error that names the version."""
    with pytest.raises(StrategyLoadError, match=rf"ema_cross@[0-9a-f]{{7}}: .*{words}"):
        load({"strategy.py": f"{code}{HEAD}{BODY}"})


def test_a_failed_import_leaves_nothing_behind(load: Load) -> None:
    """A half-imported module is not found by the next attempt."""
    before = {name for name in sys.modules if name.startswith("interlock_strategy_")}
    for _ in range(2):
        with pytest.raises(StrategyLoadError, match="no luck"):
            load({"strategy.py": f"from . import features\n{HEAD}{BODY}", "features.py": "raise RuntimeError('no luck')\n"})
    assert {name for name in sys.modules if name.startswith("interlock_strategy_")} == before


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (f"{HEAD}{BODY}EmaCrossStrategy = 1\n", "expected a subclass"),
        (f"{HEAD}{BODY}del EmaCrossStrategy\n", "expected a subclass"),
        ("class EmaCrossStrategy: ...\n", "expected a subclass"),
        (f"{HEAD}class EmaCrossStrategy(Strategy):\n    Parameters = dict\n", "must be a msgspec.Struct"),
        (HEAD.replace("    slow: int\n", "") + BODY, "sets 'slow' and Parameters has no such field"),
        (HEAD.replace("slow: int", "slow: str") + BODY, "do not fit EmaCrossStrategy.Parameters"),
        (HEAD.replace("    slow: int\n", "    slow: int\n    extra: int\n") + BODY, "do not fit"),
        (f"{HEAD}{BODY}        raise KeyError('x')\n", "failed with KeyError"),
        (f"{HEAD}{BODY}        raise SystemExit\n", "failed with SystemExit"),
        (f"{HEAD}{BODY}".replace("__init__(self, parameters)", "__init__(self)"), "failed with TypeError"),
        (
            f"{HEAD}class EmaCrossStrategy(Strategy):\n    Parameters = Parameters\n",
            "declares 'bars' and EmaCrossStrategy does not override",
        ),
        (f"{HEAD}{BODY}".replace("4 *", "5 *"), "needs 250 warm-up bars with these parameters, strategy.toml declares 200"),
    ],
)
def test_a_class_that_cannot_be_constructed_is_one_clear_error(load: Load, code: str, words: str) -> None:
    """What the entry point names, its parameters and its constructor are each checked with their own words."""
    with pytest.raises(StrategyLoadError, match=words):
        load({"strategy.py": code})


def test_the_template_and_the_repositorys_strategies_load(home: Path) -> None:
    """Every strategy that is shipped can be read, packed and constructed."""
    root = Path(__file__).parents[3] / "strategies"
    folders = sorted(path.parent for path in root.glob("*/strategy.toml"))
    assert folders
    for folder in folders:
        loaded: Any = load_strategy_source(load_strategy_folder(folder), home)
        assert loaded.version.strategy_id == folder.name


TAKES_TRADES = f"{HEAD}{BODY}\n    def on_trade(self, trade, context):\n        pass\n"
TRADES_ALONE = TAKES_TRADES.replace("def on_bar(self, bar, context)", "def elsewhere(self)").replace("4 * parameters.slow", "0")


@pytest.mark.parametrize(
    ("code", "data", "words"),
    [
        (TAKES_TRADES, 'kind = "bars"', "overrides on_trade and strategy.toml does not declare 'trades': add it to"),
        (f"{HEAD}{BODY}", 'kinds = ["bars", "book"]', "declares 'book' and EmaCrossStrategy does not override on_book: override it"),
        (TRADES_ALONE, 'kinds = ["bars", "trades"]', "declares 'bars' and EmaCrossStrategy does not override on_bar"),
        (TRADES_ALONE.replace("on_trade", "on_funding"), 'kinds = ["bars", "trades"]', "declares 'bars'"),
    ],
)
def test_a_class_is_fed_with_what_its_version_declares_and_nothing_else(
    load: Load, folder_path: Path, code: str, data: str, words: str
) -> None:
    """A handler without its kind would wait for ever, and a kind without its handler would be recorded for nobody."""
    toml = folder_path / "strategy.toml"
    toml.write_text(toml.read_text().replace('kind = "bars"', data))
    with pytest.raises(StrategyLoadError, match=words):
        load({"strategy.py": code})


@pytest.mark.parametrize(("code", "data"), [(TAKES_TRADES, 'kinds = ["bars", "trades"]'), (TRADES_ALONE, 'kind = "trades"')])
def test_a_class_that_takes_in_what_is_declared_is_loaded(load: Load, folder_path: Path, code: str, data: str) -> None:
    """Bars beside trades, and trades alone, which have no interval and no warm-up."""
    toml = folder_path / "strategy.toml"
    text = toml.read_text().replace('kind = "bars"', data)
    if code == TRADES_ALONE:
        text = text.replace("interval_seconds = 1800\n", "").replace("warm_up_bars = 200", "warm_up_bars = 0")
    toml.write_text(text)
    loaded = load({"strategy.py": code})
    kinds = {kind for kind, handler in HANDLERS.items() if getattr(loaded.strategy_class, handler) is not getattr(Strategy, handler)}
    assert kinds == set(loaded.version.data.all_kinds)


def test_every_kind_of_market_data_can_be_declared() -> None:
    """What the engine feeds a strategy with and what a strategy can declare are the same handlers."""
    everything = type("Everything", (Strategy,), {handler: lambda self, event, context: None for handler in HANDLERS.values()})
    assert subscriptions(everything) == frozenset(MARKET_TYPES)
