"""The Great Expectations project of a home: suites run as checkpoints, results are kept, and pages are written for people."""

# Great Expectations marks none of its names as exported, though its documentation imports them so.
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster_project.home import Home
from dagster_project.lake.data_docs import docs_site, make_self_contained, relative_page

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations import Checkpoint, ExpectationSuite
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier, ValidationResultIdentifier


class QualityProject:
    """Validate frames against suites; the pages are written once at the end, since each writing costs as much as a validation."""

    def __init__(self, home: Home) -> None:
        """Open the project, or make it."""
        import great_expectations as gx

        self._home = home
        home.root.mkdir(parents=True, exist_ok=True)
        self._context = gx.get_context(mode="file", context_root_dir=str(home.great_expectations))
        self._context.variables.progress_bars = {"globally": False}  # pyright: ignore[reportAttributeAccessIssue]
        self._context.variables.save()
        self._source = self._context.data_sources.add_or_update_pandas("staging")
        self._checkpoints: dict[str, tuple[ExpectationSuite, Checkpoint]] = {}
        self._unwritten: list[ValidationResultIdentifier | ExpectationSuiteIdentifier] = []

    def validate(self, suite: ExpectationSuite, frame: pd.DataFrame, run_name: str) -> tuple[ExpectationSuiteValidationResult, str]:
        """Run a suite on a frame; give the result, and the place in the site of the page that `write_pages` will write."""
        from great_expectations.core.run_identifier import RunIdentifier

        ran = self._checkpoint(suite).run(batch_parameters={"dataframe": frame}, run_id=RunIdentifier(run_name=_safe(run_name)))
        ((key, result),) = ran.run_results.items()
        self._unwritten.append(key)
        return result, self._page(key)

    def write_pages(self) -> None:
        """Write the pages of every result since the last time, and of their suites."""
        if self._unwritten:
            self._context.build_data_docs(resource_identifiers=self._unwritten, build_index=False)  # pyright: ignore[reportArgumentType]
            for key in self._unwritten:
                make_self_contained(docs_site(self._home) / self._page(key))
            self._unwritten = []

    def _page(self, key: ValidationResultIdentifier | ExpectationSuiteIdentifier) -> str:
        (site,) = self._context.get_docs_sites_urls(resource_identifier=key, only_if_exists=False)
        return relative_page(self._home, str(site["site_url"]))

    def _checkpoint(self, suite: ExpectationSuite) -> Checkpoint:
        import great_expectations as gx
        from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier

        name = str(suite.name)
        known, checkpoint = self._checkpoints.get(name, (None, None))
        if checkpoint is not None and known is suite:
            return checkpoint
        batch = self._source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("file")
        validation = gx.ValidationDefinition(name=name, data=batch, suite=self._context.suites.add_or_update(suite))
        definitions = [self._context.validation_definitions.add_or_update(validation)]
        checkpoint = self._context.checkpoints.add_or_update(gx.Checkpoint(name=name, validation_definitions=definitions))
        self._checkpoints[name] = suite, checkpoint
        self._unwritten.append(ExpectationSuiteIdentifier(name=name))
        return checkpoint


def _safe(name: str) -> str:
    """Give a name that is safe in a path and in an address: letters, digits, `_`, `-` and `.`."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_-.") else "-" for letter in name)
