"""Refusals of the exchange: Binance's codes, HTTP statuses and messages, one constructor a refusal.

Source: Binance Spot API documentation, "Error codes" and "Filters".
"""

from collections.abc import Mapping

from live.core.errors import InterlockError


class VenueError(InterlockError):
    """A request that the exchange refuses, as its client is told.

    Attributes:
        code: the venue's error code.
        message: the text sent as `msg`.
        http_status: the status of the REST answer.
        data: what is sent as `data`, None when nothing is.
        headers: HTTP headers of the answer, such as Retry-After.
        retry_at: when to come back, microseconds UTC, None when that is not known; the WebSocket API has no headers to tell it in.
    """

    def __init__(
        self, code: int, message: str, http_status: int = 400, *, data: object | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.data = data
        self.headers = headers or {}
        self.retry_at: int | None = None


UNKNOWN = -1000
DISCONNECTED = -1001
UNAUTHORIZED = -1002
TOO_MANY_REQUESTS = -1003
UNEXPECTED_RESP = -1006
TIMEOUT = -1007
SERVER_BUSY = -1008
ERROR_MSG_RECEIVED = -1010
INVALID_MESSAGE = -1013
UNKNOWN_ORDER_COMPOSITION = -1014
TOO_MANY_ORDERS = -1015
SERVICE_SHUTTING_DOWN = -1016
UNSUPPORTED_OPERATION = -1020
INVALID_TIMESTAMP = -1021
INVALID_SIGNATURE = -1022
ILLEGAL_CHARS = -1100
TOO_MANY_PARAMETERS = -1101
MANDATORY_PARAM_EMPTY_OR_MALFORMED = -1102
UNKNOWN_PARAM = -1103
UNREAD_PARAMETERS = -1104
PARAM_EMPTY = -1105
PARAM_NOT_REQUIRED = -1106
PARAM_OVERFLOW = -1108
BAD_PRECISION = -1111
NO_DEPTH = -1112
TIF_NOT_REQUIRED = -1114
INVALID_TIF = -1115
INVALID_ORDER_TYPE = -1116
INVALID_SIDE = -1117
EMPTY_NEW_CL_ORD_ID = -1118
EMPTY_ORG_CL_ORD_ID = -1119
BAD_INTERVAL = -1120
BAD_SYMBOL = -1121
MORE_THAN_XX_HOURS = -1127
OPTIONAL_PARAMS_BAD_COMBO = -1128
INVALID_PARAMETER = -1130
INVALID_JSON = -1135
INVALID_TICKER_TYPE = -1139
INVALID_CANCEL_RESTRICTIONS = -1145
DUPLICATE_SYMBOLS = -1151
SESSION_NOT_AUTHENTICATED = -1193
INVALID_TIME_UNIT = -1194
NEW_ORDER_REJECTED = -2010
CANCEL_REJECTED = -2011
NO_SUCH_ORDER = -2013
BAD_API_KEY_FMT = -2014
REJECTED_MBX_KEY = -2015
ORDER_CANCEL_REPLACE_PARTIALLY_FAILED = -2021
ORDER_CANCEL_REPLACE_FAILED = -2022
ORDER_ARCHIVED = -2026
SUBSCRIPTION_ACTIVE = -2035
SUBSCRIPTION_INACTIVE = -2036


def unknown() -> VenueError:
    """Refuse without a reason."""
    return VenueError(UNKNOWN, "An unknown error occurred while processing the request.")


def disconnected() -> VenueError:
    """Say that the exchange failed inside."""
    return VenueError(DISCONNECTED, "Internal error; unable to process your request. Please try again.", 500)


def session_not_authenticated() -> VenueError:
    """Refuse what only a session that has logged in may ask for."""
    return VenueError(SESSION_NOT_AUTHENTICATED, "WebSocket session not authenticated. Recommendation: use session.logon.")


def too_much_weight(limit: int, interval: str, retry_after: int) -> VenueError:
    """Refuse a request beyond the request weight; `retry_after` in seconds."""
    message = (
        f"Too much request weight used; current limit is {limit} request weight per {interval}. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    return VenueError(TOO_MANY_REQUESTS, message, 429, headers={"Retry-After": str(retry_after)})


def banned(until_ms: int, retry_after: int) -> VenueError:
    """Refuse a request from a banned address; `until_ms` in milliseconds UTC, `retry_after` in seconds."""
    message = f"Way too much request weight used; IP banned until {until_ms}. Please use WebSocket Streams for live updates to avoid bans."
    return VenueError(TOO_MANY_REQUESTS, message, 418, headers={"Retry-After": str(retry_after)})


def timeout() -> VenueError:
    """Say that the engine did not answer in time, which leaves open what it did."""
    return VenueError(TIMEOUT, "Timeout waiting for response from backend server. Send status unknown; execution status unknown.", 408)


def server_busy() -> VenueError:
    """Refuse for lack of capacity."""
    return VenueError(SERVER_BUSY, "Server is currently overloaded with other requests. Please try again in a few minutes.", 503)


def too_many_orders(limit: int, interval: str, retry_after: int) -> VenueError:
    """Refuse an order beyond the count of unfilled orders; `retry_after` in seconds."""
    message = f"Too many new orders; current limit is {limit} orders per {interval}."
    return VenueError(TOO_MANY_ORDERS, message, 429, headers={"Retry-After": str(retry_after)})


def unsupported_operation() -> VenueError:
    """Refuse what this exchange does not do."""
    return VenueError(UNSUPPORTED_OPERATION, "This operation is not supported.")


def unsupported_order_combination() -> VenueError:
    """Refuse a combination of order parameters that is not allowed."""
    return VenueError(UNKNOWN_ORDER_COMPOSITION, "Unsupported order combination.")


def outside_receive_window() -> VenueError:
    """Refuse a request that came too late by its own timestamp."""
    return VenueError(INVALID_TIMESTAMP, "Timestamp for this request is outside of the recvWindow.")


def ahead_of_server() -> VenueError:
    """Refuse a request from the future."""
    return VenueError(INVALID_TIMESTAMP, "Timestamp for this request was 1000ms ahead of the server's time.")


def invalid_signature() -> VenueError:
    """Refuse a signature that does not verify."""
    return VenueError(INVALID_SIGNATURE, "Signature for this request is not valid.")


def illegal_characters(name: str, legal: str) -> VenueError:
    """Refuse a parameter with characters outside its range."""
    return VenueError(ILLEGAL_CHARS, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def too_many_parameters(expected: int, received: int) -> VenueError:
    """Refuse more parameters than the endpoint has."""
    return VenueError(TOO_MANY_PARAMETERS, f"Too many parameters; expected '{expected}' and received '{received}'.")


def duplicate_parameter() -> VenueError:
    """Refuse a parameter that was sent twice."""
    return VenueError(TOO_MANY_PARAMETERS, "Duplicate values for a parameter detected.")


def mandatory_parameter(name: str) -> VenueError:
    """Refuse a request that lacks a parameter."""
    return VenueError(MANDATORY_PARAM_EMPTY_OR_MALFORMED, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def one_of_parameters(first: str, second: str) -> VenueError:
    """Refuse a request that lacks both of two parameters."""
    return VenueError(MANDATORY_PARAM_EMPTY_OR_MALFORMED, f"Param '{first}' or '{second}' must be sent, but both were empty/null!")


def unread_parameters(read: int, sent: int) -> VenueError:
    """Refuse parameters that the endpoint does not know."""
    return VenueError(UNREAD_PARAMETERS, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.")


def empty_parameter(name: str) -> VenueError:
    """Refuse a parameter without a value."""
    return VenueError(PARAM_EMPTY, f"Parameter '{name}' was empty.")


def parameter_not_required(name: str) -> VenueError:
    """Refuse a parameter that this kind of request does not take."""
    return VenueError(PARAM_NOT_REQUIRED, f"Parameter '{name}' sent when not required.")


def parameter_overflow(name: str) -> VenueError:
    """Refuse a number beyond what the exchange can hold."""
    return VenueError(PARAM_OVERFLOW, f"Parameter '{name}' overflowed.")


def bad_precision(name: str) -> VenueError:
    """Refuse a number with more decimals than the asset has."""
    return VenueError(BAD_PRECISION, f"Parameter '{name}' has too much precision.")


def time_in_force_not_required() -> VenueError:
    """Refuse a time in force on an order that takes none."""
    return VenueError(TIF_NOT_REQUIRED, "TimeInForce parameter sent when not required.")


def invalid_time_in_force() -> VenueError:
    """Refuse an unknown time in force."""
    return VenueError(INVALID_TIF, "Invalid timeInForce.")


def invalid_order_type() -> VenueError:
    """Refuse an unknown type of order."""
    return VenueError(INVALID_ORDER_TYPE, "Invalid orderType.")


def invalid_side() -> VenueError:
    """Refuse an unknown side."""
    return VenueError(INVALID_SIDE, "Invalid side.")


def invalid_interval() -> VenueError:
    """Refuse an unknown length of klines."""
    return VenueError(BAD_INTERVAL, "Invalid interval.")


def invalid_symbol() -> VenueError:
    """Refuse a symbol that is not traded here."""
    return VenueError(BAD_SYMBOL, "Invalid symbol.")


def lookup_interval_too_big(hours: int) -> VenueError:
    """Refuse a time span beyond the endpoint's."""
    return VenueError(MORE_THAN_XX_HOURS, f"More than {hours} hours between startTime and endTime.")


def invalid_parameter_combination(recommendation: str = "") -> VenueError:
    """Refuse optional parameters that exclude or need each other; some endpoints say how they should be sent instead."""
    message = "Combination of optional parameters invalid."
    return VenueError(OPTIONAL_PARAMS_BAD_COMBO, f"{message} Recommendation: {recommendation}" if recommendation else message)


def one_or_several_symbols() -> VenueError:
    """Refuse a request for one symbol and for several."""
    return invalid_parameter_combination("'symbol' and 'symbols' cannot both be sent.")


def invalid_parameter(name: str) -> VenueError:
    """Refuse a value that a parameter cannot have."""
    return VenueError(INVALID_PARAMETER, f"Data sent for parameter '{name}' is not valid.")


def invalid_cancel_restrictions() -> VenueError:
    """Refuse an unknown cancel restriction."""
    return VenueError(INVALID_CANCEL_RESTRICTIONS, "`cancelRestrictions` has to be either `ONLY_NEW` or `ONLY_PARTIALLY_FILLED`.")


def filter_failure(name: str) -> VenueError:
    """Refuse an order that breaks the trading rule `name`."""
    return VenueError(INVALID_MESSAGE, f"Filter failure: {name}")


def new_order_rejected(message: str) -> VenueError:
    """Refuse an order in the engine; the message carries the reason."""
    return VenueError(NEW_ORDER_REJECTED, message)


def insufficient_balance() -> VenueError:
    """Refuse an order that its account cannot pay."""
    return new_order_rejected("Account has insufficient balance for requested action.")


def duplicate_order() -> VenueError:
    """Refuse a client order id that an open order of the account has."""
    return new_order_rejected("Duplicate order sent.")


def would_immediately_match() -> VenueError:
    """Refuse a LIMIT_MAKER order that would take."""
    return new_order_rejected("Order would immediately match and take.")


def would_trigger_immediately() -> VenueError:
    """Refuse a stop whose price has been met already."""
    return new_order_rejected("Order would trigger immediately.")


def market_closed() -> VenueError:
    """Refuse an order for a symbol that does not trade now."""
    return VenueError(INVALID_MESSAGE, "Market is closed.")


def account_may_not_trade() -> VenueError:
    """Refuse an order of an account that may not trade."""
    return new_order_rejected("This account may not place or cancel orders.")


def cancel_rejected(message: str) -> VenueError:
    """Refuse a cancellation; the message carries the reason."""
    return VenueError(CANCEL_REJECTED, message)


def unknown_order_sent() -> VenueError:
    """Refuse to cancel an order that is not open, or that never was."""
    return cancel_rejected("Unknown order sent.")


def cancel_restricted() -> VenueError:
    """Refuse to cancel an order that is not in the state asked for."""
    return cancel_rejected("Order was not canceled due to cancel restrictions.")


def cancel_without_id() -> VenueError:
    """Refuse a cancellation that names no order."""
    return cancel_rejected("Cancel order is invalid. Check origClOrdId and orderId.")


def no_such_order() -> VenueError:
    """Say that an order is not known."""
    return VenueError(NO_SUCH_ORDER, "Order does not exist.")


def no_such_order_list() -> VenueError:
    """Refuse a query for an order list that there is not."""
    return VenueError(NO_SUCH_ORDER, "Order list does not exist.")


def bad_api_key_format() -> VenueError:
    """Refuse a key that cannot be one."""
    return VenueError(BAD_API_KEY_FMT, "API-key format invalid.", 401)


def rejected_api_key() -> VenueError:
    """Refuse an unknown key."""
    return VenueError(REJECTED_MBX_KEY, "Invalid API-key, IP, or permissions for action.", 401)


def cancel_replace_partially_failed(data: object) -> VenueError:
    """Say that one half of a cancel-replace happened and the other did not."""
    return VenueError(ORDER_CANCEL_REPLACE_PARTIALLY_FAILED, "Order cancel-replace partially failed.", 409, data=data)


def cancel_replace_failed(data: object) -> VenueError:
    """Say that neither half of a cancel-replace happened."""
    return VenueError(ORDER_CANCEL_REPLACE_FAILED, "Order cancel-replace failed.", 400, data=data)


def order_archived() -> VenueError:
    """Say that an order was archived."""
    return VenueError(ORDER_ARCHIVED, "Order was canceled or expired with no executed qty over 90 days ago and has been archived.")
