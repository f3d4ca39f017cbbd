"""Commissions: rates of an account, and what an execution pays in which asset.

Source: Binance Spot API documentation, "Commission rates" FAQ.
"""

from msgspec import Struct

from live.venues.exchange.fixed8 import ONE, Fixed8


class CommissionRates(Struct, frozen=True, kw_only=True):
    """Rates of an account as fractions in 10**-8.

    Attributes:
        discount: the share of the rate that is paid when the commission is taken in the discount asset (0.75 of it at a 25% discount).
        pay_with_discount_asset: whether the account asked to pay in the discount asset.
    """

    maker: Fixed8 = ONE // 1_000
    taker: Fixed8 = ONE // 1_000
    discount_asset: str = "BNB"
    discount: Fixed8 = ONE * 3 // 4
    pay_with_discount_asset: bool = False
