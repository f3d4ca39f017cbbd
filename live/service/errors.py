"""Errors of the service, each with the HTTP status it becomes."""

from typing import Any

from live.core.errors import InterlockError


class ServiceError(InterlockError):
    """A request cannot be done; becomes an RFC 9457 problem body."""

    status = 400

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class NotFoundError(ServiceError):
    """What was named does not exist."""

    status = 404


class ConflictError(ServiceError):
    """The present state forbids the request."""

    status = 409


class AuthenticationError(ServiceError):
    """No token, or one that is not known."""

    status = 401


class ScopeError(ServiceError):
    """The token lacks the scope that the call needs."""

    status = 403


class UnavailableError(ServiceError):
    """The service cannot do this now."""

    status = 503


class StartError(InterlockError):
    """The service cannot start."""


class DeploymentRefused(InterlockError):
    """A verified bundle does not fit the deployment that names it."""
