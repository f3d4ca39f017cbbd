import json
import shutil
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from dagster_project.definitions import defs
from dagster_project.home import Home
from dagster_project.lake.session_sources import LocalHome
from dagster_project.lake.sessions import news_of
from dagster_project.reports.summary import summarise_day
from dagster_project.reports.writing import write_summary

pytestmark = pytest.mark.usefixtures("anyio_backend")
"""A session is recorded on an event loop; Dagster runs without one."""


@pytest.fixture(name="pipeline", scope="module")
def _pipeline():
    """Load the definitions as Dagster does."""
    return defs()


@pytest.fixture(name="surroundings", scope="module")
def _surroundings(pipeline):
    """Give what a schedule or sensor is evaluated in."""
    return {"repository_def": pipeline.get_repository_def(), "resources": {"home": pipeline.resources["home"]}}


@pytest.fixture(name="instance")
def _instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(name="recorded")
async def _recorded(host, run_desk, monkeypatch):
    """Record one session, in the home that the assets open."""
    for name in ("INTERLOCK_HOME", "INTERLOCK_CONFIG", "INTERLOCK_KEYS"):
        monkeypatch.setenv(name, host.environment[name])
    monkeypatch.delenv("INTERLOCK_URL", raising=False)
    async with run_desk() as desk:
        await desk.arm()
        for told in (0, desk.BUY, 0, desk.FLAT, 0):
            await desk.bar(told)
    return Home(host.home)


@pytest.fixture(name="running")
async def _running(host, run_desk, wall, monkeypatch):
    """Record a session over midnight, published after it, and leave its home as it is while the session runs on."""
    host.bundle(days=3)
    host.configure()
    midnight = (wall.now // host.DAY + 1) * host.DAY
    wall.now = midnight - host.MINUTE
    copied = host.directory / "research"
    async with run_desk() as desk:
        await desk.arm()
        for told in (0, desk.BUY, 0):
            await desk.bar(told)
        watching = desk.service._running.watching
        await watching._anchor()
        wall.now = midnight + 1
        await watching.publish_when_due()
        await desk.bar(desk.FLAT)
        shutil.copytree(host.home, copied)
    for name in ("INTERLOCK_CONFIG", "INTERLOCK_KEYS"):
        monkeypatch.setenv(name, host.environment[name])
    monkeypatch.setenv("INTERLOCK_HOME", str(copied))
    monkeypatch.delenv("INTERLOCK_URL", raising=False)
    return Home(copied)


@pytest.fixture(name="run")
def _run(pipeline, instance):
    """Give a function that runs a job in this process."""

    def run(job, **options):
        return pipeline.resolve_job_def(job).execute_in_process(instance=instance, **options)

    return run


def metadata(result, asset):
    """Give the metadata of an asset's materialisation as plain values."""
    (event,) = [one for one in result.get_asset_materialization_events() if one.asset_key == dg.AssetKey(asset)]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def check(result, name):
    """Give what a check said."""
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == name]
    return found


def test_sessions_are_archived_and_proven_in_one_run(recorded, run):
    """Numbers are numbers in the metadata, and both checks are green."""
    result = run("archive_sessions")
    archived = metadata(result, "session_archive")
    assert (archived["pulled"], archived["archived"], archived["refused"], archived["fills"]) == (1, 1, 0, 2)
    validated = metadata(result, "session_validation")
    assert (validated["identical"], validated["replayed_now"]) == (1, 1)
    assert {one.check_name: one.passed for one in result.get_asset_check_evaluations()} == {
        "sessions_are_sound": True,
        "sessions_replay_identically": True,
    }
    assert metadata(run("archive_sessions"), "session_validation")["replayed_now"] == 0


def test_a_damaged_session_is_a_red_check_in_a_successful_run(recorded, run):
    """The run did what it should; the check names the session."""
    (journal,) = (recorded.root / "journal").glob("*.journal")
    journal.write_bytes(journal.read_bytes() + b"x")
    result = run("archive_sessions")
    assert result.success
    assert metadata(result, "session_archive")["refused"] == 1
    found = check(result, "sessions_are_sound")
    assert not found.passed
    assert found.description.startswith(f"{journal.stem} was refused: {journal.name} has the sha256 ")


def test_a_session_that_cannot_be_replayed_is_a_warning_that_says_why(recorded, run, host):
    """Without the bundle nothing is shown, and that is not called a difference."""
    host.bundles.clear()
    host.configure()
    result = run("archive_sessions")
    found = check(result, "sessions_replay_identically")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "no trusted bundle holds probe@" in found.description


def test_a_damaged_archive_is_an_error_of_the_check(recorded, run):
    """What was verified once and changed since is worse than what was never shown."""
    run("archive_sessions")
    (report,) = (recorded.reports / "sessions").glob("*/validation.json")
    report.unlink()
    (journal,) = recorded.sessions.glob("*/*.journal")
    journal.write_bytes(journal.read_bytes() + b"x")
    result = run("archive_sessions")
    found = check(result, "sessions_replay_identically")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)


