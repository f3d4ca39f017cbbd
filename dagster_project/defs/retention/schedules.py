"""When retention is planned: each Sunday night."""

import dagster as dg

from dagster_project.defs.retention.jobs import plan_retention


@dg.schedule(job=plan_retention, cron_schedule="15 1 * * 0", execution_timezone="UTC", default_status=dg.DefaultScheduleStatus.RUNNING)
def weekly_retention(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Plan once a week."""
    return dg.RunRequest(run_key=str(context.scheduled_execution_time.date()))
