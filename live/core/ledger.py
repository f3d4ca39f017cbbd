"""Ledger: exact balances and positions of cash accounts, with the identities that tie them to fills.

All money is in integer money units (`10**-MONEY_SCALE` of the asset), quantities in the instrument's quantity units.
Cost is kept by the average-cost method: a sale releases `cost * sold // held` and what the division leaves stays in the
cost, so no unit is ever lost. Two identities hold after every fill and are checked:

- cash flow of a position = realised profit - cost - fees;
- balance of the base asset = deposits + the sum of all strategies' positions in it.
"""

import msgspec

from live.core.errors import LedgerError
from live.core.instruments import Instrument
from live.core.records import FillRecorded
from live.core.vocabulary import Side


class Position(msgspec.Struct, gc=False):
    """Hold one strategy's position in one instrument of one account.

    Attributes:
        quantity: signed quantity units.
        cost: what the held quantity cost, money units of the quote asset.
        realised: profit of what was sold, before fees, money units.
        fees: fees paid in the quote asset, money units.
        cash: net cash flow since the position was first opened, money units.
        bought: quantity ever bought; `bought - sold` is `quantity`.
        sold: quantity ever sold.
    """

    strategy_id: str
    account_id: str
    instrument_id: str
    quantity: int = 0
    cost: int = 0
    realised: int = 0
    fees: int = 0
    cash: int = 0
    bought: int = 0
    sold: int = 0

    def profit(self, notional_per_unit: int) -> int:
        """Value the position's whole profit, realised and not, with one quantity unit worth `notional_per_unit`."""
        return self.cash + self.quantity * notional_per_unit


class Ledger:
    """Keep balances by account and asset, and positions by strategy and instrument."""

    def __init__(self) -> None:
        self.balances: dict[tuple[str, str], int] = {}
        self.deposits: dict[tuple[str, str], int] = {}
        self.positions: dict[tuple[str, str], Position] = {}
        self.other_fees: dict[tuple[str, str], int] = {}

    def balance(self, account_id: str, asset: str) -> int:
        """Give an account's balance of an asset, in money units; what was never seen is zero."""
        return self.balances.get((account_id, asset), 0)

    def quantity(self, strategy_id: str, instrument_id: str) -> int:
        """Give a strategy's signed position, in quantity units."""
        position = self.positions.get((strategy_id, instrument_id))
        return 0 if position is None else position.quantity

    def deposit(self, account_id: str, asset: str, amount: int) -> int:
        """Add a deposit (or a negative withdrawal) and return the new balance.

        Raises:
            LedgerError: a withdrawal exceeds the balance.
        """
        key = (account_id, asset)
        balance = self.balances.get(key, 0) + amount
        if balance < 0:
            raise LedgerError(f"account {account_id} holds too little {asset}: a change of {amount} would leave {balance}")
        self.balances[key] = balance
        self.deposits[key] = self.deposits.get(key, 0) + amount
        return balance

    def apply_fill(self, fill: FillRecorded, instrument: Instrument) -> Position:
        """Book one execution and return the position after it.

        Raises:
            LedgerError: the position's identity does not hold afterwards.
        """
        key = (fill.strategy_id, fill.instrument_id)
        position = self.positions.get(key)
        if position is None:
            position = self.positions[key] = Position(fill.strategy_id, fill.account_id, fill.instrument_id)
        notional = instrument.notional(fill.price, fill.quantity)
        sign = fill.side.sign
        self._book_quantity(position, sign, fill.quantity, notional)
        position.cash -= sign * notional
        if fill.side is Side.BUY:
            position.bought += fill.quantity
        else:
            position.sold += fill.quantity
        self._move(fill.account_id, instrument.quote, -sign * notional)
        self._move(fill.account_id, instrument.base, sign * instrument.base_amount(fill.quantity))
        self._move(fill.account_id, fill.fee_asset, -fill.fee)
        if fill.fee_asset == instrument.quote:
            position.fees += fill.fee
            position.cash -= fill.fee
        else:
            other = (fill.account_id, fill.fee_asset)
            self.other_fees[other] = self.other_fees.get(other, 0) + fill.fee
        if position.cash != position.realised - position.cost - position.fees or position.bought - position.sold != position.quantity:
            raise LedgerError(
                f"position of {fill.strategy_id} in {fill.instrument_id} does not balance after trade {fill.trade_id}: {position}"
            )
        return position

    def _book_quantity(self, position: Position, sign: int, quantity: int, notional: int) -> None:
        held = position.quantity
        if held * sign >= 0:
            position.quantity = held + sign * quantity
            position.cost += sign * notional
            return
        closed = min(quantity, abs(held))
        closing_notional = notional * closed // quantity
        released = position.cost * closed // abs(held)
        position.realised += -sign * closing_notional - released
        position.cost -= released
        position.quantity = held + sign * closed
        rest = quantity - closed
        if rest:
            position.quantity += sign * rest
            position.cost += sign * (notional - closing_notional)

    def _move(self, account_id: str, asset: str, amount: int) -> None:
        key = (account_id, asset)
        self.balances[key] = self.balances.get(key, 0) + amount

    def check(self, instruments: dict[str, Instrument]) -> None:
        """Prove that balances equal deposits, cash flows, positions and fees, for every account and asset.

        Raises:
            LedgerError: an identity does not hold.
        """
        expected = dict(self.deposits)
        for position in self.positions.values():
            instrument = instruments[position.instrument_id]
            for asset, amount in ((instrument.quote, position.cash), (instrument.base, instrument.base_amount(position.quantity))):
                key = (position.account_id, asset)
                expected[key] = expected.get(key, 0) + amount
        for key, fee in self.other_fees.items():
            expected[key] = expected.get(key, 0) - fee
        for key in sorted(expected.keys() | self.balances.keys()):
            if expected.get(key, 0) != self.balances.get(key, 0):
                raise LedgerError(
                    f"account {key[0]}: the {key[1]} balance is {self.balances.get(key, 0)}, its fills add up to {expected.get(key, 0)}"
                )
