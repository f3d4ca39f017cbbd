"""Ledger: exact balances and positions of cash and margin accounts, with the identities that tie them to fills.

All money is in integer money units (`10**-MONEY_SCALE` of the asset), quantities in the instrument's quantity units. What
the ledger holds to is what was booked: a notional whose scales leave a fraction of a money unit is rounded half to even
once (`Instrument.notional`), and every identity is over the rounded amounts.

Cost is kept by the average-cost method: a sale releases `cost * sold // held` and what the division leaves stays in the
cost, so no unit is ever lost. A trade of a spot instrument moves its base and quote assets, into debt where a margin
account borrows them. A trade of a linear perpetual moves neither: only realised profit, fees and funding reach the quote
balance. A fee in the base asset of a spot instrument, as Binance Spot takes it on a buy, is quantity that was bought and
never arrived: it leaves the position, rounded up to whole quantity units, as if sold for nothing. Identities that hold
after every event and are checked:

- cash flow of a position = realised profit - fees + funding, and for a spot instrument - cost;
- quantity of a position = bought - sold - taken as fees;
- balance of an asset = deposits + cash flows or quantities of all positions in it - fees and plus funding no position bears.

With the value of what is held added on both sides the last one says: equity = deposits + profit of all strategies, so far
as no fee was paid in another asset.
"""

import msgspec

from live.core.decimals import LARGEST_INTEGER
from live.core.errors import LedgerError
from live.core.instruments import Instrument
from live.core.records import FillRecorded, FundingRecorded
from live.core.vocabulary import AccountType, InstrumentKind, Side

# A module's own name costs a fifth of an attribute of an enumeration, and these are read with every fill.
_BUY, _SPOT = Side.BUY, InstrumentKind.SPOT
_SMALLEST_INTEGER = -LARGEST_INTEGER

PositionKey = tuple[str, str, str]
"""Account, strategy and instrument."""


class Account(msgspec.Struct, frozen=True, gc=False):
    """Say what an account may hold.

    Attributes:
        account_type: cash, or margin with borrowing and perpetuals.
        maximum_leverage_ppm: gross value of positions over equity that it may reach, parts per million.
    """

    account_type: AccountType
    maximum_leverage_ppm: int


CASH_ACCOUNT = Account(AccountType.CASH, 1_000_000)
"""What an account is that was never defined."""


