"""Parameters are read once, checked, and refused with the documented code and text."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.venues.exchange.errors import VenueError
from live.venues.exchange.fixed8 import ONE, fixed8_text
from live.venues.exchange.orders import Side
from live.venues.exchange.parameters import Parameters


def refusal(read: Callable[[], Any]) -> tuple[int, str]:
    """Give the code and text with which a parameter is refused."""
    with pytest.raises(VenueError) as found:
        read()
    return found.value.code, found.value.message


def test_the_query_string_wins_over_the_body() -> None:
    """A parameter sent in both is taken from the query string; what is encoded is decoded."""
    parameters = Parameters.from_form("symbol=BTCUSDT&a=1%2B1", "symbol=ETHUSDT&b=two+words")
    assert dict(parameters.values) == {"symbol": "BTCUSDT", "a": "1+1", "b": "two words"}


@pytest.mark.parametrize(("query", "body"), [("a=1&a=1", ""), ("", "a=1&a=2")])
def test_a_parameter_twice_in_one_place_is_refused(query: str, body: str) -> None:
    """-1101 Duplicate values for a parameter detected."""
    assert refusal(lambda: Parameters.from_form(query, body)) == (-1101, "Duplicate values for a parameter detected.")


def test_what_nobody_read_is_refused() -> None:
    """-1104 counts what was read and sent; where nothing is expected -1101 says so."""
    parameters = Parameters({"symbol": "BTCUSDT", "bogus": "1", "other": "2"})
    parameters.symbol()
    parameters.text("limit")
    message = "Not all sent parameters were read; read '1' parameter(s) but was sent '3'."
    assert refusal(parameters.finish) == (-1104, message)
    assert refusal(Parameters({"bogus": "1"}).finish) == (-1101, "Too many parameters; expected '0' and received '1'.")
    parameters.ignore("bogus", "other")
    parameters.finish()


def test_json_values_are_read_as_their_text() -> None:
    """Numbers, booleans and arrays of a WebSocket API request read as REST's text does; null is not sent."""
    parameters = Parameters.from_json({"limit": 5, "flag": True, "symbols": ["BTCUSDT", "ETHUSDT"], "price": "1.5", "gone": None})
    assert parameters.limit(1, 10) == 5
    assert parameters.boolean("flag", default=False)
    assert parameters.symbols() == ("BTCUSDT", "ETHUSDT")
    assert parameters.decimal("price") == ONE * 3 // 2
    assert parameters.text("gone") is None


@pytest.mark.parametrize(
    ("read", "value", "code", "message"),
    [
        ("required_text", "", -1105, "Parameter 'x' was empty."),
        ("required_time", "", -1105, None),
        ("text", "", -1105, "Parameter 'x' was empty."),
        ("integer", "-1", -1100, "Illegal characters found in parameter 'x'; legal range is '^[0-9]{1,20}$'."),
        ("integer", "1.0", -1100, None),
        ("integer", "١", -1100, None),
        ("integer", str(2**63), -1108, "Parameter 'x' overflowed."),
        ("decimal", "1e3", -1100, r"Illegal characters found in parameter 'x'; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'."),
        ("decimal", ".5", -1100, None),
        ("decimal", "-1", -1100, None),
        ("decimal", "0.123456789", -1111, "Parameter 'x' has too much precision."),
        ("decimal", "92233720368.54775808", -1108, None),
        ("symbol", "btcusdt", -1100, None),
        ("symbol", "BTC/USDT", -1100, None),
        ("client_order_id", "a" * 37, -1100, "Illegal characters found in parameter 'x'; legal range is '^[a-zA-Z0-9-_]{1,36}$'."),
        ("client_order_id", "with space", -1100, None),
    ],
)
def test_a_bad_value_is_refused_with_its_code(read: str, value: str, code: int, message: str | None) -> None:
    """Every kind of parameter has its own refusal."""
    found = refusal(lambda: getattr(Parameters({"x": value}), read)("x"))
    assert found[0] == code
    if message is not None:
        assert found[1] == message


def test_numbers_reach_to_64_bits() -> None:
    """The largest number that fits is read; the next is -1108."""
    largest = 2**63 - 1
    assert Parameters({"x": str(largest)}).integer("x") == largest
    assert Parameters({"x": fixed8_text(largest)}).decimal("x") == largest
    assert refusal(lambda: Parameters({"x": fixed8_text(largest + 1)}).decimal("x"))[0] == -1108


def test_choices_are_words_of_an_enumeration() -> None:
    """A word gives its member; another is refused with -1130, or with what the caller says."""
    assert Parameters({"side": "BUY"}).choice("side", Side) is Side.BUY
    assert Parameters({}).choice("side", Side) is None
    assert refusal(lambda: Parameters({"side": "buy"}).choice("side", Side)) == (-1130, "Data sent for parameter 'side' is not valid.")
    assert refusal(lambda: Parameters({"side": "x"}).required_choice("side", Side, VenueError(-1117, "Invalid side.")))[0] == -1117
    assert refusal(lambda: Parameters({"flag": "yes"}).boolean("flag", default=True))[0] == -1130


def test_symbols_are_a_json_array_without_repetition() -> None:
    """`symbols` is a JSON array of names; one twice is -1151, anything else -1100."""
    assert Parameters({"symbols": '["A","B"]'}).symbols() == ("A", "B")
    assert refusal(lambda: Parameters({"symbols": '["A","A"]'}).symbols())[0] == -1151
    legal = r'^\[("[\w\-._&&[^a-z]]{1,50}"(,"[\w\-._&&[^a-z]]{1,50}"){0,}){0,1}\]$'
    message = f"Illegal characters found in parameter 'symbols'; legal range is '{legal}'."
    for text in ("A,B", "[1]", '["a"]', "[", '{"A":1}', '["A", "B"]', '["A",]'):
        assert refusal(lambda text=text: Parameters({"symbols": text}).symbols()) == (-1100, message)


def test_a_parameter_that_must_be_there_is_missing_or_empty() -> None:
    """Nothing sent is -1102; a name without a value is -1105."""
    message = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
    assert refusal(Parameters({}).required_symbol) == (-1102, message)
    assert refusal(Parameters({"symbol": ""}).required_symbol) == (-1105, "Parameter 'symbol' was empty.")


def test_limits_are_capped_and_never_nothing() -> None:
    """More than the largest means the largest, as the depth endpoint documents; 0 is refused."""
    assert Parameters({}).limit(500, 1000) == 500
    assert Parameters({"limit": "5001"}).limit(100, 5000) == 5000
    message = "Mandatory parameter 'limit' was not sent, was empty/null, or malformed."
    assert refusal(lambda: Parameters({"limit": "0"}).limit(500, 1000)) == (-1102, message)


def test_a_time_up_to_which_something_is_asked_holds_its_whole_millisecond() -> None:
    """`endTime` is inclusive: what happened within its millisecond belongs to it; microseconds are taken as they are."""
    assert Parameters({"endTime": "1499827319559"}).time("endTime", last=True) == 1_499_827_319_559_999
    assert Parameters({"startTime": "1499827319559"}).time("startTime") == 1_499_827_319_559_000
    assert Parameters({"endTime": "1499827319559001"}).time("endTime", last=True) == 1_499_827_319_559_001


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_decimals_read_back_as_they_are_printed(value: int) -> None:
    """What the exchange prints it reads as the same number, with or without trailing zeros."""
    text = fixed8_text(value)
    for written in (text, text.rstrip("0") + "0", text + "00"):
        assert Parameters({"x": written}).decimal("x") == value
