"""One-time codes: what an operator's phone shows, so that a stolen token alone arms nothing LIVE.

Codes are those of RFC 6238: six digits, a new one every thirty seconds. A code counts in its own time step and in one before and after
(section 5.2), once (the same section), and wrong ones are limited (RFC 4226, section 7.3). What was used and what was wrong is kept in the
home, so that neither a restart nor a second process gives another try.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec

from live.core.errors import InterlockError
from live.promotion.durable_files import replace_file, sync_directory, write_new
from live.service.errors import ConflictError, ServiceError

FOLDER = "one-time-codes"
ISSUER = "Interlock"
STEP = 30
"""Seconds in which one code is shown."""
DRIFT = 1
"""Steps by which a phone's clock may be off."""
MAXIMUM_WRONG = 5
WRONG_PERIOD = 900 * 1_000_000_000
"""As many wrong codes within this time lock an operator's codes out until it is over; nanoseconds. A guess has 3 chances in a million."""


class OneTimeCodeError(InterlockError):
    """A secret of one-time codes cannot be made, or its file cannot be trusted."""


class CodeRefused(ConflictError):
    """A one-time code does not count: `reason` is WRONG, USED, LOCKED or NOT_ENROLLED."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message, reason=reason)
        self.reason = reason


class OneTimeSecret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hold an operator's secret in base 32, and when it was made, nanoseconds UTC."""

    operator: str
    secret: Annotated[str, msgspec.Meta(pattern=r"^[A-Z2-7]{32,}\Z")]
    created_at: int

    def __repr__(self) -> str:
        return f"OneTimeSecret({self.operator!r}, ...)"

    @property
    def address(self) -> str:
        """Give the `otpauth` address that an authenticator reads."""
        from pyotp.totp import TOTP

        return TOTP(self.secret, interval=STEP).provisioning_uri(name=self.operator, issuer_name=ISSUER)


class _Tries(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Remember the last time step whose code was used, and when codes were wrong, nanoseconds UTC."""

    used: int = -1
    wrong: tuple[int, ...] = ()


def secret_path(keys: Path, operator: str) -> Path:
    """Say where an operator's secret is."""
    return keys / FOLDER / f"{operator}.json"


def create_secret(keys: Path, operator: str, now: int) -> OneTimeSecret:
    """Make an operator's secret, in a file that only its owner reads; `now` in nanoseconds UTC.

    Raises:
        OneTimeCodeError: there is one already, or it cannot be written.
    """
    from pyotp import random_base32

    path = secret_path(keys, operator)
    made = OneTimeSecret(operator, random_base32(), now)
    try:
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_new(path, msgspec.json.encode(made) + b"\n", 0o600)
        sync_directory(path.parent)
    except FileExistsError:
        raise OneTimeCodeError(
            f"{operator} has a secret already, and it is never overwritten: remove {path} first to make a new one"
        ) from None
    except OSError as error:
        raise OneTimeCodeError(f"{path} cannot be written ({error.strerror}): set INTERLOCK_KEYS to a directory of yours") from None
    return made


def read_secret(keys: Path, operator: str) -> OneTimeSecret | None:
    """Read an operator's secret; None when there is none.

    Raises:
        OneTimeCodeError: the file is readable by others, or malformed.
    """
    path = secret_path(keys, operator)
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise OneTimeCodeError(f"{path} can be read by others: run chmod 600 {path}, and make a new secret if it leaked")
            found = msgspec.json.decode(file.read(), type=OneTimeSecret)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError):
        # What was received is not shown: it may be the secret.
        raise OneTimeCodeError(f"{path} cannot be read: remove it, and make a new secret") from None
    if found.operator != operator:
        raise OneTimeCodeError(f"{path} is the secret of {found.operator}: one secret belongs to one operator, make a new one")
    return found


def enrolled(keys: Path) -> list[str]:
    """Name the operators that have a secret."""
    return sorted(path.stem for path in (keys / FOLDER).glob("*.json"))


class OneTimeCodes:
    """Judge codes, each once, and lock out an operator after too many wrong ones; `wall` is the machine's time, nanoseconds UTC."""

    def __init__(self, keys: Path, home: Path, wall: Callable[[], int]) -> None:
        self._keys = keys
        self._folder = home / FOLDER
        self._wall = wall

    def spend(self, operator: str, code: str) -> None:
        """Use an operator's code up.

        Raises:
            ServiceError: no code was given.
            CodeRefused: it is wrong, was used, is too many after wrong ones, or the operator has no secret.
            OneTimeCodeError: a file cannot be trusted or written.
        """
        from pyotp.exceptions import OTPVerificationError
        from pyotp.totp import TOTP

        secret = read_secret(self._keys, operator)
        if secret is None:
            raise CodeRefused(
                "NOT_ENROLLED", f"{operator} has no one-time codes, and LIVE needs one: run `interlock keys one-time-code {operator}`"
            )
        given = "".join(code.split())
        if not given:
            raise ServiceError(f"code is missing: arming LIVE needs the one-time code of {operator}")
        now = self._wall()
        with self._tries_of(operator) as (tries, write):
            wrong = tuple(at for at in tries.wrong if now - WRONG_PERIOD < at)
            if len(wrong) >= MAXIMUM_WRONG:
                seconds = (wrong[-MAXIMUM_WRONG] + WRONG_PERIOD - now) // 1_000_000_000 + 1
                raise CodeRefused("LOCKED", f"{len(wrong)} wrong codes of {operator}: no code counts for another {seconds} s")
            try:
                step = TOTP(secret.secret, interval=STEP).verify_and_get_timecode(given, for_time=now // 1_000_000_000, valid_window=DRIFT)
            except OTPVerificationError:
                write(_Tries(tries.used, (*wrong, now)))
                left = MAXIMUM_WRONG - len(wrong) - 1
                raise CodeRefused(
                    "WRONG",
                    f"the one-time code of {operator} is wrong, {left} tries are left: look at the phone's clock, and try the next one",
                ) from None
            if step <= tries.used:
                raise CodeRefused("USED", f"the one-time code of {operator} was used already: wait for the next one")
            write(_Tries(step, wrong))

    @contextmanager
    def _tries_of(self, operator: str) -> Generator[tuple[_Tries, Callable[[_Tries], None]]]:
        """Let one at a time judge an operator's codes: of two that come at once only one may use a code."""
        path = self._folder / f"{operator}.json"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OneTimeCodeError(f"{self._folder} cannot be written ({error.strerror}): without it a code could be used twice") from None

        def write(tries: _Tries) -> None:
            try:
                replace_file(path, msgspec.json.encode(tries), 0o600)
            except OSError as error:
                raise OneTimeCodeError(f"{path} cannot be written ({error.strerror}): without it a code could be used twice") from None

        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield _read_tries(path), write
        finally:
            os.close(lock)


def _read_tries(path: Path) -> _Tries:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Tries)
    except FileNotFoundError:
        return _Tries()
    except (OSError, msgspec.MsgspecError) as error:
        raise OneTimeCodeError(
            f"{path} cannot be read ({error}): remove it once {path.stem}'s codes have been left alone for a minute"
        ) from None
