import re
import tomllib
from pathlib import Path

from live.configuration import load_configuration

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "interlock.example.toml"


def test_the_example_configuration_loads():
    """A person who copies the example gets a configuration that this version accepts."""
    loaded = load_configuration(EXAMPLE, {})
    assert [deployment.strategy for deployment in loaded.deployments] == ["my_trend", "my_reversion"]
    assert loaded.feed is not None
    assert loaded.feed_start > 0
    assert [(key.name, key.role) for key in loaded.trusted_keys] == [("gate-host", "gate")]


def test_the_example_shows_every_key_of_the_reference():
    """A key that a person may set is in the example, so the example never falls behind the program."""
    text = EXAMPLE.read_text(encoding="utf-8")
    reference = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
    keys = re.findall(r"^\| `(\w+)` \|", reference.partition("## Limits")[0], re.MULTILINE)
    shown = {name for table in _tables(tomllib.loads(text)) for name in table}
    assert [key for key in keys if key not in shown] == []


def _tables(value: object) -> list[dict[str, object]]:
    """Give every table of a TOML document, nested ones too."""
    if isinstance(value, dict):
        return [value, *(inner for child in value.values() for inner in _tables(child))]
    if isinstance(value, list):
        return [inner for child in value for inner in _tables(child)]
    return []
