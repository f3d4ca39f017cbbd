"""Let the tests of this directory import the modules beside them, which child processes run as scripts."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def memory() -> Iterator[Path]:
    """Give a directory in memory where there is one: thousands of homes are written, and none has to last."""
    shared = Path("/dev/shm")
    directory = Path(tempfile.mkdtemp(prefix="interlock-", dir=shared if shared.is_dir() else None))
    yield directory
    shutil.rmtree(directory)
