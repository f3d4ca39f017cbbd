"""Periods as people write them, in nanoseconds UTC as everything else does."""

from datetime import UTC, datetime

from dagster_project.lake.errors import LakeError

NANOSECONDS = 1_000_000_000


def parse_moment(text: str | None) -> int | None:
    """Read an ISO 8601 date or time, in UTC unless it says otherwise, as nanoseconds; None and "" mean no bound.

    Raises:
        LakeError: the text is no date and no time.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise LakeError(f"a time is written like 2019-04-01 or 2019-04-01T12:30:00Z, received {text!r}") from None
    return nanoseconds_of(moment)


def nanoseconds_of(moment: datetime) -> int:
    """Give a time in nanoseconds since 1970 UTC; one without a zone is taken as UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    whole = int(aware.replace(microsecond=0).timestamp())
    return whole * NANOSECONDS + aware.microsecond * 1_000


def describe_moment(nanoseconds: int) -> str:
    """Write a time as people read it, in UTC; fractions of a second are left out."""
    return datetime.fromtimestamp(nanoseconds // NANOSECONDS, UTC).strftime("%Y-%m-%d %H:%M:%S")
