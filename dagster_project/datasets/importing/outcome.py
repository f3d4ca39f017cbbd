"""What an import brings: streams of events, and what was noticed about them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.streams import EventTable


class ImportFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Tell one thing that was noticed.

    Attributes:
        name: of what was checked.
        severity: `refused` keeps the stream out, `warning` is for a person to weigh, `note` says what was assumed or measured.
        told: what was found, in words.
    """

    name: str
    severity: Literal["refused", "warning", "note"]
    told: str


class ImportedStream(msgspec.Struct, frozen=True, kw_only=True):
    """Hold the events of one kind and instrument, in the order in which they were received.

    Attributes:
        stream: the events.
        sources: the files that they come from, in order.
        findings: what was noticed.
        interval_seconds: length of a bar; 0 for other kinds.
    """

    stream: EventTable
    sources: tuple[Path, ...]
    findings: tuple[ImportFinding, ...]
    interval_seconds: int = 0

    @property
    def label(self) -> str:
        """Name the stream for people."""
        return f"{self.stream.instrument.instrument_id} {self.stream.kind.__name__}"

    @property
    def refused(self) -> bool:
        """Tell whether something was found that no engine can take."""
        return any(finding.severity == "refused" for finding in self.findings)

    def refuse_faults(self) -> None:
        """Refuse the stream when something was found that no engine can take.

        Raises:
            DatasetError: so it was.
        """
        if self.refused:
            told = "; ".join(finding.told for finding in self.findings if finding.severity == "refused")
            names = ", ".join(path.name for path in self.sources)
            raise DatasetError(f"{names}: {self.label} cannot be market data ({told}): repair it at its source")


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """Hold everything that one call read.

    Attributes:
        format: the name of the format.
        streams: what was read.
    """

    format: str
    streams: tuple[ImportedStream, ...]

    @property
    def notes(self) -> list[str]:
        """Give every finding as a sentence that names its stream."""
        return [f"{one.label}: {finding.told}" for one in self.streams for finding in one.findings]
