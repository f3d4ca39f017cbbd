import tomllib

import pytest

from live.configuration.explaining import convert
from live.configuration.settings import ConfigurationError, ConfigurationFile


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("foo = 3", "foo is not known: the file may hold schema, service, arming"),
        ("feed = 3", "feed: a table was expected, received 3"),
        ("deployment = {}", "deployment: a list was expected, received {}"),
        ('[service]\nport = "x"', "service.port: a whole number was expected, received 'x'"),
        ("[service]\nhost = 1", "service.host: text in quotes was expected, received 1"),
        ("[feed]\nspeed = 1", "feed.tape is missing: add it to [feed]"),
        ("[accounts.paper.balances]\nUSDT = 3", "accounts.paper.balances.USDT: text in quotes was expected, received 3"),
        ("[accounts]\npaper = 3", "accounts.paper: a table was expected, received 3"),
        ('[venues.a]\n[venues.b]\nkind = "real"', "venues.b.kind: one of simulated, ccxt was expected, received 'real'"),
        (
            '[venues.a]\nfill_price = "x"',
            "venues.a.fill_price: one of NEXT_OPEN, SAME_CLOSE, NEXT_CLOSE, NEXT_MIDDLE, NEXT_AVERAGE was expected, received 'x'",
        ),
        ('[feed]\ntape = "x"\nspeed = "fast"', "feed.speed: a number was expected, received 'fast'"),
        ('[feed]\ntape = "x"\nstart = 2019-04-01', "feed.start: text in quotes was expected, received datetime.date(2019, 4, 1)"),
        ("[promotion]\nrevoked = [1]", "promotion.revoked[0]: text in quotes was expected, received 1"),
        ('[promotion.requirements.a]\nb = "x"', "promotion.requirements.a.b: a number was expected, received 'x'"),
        ("[[trusted_keys]]\nname = 3", "trusted_keys[0].name: text in quotes was expected, received 3"),
        ('[[deployment]]\nstrategy = "a"', "deployment[0].account is missing: add it to [deployment[0]]"),
    ],
)
def test_the_first_key_that_does_not_fit_is_named(text: str, expected: str) -> None:
    """The key is written as in the file, with what was received and what is expected there."""
    with pytest.raises(ConfigurationError) as refused:
        convert(tomllib.loads(f"schema = 1\n{text}"), ConfigurationFile)
    assert expected in str(refused.value)


def test_a_long_value_is_cut() -> None:
    """A sentence stays one that can be read."""
    with pytest.raises(ConfigurationError) as refused:
        convert({"schema": 1, "feed": "x" * 1_000}, ConfigurationFile)
    assert len(str(refused.value)) < 150


def test_what_fits_is_read() -> None:
    """A document that fits is given as its type."""
    assert convert({"schema": 1, "service": {"port": 1}}, ConfigurationFile).service.port == 1
