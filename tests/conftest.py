"""Settings every test shares."""

import os
import sys
from typing import Any

import pytest
from hypothesis import settings

# Many images of containers forbid bytecode. Hundreds of processes start in these tests, and each would compile its libraries
# anew, which takes ccxt five seconds instead of one: so the first that imports something compiles it for all.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Time limits an example may take say more about the machine than about the code. The examples are the same on each run, so
# a red run is red again when it is looked into; EXPLORE=1 draws new ones.
settings.register_profile("same", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("explore" if os.environ.get("EXPLORE") else "same")


LONGEST_FIRST = ("tests/e2e/research", "tests/integration/real_venues/faults/", "tests/e2e/", "tests/integration/", "tests/explorer/")
"""What takes long and mostly waits, in the order in which it begins; what has no place here takes seconds and fills the gaps at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: next((place for place, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start)), 99))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """Let one worker have all tests that share something dear: the one demo, and the fixtures of a module."""
    from xdist.scheduler import LoadScopeScheduling

    class SharedFixtures(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith("tests/e2e/research/"):
                return "tests/e2e/research"
            module = nodeid.partition("::")[0]
            return module if module.startswith(("tests/integration/", "tests/unit/")) else nodeid

    config.option.loadscopereorder = False  # else what has most tests begins, whatever they take
    return SharedFixtures(config, log)
