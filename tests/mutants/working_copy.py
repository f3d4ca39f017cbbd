"""The copy of the repository that mutmut works in, and the environment it works with; the repository itself is never touched."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scope import COPIED, DESELECTED, WORDING, tests_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LOCKS = (ROOT / "requirements/live.lock", ROOT / "requirements/test.lock", HERE / "requirements/mutmut.lock")

PROFILE = """
# A mutant is noticed by the first example that fails; making that example small would only take time.
settings.register_profile("mutants", deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate])
settings.load_profile("mutants")


def pytest_sessionstart() -> None:
    # The tests ran in this process before it was forked for a mutant: what a cache kept from then would hide the mutant.
    for module in [one for name, one in sys.modules.items() if name.startswith("live.")]:
        for kept in vars(module).values():
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()
"""


class SetupFailed(Exception):
    """The environment could not be built or mutmut could not start."""


def environment(home: Path) -> Path:
    """Build the environment unless it stands; gives its directory of commands.

    Raises:
        SetupFailed: a package could not be had.
    """
    folder = home / "env"
    stamp = folder / "built-from"
    wanted = f"{sys.version} {hashlib.sha256(b''.join(lock.read_bytes() for lock in LOCKS)).hexdigest()}"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        uv = Path(sys.executable).with_name("uv")
        if not uv.exists():
            raise SetupFailed(f"mutmut cannot be installed: {uv} is missing; run `make setup`, which installs it")
        _run([str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
        sync = [str(uv), "pip", "sync", "--quiet", "--require-hashes", "--python", str(folder / "bin" / "python"), *map(str, LOCKS)]
        # What is in uv's cache needs no index, so that is tried before one is asked.
        if subprocess.run([*sync, "--offline"], capture_output=True, check=False).returncode:
            _run(sync)
        stamp.write_text(wanted, encoding="utf-8")
    return folder / "bin"


def copy_repository(home: Path, modules: Sequence[str]) -> Path:
    """Copy what is under version control or about to be, and tell mutmut what to do with it; gives the copy's directory, a new one."""
    tree = Path(tempfile.mkdtemp(prefix="tree-", dir=home))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *COPIED], cwd=ROOT, capture_output=True, check=True
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    conftest = tree / "tests/conftest.py"
    text = conftest.read_text(encoding="utf-8").replace(
        "from hypothesis import settings", "import sys\n\nfrom hypothesis import Phase, settings"
    )
    conftest.write_text(text + PROFILE, encoding="utf-8")
    for machine in (tree / "tests/property").rglob("test_*.py"):
        text = machine.read_text(encoding="utf-8")
        fewer = re.sub(r"max_examples=(\d+)(?=, stateful_step_count)", lambda number: f"max_examples={int(number[1]) // 5}", text)
        machine.write_text(fewer, encoding="utf-8")
    with (tree / "pyproject.toml").open("a", encoding="utf-8") as configuration:
        configuration.write(
            "\n[tool.mutmut]\n"
            'source_paths = ["live"]\n'
            f"only_mutate = {_toml(modules)}\n"
            f"also_copy = {_toml([name for name in COPIED if name not in {'live', 'tests', 'pyproject.toml'}])}\n"
            f"do_not_mutate_patterns = {_toml(WORDING)}\n"
            f"pytest_add_cli_args = {_toml(['-p', 'no:cacheprovider', *(f'--deselect={name}' for name in DESELECTED)])}\n"
            f"pytest_add_cli_args_test_selection = {_toml(tests_of(modules))}\n"
            "use_git_change_detection = false\n"
            "track_dependencies = false\n"
            "use_setproctitle = false\n"
        )
    return tree


def _toml(values: Sequence[str]) -> str:
    return "[" + ", ".join(f"'''{value}'''" for value in values) + "]"


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, env={**os.environ, "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}, capture_output=True, check=False, text=True
    )
    if done.returncode:
        raise SetupFailed(f"mutmut cannot be installed: `{' '.join(command)}` said\n{done.stderr.strip()}")
