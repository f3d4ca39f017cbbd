"""State that survives the process: every request that changes the exchange is appended to a log before it is applied.

A directory holds one generation: `state-N`, a whole exchange, and `log-N`, what was asked of it since. A write that the kernel took
survives `kill -9`; a power failure may cost the log's tail, as nothing here is synced but the change of generation.
"""

import fcntl
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from live.venues.exchange import records
from live.venues.exchange.commissions import CommissionRates
from live.venues.exchange.exchange import Canceled, CancelReplaced, Exchange, Placed
from live.venues.exchange.fixed8 import Fixed8
from live.venues.exchange.orders import CancelReplaceMode, CancelRestrictions, OrderRequest
from live.venues.exchange.records import ExchangeStateError, Record
from live.venues.exchange.symbols import DEFAULT_SYMBOLS, ExchangeRules, SymbolRules

RECORDS_A_GENERATION = 50_000
"""Records after which the whole exchange is written and the log begins anew."""


class RecordedExchange(Exchange):
    """An exchange whose requests are written down in a directory before they are applied."""

    def __init__(self, directory: Path, symbols: Sequence[SymbolRules] = DEFAULT_SYMBOLS, rules: ExchangeRules | None = None) -> None:
        super().__init__(symbols, rules)
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._lock = _lock(directory)
        self._log = -1
        self._records = 0
        self._generation = 0
        self._restoring = False
        self._restore()

    def close(self) -> None:
        """Give the directory back."""
        os.close(self._log)
        os.close(self._lock)

    def add_account(
        self, account: str, balances: Mapping[str, Fixed8], now: int, *, rates: CommissionRates | None = None, house: bool = False
    ) -> None:
        """Open an account, written down first unless it exists."""
        if account not in self.accounts:
            self._write(records.OpenAccount(account, dict(balances), rates, house, now))
        super().add_account(account, balances, now, rates=rates, house=house)

    def deposit(self, account: str, asset: str, delta: Fixed8, now: int) -> None:
        """Change what an account has, written down first."""
        self._write(records.Deposit(account, asset, delta, now))
        super().deposit(account, asset, delta, now)

    def place(self, account: str, request: OrderRequest, now: int) -> Placed:
        """Take a new order, written down first."""
        self._write(records.Place(account, request, now))
        return super().place(account, request, now)

    def cancel(
        self,
        account: str,
        symbol: str,
        order_id: int | None,
        original_client_order_id: str | None,
        new_client_order_id: str | None,
        restrictions: CancelRestrictions | None,
        now: int,
    ) -> Canceled:
        """Take an open order off, written down first."""
        self._write(records.Cancel(account, symbol, order_id, original_client_order_id, new_client_order_id, restrictions, now))
        return super().cancel(account, symbol, order_id, original_client_order_id, new_client_order_id, restrictions, now)

    def cancel_all(self, account: str, symbol: str, now: int) -> tuple[Canceled, ...]:
        """Take all open orders of a symbol off, written down first."""
        self._write(records.CancelAll(account, symbol, now))
        return super().cancel_all(account, symbol, now)

    def cancel_replace(
        self,
        account: str,
        request: OrderRequest,
        mode: CancelReplaceMode,
        now: int,
        *,
        cancel_order_id: int | None = None,
        cancel_original_client_order_id: str | None = None,
        cancel_new_client_order_id: str | None = None,
        restrictions: CancelRestrictions | None = None,
    ) -> CancelReplaced:
        """Cancel an order and place another in its stead, written down first."""
        self._write(
            records.CancelReplace(
                account,
                request,
                mode,
                cancel_order_id,
                cancel_original_client_order_id,
                cancel_new_client_order_id,
                restrictions,
                now,
            )
        )
        return super().cancel_replace(
            account,
            request,
            mode,
            now,
            cancel_order_id=cancel_order_id,
            cancel_original_client_order_id=cancel_original_client_order_id,
            cancel_new_client_order_id=cancel_new_client_order_id,
            restrictions=restrictions,
        )

    def compact(self) -> None:
        """Write the whole exchange down, so that a restart need not go through the log."""
        generation = self._generation + 1
        unfinished = self._directory / "state.unfinished"
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(records.encode_state(self.write()))
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(self._state_path(generation))
        log = os.open(self._log_path(generation), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        if self._log >= 0:
            os.close(self._log)
        self._log = log
        self._generation = generation
        self._records = 0
        self._remove_older(generation)

    def _write(self, record: Record) -> None:
        if self._restoring:
            return
        if self._records >= RECORDS_A_GENERATION:
            self.compact()
        data = records.frame(record)
        written = os.write(self._log, data)
        if written != len(data):
            os.ftruncate(self._log, os.fstat(self._log).st_size - written)
            raise ExchangeStateError(f"The exchange's log took {written} of {len(data)} bytes; make room on the disk of {self._directory}.")
        self._records += 1

    def _restore(self) -> None:
        """Become what was written down; what counts unfilled orders counts anew, so their credits are let go."""
        generations = sorted(int(path.name.removeprefix("state-")) for path in self._directory.glob("state-*"))
        if not generations:
            self.compact()
            return
        self._restoring = True
        self._generation = generations[-1]
        self.read(records.decode_state(self._state_path(self._generation).read_bytes()))
        path = self._log_path(self._generation)
        self._log = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        whole = 0
        for end, record in records.read_frames(path.read_bytes()):
            records.apply(record, self)
            # What happened then was told then.
            self.drain()
            self._records += 1
            whole = end
        os.ftruncate(self._log, whole)
        for account in self.accounts:
            self.take_fill_credits(account)
        self._restoring = False
        self._remove_older(self._generation)

    def _remove_older(self, generation: int) -> None:
        for pattern in ("state-*", "log-*"):
            for path in self._directory.glob(pattern):
                if int(path.name.partition("-")[2]) < generation:
                    path.unlink()

    def _state_path(self, generation: int) -> Path:
        return self._directory / f"state-{generation}"

    def _log_path(self, generation: int) -> Path:
        return self._directory / f"log-{generation}"


def open_exchange(
    directory: Path, symbols: Sequence[SymbolRules] = DEFAULT_SYMBOLS, rules: ExchangeRules | None = None
) -> RecordedExchange:
    """Open the exchange whose state is kept in a directory, as it was when its last process ended, or a new one.

    Raises:
        ExchangeStateError: another process has the directory, or what it holds cannot be read.
    """
    return RecordedExchange(directory, symbols, rules)


def _lock(directory: Path) -> int:
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise ExchangeStateError(f"Another exchange runs on {directory}; stop it or name another directory.") from error
    return descriptor
