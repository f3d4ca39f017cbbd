"""Authority: bearer tokens with scopes, stored as digests, outside the repository."""

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path
from typing import Literal, get_args

import msgspec

from live.core.errors import InterlockError

AccessScope = Literal["read", "arm", "disarm", "kill", "release"]
ACCESS_SCOPES: tuple[AccessScope, ...] = get_args(AccessScope)
TOKENS_FILE = "tokens.json"
_PREFIX = "ilk_"


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
        TokenError: the name is taken, a scope is unknown, or the file cannot be written.
    """
    if not scopes:
        raise TokenError(f"a token needs at least one scope of {', '.join(ACCESS_SCOPES)}")
    if unknown := [scope for scope in scopes if scope not in ACCESS_SCOPES]:
        raise TokenError(f"scope {unknown[0]!r} is not known: the scopes are {', '.join(ACCESS_SCOPES)}")
    principals = load_principals(directory)
    if any(principal.name == name for principal in principals):
        raise TokenError(f"a token named {name!r} exists: revoke it first, or choose another name")
    token = _PREFIX + secrets.token_urlsafe(32)
    created = Principal(name, tuple(dict.fromkeys(scopes)), token_digest(token), time.time_ns())
    _write(directory, [*principals, created])
    return token


def revoke_token(directory: Path, name: str) -> None:
    """Forget a token.

    Raises:
        TokenError: there is none of that name.
    """
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
        self._directory = directory
        self._read_at: tuple[int, int] | None = None
        self._principals: list[Principal] = []
        self.refresh()

    def refresh(self) -> None:
        """Read the tokens again if the file changed.

        Raises:
            TokenError: the file cannot be trusted.
        """
        try:
            status = (self._directory / TOKENS_FILE).stat()
            stamp = (status.st_mtime_ns, status.st_ino)
        except FileNotFoundError:
            stamp = None
        if stamp != self._read_at or stamp is None:
            self._principals = load_principals(self._directory)
            self._read_at = stamp

    def recognise(self, token: str) -> Principal | None:
        """Find whose token this is; compares in constant time."""
        digest = token_digest(token)
        found: Principal | None = None
        for principal in self._principals:
            if hmac.compare_digest(principal.digest, digest):
                found = principal
        return found


def _write(directory: Path, principals: list[Principal]) -> None:
    path = directory / TOKENS_FILE
    draft = directory / f".{TOKENS_FILE}.{os.getpid()}"
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, msgspec.json.format(msgspec.json.encode(principals), indent=2))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise TokenError(f"{path} cannot be written: {error.strerror}") from None
