"""What orders hold of their accounts, and what trades move: balances, and the exchange's commissions.

Sources: Binance Spot API documentation, "Commission rates FAQ" and "Unfilled order count rules".
"""

from collections.abc import Callable

from live.venues.exchange.accounts import Account
from live.venues.exchange.announcer import Announcer
from live.venues.exchange.commissions import commission, discounted_commission
from live.venues.exchange.fixed8 import ONE, Fixed8
from live.venues.exchange.orders import Side, VenueOrder
from live.venues.exchange.symbols import SymbolRules


class Settlement:
    """Keep the money of one symbol's orders: nothing is made or lost, and what is taken as commission is counted."""

    __slots__ = ("_announcer", "_discount_price", "_fees", "_rules")

    def __init__(self, rules: SymbolRules, announcer: Announcer, fees: dict[str, Fixed8], discount_price: Callable[[str], Fixed8]) -> None:
        self._rules = rules
        self._announcer = announcer
        self._fees = fees
        self._discount_price = discount_price

    def lock(self, order: VenueOrder, account: Account, cost: Fixed8) -> None:
        """Set aside what an order can cost: all of a sale, a limit's whole price, and `cost` in quote without one."""
        in_quote = order.price * order.remaining // ONE if order.price else cost
        self.hold(order, account, in_quote if order.side is Side.BUY else order.remaining)

    def hold(self, order: VenueOrder, account: Account, amount: Fixed8) -> None:
        """Let an order hold an amount from now on, and give back or take what that changes."""
        asset = self._rules.quote_asset if order.side is Side.BUY else self._rules.base_asset
        account.lock(asset, amount - order.locked)
        order.locked = amount
        self._touch(account)

    def settle(self, order: VenueOrder, account: Account, quantity: Fixed8, quote: Fixed8, *, is_maker: bool) -> tuple[str, Fixed8]:
        """Move what one side of a trade paid and received, after the order has counted it; give the commission's asset and amount."""
        rules = self._rules
        if order.side is Side.BUY:
            # What a better price than the limit saves is free again.
            held = order.price * order.remaining // ONE if order.price else order.locked - quote
            paid_asset, paid, received_asset, received = rules.quote_asset, quote, rules.base_asset, quantity
        else:
            held = order.locked - quantity
            paid_asset, paid, received_asset, received = rules.base_asset, quantity, rules.quote_asset, quote
        balance = account.balance(paid_asset)
        balance.locked += held - order.locked
        balance.free += order.locked - held - paid
        order.locked = held
        account.balance(received_asset).free += received
        if account.house:
            return received_asset, 0
        self._touch(account)
        return self._charge(account, received_asset, received, quote, is_maker=is_maker)

    def _charge(self, account: Account, asset: str, received: Fixed8, quote: Fixed8, *, is_maker: bool) -> tuple[str, Fixed8]:
        """Take the commission, from the discount asset where the account asked for it and has enough, else from what it received."""
        rates = account.rates
        rate = rates.maker if is_maker else rates.taker
        fee = commission(received, rate)
        if rates.pay_with_discount_asset:
            discount_price = self._discount_price(self._rules.quote_asset)
            discounted = discounted_commission(quote, rate, rates.discount, discount_price) if discount_price else 0
            if discount_price and account.free(rates.discount_asset) >= discounted:
                asset, fee = rates.discount_asset, discounted
        account.balance(asset).free -= fee
        self._fees[asset] = self._fees.get(asset, 0) + fee
        return asset, fee

    def _touch(self, account: Account) -> None:
        """Note every asset that an order of the symbol may change, changed or not: so the venue's account updates name them."""
        if account.house:
            return
        touch = self._announcer.touch
        touch(account, self._rules.base_asset)
        if account.rates.pay_with_discount_asset:
            touch(account, account.rates.discount_asset)
        touch(account, self._rules.quote_asset)
