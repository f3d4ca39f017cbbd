"""What a symbol's engine tells: execution reports, balances and levels, numbered without gaps."""

from copy import copy
from hashlib import blake2b

from live.venues.exchange.accounts import Account
from live.venues.exchange.book import Book
from live.venues.exchange.events import AccountEvent, DepthEvent, Event, OrderEvent
from live.venues.exchange.orders import Execution, ExecutionType, PreventedMatch, VenueOrder

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CLIENT_ID_LENGTH = 22


def made_up_client_id(symbol: str, kind: str, number: int) -> str:
    """Give the client id of an order or of a cancel request that came without one; the same number gives the same id."""
    value = int.from_bytes(blake2b(f"{symbol} {kind} {number}".encode(), digest_size=17).digest())
    letters: list[str] = []
    for _ in range(_CLIENT_ID_LENGTH):
        value, letter = divmod(value, len(_ALPHABET))
        letters.append(_ALPHABET[letter])
    return "".join(letters)


class Announcer:
    """Append what one symbol's engine tells to the exchange's events.

    Attributes:
        execution_id: number of the last execution report.
        update_id: number of the last change to the book.
    """

    __slots__ = ("_changed", "_events", "_symbol", "execution_id", "update_id")

    def __init__(self, symbol: str, events: list[Event]) -> None:
        self._symbol = symbol
        self._events = events
        self._changed: dict[str, Account] = {}
        self.execution_id = 0
        self.update_id = 0

    def cancel_client_id(self) -> str:
        """Make up the client id of a cancel request."""
        self.execution_id += 1
        return made_up_client_id(self._symbol, "cancel", self.execution_id)

    def touch(self, account: Account, asset: str) -> None:
        """Note that an account's balance of an asset may have changed; the house is told nothing."""
        account.touched[asset] = None
        self._changed[account.name] = account

    def tell(
        self,
        order: VenueOrder,
        account: Account,
        execution_type: ExecutionType,
        now: int,
        *,
        execution: Execution | None = None,
        client_order_id: str | None = None,
        reject_reason: str = "NONE",
        prevented: PreventedMatch | None = None,
    ) -> None:
        """Tell an account what became of its order; the house is told nothing."""
        if account.house:
            return
        self.execution_id += 1
        self._events.append(
            OrderEvent(
                account.name,
                now,
                copy(order),
                execution_type,
                execution,
                self.execution_id,
                client_order_id or order.client_order_id,
                order.client_order_id if client_order_id else "",
                reject_reason,
                order.expiry_reason,
                prevented,
            )
        )

    def finish(self, book: Book, now: int) -> None:
        """Tell accounts their balances and everybody the changed levels."""
        for account in self._changed.values():
            account.update_time = now
            self._events.append(AccountEvent(account.name, now, account.states(account.touched)))
            account.touched.clear()
        self._changed.clear()
        bids, asks = book.bids.take_changes(), book.asks.take_changes()
        if bids or asks:
            first = self.update_id + 1
            self.update_id += len(bids) + len(asks)
            self._events.append(DepthEvent(self._symbol, first, self.update_id, now, bids, asks))
