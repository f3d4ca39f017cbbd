"""Errors of the signals: each says what was wrong, what was received and what to do."""

from live.core.errors import InterlockError


class SignalError(InterlockError):
    """A signal cannot be trained or judged on these bars."""
