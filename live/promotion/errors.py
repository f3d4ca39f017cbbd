"""Errors of promotion: each says what was wrong, what was received and what to do."""

from enum import StrEnum

from live.core.errors import InterlockError


class PromotionError(InterlockError, ValueError):
    """Base of every error on the way from a strategy folder to a loaded strategy."""


class DocumentError(PromotionError):
    """A document is not JSON, or not the one canonical spelling of what it says."""


class ArchiveError(PromotionError):
    """A source archive holds, or was asked to hold, something that must not travel in a bundle."""


class StrategyFolderError(PromotionError):
    """A strategy folder does not describe a strategy that can be promoted."""


class EvidenceError(PromotionError):
    """Evidence is malformed or does not belong to the strategy version it came with."""


class KeyFileError(PromotionError):
    """A key file is missing, unsafe, malformed or would be overwritten."""


class StrategyLoadError(PromotionError):
    """Verified strategy code could not be imported or constructed."""


class Refusal(StrEnum):
    """Why a bundle was refused; the value is also the tag written back to the registry."""

    TOO_LARGE = "TOO_LARGE"
    NOT_JSON = "NOT_JSON"
    NOT_CANONICAL = "NOT_CANONICAL"
    MALFORMED = "MALFORMED"
    WRONG_PAYLOAD_TYPE = "WRONG_PAYLOAD_TYPE"
    MISSING_SIGNATURE = "MISSING_SIGNATURE"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    WRONG_ROLE = "WRONG_ROLE"
    WRONG_SCHEMA = "WRONG_SCHEMA"
    NOT_YET_VALID = "NOT_YET_VALID"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
    ARCHIVE_MISMATCH = "ARCHIVE_MISMATCH"
    EVIDENCE_MISMATCH = "EVIDENCE_MISMATCH"
    LIMITS = "LIMITS"
    INTEGRITY_GATES = "INTEGRITY_GATES"


class BundleRefused(PromotionError):
    """A bundle may not run here; `reason` is the code and the message says the same in a sentence."""

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.reason = reason
