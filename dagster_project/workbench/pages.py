"""Pages: Data Docs, reports and a start page over HTTP, because a browser follows no link from a page to a file."""

import html
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from dagster_project.addresses import HOST, Addresses
from dagster_project.home import Home

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --quiet: #5b6b7c; --line: #d7dee6; --paper: #fbfcfd; --link: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9aa8b6; --line: #2d3947; --paper: #11171e; --link: #6cb6ff; } }
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
body { max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .3rem; } p { color: var(--quiet); margin-top: 0; }
dl { border-top: 1px solid var(--line); margin: 2rem 0; } dt { font-weight: 600; margin-top: 1rem; }
dd { margin: 0 0 1rem; padding-bottom: 1rem; border-bottom: 1px solid var(--line); color: var(--quiet); } a { color: var(--link); }
"""

EXCHANGE_LINKS = (
    ("ticker/24hr?symbol=BTCUSDT", "BTCUSDT", "The last price, and what the last day was like."),
    ("depth?symbol=BTCUSDT&limit=10", "Its book", "The ten best bids and asks."),
    ("trades?symbol=BTCUSDT&limit=20", "Its trades", "The last twenty."),
    ("exchangeInfo", "Symbols", "What is traded, and the filters of each symbol."),
)

EXCHANGE_VENUE = """\
[venues.local-exchange]
kind = "ccxt"
dialect = "binance"
simulated = true
http = "{http}"
web_socket = "{web_socket}"
"""

EXCHANGE_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Local exchange</title>
<style>{style}</style></head><body>
<h1>Local exchange</h1>
<p>{http} speaks Binance Spot, REST and sockets. Its account has the key <code>{key}</code>
and the secret <code>{secret}</code>: play money.</p>
<dl>
{links}
</dl>
<p>In <code>interlock.toml</code> it is a venue like any other, with nothing real behind it:</p>
<pre>{venue}</pre>
<p><a href="/">Start page</a></p>
</body></html>
"""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Interlock</title>
<style>{style}</style></head><body>
<h1>Interlock</h1>
<p>Home {home}</p>
<dl>
{entries}
</dl>
</body></html>
"""


def start_page(home: Home, addresses: Addresses) -> str:
    """Write the page that says where everything is."""
    entries = (
        (addresses.dagster_url, "Dagster", "The assets: data, datasets, gates, bundles, summaries. Launch and backfill them here."),
        (
            f"{addresses.mlflow_url}/#/models?workflowType=machine_learning",
            "MLflow",
            "Runs, and the registry of strategy versions. Move an alias to ask for a promotion.",
        ),
        (f"{addresses.live_url}/docs", "Live service", "The HTTP interface of what trades. It asks for a token."),
        (
            "/exchange",
            "Local exchange",
            "A venue on this machine that speaks Binance Spot: an account of play money, and a market that moves by itself.",
        ),
        ("/data-docs/index.html", "Data Docs", "What Great Expectations found in each batch of data."),
        ("/reports/", "Reports", "Daily summaries and session validation."),
    )
    items = "\n".join(
        f'<dt><a href="{html.escape(url)}">{html.escape(name)}</a></dt><dd>{html.escape(text)}</dd>' for url, name, text in entries
    )
    return PAGE.format(style=STYLE, home=html.escape(str(home.root)), entries=items)


def exchange_page(addresses: Addresses) -> str:
    """Write the page that says what the exchange shows without a key, and how the live host is connected with it."""
    from live.venues.exchange.process import DEFAULT_ACCOUNT

    http = addresses.exchange_url
    key, _, secret = DEFAULT_ACCOUNT.partition(":")
    links = "\n".join(
        f'<dt><a href="{html.escape(f"{http}/api/v3/{path}")}">{html.escape(name)}</a></dt><dd>{html.escape(text)}</dd>'
        for path, name, text in EXCHANGE_LINKS
    )
    venue = EXCHANGE_VENUE.format(http=http, web_socket=http.replace("http", "ws", 1))
    return EXCHANGE_PAGE.format(style=STYLE, http=http, links=links, key=key, secret=secret, venue=html.escape(venue))


class PageHandler(SimpleHTTPRequestHandler):
    """Serve the start page, and files out of two directories; nothing can be changed through it."""

    def __init__(self, *args: object, home: Home, addresses: Addresses, **kwargs: object) -> None:
        self.home = home
        self.addresses = addresses
        super().__init__(*args, directory=str(home.root), **kwargs)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer a page of our own, or a file."""
        path = urlsplit(self.path).path
        if path in {"/", "/exchange"}:
            content = (start_page(self.home, self.addresses) if path == "/" else exchange_page(self.addresses)).encode()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        else:
            super().do_GET()

    def translate_path(self, path: str) -> str:
        """Map `/data-docs/…` and `/reports/…` to their directories, and everything else to a file that is not there."""
        shelf, _, rest = unquote(urlsplit(path).path).lstrip("/").partition("/")
        root = {
            "data-docs": self.home.great_expectations / "uncommitted" / "data_docs" / "local_site",
            "reports": self.home.reports,
        }.get(shelf)
        if root is None:
            return str(self.home.root / "there-is-no-such-page")
        target = (root / rest).resolve()
        ending = "/" if path.endswith("/") else ""
        return f"{target}{ending}" if target.is_relative_to(root.resolve()) else str(self.home.root / "there-is-no-such-page")

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet about pages that were served."""


def serve_pages(home: Home, addresses: Addresses) -> None:
    """Serve until the process is told to end."""
    handler = partial(PageHandler, home=home, addresses=addresses)
    with ThreadingHTTPServer((HOST, addresses.pages), handler) as server:
        server.serve_forever()
