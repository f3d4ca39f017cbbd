"""A strategy out of one file: its parameters, its name, and what is wrong with it in a sentence."""

import pytest

from live.promotion.errors import StrategyFolderError, StrategyLoadError
from live.promotion.strategy_file import load_strategy_file, names_a_file

SOURCE = """
import msgspec
from live.core.strategy import Strategy

class Parameters(msgspec.Struct, frozen=True):
    fast: int = 10
    share: float = 0.5
    on: bool = False

class GoldenCross(Strategy):
    Parameters = Parameters
    def __init__(self, parameters):
        self.parameters = parameters
    @classmethod
    def warm_up_bars(cls, parameters):
        return parameters.fast * 2

class Plain(Strategy):
    def __init__(self, parameters):
        pass

class Failing(Strategy):
    def __init__(self, parameters):
        raise SystemExit("no")
"""


@pytest.fixture(name="file")
def _file(tmp_path):
    """Write a file of strategies."""
    path = tmp_path / "crosses.py"
    path.write_text(SOURCE)
    return path


def test_parameters_come_from_defaults_and_settings(file):
    """Text is read as the declared type, and the class says its warm-up."""
    loaded = load_strategy_file(f"{file}:GoldenCross", {"fast": "7", "on": "true"})
    assert loaded.parameters == {"fast": 7, "share": 0.5, "on": True}
    assert (loaded.strategy_id, loaded.warm_up_bars) == ("golden_cross", 14)
    assert loaded.label == f"golden_cross@{loaded.source_digest[:7]}"


def test_a_class_without_parameters_takes_none(file):
    """And is refused one."""
    assert load_strategy_file(f"{file}:Plain", {}).parameters == {}
    with pytest.raises(StrategyLoadError, match="no parameter 'fast'"):
        load_strategy_file(f"{file}:Plain", {"fast": 1})


def test_another_source_is_another_version(file):
    """The digest is over the file's bytes."""
    before = load_strategy_file(f"{file}:GoldenCross", {}).label
    file.write_text(SOURCE + "# changed\n")
    assert load_strategy_file(f"{file}:GoldenCross", {}).label != before


@pytest.mark.parametrize(
    ("name", "settings", "error", "said"),
    [
        ("crosses.py:Missing", {}, StrategyFolderError, "Missing"),
        ("gone.py:GoldenCross", {}, StrategyFolderError, "cannot be read"),
        ("crosses.py:GoldenCross", {"slow": 3}, StrategyLoadError, "no parameter 'slow'"),
        ("crosses.py:GoldenCross", {"fast": "many"}, StrategyLoadError, "do not fit"),
        ("crosses.py:Failing", {}, StrategyLoadError, "SystemExit"),
        ("crosses.py:Parameters", {}, StrategyLoadError, "expected a subclass"),
    ],
)
def test_what_is_wrong_is_one_sentence(file, name, settings, error, said):
    """With the name in it."""
    with pytest.raises(error, match=said):
        load_strategy_file(str(file.parent / name), settings)


def test_a_file_may_import_nothing_of_ours_but_the_core(file):
    """As a strategy that is to be promoted may not."""
    file.write_text("import live.journal\n" + SOURCE)
    with pytest.raises(StrategyFolderError, match=r"live\.journal"):
        load_strategy_file(f"{file}:GoldenCross", {})


def test_a_folder_and_a_file_are_told_apart():
    """By the class behind the colon."""
    assert names_a_file("a/b.py:C")
    assert not names_a_file("strategies/ema_cross")
    assert not names_a_file("a/b.py")
