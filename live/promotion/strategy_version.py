"""The strategy version: what exactly will trade, named by a digest over everything that can change a decision.

Source, parameter values, limits, instruments and data needs are in it. The card and the notebook are not: prose and
research may be improved without asking for new evidence.
"""

import keyword
import re
from typing import Annotated, Any, Literal, cast

import msgspec

from live.core.errors import LimitError
from live.core.instruments import Instrument
from live.core.limits import Limits, check_limits
from live.promotion.documents import encode_canonical, sha256_hex
from live.promotion.errors import DocumentError, PromotionError
from live.promotion.parameters import ParameterValue
from live.promotion.sources import split_entry_point

STRATEGY_VERSION_SCHEMA = 1
SHORT_DIGEST_LENGTH = 7
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}\\Z")]

_STRATEGY_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,47}")


DataKind = Literal["bars", "quote_bars", "trades", "quotes", "book", "funding"]
HANDLERS: dict[DataKind, str] = {
    "bars": "on_bar",
    "quote_bars": "on_quote_bar",
    "trades": "on_trade",
    "quotes": "on_quote",
    "book": "on_book",
    "funding": "on_funding",
}
"""Every kind of market data, with the method of a strategy that takes it in."""
_IN_BARS = frozenset[DataKind]({"bars", "quote_bars"})


class DataNeeds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Say what market data a strategy reads; what is left out is not written, so versions from before there was a choice keep their digest.

    Attributes:
        kind: what the strategy is fed with, where that is of one kind.
        kinds: the same where it is of several.
        interval_seconds: length of one bar, seconds; 0 when no kind of bars is among them.
        warm_up_bars: bars it must have seen before its first decision; 0 when no kind of bars is among them.
    """

    kind: DataKind | None = None
    kinds: tuple[DataKind, ...] = ()
    interval_seconds: Annotated[int, msgspec.Meta(ge=0)] = 0
    warm_up_bars: Annotated[int, msgspec.Meta(ge=0)]

    def __post_init__(self) -> None:
        """Refuse needs that contradict themselves.

        Raises:
            ValueError: the kinds are not said once, or the bars do not fit them.
        """
        if (self.kind is None) is not bool(self.kinds) or len(self.kinds) == 1 or len(set(self.kinds)) != len(self.kinds):
            raise ValueError(
                f'[data] names one kind as kind = "bars", several as kinds = ["bars", "funding"], each once and not both; '
                f"received kind {self.kind!r} and kinds {list(self.kinds)!r}"
            )
        in_bars = bool(_IN_BARS & set(self.all_kinds))
        if in_bars and not self.interval_seconds:
            raise ValueError("[data] interval_seconds is the length of a bar, above 0: received 0 or nothing")
        if not in_bars and (self.interval_seconds or self.warm_up_bars):
            raise ValueError(
                f"[data] has no bars among its kinds {', '.join(self.all_kinds)}: leave interval_seconds out and set warm_up_bars = 0"
            )

    @property
    def all_kinds(self) -> tuple[DataKind, ...]:
        """Give every kind, as declared."""
        return self.kinds if self.kind is None else (self.kind,)

    @property
    def summary(self) -> str:
        """Say the needs in a few words for people."""
        kinds = " and ".join(kind.replace("_", " ") for kind in self.all_kinds)
        return f"{kinds} of {self.interval_seconds} s, {self.warm_up_bars} to warm up" if self.interval_seconds else kinds


class StrategyVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name one version of a strategy; two versions are the same when their digests are equal.

    Attributes:
        schema: version of this schema.
        strategy_id: Python identifier that positions and registry entries belong to, across versions.
        entry_point: `module:Class` inside the source archive.
        parameters: the value of every declared parameter.
        instruments: what it may trade or watch, in declared order.
        data: the market data it needs.
        limits: bounds it brings along; the live host only ever tightens them.
        source_digest: SHA-256 of the source archive.
    """

    schema: int
    strategy_id: str
    entry_point: str
    parameters: dict[str, ParameterValue]
    instruments: tuple[Instrument, ...]
    data: DataNeeds
    limits: Limits
    source_digest: Sha256

    def __post_init__(self) -> None:
        """Refuse a version that contradicts itself.

        Raises:
            PromotionError: the schema, the id or the entry point is not usable, or an instrument is listed twice.
            LimitError: the limits limit nothing, or name an instrument that is not declared.
        """
        if self.schema != STRATEGY_VERSION_SCHEMA:
            raise PromotionError(
                f"a strategy version of schema {STRATEGY_VERSION_SCHEMA} was expected, received schema {self.schema}: rebuild it"
            )
        check_strategy_id(self.strategy_id)
        split_entry_point(self.entry_point)
        known = {instrument.instrument_id for instrument in self.instruments}
        if not known or len(known) != len(self.instruments):
            raise PromotionError(f"{self.strategy_id}: each instrument is declared once and there is at least one: correct [[instruments]]")
        check_limits(self.limits)
        if foreign := sorted(set(self.limits.maximum_order_quantity) - known):
            raise LimitError(
                f"limit maximum_order_quantity names {foreign[0]!r}, which is no instrument of {self.strategy_id}: declare or remove it"
            )

    @property
    def digest(self) -> str:
        """Give the SHA-256 of the version's canonical JSON."""
        return sha256_hex(encode_canonical(describe_version(self)))

    @property
    def label(self) -> str:
        """Give the short name people use, like `ema_cross@3f9a1c2`."""
        return f"{self.strategy_id}@{self.digest[:SHORT_DIGEST_LENGTH]}"

    @property
    def instruments_by_id(self) -> dict[str, Instrument]:
        """Map each instrument id to its instrument."""
        return {instrument.instrument_id: instrument for instrument in self.instruments}


