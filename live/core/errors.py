"""Errors of the core: each says what was wrong, what was received and what to do."""


class InterlockError(Exception):
    """Base of every error a person or a caller can cause or must act on; the message is one clear sentence."""


class CoreError(InterlockError, ValueError):
    """Base of every error the core raises for input it cannot accept."""


class DecimalError(CoreError):
    """A number cannot be represented exactly at the scale that was asked for."""


class InstrumentError(CoreError):
    """An instrument definition contradicts itself or is not known."""


class LimitError(CoreError):
    """A risk limit is missing or so loose that it limits nothing."""


class InputError(CoreError):
    """An input reached the engine that it must not accept, such as time running backwards."""


class TransitionError(CoreError):
    """An order was asked to make a move that its transition table does not have."""


class LedgerError(CoreError):
    """The ledger's identities do not hold: cash, positions and fills disagree."""


class StrategyError(CoreError):
    """A strategy is declared or behaves in a way the engine cannot run."""
