import re
from datetime import date

import pytest

from dagster_project.home import Home
from dagster_project.reports.summary import summarise_day
from dagster_project.reports.writing import DAILY, write_summary
from live.service.routes.summaries import DAILY_REPORTS

pytestmark = pytest.mark.anyio


@pytest.fixture(name="home")
def _home(host):
    """Write the summaries of two days on which nothing ran."""
    home = Home(host.home)
    for day in (date(2026, 3, 1), date(2026, 3, 2)):
        write_summary(home, summarise_day(home, day))
    return home


async def test_summaries_are_read_where_the_pipeline_writes_them(run_desk, host, home):
    """The list is newest first with the headline of each; a summary is its JSON file, byte for byte."""
    assert home.reports / DAILY == host.home / DAILY_REPORTS
    async with run_desk() as desk:
        listed = await desk.call("GET", "/v1/summaries")
        assert [one["day"] for one in listed] == ["2026-03-02", "2026-03-01"]
        assert listed[0]["headline"] == "No session ran on this day."
        assert listed[0]["totals"]["fills"] == 0
        assert [one["day"] for one in await desk.call("GET", "/v1/summaries?limit=1")] == ["2026-03-02"]
        answer = await desk.client.get("/v1/summaries/2026-03-01", headers={"Authorization": f"Bearer {desk.token}"})
        assert answer.content == (home.reports / DAILY / "2026-03-01" / "summary.json").read_bytes()
        assert answer.headers["content-type"] == "application/json"


async def test_a_page_may_run_and_fetch_nothing(run_desk, host, home):
    """It is served with a policy that forbids scripts, other files, forms and frames, whatever is in the file."""
    async with run_desk() as desk:
        (link,) = [one["page"] for one in await desk.call("GET", "/v1/summaries?limit=1")]
        answer = await desk.client.get(link, headers={"Authorization": f"Bearer {desk.token}"})
        assert answer.text == (home.reports / DAILY / "2026-03-02" / "summary.html").read_text()
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        policy = dict(re.findall(r"([a-z-]+)(?: ([^;]+))?", answer.headers["content-security-policy"]))
        assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
        assert policy["sandbox"] == ""
        assert "script-src" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("2026-03-03", 404, "there is no summary of 2026-03-03: GET /v1/summaries lists those there are"),
        ("2026-03-03/page", 404, "there is no summary of 2026-03-03"),
        ("yesterday", 422, "path.day"),
        ("..%2f..", 404, "there is nothing at GET"),
        ("%2e%2e/page", 422, "path.day"),
        ("2026-03-01%00", 422, "path.day"),
        ("2026-03-01%0a", 422, "path.day"),
        ("٢٠٢٦-03-01", 422, "path.day"),
    ],
)
async def test_a_day_that_is_none_reads_no_file(run_desk, home, path, status, expected):
    """Only four, two and two digits name a day; what else stands there leads nowhere."""
    async with run_desk() as desk:
        problem = await desk.call("GET", f"/v1/summaries/{path}", expect=status)
        assert expected in problem["detail"]


async def test_a_home_without_summaries_lists_none_and_a_damaged_one_is_named(run_desk, host):
    """Nothing written yet is an empty list; a file that is no summary is an error that says which day."""
    async with run_desk() as desk:
        assert await desk.call("GET", "/v1/summaries") == []
        folder = host.home / DAILY_REPORTS / "2026-03-01"
        folder.mkdir(parents=True)
        (folder / "summary.json").write_text("[]")
        problem = await desk.call("GET", "/v1/summaries", expect=500)
        assert "the summary 2026-03-01 cannot be read" in problem["detail"]


async def test_sessions_are_listed_with_their_seals_and_the_running_one_is_not_handed_out(run_desk, host):
    """A session that ended can be pulled with its anchors and segments; what runs is refused until it is sealed."""
    for _ in range(2):
        async with run_desk() as desk:
            await desk.bar()
            listed = await desk.call("GET", "/v1/sessions")
            running = listed[-1]
            assert (running["running"], running["sealed"], running["head"], running["segments"]) == (True, False, None, [])
            problem = await desk.call("GET", f"/v1/sessions/{running['session_id']}/journal", expect=409)
            assert "is not handed out before it is sealed: it is running" in problem["detail"]
            if len(listed) == 1:
                continue
            ended = listed[0]
            assert (ended["running"], ended["sealed"]) == (False, True)
            headers = {"Authorization": f"Bearer {desk.token}"}
            journal = await desk.client.get(f"/v1/sessions/{ended['session_id']}/journal", headers=headers)
            assert journal.content == (host.home / "journal" / f"{ended['session_id']}.journal").read_bytes()
            assert ended["journal_bytes"] == len(journal.content)
            (seal,) = [one for one in await desk.call("GET", f"/v1/sessions/{ended['session_id']}/anchors") if one["type"] == "seal"]
            assert (seal["head"], seal["file_sha256"]) == (ended["head"], ended["file_sha256"])
            (segment,) = ended["segments"]
            assert len((await desk.client.get(f"/v1/segments/{segment['digest']}", headers=headers)).content) == segment["bytes"]
