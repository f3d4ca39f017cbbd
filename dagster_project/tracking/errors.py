"""Errors of tracking: each says what was wrong, what was received and what to do."""

from live.core.errors import InterlockError


class TrackingError(InterlockError):
    """Something cannot be written to, or found in, MLflow."""


class TrialLedgerError(InterlockError):
    """The ledger of trials is damaged, was changed, or cannot be written."""