class Position(msgspec.Struct, gc=False):
    """Hold one strategy's position in one instrument of one account.

    Attributes:
        quantity: signed quantity units.
        cost: what the held quantity cost, negative for a short, money units of the quote asset.
        realised: profit of what was closed, before fees in the quote asset and funding, money units.
        fees: fees paid in the quote asset, money units; negative when rebates exceed them.
        cash: net cash flow in the quote asset since the position was first opened, money units.
        bought: quantity ever bought; when it or `sold` would no longer fit, the smaller of both is taken off both.
        sold: quantity ever sold.
        fee_quantity: quantity ever taken as fees in the base asset; `bought - sold - fee_quantity` is `quantity`.
        funding: funding received less funding paid, money units of the quote asset.
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
    funding: int = 0

    def unrealised(self, value: int) -> int:
        """Give the profit that closing would realise, when what is held is worth `value` money units (negative for a short)."""
        return value - self.cost

    def profit(self, value: int) -> int:
        """Give the whole profit, realised and not, after fees and funding, when what is held is worth `value` money units."""
        return self.realised - self.fees + self.funding + value - self.cost

    def average_price(self, instrument: Instrument) -> int | None:
        """Give the average price of what is held, in price units rounded half to even; None when flat."""
        return instrument.price_paid(self.cost, self.quantity) if self.quantity else None


class Ledger:
    """Keep balances by account and asset, and positions by account, strategy and instrument.

    Attributes:
        accounts: what each defined account may hold.
        balances: by account and asset, money units.
        deposits: deposits and transfers in, less withdrawals and transfers out, by account and asset.
        positions: every position ever opened.
        other_fees: fees (less funding) that no position bears, by account and asset.
        strategy_fees: the same by account, strategy and asset; what no strategy caused stands under an empty id.
        held: positions that are not flat, by account; derived.
        by_strategy: every position of a strategy; derived.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.balances: dict[tuple[str, str], int] = {}
        self.deposits: dict[tuple[str, str], int] = {}
        self.positions: dict[PositionKey, Position] = {}
        self.other_fees: dict[tuple[str, str], int] = {}
        self.strategy_fees: dict[PositionKey, int] = {}
        self.held: dict[str, dict[PositionKey, Position]] = {}
        self.by_strategy: dict[str, list[Position]] = {}
        self._in_positions: dict[tuple[str, str], int] = {}
        """What all positions hold and have cashed, by account and asset; with deposits and fees it gives the balance."""

    def account(self, account_id: str) -> Account:
        """Say what an account may hold; one that was never defined is a cash account."""
        return self.accounts.get(account_id, CASH_ACCOUNT)

    def balance(self, account_id: str, asset: str) -> int:
        """Give an account's balance of an asset, in money units; what was never seen is zero."""
        return self.balances.get((account_id, asset), 0)

    def quantity(self, account_id: str, strategy_id: str, instrument_id: str) -> int:
        """Give a strategy's signed position in an account, in quantity units."""
        position = self.positions.get((account_id, strategy_id, instrument_id))
        return 0 if position is None else position.quantity

    def holds_anything(self, account_id: str) -> bool:
        """Tell whether an account has a position that is not flat or a balance that is not zero."""
        return bool(self.held.get(account_id)) or any(amount for key, amount in self.balances.items() if key[0] == account_id)

    def deposit(self, account_id: str, asset: str, amount: int) -> int:
        """Add a deposit (or a negative withdrawal) and return the new balance.

        Raises:
            LedgerError: a withdrawal exceeds the balance, or the balance would not fit; nothing was booked.
        """
        key = (account_id, asset)
        balance = self._balance_after(key, amount)
        if amount < 0 and balance < 0:
            raise LedgerError(f"account {account_id} holds too little {asset}: a change of {amount} would leave {balance}")
        self._post(key, amount, balance)
        return balance

    def transfer(self, from_account_id: str, to_account_id: str, asset: str, amount: int) -> tuple[int, int]:
        """Move an amount between two accounts and return both balances; a margin account may borrow what it sends.

        Raises:
            LedgerError: a cash account sends more than it holds, the accounts are one, the amount is not positive, or a
                balance would not fit; nothing was booked.
        """
        if from_account_id == to_account_id or amount <= 0:
            raise LedgerError(
                f"a transfer moves a positive amount between two accounts, received {amount} {asset} from {from_account_id!r} to "
                f"{to_account_id!r}"
            )
        source, target = (from_account_id, asset), (to_account_id, asset)
        left, arrived = self._balance_after(source, -amount), self._balance_after(target, amount)
        if left < 0 and self.account(from_account_id).account_type is AccountType.CASH:
            raise LedgerError(f"account {from_account_id} holds too little {asset}: a transfer of {amount} would leave {left}")
        self._post(source, -amount, left)
        self._post(target, amount, arrived)
        return left, arrived

    def apply_fill(self, fill: FillRecorded, instrument: Instrument) -> Position:
        """Book one execution and return the position after it.

        Raises:
            LedgerError: a balance would not fit, or an identity does not hold afterwards.
        """
        account_id, fee, fee_asset, quote = fill.account_id, fill.fee, fill.fee_asset, instrument.quote
        key = (account_id, fill.strategy_id, fill.instrument_id)
        position = self.positions.get(key) or self._begin(key)
        held, realised, quantity = position.quantity, position.realised, fill.quantity
        notional = instrument.notional(fill.price, quantity)
        if fill.side is _BUY:
            position.bought = traded = position.bought + quantity
            _book(position, 1, quantity, notional)
            flow = -notional
        else:
            position.sold = traded = position.sold + quantity
            _book(position, -1, quantity, notional)
            flow = notional
        if traded > LARGEST_INTEGER:
            _count_anew(position)
        holds = position.quantity
        is_spot, came = instrument.kind is _SPOT, 0
        if is_spot:
            came = (instrument.base_amount(holds) if holds else 0) - (instrument.base_amount(held) if held else 0)
        else:
            flow = position.realised - realised
        moved = came
        if fee_asset == quote:
            position.fees += fee
            flow -= fee
        elif fee:
            if is_spot and fee_asset == instrument.base:
                self._take_base_fee(position, fee, instrument)
                moved -= fee
                came += instrument.base_amount(position.quantity) - instrument.base_amount(holds)
                holds = position.quantity
            else:
                self._move((account_id, fee_asset), -fee)
                self._bear(account_id, fill.strategy_id, fee_asset, fee)
                self._prove((account_id, fee_asset))
        position.cash += flow
        if not held or not holds:
            self._hold(key, position, held)
        if is_spot:
            self._carry((account_id, instrument.base), moved, came)
        self._carry((account_id, quote), flow, flow)
        _check_identities(position, instrument, fill.trade_id)
        return position

    def apply_funding(self, record: FundingRecorded, instrument: Instrument) -> None:
        """Book a part of a funding payment on a strategy's position, or on the account alone when it names no strategy.

        Raises:
            LedgerError: a balance would not fit, or an identity does not hold afterwards.
        """
        asset, amount = (record.account_id, instrument.quote), record.amount
        self._move(asset, amount)
        if record.strategy_id:
            position = self.positions[record.account_id, record.strategy_id, record.instrument_id]
            position.funding += amount
            position.cash += amount
            self._count(asset, amount)
            _check_identities(position, instrument, record.funding_id)
        else:
            self._bear(record.account_id, "", instrument.quote, -amount)
            self._prove(asset)

    def derive(self, instruments: dict[str, Instrument]) -> None:
        """Find again what follows from positions and fees, after they were restored."""
        self.held, self.by_strategy, self._in_positions = {}, {}, {}
        for key, position in self.positions.items():
            self.by_strategy.setdefault(position.strategy_id, []).append(position)
            self._hold(key, position, 0)
        for key, amount in self._sum_positions(instruments).items():
            self._in_positions[key] = amount
        attributed: dict[tuple[str, str], int] = {}
        for (account_id, _, asset), fee in self.strategy_fees.items():
            attributed[account_id, asset] = attributed.get((account_id, asset), 0) + fee
        for (account_id, asset), fee in self.other_fees.items():
            if rest := fee - attributed.get((account_id, asset), 0):
                key = (account_id, "", asset)
                self.strategy_fees[key] = self.strategy_fees.get(key, 0) + rest

    def check(self, instruments: dict[str, Instrument]) -> None:
        """Prove every identity anew: for every position, and for every account and asset.

        Raises:
            LedgerError: an identity does not hold.
        """
        for position in self.positions.values():
            _check_identities(position, instruments[position.instrument_id], "the last one")
        expected = self._sum_positions(instruments)
        for key, amount in self.deposits.items():
            expected[key] = expected.get(key, 0) + amount
        for (account_id, _, asset), fee in self.strategy_fees.items():
            expected[account_id, asset] = expected.get((account_id, asset), 0) - fee
        for key in sorted(expected.keys() | self.balances.keys()):
            if expected.get(key, 0) != self.balances.get(key, 0):
                raise LedgerError(
                    f"account {key[0]}: the {key[1]} balance is {self.balances.get(key, 0)}, its fills add up to {expected.get(key, 0)}"
                )
            self._prove(key)

    def _sum_positions(self, instruments: dict[str, Instrument]) -> dict[tuple[str, str], int]:
        total: dict[tuple[str, str], int] = {}
        for position in self.positions.values():
            instrument = instruments[position.instrument_id]
            key = (position.account_id, instrument.quote)
            total[key] = total.get(key, 0) + position.cash
            if instrument.kind is InstrumentKind.SPOT:
                key = (position.account_id, instrument.base)
                total[key] = total.get(key, 0) + instrument.base_amount(position.quantity)
        return total

    def _begin(self, key: PositionKey) -> Position:
        account_id, strategy_id, instrument_id = key
        position = self.positions[key] = Position(strategy_id, account_id, instrument_id)
        self.by_strategy.setdefault(strategy_id, []).append(position)
        return position

    def _hold(self, key: PositionKey, position: Position, held_before: int) -> None:
        if held_before:
            if not position.quantity:
                del self.held[position.account_id][key]
        elif position.quantity:
            held = self.held.get(position.account_id)
            if held is None:
                held = self.held[position.account_id] = {}
            held[key] = position

    def _take_base_fee(self, position: Position, fee: int, instrument: Instrument) -> None:
        """Take a fee out of the position in whole quantity units; what rounding took too much stays with the account.

        In a cash account a fee takes at most what is held: a position that was sold out must not end short for a rounding.
        """
        taken = instrument.quantity_holding(fee)
        if 0 <= position.quantity < taken and self.account(position.account_id).account_type is AccountType.CASH:
            taken = position.quantity
        before = instrument.base_amount(position.quantity)
        if taken:
            _book(position, -1 if taken > 0 else 1, abs(taken), 0)
            position.fee_quantity += taken
        rest = fee - (before - instrument.base_amount(position.quantity))
        self._bear(position.account_id, position.strategy_id, instrument.base, rest)

    def _bear(self, account_id: str, strategy_id: str, asset: str, fee: int) -> None:
        """Let the account bear a fee that no position does, and remember whose fill it came with."""
        if fee:
            key = (account_id, asset)
            self.other_fees[key] = self.other_fees.get(key, 0) + fee
            cause = (account_id, strategy_id, asset)
            self.strategy_fees[cause] = self.strategy_fees.get(cause, 0) + fee

    def _balance_after(self, key: tuple[str, str], amount: int) -> int:
        balance = self.balances.get(key, 0) + amount
        if not _SMALLEST_INTEGER <= balance <= LARGEST_INTEGER:
            raise _misfit(key, balance)
        return balance

    def _move(self, key: tuple[str, str], amount: int) -> None:
        self.balances[key] = self._balance_after(key, amount)

    def _post(self, key: tuple[str, str], amount: int, balance: int) -> None:
        self.balances[key] = balance
        self.deposits[key] = self.deposits.get(key, 0) + amount
        self._prove(key)

    def _carry(self, key: tuple[str, str], amount: int, explained: int) -> None:
        """Move a balance, add to what positions hold of the asset what explains it, and prove it."""
        balance = self.balances.get(key, 0) + amount  # as `_balance_after` does, without the call: it is done twice a fill
        if balance > LARGEST_INTEGER or balance < _SMALLEST_INTEGER:
            raise _misfit(key, balance)
        self.balances[key] = balance
        held = self._in_positions[key] = self._in_positions.get(key, 0) + explained
        if balance != self.deposits.get(key, 0) + held - (self.other_fees.get(key, 0) if self.other_fees else 0):
            self._prove(key)

    def _count(self, key: tuple[str, str], amount: int) -> None:
        """Add to what positions hold of an asset, and prove its balance."""
        self._in_positions[key] = self._in_positions.get(key, 0) + amount
        self._prove(key)

    def _prove(self, key: tuple[str, str]) -> None:
        """Hold the balance of one asset to deposits, positions and fees.

        Raises:
            LedgerError: they do not give the balance.
        """
        explained = self.deposits.get(key, 0) + self._in_positions.get(key, 0) - self.other_fees.get(key, 0)
        if explained != self.balances.get(key, 0):
            raise LedgerError(f"account {key[0]}: the {key[1]} balance is {self.balances.get(key, 0)}, its events add up to {explained}")


