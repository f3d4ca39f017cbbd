"""Verdict: how a case fails, and how it says that it cannot be had."""

from live.core.errors import InterlockError


class CaseFailedError(InterlockError):
    """An adapter does not do what a case shows; the message says what was expected and what was received."""


class CaseSkippedError(InterlockError):
    """A case cannot be had here; the message says why."""


def expect(holds: object, said: str) -> None:
    """Fail a case unless something holds.

    Raises:
        CaseFailedError: it does not.
    """
    if not holds:
        raise CaseFailedError(said)
