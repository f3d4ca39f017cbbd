"""Orders are found, canceled and replaced as Binance's documentation says, and never twice."""

import pytest
from floor import BUY, SELL, Floor, request, units

from live.venues.exchange.errors import VenueError
from live.venues.exchange.exchange import Canceled, CancelReplaced, Placed
from live.venues.exchange.orders import CancelReplaceMode, CancelRestrictions, ExecutionType, OrderStatus, OrderType

STOP, ALLOW = CancelReplaceMode.STOP_ON_FAILURE, CancelReplaceMode.ALLOW_FAILURE


@pytest.fixture
def floor() -> Floor:
    """Give an exchange with an empty book."""
    return Floor()


def cancel(
    floor: Floor,
    order_id: int | None = None,
    original: str | None = None,
    new: str | None = None,
    restrictions: CancelRestrictions | None = None,
) -> Canceled:
    """Cancel as alice."""
    return floor.exchange.cancel("alice", "BTCUSDT", order_id, original, new, restrictions, floor.tick())


def test_a_canceled_order_is_off_the_book_and_its_funds_are_free(floor: Floor) -> None:
    """By the exchange's id or by the client's."""
    first = floor.limit("alice", BUY, 1, 100, client_id="first").order.order_id
    floor.limit("alice", BUY, 1, 101, client_id="second")

    canceled = cancel(floor, first, new="mine")
    assert (canceled.order.status, canceled.original_client_order_id, canceled.client_order_id) == (
        OrderStatus.CANCELED,
        "first",
        "mine",
    )
    made_up = cancel(floor, original="second").client_order_id

    assert len(made_up) == 22
    assert made_up.isalnum()
    assert floor.exchange.depth("BTCUSDT").bids == ()
    assert floor.balance("alice", "USDT") == (1_000_000, 0)


def test_a_partly_filled_order_keeps_what_it_traded(floor: Floor) -> None:
    """Cancellation frees the rest alone."""
    order_id = floor.limit("alice", BUY, 3, 100).order.order_id
    floor.market("maker", SELL, 1)

    order = cancel(floor, order_id).order

    assert (order.status, order.executed) == (OrderStatus.CANCELED, units(1))
    assert floor.balance("alice", "USDT") == (1_000_000 - 100, 0)


def test_what_is_not_open_cannot_be_canceled(floor: Floor) -> None:
    """Unknown, canceled and filled orders get the same words, and so does another account's."""
    canceled = floor.limit("alice", BUY, 1, 100, client_id="gone").order.order_id
    cancel(floor, canceled)
    filled = floor.limit("alice", BUY, 1, 100).order.order_id
    floor.market("maker", SELL, 1)
    others = floor.limit("bob", BUY, 1, 100).order.order_id

    for order_id, original in ((canceled, None), (None, "gone"), (filled, None), (others, None), (999, None), (None, "never")):
        with pytest.raises(VenueError, match=r"-2011 Unknown order sent\."):
            cancel(floor, order_id, original)
    with pytest.raises(VenueError, match=r"-2011 Cancel order is invalid\. Check origClOrdId and orderId\."):
        cancel(floor)


def test_both_ids_must_name_the_same_order(floor: Floor) -> None:
    """The exchange's id is looked up, and the client's must agree."""
    order_id = floor.limit("alice", BUY, 1, 100, client_id="right").order.order_id

    with pytest.raises(VenueError, match=r"-2011 Unknown order sent\."):
        cancel(floor, order_id, "wrong")
    cancel(floor, order_id, "right")


def test_a_cancellation_can_be_bound_to_the_orders_state(floor: Floor) -> None:
    """ONLY_NEW spares what has traded, ONLY_PARTIALLY_FILLED what has not."""
    order_id = floor.limit("alice", BUY, 2, 100).order.order_id
    with pytest.raises(VenueError, match=r"-2011 Order was not canceled due to cancel restrictions\."):
        cancel(floor, order_id, restrictions=CancelRestrictions.ONLY_PARTIALLY_FILLED)
    floor.market("maker", SELL, 1)
    with pytest.raises(VenueError, match=r"-2011 Order was not canceled due to cancel restrictions\."):
        cancel(floor, order_id, restrictions=CancelRestrictions.ONLY_NEW)

    cancel(floor, order_id, restrictions=CancelRestrictions.ONLY_PARTIALLY_FILLED)


def test_all_open_orders_of_a_symbol_go_at_once(floor: Floor) -> None:
    """Stops included, other symbols and accounts not; without any it is an error."""
    floor.limit("alice", BUY, 1, 100)
    floor.place("alice", request(SELL, OrderType.STOP_LOSS, 1, stop=50))
    floor.place("alice", request(BUY, OrderType.LIMIT, 1, 100, symbol="ETHUSDT"))
    floor.limit("bob", BUY, 1, 100)

    canceled = floor.exchange.cancel_all("alice", "BTCUSDT", floor.tick())

    assert [each.order.order_id for each in canceled] == [1, 2]
    assert canceled[0].client_order_id == canceled[1].client_order_id != "", "one request has one id, as the documentation shows"
    assert [order.symbol for order in floor.exchange.open_orders("alice")] == ["ETHUSDT"]
    assert len(floor.exchange.open_orders("bob", "BTCUSDT")) == 1
    with pytest.raises(VenueError, match=r"-2011 Unknown order sent\."):
        floor.exchange.cancel_all("alice", "BTCUSDT", floor.tick())


