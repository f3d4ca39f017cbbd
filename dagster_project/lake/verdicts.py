"""Verdicts: what the audit found in each file, kept in the lake under the validation id that published rows carry."""

from pathlib import Path
from typing import Any, Literal

import msgspec

from dagster_project.home import Home
from dagster_project.lake.errors import LakeError
from live.promotion.documents import sha256_hex
from live.promotion.durable_files import replace_file

VERDICT_SCHEMA = 1
Severity = Literal["critical", "warning"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Report an expectation that did not hold.

    Attributes:
        name: of the expectation, such as `time_is_unique`.
        severity: `critical` refuses the file, `warning` does not.
        told: what was found, in a sentence.
    """

    name: str
    severity: Severity
    told: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Say whether a file may be published, and why.

    Attributes:
        schema: version of this document.
        validation_id: digest over the file and what it was judged by; published rows carry it.
        source: sha256 of the file.
        name: the file's name when it was staged.
        instrument_id: what its bars are of; empty when the file does not say.
        rows: bars in the file.
        passed: no critical expectation failed.
        findings: expectations that did not hold.
        page: the Data Docs page, relative to the site; empty when the file could not be read at all.
        warnings_page: the page on what only warns; empty when the file was not looked into so far.
        judged_at: the time of the audit in UTC, for people.
        expectations: digest of the suites and the calendar that judged.
        results: the results as Great Expectations reports them.
    """

    schema: int
    validation_id: str
    source: str
    name: str
    instrument_id: str
    rows: int
    passed: bool
    findings: tuple[Finding, ...]
    page: str
    warnings_page: str
    judged_at: str
    expectations: str
    results: list[dict[str, Any]]

    @property
    def failures(self) -> tuple[Finding, ...]:
        """Give the findings that refuse the file."""
        return tuple(finding for finding in self.findings if finding.severity == "critical")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Give the findings that do not."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")


def make_validation_id(source: str, expectations: str) -> str:
    """Name the judgement of one file by one set of expectations: made again, it has the same name."""
    return sha256_hex(f"{source} {expectations}".encode())[:32]


def write_verdict(home: Home, verdict: Verdict) -> None:
    """Keep a verdict in the lake."""
    path = _path(home, verdict.validation_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, msgspec.json.format(msgspec.json.encode(verdict), indent=1))


def read_verdict(home: Home, validation_id: str) -> Verdict | None:
    """Give the verdict that rows with this validation id were published on, or None when the lake has none.

    Raises:
        LakeError: the file is no verdict.
    """
    path = _path(home, validation_id)
    if not validation_id.isalnum() or not path.is_file():
        return None
    try:
        verdict = msgspec.json.decode(path.read_bytes(), type=Verdict)
    except msgspec.DecodeError as error:
        raise LakeError(f"{path} is no verdict of an audit ({error}): ingest the file again") from error
    if verdict.schema != VERDICT_SCHEMA or verdict.validation_id != validation_id:
        raise LakeError(f"{path} has schema {verdict.schema} and id {verdict.validation_id}: it was edited, or a newer program wrote it")
    return verdict


def list_verdicts(home: Home) -> list[Verdict]:
    """Give every verdict of the lake.

    Raises:
        LakeError: a file is no verdict.
    """
    found = (read_verdict(home, path.stem) for path in sorted(_folder(home).glob("*.json")))
    return [verdict for verdict in found if verdict is not None]


def _folder(home: Home) -> Path:
    return home.lake / "validations"


def _path(home: Home, validation_id: str) -> Path:
    return _folder(home) / f"{validation_id}.json"
