"""Settings every test shares."""

import os
from typing import Any

import pytest
from hypothesis import settings

# Time limits an example may take say more about the machine than about the code. The examples are the same on each run, so
# a red run is red again when it is looked into; EXPLORE=1 draws new ones.
settings.register_profile("same", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("explore" if os.environ.get("EXPLORE") else "same")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """Let one worker have all tests that share something dear: the one demo, and the fixtures of an integration module."""
    from xdist.scheduler import LoadScopeScheduling

    class SharedFixtures(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith("tests/e2e/research/"):
                return "tests/e2e/research"
            return nodeid.partition("::")[0] if nodeid.startswith("tests/integration/") else nodeid

    return SharedFixtures(config, log)
