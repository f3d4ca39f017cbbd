from collections.abc import Callable
from pathlib import Path

import pytest

from live.core.errors import InstrumentError, InterlockError, LimitError
from live.core.vocabulary import InstrumentKind
from live.promotion import PromotionError, StrategyFolder, StrategyFolderError, load_strategy_folder, sha256_hex

Edit = Callable[[str, str, str], None]


def test_a_new_folder_describes_a_version(folder: StrategyFolder) -> None:
    """What strategy.toml says is in the version, in the units of the core, beside the digest of the sources."""
    version = folder.version
    assert (version.strategy_id, version.entry_point) == ("ema_cross", "strategy:EmaCrossStrategy")
    assert version.parameters == {"fast": 20, "slow": 50, "fraction": 0.5}
    assert version.instruments[0].minimum_notional == 10_00000000
    assert version.limits.maximum_order_quantity == {"binance-spot:BTCUSDT": 5_000000}
    assert version.limits.maximum_data_age == 3600 * 10**9
    assert version.source_digest == sha256_hex(folder.archive)
    assert folder.ranges["fast"].maximum == 200


def test_a_perpetual_is_declared_with_its_contract_and_margins(folder_path: Path, edit: Edit) -> None:
    """The contract size is decimal text, kept in as few decimal places as it needs."""
    edit(
        "strategy.toml",
        "price_scale = 2",
        'price_scale = 2\nkind = "PERPETUAL"\ncontract_size = "0.0010"\ninitial_margin_ppm = 50000\nmaintenance_margin_ppm = 25000',
    )
    (instrument,) = load_strategy_folder(folder_path).version.instruments
    assert (instrument.kind, instrument.contract_size, instrument.contract_scale) == (InstrumentKind.PERPETUAL, 1, 3)
    assert (instrument.initial_margin_ppm, instrument.maintenance_margin_ppm) == (50_000, 25_000)


def test_overrides_change_the_values_and_so_the_version(folder_path: Path, folder: StrategyFolder) -> None:
    """A parameter set within its range makes another version of the same source."""
    changed = load_strategy_folder(folder_path, {"fast": "10"}).version
    assert changed.parameters["fast"] == 10
    assert changed.digest != folder.version.digest
    assert changed.source_digest == folder.version.source_digest


def test_setting_a_default_to_itself_changes_nothing(folder_path: Path, folder: StrategyFolder) -> None:
    """A version is its values, not how they were given."""
    assert load_strategy_folder(folder_path, {"fast": "20", "fraction": 0.5}).version == folder.version


def test_prose_and_research_do_not_change_the_version(folder_path: Path, folder: StrategyFolder, edit: Edit) -> None:
    """The card, the notebook, tests and comments in strategy.toml may be improved without new evidence."""
    edit("card.md", "Prices trend", "Prices often trend")
    edit("strategy.toml", "# module:Class in this folder", "# here")
    (folder_path / "notebook.py").write_text("import marimo\n")
    (folder_path / "tests").mkdir()
    (folder_path / "tests" / "test_it.py").write_text("")
    assert load_strategy_folder(folder_path).version.digest == folder.version.digest


