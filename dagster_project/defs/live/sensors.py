"""Sensors of what the live service recorded."""

import hashlib

import dagster as dg

from dagster_project.defs.live.jobs import archive_sessions
from dagster_project.defs.resources import HomeResource
from dagster_project.lake.session_sources import SessionSourceError, choose_source
from dagster_project.lake.sessions import news_of


@dg.sensor(job=archive_sessions, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def recorded_sessions(home: HomeResource) -> dg.RunRequest | dg.SkipReason:
    """Pull a session once it is sealed, what a running one published, and note one that is open.

    What was refused is not asked for again until something changes.
    """
    opened = home.open()
    try:
        news = news_of(opened, choose_source(opened.root))
    except SessionSourceError as error:
        return dg.SkipReason(str(error))
    if not news:
        return dg.SkipReason("the archive knows every session that there is")
    return dg.RunRequest(run_key=news[0] if len(news) == 1 else hashlib.sha256("\n".join(news).encode()).hexdigest())
