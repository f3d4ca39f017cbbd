"""Descriptions: what MLflow's pages say about a run or a version, within the lengths MLflow keeps."""

from collections.abc import Mapping

CUT = "\n\n*Cut here: the whole report is the artifact `report.md` of the run.*"


def describe_links(links: Mapping[str, str]) -> str:
    """Write links by name as one line of markdown, or nothing when there are none."""
    line = " · ".join(f"[{name}]({address})" for name, address in links.items())
    return f"{line}\n\n" if line else ""


def fit(text: str, maximum: int) -> str:
    """Give the text in at most `maximum` characters: whole lines, and where the rest is."""
    if len(text) <= maximum:
        return text
    return text[: maximum - len(CUT)].rpartition("\n")[0] + CUT
