"""The order book: spliced by sequence, silent when it cannot be believed."""

import pytest

from live.core.book import RECENT_DELTAS, BookState, OrderBook
from live.core.decimals import LARGEST_INTEGER
from live.core.errors import InputError
from live.core.market_events import BookDelta, BookSnapshot, Levels
from live.core.vocabulary import Side

BTC = "binance-spot:BTCUSDT"
BIDS: Levels = ((100, 5), (99, 7), (97, 1))
ASKS: Levels = ((101, 4), (103, 6), (110, 9))


def snapshot(sequence: int = 10, bids: Levels = BIDS, asks: Levels = ASKS) -> BookSnapshot:
    """Make a snapshot."""
    return BookSnapshot(sequence, sequence, BTC, sequence, bids, asks)


def delta(first: int, last: int, bids: Levels = (), asks: Levels = ()) -> BookDelta:
    """Make a delta."""
    return BookDelta(last, last, BTC, first, last, bids, asks)


def synchronised() -> OrderBook:
    """Give a book that one snapshot made."""
    book = OrderBook()
    assert book.apply(snapshot()) is BookState.SYNCHRONISED
    return book


def assert_silent(book: OrderBook) -> None:
    """No question is answered with a price or a quantity."""
    assert book.best_bid is None
    assert book.best_ask is None
    assert book.bids() == book.asks() == ()
    assert book.walk(Side.BUY, 1) == []
    assert book.average_price(Side.SELL, 1) is None
    assert book.depth(Side.BUY) is None
    assert book.quantity_at(Side.BUY, 100) is None


def test_a_book_without_a_snapshot_gives_nothing() -> None:
    """Deltas alone say nothing about the levels that did not change."""
    book = OrderBook()
    assert book.apply(delta(1, 2, bids=((100, 1),), asks=((101, 1),))) is None
    assert book.state is BookState.EMPTY
    assert_silent(book)


def test_a_snapshot_gives_every_level_best_first() -> None:
    """The sides come back as they were given."""
    book = synchronised()
    assert (book.best_bid, book.best_ask) == ((100, 5), (101, 4))
    assert (book.bids(), book.asks()) == (BIDS, ASKS)
    assert (book.bids(2), book.asks(1)) == (BIDS[:2], ASKS[:1])
    assert (book.sequence, book.ts_event) == (10, 10)


def test_a_delta_sets_adds_and_removes_levels() -> None:
    """Quantities replace, zero removes, and removing what is not there is no fault."""
    book = synchronised()
    assert book.apply(delta(11, 12, bids=((100, 0), (98, 3)), asks=((101, 9), (102, 1), (110, 0), (200, 0)))) is None
    assert book.bids() == ((99, 7), (98, 3), (97, 1))
    assert book.asks() == ((101, 9), (102, 1), (103, 6))
    assert (book.sequence, book.ts_event) == (12, 12)


def test_what_the_snapshot_knew_is_dropped_and_what_spans_it_applies() -> None:
    """Deltas that were received before the snapshot are spliced onto it by their numbers."""
    book = OrderBook()
    book.apply(delta(5, 10, bids=((100, 77),)))
    book.apply(delta(9, 12, bids=((99, 8),)))
    assert book.apply(snapshot(10)) is BookState.SYNCHRONISED
    assert book.bids() == ((100, 5), (99, 8), (97, 1))
    assert book.sequence == 12
    assert book.apply(delta(11, 12, bids=((99, 1),))) is None
    assert book.bids(2) == ((100, 5), (99, 8))


@pytest.mark.parametrize("after_a_gap", [False, True])
def test_a_gap_silences_the_book_until_a_snapshot_joins_the_deltas(*, after_a_gap: bool) -> None:
    """A snapshot from before the gap does not help; one that reaches the deltas does."""
    book = synchronised()
    assert book.apply(delta(12, 13, bids=((100, 6),))) is BookState.GAP
    assert_silent(book)
    assert book.apply(delta(14, 14, asks=((101, 1),))) is None
    if after_a_gap:
        assert book.apply(snapshot(10)) is None
        assert_silent(book)
    assert book.apply(snapshot(12)) is BookState.SYNCHRONISED
    assert (book.best_bid, book.best_ask, book.sequence) == ((100, 6), (101, 1), 14)


def test_a_late_snapshot_takes_nothing_back() -> None:
    """One that was asked for before the deltas that came meanwhile is brought up to them."""
    book = synchronised()
    book.apply(delta(11, 11, bids=((100, 9),)))
    assert book.apply(snapshot(10)) is None
    assert (book.best_bid, book.sequence) == ((100, 9), 11)


