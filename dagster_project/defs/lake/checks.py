"""Checks of the lake."""

import dagster as dg

from dagster_project.defs.lake.assets import staged_bars, verdict_table
from dagster_project.defs.resources import HomeResource
from dagster_project.lake import page_link, staged_verdicts


@dg.asset_check(asset=staged_bars)
def bars_quality(home: HomeResource) -> dg.AssetCheckResult:
    """Every staged file meets the critical expectations on bars; what does not is named, and nothing of it is published."""
    verdicts = staged_verdicts(home.open())
    refused = [verdict for verdict in verdicts if not verdict.passed]
    told = "; ".join(f"{verdict.name}: {', '.join(finding.name for finding in verdict.failures)}" for verdict in refused)
    warnings = sum(len(verdict.warnings) for verdict in verdicts)
    pages = {f"data_docs_{verdict.name.removesuffix('.parquet')}": page_link(verdict.page) for verdict in verdicts if verdict.page}
    return dg.AssetCheckResult(
        passed=not refused,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"refused {told}" if refused else f"{len(verdicts)} files are sound, with {warnings} warnings",
        metadata={
            "files": len(verdicts),
            "refused": len(refused),
            "warnings": warnings,
            "failed": sorted({finding.name for verdict in refused for finding in verdict.failures}),
            "data_docs": dg.MetadataValue.url(page_link("index.html")),
            **{name: dg.MetadataValue.url(link) for name, link in pages.items()},
            "verdicts": dg.MetadataValue.md(verdict_table(verdicts)),
        },
    )