def _misfit(key: tuple[str, str], balance: int) -> LedgerError:
    return LedgerError(f"account {key[0]}: a {key[1]} balance of {balance} does not fit, at most {LARGEST_INTEGER} money units do")


def _book(position: Position, sign: int, quantity: int, notional: int) -> None:
    """Open with what goes the position's way, close with what goes against it, and open the other way with the rest."""
    held = position.quantity
    if held * sign >= 0:
        position.quantity = held + sign * quantity
        position.cost += sign * notional
        return
    size = -held if held < 0 else held
    if quantity == size:  # it is closed, and no division is needed to say what that releases
        position.realised -= sign * notional + position.cost
        position.cost = position.quantity = 0
        return
    closed = quantity if quantity < size else size
    closing_notional = notional * closed // quantity
    released = position.cost * closed // size
    position.realised += -sign * closing_notional - released
    position.cost -= released
    position.quantity = held + sign * closed
    rest = quantity - closed
    if rest:
        position.quantity += sign * rest
        position.cost += sign * (notional - closing_notional)


def _count_anew(position: Position) -> None:
    both = min(position.bought, position.sold)
    position.bought -= both
    position.sold -= both


def _check_identities(position: Position, instrument: Instrument, event: str) -> None:
    """Hold a position to its identities.

    Raises:
        LedgerError: one does not hold, or a number would not fit in a journal.
    """
    cash, cost, realised, fees, funding = position.cash, position.cost, position.realised, position.fees, position.funding
    if cash != realised - fees + funding - (cost if instrument.kind is _SPOT else 0) or (
        position.bought - position.sold - position.fee_quantity != position.quantity
    ):
        raise LedgerError(f"position of {position.strategy_id} in {position.instrument_id} does not balance after {event}: {position}")
    lowest, highest, quantity = _SMALLEST_INTEGER, LARGEST_INTEGER, position.quantity
    # One by one, since `min` and `max` of them cost more than the rest of this function; in pairs, as a chain shifts its operands about.
    if (
        cash > highest
        or cash < lowest
        or cost > highest
        or cost < lowest
        or realised > highest
        or realised < lowest
        or fees > highest
        or fees < lowest
        or funding > highest
        or funding < lowest
        or quantity > highest
        or quantity < lowest
    ):
        raise LedgerError(f"position of {position.strategy_id} in {position.instrument_id} does not fit after {event}: {position}")