def test_a_client_id_is_unique_among_open_orders_only(floor: Floor) -> None:
    """A second order under the id of an open one is refused, under that of a filled one it is another order."""
    first = floor.limit("alice", BUY, 1, 100, client_id="same").order.order_id
    with pytest.raises(VenueError, match=r"-2010 Duplicate order sent\."):
        floor.limit("alice", BUY, 1, 100, client_id="same")
    floor.limit("bob", BUY, 1, 100, client_id="same")
    floor.market("maker", SELL, 2)

    second = floor.limit("alice", BUY, 1, 100, client_id="same").order.order_id

    assert floor.exchange.order("alice", "BTCUSDT", original_client_order_id="same").order_id == second
    assert floor.exchange.order("alice", "BTCUSDT", first).status is OrderStatus.FILLED


def test_an_unknown_order_does_not_exist(floor: Floor) -> None:
    """By either id, for another account's, and where the two ids disagree."""
    order_id = floor.limit("alice", BUY, 1, 100, client_id="known").order.order_id

    for account, wanted, original in (("alice", 99, None), ("alice", None, "no"), ("bob", order_id, None), ("alice", order_id, "no")):
        with pytest.raises(VenueError, match=r"-2013 Order does not exist\."):
            floor.exchange.order(account, "BTCUSDT", wanted, original)


@pytest.mark.parametrize(
    ("mode", "old", "affordable", "cancel_result", "new_result"),
    [
        (STOP, "old", True, Canceled, Placed),
        (STOP, "none", True, VenueError, type(None)),
        (STOP, "old", False, Canceled, VenueError),
        (ALLOW, "old", True, Canceled, Placed),
        (ALLOW, "none", True, VenueError, Placed),
        (ALLOW, "old", False, Canceled, VenueError),
        (ALLOW, "none", False, VenueError, VenueError),
    ],
)
def test_a_cancel_replace_has_two_outcomes(
    floor: Floor, mode: CancelReplaceMode, old: str, affordable: bool, cancel_result: type, new_result: type
) -> None:
    """The documented table: whether the new order is tried when the cancellation failed is the mode's."""
    floor.limit("alice", BUY, 1, 100, client_id="old")

    result = replace_order(floor, mode, old, 99 if affordable else 900_000)

    assert isinstance(result.cancel, cancel_result)
    assert isinstance(result.new_order, new_result)
    assert len(floor.exchange.open_orders("alice")) == (cancel_result is VenueError) + (new_result is Placed)
    told = [event.execution_type for event in floor.order_events()]
    assert (ExecutionType.REJECTED in told) == (cancel_result is Canceled and new_result is VenueError)


def test_a_replacement_can_use_what_the_cancellation_frees(floor: Floor) -> None:
    """The old order's funds pay for the new."""
    floor.limit("alice", BUY, 2, 400_000, client_id="old")

    assert isinstance(replace_order(floor, STOP, "old", 450_000).new_order, Placed)


def test_a_replacement_that_breaks_a_filter_cancels_nothing(floor: Floor) -> None:
    """Filters are evaluated before anything is done."""
    floor.limit("alice", BUY, 1, 100, client_id="old")

    with pytest.raises(VenueError, match="Filter failure: PRICE_FILTER"):
        replace_order(floor, ALLOW, "old", "99.001")
    assert len(floor.exchange.open_orders("alice")) == 1


def test_a_refused_replacement_is_reported_when_the_old_order_is_gone(floor: Floor) -> None:
    """The user stream says REJECTED, with the reason, only then."""
    floor.limit("alice", BUY, 1, 100, client_id="old")
    floor.drain()

    replace_order(floor, STOP, "old", 900_000)

    canceled, rejected = floor.order_events()
    assert canceled.execution_type is ExecutionType.CANCELED
    assert (rejected.execution_type, rejected.order.status, rejected.reject_reason) == (
        ExecutionType.REJECTED,
        OrderStatus.REJECTED,
        "INSUFFICIENT_BALANCES",
    )
    assert floor.exchange.open_orders("alice") == ()


def replace_order(floor: Floor, mode: CancelReplaceMode, old: str, price: int | str) -> CancelReplaced:
    """Replace alice's order by a bid for two."""
    order = request(BUY, OrderType.LIMIT, 2, price)
    return floor.exchange.cancel_replace("alice", order, mode, floor.tick(), cancel_original_client_order_id=old)
