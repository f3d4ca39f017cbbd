"""Authority: bearer tokens with scopes, stored as digests, outside the repository."""

import fcntl
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

import msgspec

from live.core.errors import InterlockError
from live.promotion.durable_files import replace_file

AccessScope = Literal["read", "arm", "disarm", "kill", "release"]
ACCESS_SCOPES: tuple[AccessScope, ...] = get_args(AccessScope)
TOKENS_FILE = "tokens.json"
_LOCK_FILE = ".tokens.lock"
_PREFIX = "ilk_"
_NAME = re.compile(r"[A-Za-z0-9_.@\-]{1,64}")


class TokenError(InterlockError):
    """A token cannot be made, or the file of tokens cannot be trusted."""


class Principal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name who holds a token and what it allows; `digest` is the sha256 of the token.

    A token is 256 random bits, so one fast hash is enough: there is nothing to guess from a dictionary.
    """

    name: str
    scopes: tuple[AccessScope, ...]
    digest: str
    created_at: int


def create_token(directory: Path, name: str, scopes: tuple[AccessScope, ...]) -> str:
    """Make a token, store its digest, and return the token itself, which is shown this once.

    Raises:
        TokenError: the name is taken or unusable, a scope is unknown, or the file cannot be written.
    """
    check_token_name(name)
    if not scopes:
        raise TokenError(f"a token needs at least one scope of {', '.join(ACCESS_SCOPES)}")
    if unknown := [scope for scope in scopes if scope not in ACCESS_SCOPES]:
        raise TokenError(f"scope {unknown[0]!r} is not known: the scopes are {', '.join(ACCESS_SCOPES)}")
    token = _PREFIX + secrets.token_urlsafe(32)
    with _changing(directory):
        principals = load_principals(directory)
        if any(principal.name == name for principal in principals):
            raise TokenError(f"a token named {name!r} exists: revoke it first, or choose another name")
        _write(directory, [*principals, Principal(name, tuple(dict.fromkeys(scopes)), token_digest(token), time.time_ns())])
    return token


def check_token_name(name: str) -> None:
    """Refuse a name that cannot stand in journals, logs and file names.

    Raises:
        TokenError: it holds other characters, or is too long.
    """
    if not _NAME.fullmatch(name):
        raise TokenError(f"a token's name has 1 to 64 letters, digits and `_-.@`, received {name!r}: it goes into the journal and the logs")


def revoke_token(directory: Path, name: str) -> None:
    """Forget a token.

    Raises:
        TokenError: there is none of that name, or the file cannot be written.
    """
    with _changing(directory):
        principals = load_principals(directory)
        kept = [principal for principal in principals if principal.name != name]
        if len(kept) == len(principals):
            raise TokenError(f"no token is named {name!r}: known are {', '.join(principal.name for principal in principals) or 'none'}")
        _write(directory, kept)


def load_principals(directory: Path) -> list[Principal]:
    """Read the known tokens' digests; none when the file does not exist.

    Raises:
        TokenError: the file is readable by others, or malformed.
    """
    path = directory / TOKENS_FILE
    try:
        if path.stat().st_mode & 0o077:
            raise TokenError(f"{path} is readable by others: run chmod 600 {path}")
        return msgspec.json.decode(path.read_bytes(), type=list[Principal])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        raise TokenError(f"{path} cannot be read: {error}; restore it or make new tokens") from None


def token_digest(token: str) -> str:
    """Hash a token, in hexadecimal sha256."""
    return hashlib.sha256(token.encode()).hexdigest()


class Authority:
    """Recognise tokens; the file is read again whenever it changed, so that a revocation counts at once."""

    def __init__(self, directory: Path) -> None:
        """Read the tokens.

        Raises:
            TokenError: the file cannot be trusted.
        """
        self._path = directory / TOKENS_FILE
        self._read_at: tuple[int, ...] | None = None
        self._principals: list[Principal] = []
        self._refresh()

    def recognise(self, token: str) -> Principal | None:
        """Find whose token this is; compares in constant time.

        Raises:
            TokenError: the file was changed and cannot be trusted any more: nobody is recognised.
        """
        self._refresh()
        digest = token_digest(token)
        found: Principal | None = None
        for principal in self._principals:
            if hmac.compare_digest(principal.digest, digest):
                found = principal
        return found

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
            # The change time tells of new rights too; content and rights must both be as they were when they were checked.
            stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)
        except OSError:
            stamp = None
        if stamp is None or stamp != self._read_at:
            self._principals, self._read_at = [], None
            self._principals = load_principals(self._path.parent)
            self._read_at = stamp


@contextmanager
def _changing(directory: Path) -> Generator[None]:
    """Let one process at a time change the tokens: of two, the slower one would undo what the other did."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TokenError(f"{directory} cannot be written: {error.strerror}; set INTERLOCK_KEYS to a directory of yours") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _write(directory: Path, principals: list[Principal]) -> None:
    path = directory / TOKENS_FILE
    try:
        replace_file(path, msgspec.json.format(msgspec.json.encode(principals), indent=2), 0o600)
    except OSError as error:
        raise TokenError(f"{path} cannot be written: {error.strerror}") from None
