import os
from pathlib import Path

import pytest

from live.configuration import AccountKey, ConfigurationError, key_variables, read_account_key
from live.configuration.credentials import key_file

SECRET = "hunter2hunter2"


def write(keys: Path, text: str, mode: int = 0o600) -> Path:
    """Write the file of the account `real`."""
    path = key_file(keys, "real")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    """Each says where it came from, and only a file has a date."""
    path = write(tmp_path, f'key = "k"\nsecret = """{SECRET}\n"""\n')
    found = read_account_key(tmp_path, "real", {})
    assert (found.key, found.secret, found.origin, found.since) == ("k", f"{SECRET}\n", str(path), path.stat().st_mtime_ns)
    environment = {"INTERLOCK_KEY_REAL": "a", "INTERLOCK_SECRET_REAL": "b"}
    assert read_account_key(tmp_path, "real", environment) == AccountKey("real", "a", "b", "environment INTERLOCK_KEY_REAL", None)


def test_the_place_of_a_key_is_what_a_person_looks_at(tmp_path: Path) -> None:
    """Two variables hold it, or one file."""
    path = write(tmp_path, 'key = "k"\nsecret = "s"\n')
    environment = {"INTERLOCK_KEY_REAL": "a", "INTERLOCK_SECRET_REAL": "b"}
    assert read_account_key(tmp_path, "real", environment).place == "INTERLOCK_KEY_REAL and INTERLOCK_SECRET_REAL"
    assert read_account_key(tmp_path, "real", {}).place == str(path)


def test_a_variable_is_named_after_its_account() -> None:
    """In capitals, with everything else than letters and digits as a line."""
    assert key_variables("desk-1.b") == ("INTERLOCK_KEY_DESK_1_B", "INTERLOCK_SECRET_DESK_1_B")


def test_a_key_is_not_shown() -> None:
    """Neither in a log nor in an error."""
    assert SECRET not in repr(AccountKey("real", SECRET, SECRET, "a file", None))


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        (None, 0o600, "account real has no key: set INTERLOCK_KEY_REAL and INTERLOCK_SECRET_REAL, or write key and secret into"),
        (f'key = "k"\nsecret = "{SECRET}"', 0o640, "can be read by others: run chmod 600"),
        (f'key = "k"\nsecret = "{SECRET}', 0o600, 'is no file of a key: write the two lines key = "..." and secret = "..."'),
        (f'secret = "{SECRET}"', 0o600, "is no file of a key"),
        (f'key = "k"\nsecret = ["{SECRET}"]', 0o600, "is no file of a key"),
        (f'key = ""\nsecret = "{SECRET}"', 0o600, "key and secret must not be empty"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_without_showing_it(tmp_path: Path, text: str | None, mode: int, expected: str) -> None:
    """The sentence says what to write, and nothing of what was found."""
    if text is not None:
        write(tmp_path, text, mode)
    with pytest.raises(ConfigurationError) as refused:
        read_account_key(tmp_path, "real", {})
    assert expected in str(refused.value)
    assert SECRET not in str(refused.value)


def test_half_a_key_in_the_environment_is_no_reason_to_look_elsewhere(tmp_path: Path) -> None:
    """A key and a secret of two accounts would sign for neither."""
    write(tmp_path, f'key = "k"\nsecret = "{SECRET}"')
    with pytest.raises(ConfigurationError, match="account real: INTERLOCK_SECRET_REAL is missing: set it too, or neither"):
        read_account_key(tmp_path, "real", {"INTERLOCK_KEY_REAL": "k"})


def test_a_secret_leaves_the_environment_as_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a strategy nor a child process finds it there; a later session still does, and no other key gets it."""
    monkeypatch.setenv("INTERLOCK_KEY_TAKEN", "a")
    monkeypatch.setenv("INTERLOCK_SECRET_TAKEN", "b")
    first = read_account_key(tmp_path, "taken")
    assert "INTERLOCK_SECRET_TAKEN" not in os.environ
    assert read_account_key(tmp_path, "taken") == first == AccountKey("taken", "a", "b", "environment INTERLOCK_KEY_TAKEN", None)
    monkeypatch.setenv("INTERLOCK_KEY_TAKEN", "another")
    with pytest.raises(ConfigurationError, match="INTERLOCK_SECRET_TAKEN is missing"):
        read_account_key(tmp_path, "taken")
    monkeypatch.delenv("INTERLOCK_KEY_TAKEN")
    with pytest.raises(ConfigurationError, match="account taken has no key"):
        read_account_key(tmp_path, "taken")
