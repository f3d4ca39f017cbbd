"""Limits on requests: weight an address, unfilled orders an account, and bans for those who do not stop.

Windows are fixed and aligned to UTC, as Binance's are: a minute's count ends with the minute. Times in microseconds UTC.
Source: Binance Spot API documentation, "LIMITS" and "Spot Unfilled Order Count Rules".
"""

from collections.abc import Callable

from msgspec import Struct

from live.venues.exchange import errors

_SECOND = 1_000_000
_LETTERS = {"SECOND": "S", "MINUTE": "M", "DAY": "D"}
_LENGTHS = {"SECOND": _SECOND, "MINUTE": 60 * _SECOND, "DAY": 86_400 * _SECOND}


DEFAULT_CONNECTS = 300
"""Sockets that one address may open in five minutes: web-socket-api.md, "Connection limits"."""


class RateLimit(Struct, frozen=True):
    """One limit, as `exchangeInfo` lists it."""

    kind: str
    interval: str
    interval_number: int
    limit: int

    @property
    def length(self) -> int:
        """Give the length of its window."""
        return _LENGTHS[self.interval] * self.interval_number

    @property
    def suffix(self) -> str:
        """Give how headers write its window: 1M, 10S, 1D."""
        return f"{self.interval_number}{_LETTERS[self.interval]}"

    @property
    def window_text(self) -> str:
        """Give how messages write its window: 1 MINUTE."""
        return f"{self.interval_number} {self.interval}"


class Usage(Struct, frozen=True):
    """How much of a limit is used."""

    rule: RateLimit
    count: int


class RequestLimits(Struct, frozen=True, kw_only=True):
    """What the exchange allows; the defaults are those that Binance's `exchangeInfo` announces.

    Attributes:
        request_weight: weight of one address in a minute.
        raw_requests: requests of one address in five minutes.
        orders_10s, orders_1d: unfilled orders of one account in ten seconds and in a day.
        strikes: requests beyond a limit in one window that are answered 429 before the address is banned.
        shortest_ban, longest_ban: each ban lasts five times as long as the one before, between these.
    """

    request_weight: int = 6_000
    raw_requests: int = 61_000
    orders_10s: int = 100
    orders_1d: int = 200_000
    strikes: int = 10
    shortest_ban: int = 120 * _SECOND
    longest_ban: int = 3 * 86_400 * _SECOND

    @property
    def weight_rule(self) -> RateLimit:
        """Give the limit on weight."""
        return RateLimit("REQUEST_WEIGHT", "MINUTE", 1, self.request_weight)

    @property
    def raw_rule(self) -> RateLimit:
        """Give the limit on requests whatever they weigh."""
        return RateLimit("RAW_REQUESTS", "MINUTE", 5, self.raw_requests)

    @property
    def order_rules(self) -> tuple[RateLimit, ...]:
        """Give the limits on unfilled orders."""
        return RateLimit("ORDERS", "SECOND", 10, self.orders_10s), RateLimit("ORDERS", "DAY", 1, self.orders_1d)

    @property
    def rules(self) -> tuple[RateLimit, ...]:
        """Give all limits, as REST's `exchangeInfo` lists them."""
        return self.weight_rule, *self.order_rules, self.raw_rule

    def socket_rules(self, connects: int) -> tuple[RateLimit, ...]:
        """Give all limits, as the WebSocket API's `exchangeInfo` lists them: its page has connections where REST's has raw requests."""
        return self.weight_rule, *self.order_rules, RateLimit("CONNECTIONS", "MINUTE", 5, connects)


