"""Checks of what the live service recorded."""

import dagster as dg

from dagster_project.defs.live.assets import session_archive, session_validation
from dagster_project.defs.resources import HomeResource
from dagster_project.lake.sessions import archived_sessions, read_index
from dagster_project.reports import wording
from dagster_project.reports.validation import MEANING, Verdict, read_validation

BROKEN = (Verdict.DIFFERS, Verdict.DAMAGED)
"""Verdicts that say something is wrong; the others that are not IDENTICAL say that nothing was shown."""


@dg.asset_check(asset=session_archive)
def sessions_are_sound(home: HomeResource) -> dg.AssetCheckResult:
    """Every session that ended is in the archive: none was refused because it is damaged."""
    refused = [one for one in read_index(home.open()) if one.status == "refused"]
    rows: list[tuple[object, ...]] = [(one.session_id, one.reason) for one in refused]
    return dg.AssetCheckResult(
        passed=not refused,
        description=f"{refused[0].session_id} was refused: {refused[0].reason}" if refused else "no session was refused",
        metadata={"refused": len(refused), "reasons": dg.MetadataValue.md("\n".join(wording.table(("Session", "Why"), rows)))},
    )


@dg.asset_check(asset=session_validation)
def sessions_replay_identically(home: HomeResource) -> dg.AssetCheckResult:
    """Every archived session replays to the same records; a session that another engine recorded is a warning, not a proof."""
    opened = home.open()
    reports = [report for one in archived_sessions(opened) if (report := read_validation(opened, one.session_id)) is not None]
    others = [one for one in reports if one.verdict is not Verdict.IDENTICAL]
    worst = next((one for one in others if one.verdict in BROKEN), others[0] if others else None)
    broken = worst is not None and worst.verdict in BROKEN
    return dg.AssetCheckResult(
        passed=worst is None,
        severity=dg.AssetCheckSeverity.ERROR if broken else dg.AssetCheckSeverity.WARN,
        description=f"{len(reports)} sessions: {MEANING[Verdict.IDENTICAL]}" if worst is None else f"{worst.session_id}: {worst.sentence}",
        metadata={
            "identical": len(reports) - len(others),
            "not_identical": len(others),
            "first": "" if worst is None else worst.session_id,
        },
    )
