"""Market data for a replay: tapes in the live host's own form, anything else through the pipeline's importers."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from itertools import takewhile
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol

import msgspec

from live.core.decimals import LARGEST_INTEGER, MONEY_SCALE, parse_scaled
from live.core.errors import DecimalError, InstrumentError, InterlockError
from live.core.inputs import MarketEvent
from live.core.instruments import Instrument, merge_instruments
from live.driver.recovery import TAPES
from live.journal import read_segment, read_tape
from live.journal.segments import list_segments

ENTRY_POINTS = "interlock.market_data"
TAPE_SUFFIXES = (".tape", ".tape.gz")
SESSION_SUFFIX = ".journal"
"""The journal of a recorded session stands for the market data on its tape."""


class MarketSourceError(InterlockError):
    """Market data cannot be opened."""


class OpenMarketData(Protocol):
    """What the pipeline gives for files that are no tapes."""

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Define everything the events name."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what was assumed or noticed, in sentences."""
        ...

    @property
    def rows(self) -> int | None:
        """Give how many events there are, None when that is not known."""
        ...

    def events(self, start: int | None = None, end: int | None = None) -> Iterator[MarketEvent]:
        """Give the events received after `start` and not after `end`, in order of `ts_init`."""
        ...


class MarketSource(msgspec.Struct, frozen=True):
    """Hold opened market data.

    Attributes:
        instruments: definitions of everything the events name, in the order in which the sources name them.
        events: in order of `ts_init`; at equal times, in the order of the sources.
        rows: how many events there are at most, None when that is not known.
        notes: what was assumed while it was read, in sentences.
    """

    instruments: tuple[Instrument, ...]
    events: Iterator[MarketEvent]
    rows: int | None = None
    notes: tuple[str, ...] = ()


def open_market_source(
    paths: Sequence[str], until: int, definitions: Sequence[Instrument] = (), options: Mapping[str, Any] | None = None
) -> MarketSource:
    """Open tapes, and through the pipeline anything else that it knows: bar files, datasets by name, raw files of vendors.

    Args:
        paths: what to open.
        until: leave out what was received after this time, nanoseconds UTC.
        definitions: instruments for raw files that do not say what they are about.
        options: how to read raw files, where their content does not say.

    Raises:
        MarketSourceError: nothing was named, a file is not there, or the pipeline that reads it is not installed.
        TapeError: a tape cannot be read.
        InstrumentError: two sources disagree about an instrument.
    """
    if not paths:
        raise MarketSourceError("no market data was named: give --data with a tape, a bar file, a dataset or a vendor's file")
    if not all(path.endswith((*TAPE_SUFFIXES, SESSION_SUFFIX)) for path in paths):
        opened = _opener()(paths, instruments=definitions, options=options or None)
        return MarketSource(opened.instruments, opened.events(None, until), opened.rows, opened.notes)
    instruments: list[Instrument] = []
    streams: list[Iterator[MarketEvent]] = []
    notes: list[str] = []
    for path in paths:
        if path.endswith(SESSION_SUFFIX):
            tape = tape_of_session(Path(path))
            instruments += read_segment(list_segments(tape)[0][1])[0].instruments
            streams.append(event for _, _, event in read_tape(tape))
            notes.append(f"What if: the market data of session {tape.name} under these settings, which proves nothing about that session.")
        else:
            header, events = read_segment(Path(path))
            instruments += header.instruments
            streams.append(events)
    merged = streams[0] if len(streams) == 1 else heapq.merge(*streams, key=attrgetter("ts_init"))
    events = takewhile(lambda event: event.ts_init <= until, merged)
    return MarketSource(tuple(merge_instruments((), instruments).values()), events, None, tuple(notes))


def tape_of_session(journal: Path) -> Path:
    """Name the tape that lies beside a session's journal.

    Raises:
        MarketSourceError: there is none, as beside the journal of a replay, or it holds nothing.
    """
    tape = journal.parent.parent / TAPES / journal.stem
    if not tape.is_dir() or not list_segments(tape):
        raise MarketSourceError(f"{journal} has no market data beside it at {tape}: name the journal of a recorded session")
    return tape


_DEFINING = frozenset(("base", "quote", "price_scale", "quantity_scale"))


def read_definitions(changes: Mapping[str, Mapping[str, Any]]) -> tuple[Instrument, ...]:
    """Give the instruments that changes define whole.

    Raises:
        InstrumentError: a definition is malformed.
    """
    return tuple(
        _convert({**changes.get("*", {}), **change, "instrument_id": name}) for name, change in changes.items() if set(change) >= _DEFINING
    )


