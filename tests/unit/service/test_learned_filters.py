"""A venue's filters: taken as they are now, and a person is warned only of those that were known and changed."""

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from live.core.inputs import InstrumentDefined
from live.core.instruments import Instrument
from live.core.state import EngineState
from live.service.connections import TradingConnection

pytestmark = pytest.mark.anyio

DECLARED = Instrument(instrument_id="v:BTC", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)
"""As the bundle has it: nobody asked the venue."""
TOLD = replace(DECLARED, tick_size=5, minimum_notional=100)


@pytest.fixture(name="anyio_backend")
def _backend() -> str:
    return "asyncio"


class Venue:
    """List one instrument as it is now."""

    venue_id, account_id = "v", "desk"

    def __init__(self, listed: Instrument) -> None:
        self.listed = listed

    async def start(self, instruments, sinks) -> None:
        """Begin."""

    async def instruments(self) -> list[Instrument]:
        """List it."""
        return [self.listed]


class Definitions:
    """Apply what the connection hands to the engine."""

    def __init__(self, state: EngineState) -> None:
        self.state = state

    def put(self, entry: InstrumentDefined) -> None:
        """Define."""
        self.state.apply(entry)


async def session(listed: Instrument, state: EngineState) -> list[tuple[str, str]]:
    """Run one session's start on what the last one left; give the level and words of what was logged of filters."""
    connection = TradingConnection(Venue(listed), [DECLARED], state.instruments)  # pyright: ignore[reportArgumentType]
    state.apply(InstrumentDefined(1, DECLARED))  # every session begins with what its bundles define
    connection.attach(Definitions(state), state, None)  # pyright: ignore[reportArgumentType]
    with capture_logs() as logs:
        await connection.connect()
    assert replace(state.instruments["v:BTC"], version=1) == replace(listed, version=1)
    return [(one["log_level"], str(one.get("changed", one.get("different")))) for one in logs if "filters" in one["event"]]


async def test_a_first_start_learns_filters_and_warns_of_nothing() -> None:
    """Nothing was known, so nothing changed; that the bundle said otherwise is told, and no alarm."""
    assert await session(TOLD, EngineState()) == [("info", "['tick_size', 'minimum_notional']")]


async def test_filters_that_stayed_as_the_session_before_knew_them_are_no_news() -> None:
    """Every session begins with the bundle's definition again, which is no change of the venue's."""
    state = EngineState()
    await session(TOLD, state)
    assert await session(TOLD, state) == []


async def test_filters_that_the_venue_changed_between_two_sessions_are_warned_of() -> None:
    """The sentence names what changed, against what the venue said before and not against the bundle."""
    state = EngineState()
    await session(TOLD, state)
    assert await session(replace(TOLD, tick_size=7), state) == [("warning", "['tick_size']")]
