"""Accounts: what they may hold, and what reaches them other than by fills: deposits, transfers and funding."""

from live.core import inputs, records
from live.core.decimals import LARGEST_INTEGER
from live.core.engine.authority import Authority
from live.core.engine.performance import Performance
from live.core.engine.workspace import Workspace
from live.core.errors import InputError, LedgerError
from live.core.instruments import Instrument
from live.core.ledger import Position
from live.core.state import funding_key
from live.core.vocabulary import AccountType, InstrumentKind, Scope


class Accounts:
    """Define accounts and move what they hold."""

    __slots__ = ("_authority", "_performance", "_work")

    def __init__(self, work: Workspace, authority: Authority, performance: Performance) -> None:
        self._work = work
        self._authority = authority
        self._performance = performance

    def on_account(self, event: inputs.AccountDefined) -> None:
        """Learn what an account may hold.

        Raises:
            InputError: its leverage contradicts its type, or its type would change while it holds something or has live orders.
        """
        state = self._work.state
        if not state.may_define(event):
            raise InputError(
                f"account {event.account_id!r} cannot become {event.account_type} with leverage {event.maximum_leverage_ppm} ppm: a cash "
                "account has 1000000, a margin account at least that, and its type changes only while it is empty and without live orders"
            )
        state.apply_input(event)
        self._performance.forget()

    def on_balance(self, event: inputs.BalanceChanged) -> None:
        """Post a deposit or withdrawal.

        Raises:
            InputError: the account holds too little, or the balance would not fit.
        """
        work = self._work
        work.state.apply_input(event)
        balance = work.state.ledger.balance(event.account_id, event.asset) + event.amount
        try:
            work.emit(records.BalancePosted(work.now, event.account_id, event.asset, event.amount, balance, event.reason))
        except LedgerError as error:
            raise InputError(f"{error}; correct the balance change") from None
        self._performance.forget()

    def on_transfer(self, event: inputs.BalanceTransferred) -> None:
        """Post a transfer between two accounts; a position does not move with the asset it holds, so that stays.

        Raises:
            InputError: a cash account holds too little beside its strategies' positions, the accounts are one, the amount is not
                positive, or a balance would not fit.
        """
        work = self._work
        work.state.apply_input(event)
        source, target, asset, amount = event.from_account_id, event.to_account_id, event.asset, event.amount
        ledger = work.state.ledger
        left, arrived = ledger.balance(source, asset) - amount, ledger.balance(target, asset) + amount
        claimed = self._held_by_strategies(source, asset)
        if 0 <= left < claimed and ledger.account(source).account_type is AccountType.CASH:
            raise InputError(
                f"a transfer of {amount} {asset} would leave {left} money units in {source}, where strategies hold {claimed}: "
                "let them sell it first"
            )
        try:
            work.emit(records.TransferPosted(work.now, source, target, asset, amount, left, arrived, event.reason))
        except LedgerError as error:
            raise InputError(f"{error}; correct the transfer") from None
        self._performance.forget()

    def on_funding(self, event: inputs.FundingPaid) -> None:
        """Book a funding payment once, split over the strategies that hold the perpetual in proportion to what they hold.

        What no position explains is booked on the account alone and alarmed; what cannot be booked stops the account.
        """
        work, state = self._work, self._work.state
        state.apply_input(event)
        account_id, instrument_id, amount = event.account_id, event.instrument_id, event.amount
        if funding_key(account_id, instrument_id, event.funding_id) in state.funding_keys or not amount:
            return
        instrument = state.instruments.get(instrument_id)
        said = f"funding {event.funding_id} of {amount} money units for {instrument_id} in {account_id}"
        if instrument is None or abs(amount) > LARGEST_INTEGER:
            work.alarm("MALFORMED_FUNDING", "", f"{said}: the instrument is not known, or the amount does not fit; it was not booked")
            self._authority.kill(Scope.ACCOUNT, account_id, f"{said} could not be booked")
            return
        shares = self._shares(event, instrument)
        if not shares:
            work.alarm("FUNDING_NOT_ATTRIBUTED", "", f"{said}: no position explains it, the account bears it")
            shares = [("", amount)]
        for strategy_id, share in shares:
            work.emit(records.FundingRecorded(work.now, account_id, strategy_id, instrument_id, event.funding_id, share))
            if strategy_id:
                work.emit(position_changed(work.now, state.ledger.positions[account_id, strategy_id, instrument_id]))
        if amount < 0:
            self.stop_if_overdrawn(account_id, instrument.quote, said)
        self._performance.forget()

    def stop_if_overdrawn(self, account_id: str, asset: str, said: str) -> None:
        """Stop a cash account that an event took below zero in an asset: the venue would not have let it, so one of us is wrong."""
        work = self._work
        ledger = work.state.ledger
        balance = ledger.balance(account_id, asset)
        if balance < 0 and ledger.account(account_id).account_type is AccountType.CASH:
            work.alarm("NEGATIVE_BALANCE", "", f"{said} leaves {balance} money units of {asset} in cash account {account_id}")
            self._authority.kill(Scope.ACCOUNT, account_id, f"{said} took {asset} below zero")

    def _held_by_strategies(self, account_id: str, asset: str) -> int:
        """Sum what strategies hold of an asset in an account, money units."""
        total = 0
        for position in self._work.state.ledger.held.get(account_id, {}).values():
            instrument = self._work.state.instruments[position.instrument_id]
            if instrument.base == asset and instrument.kind is InstrumentKind.SPOT and position.quantity > 0:
                total += instrument.base_amount(position.quantity)
        return total

    def _shares(self, event: inputs.FundingPaid, instrument: Instrument) -> list[tuple[str, int]]:
        """Split a payment by signed quantity; what division leaves goes to the largest holder, the first by id of equal ones."""
        if instrument.kind is not InstrumentKind.PERPETUAL:
            return []
        positions = [
            position
            for position in self._work.state.ledger.held.get(event.account_id, {}).values()
            if position.instrument_id == event.instrument_id
        ]
        net = sum(position.quantity for position in positions)
        if not net:
            return []
        positions.sort(key=_by_size)
        shares = [(position.strategy_id, event.amount * position.quantity // net) for position in positions]
        rest = event.amount - sum(share for _, share in shares)
        shares[0] = (shares[0][0], shares[0][1] + rest)
        if any(abs(share) > LARGEST_INTEGER for _, share in shares):
            return []
        return [(strategy_id, share) for strategy_id, share in shares if share]


def position_changed(now: int, held: Position) -> records.PositionChanged:
    """State a position as it is now."""
    return records.PositionChanged(
        now, held.strategy_id, held.account_id, held.instrument_id, held.quantity, held.cost, held.realised, held.fees, held.cash
    )


def _by_size(position: Position) -> tuple[int, str]:
    return (-abs(position.quantity), position.strategy_id)
