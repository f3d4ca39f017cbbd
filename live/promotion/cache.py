"""The cache of promotions: what `interlock sync` last found for each strategy, and the bundles it accepted.

It is how a promotion travels from sync to the service, and why trading survives a registry that is down. Nobody trusts it:
the service verifies each bundle again, and finds its file by the digest, never by a path that the cache names.
"""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from live.promotion.admission import Alias
from live.promotion.bundle import FILE_SUFFIX, MAXIMUM_BUNDLE_BYTES
from live.promotion.durable_files import read_bounded, replace_file
from live.promotion.errors import PromotionError
from live.promotion.strategy_version import Sha256, check_strategy_id

CACHE_SCHEMA = 1
REGISTRY_FOLDER = "registry"
MAXIMUM_STATE_BYTES = 1024 * 1024

AliasStatus = Literal["accepted", "refused", "removed", "unset"]


class CacheError(PromotionError):
    """The cache of a strategy cannot be read or written."""


class Accepted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name a version that was accepted for an alias.

    Attributes:
        registry_version: the registry's number of it.
        bundle: digest of its bundle, which names the cached file.
        version: label of the strategy version, like `ema_cross@3f9a1c2`.
    """

    registry_version: int
    bundle: Sha256
    version: str


class AliasState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Say what an alias asks for, and what may be loaded under it.

    Attributes:
        status: what became of the version that the alias names.
        code: why, when it is not accepted; empty when it is.
        reason: the same in a sentence.
        registry_version: the version that the alias names, None when it names none.
        bundle: the digest that the version is tagged with, empty without one.
        since: when this was first found so, nanoseconds UTC.
        accepted: what may be loaded: the version itself, or, when that was refused, the one accepted before it as long as it still
            holds. A refused request changes nothing that runs; a removed alias takes everything away.
        note: what else went wrong, like a verdict that could not be written back.
    """

    status: AliasStatus
    code: str
    reason: str
    registry_version: int | None
    bundle: str
    since: int
    accepted: Accepted | None
    note: str = ""


class StrategyState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hold what the newest pass found for one strategy.

    Attributes:
        schema: version of this schema.
        strategy: strategy id, the name of the registered model.
        registry: address that was asked.
        checked_at: when the registry last answered, nanoseconds UTC; 0 when it never did.
        unreachable: why the newest pass could not ask the registry, empty when it could.
        revoked: digests that the host's configuration revoked at the newest pass.
        aliases: the state of each alias.
    """

    schema: int
    strategy: str
    registry: str
    checked_at: int
    unreachable: str
    revoked: tuple[str, ...]
    aliases: dict[Alias, AliasState]


def state_path(home: Path, strategy_id: str) -> Path:
    """Name the file that holds a strategy's state."""
    return home / REGISTRY_FOLDER / f"{strategy_id}.json"


def cached_bundle_path(home: Path, digest: str) -> Path:
    """Name the file of a cached bundle."""
    return home / REGISTRY_FOLDER / "bundles" / f"{digest}{FILE_SUFFIX}"


def cached_bundles(home: Path) -> list[Path]:
    """List every cached bundle, those of earlier promotions too: old sessions replay with them."""
    return sorted((home / REGISTRY_FOLDER / "bundles").glob(f"*{FILE_SUFFIX}"))


def read_state(home: Path, strategy_id: str) -> StrategyState | None:
    """Read a strategy's state, None when no pass has written one.

    Raises:
        CacheError: the file is damaged, of another schema, or another strategy's.
    """
    path = state_path(home, strategy_id)
    try:
        state = msgspec.json.decode(read_bounded(path, MAXIMUM_STATE_BYTES), type=StrategyState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CacheError(f"{path} cannot be read ({error}): run `interlock sync`, which writes it anew") from None
    if (state.schema, state.strategy) != (CACHE_SCHEMA, strategy_id):
        raise CacheError(
            f"{path} is of schema {state.schema} and about {state.strategy!r}, expected {CACHE_SCHEMA} and {strategy_id!r}: "
            "run `interlock sync`, which writes it anew"
        )
    return state


def read_cached_bundle(home: Path, digest: str) -> bytes:
    """Read a cached bundle, unverified.

    Raises:
        OSError: it is not there, or no file that a bundle could be.
    """
    return read_bounded(cached_bundle_path(home, digest), MAXIMUM_BUNDLE_BYTES)


@contextmanager
def held_state(home: Path, strategy_id: str) -> Generator[None]:
    """Let one pass at a time decide about a strategy: of two, the one that asked earlier must not have the last word.

    Raises:
        CacheError: the disk refuses.
    """
    check_strategy_id(strategy_id)
    path = state_path(home, strategy_id).with_suffix(".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("ab")
    except OSError as error:
        raise _unwritable(path, error) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read_followed(home: Path, strategy_id: str, registry: str) -> StrategyState | None:
    """Read a strategy's state as the registry at an address left it, None when no pass has written one.

    Raises:
        CacheError: it cannot be read, or says what another registry said.
    """
    state = read_state(home, strategy_id)
    if state is not None and state.registry != registry.rstrip("/"):
        raise CacheError(
            f"{state_path(home, strategy_id)} holds what the registry at {state.registry} said, and {registry} is configured: "
            "run `interlock sync`, which asks that one"
        )
    return state


def write_state(home: Path, state: StrategyState) -> None:
    """Write a strategy's state in one step.

    Raises:
        CacheError: the disk refuses.
    """
    check_strategy_id(state.strategy)
    _write(state_path(home, state.strategy), msgspec.json.format(msgspec.json.encode(state), indent=2))


def write_cached_bundle(home: Path, digest: str, content: bytes) -> None:
    """Write an accepted bundle in one step, over the one with fewer signatures that may be there.

    Raises:
        CacheError: the disk refuses.
    """
    _write(cached_bundle_path(home, digest), content)


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> CacheError:
    return CacheError(f"{path} cannot be written ({error.strerror}): free the disk, or mend the rights of the home")
