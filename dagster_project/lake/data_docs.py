"""Data Docs: the pages that Great Expectations writes for people, made to work without any network, and where they are served.

The library's pages fetch styles, scripts and pictures from half a dozen hosts, and its index is drawn by one of those scripts. What
is fetched is taken out, a style sheet of our own is put in, and the index is written from the lake's verdicts.
"""

import os
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from dagster_project.addresses import read_addresses
from dagster_project.home import Home
from dagster_project.lake.verdicts import Verdict

DOCS_VARIABLE = "DATA_DOCS_URL"
"""Says where the site is served when `make dev` does not serve it."""

STYLE_SHEET = Path(__file__).with_name("data_docs.css")
_FETCHED = re.compile(
    r"<script\b.*?</script>"  # scripts are fetched, or need those that are
    r"|<style\b.*?</style>"  # and these only adjust styles that are fetched
    r"|<link\b[^>]*\bhref=\"https?://[^>]*>"
    r"|<img\b[^>]*\bsrc=\"https?://[^>]*>"
    r"|<footer\b.*?</footer>",  # an advertisement
    re.DOTALL,
)


def docs_site(home: Home) -> Path:
    """Give the folder of the site, to be served as the root of an address."""
    return home.great_expectations / "uncommitted" / "data_docs" / "local_site"


def relative_page(home: Home, file_url: str) -> str:
    """Give a page's place in the site from the `file:` address of it."""
    return Path(unquote(urlsplit(file_url).path)).resolve().relative_to(docs_site(home).resolve()).as_posix()


def page_link(page: str) -> str:
    """Give the address under which a page of the site is served: below DATA_DOCS_URL, else where `make dev` serves it.

    A browser opens no `file:` link from a page that came over HTTP.
    """
    site = os.environ.get(DOCS_VARIABLE) or read_addresses().data_docs_url
    return f"{site.rstrip('/')}/{quote(page)}"


def make_self_contained(page: Path) -> None:
    """Take out of a page what it would fetch from elsewhere, and put our style sheet in."""
    text = _FETCHED.sub("", page.read_text(encoding="utf-8"))
    text = re.sub(r"(<a href=\"[^\"]*index\.html\">)\s*(</a>)", r"\1Data Docs\2", text)
    page.write_text(text.replace("</head>", f"{_style()}\n</head>", 1), encoding="utf-8")


def write_index(home: Home, verdicts: Iterable[Verdict]) -> None:
    """Write the index of the site: every verdict on a file, the latest first."""
    latest = sorted(verdicts, key=lambda verdict: (verdict.judged_at, verdict.name), reverse=True)
    columns = ("File", "Instrument", "Bars", "Verdict", "What did not hold", "Judged", "Report")
    head = "".join(f"<th>{column}</th>" for column in columns)
    rows = "\n".join(_row(verdict) for verdict in latest)
    docs_site(home).mkdir(parents=True, exist_ok=True)
    (docs_site(home) / "index.html").write_text(
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="UTF-8"><title>Data Docs</title>\n{_style()}</head>\n'
        "<body><main><h1>Data Docs</h1><p>Every file of bars that was judged, and the expectations it was judged by: "
        '<a href="expectations/bars_schema.html">schema</a>, <a href="expectations/bars.html">bars</a>, '
        '<a href="expectations/bars_warnings.html">warnings</a>.</p>\n'
        f'<table class="table"><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></main></body></html>\n',
        encoding="utf-8",
    )


def _row(verdict: Verdict) -> str:
    links = {"report": verdict.page, "warnings": verdict.warnings_page}
    cells = (
        escape(verdict.name),
        escape(verdict.instrument_id),
        f"{verdict.rows:,}",
        '<span class="text-success">passed</span>' if verdict.passed else '<strong class="text-danger">refused</strong>',
        "<br>".join(escape(f"{finding.name}: {finding.told}") for finding in verdict.findings),
        escape(verdict.judged_at),
        " ".join(f'<a href="{quote(page)}">{text}</a>' for text, page in links.items() if page),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _style() -> str:
    return f"<style>\n{STYLE_SHEET.read_text(encoding='utf-8')}</style>"