def test_the_summary_of_a_day_is_reached_from_its_metadata(recorded, run, wall, monkeypatch):
    """Path, both addresses, the text and the counts are on the partition."""
    monkeypatch.setenv("REPORTS_URL", "http://127.0.0.1:1234/reports/")
    run("archive_sessions")
    day = str(datetime.fromtimestamp(wall.now // 10**9, UTC).date())
    result = run("summarise_days", partition_key=day)
    found = metadata(result, "daily_summary")
    assert found["page"] == f"http://127.0.0.1:1234/reports/daily/{day}/summary.html"
    assert found["live_service_with_token"] == f"http://127.0.0.1:8420/v1/summaries/{day}/page"
    assert (recorded.reports / "daily" / day / "summary.html").samefile(found["path"])
    assert (found["fills"], found["orders"], found["sessions"]) == (2, 2, 1)
    assert isinstance(found["profit_USDT"], float)
    assert found["summary"].startswith(f"# {day}\n")


def test_missed_days_are_made_up_for_in_one_run(recorded, run, wall):
    """A backfill of several days is one run, with metadata on each of them."""
    run("archive_sessions")
    day = datetime.fromtimestamp(wall.now // 10**9, UTC).date()
    days = [str(day - timedelta(days=number)) for number in (2, 1, 0)]
    tags = {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[-1]}
    result = run("summarise_days", tags=tags)
    events = {one.partition: one.materialization.metadata for one in result.get_asset_materialization_events()}
    assert sorted(events) == days
    assert [events[one]["fills"].value for one in days] == [0, 0, 2]
    assert "No session ran on this day." in (recorded.reports / "daily" / days[0] / "summary.html").read_text()


def evaluate(schedule, at, surroundings):
    """Ask a schedule for its runs, as at a time."""
    context = dg.build_schedule_context(scheduled_execution_time=at, **surroundings)
    return schedule.evaluate_tick(context).run_requests


def test_the_schedule_runs_by_default_and_asks_for_every_missed_day(recorded, run, pipeline, surroundings, wall):
    """Each night at five past, for all days since the first session; a day that has its summary is not asked for again."""
    run("archive_sessions")
    schedule = pipeline.resolve_schedule_def("daily_summaries")
    day = datetime.fromtimestamp(wall.now // 10**9, UTC).date()
    at = datetime(day.year, day.month, day.day, 0, 5, tzinfo=UTC) + timedelta(days=3)
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "5 0 * * *"
    asked = evaluate(schedule, at, surroundings)
    assert [one.partition_key for one in asked] == [str(day + timedelta(days=number)) for number in range(3)]
    assert all(one.run_key.startswith(f"{one.partition_key}/") for one in asked)
    write_summary(recorded, summarise_day(recorded, day))
    assert [one.partition_key for one in evaluate(schedule, at, surroundings)] == [one.partition_key for one in asked[1:]]


def test_a_sealed_session_is_asked_for_until_it_is_archived(recorded, run, pipeline, surroundings, instance):
    """The sensors run by default; the first asks for what is sealed and not archived, and is quiet afterwards."""
    sensors = [pipeline.resolve_sensor_def(name) for name in ("recorded_sessions", "late_summaries")]
    assert {one.default_status for one in sensors} == {dg.DefaultSensorStatus.RUNNING}
    (journal,) = (recorded.root / "journal").glob("*.journal")

    def look(sensor):
        return sensor.evaluate_tick(dg.build_sensor_context(instance=instance, **surroundings))

    assert [one.run_key for one in look(sensors[0]).run_requests] == [f"{journal.stem} sealed"]
    run("archive_sessions")
    assert look(sensors[0]).skip_message == "the archive knows every session that there is"
    (summaries,) = {one.job_name for one in look(sensors[1]).run_requests}
    assert summaries in {None, "summarise_days"}


def test_yesterday_is_whole_in_the_morning_though_the_session_runs_on(running, run, pipeline, surroundings, instance, wall):
    """The sensor asks for what was published, the night's schedule for the day that ended, and the page of it is complete."""
    sensor = pipeline.resolve_sensor_def("recorded_sessions")
    (journal,) = (running.root / "journal").glob("*.journal")

    def look():
        return sensor.evaluate_tick(dg.build_sensor_context(instance=instance, **surroundings))

    (asked,) = look().run_requests
    assert news_of(running, LocalHome(running.root))[-1] == f"{journal.stem} through {wall.now}"
    assert asked.run_key
    result = run("archive_sessions")
    archived = metadata(result, "session_archive")
    assert (archived["pulled"], archived["archived"], archived["provisional"], archived["open"]) == (1, 0, 1, 0)
    assert metadata(result, "session_validation")["not_ended_and_left_out"] == 1
    assert look().skip_message == "the archive knows every session that there is"
    today = datetime.fromtimestamp(wall.now // 10**9, UTC).date()
    at = datetime(today.year, today.month, today.day, 0, 5, tzinfo=UTC)
    keys = [one.partition_key for one in evaluate(pipeline.resolve_schedule_def("daily_summaries"), at, surroundings)]
    assert keys == [str(today - timedelta(days=1)), str(today)]
    found = metadata(run("summarise_days", partition_key=keys[0]), "daily_summary")
    assert (found["complete"], found["fills"], found["sessions"]) == (True, 1, 1)


def test_the_retention_plan_deletes_nothing(recorded, run):
    """Every file is there afterwards as it was, and the plan is beside them."""
    run("archive_sessions")
    before = {path: path.read_bytes() for path in recorded.root.rglob("*") if path.is_file()}
    found = metadata(run("plan_retention"), "retention_plan")
    assert (found["could_be_deleted"], found["could_be_deleted_bytes"]) == (0, 0)
    after = {path: path.read_bytes() for path in recorded.root.rglob("*") if path.is_file()}
    assert {path: content for path, content in after.items() if path.name != "plan.json"} == before
    assert json.loads((recorded.reports / "retention" / "plan.json").read_text())["items"] == []
