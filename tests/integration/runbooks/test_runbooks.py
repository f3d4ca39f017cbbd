import re
import shutil
import signal
from pathlib import Path

import pytest

RUNBOOKS = Path(__file__).parents[3] / "runbooks"
PAGES = sorted(page.name for page in RUNBOOKS.glob("*.md") if page.name != "README.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def states(service):
    """Give the trading state of each scope."""
    return {(one["scope"], one["target"]): one["state"] for one in service.call("GET", "/v1/state")["trading_states"]}


def newest_journal(host):
    """Give the journal of the newest session."""
    return max((host.home / "journal").glob("*.journal"))


@pytest.mark.slow
def test_the_kill_switch_page_works_as_written(trading, operator):
    """Kill, three looks, release, one strategy alone, and a service that hangs: each command does what the page shows."""
    page = operator("kill-switch.md")
    page.environment["INTERLOCK_TOKEN"] = trading.token
    page.follow("First: stop everything")
    assert trading.call("GET", "/v1/orders?open_only=true") == []
    del page.environment["INTERLOCK_TOKEN"]
    page.follow("Without a token")
    page.follow("See that it holds")
    page.follow("Release")
    assert states(trading)["STRATEGY", "my_trend"] == "ARMED"
    page.follow("Stop one strategy only")
    assert states(trading)["STRATEGY", "my_trend"] == "KILLED"
    assert states(trading)["GLOBAL", ""] == "ARMED"
    page.follow("Afterwards")
    page.environment["INTERLOCK_TOKEN"] = trading.token
    assert trading.process is not None
    trading.process.send_signal(signal.SIGSTOP)
    page.follow("When the service hangs")
    assert trading.process.wait(20) == -signal.SIGKILL
    trading.start()
    assert states(trading)["GLOBAL", ""] == "KILLED"
    assert page.left == {}


@pytest.mark.slow
def test_the_incident_page_works_as_written(trading, operator, host):
    """Stop, save, diagnose, contain and take a token away, on a service that runs on."""
    page = operator("incident.md")
    page.environment["INTERLOCK_TOKEN"] = trading.token
    for title in (
        "First: stop everything",
        "Save what happened",
        "Diagnose",
        "Contain one strategy and let the rest go on",
        "When a token or a key leaked",
    ):
        page.follow(title)
    (saved,) = host.directory.glob("incident-*")
    assert {path.name for path in saved.iterdir()} == {"session.jsonl", "status.json", "configuration.json", "anchors.jsonl"}
    held = states(trading)
    assert (held["GLOBAL", ""], held["STRATEGY", "my_trend"]) == ("DISARMED", "KILLED")
    page.follow("Afterwards")
    assert page.left == {}


@pytest.mark.slow
def test_the_recovery_page_works_as_written(trading, operator, host):
    """A crash, a damaged journal, a lost latch and a lost host: each way back is the page's own."""
    assert trading.process is not None
    trading.process.kill()
    trading.process.wait()
    page = operator("recovery.md")
    page.follow("First: make sure that what starts, starts stopped")
    page.follow("Diagnose")
    serve, look, release = page.take("Start it")
    assert serve.commands == "interlock serve\n"
    trading.start()
    page.run(look)
    page.run(release)
    assert states(trading)["GLOBAL", ""] == "DISARMED"
    page.follow("When the disk is full")
    assert trading.signal(signal.SIGTERM) == 0

    journal = newest_journal(host)
    shutil.copytree(host.home / "journal", host.directory / "copy" / "journal")
    content = bytearray(journal.read_bytes())
    content[len(content) // 2] ^= 1
    journal.write_bytes(bytes(content))
    page.environment["SAVED"] = "copy"
    page.follow("When a journal is damaged")
    assert journal.with_name(f"{journal.name}.damaged").exists()

    (host.home / "latch" / "global.latch").unlink()
    trading.start()
    page.environment["INTERLOCK_TOKEN"] = trading.token
    page.follow("When a latch is missing")
    assert states(trading)["GLOBAL", ""] == "DISARMED"
    assert trading.signal(signal.SIGTERM) == 0

    page.follow("When the host is lost")
    trading.start()
    assert states(trading)["GLOBAL", ""] == "KILLED"
    assert page.left == {}


def test_the_index_names_every_page_and_its_command_works(operator, host):
    """The first safe action stands on the index too, and works on a host where nothing runs."""
    index = operator("README.md")
    index.follow("")
    assert (host.home / "latch" / "global.latch").exists()
    assert index.left == {}
    text = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    assert PAGES == ["incident.md", "kill-switch.md", "recovery.md"]
    assert [page for page in PAGES if f"({page})" not in text] == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_begins_with_the_first_safe_action(page):
    """The first command of every page is the kill, and nobody has to scroll to it."""
    lines = (RUNBOOKS / page).read_text(encoding="utf-8").splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("```sh"))
    assert lines[first + 1].startswith("interlock kill --reason ")
    assert first < 10


@pytest.mark.parametrize("page", [*PAGES, "README.md"])
def test_every_link_of_a_page_leads_somewhere(page):
    """A file that is named is there, and so is the heading that is named in it."""
    text = (RUNBOOKS / page).read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", BLOCK.sub("", text)):
        file = (RUNBOOKS / (target or page)).resolve()
        assert file.exists(), f"{page} names {target}"
        headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in slugs, f"{page} names {target}#{anchor}"