def redefine(source: MarketSource, changes: Mapping[str, Mapping[str, Any]]) -> MarketSource:
    """Change instrument definitions by id, "*" for all, and express events on the new scales.

    Raises:
        InstrumentError: a change names an unknown instrument or field, or is malformed; while iterating, a price or quantity
            does not fit a coarser scale.
    """
    known = {instrument.instrument_id for instrument in source.instruments}
    if unknown := sorted(set(changes) - known - {"*"}):
        raise InstrumentError(f"instruments: there is no {unknown[0]!r} in the market data, which has {', '.join(sorted(known))}")
    defined: list[Instrument] = []
    factors: dict[str, tuple[int, int]] = {}
    for instrument in source.instruments:
        asked = {**changes.get("*", {}), **changes.get(instrument.instrument_id, {})}
        new = redefine_instrument(instrument, asked)
        defined.append(new)
        scales = (new.price_scale - instrument.price_scale, new.quantity_scale - instrument.quantity_scale)
        if scales != (0, 0):
            factors[instrument.instrument_id] = scales
    events = _rescaled(source.events, factors) if factors else source.events
    return MarketSource(tuple(defined), events, source.rows, source.notes)


def redefine_instrument(instrument: Instrument, changes: Mapping[str, Any]) -> Instrument:
    """Change an instrument's definition; steps and bounds keep their value when a scale changes and they are not named.

    Raises:
        InstrumentError: a change is no field of an instrument, is malformed, or does not fit the scale.
    """
    if not changes:
        return instrument
    document: dict[str, Any] = msgspec.to_builtins(instrument)
    if unknown := sorted(set(changes) - set(document) | {"instrument_id"} & set(changes)):
        raise InstrumentError(f"{instrument.instrument_id}: an instrument has no {unknown[0]!r} to change, it has {', '.join(document)}")
    document |= changes
    for scale, names in (("price_scale", ("tick_size",)), ("quantity_scale", ("lot_size", "minimum_quantity", "maximum_quantity"))):
        exponent = int(document[scale]) - int(getattr(instrument, scale))
        for name in names:
            if name not in changes:
                document[name] = min(LARGEST_INTEGER, max(1, int(_shift(getattr(instrument, name), exponent))))
    return _convert(document)


def _convert(document: dict[str, Any]) -> Instrument:
    try:
        if isinstance(notional := document.get("minimum_notional"), str):
            document = {**document, "minimum_notional": parse_scaled(notional, MONEY_SCALE)}
        return msgspec.convert(document, Instrument)
    except (msgspec.ValidationError, DecimalError) as error:
        raise InstrumentError(f"{document['instrument_id']}: {error}") from error


def _shift(value: int, exponent: int) -> int:
    return value * 10**exponent if exponent >= 0 else value // 10**-exponent


_PRICES = frozenset(
    (
        *("open", "high", "low", "close", "price", "bid_price", "ask_price", "mark_price"),
        *(f"{side}_{name}" for side in ("bid", "ask") for name in ("open", "high", "low", "close")),
    )
)
_QUANTITIES = frozenset(("volume", "quantity", "bid_quantity", "ask_quantity"))


def _rescaled(events: Iterable[MarketEvent], factors: Mapping[str, tuple[int, int]]) -> Iterator[MarketEvent]:
    fields: dict[type[MarketEvent], tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {}
    for event in events:
        scales = factors.get(event.instrument_id)
        if scales is None:
            yield event
            continue
        kind = type(event)
        if kind not in fields:
            names = kind.__struct_fields__
            fields[kind] = (
                tuple(name for name in names if name in _PRICES),
                tuple(name for name in names if name in _QUANTITIES),
                tuple(name for name in names if name in {"bids", "asks"}),
            )
        prices, quantities, ladders = fields[kind]
        by_price, by_quantity = scales
        changed: dict[str, Any] = {name: _exact(getattr(event, name), by_price, event) for name in prices}
        changed |= {name: _exact(getattr(event, name), by_quantity, event) for name in quantities}
        for name in ladders:
            levels: tuple[tuple[int, int], ...] = getattr(event, name)
            changed[name] = tuple((_exact(price, by_price, event), _exact(quantity, by_quantity, event)) for price, quantity in levels)
        yield msgspec.structs.replace(event, **changed)


def _exact(value: int, exponent: int, event: MarketEvent) -> int:
    if exponent >= 0:
        return value * 10**exponent
    whole, rest = divmod(value, 10**-exponent)
    if rest:
        raise InstrumentError(f"{event.instrument_id}: {value} has more decimals than the scale that was asked for, at {event.ts_init}")
    return whole


def _opener() -> Callable[..., OpenMarketData]:
    found = next(iter(entry_points(group=ENTRY_POINTS)), None)
    if found is None:
        raise MarketSourceError(
            "files that are no tapes need the pipeline, which is not installed: install 'interlock[pipeline]', or make a tape with "
            "`interlock dataset to-tape` where it is"
        )
    return found.load()
