"""What a failed request says about its order; the cases were measured with unmodified ccxt 4.5.90 against a venue that answers so."""

import pytest

from live.venues.ccxt_adapter.dialects import BINANCE_RULES
from live.venues.taxonomy import MEANINGS, Becomes, Failure, FailureClass, classify, describe

C = FailureClass

ANSWERS = [
    (400, -1000, "An unknown error occurred while processing the request", "OperationFailed", C.UNKNOWN),
    (500, -1001, "Internal error; unable to process your request", "OperationFailed", C.UNKNOWN),
    (401, -1002, "You are not authorized to execute this request", "AuthenticationError", C.REJECTED_AUTH),
    (429, -1003, "Too much request weight used", "DDoSProtection", C.REJECTED_RATE),
    (418, -1003, "Way too much request weight used; IP banned", "DDoSProtection", C.REJECTED_RATE),
    (500, -1006, "execution status unknown", "OperationFailed", C.UNKNOWN),
    (504, -1007, "Timeout waiting for response from backend server", "RequestTimeout", C.UNKNOWN),
    (408, -1007, "Timeout waiting for response from backend server", "RequestTimeout", C.UNKNOWN),
    (503, -1008, "Server is currently overloaded", "OperationFailed", C.UNKNOWN),
    (400, -1010, "ERROR_MSG_RECEIVED", "OperationFailed", C.REJECTED_BUSINESS),
    (400, -1013, "Filter failure: PRICE_FILTER", "InvalidOrder", C.REJECTED_BUSINESS),
    (400, -1013, "Filter failure: NOTIONAL", "BadRequest", C.REJECTED_BUSINESS),
    (400, -1013, "Market is closed.", "MarketClosed", C.REJECTED_BUSINESS),
    (429, -1015, "Too many new orders", "DDoSProtection", C.REJECTED_RATE),
    (400, -1015, "Too many new orders", "RateLimitExceeded", C.REJECTED_RATE),
    (410, -1016, "This service is no longer available", "BadRequest", C.UNKNOWN),
    (400, -1021, "Timestamp for this request is outside of the recvWindow", "InvalidNonce", C.REJECTED_CLOCK),
    (400, -1022, "Signature for this request is not valid", "AuthenticationError", C.REJECTED_AUTH),
    (400, -1100, "Illegal characters found in parameter", "BadRequest", C.REJECTED_BUSINESS),
    (400, -1102, "Mandatory parameter 'price' was not sent", "BadRequest", C.REJECTED_BUSINESS),
    (400, -1111, "Parameter 'quantity' has too much precision", "BadRequest", C.REJECTED_BUSINESS),
    (400, -1121, "Invalid symbol.", "BadSymbol", C.REJECTED_BUSINESS),
    (400, -2010, "Account has insufficient balance for requested action.", "InsufficientFunds", C.REJECTED_FUNDS),
    (400, -2010, "Duplicate order sent.", "InvalidOrder", C.DUPLICATE),
    (400, -2010, "Order would immediately match and take.", "OrderImmediatelyFillable", C.REJECTED_BUSINESS),
    (400, -2010, "Filter failure: MAX_POSITION", "BadRequest", C.REJECTED_BUSINESS),
    (400, -2010, "This action is disabled on this account.", "InvalidOrder", C.REJECTED_AUTH),
    (400, -2011, "This account may not place or cancel orders.", "InvalidOrder", C.REJECTED_AUTH),
    (400, -2011, "Unknown order sent.", "OrderNotFound", C.CANCEL_TOO_LATE),
    (400, -2013, "Order does not exist.", "OrderNotFound", C.NOT_FOUND),
    (401, -2014, "API-key format invalid.", "AuthenticationError", C.REJECTED_AUTH),
    (401, -2015, "Invalid API-key, IP, or permissions for action.", "DDoSProtection", C.REJECTED_AUTH),
    (409, -2021, "Order cancel-replace partially failed", "BadResponse", C.UNKNOWN),
    (400, -2022, "Order cancel-replace failed.", "BadResponse", C.UNKNOWN),
    (400, -2038, "Order amend rejected", "ExchangeError", C.REJECTED_BUSINESS),
    (403, None, "<html>", "ExchangeNotAvailable", C.BLOCKED),
    (500, None, "<html>", "ExchangeNotAvailable", C.UNKNOWN),
    (502, None, "<html>", "ExchangeNotAvailable", C.UNKNOWN),
    (520, None, "<html>", "ExchangeNotAvailable", C.UNKNOWN),
    (200, None, "what is no JSON", "BadResponse", C.UNKNOWN),
    (None, None, "connection reset", "ExchangeNotAvailable", C.UNKNOWN),
    (None, None, "", "RequestTimeout", C.UNKNOWN),
]


@pytest.mark.parametrize(("status", "code", "message", "exception", "expected"), ANSWERS)
def test_status_and_code_decide_before_the_exceptions_class(
    status: int | None, code: int | None, message: str, exception: str, expected: FailureClass
) -> None:
    """One class of ccxt covers what is settled and what is not; the venue's own words tell them apart."""
    failure = Failure(sent=True, status=status, code=code, message=message, exception=exception)
    assert classify(failure, BINANCE_RULES) is expected


def test_what_never_left_is_not_sent_whatever_was_raised() -> None:
    """A refused connection and a reset after the order was placed are one class of ccxt: only the first byte tells."""
    refused = Failure(sent=False, exception="ExchangeNotAvailable", message="Cannot connect to host")
    assert classify(refused, BINANCE_RULES) is C.NOT_SENT
    assert classify(Failure(sent=True, exception="ExchangeNotAvailable"), BINANCE_RULES) is C.UNKNOWN


def test_a_server_error_settles_nothing_even_with_a_code_that_would() -> None:
    """The venue's documentation: after a 5xx the order may have been placed."""
    failure = Failure(sent=True, status=502, code=-1013, message="Filter failure: LOT_SIZE")
    assert classify(failure, BINANCE_RULES) is C.UNKNOWN


def test_every_class_says_what_an_order_and_a_cancel_become() -> None:
    """Only what the venue or our own hands settled is known; all else leaves an order unknown, never rejected."""
    assert set(MEANINGS) == set(FailureClass)
    for failure_class, meaning in MEANINGS.items():
        assert meaning.known == (meaning.order is not Becomes.UNKNOWN), failure_class


def test_a_cancel_that_came_too_late_is_refused_and_its_order_unsettled() -> None:
    """The order may have filled: the cancel is over, and the order is asked about."""
    assert MEANINGS[C.CANCEL_TOO_LATE].cancel is Becomes.REJECTED
    assert not MEANINGS[C.CANCEL_TOO_LATE].known


def test_a_reason_names_class_status_code_and_words() -> None:
    """An operator reads in one line what the venue said and what was made of it."""
    failure = Failure(sent=True, status=400, code=-2010, message="Duplicate order sent.")
    assert describe(failure, C.DUPLICATE) == "DUPLICATE: HTTP 400 code -2010 Duplicate order sent."
    assert len(describe(Failure(sent=True, message="x" * 10_000), C.UNKNOWN)) == 500
