"""The account lock: one process of a machine trades an account, whatever it or its key is called."""

import pytest

from live.service.account_lock import lock_account, locks_directory
from live.service.errors import StartError


@pytest.mark.parametrize(("key", "account"), [("key", "main"), ("key", "other-name"), ("other-key", "main")])
def test_an_account_is_held_once_by_its_key_and_by_its_name(tmp_path, key, account):
    """Neither another name for the account nor another key of it gets past."""
    environment = {"INTERLOCK_LOCKS": str(tmp_path / "locks")}
    with lock_account("http://venue", "key", "v", "main", tmp_path / "home", environment):
        said = rf"account {account} at v is traded by process \d+ on .*home already"
        with pytest.raises(StartError, match=said), lock_account("http://venue", key, "v", account, tmp_path, environment):
            pass
        with lock_account("http://elsewhere", "its-own-key", "v", account, tmp_path, environment):
            pass
    with lock_account("http://venue", key, "v", account, tmp_path, environment):
        pass


def test_a_key_is_held_once_whatever_the_address_is_called(tmp_path):
    """A venue answers at several addresses: localhost and 127.0.0.1, api and api1."""
    environment = {"INTERLOCK_LOCKS": str(tmp_path / "locks")}
    with (
        lock_account("https://api.example", "key", "v", "main", tmp_path, environment),
        pytest.raises(StartError, match="is traded by process"),
        lock_account("https://api1.example", "key", "w", "other", tmp_path, environment),
    ):
        pass


def test_locks_lie_outside_every_home(tmp_path):
    """In one directory of the user, unless the environment names another; one that cannot be written is refused."""
    assert locks_directory({}).parts[-2:] == (".interlock", "locks")
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StartError, match="cannot be written"),
        lock_account("http://v", "k", "v", "main", tmp_path, {"INTERLOCK_LOCKS": str(tmp_path / "file" / "x")}),
    ):
        pass
