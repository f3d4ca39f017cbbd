"""What other packages may import from the lake and from datasets."""

import pytest

from dagster_project import datasets, lake

DATASETS = {
    "BarFile", "Dataset", "DatasetError", "DatasetFile", "DatasetManifest", "Lineage", "MarketData", "Source", "freeze_dataset",
    "list_datasets", "merge_bars", "open_bars", "open_dataset", "open_market_data", "verify_dataset", "verify_datasets", "write_tape",
}  # fmt: skip
LAKE = {
    "SCALES", "Calendar", "Closure", "FileOutcome", "Finding", "IngestReport", "LakeError", "TableSize", "Verdict", "describe_moment",
    "docs_site", "ingest_bars", "list_instruments", "load_calendar", "measure_table", "nanoseconds_of", "open_table", "page_link",
    "parse_moment", "publish_staged", "read_bars", "read_rows", "read_verdict", "stage_bars", "staged_verdicts",
}  # fmt: skip


@pytest.mark.parametrize(("package", "names"), [(datasets, DATASETS), (lake, LAKE)])
def test_the_public_names_are_these(package: object, names: set[str]) -> None:
    """A name that joins or leaves is a decision, and every one exists."""
    assert set(package.__all__) == names  # type: ignore[attr-defined]
    assert all(hasattr(package, name) for name in names)
