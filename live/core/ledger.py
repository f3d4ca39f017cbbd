"""Ledger: exact balances and positions of cash accounts, with the identities that tie them to fills.

All money is in integer money units (`10**-MONEY_SCALE` of the asset), quantities in the instrument's quantity units.
Cost is kept by the average-cost method: a sale releases `cost * sold // held` and what the division leaves stays in the
cost, so no unit is ever lost. A fee in the base asset, as Binance Spot takes it on a buy, is quantity that was bought and
never arrived: it leaves the position, rounded up to whole quantity units, as if sold for nothing. Identities that hold
after every fill and are checked:

- cash flow of a position = realised profit - cost - fees;
- quantity of a position = bought - sold - taken as fees;
- balance of an asset = deposits + cash flows or quantities of all positions in it - fees no position bears.
"""

import msgspec

from live.core.decimals import LARGEST_INTEGER, divide_up
from live.core.errors import LedgerError
from live.core.instruments import Instrument
from live.core.records import FillRecorded
from live.core.vocabulary import Side


class Position(msgspec.Struct, gc=False):
    """Hold one strategy's position in one instrument of one account.

    Attributes:
        quantity: signed quantity units.
        cost: what the held quantity cost, money units of the quote asset.
        realised: profit of what was sold, before fees in the quote asset, money units.
        fees: fees paid in the quote asset, money units.
        cash: net cash flow since the position was first opened, money units.
        bought: quantity ever bought.
        sold: quantity ever sold.
        fee_quantity: quantity ever taken as fees in the base asset; `bought - sold - fee_quantity` is `quantity`.
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
    fee_quantity: int = 0

    def profit(self, notional_per_unit: int) -> int:
        """Value the position's whole profit, realised and not, with one quantity unit worth `notional_per_unit`."""
        return self.cash + self.quantity * notional_per_unit


class Ledger:
    """Keep balances by account and asset, and positions by account, strategy and instrument."""

    def __init__(self) -> None:
        self.balances: dict[tuple[str, str], int] = {}
        self.deposits: dict[tuple[str, str], int] = {}
        self.positions: dict[tuple[str, str, str], Position] = {}
        self.other_fees: dict[tuple[str, str], int] = {}

    def balance(self, account_id: str, asset: str) -> int:
        """Give an account's balance of an asset, in money units; what was never seen is zero."""
        return self.balances.get((account_id, asset), 0)

    def quantity(self, account_id: str, strategy_id: str, instrument_id: str) -> int:
        """Give a strategy's signed position in an account, in quantity units."""
        position = self.positions.get((account_id, strategy_id, instrument_id))
        return 0 if position is None else position.quantity

    def deposit(self, account_id: str, asset: str, amount: int) -> int:
        """Add a deposit (or a negative withdrawal) and return the new balance.

        Raises:
            LedgerError: a withdrawal exceeds the balance, or the balance would not fit.
        """
        key = (account_id, asset)
        balance = self.balances.get(key, 0) + amount
        if balance < 0:
            raise LedgerError(f"account {account_id} holds too little {asset}: a change of {amount} would leave {balance}")
        if balance > LARGEST_INTEGER:
            raise LedgerError(
                f"account {account_id}: a {asset} balance of {balance} does not fit, at most {LARGEST_INTEGER} money units do"
            )
        self.balances[key] = balance
        self.deposits[key] = self.deposits.get(key, 0) + amount
        return balance

    def apply_fill(self, fill: FillRecorded, instrument: Instrument) -> Position:
        """Book one execution and return the position after it.

        Raises:
            LedgerError: a balance would not fit, or an identity does not hold afterwards.
        """
        account_id, quantity, fee = fill.account_id, fill.quantity, fill.fee
        key = (account_id, fill.strategy_id, fill.instrument_id)
        position = self.positions.get(key)
        if position is None:
            position = self.positions[key] = Position(fill.strategy_id, account_id, fill.instrument_id)
        notional = instrument.notional(fill.price, quantity)
        sign = 1 if fill.side is Side.BUY else -1
        self._move(account_id, instrument.quote, -sign * notional)
        self._move(account_id, instrument.base, sign * instrument.base_amount(quantity))
        self._move(account_id, fill.fee_asset, -fee)
        _book(position, sign, quantity, notional)
        position.cash -= sign * notional
        if sign > 0:
            position.bought += quantity
        else:
            position.sold += quantity
        if fill.fee_asset == instrument.quote:
            position.fees += fee
            position.cash -= fee
        elif fill.fee_asset == instrument.base:
            self._take_base_fee(position, fee, instrument)
        else:
            self._bear(account_id, fill.fee_asset, fee)
        _check_identities(position, fill.trade_id)
        return position

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

    def _take_base_fee(self, position: Position, fee: int, instrument: Instrument) -> None:
        """Take a fee out of the position in whole quantity units; what rounding took too much stays with the account."""
        taken = divide_up(fee, instrument.base_amount(1))
        if taken:
            _book(position, -1 if taken > 0 else 1, abs(taken), 0)
            position.fee_quantity += taken
        self._bear(position.account_id, instrument.base, fee - instrument.base_amount(taken))

    def _bear(self, account_id: str, asset: str, fee: int) -> None:
        key = (account_id, asset)
        self.other_fees[key] = self.other_fees.get(key, 0) + fee

    def _move(self, account_id: str, asset: str, amount: int) -> None:
        key = (account_id, asset)
        balance = self.balances.get(key, 0) + amount
        if not -LARGEST_INTEGER <= balance <= LARGEST_INTEGER:
            raise LedgerError(
                f"account {account_id}: a {asset} balance of {balance} does not fit, at most {LARGEST_INTEGER} money units do"
            )
        self.balances[key] = balance


def _book(position: Position, sign: int, quantity: int, notional: int) -> None:
    """Open with what goes the position's way, close with what goes against it, and open the other way with the rest."""
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


def _check_identities(position: Position, trade_id: str) -> None:
    """Hold a position to its identities.

    Raises:
        LedgerError: one does not hold, or a number would not fit in a journal.
    """
    if (
        position.cash != position.realised - position.cost - position.fees
        or position.bought - position.sold - position.fee_quantity != position.quantity
    ):
        raise LedgerError(
            f"position of {position.strategy_id} in {position.instrument_id} does not balance after trade {trade_id}: {position}"
        )
    if max(abs(position.cash), abs(position.cost), abs(position.realised), abs(position.fees)) > LARGEST_INTEGER:
        raise LedgerError(f"position of {position.strategy_id} in {position.instrument_id} does not fit after trade {trade_id}: {position}")
