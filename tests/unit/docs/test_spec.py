import ast
import re
from pathlib import Path

import pytest

from live.promotion.specification import read_specification, signature_path

ROOT = Path(__file__).parents[3]
SPECIFICATION = ROOT / "SPEC.md"

REQUIREMENT = re.compile(r"^- \*\*(P\d\.\d+)\*\* (.*?)(?=^- \*\*P|^Not in this version|\Z)", re.MULTILINE | re.DOTALL)
NAMED_TEST = re.compile(r"`(tests/[\w./-]+\.py)::(\w+)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[\w-]*)?\)")


def requirements() -> dict[str, str]:
    """Give the text of each requirement by its number."""
    return dict(REQUIREMENT.findall(SPECIFICATION.read_text(encoding="utf-8")))


@pytest.fixture(name="functions", scope="module")
def _functions() -> dict[Path, set[str]]:
    found: dict[Path, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        # A state machine is collected as the class that hypothesis makes of it.
        names |= {node.targets[0].id for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
        found[path.relative_to(ROOT)] = {name for name in names if name.startswith(("test_", "Test"))}
    return found


def test_it_says_its_version_and_whether_it_was_signed():
    """The first two lines are what `interlock spec` reads, and no line claims a signature that is not there."""
    version, status, *_ = SPECIFICATION.read_text(encoding="utf-8").splitlines()
    signed = signature_path(SPECIFICATION).exists()
    assert version == f"Version: {read_specification(SPECIFICATION).version}"
    assert status == ("Status: signed" if signed else "Status: awaiting signature")


def test_every_requirement_names_a_test():
    """A requirement that no test can fail is a wish."""
    found = requirements()
    assert {number[:2] for number in found} == {"P1", "P2", "P3", "P4", "P5"}
    assert [number for number, text in found.items() if not NAMED_TEST.search(text)] == []


def test_requirements_are_numbered_without_gaps():
    """A number names one requirement, and none is missing."""
    numbers = re.findall(r"^- \*\*P(\d)\.(\d+)\*\*", SPECIFICATION.read_text(encoding="utf-8"), re.MULTILINE)
    for promise in "12345":
        own = [int(number) for one, number in numbers if one == promise]
        assert own == list(range(1, len(own) + 1))


def test_every_named_test_exists(functions: dict[Path, set[str]]):
    """Renaming or removing a test that the specification leans on is noticed here."""
    named = NAMED_TEST.findall(SPECIFICATION.read_text(encoding="utf-8"))
    assert named
    assert [f"{path}::{name}" for path, name in named if name not in functions.get(Path(path), set())] == []


@pytest.mark.parametrize(
    "page",
    [path.relative_to(ROOT) for path in (ROOT / "README.md", SPECIFICATION, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))],
    ids=str,
)
def test_every_link_leads_somewhere(page: Path):
    """A page links only to files of this repository that are there, or to the outside."""
    source = ROOT / page
    links = [link for link in LINK.findall(source.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (source.parent / link).exists()] == []
