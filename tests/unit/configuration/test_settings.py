import pytest

from live.configuration import ConfigurationError, parse_time


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2019-04-01T00:00:00Z", 1_554_076_800 * 10**9),
        ("2019-04-01", 1_554_076_800 * 10**9),
        ("2019-04-01T02:00:00+02:00", 1_554_076_800 * 10**9),
        ("2019-04-01T00:00:00.123456Z", 1_554_076_800_123_456_000),
        ("1969-12-31T23:59:59Z", -(10**9)),
        ("0001-01-01", -62_135_596_800 * 10**9),
    ],
)
def test_a_time_is_read_exactly(text: str, nanoseconds: int) -> None:
    """Times are UTC unless they say otherwise, and no fraction of a second is lost."""
    assert parse_time(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "yesterday", "2019-13-01", "1554076800"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """The sentence shows how a time is written."""
    with pytest.raises(ConfigurationError, match="a time like 2019-04-01T00:00:00Z was expected"):
        parse_time(text)
