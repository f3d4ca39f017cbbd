"""Faults: what they befall, how often, and how they are written."""

from typing import Any

import msgspec
import pytest

from live.venues.exchange.faults import AnyFault, EventSeen, FaultError, FaultPlane, RequestSeen

PLACE = RequestSeen("rest", "order.place", "desk", {"symbol": "BTCUSDT", "newClientOrderId": "IL1"})
REPORT = EventSeen("executionReport", "desk", "TRADE", "BTCUSDT", "IL1")


def _read(**order: Any) -> AnyFault:
    return msgspec.convert(order, AnyFault)


@pytest.mark.parametrize(
    ("match", "takes"),
    [
        ({}, True),
        ({"operation": "order.place"}, True),
        ({"operation": "order.*"}, True),
        ({"operation": "order.cancel"}, False),
        ({"channel": "web_socket"}, False),
        ({"account": "desk"}, True),
        ({"account": "other"}, False),
        ({"symbol": "ETHUSDT"}, False),
        ({"client_order_id": "IL1"}, True),
        ({"client_order_id": "IL2"}, False),
        ({"operation": "order.place", "symbol": "BTCUSDT", "client_order_id": "IL1"}, True),
        ({"operation": "order.place", "symbol": "ETHUSDT"}, False),
    ],
)
def test_a_fault_befalls_the_requests_that_all_its_conditions_fit(match: dict[str, str], takes: bool) -> None:
    """What is left out is not looked at; what is named must fit."""
    plane = FaultPlane()
    plane.arm(_read(kind="reset", match=match))
    assert bool(plane.befalling(PLACE)) is takes


def test_a_fault_of_events_does_not_befall_requests_and_the_other_way_round() -> None:
    """Each kind has its own prey."""
    plane = FaultPlane()
    plane.arm(_read(kind="lose_event"))
    plane.arm(_read(kind="lose_stream", match={"stream": "btcusdt@depth*"}))
    assert plane.befalling(PLACE) == ()
    assert not plane.loses("btcusdt@trade")
    assert plane.loses("btcusdt@depth@100ms")
    assert not plane.loses("btcusdt@depth@100ms")
    assert plane.befalling_event(REPORT) is not None
    assert plane.befalling_event(REPORT) is None


def test_a_fault_lets_pass_what_it_skips_and_strikes_as_often_as_asked() -> None:
    """Two are let through, two are struck, and then it is spent."""
    plane = FaultPlane()
    plane.arm(_read(kind="drop", skip=2, count=2))
    assert [len(plane.befalling(PLACE)) for _ in range(6)] == [0, 0, 1, 1, 0, 0]
    assert plane.armed == ()


def test_skews_add_up_and_end_when_they_are_taken_back() -> None:
    """The clock is off by the sum of what was ordered."""
    plane = FaultPlane()
    first = plane.arm(_read(kind="clock_skew", milliseconds=2_000, count=None))
    plane.arm(_read(kind="clock_skew", milliseconds=-500, count=None))
    assert plane.skew == 1_500_000
    plane.disarm(first)
    assert plane.skew == -500_000
    plane.disarm_all()
    assert plane.skew == 0


def test_a_fault_that_could_never_strike_or_is_not_there_is_an_error() -> None:
    """A count of nothing and an unknown number are refused in words."""
    plane = FaultPlane()
    with pytest.raises(FaultError, match="strikes 0 times does nothing"):
        plane.arm(_read(kind="reset", count=0))
    with pytest.raises(FaultError, match="there is no fault 7"):
        plane.disarm(7)
