"""What is mutated, and by which tests it must be noticed."""

from collections.abc import Iterable
from pathlib import Path

MODULES = (
    "live/core/orders.py",
    "live/core/ledger.py",
    "live/core/reconciliation.py",
    "live/core/requests.py",
    "live/core/limits.py",
    "live/core/scope_limits.py",
    "live/core/bounds.py",
    "live/core/exposures.py",
    "live/core/pace.py",
    "live/core/risk/*.py",
    "live/core/engine/accounts.py",
    "live/core/engine/authority.py",
    "live/core/engine/conditions.py",
    "live/core/engine/control.py",
    "live/core/engine/deciding.py",
    "live/core/engine/executions.py",
    "live/core/engine/performance.py",
    "live/core/engine/reports.py",
    "live/core/engine/requesting.py",
    "live/core/engine/sending.py",
    "live/core/engine/sessions.py",
    "live/core/engine/valuation.py",
    "live/core/engine/watch.py",
    "live/journal/anchors.py",
    "live/journal/entries.py",
    "live/journal/file.py",
    "live/journal/frames.py",
    "live/journal/migrations.py",
    "live/journal/reader.py",
    "live/journal/recovery.py",
    "live/journal/schema.py",
    "live/journal/sealing.py",
    "live/journal/segments.py",
    "live/journal/storage.py",
    "live/journal/succession.py",
    "live/journal/tape.py",
    "live/journal/verify.py",
    "live/journal/write_ahead_log.py",
    "live/journal/writer.py",
)
"""Where a wrong line costs money or evidence."""

CORE_TESTS = ("tests/unit/core", "tests/property/core")
JOURNAL_TESTS = ("tests/unit/journal", "tests/property/journal", "tests/unit/driver", "tests/unit/venues")
"""Tests of one process: what runs in a process of its own would not see the mutant."""

DESELECTED = ("tests/unit/driver/test_replay.py::test_two_processes_with_different_hash_seeds_give_the_same_digest",)
"""Tests among them that start processes, and would only take time."""

COPIED = ("live", "tests", "dagster_project", "strategies", "docs", "pyproject.toml")
"""What the working copy holds."""

WORDING = (
    r"^\s*raise \w+\(",
    r'^\s*f?"[^"]*"[,)]*$',
    r"^\s*r?f?\"[^\"]*\"( from \w+)?$",
    r"^\s*assert ",
    r"\bcast\(",
)
"""Lines that are left alone: the words of an error are not behaviour, an assertion is a second check of what is checked, and a cast
does nothing when it runs."""

MUST = 85.0
"""Per cent of all mutants that tests must notice."""


def files_of(modules: Iterable[str]) -> list[str]:
    """Give the files that patterns of modules stand for."""
    root = Path(__file__).parents[2]
    return [path.relative_to(root).as_posix() for module in modules for path in sorted(root.glob(module))]


def tests_of(modules: Iterable[str]) -> tuple[str, ...]:
    """Give the tests that must notice mutants of some modules.

    The core must be held by its own tests: that a replay far above it comes out differently says that something is wrong, not what,
    and takes long. What writes a journal is used by everything that runs an engine, and much of it is only tested there.
    """
    return CORE_TESTS if all(module.startswith("live/core/") for module in modules) else CORE_TESTS + JOURNAL_TESTS
