"""Compare the small install with its lock: the same packages at the same versions, ours, no others, and small.

    check_base.py ENVIRONMENT LOCK

It runs in the development environment, which has `packaging`, and only looks at the other one.
"""

import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OURS = "interlock"
MEGABYTE = 1_000_000
LARGEST_MEGABYTES = 150
"""Of what the packages bring. The bytecode that an installer adds comes and goes, and is said beside it."""
RESEARCH = {"dagster", "great-expectations", "mlflow", "numpy", "pandas", "pyarrow", "scikit-learn"}
"""Named although the lock is compared exactly: the lock itself must not come to hold them."""


def read_lock(lock: Path) -> dict[str, str]:
    """Give the version of every package that the lock asks for on this machine."""
    locked: dict[str, str] = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith((" ", "#")):
            continue
        requirement = Requirement(line.removesuffix("\\").strip())
        if requirement.marker is None or requirement.marker.evaluate():
            (pin,) = requirement.specifier
            locked[canonicalize_name(requirement.name)] = pin.version
    return locked


def read_environment(environment: Path) -> dict[str, str]:
    """Give the version of every package installed in the environment."""
    (packages,) = environment.glob("lib/python3.*/site-packages")
    found: list[Distribution] = list(distributions(path=[str(packages)]))
    return {canonicalize_name(distribution.metadata["Name"]): distribution.version for distribution in found}


def measure_megabytes(folder: Path) -> tuple[float, float]:
    """Add up the files under `folder`, links not followed: what was delivered, and the bytecode made of it."""
    delivered = bytecode = 0
    for path in folder.rglob("*"):
        if path.is_dir():
            continue
        size = path.lstat().st_size
        if path.suffix == ".pyc":
            bytecode += size
        else:
            delivered += size
    return delivered / MEGABYTE, bytecode / MEGABYTE


def find_faults(installed: dict[str, str], locked: dict[str, str], megabytes: float) -> list[str]:
    """Say everything that is wrong with the environment, one sentence each."""
    faults: list[str] = []
    if OURS not in installed:
        faults.append(f"{OURS} is not installed")
    others = {name: version for name, version in installed.items() if name != OURS}
    faults.extend(
        f"{name}: the lock says {locked.get(name, 'nothing')}, the environment has {others.get(name, 'nothing')}"
        for name in sorted(others.keys() | locked.keys())
        if others.get(name) != locked.get(name)
    )
    faults.extend(f"{name} must never be on a live host" for name in sorted(RESEARCH & (installed.keys() | locked.keys())))
    if megabytes >= LARGEST_MEGABYTES:
        faults.append(f"the environment takes {megabytes:.0f} MB without its bytecode; it must stay under {LARGEST_MEGABYTES} MB")
    return faults


def _main() -> None:
    environment, lock = Path(sys.argv[1]), Path(sys.argv[2])
    installed, locked = read_environment(environment), read_lock(lock)
    megabytes, bytecode = measure_megabytes(environment)
    faults = find_faults(installed, locked, megabytes)
    for fault in faults:
        print(f"base: {fault}", file=sys.stderr)
    if faults:
        sys.exit(1)
    print(f"base: {len(installed)} packages, as locked, in {megabytes:.0f} MB, and {bytecode:.0f} MB of bytecode")


if __name__ == "__main__":
    _main()
