"""Does the worst case fit: order value, positions over all open and unknown orders, balance, margin, open orders."""

from live.core.decimals import PARTS_PER_MILLION, divide_up
from live.core.exposures import Worst
from live.core.risk.candidate import FEE_RESERVE_PPM, Candidate, Denial
from live.core.risk.codes import DenialCode
from live.core.scope_limits import ScopeLimits
from live.core.vocabulary import OrderType, Side

_STOP = OrderType.STOP  # a module's own name costs a fifth of an attribute of an enumeration


def check_notional(candidate: Candidate) -> Denial | None:
    """Deny an order worth less than the venue's minimum, or more than the limit or the lease allows, at its worst price."""
    minimum = candidate.instrument.minimum_notional
    if minimum:
        intent, price = candidate.intent, candidate.nominal_price
        if intent.order_type is _STOP and not candidate.buying:
            price = price * (PARTS_PER_MILLION - candidate.limits.price_collar_ppm) // PARTS_PER_MILLION
        smallest = candidate.instrument.notional(price, intent.quantity)
        if smallest < minimum:
            return Denial(DenialCode.NOTIONAL_BELOW_MINIMUM, f"{smallest} < {minimum}")
    largest = candidate.notional
    if largest > candidate.limits.maximum_order_notional:
        return Denial(DenialCode.NOTIONAL_ABOVE_MAXIMUM, f"{largest} > {candidate.limits.maximum_order_notional}")
    ceiling = candidate.state.leases[candidate.intent.strategy_id].maximum_order_notional
    if largest > ceiling:
        return Denial(DenialCode.LEASE_NOTIONAL_EXCEEDED, f"{largest} > {ceiling}")
    return None


def check_exit(candidate: Candidate) -> Denial | None:
    """Deny an entry after which the whole position, at a price lower by the collar, would be too small for the venue to take back.

    What reduces is not denied: a rest that is too small would be as stuck without it.
    """
    instrument = candidate.instrument
    if not instrument.minimum_notional:
        return None
    intent, position = candidate.intent, candidate.position
    after = position + intent.quantity if candidate.buying else position - intent.quantity
    if abs(after) <= abs(position) and (after >= 0) is (position >= 0):
        return None
    if after < 0 and not candidate.on_margin:
        return None  # check_position refuses it
    lowest = candidate.nominal_price * (PARTS_PER_MILLION - candidate.limits.price_collar_ppm) // PARTS_PER_MILLION
    left = instrument.notional(lowest, abs(after))
    if left < instrument.minimum_notional and after:
        return Denial(DenialCode.EXIT_BELOW_MINIMUM, f"{left} < {instrument.minimum_notional}")
    return None


def check_reduce_only(candidate: Candidate) -> Denial | None:
    """Deny an order that is to reduce only, and at worst would not: over all live orders, but for others that only reduce as well."""
    if not candidate.intent.reduce_only or candidate.reduces:
        return None
    return Denial(DenialCode.REDUCE_ONLY_VIOLATED, f"position {candidate.position}, at worst {candidate.worst}")


def check_position(candidate: Candidate) -> Denial | None:
    """Deny a worst-case position below zero in a cash account, and positions worth more than the strategy's limits allow.

    What reduces is not denied: a position may be worth more than its limit because its price rose.
    """
    if candidate.reduces:
        return None
    if not candidate.buying and candidate.worst < 0 and not candidate.on_margin:
        return Denial(DenialCode.POSITION_BELOW_ZERO, f"position {candidate.position}, at worst {candidate.worst}")
    limits, total, books = candidate.limits, candidate.strategy_worst(), candidate.books
    if isinstance(total, str):
        return _held_unpriced(candidate, total)
    if len(books) != (candidate.book.instrument_id in books) and (foreign := _foreign(candidate)):  # it has books of other instruments
        return _held_unpriced(candidate, foreign)
    gross, bought, sold = total
    if gross > limits.maximum_position_notional:
        return Denial(DenialCode.POSITION_ABOVE_MAXIMUM, f"{gross} > {limits.maximum_position_notional}")
    net = limits.maximum_net_notional
    if bought > net or -sold > net:
        net = max(bought, -sold)
        return Denial(DenialCode.NET_EXPOSURE_EXCEEDED, f"{net} > {limits.maximum_net_notional}")
    if gross > limits.maximum_instrument_notional:
        worst, _, _ = candidate.worst_in(candidate.book)
        if worst > limits.maximum_instrument_notional:
            return Denial(DenialCode.INSTRUMENT_EXPOSURE_EXCEEDED, f"{worst} > {limits.maximum_instrument_notional}")
    return None


