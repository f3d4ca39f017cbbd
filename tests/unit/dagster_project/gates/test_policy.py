import pytest

from dagster_project.gates.errors import PolicyError
from dagster_project.gates.policy import DEFAULT_POLICY, load_policy


def test_comments_and_spelling_do_not_change_the_digest(tmp_path):
    """The digest is over the values."""
    text = DEFAULT_POLICY.read_text()
    (tmp_path / "same.toml").write_text("# another comment\n" + text.replace("minimum_fills = 20", "minimum_fills   =   20"))
    assert load_policy(tmp_path / "same.toml").digest == load_policy().digest


def test_any_changed_value_changes_the_digest(tmp_path):
    """A weaker threshold is another policy, which a live host need not accept."""
    (tmp_path / "weak.toml").write_text(DEFAULT_POLICY.read_text().replace("minimum_fills = 20", "minimum_fills = 1"))
    assert load_policy(tmp_path / "weak.toml").digest != load_policy().digest


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("minimum_fills = 20", "minimum_fills = 0", "minimum_fills"),
        ("minimum_fills = 20", "", "minimum_fills"),
        ("minimum_fills = 20", "minimum_fills = 20\nmaximum_hope = 3", "maximum_hope"),
        ("schema = 1", "schema = 2", "schema 2"),
        ("decisive_multiple = 2", "decisive_multiple = 5", "cost_stress.multiples"),
        ('["1", "2718281"]', '["1", "1"]', "hash_seeds are equal"),
        ("minimum_deflated = 0.95", "minimum_deflated = 95", "minimum_deflated"),
        ("schema = 1", "schema = ", "not TOML"),
    ],
)
def test_a_malformed_policy_is_refused(tmp_path, old, new, said):
    """A threshold that is missing, unknown or out of range is named."""
    text = DEFAULT_POLICY.read_text()
    assert old in text
    (tmp_path / "policy.toml").write_text(text.replace(old, new))
    with pytest.raises(PolicyError, match=said):
        load_policy(tmp_path / "policy.toml")


def test_a_missing_policy_is_refused(tmp_path):
    """There is no policy to fall back to."""
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")
