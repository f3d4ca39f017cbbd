"""Commissions: rates of an account, and what an execution pays in which asset.

Source: Binance Spot API documentation, "Commission rates" FAQ.
"""

from msgspec import Struct

from live.venues.exchange.fixed8 import ONE, Fixed8


class CommissionRates(Struct, frozen=True, kw_only=True):
    """Rates of an account as fractions in 10**-8.

    Attributes:
        discount: the share of the commission that is left to pay when it is paid in the discount asset.
        pay_with_discount_asset: whether the account asked to pay in the discount asset.
    """

    maker: Fixed8 = ONE // 1_000
    taker: Fixed8 = ONE // 1_000
    discount_asset: str = "BNB"
    discount: Fixed8 = ONE * 3 // 4
    pay_with_discount_asset: bool = False


def commission(received: Fixed8, rate: Fixed8) -> Fixed8:
    """Give what is kept of a received amount, rounded down."""
    return received * rate // ONE


def discounted_commission(quote: Fixed8, rate: Fixed8, discount: Fixed8, discount_price: Fixed8) -> Fixed8:
    """Give the commission on a notional in the discount asset, which costs `discount_price` in quote, rounded down."""
    return quote * rate * discount // (ONE * discount_price)
