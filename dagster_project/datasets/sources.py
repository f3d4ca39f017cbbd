"""Open whatever holds market data as one stream of events: tapes, frozen datasets, parquet files, and files of other programs.

Events come in the order of (ts_init, stream, sequence) of `datasets.merging`. The streams of one path stand in the order of the path in
the list; those of one folder or dataset in the order of kinds in `MARKET_TYPES`, then of instrument ids.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dagster_project.datasets.dataset import MANIFEST_NAME, open_dataset, read_dataset
from dagster_project.datasets.errors import DatasetError
from dagster_project.datasets.merging import merge_streams
from dagster_project.datasets.streams import EventStream, open_stream, refuse_overlaps
from dagster_project.home import Home, open_home
from live.core.instruments import Instrument, merge_instruments
from live.core.market_events import MARKET_TYPES, MarketEvent
from live.journal.segments import read_segment

if TYPE_CHECKING:
    from dagster_project.datasets.importing import ImportOptions

TAPE_SUFFIXES = (".tape", ".tape.gz")
RAW_SUFFIXES = (".csv", ".json", ".zip", ".gz")
"""What is looked for in a folder; a file that is named may end as it likes."""

Play = Callable[[int | None, int | None], Iterator[MarketEvent]]


@dataclass(frozen=True)
class MarketData:
    """Market data that was opened and can be played any number of times.

    Attributes:
        instruments: what the events are about, in order of first mention.
        kinds: which kinds of event there are, in the order of `MARKET_TYPES`; a tape is believed to hold any that its header lists.
        notes: what was assumed or noticed while files of other programs were read, one sentence each; worth showing to a person.
        rows: how many events there are, None when a tape is among the sources.
    """

    instruments: tuple[Instrument, ...]
    kinds: tuple[type[MarketEvent], ...]
    notes: tuple[str, ...]
    rows: int | None
    _play: Play

    def events(self, start: int | None = None, end: int | None = None) -> Iterator[MarketEvent]:
        """Give the events received after `start` and not after `end` (nanoseconds UTC), merged.

        Raises:
            DatasetError: a file is damaged or not in order of time.
            TapeDamagedError: a tape is not what it was when it was written.
        """
        return self._play(start, end)


def open_market_data(
    paths: Sequence[Path | str],
    *,
    instruments: Sequence[Instrument] = (),
    options: ImportOptions | Mapping[str, object] | None = None,
    home: Home | None = None,
) -> MarketData:
    """Open market data wherever it lies.

    A path is a tape (`.tape`, `.tape.gz`), a parquet file of any kind of event, a folder of parquet files, the folder of a frozen dataset,
    its name or digest, or a file that an importer reads (`interlock ingest --help` lists them), recognised by its content.

    Args:
        paths: what to open; files of other programs that are of one format are read together, as days of one recording are.
        instruments: definitions that hold for what files of other programs do not say: scales, steps, assets. One of them is taken as
            the instrument of a file that names none; of several, that whose symbol the file's name holds.
        options: how to read files of other programs, where their content does not say, by the names of `ImportOptions`.
        home: where names of datasets are looked for; that of `INTERLOCK_HOME` unless given.

    Raises:
        DatasetError: a path does not exist, its content is ambiguous or unknown, or what it holds cannot be market data.
        InstrumentError: two sources disagree about an instrument.
        TapeDamagedError: a tape cannot be read.
    """
    if not paths:
        raise DatasetError("no market data was named: give a tape, a dataset, or files of bars, trades, quotes or books")
    sources = [_Source(str(path)) for path in paths]
    for source in sources:
        _open(source, home)
    notes: list[str] = []
    raw = [path for source in sources for path in source.raw]
    if raw:
        from dagster_project.datasets.importing import read_files

        for imported in read_files(raw, instruments=instruments, options=options):
            notes += imported.notes
            for one in imported.streams:
                one.refuse_faults()
                owner = next(source for source in sources if one.sources[0] in source.raw)
                owner.streams.append(one.stream)
    return _join(sources, tuple(notes))


class _Source:
    """Collect what one path gives."""

    def __init__(self, name: str) -> None:
        self.path = Path(name)
        self.name = name
        self.streams: list[EventStream] = []
        self.tape_instruments: tuple[Instrument, ...] | None = None
        self.tape_kinds: frozenset[str] = frozenset()
        self.raw: list[Path] = []


def _open(source: _Source, home: Home | None) -> None:
    path = source.path
    if path.name.endswith(TAPE_SUFFIXES):
        header, _ = read_segment(path)
        source.tape_instruments, source.tape_kinds = header.instruments, frozenset(header.event_versions)
    elif path.is_dir():
        if (path / MANIFEST_NAME).exists():
            source.streams += _ranked(read_dataset(path.resolve()).files)
        elif files := sorted(path.glob("*.parquet")):
            source.streams += _ranked([open_stream(file) for file in files])
        else:
            source.raw += files_below(path)
    elif path.suffix == ".parquet":
        source.streams.append(open_stream(path))
    elif path.is_file():
        source.raw.append(path)
    elif path.suffix or len(path.parts) > 1:
        raise DatasetError(f"{path} does not exist (looked in {Path.cwd()}): give the path of market data, or the name of a dataset")
    else:
        source.streams += _ranked(open_dataset(home or open_home(), source.name).files)


def files_below(folder: Path) -> list[Path]:
    """List the files of other programs in a folder and below it, in order of path.

    Raises:
        DatasetError: there is none.
    """
    files = sorted(path for path in folder.rglob("*") if path.name.endswith(RAW_SUFFIXES) and not path.name.endswith(TAPE_SUFFIXES))
    if not files:
        raise DatasetError(f"{folder} holds no market data: name a dataset, or a folder of parquet, {', '.join(RAW_SUFFIXES)} files")
    return files


def _ranked(streams: Sequence[EventStream]) -> list[EventStream]:
    return sorted(streams, key=lambda stream: (MARKET_TYPES.index(stream.kind), stream.instrument.instrument_id))


def _join(sources: Sequence[_Source], notes: tuple[str, ...]) -> MarketData:
    streams = [stream for source in sources for stream in source.streams]
    refuse_overlaps(streams)
    tapes = [source for source in sources if source.tape_instruments is not None]
    held = [stream.instrument for stream in streams]
    for tape in tapes:
        held += tape.tape_instruments or ()
    names = {stream.kind.__name__ for stream in streams} | {name for tape in tapes for name in tape.tape_kinds}
    if not tapes:
        play: Play = lambda start, end: merge_streams(streams, start, end)  # noqa: E731
    else:
        parts = [part for source in sources if (part := _player(source)) is not None]
        play = lambda start, end: heapq.merge(*(part(start, end) for part in parts), key=lambda event: event.ts_init)  # noqa: E731
    return MarketData(
        instruments=tuple(merge_instruments((), held).values()),
        kinds=tuple(kind for kind in MARKET_TYPES if kind.__name__ in names),  # pyright: ignore[reportArgumentType]
        notes=notes,
        rows=None if tapes else sum(stream.rows for stream in streams),
        _play=play,
    )


def _player(source: _Source) -> Play | None:
    if source.tape_instruments is not None:
        return lambda start, end: _of_tape(source.path, start, end)
    if source.streams:
        return lambda start, end: merge_streams(source.streams, start, end)
    return None


def _of_tape(path: Path, start: int | None, end: int | None) -> Iterator[MarketEvent]:
    _, events = read_segment(path)
    for event in events:
        if start is not None and event.ts_init <= start:
            continue
        if end is not None and event.ts_init > end:
            return
        yield event
