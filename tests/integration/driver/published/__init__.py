"""Strategies of other engines' documentation, and the scripts that made their numbers."""

from pathlib import Path

FOLDER = Path(__file__).parent
REPOSITORY = FOLDER.parents[3]
