"""Dialects: what differs between venues, as data.

Everything that is not here is the same for all of them. Source of Binance's codes, headers and order forms: binance-spot-api-docs,
"Error codes", "LIMITS" and "New order"; of what ccxt makes of them: its class `binance`, read and measured.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from live.core.vocabulary import OrderType, TimeInForce
from live.venues.capabilities import Capabilities
from live.venues.ccxt_adapter import binance
from live.venues.ccxt_adapter.frames import Frame, TextLevels
from live.venues.request_budget import BudgetLimits
from live.venues.taxonomy import FailureClass, Rule

_T, _F = OrderType, TimeInForce
_GTC, _IOC, _FOK = _F.GOOD_TILL_CANCELED, _F.IMMEDIATE_OR_CANCEL, _F.FILL_OR_KILL

FrameReader = Callable[[Mapping[str, Any]], Iterable[Frame]]
"""Reads what a socket received; gives nothing for what it leaves to ccxt, such as acknowledgements of subscriptions."""


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """Describe how a venue is spoken to through ccxt.

    Attributes:
        exchange: name of ccxt's class.
        options: what it is configured with.
        rest_urls: its tables of REST addresses that are used, with the path behind the endpoint's address; all others are blocked.
        web_socket_urls: the same for sockets, as nested tables.
        web_socket_api: which of these is for requests; it may have an address of its own.
        error_code: field of an error's body that holds the venue's code.
        error_message: field of it that holds the venue's words.
        exception_tables: tables of ccxt's exceptions that are merged into the general one, which it else uses for one host only.
        used_weight_header: header that tells the weight counted in the window.
        order_count_headers: headers that tell the orders counted, in the order of the budget's limits.
        retry_after_header: header that tells how many seconds to wait.
        banned_status: HTTP status of a ban.
        weight_per_cost: request weight in one unit of ccxt's cost.
        rules: which class a failure is of.
        key_advice: what to do about a key that the venue refuses, by the venue's code; `{place}` is where the key is written.
        limits: what the venue allows until it says otherwise.
        capabilities: what it can do.
        timed_types: kinds of orders that are sent with a time in force; the others have only one.
        trades_from_id: parameter that lists executions from a trade id on.
        trades_of_order: parameter that lists the executions of one order.
        trades_page: most executions that one answer lists.
        query_by_client_id: parameter that asks for an order by the id we gave it.
        read_frame: reads what a socket received.
        user_stream_type: what ccxt calls the account's stream.
        depth_method: name of ccxt's method for a raw snapshot of the book, which takes the venue's symbol and a limit.
        read_depth: reads that: the number of its last update, and its levels.
    """

    exchange: str
    options: dict[str, Any]
    rest_urls: dict[str, str]
    web_socket_urls: dict[str, str | dict[str, str]]
    web_socket_api: str
    error_code: str
    error_message: str
    exception_tables: tuple[str, ...]
    used_weight_header: str
    order_count_headers: tuple[str, ...]
    retry_after_header: str
    banned_status: int
    weight_per_cost: float
    rules: tuple[Rule, ...]
    key_advice: dict[int, str]
    limits: BudgetLimits
    capabilities: Capabilities
    timed_types: frozenset[OrderType]
    trades_from_id: str
    trades_of_order: str
    trades_page: int
    query_by_client_id: str
    read_frame: FrameReader
    user_stream_type: str
    depth_method: str
    read_depth: Callable[[Any], tuple[int, TextLevels, TextLevels]]


_C = FailureClass

BINANCE_RULES: tuple[Rule, ...] = (
    Rule(failure_class=_C.REJECTED_RATE, statuses=(418, 418)),
    Rule(failure_class=_C.REJECTED_RATE, statuses=(429, 429)),
    # The documentation: a 5xx says nothing about whether the order was placed.
    Rule(failure_class=_C.UNKNOWN, statuses=(500, 599)),
    Rule(failure_class=_C.UNKNOWN, statuses=(408, 409)),
    Rule(failure_class=_C.UNKNOWN, statuses=(200, 399)),
    Rule(failure_class=_C.REJECTED_CLOCK, codes=(-1021, -1021)),
    Rule(failure_class=_C.REJECTED_AUTH, codes=(-1002, -1002)),
    Rule(failure_class=_C.REJECTED_AUTH, codes=(-1022, -1022)),
    Rule(failure_class=_C.REJECTED_AUTH, codes=(-2015, -2014)),
    Rule(failure_class=_C.REJECTED_AUTH, statuses=(401, 401)),
    Rule(failure_class=_C.REJECTED_RATE, codes=(-1003, -1003)),
    Rule(failure_class=_C.REJECTED_RATE, codes=(-1015, -1015)),
    Rule(failure_class=_C.UNKNOWN, codes=(-1008, -1000)),
    # "Messages for -1010, -2010 and -2011": the account may not do this, or may not trade at all.
    Rule(failure_class=_C.REJECTED_AUTH, codes=(-2011, -1010), message="disabled on this account"),
    Rule(failure_class=_C.REJECTED_AUTH, codes=(-2011, -1010), message="may not place or cancel orders"),
    Rule(failure_class=_C.DUPLICATE, codes=(-2010, -2010), message="Duplicate order sent"),
    Rule(failure_class=_C.REJECTED_FUNDS, codes=(-2010, -2010), message="insufficient balance"),
    Rule(failure_class=_C.REJECTED_BUSINESS, codes=(-2010, -2010)),
    Rule(failure_class=_C.CANCEL_TOO_LATE, codes=(-2011, -2011)),
    Rule(failure_class=_C.NOT_FOUND, codes=(-2013, -2013)),
    Rule(failure_class=_C.REJECTED_BUSINESS, codes=(-1014, -1010)),
    Rule(failure_class=_C.REJECTED_BUSINESS, codes=(-1020, -1020)),
    Rule(failure_class=_C.REJECTED_BUSINESS, codes=(-1199, -1100)),
    Rule(failure_class=_C.REJECTED_BUSINESS, codes=(-2038, -2038)),
    Rule(failure_class=_C.BLOCKED, statuses=(403, 403)),
)
"""In order: what the status settles, then the code, then what is left; anything else is unknown."""

BINANCE_KEY_ADVICE = {
    -1022: "the secret is not the one of this key, look at {place}, and start again",
    -2014: "this is no key of the venue's form, look at {place} for what is missing or too much, and start again",
    -2015: (
        "the venue does not know this key, or allows it neither this address nor this request: look at {place}, and at the venue at the "
        "addresses and permissions of the key; a test network has keys of its own"
    ),
}
"""Source: binance-spot-api-docs, "Error codes"."""

BINANCE_SPOT = Dialect(
    exchange="binance",
    options={
        "defaultType": "spot",
        "adjustForTimeDifference": False,  # the offset is measured here, by more than one sample
        "fetchMarkets": {"types": ["spot"]},
        "fetchCurrencies": False,
        "fetchMargins": False,
        "warnOnFetchOpenOrdersWithoutSymbol": False,
        "createOrder": {"timeInForce": "GTC", "quoteOrderQty": False},
        "newOrderRespType": {"market": "FULL", "limit": "FULL", "LIMIT_MAKER": "FULL"},
        "maxRetriesOnFailure": 0,
    },
    rest_urls={"public": "/api/v3", "private": "/api/v3", "v1": "/api/v1"},
    web_socket_urls={"spot": "/ws", "ws-api": {"spot": "/ws-api/v3"}},
    web_socket_api="ws-api",
    error_code="code",
    error_message="msg",
    exception_tables=("spot",),
    used_weight_header="x-mbx-used-weight-1m",
    order_count_headers=("x-mbx-order-count-10s", "x-mbx-order-count-1d"),
    retry_after_header="retry-after",
    banned_status=418,
    weight_per_cost=5.0,
    rules=BINANCE_RULES,
    key_advice=BINANCE_KEY_ADVICE,
    limits=BudgetLimits(),
    capabilities=Capabilities(
        order_types=frozenset(OrderType),
        times_in_force=frozenset({_GTC, _IOC, _FOK}),
        combinations=frozenset(
            {
                (_T.MARKET, _IOC),
                (_T.LIMIT, _GTC),
                (_T.LIMIT, _IOC),
                (_T.LIMIT, _FOK),
                (_T.LIMIT_MAKER, _GTC),
                (_T.STOP, _GTC),
                (_T.STOP_LIMIT, _GTC),
                (_T.STOP_LIMIT, _IOC),
                (_T.STOP_LIMIT, _FOK),
            }
        ),
        native_replace=True,
        cancel_all=True,
        query_by_client_id=True,
        signed_expiry=True,
        trade_history_by_id=True,
        order_stream=True,
        client_id_length=36,
    ),
    timed_types=frozenset({_T.LIMIT, _T.STOP_LIMIT}),
    trades_from_id="fromId",
    trades_of_order="orderId",
    trades_page=1_000,
    query_by_client_id="origClientOrderId",
    read_frame=binance.read_frame,
    user_stream_type="spot",
    depth_method="public_get_depth",
    read_depth=binance.read_depth,
)

DIALECTS: dict[str, Dialect] = {"binance": BINANCE_SPOT}
"""Every dialect by the name that configuration gives it."""
