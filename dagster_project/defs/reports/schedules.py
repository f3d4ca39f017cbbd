"""When daily summaries are made: each night, and again when a session of the day arrives later."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg

from dagster_project.defs.partitions import FIRST_DAY
from dagster_project.defs.reports.jobs import summarise_days
from dagster_project.defs.resources import HomeResource
from dagster_project.reports.writing import DueSummary, due_summaries

MOST_DAYS = 31
"""Days that one look asks for: a month of absence is made up for at once, more of it look by look."""

SCHEDULE_FIRST = timedelta(minutes=10)
"""How long after midnight the sensor leaves the day that ended to the schedule."""


@dg.schedule(job=summarise_days, cron_schedule="5 0 * * *", execution_timezone="UTC", default_status=dg.DefaultScheduleStatus.RUNNING)
def daily_summaries(context: dg.ScheduleEvaluationContext, home: HomeResource) -> list[dg.RunRequest] | dg.SkipReason:
    """Summarise the day that just ended, and every earlier one whose summary is missing or out of date."""
    requests = list(_requests(home, context.scheduled_execution_time))
    return requests or dg.SkipReason("every day that is over has its summary")


@dg.sensor(job=summarise_days, minimum_interval_seconds=300, default_status=dg.DefaultSensorStatus.RUNNING)
def late_summaries(home: HomeResource) -> list[dg.RunRequest] | dg.SkipReason:
    """Summarise days of which a session was pulled, or that nobody was there to summarise; the day that is not over, so far."""
    requests = list(_requests(home, datetime.now(UTC) - SCHEDULE_FIRST))
    return requests or dg.SkipReason("every day with a session has its summary")


def _requests(home: HomeResource, now: datetime) -> Iterator[dg.RunRequest]:
    """Ask for each day once for what its summary would be made from: a run that failed is not asked for again and again."""
    for due in _due(home, now):
        yield dg.RunRequest(run_key=f"{due.day}/{due.inputs[:12]}", partition_key=str(due.day))


def _due(home: HomeResource, now: datetime) -> list[DueSummary]:
    return [one for one in due_summaries(home.open(), now.astimezone(UTC).date(), MOST_DAYS) if str(one.day) >= FIRST_DAY]
