"""Sensors of what the live service recorded."""

import dagster as dg

from dagster_project.defs.live.jobs import archive_sessions
from dagster_project.defs.resources import HomeResource
from dagster_project.lake.session_sources import SessionSourceError, choose_source
from dagster_project.lake.sessions import sessions_to_pull


@dg.sensor(job=archive_sessions, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def closed_sessions(home: HomeResource) -> dg.RunRequest | dg.SkipReason:
    """Pull a session once it is sealed; a session that was refused is not asked for again until something new ended."""
    opened = home.open()
    try:
        waiting = sessions_to_pull(opened, choose_source(opened.root))
    except SessionSourceError as error:
        return dg.SkipReason(str(error))
    if not waiting:
        return dg.SkipReason("every session that ended is in the archive")
    return dg.RunRequest(run_key="+".join(waiting) if len(waiting) < 5 else f"{waiting[0]}+{len(waiting)}+{waiting[-1]}")
