"""Times as people write them."""

import pytest

from dagster_project.lake import LakeError, describe_moment, parse_moment

APRIL = 1_554_076_800_000_000_000


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("2019-04-01", APRIL),
        ("2019-04-01T00:00:00Z", APRIL),
        ("2019-04-01T02:00:00+02:00", APRIL),
        ("2019-04-01T00:00:00.000001", APRIL + 1_000),
        ("", None),
        (None, None),
    ],
)
def test_times_are_read_in_utc_unless_they_say_otherwise(text: str | None, nanoseconds: int | None) -> None:
    """A date is its midnight UTC, an offset is heeded, and nothing means no bound."""
    assert parse_moment(text) == nanoseconds


def test_what_is_no_time_is_refused() -> None:
    """A sentence names what was received."""
    with pytest.raises(LakeError, match="'yesterday'"):
        parse_moment("yesterday")


def test_a_time_is_written_as_people_read_it() -> None:
    """A whole second in UTC, without the zone."""
    assert describe_moment(APRIL + 1) == "2019-04-01 00:00:00"
