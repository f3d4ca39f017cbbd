"""Errors of datasets."""

from live.core.errors import InterlockError


class DatasetError(InterlockError):
    """A dataset cannot be read as what it should be."""
