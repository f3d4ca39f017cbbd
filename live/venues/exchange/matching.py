"""Matching, planned before anything changes: which resting orders a taker would meet, in price-time priority.

A plan is made first because a fill-or-kill order, a post-only order and a market order's cost must be judged on the whole of it.
Source of self-trade prevention: Binance Spot API documentation, "Self Trade Prevention FAQ".
"""

from msgspec import Struct

from live.venues.exchange.book import BookSide
from live.venues.exchange.fixed8 import ONE, Fixed8
from live.venues.exchange.orders import SelfTradePrevention, Side, VenueOrder


class Step(Struct, frozen=True):
    """A resting order that a taker meets: it trades `quantity`, or self-trade prevention keeps that from happening."""

    maker: VenueOrder
    quantity: Fixed8
    prevented: bool


class Plan(Struct):
    """What a taker would do.

    Attributes:
        traded, cost: base and quote that would trade.
        prevented: base that self-trade prevention would take off the taker.
        exhausted: the book ended, or its prices left the limit, before the taker was done.
    """

    steps: list[Step]
    traded: Fixed8 = 0
    cost: Fixed8 = 0
    prevented: Fixed8 = 0
    exhausted: bool = False

    @property
    def size(self) -> Fixed8:
        """Add up what would trade and what would be prevented."""
        return self.traded + self.prevented


def plan(opposite: BookSide, side: Side, account: str, limit: Fixed8, quantity: Fixed8, mode: SelfTradePrevention) -> Plan:
    """Match a base quantity up to a limit price, 0 for any price."""
    result = Plan([])
    remaining = quantity
    buying = side is Side.BUY
    for price in opposite.prices():
        if limit and (price > limit if buying else price < limit):
            break
        for maker in opposite.levels[price].orders.values():
            available = maker.remaining
            amount = min(remaining, available)
            if maker.account == account and mode is not SelfTradePrevention.NONE:
                if mode is SelfTradePrevention.EXPIRE_MAKER:
                    result.steps.append(Step(maker, available, prevented=True))
                    continue
                if mode is not SelfTradePrevention.DECREMENT:
                    result.steps.append(Step(maker, remaining, prevented=True))
                    result.prevented += remaining
                    return result
                result.steps.append(Step(maker, amount, prevented=True))
                result.prevented += amount
            else:
                result.steps.append(Step(maker, amount, prevented=False))
                result.traded += amount
                result.cost += price * amount // ONE
            remaining -= amount
            if not remaining:
                return result
    result.exhausted = True
    return result


def plan_by_quote(opposite: BookSide, account: str, quote: Fixed8, step_size: Fixed8, most: Fixed8, mode: SelfTradePrevention) -> Plan:
    """Match as much as comes closest to a quote amount without exceeding it, in whole lots and at most `most` in base.

    What self-trade prevention takes off counts as if it had traded.
    """
    result = Plan([])
    left = quote
    for price in opposite.prices():
        for maker in opposite.levels[price].orders.values():
            affordable = min(left * ONE // price, most - result.traded - result.prevented) // step_size * step_size
            if not affordable:
                return result
            available = maker.remaining
            amount = min(affordable, available)
            if maker.account == account and mode is not SelfTradePrevention.NONE:
                if mode is SelfTradePrevention.EXPIRE_MAKER:
                    result.steps.append(Step(maker, available, prevented=True))
                    continue
                if mode is not SelfTradePrevention.DECREMENT:
                    result.steps.append(Step(maker, affordable, prevented=True))
                    result.prevented += affordable
                    return result
                result.steps.append(Step(maker, amount, prevented=True))
                result.prevented += amount
            else:
                result.steps.append(Step(maker, amount, prevented=False))
                result.traded += amount
                result.cost += price * amount // ONE
            left -= price * amount // ONE
            if amount < available:
                return result
    result.exhausted = True
    return result