class _Window:
    """A count that starts anew with every window."""

    __slots__ = ("count", "length", "rule", "start")

    def __init__(self, rule: RateLimit) -> None:
        self.rule = rule
        self.length = rule.length
        self.start = 0
        self.count = 0

    def turn(self, now: int) -> bool:
        """Start the window that `now` is in; says whether that is a new one."""
        start = now - now % self.length
        if start == self.start:
            return False
        self.start, self.count = start, 0
        return True

    def refuse(self, error: Callable[[int, str, int], errors.VenueError], now: int) -> errors.VenueError:
        """Give a refusal that says how long the window still lasts."""
        end = self.start + self.length
        refusal = error(self.rule.limit, self.rule.window_text, -(-(end - now) // _SECOND))
        refusal.retry_at = end
        return refusal


class _Address:
    __slots__ = ("banned_until", "bans", "raw", "strikes", "weight")

    def __init__(self, limits: RequestLimits) -> None:
        self.weight = _Window(limits.weight_rule)
        self.raw = _Window(limits.raw_rule)
        self.strikes = 0
        self.bans = 0
        self.banned_until = 0


class RequestWeights:
    """Count the weight of every address, and ban those that go on when told to stop."""

    def __init__(self, limits: RequestLimits | None = None) -> None:
        self._limits = limits or RequestLimits()
        self._addresses: dict[str, _Address] = {}

    @property
    def limits(self) -> RequestLimits:
        """Give the limits that are kept."""
        return self._limits

    def charge(self, address: str, weight: int, now: int) -> Usage:
        """Count a request; gives the weight used in this window.

        Raises:
            VenueError: -1003 with 429 beyond a limit, with 418 while banned; Retry-After says for how long.
        """
        state = self._address(address)
        if now < state.banned_until:
            raise self._ban_error(state, now)
        turned = state.weight.turn(now)
        turned = state.raw.turn(now) or turned
        if turned:
            state.strikes = 0
        state.weight.count += weight
        state.raw.count += 1
        for window in (state.weight, state.raw):
            if window.count > window.rule.limit:
                raise self._strike(state, window, now)
        return Usage(state.weight.rule, state.weight.count)

    def usage(self, address: str, now: int) -> Usage:
        """Give the weight that an address has used in this window."""
        state = self._address(address)
        state.weight.turn(now)
        return Usage(state.weight.rule, state.weight.count)

    def ban(self, address: str, now: int, length: int | None = None) -> errors.VenueError:
        """Ban an address, for the time that is its turn unless one is given; gives what it is told."""
        return self._ban(self._address(address), now, length)

    def _ban(self, state: _Address, now: int, length: int | None) -> errors.VenueError:
        escalated = self._limits.shortest_ban * 5**state.bans
        state.bans += 1
        state.strikes = 0
        state.banned_until = now + min(escalated if length is None else length, self._limits.longest_ban)
        return self._ban_error(state, now)

    def _strike(self, state: _Address, window: _Window, now: int) -> errors.VenueError:
        state.strikes += 1
        if state.strikes > self._limits.strikes:
            return self._ban(state, now, None)
        return window.refuse(errors.too_much_weight, now)

    @staticmethod
    def _ban_error(state: _Address, now: int) -> errors.VenueError:
        error = errors.banned(state.banned_until // 1_000, -(-(state.banned_until - now) // _SECOND))
        error.retry_at = state.banned_until
        return error

    def _address(self, address: str) -> _Address:
        state = self._addresses.get(address)
        if state is None:
            state = self._addresses[address] = _Address(self._limits)
        return state


class OrderCounts:
    """Count the unfilled orders of every account; the first fill of an order gives its count back."""

    def __init__(self, limits: RequestLimits | None = None) -> None:
        self._rules = (limits or RequestLimits()).order_rules
        self._accounts: dict[str, tuple[_Window, ...]] = {}

    def check(self, account: str, now: int) -> None:
        """Refuse a new order beyond a limit.

        Raises:
            VenueError: -1015 with Retry-After.
        """
        for window in self._windows(account, now):
            if window.count >= window.rule.limit:
                raise window.refuse(errors.too_many_orders, now)

    def add(self, account: str, now: int) -> tuple[Usage, ...]:
        """Count an order that was accepted."""
        for window in self._windows(account, now):
            window.count += 1
        return self.usage(account, now)

    def give_back(self, account: str, orders: int, now: int) -> None:
        """Take orders off that have had their first fill, in whichever window they were counted; no count goes below 0."""
        for window in self._windows(account, now):
            window.count = max(0, window.count - orders)

    def usage(self, account: str, now: int) -> tuple[Usage, ...]:
        """Give how many unfilled orders an account has placed in each window."""
        return tuple(Usage(window.rule, window.count) for window in self._windows(account, now))

    def _windows(self, account: str, now: int) -> tuple[_Window, ...]:
        windows = self._accounts.get(account)
        if windows is None:
            windows = self._accounts[account] = tuple(_Window(rule) for rule in self._rules)
        for window in windows:
            window.turn(now)
        return windows


def weight_headers(usage: Usage) -> dict[str, str]:
    """Give the headers of every answer: the documented one, and the one without a window that the venue has always sent beside it."""
    count = str(usage.count)
    return {"X-MBX-USED-WEIGHT": count, f"X-MBX-USED-WEIGHT-{usage.rule.suffix}": count}


def order_count_headers(usages: tuple[Usage, ...]) -> dict[str, str]:
    """Give the headers of an answer to a new order."""
    return {f"X-MBX-ORDER-COUNT-{usage.rule.suffix}": str(usage.count) for usage in usages}