def check_strategy_id(strategy_id: str) -> None:
    """Refuse an id that cannot be a Python name, a file name and a metric label at once.

    Raises:
        PromotionError: the id is no ASCII name that begins with a letter, is a keyword, or is too long.
    """
    if not _STRATEGY_ID.fullmatch(strategy_id) or keyword.iskeyword(strategy_id):
        raise PromotionError(
            f"a strategy id is a name of up to 48 ASCII letters, digits and '_' that begins with a letter, received {strategy_id!r}: "
            "write it like ema_cross"
        )


_LATER_INSTRUMENT_FIELDS = ("kind", "contract_size", "contract_scale", "initial_margin_ppm", "maintenance_margin_ppm")
"""Fields that instruments got after the first versions were signed; at their defaults they are left out, so that those digests hold."""


def describe_instrument(instrument: Instrument) -> dict[str, Any]:
    """Write an instrument as a plain document."""
    document: dict[str, Any] = msgspec.to_builtins(instrument)
    fields = {field.name: field for field in msgspec.structs.fields(Instrument)}
    for name in _LATER_INSTRUMENT_FIELDS:
        if document[name] == fields[name].default:
            del document[name]
    return document


def describe_version(version: StrategyVersion) -> dict[str, Any]:
    """Write a version as a plain document: every limit that was given by name, in the units of `Limits`."""
    document: dict[str, Any] = msgspec.to_builtins(version)
    document["instruments"] = [describe_instrument(instrument) for instrument in version.instruments]
    return {**document, "limits": describe_limits(version.limits)}


def describe_limits(limits: Limits) -> dict[str, Any]:
    """Write limits as a plain document: what was given, by name; what is left out is derived, as it is for versions of before."""
    later = {field.name: field.default for field in msgspec.structs.fields(Limits) if not field.required}
    document = {name: getattr(limits, name) for name in Limits.__struct_fields__}
    return {name: value for name, value in document.items() if name not in later or value != later[name]}


def read_version(document: object) -> StrategyVersion:
    """Read what `describe_version` wrote, checking everything again.

    Raises:
        DocumentError: a field is missing, unknown, of another type, or contradicts another one.
        LimitError: the limits limit nothing, or name an instrument that is not declared.
    """
    fields = {field.name: field for field in msgspec.structs.fields(Limits)}
    needed = {name for name, field in fields.items() if field.required}
    limits: Any = document.get("limits") if isinstance(document, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(document, dict) or not isinstance(limits, dict) or not needed <= set(limits) <= set(fields):  # pyright: ignore[reportUnknownArgumentType]
        raise DocumentError(
            f"a strategy version names the limits {', '.join(sorted(needed))}, and no others than {', '.join(fields)}: "
            "rebuild it with this release"
        )
    given = cast("dict[str, object]", limits)
    whole = [given.get(name, field.default) for name, field in fields.items()]
    try:
        return msgspec.convert({**document, "limits": whole}, StrategyVersion)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, LimitError):
            raise error.__cause__ from None
        raise DocumentError(f"the strategy version is malformed: {error}") from error
