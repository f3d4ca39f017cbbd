"""Calls: what one request is about, from its turn in the budget to its answer; carried by a context variable of its task."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar

from live.venues.errors import VenueCallError
from live.venues.request_budget import Priority
from live.venues.taxonomy import Failure, FailureClass


class GateClosedError(VenueCallError):
    """The gate refused a request in the moment in which it would have left."""


class CallFailedError(VenueCallError):
    """A request failed.

    Attributes:
        failure: what is known of it.
        failure_class: what that means.
    """

    def __init__(self, said: str, failure: Failure, failure_class: FailureClass) -> None:
        super().__init__(said)
        self.failure = failure
        self.failure_class = failure_class


class Call:
    """Follow one request.

    Attributes:
        priority: what it waits behind.
        patience: how long it may wait for its turn, seconds.
        leaving: looks and writes down, immediately before the first byte; raises when it must not leave.
        weight: weight that was spent and not settled.
        spent_at: the venue's time when it was spent, nanoseconds UTC; 0 before.
        sent: whether its first byte was about to be written.
        signed_at: the venue's time that it was signed with, nanoseconds UTC; 0 before.
        status: HTTP status of the answer, None before one.
        code: the venue's own code, None without one.
        message: the venue's words.
        headers: headers of the answer, in lower case.
    """

    __slots__ = ("code", "headers", "leaving", "message", "patience", "priority", "sent", "signed_at", "spent_at", "status", "weight")

    def __init__(self, priority: Priority, patience: float, leaving: Callable[[], None] | None = None) -> None:
        self.priority = priority
        self.patience = patience
        self.leaving = leaving
        self.weight = 0
        self.spent_at = 0
        self.sent = False
        self.signed_at = 0
        self.status: int | None = None
        self.code: int | None = None
        self.message = ""
        self.headers: Mapping[str, str] = {}

    def leave(self) -> None:
        """Look once more and note that the request leaves; one that met a dead connection may be asked again, but orders nothing again.

        aiohttp repeats a method that HTTP calls idempotent, DELETE among them, by itself and in silence on a new connection. A repeated
        cancel would be on no record, and its answer, that there is no such order or that its stamp is too old, would be taken for the
        first one's: the engine decides whether to cancel again. A kill's cancel of everything may be repeated: its proof is what the venue
        lists afterwards.

        Raises:
            GateClosedError: it must not leave.
        """
        if self.leaving is not None and not self.sent:
            self.leaving()
        elif self.leaving is not None and self.priority <= Priority.PLACE:
            raise GateClosedError("its connection broke, and neither an order nor a cancel is sent again by itself")
        self.sent = True

    def failure(self, error: BaseException) -> Failure:
        """Give what is known of its failure."""
        # An address ends where its parameters begin: no signature belongs in a journal.
        said = self.message or str(error.__cause__ or error).partition("?")[0]
        return Failure(sent=self.sent, status=self.status, code=self.code, message=said, exception=type(error).__name__)


CURRENT_CALL: ContextVar[Call | None] = ContextVar("current_call", default=None)
"""The request that this task is making."""
