"""Data Docs: where the pages that Great Expectations writes for people lie, and where they are served."""

import os
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from dagster_project.home import Home

DOCS_VARIABLE = "DATA_DOCS_URL"
DOCS_URL = "http://127.0.0.1:8423"
"""Where `make dev` serves the site; a browser opens no `file:` link from a page that came over HTTP."""


def docs_site(home: Home) -> Path:
    """Give the folder of the site, to be served as the root of an address."""
    return home.great_expectations / "uncommitted" / "data_docs" / "local_site"


def relative_page(home: Home, file_url: str) -> str:
    """Give a page's place in the site from the `file:` address of it."""
    return Path(unquote(urlsplit(file_url).path)).resolve().relative_to(docs_site(home).resolve()).as_posix()


def page_link(page: str) -> str:
    """Give the address under which a page of the site is served (DATA_DOCS_URL)."""
    return f"{(os.environ.get(DOCS_VARIABLE) or DOCS_URL).rstrip('/')}/{quote(page)}"
