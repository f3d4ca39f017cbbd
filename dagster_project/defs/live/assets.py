"""Assets of what the live service recorded: the archive of closed sessions, and the proof that they replay."""

import dagster as dg
from pydantic import Field

from dagster_project.defs.resources import HomeResource
from dagster_project.lake.session_sources import choose_source
from dagster_project.lake.sessions import PullReport, archived_sessions, provisional_sessions, pull_sessions
from dagster_project.reports import wording
from dagster_project.reports.validation import (
    SESSIONS,
    SessionValidation,
    Verdict,
    earlier_validation,
    validate_session,
    write_validation,
)

GROUP = "live"
OWNERS = ["team:research"]


class ArchiveConfig(dg.Config):
    """Choose where sessions are pulled from."""

    source: str = Field(
        default="",
        description="Address of a live service (its token in INTERLOCK_TOKEN) or path of a home. Empty: this home when a service ran "
        "on it, else INTERLOCK_URL.",
    )


class ValidationConfig(dg.Config):
    """Choose which sessions are replayed."""

    again: bool = Field(default=False, description="Replay sessions again that were found identical before.")


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"delta", "sqlite"})
def session_archive(config: ArchiveConfig, home: HomeResource) -> dg.MaterializeResult:
    """Pull closed sessions with their tapes, and what running ones published so far, verify them, and publish what they traded."""
    opened = home.open()
    report = pull_sessions(opened, choose_source(opened.root, config.source))
    refused, still_open = report.named("refused"), report.named("open")
    return dg.MaterializeResult(
        metadata={
            "pulled": len(report.pulled),
            "archived": len(report.named("archived")),
            "provisional": len(report.named("provisional")),
            "open": len(still_open),
            "refused": len(refused),
            "fills": report.fills,
            "orders": report.orders,
            "source": report.source,
            "path": dg.MetadataValue.path(opened.sessions),
            "sessions": dg.MetadataValue.md("\n".join(_listed(report))),
        }
    )


@dg.asset(group_name=GROUP, owners=OWNERS, kinds={"python"}, deps=[session_archive])
def session_validation(config: ValidationConfig, home: HomeResource) -> dg.MaterializeResult:
    """Replay each session that ended: identical record for record, or the first record that differs."""
    from dagster_project.reports.strategies import strategy_loader, trusted_bundles

    opened = home.open()
    bundles, trusted = trusted_bundles(opened)
    load = strategy_loader(opened, bundles, trusted)
    reports: list[SessionValidation] = []
    replayed = 0
    for session in archived_sessions(opened):
        earlier = None if config.again else earlier_validation(opened, session)
        report = earlier or validate_session(opened, session, load)
        if earlier is None:
            replayed += 1
            write_validation(opened, report)
        reports.append(report)
    rows: list[tuple[object, ...]] = [(one.session_id, one.verdict, one.sentence) for one in reports]
    counts = {verdict.lower(): sum(one.verdict is verdict for one in reports) for verdict in Verdict}
    return dg.MaterializeResult(
        metadata={
            "sessions": len(reports),
            "replayed_now": replayed,
            "not_ended_and_left_out": len(provisional_sessions(opened)),
            **counts,
            "path": dg.MetadataValue.path(opened.reports / SESSIONS),
            "report": dg.MetadataValue.md("\n".join(wording.table(("Session", "Verdict", "What was found"), rows))),
        }
    )


def _listed(report: PullReport) -> list[str]:
    rows: list[tuple[object, ...]] = [(one.session_id, one.status, one.reason) for one in report.statuses]
    return wording.table(("Session", "Status", "Why"), rows)
