"""Merged streams are everything, sorted: wherever batches and files end."""

from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.datasets.event_format import columns_of_events, make_event_table
from dagster_project.datasets.merging import merge_streams, merge_windows
from dagster_project.datasets.streams import EventTable
from live.core.instruments import Instrument
from live.core.market_events import MARKET_TYPES, Bar, MarketEvent
from live.core.vocabulary import Side

BATCHES = st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=4), max_size=5)


def batches_of(times: list[int], sizes: list[int], stream: int) -> Iterator[tuple[np.ndarray, list[tuple[int, int, int]]]]:
    """Give a stream of (time, stream, sequence) in batches of the given sizes."""
    rows = [(time, stream, sequence) for sequence, time in enumerate(times)]
    at = 0
    for size in sizes:
        part = rows[at : at + size]
        yield np.array([time for time, _, _ in part], np.int64), part
        at += size


@settings(max_examples=300)
@given(streams=st.lists(BATCHES, max_size=4))
def test_the_merge_is_everything_sorted_by_time_stream_and_sequence(streams: list[list[list[int]]]) -> None:
    """Many equal times, batches of one, empty streams: the order never depends on where a batch ends."""
    sorted_times = [sorted(time for batch in batches for time in batch) for batches in streams]
    sizes = [[len(batch) for batch in batches] for batches in streams]
    readers = [batches_of(times, size, stream) for stream, (times, size) in enumerate(zip(sorted_times, sizes, strict=True))]
    merged = [row for window in merge_windows(readers) for row in window]
    assert merged == sorted((time, stream, sequence) for stream, times in enumerate(sorted_times) for sequence, time in enumerate(times))


INTEGERS = st.integers(-(10**18) + 1, 10**18 - 1)
TIMES = st.integers(0, 9)
LEVELS = st.lists(st.tuples(INTEGERS, INTEGERS), max_size=3).map(tuple)
FIELDS = {
    "ts_init": TIMES,
    "ts_event": TIMES,
    "instrument_id": st.just("v:S"),
    "aggressor": st.sampled_from(Side),
    "trade_id": st.text(st.characters(codec="utf-8"), max_size=5),
    "bids": LEVELS,
    "asks": LEVELS,
    "warm_up": st.just(value=False),
}
KINDS = [kind for kind in MARKET_TYPES if kind is not Bar]


def any_of(kind: type[MarketEvent]) -> st.SearchStrategy[list[MarketEvent]]:
    """Give events of one kind in order of time."""
    event = st.builds(kind, **{name: FIELDS.get(name, INTEGERS) for name in kind.__struct_fields__})
    return st.lists(event, max_size=5).map(lambda events: sorted(events, key=lambda one: one.ts_init))


@settings(max_examples=60)
@given(
    streams=st.tuples(*map(any_of, KINDS)),
    scales=st.tuples(st.integers(0, 18), st.integers(0, 18)),
    period=st.tuples(st.none() | TIMES, st.none() | TIMES),
)
def test_every_kind_comes_back_from_its_columns_in_one_order(
    streams: tuple[list[MarketEvent], ...], scales: tuple[int, int], period: tuple[int | None, int | None]
) -> None:
    """Columns keep any unit of 18 digits on any scale, and a period leaves out its start and keeps its end."""
    instrument = Instrument(instrument_id="v:S", base="S", quote="Q", price_scale=scales[0], quantity_scale=scales[1])
    tables = [
        EventTable("t", kind, instrument, make_event_table(kind, columns_of_events(kind, events), instrument))
        for kind, events in zip(KINDS, streams, strict=True)
    ]
    start, end = period
    wanted = sorted(
        (event.ts_init, place, sequence, event)
        for place, events in enumerate(streams)
        for sequence, event in enumerate(events)
        if (start is None or event.ts_init > start) and (end is None or event.ts_init <= end)
    )
    assert list(merge_streams(tables, start, end)) == [event for *_, event in wanted]
