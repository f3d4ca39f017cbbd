"""A key that the venue refuses: the sentence says where to look, and never what is written there."""

import asyncio
import time

import pytest
from adapter_desk import INSTRUMENT, KEY, SECRET, FakeGate, LocalExchange, Sinks

from live.venues.ccxt_adapter import CcxtTradingVenue, Credentials
from live.venues.errors import VenueCallError


@pytest.mark.parametrize(
    ("key", "secret", "said"),
    [
        (KEY, "not-this-one", "code -1022 Signature for this request is not valid: the secret is not the one of this key"),
        ("nobodys-key", SECRET, "code -2015 Invalid API-key, IP, or permissions for action: the venue does not know this key"),
        ("no key!", SECRET, "code -2014 API-key format invalid: this is no key of the venue's form"),
    ],
    ids=["-1022", "-2015", "-2014"],
)
def test_a_key_that_the_venue_refuses_is_said_with_the_place_where_it_is_written(
    exchange: LocalExchange, key: str, secret: str, said: str
) -> None:
    """Whoever reads the venue's code alone does not know which of their files it is about."""

    async def scenario() -> str:
        credentials = Credentials("desk", key, secret, "INTERLOCK_KEY_DESK and INTERLOCK_SECRET_DESK")
        venue = CcxtTradingVenue(exchange.endpoint(), credentials, FakeGate(), history_since=time.time_ns())
        try:
            with pytest.raises(VenueCallError) as refusal:
                await venue.start([INSTRUMENT], Sinks())
        finally:
            await venue.stop()
        return str(refusal.value)

    sentence = asyncio.run(scenario())
    assert said in sentence
    assert "look at INTERLOCK_KEY_DESK and INTERLOCK_SECRET_DESK" in sentence
    assert key not in sentence
    assert secret not in sentence
