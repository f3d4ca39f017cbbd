"""Credentials: the keys of accounts at venues, from the environment or from files that only their owner reads.

They never stand in `interlock.toml`, which is shown and copied. A process reads those of its LIVE accounts only: a strategy that runs dry
or as a shadow shares no memory with a key. A secret is taken out of the process's environment as it is read: what a strategy, a library
or a child process lists of it holds none.
"""

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from live.configuration.loading import Configuration
from live.configuration.settings import ConfigurationError
from live.configuration.venues import key_variables

FOLDER = "venues"

_taken: dict[str, tuple[str, str]] = {}
"""Secrets that were taken out of this process's environment, by their variable, each with the key that it belongs to."""


class AccountKey(msgspec.Struct, frozen=True):
    """Hold an account's key at its venue.

    Attributes:
        account_id: the account.
        key: what the venue knows the key by.
        secret: a shared secret, or a private Ed25519 key as PEM.
        origin: where it was read.
        since: when its file was written, nanoseconds UTC; None for one of the environment, which has no date.
    """

    account_id: str
    key: str
    secret: str
    origin: str
    since: int | None

    @property
    def place(self) -> str:
        """Say where both key and secret are written: two variables of the environment, or a file."""
        return " and ".join(key_variables(self.account_id)) if self.since is None else self.origin

    def __repr__(self) -> str:
        return f"AccountKey({self.account_id!r}, from {self.origin})"


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    secret: str


def live_keys(configuration: Configuration, environment: Mapping[str, str] | None = None) -> dict[str, AccountKey]:
    """Read the keys of the accounts that are LIVE, by account, and of no other.

    Raises:
        ConfigurationError: one is missing, incomplete, or readable by others.
    """
    return {account_id: read_account_key(configuration.keys, account_id, environment) for account_id in configuration.live_accounts}


def read_account_key(keys: Path, account_id: str, environment: Mapping[str, str] | None = None) -> AccountKey:
    """Read an account's key from the environment, else from its file below the directory of keys.

    Raises:
        ConfigurationError: it is missing, incomplete, or readable by others.
    """
    names = key_variables(account_id)
    found = _take(*names) if environment is None else [environment.get(name, "") for name in names]
    if all(found):
        return AccountKey(account_id, found[0], found[1], f"environment {names[0]}", None)
    if any(found):
        missing = names[found.index("")]
        raise ConfigurationError(f"account {account_id}: {missing} is missing: set it too, or neither of {' and '.join(names)}")
    return _read_file(key_file(keys, account_id), account_id, names)


def _take(key_name: str, secret_name: str) -> list[str]:
    """Read key and secret from this process's environment, and leave no secret there."""
    key, secret = os.environ.get(key_name, ""), os.environ.pop(secret_name, "")
    if secret:
        _taken[secret_name] = (key, secret)
    known = _taken.get(secret_name)
    return [key, known[1] if known is not None and known[0] == key else ""]


def key_file(keys: Path, account_id: str) -> Path:
    """Name the file of an account's key."""
    return keys / FOLDER / f"{account_id}.toml"


def _read_file(path: Path, account_id: str, names: tuple[str, str]) -> AccountKey:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigurationError(f"{path} can be read by others: run chmod 600 {path}, and replace the key if it leaked")
            content = msgspec.convert(tomllib.loads(file.read().decode()), _KeyFile)
    except FileNotFoundError:
        raise ConfigurationError(
            f"account {account_id} has no key: set {' and '.join(names)}, or write key and secret into {path}, mode 0600"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError):
        # What was received is not shown: it may be the secret.
        raise ConfigurationError(f'{path} is no file of a key: write the two lines key = "..." and secret = "..."') from None
    if not content.key or not content.secret:
        raise ConfigurationError(f"{path}: key and secret must not be empty: write what the venue gave you")
    return AccountKey(account_id, content.key, content.secret, str(path), status.st_mtime_ns)
