"""Jobs of what the live service recorded."""

import dagster as dg

from dagster_project.defs.live.assets import session_archive, session_validation

archive_sessions = dg.define_asset_job(
    "archive_sessions",
    selection=dg.AssetSelection.assets(session_archive, session_validation),
    description="Pull the sessions that ended and what running ones published, publish what they traded, and replay those that ended.",
)
