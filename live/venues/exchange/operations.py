"""What every operation of the exchange needs, whichever way it was asked for: REST or WebSocket API.

An operation is prepared from its parameters, which refuses a malformed request, and then run at a time: between the two a signed
request's time is checked once more.
"""

from collections.abc import Callable

from live.venues.exchange import errors
from live.venues.exchange.errors import VenueError
from live.venues.exchange.exchange import Exchange
from live.venues.exchange.parameters import Parameters
from live.venues.exchange.symbols import SymbolRules
from live.venues.exchange.weights import DEFAULT_CONNECTS, OrderCounts, RequestLimits

Run = Callable[[str, int], object]
"""Do what was asked, for an account ("" for nobody) and at a time in microseconds UTC, and give the JSON answer."""


class Desk:
    """Hold what operations work on.

    Attributes:
        exchange: the core.
        limits: the limits that `exchangeInfo` announces.
        orders: how many unfilled orders each account has placed.
        read_lag: for how many microseconds a new order or trade is not found by queries, which real venues answer from a copy.
        connects: sockets that one address may open in five minutes.
    """

    def __init__(
        self, exchange: Exchange, limits: RequestLimits | None = None, *, read_lag: int = 0, connects: int = DEFAULT_CONNECTS
    ) -> None:
        self.exchange = exchange
        self.connects = connects
        self.limits = limits or RequestLimits()
        self.orders = OrderCounts(self.limits)
        self.read_lag = read_lag

    def symbol(self, name: str) -> SymbolRules:
        """Give the rules of a symbol.

        Raises:
            VenueError: -1121.
        """
        rules = self.exchange.symbols.get(name)
        if rules is None:
            raise errors.invalid_symbol()
        return rules

    def required_symbol(self, parameters: Parameters) -> str:
        """Read the symbol that must be there and be traded.

        Raises:
            VenueError: -1102, -1100, -1121.
        """
        return self.symbol(parameters.required_symbol()).symbol

    def optional_symbol(self, parameters: Parameters) -> str | None:
        """Read the symbol that must be traded when it is there.

        Raises:
            VenueError: -1100, -1121.
        """
        name = parameters.symbol()
        return None if name is None else self.symbol(name).symbol

    def is_readable(self, time: int, now: int) -> bool:
        """Say whether queries find by now what happened at a time; both are the exchange's, which never goes back."""
        return max(now, self.exchange.now) - time >= self.read_lag

    def order_refusal(self, account: str, now: int) -> VenueError | None:
        """Say why an account may place no order now, None when it may; fills since the last question are taken off its counts."""
        self.orders.give_back(account, self.exchange.take_fill_credits(account), now)
        try:
            self.orders.check(account, now)
        except VenueError as error:
            return error
        return None


Prepare = Callable[[Desk, Parameters, int], Run]
"""Read an operation's parameters; the number is the unit that times are printed in, in microseconds."""


def read_times(parameters: Parameters, hours: int | None = None) -> tuple[int | None, int | None]:
    """Read `startTime` and `endTime`.

    Raises:
        VenueError: -1100, -1130 when they are the wrong way round, -1127 when they are further apart than allowed.
    """
    start, end = parameters.time("startTime"), parameters.time("endTime", last=True)
    if start is not None and end is not None:
        if start > end:
            raise errors.invalid_parameter("startTime")
        if hours is not None and end - start > hours * 3_600_000_000 + 999:
            raise errors.lookup_interval_too_big(hours)
    return start, end


def read_order_ids(
    parameters: Parameters, order_id: str = "orderId", client_id: str = "origClientOrderId"
) -> tuple[int | None, str | None]:
    """Read which order is meant.

    Raises:
        VenueError: -1102 when neither id was sent.
    """
    number, text = parameters.integer(order_id), parameters.client_order_id(client_id)
    if number is None and text is None:
        raise errors.one_of_parameters(client_id, order_id)
    return number, text
