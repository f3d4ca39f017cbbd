"""Account lock: one process of this machine trades an account, whatever homes there are.

A home has a lock of its own; this one is outside every home, and knows an account by its key, and by where it is and its name, so that
neither another name or address nor another key for it gets past. Processes of other machines are noticed by the ids of their orders.
"""

import fcntl
import hashlib
import os
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from live.service.errors import StartError


def locks_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Give the directory of this machine's locks: INTERLOCK_LOCKS, or `~/.interlock/locks`.

    Raises:
        StartError: this user has no home directory, and INTERLOCK_LOCKS is not set.
    """
    environment = os.environ if environment is None else environment
    if environment.get("INTERLOCK_LOCKS"):
        return Path(environment["INTERLOCK_LOCKS"])
    try:
        return Path.home() / ".interlock" / "locks"
    except RuntimeError:
        raise StartError("this user has no home directory for locks: set INTERLOCK_LOCKS to a directory of this machine") from None


@contextmanager
def lock_account(
    address: str, key: str, venue_id: str, account_id: str, home: Path, environment: Mapping[str, str] | None = None
) -> Generator[None]:
    """Hold an account for this process alone.

    Args:
        address: where its venue is.
        key: the public half of its key.
        venue_id: what this configuration calls the venue.
        account_id: what it calls the account.
        home: whose process this is, for whoever comes second.
        environment: the environment unless given.

    Raises:
        StartError: another process has it, or the lock cannot be written.
    """
    directory = locks_directory(environment)
    with ExitStack() as held:
        # A key is one account's wherever it is used: a venue answers at several addresses.
        for what in (f"key {key}", f"{address}\naccount {account_id}"):
            name = hashlib.sha256(what.encode()).hexdigest()[:32]
            held.enter_context(_lock(directory / f"{name}.lock", f"{account_id} at {venue_id}", home))
        yield


@contextmanager
def _lock(path: Path, what: str, home: Path) -> Generator[None]:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"the lock {path} cannot be written ({error.strerror}): set INTERLOCK_LOCKS to a directory of yours") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(handle, 4_096, 0).decode(errors="replace").strip() or "another process"
            raise StartError(f"account {what} is traded by {holder} already: stop it first, two would trade against each other") from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {home}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
