"""Numbering: which cases the kit has, as plain constants, so that what asks for evidence loads no kit."""

KIT_VERSION = "2"
"""Raised whenever a case is added or asks for more: evidence of another version does not count."""

CASE_NUMBERS: tuple[str, ...] = tuple(f"AC-{number:02d}" for number in range(1, 41))
"""The cases that evidence must have."""