@pytest.mark.parametrize(
    ("file_name", "old", "new"),
    [
        ("strategy.py", "2.0 /", "3.0 /"),
        ("strategy.py", "Update both", "Refresh both"),
        ("__init__.py", "Ema", "EMA"),
        ("strategy.toml", "default = 20,", "default = 21,"),
        ("strategy.toml", '"5.000000"', '"4.999999"'),
        ("strategy.toml", "price_collar_ppm = 50000", "price_collar_ppm = 49999"),
        ("strategy.toml", "minimum_quantity = 10", "minimum_quantity = 11"),
        ("strategy.toml", "interval_seconds = 1800", "interval_seconds = 3600"),
        ("strategy.toml", 'id = "ema_cross"', 'id = "ema_cross_2"'),
    ],
)
def test_what_can_change_a_decision_changes_the_version(
    folder_path: Path, folder: StrategyFolder, edit: Edit, file_name: str, old: str, new: str
) -> None:
    """One changed character in a source, a parameter, a limit, an instrument or the data needs is another version."""
    edit(file_name, old, new)
    assert load_strategy_folder(folder_path).version.digest != folder.version.digest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema = 1", "schema = 2", "schema = 1 was expected, received 2"),
        ("schema = 1", "", "received None"),
        ('id = "ema_cross"', 'id = "ema-cross"', "received 'ema-cross'"),
        ('id = "ema_cross"', 'id = "class"', "received 'class'"),
        ('id = "ema_cross"', 'id = "_x"', "received '_x'"),
        ('id = "ema_cross"', f'id = "{"x" * 49}"', "up to 48"),
        ('"strategy:EmaCrossStrategy"', '"strategy.EmaCrossStrategy"', "module:Class"),
        ('"strategy:EmaCrossStrategy"', '"../strategy:EmaCrossStrategy"', "module:Class"),
        ('"strategy:EmaCrossStrategy"', '"other:EmaCrossStrategy"', "no other.py"),
        ('"strategy:EmaCrossStrategy"', '"strategy:EmaCros"', "defines Parameters, EmaCrossStrategy"),
        ("[data]", "[data]\nvenue = 1", "venue"),
        ('kind = "bars"', 'kind = "ticks"', "ticks"),
        ('kind = "bars"', 'kind = "bars"\nkinds = ["bars", "funding"]', "each once and not both"),
        ('kind = "bars"', "", "each once and not both"),
        ('kind = "bars"', 'kinds = ["bars"]', "each once and not both"),
        ('kind = "bars"', 'kinds = ["bars", "funding", "bars"]', "each once and not both"),
        ('kind = "bars"', 'kinds = ["bars", "ticks"]', "ticks"),
        ('kind = "bars"', 'kind = "trades"', "leave interval_seconds out and set warm_up_bars = 0"),
        ("interval_seconds = 1800", "", "interval_seconds is the length of a bar"),
        ("interval_seconds = 1800", "interval_seconds = 0", "interval_seconds"),
        ("warm_up_bars = 200", "warm_up_bars = -1", "warm_up_bars"),
        ("default = 20,", "default = 1,", "parameter fast"),
        ('minimum_notional = "10.00"', "minimum_notional = 10.0", "in quotes"),
        ('minimum_notional = "10.00"', 'minimum_notional = "ten"', "decimal number"),
        ("price_scale = 2", "price_scale = 19", "price_scale"),
        ("price_scale = 2", "price_scale = 2\ncontract_size = 0.001", "in quotes"),
        ("price_scale = 2", 'price_scale = 2\ncontract_size = "0"', "contract_size"),
        ("price_scale = 2", "price_scale = 2\ncontract_scale = 3", "leave it out"),
        ("price_scale = 2", 'price_scale = 2\nkind = "OPTION"', "kind"),
        ("price_scale = 2", "price_scale = 2\ninitial_margin_ppm = 50000", "maintenance_margin_ppm"),
        ("price_scale = 2", "", "price_scale"),
        ("price_scale = 2", "price_scale = 2\nlot = 1", "lot"),
        ('instrument_id = "binance-spot:BTCUSDT"', 'instrument_id = "BTCUSDT"', "venue:SYMBOL"),
        ('maximum_daily_loss = "400.00"', "", "maximum_daily_loss is missing"),
        ('maximum_daily_loss = "400.00"', 'maximum_daily_loss = "0"', "must be positive"),
        ('maximum_position_notional = "20000.00"', 'maximum_position_notional = "10000000.01"', "absurdly loose"),
        ('"binance-spot:BTCUSDT" = "5.000000"', '"binance-spot:ETHUSDT" = "5.000000"', "unknown instrument"),
        ("[parameters]", "[parameters", "TOML"),
    ],
)
def test_a_mistake_in_the_declaration_is_named(folder_path: Path, edit: Edit, old: str, new: str, message: str) -> None:
    """Every mistake is one sentence that begins with the file and says what was received."""
    edit("strategy.toml", old, new)
    with pytest.raises(InterlockError, match=message) as caught:
        load_strategy_folder(folder_path)
    assert str(caught.value).startswith(f"{folder_path / 'strategy.toml'}: ")


