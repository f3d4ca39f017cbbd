import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
GENERATOR = ROOT / "docs" / "reference" / "generate.py"
PICTURE = ROOT / "docs" / "images" / "flow.svg"


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the generator in a process of its own, as a person does."""
    return subprocess.run([sys.executable, str(GENERATOR), *arguments], cwd=cwd, capture_output=True, text=True, check=False)


def test_the_reference_says_what_the_code_says(tmp_path: Path):
    """A page or a table of the specification that fell behind the code is named, wherever the check is run."""
    done = run("--check", cwd=tmp_path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_generator_takes_no_other_argument(tmp_path: Path):
    """A misspelt --check must not write pages."""
    done = run("--chekc", cwd=tmp_path)
    assert done.returncode == 1
    assert "--check" in done.stderr


def test_the_picture_is_the_one_that_its_script_draws():
    """The picture is changed in its script, so that the next change begins from the same one."""
    scope: dict[str, object] = {"__name__": "make_flow"}
    source = PICTURE.with_name("make_flow.py")
    exec(compile(source.read_text(encoding="utf-8"), str(source), "exec"), scope)
    draw = scope["draw"]
    assert callable(draw)
    assert draw() == PICTURE.read_text(encoding="utf-8")


def test_every_decision_has_its_sections_and_stands_in_the_index():
    """A decision without alternatives is an announcement, and one that is not listed is not found."""
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "Alternatives"], page.name
        assert f"(adr/{page.name})" in index
