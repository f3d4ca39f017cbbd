"""Errors of journal and tape: each says what was wrong, what was received and what to do."""

from live.core.errors import InterlockError


class JournalError(InterlockError):
    """Base of every error of the journal, the tape and the anchor log."""


class JournalExistsError(JournalError):
    """A journal was to be created where something already is."""


class NotAJournalError(JournalError):
    """A path holds no journal: nothing is there, or it is some other file."""


class JournalBusyError(JournalError):
    """A journal could not be closed into one plain file because a reader still holds it."""


class JournalFailedError(JournalError):
    """The disk failed under the journal, so it takes nothing more: trading must halt."""


class JournalTimeoutError(JournalError):
    """A row did not become durable in the time allowed; it may still do so."""


class JournalDamagedError(JournalError):
    """A journal does not hold what was written to it."""


class EntryError(JournalError):
    """An entry's body cannot be read as the kind it claims to be."""


class SchemaVersionError(JournalError):
    """Something was written with a schema that this program does not know."""


class AnchorLogError(JournalError):
    """The anchor log cannot be read, or is damaged."""


class TapeError(JournalError):
    """A tape was used in a way that it does not allow."""


class TapeFailedError(TapeError):
    """The disk failed under the tape, so it takes nothing more: trading must halt."""


class TapeDamagedError(TapeError):
    """A tape does not hold what was written to it."""