def test_errors_keep_their_type(folder_path: Path, edit: Edit) -> None:
    """A caller can tell a bad limit and a bad instrument from a bad folder."""
    edit("strategy.toml", "price_collar_ppm = 50000", "price_collar_ppm = 500000")
    with pytest.raises(LimitError):
        load_strategy_folder(folder_path)
    edit("strategy.toml", 'instrument_id = "binance-spot:BTCUSDT"', 'instrument_id = "BTCUSDT"')
    with pytest.raises((InstrumentError, StrategyFolderError)):
        load_strategy_folder(folder_path)


def test_an_instrument_is_declared_once(folder_path: Path) -> None:
    """Two definitions of one instrument would leave open which scale holds."""
    path = folder_path / "strategy.toml"
    text = path.read_text()
    start, end = text.index("[[instruments]]"), text.index("[data]")
    path.write_text(text[:end] + text[start:end] + text[end:])
    with pytest.raises(PromotionError, match="declared once"):
        load_strategy_folder(folder_path)


def test_a_folder_without_a_declaration_is_refused(tmp_path: Path) -> None:
    """A missing strategy.toml is named, as is one that is not text."""
    with pytest.raises(StrategyFolderError, match="No such file"):
        load_strategy_folder(tmp_path)
    (tmp_path / "strategy.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(StrategyFolderError, match="not TOML"):
        load_strategy_folder(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "import strategies.ema_cross.features",
        "from strategies.mean_reversion.strategy import MeanReversion",
        "from live.promotion import keys",
        "from live import driver",
        "import live",
        "import live.corex",
        "def late():\n    import dagster_project",
        "from . import x\nfrom .. import mean_reversion",
    ],
)
def test_code_from_beside_the_folder_may_not_be_imported(folder_path: Path, line: str) -> None:
    """Code outside the archive would run without being part of the digest that was approved."""
    (folder_path / "features.py").write_text(line + "\n")
    with pytest.raises(StrategyFolderError, match=r"features\.py:\d"):
        load_strategy_folder(folder_path)


@pytest.mark.parametrize("line", ["import pickle", "from joblib import load", "import marshal", "import shelve"])
def test_code_may_not_open_pickles(folder_path: Path, line: str) -> None:
    """A module that turns data into code has no place in a strategy."""
    (folder_path / "features.py").write_text(line + "\n")
    with pytest.raises(StrategyFolderError, match="code out of data"):
        load_strategy_folder(folder_path)


@pytest.mark.parametrize(
    "line",
    [
        "import math, statistics",
        "from live.core.instruments import Instrument",
        "from live import core",
        "from .strategy import x",
        "import msgspec",
    ],
)
def test_the_core_the_library_and_the_folder_itself_may_be_imported(folder_path: Path, line: str) -> None:
    """A strategy may be split over modules and use what every live host has."""
    (folder_path / "features.py").write_text(line + "\n")
    load_strategy_folder(folder_path)


def test_reading_a_folder_runs_none_of_it(folder_path: Path, tmp_path: Path) -> None:
    """Sources are parsed, not imported: an unapproved strategy gets no chance to act."""
    witness = tmp_path / "ran"
    with (folder_path / "strategy.py").open("a") as file:
        file.write(f"\nopen({str(witness)!r}, 'w')\nraise SystemExit\n")
    load_strategy_folder(folder_path)
    assert not witness.exists()


@pytest.mark.parametrize("source", [b"def (", b"x = 1\0", "ä = 1".encode("latin-1")])
def test_a_source_that_is_not_python_is_refused(folder_path: Path, source: bytes) -> None:
    """A syntax error is found before anything is signed."""
    (folder_path / "features.py").write_bytes(source)
    with pytest.raises(StrategyFolderError, match=r"features\.py is not valid Python"):
        load_strategy_folder(folder_path)


def test_the_entry_point_may_lie_in_a_package(folder_path: Path, folder: StrategyFolder, edit: Edit) -> None:
    """A dotted module names a file in a subfolder, or the package itself."""
    for module, name in (("model.trend", "model/trend.py"), ("model", "model/__init__.py")):
        (folder_path / "model").mkdir(exist_ok=True)
        (folder_path / name).write_text("class Trend: ...\n")
        text = (folder_path / "strategy.toml").read_text()
        (folder_path / "strategy.toml").write_text(text.replace(folder.version.entry_point, f"{module}:Trend"))
        assert load_strategy_folder(folder_path).version.entry_point == f"{module}:Trend"
        (folder_path / "strategy.toml").write_text(text)
