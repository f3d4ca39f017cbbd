"""Errors of the gates: each says what was wrong, what was received and what to do."""

from live.core.errors import InterlockError


class GateError(InterlockError):
    """A strategy version cannot be judged."""


class SubmissionError(InterlockError):
    """A strategy version was not submitted, or is no longer what was submitted."""


class PolicyError(InterlockError):
    """The gate policy is malformed."""


class StatisticsError(InterlockError):
    """A statistic has no meaning for these numbers."""
