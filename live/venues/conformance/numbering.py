"""Numbering: which cases the kit has, as plain constants, so that what asks for evidence loads no kit."""

KIT_VERSION = "1"
"""Raised whenever a case is added or asks for more: evidence of another version does not count."""

CASE_NUMBERS: tuple[str, ...] = ("AC-01",)
"""The cases that evidence must have."""
