"""Retention: which files could go by the policy, which are held and by what. It only plans; nothing here deletes."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from dagster_project.home import Home
from dagster_project.lake.retention_references import deleted_runs, find_references
from live.core.errors import InterlockError

POLICY_FILE = Path(__file__).with_name("retention.toml")
POLICY_SCHEMA = 1
DAY = 86_400_000_000_000

Action = Literal["delete", "hold"]


class RetentionError(InterlockError):
    """The retention policy cannot be used."""


class RetentionClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Say how long a class of files is kept.

    Attributes:
        path: pattern below the home; each file or folder that it matches is one item.
        keep_days: younger items are kept.
        keep_newest: so many of the newest are kept whatever their age.
        why: the reason for these numbers.
        only_deleted_runs: only folders of MLflow runs that were deleted are items, as old as their deletion.
    """

    name: str
    path: str
    keep_days: int
    keep_newest: int
    why: str
    only_deleted_runs: bool = False


class LegalHold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keep what a pattern below the home matches, for a reason."""

    path: str
    reason: str


class RetentionPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hold the classes, what is never part of a plan, and the legal holds."""

    schema: int
    classes: tuple[RetentionClass, ...] = msgspec.field(name="class")
    never: tuple[str, ...] = ()
    holds: tuple[LegalHold, ...] = msgspec.field(name="hold", default=())


class PlannedItem(msgspec.Struct, frozen=True):
    """Name one item that is older than the policy keeps, relative to the home, and what becomes of it."""

    path: str
    class_name: str
    action: Action
    bytes: int
    age_days: int
    reasons: tuple[str, ...]


class ClassCount(msgspec.Struct, frozen=True):
    """Count the items of a class: all, those that could go, those that are held though they are old."""

    name: str
    items: int
    bytes: int
    delete: int
    delete_bytes: int
    held: int


class RetentionPlan(msgspec.Struct, frozen=True):
    """List what could go and what is held; what is young enough is only counted."""

    items: tuple[PlannedItem, ...]
    classes: tuple[ClassCount, ...]

    @property
    def delete_bytes(self) -> int:
        """Count the bytes of what could go."""
        return sum(one.delete_bytes for one in self.classes)

    def acting(self, action: Action) -> list[PlannedItem]:
        """List the items of one action."""
        return [item for item in self.items if item.action == action]


def load_retention_policy(path: Path = POLICY_FILE) -> RetentionPolicy:
    """Read a retention policy.

    Raises:
        RetentionError: it cannot be read, or a number or a path in it makes no sense.
    """
    try:
        policy = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), RetentionPolicy)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise RetentionError(f"the retention policy {path} cannot be read ({error}): correct it") from None
    if policy.schema != POLICY_SCHEMA:
        raise RetentionError(f"{path} has schema {policy.schema}, this program reads {POLICY_SCHEMA}: update the file")
    for one in policy.classes:
        if one.keep_days < 1 or one.keep_newest < 0:
            raise RetentionError(f"{path}, class {one.name!r}: keep_days is at least 1 and keep_newest at least 0, received {one}")
    for pattern in (*(one.path for one in policy.classes), *(one.path for one in policy.holds), *policy.never):
        if PurePosixPath(pattern).is_absolute() or ".." in PurePosixPath(pattern).parts or pattern.startswith("*"):
            raise RetentionError(f"{path}: a pattern names a folder of the home first and never leaves it, received {pattern!r}")
    return policy


def plan_retention(home: Home, policy: RetentionPolicy, now: int, deployed: Iterable[Path] = ()) -> RetentionPlan:
    """Plan what could be deleted; nothing is.

    Args:
        home: whose files.
        policy: how long each class is kept.
        now: nanoseconds UTC.
        deployed: bundle files that the live service's configuration names.
    """
    references = find_references(home, deployed)
    never = {path for pattern in policy.never for path in home.root.glob(pattern)}
    legal: defaultdict[Path, list[str]] = defaultdict(list)
    for hold in policy.holds:
        for path in home.root.glob(hold.path):
            legal[path].append(f"legal hold: {hold.reason}")
    items: list[PlannedItem] = []
    counts: list[ClassCount] = []
    for one in policy.classes:
        ages = _ages(home, one)
        found = {path: age for path, age in ages.items() if not any(_touches(path, kept) for kept in never)}
        sizes = {path: _size(path) for path in found}
        newest = sorted(found, key=lambda path: (found[path], str(path)), reverse=True)[: one.keep_newest]
        planned: list[PlannedItem] = []
        for path in sorted(found.keys() - set(newest)):
            age = (now - found[path]) // DAY
            if age >= one.keep_days:
                held = (*_covering(path, legal), *references.reasons(path))
                reasons = held or (f"{age} days old, kept for {one.keep_days}",)
                action: Action = "hold" if held else "delete"
                planned.append(PlannedItem(str(path.relative_to(home.root)), one.name, action, sizes[path], age, reasons))
        gone = [item for item in planned if item.action == "delete"]
        freed = sum(item.bytes for item in gone)
        counts.append(ClassCount(one.name, len(found), sum(sizes.values()), len(gone), freed, len(planned) - len(gone)))
        items += planned
    return RetentionPlan(tuple(items), tuple(counts))


def _ages(home: Home, one: RetentionClass) -> dict[Path, int]:
    """Give each item of a class and when it was last changed, nanoseconds UTC."""
    if one.only_deleted_runs:
        runs = deleted_runs(home)
        return {path: runs[path.name] for path in home.root.glob(one.path) if path.name in runs}
    return {path: _changed(path) for path in home.root.glob(one.path) if not path.name.startswith(".")}


def _changed(path: Path) -> int:
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else []
    return max((file.stat().st_mtime_ns for file in files), default=path.stat().st_mtime_ns)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else path.stat().st_size


def _covering(path: Path, legal: Mapping[Path, list[str]]) -> list[str]:
    """Give the legal holds on an item, on a folder around it, or on something inside it."""
    return [reason for held, reasons in legal.items() if _touches(path, held) for reason in reasons]


def _touches(path: Path, other: Path) -> bool:
    return path == other or other in path.parents or path in other.parents
