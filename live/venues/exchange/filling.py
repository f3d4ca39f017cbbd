"""Fill a client's resting order on demand: the market takes its way to it, by price and time like any other taker."""

from live.venues.exchange.exchange import Exchange
from live.venues.exchange.fixed8 import Fixed8
from live.venues.exchange.orders import OPEN_STATUSES, OrderRequest, OrderType, SelfTradePrevention, Side, TimeInForce, VenueOrder

TAKER = "house-taker-on-demand"

MOST_LEVELS = 5_000


def fill_resting(exchange: Exchange, order: VenueOrder, parts_per_million: int, now: int) -> bool:
    """Take part of what remains of an order, whatever rests before it first; says whether that was possible."""
    if order.status not in OPEN_STATUSES or not order.is_working or not order.price:
        return False
    exchange.add_account(TAKER, {}, now, house=True)
    step = exchange.symbols[order.symbol].step_size
    wanted = max(step, order.remaining * parts_per_million // 1_000_000 // step * step)
    side = Side.SELL if order.side is Side.BUY else Side.BUY
    if better := _rests_before(exchange, order):
        _take(exchange, order.symbol, side, order.price, better, now)
    start = order.executed
    while (missing := wanted - (exchange.order(order.account, order.symbol, order.order_id).executed - start)) > 0:
        if not _take(exchange, order.symbol, side, order.price, missing, now):
            return False
    return True


def _rests_before(exchange: Exchange, order: VenueOrder) -> Fixed8:
    """Give what rests at better prices."""
    depth = exchange.depth(order.symbol, MOST_LEVELS)
    if order.side is Side.BUY:
        return sum(quantity for price, quantity in depth.bids if price > order.price)
    return sum(quantity for price, quantity in depth.asks if price < order.price)


def _take(exchange: Exchange, symbol: str, side: Side, price: Fixed8, quantity: Fixed8, now: int) -> Fixed8:
    request = OrderRequest(
        symbol=symbol,
        side=side,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        quantity=quantity,
        price=price,
        stp_mode=SelfTradePrevention.NONE,
    )
    return exchange.place(TAKER, request, now).order.executed
