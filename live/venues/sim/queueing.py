"""Place in the queue: how much rests before an order at its price, and how trades and cancels move it forward.

An order joins behind everything visible at its price. What trades there comes off the front. Whether what is canceled there stood
before or behind us is not visible, so it is declared: behind (pessimistic) or in proportion.
"""

from collections.abc import Iterable

from live.core.book import OrderBook
from live.core.market_events import Quote
from live.core.vocabulary import Side
from live.venues.sim.settings import QueueCancels, QueueModel
from live.venues.sim.working import WorkingOrder


def join_queue(order: WorkingOrder, model: QueueModel, book: OrderBook | None, quote: Quote | None) -> None:
    """Put an order that begins to rest behind what is visible at its price, or behind the declared quantity."""
    visible = visible_quantity(order, book, quote)
    order.visible = visible
    order.ahead = model.ahead if visible is None else visible
    order.traded = 0


def visible_quantity(order: WorkingOrder, book: OrderBook | None, quote: Quote | None) -> int | None:
    """Give what rests at an order's price on its side of the market, in quantity units; None when nothing shows it."""
    assert order.limit is not None
    if book is not None:
        return book.quantity_at(Side.BUY if order.sign > 0 else Side.SELL, order.limit)
    if quote is None:
        return None
    best, quantity = (quote.bid_price, quote.bid_quantity) if order.sign > 0 else (quote.ask_price, quote.ask_quantity)
    if order.limit == best:
        return quantity
    return 0 if order.sign * (order.limit - best) > 0 else None


def look_again(orders: Iterable[WorkingOrder], model: QueueModel, book: OrderBook | None, quote: Quote | None) -> None:
    """Move orders forward by what a new quote or book shows to have left from before them."""
    for order in orders:
        visible = visible_quantity(order, book, quote)
        if visible is None:
            continue
        before = order.visible
        if before is not None and model.cancels is QueueCancels.PRO_RATA and before > 0:
            canceled = before - order.traded - visible
            if canceled > 0:
                order.ahead -= canceled * order.ahead // before
        # Ours is behind all that was visible when it came, and what came later is behind ours.
        order.ahead = max(0, min(order.ahead, visible))
        order.visible = visible
        order.traded = 0


def pass_trade(orders: Iterable[WorkingOrder], quantity: int) -> list[tuple[WorkingOrder, int]]:
    """Let a trade at the price of resting orders come off the front of the queue.

    Args:
        orders: ours at that price, the first to come first.
        quantity: what traded, in quantity units.

    Returns:
        Orders and how much of the trade reaches them.
    """
    left = quantity
    reached: list[tuple[WorkingOrder, int]] = []
    for order in orders:
        passed = min(order.ahead, left)
        order.ahead -= passed
        order.traded += quantity
        part = min(order.remaining, left - passed)
        if part > 0:
            reached.append((order, part))
            left -= part
    return reached