def _held_unpriced(candidate: Candidate, instrument_id: str) -> Denial:
    return Denial(DenialCode.PRICE_REFERENCE_MISSING, f"{instrument_id} is held but has no price in {candidate.instrument.quote}")


def _foreign(candidate: Candidate) -> str:
    """Name an instrument that the strategy holds in another quote asset than the order's: its limits cannot bound both."""
    instrument, instruments = candidate.instrument, candidate.state.instruments
    held = (name for name, book in candidate.books.items() if book.held and instruments[name].quote != instrument.quote)
    return min(held, default="")


def check_scope_exposure(candidate: Candidate) -> Denial | None:
    """Deny an order with which the account's or the venue's worst-case positions would be worth more than their limits allow.

    The account's position in an instrument is that of all its strategies together. What reduces is not denied.
    """
    if candidate.reduces:
        return None
    bounds, worst = candidate.bounds, candidate.account_worst()
    if isinstance(worst, str):
        return _unpriced(worst)
    gross, bought, sold = worst
    limits = bounds.account_limits
    net = limits.maximum_net_notional
    if gross > limits.maximum_gross_notional or bought > net or -sold > net:
        return Denial(DenialCode.ACCOUNT_EXPOSURE_EXCEEDED, _excess(worst, limits))
    worst = candidate.venue_worst()
    if isinstance(worst, str):
        return _unpriced(worst)
    gross, bought, sold = worst
    limits = bounds.venue_limits
    net = limits.maximum_net_notional
    if gross > limits.maximum_gross_notional or bought > net or -sold > net:
        return Denial(DenialCode.VENUE_EXPOSURE_EXCEEDED, _excess(worst, limits))
    return None


def _unpriced(instrument_id: str) -> Denial:
    return Denial(DenialCode.PRICE_REFERENCE_MISSING, f"{instrument_id} is held and has no price")


def _excess(worst: Worst, limits: ScopeLimits) -> str:
    """Say which worst case exceeds the limits of an account or a venue, where one does."""
    gross, bought, sold = worst
    if gross > limits.maximum_gross_notional:
        return f"gross {gross} > {limits.maximum_gross_notional}"
    return f"net {max(bought, -sold)} > {limits.maximum_net_notional}"


def check_balance(candidate: Candidate) -> Denial | None:
    """Deny what a cash account's free balance does not cover over all its live orders: a buy at its worst price with fees, a sell."""
    if candidate.on_margin:
        return None
    intent, instrument, state = candidate.intent, candidate.instrument, candidate.state
    buying = candidate.buying
    if buying:
        asset, needed = instrument.quote, candidate.notional
    else:
        asset, needed = instrument.base, instrument.base_amount(intent.quantity)
    key = (intent.account_id, asset)
    if candidate.alive_anywhere and (reserve := state.exposures.reserves.get(key)) is not None:
        needed += reserve.amount
    if state.external_orders:
        others = _reserved_by_others(candidate, asset)
        if isinstance(others, str):
            return Denial(DenialCode.PRICE_REFERENCE_MISSING, f"{others} has no price, and somebody else's order there takes any")
        needed += others
    if buying:
        needed -= -needed * FEE_RESERVE_PPM // PARTS_PER_MILLION  # the fee, rounded up
    balance = state.ledger.balances.get(key, 0)
    if needed > balance:
        return Denial(DenialCode.BALANCE_INSUFFICIENT, f"{asset} needed {needed}, held {balance}")
    return None


