import threading
from pathlib import Path

import pytest
from pyotp.totp import TOTP

from live.service.errors import ServiceError
from live.service.one_time_codes import (
    FOLDER,
    MAXIMUM_WRONG,
    CodeRefused,
    OneTimeCodeError,
    OneTimeCodes,
    create_secret,
    enrolled,
    read_secret,
    secret_path,
)

SECOND = 1_000_000_000


class Phone:
    """An operator's phone and the host that judges its codes, with one clock that the test sets."""

    def __init__(self, directory: Path) -> None:
        self.keys, self.home = directory / "keys", directory / "home"
        self.now = 1_700_000_010 * SECOND
        self.made = create_secret(self.keys, "ann", self.now)
        self.codes = self.restart()

    def restart(self) -> OneTimeCodes:
        """Judge by what is on the disk alone."""
        self.codes = OneTimeCodes(self.keys, self.home, lambda: self.now)
        return self.codes

    def shows(self, steps: int = 0) -> str:
        """Give the code that the phone shows, or showed so many time steps before."""
        return TOTP(self.made.secret).at(self.now // SECOND + 30 * steps)

    def refusal(self, code: str, operator: str = "ann") -> str:
        """Give why a code does not count."""
        with pytest.raises(CodeRefused) as refused:
            self.codes.spend(operator, code)
        assert refused.value.details == {"reason": refused.value.reason}
        return refused.value.reason

    def wrong(self) -> str:
        """Give a code that the phone does not show, shortly before or after."""
        near = {self.shows(steps) for steps in (-1, 0, 1)}
        return next(code for code in ("000000", "111111", "222222", "333333") if code not in near)


@pytest.fixture(name="phone")
def _phone(tmp_path: Path) -> Phone:
    return Phone(tmp_path)


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_the_code_that_the_phone_shows_counts_once(phone: Phone, steps: int) -> None:
    """With a phone's clock off by at most half a minute, and never again, not even after a restart."""
    phone.codes.spend("ann", phone.shows(steps))
    assert phone.refusal(phone.shows(steps)) == "USED"
    phone.restart()
    assert phone.refusal(phone.shows(steps)) == "USED"


@pytest.mark.parametrize("steps", [-2, 2])
def test_an_old_or_early_code_does_not_count(phone: Phone, steps: int) -> None:
    """What was read over a shoulder a minute ago is worth nothing."""
    assert phone.refusal(phone.shows(steps)) == "WRONG"


def test_a_code_older_than_the_last_used_does_not_count(phone: Phone) -> None:
    """Nobody goes back in time with a code that was seen but not typed."""
    phone.codes.spend("ann", phone.shows(0))
    assert phone.refusal(phone.shows(-1)) == "USED"
    phone.codes.spend("ann", phone.shows(1))


def test_a_code_may_be_typed_with_a_gap(phone: Phone) -> None:
    """As phones show it."""
    shown = phone.shows()
    phone.codes.spend("ann", f" {shown[:3]} {shown[3:]} ")


@pytest.mark.parametrize("code", ["", "  ", "\n"])
def test_a_missing_code_is_asked_for_and_is_no_try(phone: Phone, code: str) -> None:
    """Who forgets it is told, and locked out of nothing."""
    for _ in range(MAXIMUM_WRONG + 1):
        with pytest.raises(ServiceError, match="arming LIVE needs the one-time code of ann"):
            phone.codes.spend("ann", code)
    phone.codes.spend("ann", phone.shows())


@pytest.mark.parametrize("code", ["abcdef", "12345", "1234567", "é", "-00001", "٨٤٢٠٠٠", "0" * 1000])
def test_what_is_no_code_is_a_wrong_one(phone: Phone, code: str) -> None:
    """It counts against the limit like any other."""
    assert phone.refusal(code) == "WRONG"


def test_wrong_codes_are_limited(phone: Phone) -> None:
    """After five the right one does not count either, over a restart too, until a quarter of an hour after the first."""
    for number in range(MAXIMUM_WRONG):
        assert phone.refusal(phone.wrong()) == "WRONG"
        if number == 2:
            phone.restart()
        phone.now += SECOND
    assert phone.refusal(phone.shows()) == "LOCKED"
    phone.restart()
    phone.now += 894 * SECOND
    assert phone.refusal(phone.shows()) == "LOCKED"
    phone.now += SECOND
    phone.codes.spend("ann", phone.shows())


def test_a_right_code_makes_no_room_for_wrong_ones(phone: Phone) -> None:
    """Else whoever holds a token could guess on beside an operator who arms every day."""
    for _ in range(MAXIMUM_WRONG - 1):
        phone.refusal(phone.wrong())
    phone.codes.spend("ann", phone.shows())
    assert phone.refusal(phone.wrong()) == "WRONG"
    assert phone.refusal(phone.wrong()) == "LOCKED"


def test_one_operators_tries_are_not_anothers(phone: Phone) -> None:
    """Nobody can lock another one out, nor use another one's code."""
    create_secret(phone.keys, "bob", phone.now)
    for _ in range(MAXIMUM_WRONG):
        phone.refusal(phone.shows(), "bob")
    assert phone.refusal(phone.shows(), "bob") == "LOCKED"
    phone.codes.spend("ann", phone.shows())
    assert enrolled(phone.keys) == ["ann", "bob"]


def test_of_two_at_once_only_one_may_use_a_code(phone: Phone) -> None:
    """Two requests with one code arm one thing."""
    refused: list[str] = []
    ready = threading.Barrier(8)

    def spend() -> None:
        ready.wait()
        try:
            OneTimeCodes(phone.keys, phone.home, lambda: phone.now).spend("ann", phone.shows())
        except CodeRefused as error:
            refused.append(error.reason)

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["USED"] * 7


def test_a_secret_is_made_once_and_only_its_owner_reads_it(phone: Phone) -> None:
    """What an authenticator reads names host and operator; no message, and no word about the object, shows the secret."""
    path = secret_path(phone.keys, "ann")
    assert (path.stat().st_mode & 0o777, phone.keys.stat().st_mode & 0o077) == (0o600, 0)
    assert phone.made.address == f"otpauth://totp/Interlock:ann?secret={phone.made.secret}&issuer=Interlock"
    assert phone.made.secret not in repr(phone.made)
    with pytest.raises(OneTimeCodeError, match="ann has a secret already, and it is never overwritten"):
        create_secret(phone.keys, "ann", phone.now)
    assert read_secret(phone.keys, "ann") == phone.made


def test_a_secret_that_cannot_be_trusted_lets_nobody_in(phone: Phone) -> None:
    """Readable by others, damaged, or another one's under this name: each is an error, and shows no secret."""
    path = secret_path(phone.keys, "ann")
    path.chmod(0o640)
    with pytest.raises(OneTimeCodeError, match="can be read by others: run chmod 600"):
        phone.codes.spend("ann", phone.shows())
    path.chmod(0o600)
    path.rename(secret_path(phone.keys, "bob"))
    with pytest.raises(OneTimeCodeError, match="is the secret of ann"):
        phone.codes.spend("bob", phone.shows())
    secret_path(phone.keys, "bob").write_text(phone.made.secret)
    with pytest.raises(OneTimeCodeError, match="cannot be read: remove it") as refused:
        phone.codes.spend("bob", phone.shows())
    assert phone.made.secret not in str(refused.value)
    assert phone.refusal(phone.shows()) == "NOT_ENROLLED"


def test_without_a_record_of_tries_no_code_counts(phone: Phone) -> None:
    """A damaged record, or a home that cannot be written, would let a code be used twice."""
    phone.codes.spend("ann", phone.shows())
    (phone.home / FOLDER / "ann.json").write_text("{")
    phone.now += 60 * SECOND
    with pytest.raises(OneTimeCodeError, match="cannot be read"):
        phone.codes.spend("ann", phone.shows())
