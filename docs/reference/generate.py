"""Write the reference pages and the generated tables of SPEC.md from the code, or check that they are up to date.

Run it as `.venv/bin/python docs/reference/generate.py`; with `--check` nothing is written, and the exit code is 1 when a
page does not say what the code says.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from generator import api, cli, configuration, denials, metrics, orders, schemas

HERE = Path(__file__).resolve().parent
SPECIFICATION = HERE.parents[1] / "SPEC.md"

PAGES: dict[str, Callable[[], str]] = {
    "orders.md": orders.render,
    "denials.md": denials.render,
    "schemas.md": schemas.render,
    "cli.md": cli.render,
    "configuration.md": configuration.render,
    "metrics.md": metrics.render,
    "api.md": api.render,
}

REGIONS: dict[str, Callable[[], str]] = {
    "order states": orders.states,
    "order transitions": orders.transitions,
    "denial codes": denials.denials,
    "checks": denials.checks,
    "schema versions": schemas.versions,
}
"""Tables of the specification, each between `<!-- generated: NAME -->` and `<!-- end -->`."""


def main(arguments: list[str]) -> int:
    """Write or check every page; returns the exit code."""
    checking = arguments == ["--check"]
    if arguments and not checking:
        sys.stderr.write(f"error: --check is the only argument, received {' '.join(arguments)}\n")
        return 1
    wanted = {HERE / name: render() for name, render in PAGES.items()}
    wanted[SPECIFICATION] = fill_regions(SPECIFICATION.read_text(encoding="utf-8"))
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if not checking:
            path.write_text(wanted[path], encoding="utf-8")
        name = path.relative_to(HERE.parents[1])
        sys.stderr.write(f"{name} is out of date: run docs/reference/generate.py\n" if checking else f"{name} written\n")
    return 1 if checking and stale else 0


def fill_regions(text: str) -> str:
    """Put the generated tables into the specification's marked places.

    Raises:
        SystemExit: a place is missing, or there is one that nothing fills.
    """
    found = re.findall(r"^<!-- generated: (.+) -->$", text, re.MULTILINE)
    if sorted(found) != sorted(REGIONS):
        raise SystemExit(f"SPEC.md marks the places {', '.join(found) or 'none'}, expected {', '.join(REGIONS)}")
    for name, render in REGIONS.items():
        pattern = re.compile(rf"(<!-- generated: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        filled = f"\\1\n{render().replace(chr(92), chr(92) * 2)}\n\n\\2"
        text = pattern.sub(filled, text)
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
