"""Taxonomy of failures: what a failed request says about the order it was about.

An exception's class says too little: one class of ccxt covers a refused connection, a firewall's page and a reset after the order
was placed. So the HTTP status and the venue's own code decide, before any class does, and what no rule names is unknown. Three words
settle an order: it never left, the venue refused it, or nobody knows. Whether a request left is not guessed from an error either: the
adapter knows whether it had begun to write.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

LONGEST_DESCRIPTION = 500
"""Characters of what is said of a failure."""


class FailureClass(StrEnum):
    """What kind of failure a request met."""

    NOT_SENT = "NOT_SENT"
    """Nothing of it was written to the venue."""
    REJECTED_BUSINESS = "REJECTED_BUSINESS"
    """The venue refused it for what it says."""
    REJECTED_FUNDS = "REJECTED_FUNDS"
    """The venue refused it for want of balance."""
    REJECTED_AUTH = "REJECTED_AUTH"
    """The venue refused the key, the signature, or that the account does such a thing at all."""
    REJECTED_CLOCK = "REJECTED_CLOCK"
    """The venue refused the time it was stamped with."""
    REJECTED_RATE = "REJECTED_RATE"
    """The venue refused it for there being too many."""
    BLOCKED = "BLOCKED"
    """Something before the venue answered, such as a firewall."""
    DUPLICATE = "DUPLICATE"
    """An order under the same id is live."""
    UNKNOWN = "UNKNOWN"
    """It may have been carried out."""
    CANCEL_TOO_LATE = "CANCEL_TOO_LATE"
    """The venue has no such open order: it filled, was canceled or never existed."""
    NOT_FOUND = "NOT_FOUND"
    """The venue does not find the order that was asked for, which is no proof while it may still arrive."""


class Becomes(StrEnum):
    """What a request becomes when it failed."""

    NOT_SENT = "NOT_SENT"
    """An effect outcome REFUSED."""
    REJECTED = "REJECTED"
    """A report that the venue refused it."""
    UNKNOWN = "UNKNOWN"
    """An effect outcome FAILED."""


class Remedy(StrEnum):
    """What a failure asks for, beyond the order it is about."""

    NONE = "NONE"
    QUERY = "QUERY"
    """Ask the venue what it knows of the order."""
    RESYNC_CLOCK = "RESYNC_CLOCK"
    BACK_OFF = "BACK_OFF"
    """Send nothing but cancels for a while; when banned nothing at all, and disarm what trades at the venue."""
    RESYNC_BALANCES = "RESYNC_BALANCES"
    STOP_TRADING = "STOP_TRADING"
    """Disarm the account at once, for a person to look: no order with this key can succeed. Cancels are still tried."""


class Meaning(msgspec.Struct, frozen=True):
    """Say what a class of failures means.

    Attributes:
        known: whether the failure itself settles what became of the request.
        order: what a new order becomes.
        cancel: what a cancel becomes; REJECTED leaves the order as it was, and to be asked about.
        remedy: what else it asks for.
    """

    known: bool
    order: Becomes
    cancel: Becomes
    remedy: Remedy


_REJECTED, _UNKNOWN = Becomes.REJECTED, Becomes.UNKNOWN

MEANINGS: dict[FailureClass, Meaning] = {
    FailureClass.NOT_SENT: Meaning(True, Becomes.NOT_SENT, Becomes.NOT_SENT, Remedy.NONE),
    FailureClass.REJECTED_BUSINESS: Meaning(True, _REJECTED, _REJECTED, Remedy.NONE),
    FailureClass.REJECTED_FUNDS: Meaning(True, _REJECTED, _REJECTED, Remedy.RESYNC_BALANCES),
    FailureClass.REJECTED_AUTH: Meaning(True, _REJECTED, _REJECTED, Remedy.STOP_TRADING),
    FailureClass.REJECTED_CLOCK: Meaning(True, _REJECTED, _REJECTED, Remedy.RESYNC_CLOCK),
    FailureClass.REJECTED_RATE: Meaning(True, _REJECTED, _REJECTED, Remedy.BACK_OFF),
    FailureClass.BLOCKED: Meaning(False, _UNKNOWN, _UNKNOWN, Remedy.BACK_OFF),
    FailureClass.DUPLICATE: Meaning(False, _UNKNOWN, _UNKNOWN, Remedy.QUERY),
    FailureClass.UNKNOWN: Meaning(False, _UNKNOWN, _UNKNOWN, Remedy.QUERY),
    FailureClass.CANCEL_TOO_LATE: Meaning(False, _UNKNOWN, _REJECTED, Remedy.QUERY),
    FailureClass.NOT_FOUND: Meaning(False, _UNKNOWN, _REJECTED, Remedy.QUERY),
}
"""Every class and what it means; a class that is missing here would be a fault of this file, and a test looks for it."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what is known of a failed request.

    Attributes:
        sent: whether its first byte was about to be written; before that nothing can have reached the venue.
        status: HTTP status, None when no answer came.
        code: the venue's own code, None when the answer held none that could be read.
        message: the venue's own words, or the exception's.
        exception: name of the class that was raised.
    """

    sent: bool
    status: int | None = None
    code: int | None = None
    message: str = ""
    exception: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Name the class of the failures that match all that is given.

    Attributes:
        failure_class: the class.
        statuses: first and last HTTP status, both included.
        codes: first and last code of the venue, both included.
        message: words that the venue's message holds.
        exception: name of the class that was raised.
    """

    failure_class: FailureClass
    statuses: tuple[int, int] | None = None
    codes: tuple[int, int] | None = None
    message: str | None = None
    exception: str | None = None

    def matches(self, failure: Failure) -> bool:
        """Tell whether everything that this rule gives holds of a failure."""
        return (
            _within(failure.status, self.statuses)
            and _within(failure.code, self.codes)
            and (self.message is None or self.message in failure.message)
            and (self.exception is None or self.exception == failure.exception)
        )


def classify(failure: Failure, rules: Iterable[Rule]) -> FailureClass:
    """Name the class of a failure by the first rule that matches; UNKNOWN when none does."""
    if not failure.sent:
        return FailureClass.NOT_SENT
    return next((rule.failure_class for rule in rules if rule.matches(failure)), FailureClass.UNKNOWN)


def describe(failure: Failure, failure_class: FailureClass) -> str:
    """Say what happened in one line, beginning with its class: the reason that reports and outcomes carry."""
    parts = (
        "" if failure.status is None else f"HTTP {failure.status}",
        "" if failure.code is None else f"code {failure.code}",
        failure.message or failure.exception,
    )
    return f"{failure_class}: {' '.join(part for part in parts if part)}"[:LONGEST_DESCRIPTION]


def _within(value: int | None, bounds: tuple[int, int] | None) -> bool:
    return bounds is None or (value is not None and bounds[0] <= value <= bounds[1])
