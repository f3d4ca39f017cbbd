import html
import threading
import tomllib
from functools import partial
from http.server import ThreadingHTTPServer

import httpx
import msgspec
import pytest

from dagster_project.addresses import HOST, Addresses
from dagster_project.home import Home
from dagster_project.workbench.pages import PageHandler
from live.configuration import VenueSettings
from live.configuration.venues import check_venue


@pytest.fixture(name="home")
def _home(tmp_path):
    home = Home(tmp_path / "home")
    docs = home.great_expectations / "uncommitted" / "data_docs" / "local_site"
    (docs / "validations").mkdir(parents=True)
    (docs / "index.html").write_text("the index of Data Docs")
    (home.reports / "daily" / "2026-01-02").mkdir(parents=True)
    (home.reports / "daily" / "2026-01-02" / "summary.html").write_text("the summary of a day")
    (home.root / "interlock.toml").write_text("schema = 1")
    (home.root / "reports-of-others").mkdir()
    (home.root / "reports-of-others" / "page.html").write_text("not for everybody")
    return home


@pytest.fixture(name="client")
def _client(home):
    server = ThreadingHTTPServer((HOST, 0), partial(PageHandler, home=home, addresses=Addresses(dagster=3111, exchange=18099)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with httpx.Client(base_url=f"http://{HOST}:{server.server_address[1]}", trust_env=False) as client:
        yield client
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_start_page_says_where_everything_is(client, home):
    """One page links the UIs, the documents and the home that they are about."""
    page = client.get("/").text
    for address in (
        "http://127.0.0.1:3111",
        "http://127.0.0.1:8422/#/models?workflowType=machine_learning",
        "http://127.0.0.1:8420/docs",
        "/exchange",
        "/data-docs/index.html",
        "/reports/",
    ):
        assert f'href="{address}"' in page
    assert str(home.root) in page


def test_the_exchange_has_a_page_with_what_the_live_host_needs_to_trade_there(client):
    """Its addresses as a venue of the configuration, its account, and what it shows to anybody, at the port that was chosen."""
    page = client.get("/exchange").text
    assert 'href="http://127.0.0.1:18099/api/v3/depth?symbol=BTCUSDT&amp;limit=10"' in page
    assert "local-key" in page
    table = html.unescape(page[page.index("<pre>") + 5 : page.index("</pre>")])
    venue = msgspec.convert(tomllib.loads(table)["venues"]["local-exchange"], VenueSettings)
    assert (venue.http, venue.web_socket) == ("http://127.0.0.1:18099", "ws://127.0.0.1:18099")
    check_venue("local-exchange", venue)


def test_data_docs_and_reports_are_served(client):
    """A file under either directory is found by its address, and a directory lists what is in it."""
    assert client.get("/data-docs/index.html").text == "the index of Data Docs"
    assert client.get("/reports/daily/2026-01-02/summary.html").text == "the summary of a day"
    assert "2026-01-02" in client.get("/reports/daily/").text


@pytest.mark.parametrize(
    "path",
    [
        "/interlock.toml",
        "/reports/../interlock.toml",
        "/reports/%2e%2e/interlock.toml",
        "/reports/..%2finterlock.toml",
        "/reports/%2e%2e/reports-of-others/page.html",
        "/data-docs//../../../../interlock.toml",
        "/reports//etc/hostname",
    ],
)
def test_nothing_else_of_the_home_is_served(client, path):
    """No spelling of a path leads out of the two directories."""
    request = client.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    answer = client.send(request)
    assert answer.status_code == 404
    assert "schema" not in answer.text


def test_nothing_can_be_changed(client):
    """There is no method that writes."""
    for method in ("POST", "PUT", "DELETE"):
        assert client.request(method, "/reports/x").status_code == 501
