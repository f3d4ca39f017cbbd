"""Parameters of requests: read once each, checked, and refused with Binance's -11xx errors.

Source: Binance Spot API documentation, "General Information on Endpoints" and "Error codes".
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar
from urllib.parse import unquote_plus

import msgspec

from live.venues.exchange import errors
from live.venues.exchange.errors import VenueError
from live.venues.exchange.fixed8 import PLACES, Fixed8

_INTEGER = re.compile(r"[0-9]{1,20}", re.ASCII)
_INTEGER_RANGE = "^[0-9]{1,20}$"
_DECIMAL = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,20}))?", re.ASCII)
_DECIMAL_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_MILLISECONDS = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,3}))?", re.ASCII)
_MILLISECONDS_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,3})?$"
_CLIENT_ORDER_ID = re.compile(r"[a-zA-Z0-9-_]{1,36}", re.ASCII)
_CLIENT_ORDER_ID_RANGE = "^[a-zA-Z0-9-_]{1,36}$"
_SYMBOL = re.compile(r"[^\Wa-z]([^\Wa-z]|[-.]){0,49}")
_SYMBOL_RANGE = r"^[\w\-._&&[^a-z]]{1,50}$"
_SYMBOLS = re.compile(rf'\[(?:"{_SYMBOL.pattern}"(?:,"{_SYMBOL.pattern}")*)?\]')
_SYMBOLS_RANGE = r'^\[("[\w\-._&&[^a-z]]{1,50}"(,"[\w\-._&&[^a-z]]{1,50}"){0,}){0,1}\]$'
_WORDS_RANGE = r'^\["[^"]+"(,"[^"]+")*\]$'

_LARGEST_LONG = 2**63 - 1
_FIRST_MICROSECONDS = 10**14
"""From here on a time is in microseconds: in milliseconds it would be in the year 5138."""

_Choice = TypeVar("_Choice", bound=StrEnum)


class Parameters:
    """What a request was sent with; whoever reads a parameter is remembered, so that unread ones can be refused."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._read: set[str] = set()

    @classmethod
    def from_form(cls, query: str, body: str = "") -> "Parameters":
        """Read a query string and a form body; what both have is taken from the query string.

        Raises:
            VenueError: -1101 when one of them has a parameter twice.
        """
        return cls({**_read_form(body), **_read_form(query)} if body else _read_form(query))

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> "Parameters":
        """Take the parameters of a WebSocket API request: numbers and texts as text, booleans as true or false, arrays as JSON."""
        return cls({name: _json_text(value) for name, value in values.items() if value is not None})

    @property
    def values(self) -> Mapping[str, str]:
        """Give everything that was sent, as text."""
        return self._values

    def peek(self, name: str) -> str | None:
        """Give a parameter without having read it."""
        return self._values.get(name)

    def ignore(self, *names: str) -> None:
        """Take parameters as read that mean nothing here."""
        self._read.update(names)

    def finish(self) -> None:
        """Refuse a request of which something was not read.

        Raises:
            VenueError: -1101 where nothing is expected, else -1104.
        """
        sent = len(self._values)
        read = sum(name in self._read for name in self._values)
        if read < sent:
            raise errors.unread_parameters(read, sent) if self._read else errors.too_many_parameters(0, sent)

    def text(self, name: str) -> str | None:
        """Give a parameter, None when it was not sent.

        Raises:
            VenueError: -1105 when it is empty.
        """
        self._read.add(name)
        value = self._values.get(name)
        if value is None or value:
            return value
        raise errors.empty_parameter(name)

    def required_text(self, name: str) -> str:
        """Give a parameter that must be there.

        Raises:
            VenueError: -1102 when it is missing, -1105 when it is empty, as the venue answers although the text of -1102 covers both.
        """
        value = self.text(name)
        if value is None:
            raise errors.mandatory_parameter(name)
        return value

    def symbol(self, name: str = "symbol") -> str | None:
        """Give the name of a symbol, which may still not be one that is traded.

        Raises:
            VenueError: -1100.
        """
        value = self.text(name)
        if value is not None and _SYMBOL.fullmatch(value) is None:
            raise errors.illegal_characters(name, _SYMBOL_RANGE)
        return value

    def required_symbol(self) -> str:
        """Give the name of the symbol that must be there.

        Raises:
            VenueError: -1102, -1105, -1100.
        """
        self.required_text("symbol")
        value = self.symbol()
        assert value is not None, "it was required"
        return value

    def symbols(self) -> tuple[str, ...] | None:
        """Give `symbols`, a JSON array without spaces.

        Raises:
            VenueError: -1100 when it is no such array, -1151 when it names one twice.
        """
        value = self.text("symbols")
        if value is None:
            return None
        if _SYMBOLS.fullmatch(value) is None:
            raise errors.illegal_characters("symbols", _SYMBOLS_RANGE)
        names = msgspec.json.decode(value, type=tuple[str, ...])
        if len(set(names)) < len(names):
            raise VenueError(errors.DUPLICATE_SYMBOLS, "Symbol is present multiple times in the list.")
        return names

    def names(self, name: str) -> tuple[str, ...] | None:
        """Give a list of words: one word, or a JSON array.

        Raises:
            VenueError: -1100.
        """
        value = self.text(name)
        if value is None:
            return None
        return _names(value, name) if value.startswith("[") else (value,)

    def integer(self, name: str) -> int | None:
        """Give a whole number that is not negative.

        Raises:
            VenueError: -1100 when it is none, -1108 beyond 64 bits.
        """
        value = self.text(name)
        if value is None:
            return None
        if _INTEGER.fullmatch(value) is None:
            raise errors.illegal_characters(name, _INTEGER_RANGE)
        number = int(value)
        if number > _LARGEST_LONG:
            raise errors.parameter_overflow(name)
        return number

    def limit(self, default: int, largest: int) -> int:
        """Give `limit`; more than the largest means the largest.

        Raises:
            VenueError: -1100, -1102 for 0, which the venue takes for malformed.
        """
        value = self.integer("limit")
        if value is None:
            return default
        if value == 0:
            raise errors.mandatory_parameter("limit")
        return min(value, largest)

    def time(self, name: str, *, last: bool = False) -> int | None:
        """Give a time in microseconds; `last` takes the end of a millisecond, for times up to which something is asked for.

        Raises:
            VenueError: -1100, -1108.
        """
        value = self.integer(name)
        if value is None or value >= _FIRST_MICROSECONDS:
            return value
        return value * 1_000 + (999 if last else 0)

    def required_time(self, name: str) -> int:
        """Give a time in microseconds that must be there.

        Raises:
            VenueError: -1102, -1100, -1108.
        """
        self.required_text(name)
        value = self.time(name)
        assert value is not None, "it was required"
        return value

    def milliseconds(self, name: str) -> int | None:
        """Give a length of time in microseconds that was sent in milliseconds with up to three decimals.

        Raises:
            VenueError: -1100.
        """
        value = self.text(name)
        if value is None:
            return None
        match = _MILLISECONDS.fullmatch(value)
        if match is None:
            raise errors.illegal_characters(name, _MILLISECONDS_RANGE)
        return int(match[1]) * 1_000 + int((match[2] or "").ljust(3, "0"))

    def decimal(self, name: str) -> Fixed8 | None:
        """Give a decimal number in 10**-8.

        Raises:
            VenueError: -1100 when it is none, -1111 with more than eight decimals, -1108 beyond 64 bits.
        """
        value = self.text(name)
        if value is None:
            return None
        match = _DECIMAL.fullmatch(value)
        if match is None:
            raise errors.illegal_characters(name, _DECIMAL_RANGE)
        fraction = (match[2] or "").rstrip("0")
        if len(fraction) > PLACES:
            raise errors.bad_precision(name)
        number = int(match[1] + fraction.ljust(PLACES, "0"))
        if number > _LARGEST_LONG:
            raise errors.parameter_overflow(name)
        return number

    def boolean(self, name: str, *, default: bool) -> bool:
        """Give a yes or no.

        Raises:
            VenueError: -1130 when it is neither true nor false.
        """
        value = self.text(name)
        if value is None:
            return default
        if value.lower() not in {"true", "false"}:
            raise errors.invalid_parameter(name)
        return value.lower() == "true"

    def choice(self, name: str, kind: type[_Choice], refusal: VenueError | None = None) -> _Choice | None:
        """Give one of an enumeration's words.

        Raises:
            VenueError: `refusal`, or -1130, when it is none of them.
        """
        value = self.text(name)
        if value is None:
            return None
        try:
            return kind(value)
        except ValueError:
            raise refusal or errors.invalid_parameter(name) from None

    def required_choice(self, name: str, kind: type[_Choice], refusal: VenueError | None = None) -> _Choice:
        """Give one of an enumeration's words that must be there.

        Raises:
            VenueError: -1102, or as `choice`.
        """
        self.required_text(name)
        value = self.choice(name, kind, refusal)
        assert value is not None, "it was required"
        return value

    def client_order_id(self, name: str) -> str | None:
        """Give an id that a client made.

        Raises:
            VenueError: -1100, -1105.
        """
        value = self.text(name)
        if value is not None and _CLIENT_ORDER_ID.fullmatch(value) is None:
            raise errors.illegal_characters(name, _CLIENT_ORDER_ID_RANGE)
        return value


def _read_form(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for part in text.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if "%" in part or "+" in part:
            name, value = unquote_plus(name), unquote_plus(value)
        if name in values:
            raise errors.duplicate_parameter()
        values[name] = value
    return values


def _names(text: str, name: str) -> tuple[str, ...]:
    try:
        return msgspec.json.decode(text, type=tuple[str, ...])
    except msgspec.DecodeError:
        raise errors.illegal_characters(name, _WORDS_RANGE) from None


def _json_text(value: object) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