def test_numbers_that_began_anew_are_a_gap() -> None:
    """A venue that restarted its numbers gives a snapshot that joins nothing that is known; the first after new deltas does."""
    book = synchronised()
    book.apply(delta(11, 11))
    assert book.apply(snapshot(3)) is BookState.GAP
    assert_silent(book)
    book.apply(delta(4, 4, bids=((100, 6),)))
    assert book.apply(snapshot(3)) is BookState.SYNCHRONISED
    assert (book.best_bid, book.sequence) == ((100, 6), 4)


def test_a_snapshot_older_than_the_deltas_that_are_kept_is_a_gap() -> None:
    """What was let go cannot be spliced, so the book does not pretend."""
    book = OrderBook()
    for number in range(11, 12 + RECENT_DELTAS):
        book.apply(delta(number, number))
    assert book.apply(snapshot(10)) is BookState.GAP
    assert book.apply(snapshot(11)) is BookState.SYNCHRONISED


@pytest.mark.parametrize(("price", "state"), [(101, BookState.LOCKED), (102, BookState.CROSSED)])
def test_sides_that_touch_or_cross_silence_the_book_until_they_part(price: int, state: BookState) -> None:
    """No fill can be computed from a book in which a trade should have happened."""
    book = synchronised()
    assert book.apply(delta(11, 11, bids=((price, 1),))) is state
    assert_silent(book)
    assert book.apply(delta(12, 12, bids=((price, 0),))) is BookState.SYNCHRONISED
    assert book.best_bid == (100, 5)
    assert book.apply(snapshot(13, bids=((price, 1),), asks=((101, 1),))) is state


def test_a_side_without_levels_has_no_best() -> None:
    """The other side still has."""
    book = OrderBook()
    assert book.apply(snapshot(bids=())) is BookState.SYNCHRONISED
    assert book.best_bid is None
    assert book.best_ask == (101, 4)
    assert book.walk(Side.SELL, 5) == []


def test_an_order_walks_the_other_side_from_the_best_price_on() -> None:
    """Partial fills name price and quantity, and stop at the limit or where the book ends."""
    book = synchronised()
    assert book.walk(Side.BUY, 7) == [(101, 4), (103, 3)]
    assert book.walk(Side.BUY, 7, limit_price=102) == [(101, 4)]
    assert book.walk(Side.BUY, 7, limit_price=100) == []
    assert book.walk(Side.SELL, 99) == list(BIDS)
    assert book.walk(Side.SELL, 99, limit_price=99) == list(BIDS[:2])
    assert book.walk(Side.SELL, 0) == []
    assert (book.bids(), book.asks()) == (BIDS, ASKS)


def test_the_average_price_is_rounded_against_who_takes() -> None:
    """(4 x 101 + 3 x 103) / 7 is 101.86, and (5 x 100 + 4 x 99) / 9 is 99.56; more than there is has no price."""
    book = synchronised()
    assert book.average_price(Side.BUY, 7) == 102
    assert book.average_price(Side.SELL, 9) == 99
    assert book.average_price(Side.BUY, 4) == 101
    assert book.average_price(Side.BUY, 20) is None
    assert book.average_price(Side.BUY, 0) is None


def test_depth_counts_what_rests_at_a_price_or_better() -> None:
    """On the side that is named, all of it unless a price is."""
    book = synchronised()
    assert (book.depth(Side.BUY), book.depth(Side.SELL)) == (13, 19)
    assert (book.depth(Side.BUY, 99), book.depth(Side.SELL, 103)) == (12, 10)
    assert (book.depth(Side.BUY, 101), book.depth(Side.SELL, 100)) == (0, 0)
    assert (book.quantity_at(Side.BUY, 99), book.quantity_at(Side.SELL, 102)) == (7, 0)


@pytest.mark.parametrize(
    "event",
    [
        delta(11, 11, bids=((98, 1), (99, 1))),
        delta(11, 11, bids=((98, 1), (98, 1))),
        delta(11, 11, asks=((103, 1), (102, 1))),
        delta(11, 11, bids=((98, -1),)),
        delta(11, 11, asks=((0, 1),)),
        delta(11, 11, bids=((LARGEST_INTEGER + 1, 1),)),
        delta(11, 11, asks=((LARGEST_INTEGER + 1, 1),)),
        delta(11, 11, asks=((102, LARGEST_INTEGER + 1),)),
        delta(12, 11),
        snapshot(11, bids=((100, 0),)),
        snapshot(11, asks=((103, 1), (101, 1))),
    ],
)
def test_levels_that_no_book_has_are_refused_and_change_nothing(event: BookDelta | BookSnapshot) -> None:
    """Unsorted or doubled prices, what is not positive or does not fit, and numbers that run backwards."""
    book = synchronised()
    with pytest.raises(InputError, match="binance-spot:BTCUSDT"):
        book.apply(event)
    assert (book.state, book.bids(), book.asks(), book.sequence) == (BookState.SYNCHRONISED, BIDS, ASKS, 10)
    assert book.apply(delta(11, 11, bids=((100, 6),))) is None
    assert book.best_bid == (100, 6)