def _reserved_by_others(candidate: Candidate, asset: str) -> int | str:
    """Sum what orders in this account that none of our sessions sent may take of an asset; one without a limit at the last price.

    Names the instrument instead where that price is not known: what such an order takes could be anything.
    """
    state, total = candidate.state, 0
    for order in state.external_orders.values():
        instrument = state.instruments.get(order.instrument_id)
        if order.account_id != candidate.intent.account_id or instrument is None:
            continue
        if order.side is Side.SELL and instrument.base == asset:
            total += instrument.base_amount(order.remaining)
        elif order.side is Side.BUY and instrument.quote == asset:
            price = order.limit_price if order.limit_price is not None else candidate.markets[order.instrument_id].last_price
            if price is None:
                return order.instrument_id
            total += instrument.notional(price, order.remaining)
    return total


def check_margin(candidate: Candidate) -> Denial | None:
    """Deny an order with which a margin account's worst-case positions need more margin than its equity, or exceed its leverage.

    What lets the account's worst case in the instrument not grow is not denied.
    """
    if not candidate.on_margin:
        return None
    intent, instrument, state = candidate.intent, candidate.instrument, candidate.state
    books = state.exposures.accounts.get((intent.account_id, instrument.venue_id), {})
    own = books.get(intent.instrument_id)
    before, _, _ = (0, 0, 0) if own is None else own.worst(instrument, candidate.last_price)
    after, _, _ = candidate.worst_in(candidate.book if own is None else own)
    if after <= before and candidate.reduces:
        return None
    equity, total = candidate.equity(), candidate.account_worst()
    if equity is None or isinstance(total, str):
        return Denial(DenialCode.MARGIN_UNKNOWN, f"{intent.account_id} holds an instrument without a price")
    needed = divide_up(after * instrument.initial_margin_ppm + candidate.notional * FEE_RESERVE_PPM, PARTS_PER_MILLION)
    for table in state.exposures.of_account.get(intent.account_id, ()):
        for instrument_id, book in table.items():
            other = state.instruments[instrument_id]
            if other.quote != instrument.quote:
                continue
            fees = book.buy_notional + book.sell_notional + book.reducing_buy_notional + book.reducing_sell_notional
            margin = 0
            if instrument_id != intent.instrument_id:
                gross, _, _ = book.worst(other, candidate.markets[instrument_id].last_price or 0)
                margin = gross * other.initial_margin_ppm
            needed += divide_up(margin + fees * FEE_RESERVE_PPM, PARTS_PER_MILLION)
    if needed > equity:
        return Denial(DenialCode.MARGIN_INSUFFICIENT, f"{instrument.quote} needed {needed}, equity {equity}")
    leverage = state.ledger.account(intent.account_id).maximum_leverage_ppm
    gross, _, _ = total
    if gross * PARTS_PER_MILLION > equity * leverage:
        return Denial(DenialCode.LEVERAGE_EXCEEDED, f"{gross} of positions on {equity} of equity, allowed {leverage} ppm")
    return None


def check_open_orders(candidate: Candidate) -> Denial | None:
    """Deny one more order when as many as allowed are alive, unknown too: of the strategy, in the instrument, account or venue."""
    bounds = candidate.bounds
    if candidate.alive_anywhere < bounds.fewest_open_orders:
        return None  # as nearly always
    limits, book = candidate.limits, candidate.book
    alive = candidate.alive()
    if alive >= limits.maximum_open_orders:
        return Denial(DenialCode.OPEN_ORDERS_EXCEEDED, f"{alive} alive, allowed {limits.maximum_open_orders}")
    if book.orders >= limits.maximum_instrument_open_orders:
        return Denial(
            DenialCode.OPEN_ORDERS_EXCEEDED, f"{book.orders} alive in the instrument, allowed {limits.maximum_instrument_open_orders}"
        )
    anywhere, allowed = candidate.alive_anywhere, bounds.account_limits.maximum_open_orders
    if anywhere >= allowed and (alive := candidate.alive_in_account()) >= allowed:
        return Denial(DenialCode.ACCOUNT_OPEN_ORDERS_EXCEEDED, f"{alive} alive in {bounds.account[1]}, allowed {allowed}")
    allowed = bounds.venue_limits.maximum_open_orders
    if anywhere >= allowed and (alive := candidate.alive_at_venue()) >= allowed:
        return Denial(DenialCode.ACCOUNT_OPEN_ORDERS_EXCEEDED, f"{alive} alive at {bounds.venue[1]}, allowed {allowed}")
    return None
