"""The manifest of a frozen dataset: what it holds, by content, and where that came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from dagster_project.datasets.errors import DatasetError
from dagster_project.lake.bar_format import COLUMNS
from live.core.instruments import Instrument
from live.promotion.documents import encode_canonical, parse_canonical, sha256_hex
from live.promotion.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

MANIFEST_SCHEMA = 1


class DatasetFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Describe one instrument's bars.

    Attributes:
        instrument_id: what they are of.
        name: the parquet file in the dataset's folder.
        rows: how many bars.
        first: `ts_close` of the first bar, nanoseconds UTC.
        last: `ts_close` of the last bar, nanoseconds UTC.
        content: digest of the bars themselves, whatever wrote the file.
        sha256: digest of the file's bytes.
    """

    instrument_id: str
    name: str
    rows: int
    first: int
    last: int
    content: str
    sha256: str


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name a file that bars were ingested from, and the digest of its bytes."""

    name: str
    sha256: str


class Lineage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say where the bars came from when they were first frozen.

    Attributes:
        table: the Delta table, relative to the home.
        table_version: its version that was read.
        sources: the files that the bars were ingested from.
        validation_ids: the validations that let them be published.
    """

    table: str
    table_version: int
    sources: tuple[Source, ...]
    validation_ids: tuple[str, ...]


class DatasetManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Describe a frozen dataset.

    Attributes:
        schema: version of this document.
        name: what it was first frozen as; a name can be given to another dataset later, the digest cannot.
        interval_seconds: length of a bar.
        start: opening time of the first bar, nanoseconds UTC: every bar closes after it.
        end: closing time of the last bar, nanoseconds UTC: no bar closes after it.
        files: one an instrument, in order of instrument id.
        lineage: where the bars came from; not part of the digest.
        digest: names the content: equal bars give an equal digest, whatever they are called and wherever they came from.
    """

    schema: int
    name: str
    interval_seconds: int
    start: int
    end: int
    files: tuple[DatasetFile, ...]
    lineage: Lineage
    digest: str


def content_digest(instrument: Instrument, interval_seconds: int, columns: Mapping[str, np.ndarray]) -> str:
    """Give the sha256 over the instrument's scales and assets, and over each column as 64-bit little-endian integers."""
    head = {
        "base": instrument.base,
        "columns": COLUMNS,
        "instrument_id": instrument.instrument_id,
        "interval_seconds": interval_seconds,
        "price_scale": instrument.price_scale,
        "quantity_scale": instrument.quantity_scale,
        "quote": instrument.quote,
        "rows": len(columns["ts_close"]),
    }
    digest = hashlib.sha256(encode_canonical(head))
    for name in COLUMNS:
        digest.update(columns[name].astype("<i8").tobytes())
    return digest.hexdigest()


def dataset_digest(files: Iterable[DatasetFile]) -> str:
    """Give the digest that names a dataset: over the contents of its files, in order of instrument id."""
    contents = sorted((file.instrument_id, file.content) for file in files)
    return sha256_hex(encode_canonical({"schema": MANIFEST_SCHEMA, "bars": contents}))


def read_manifest(raw: bytes, where: str) -> DatasetManifest:
    """Read a manifest.

    Raises:
        DatasetError: it was edited, or a newer program wrote it.
    """
    try:
        plain = parse_canonical(raw)
        schema = plain.get("schema") if isinstance(plain, dict) else None
        if schema != MANIFEST_SCHEMA:
            raise DatasetError(
                f"{where} has schema {schema!r}, this program reads {MANIFEST_SCHEMA}: use the version of Interlock that wrote it"
            )
        return msgspec.convert(plain, DatasetManifest, strict=True)
    except (DocumentError, msgspec.ValidationError) as error:
        raise DatasetError(f"{where} is no manifest of a dataset ({error}): restore it, or freeze the dataset again") from error
