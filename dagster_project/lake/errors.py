"""Errors of the lake."""

from live.core.errors import InterlockError


class LakeError(InterlockError):
    """The lake cannot take or give what it was asked for."""


class RefusedPublication(LakeError):
    """A file that passed its audit contradicts what is published.

    Attributes:
        name: of the expectation that does not hold.
        changed: how many published bars it says something else about.
    """

    def __init__(self, name: str, message: str, changed: int = 0) -> None:
        super().__init__(message)
        self.name = name
        self.changed = changed
