"""Descriptions: what MLflow's pages say about a run or a version, within the lengths MLflow keeps."""

from collections.abc import Mapping

CUT = "\n\n*Cut here: the whole report is the artifact `report.md` of the run.*"


def describe(report: str, links: Mapping[str, str]) -> str:
    """Give the report with its links, by name, in a line below its heading: MLflow's lists show how a description begins."""
    if not links:
        return report
    line = " · ".join(f"[{name}]({address})" for name, address in links.items())
    heading, separator, rest = report.partition("\n")
    return f"{heading}\n\n{line}{separator}{rest}" if heading.startswith("# ") else f"{line}\n\n{report}"


def fit(text: str, maximum: int) -> str:
    """Give the text in at most `maximum` characters: whole lines, and where the rest is."""
    if len(text) <= maximum:
        return text
    return text[: maximum - len(CUT)].rpartition("\n")[0] + CUT
