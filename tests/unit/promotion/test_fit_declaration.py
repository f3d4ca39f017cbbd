import pytest

from live.promotion import Fit, StrategyFolderError, load_archive, load_strategy_folder, unload
from live.promotion.template import write_template

FIT = "def fit(parameters, bars):\n    return {}\n"


@pytest.fixture(name="folder")
def _folder(tmp_path):
    """Write a folder whose fit is declared by `declare`."""
    return write_template("trend", tmp_path)


def declare(folder, text):
    """Add a `[fit]` table."""
    (folder / "fit.py").write_text(FIT)
    (folder / "strategy.toml").write_text((folder / "strategy.toml").read_text() + "\n[fit]\n" + text)


def test_a_folder_without_a_fit_declares_none(folder):
    """Most strategies ship no weights."""
    assert load_strategy_folder(folder).fit is None


def test_a_fit_is_declared_with_the_bars_it_may_see(folder):
    """A date without an offset is midnight UTC."""
    declare(folder, 'entry_point = "fit:fit"\nuntil = "2018-10-01"\n')
    assert load_strategy_folder(folder).fit == Fit("fit:fit", 1_538_352_000 * 1_000_000_000)


def test_declaring_a_fit_does_not_change_the_version(folder):
    """What trades is sources and weights; how the weights came about is for the gates."""
    (folder / "fit.py").write_text(FIT)
    before = load_strategy_folder(folder).version
    declare(folder, 'entry_point = "fit:fit"\n')
    assert load_strategy_folder(folder).version == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('entry_point = "fit:train"', "fit.py defines fit"),
        ('entry_point = "model:fit"', "has no model.py"),
        ('entry_point = "fit"', "module:Class"),
        ('entry_point = "fit:fit"\nuntil = "last summer"', "until is a date"),
        ('entry_point = "fit:fit"\nrows = 3', "rows"),
    ],
)
def test_a_fit_that_cannot_be_run_is_refused(text, said, folder):
    """Nothing of the folder has run by then."""
    declare(folder, text)
    with pytest.raises(StrategyFolderError, match=said):
        load_strategy_folder(folder)


def test_an_archive_loads_out_of_memory_and_anew_after_it_was_unloaded(folder, tmp_path):
    """Nothing is written, and what a module remembered is gone with it."""
    source = folder / "strategy.py"
    source.write_text(source.read_text() + "\nSEEN = []\n")
    read = load_strategy_folder(folder)
    import sys

    one = load_archive(read.version, read.archive, tmp_path / "nowhere")
    seen = sys.modules[f"{one.module_name}.strategy"].SEEN
    seen.append(1)
    assert load_archive(read.version, read.archive, tmp_path / "nowhere").strategy_class is one.strategy_class
    unload(one)
    assert f"{one.module_name}.strategy" not in sys.modules
    again = load_archive(read.version, read.archive, tmp_path / "nowhere")
    assert sys.modules[f"{again.module_name}.strategy"].SEEN == []
    unload(again)
    assert not (tmp_path / "nowhere").exists()
