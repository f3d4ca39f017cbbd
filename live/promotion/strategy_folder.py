"""Read a strategy folder: strategy.toml and the sources beside it, checked without running any of it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from live.core.decimals import MONEY_SCALE, parse_scaled
from live.core.errors import CoreError
from live.core.instruments import LARGEST_SCALE, Instrument
from live.core.limits import parse_limits
from live.promotion.archive import pack_folder, read_archive
from live.promotion.documents import sha256_hex
from live.promotion.errors import PromotionError, StrategyFolderError
from live.promotion.parameters import ParameterRange, choose_values, parse_ranges
from live.promotion.sources import check_function, check_sources
from live.promotion.strategy_version import STRATEGY_VERSION_SCHEMA, DataNeeds, StrategyVersion, check_strategy_id

FOLDER_SCHEMA = 1


@dataclass(frozen=True)
class Fit:
    """Say how the weights under `weights/` come about; gates run it again, the live host never does.

    Attributes:
        entry_point: `module:function`; `fit(parameters, bars)` gives the content of each file by its name under `weights/`.
        until: the fit is handed bars up to this time only, nanoseconds UTC; None hands it every bar.
    """

    entry_point: str
    until: int | None


@dataclass(frozen=True)
class StrategyFolder:
    """Hold what a strategy folder amounts to: a version, and the source archive its digest names.

    Attributes:
        path: the folder that was read.
        version: the strategy version, with any overrides applied.
        archive: the source archive.
        ranges: the declared range of each parameter, for gates that vary them.
        fit: how its weights come about, for gates that repeat it; None when it declares no fit.
    """

    path: Path
    version: StrategyVersion
    archive: bytes
    ranges: Mapping[str, ParameterRange]
    fit: Fit | None = None


class _Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    entry_point: str


class _Fit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    entry_point: str
    until: str | None = None


class _StrategyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: int
    strategy: _Identity
    parameters: dict[str, Any] = {}
    instruments: list[dict[str, Any]]
    data: DataNeeds
    limits: dict[str, Any]
    fit: _Fit | None = None


def load_strategy_folder(path: Path, overrides: Mapping[str, object] | None = None) -> StrategyFolder:
    """Read and check a strategy folder; `overrides` replace parameter defaults within their declared range.

    Raises:
        PromotionError: strategy.toml, a parameter, an instrument, a limit or a source is not acceptable.
    """
    toml_path = path / "strategy.toml"
    try:
        declared = _read_declaration(toml_path)
        check_strategy_id(declared.strategy.id)
        ranges = parse_ranges(declared.parameters)
        instruments = tuple(_read_instrument(table) for table in declared.instruments)
        archive = pack_folder(path)
        files = read_archive(archive)
        check_sources(files, declared.strategy.entry_point)
        fit = None if declared.fit is None else _read_fit(declared.fit, files)
        version = StrategyVersion(
            schema=STRATEGY_VERSION_SCHEMA,
            strategy_id=declared.strategy.id,
            entry_point=declared.strategy.entry_point,
            parameters=choose_values(ranges, overrides or {}),
            instruments=instruments,
            data=declared.data,
            limits=parse_limits(declared.limits, {instrument.instrument_id: instrument for instrument in instruments}),
            source_digest=sha256_hex(archive),
        )
    except (CoreError, PromotionError) as error:
        raise type(error)(f"{toml_path}: {error}") from error
    return StrategyFolder(path, version, archive, ranges, fit)


def _read_declaration(toml_path: Path) -> _StrategyFile:
    try:
        table = tomllib.loads(toml_path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StrategyFolderError(
            f"the file cannot be read ({error.strerror}): a strategy folder holds strategy.toml beside its sources"
        ) from error
    except ValueError as error:
        raise StrategyFolderError(f"the file is not TOML in UTF-8: {error}") from error
    if table.get("schema") != FOLDER_SCHEMA:
        raise StrategyFolderError(
            f"schema = {FOLDER_SCHEMA} was expected, received {table.get('schema')!r}: write the file for this release"
        )
    try:
        return msgspec.convert(table, _StrategyFile)
    except msgspec.ValidationError as error:
        raise StrategyFolderError(f"{error}; compare it with what `interlock strategy new` writes") from error


def _read_fit(declared: _Fit, files: Mapping[str, bytes]) -> Fit:
    try:
        check_function(files, declared.entry_point)
        moment = None if declared.until is None else datetime.fromisoformat(declared.until)
    except StrategyFolderError as error:
        raise StrategyFolderError(f"[fit] {error}") from error
    except ValueError as error:
        raise StrategyFolderError(f'[fit] until is a date such as "2018-10-01", received {declared.until!r}: correct it') from error
    if moment is None:
        return Fit(declared.entry_point, None)
    return Fit(declared.entry_point, round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * 1_000_000_000)


def _read_contract_size(text: object) -> tuple[int, int]:
    """Read a contract size as units and their decimal places, as few as it needs."""
    if not isinstance(text, str):
        raise StrategyFolderError(f'contract_size is decimal text such as "0.001", received {text!r}: put it in quotes')
    units, scale = parse_scaled(text, LARGEST_SCALE), LARGEST_SCALE
    while scale and not units % 10:
        units, scale = units // 10, scale - 1
    return units, scale


def _read_instrument(table: Mapping[str, Any]) -> Instrument:
    fields = dict(table)
    if "minimum_notional" in fields:
        notional = fields["minimum_notional"]
        if not isinstance(notional, str):
            raise StrategyFolderError(f'minimum_notional is decimal text such as "10.00", received {notional!r}: put it in quotes')
        fields["minimum_notional"] = parse_scaled(notional, MONEY_SCALE)
    if "contract_scale" in fields:
        raise StrategyFolderError('contract_scale follows from contract_size, which is decimal text such as "0.001": leave it out')
    if "contract_size" in fields:
        fields["contract_size"], fields["contract_scale"] = _read_contract_size(fields["contract_size"])
    try:
        return msgspec.convert(fields, Instrument)
    except msgspec.ValidationError as error:
        raise StrategyFolderError(f"instrument {table.get('instrument_id', '(no instrument_id)')}: {error}") from error
