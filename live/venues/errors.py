"""Errors of venues."""

from live.core.errors import InterlockError


class VenueCallError(InterlockError):
    """A venue did not answer a question, or not with what can be read: nothing may be concluded from it."""
