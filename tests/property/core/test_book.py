"""Whatever a venue sends, a book equals the plain one, or gives nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from live.core.book import BookState, OrderBook
from live.core.market_events import BookDelta, BookSnapshot, Levels
from live.core.vocabulary import Side

PRICES, QUANTITIES = st.integers(1, 12), st.integers(0, 3)
CHANGES = st.lists(st.tuples(st.dictionaries(PRICES, QUANTITIES, max_size=4), st.dictionaries(PRICES, QUANTITIES, max_size=4)), max_size=12)


def bids_of(levels: dict[int, int]) -> Levels:
    """Put bids in order."""
    return tuple(sorted(levels.items(), reverse=True))


def asks_of(levels: dict[int, int]) -> Levels:
    """Put asks in order."""
    return tuple(sorted(levels.items()))


def without_zeros(levels: dict[int, int]) -> dict[int, int]:
    """Leave out what is gone."""
    return {price: quantity for price, quantity in levels.items() if quantity}


@settings(max_examples=150)
@given(changes=CHANGES, known=st.integers(0, 12), lost=st.sets(st.integers(0, 11), max_size=2))
def test_a_spliced_book_is_the_plain_one_or_silent(
    changes: list[tuple[dict[int, int], dict[int, int]]], known: int, lost: set[int]
) -> None:
    """A snapshot of any moment arrives after all deltas, of which some are lost on the way: what matters must be there."""
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    book = OrderBook()
    moment = BookSnapshot(0, 0, "v:S", 0, (), ())
    for number, (bid_changes, ask_changes) in enumerate(changes):
        bids, asks = without_zeros(bids | bid_changes), without_zeros(asks | ask_changes)
        if number not in lost:
            book.apply(BookDelta(number, number, "v:S", number + 1, number + 1, bids_of(bid_changes), asks_of(ask_changes)))
        if number + 1 == known:
            moment = BookSnapshot(99, 99, "v:S", known, bids_of(bids), asks_of(asks))
    book.apply(moment)
    kept = [number for number in range(len(changes)) if number not in lost]
    needed = range(moment.sequence, max(kept, default=-1) + 1)
    if any(number in lost for number in needed):
        assert book.state is BookState.GAP
    elif not lost.intersection(range(len(changes))):
        crossed = bids and asks and max(bids) >= min(asks)
        assert (book.state is BookState.SYNCHRONISED) == (not crossed)
        assert (book.bids(), book.asks()) == (((), ()) if crossed else (bids_of(bids), asks_of(asks)))


@settings(max_examples=150)
@given(
    asks=st.dictionaries(st.integers(1, 50), st.integers(1, 9), max_size=8),
    quantity=st.integers(1, 60),
    limit_price=st.none() | st.integers(1, 50),
)
def test_an_order_takes_the_best_first_and_never_more_than_there_is(asks: dict[int, int], quantity: int, limit_price: int | None) -> None:
    """A buy of the asks mirrors a sell of bids at mirrored prices."""
    book, mirror = OrderBook(), OrderBook()
    book.apply(BookSnapshot(1, 1, "v:S", 1, (), asks_of(asks)))
    mirror.apply(BookSnapshot(1, 1, "v:S", 1, bids_of({100 - price: held for price, held in asks.items()}), ()))
    fills = book.walk(Side.BUY, quantity, limit_price)
    reachable = {price: held for price, held in asks.items() if limit_price is None or price <= limit_price}
    assert sum(taken for _, taken in fills) == min(quantity, sum(reachable.values()))
    assert [price for price, _ in fills] == sorted(reachable)[: len(fills)]
    assert all(taken == asks[price] for price, taken in fills[:-1])
    mirrored = mirror.walk(Side.SELL, quantity, None if limit_price is None else 100 - limit_price)
    assert [(100 - price, taken) for price, taken in mirrored] == fills
