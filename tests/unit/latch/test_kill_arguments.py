from pathlib import Path

import pytest

from live.latch import asks_for_help, engage_from_command_line, latch_path, parse_kill, read_latch


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "scope", "target"),
    [
        (["--strategy", "ema_cross"], "strategy", "ema_cross"),
        (["--strategy=ema_cross"], "strategy", "ema_cross"),
        (["--venue", "binance-spot", "--json"], "venue", "binance-spot"),
        (["--reason", "why", "--account=paper"], "account", "paper"),
        (["--strategy", "a", "--config", "x.toml", "--reason=a=b", "--home", "/h"], "strategy", "a"),
    ],
)
def test_a_named_scope_is_what_is_killed(arguments: list[str], scope: str, target: str) -> None:
    """Both spellings of an option name the same scope, wherever it stands."""
    order = parse_kill(arguments)
    assert (order.scope, order.target) == (scope, target)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--json"],
        ["--strategy"],
        ["--strategy="],
        ["--strategy", ""],
        ["--strategy", "--json"],
        ["--strategy", "a", "--venue", "b"],
        ["--strategy", "a", "--strategy", "b"],
        ["--stratgy", "a"],
        ["-s", "a"],
        ["ema_cross"],
        ["--strategy", "a", "surplus"],
        ["--strategy", "a", "--force"],
        ["--json=yes", "--strategy", "a"],
        ["--reason", "--strategy", "a"],
        ["--", "--strategy", "a"],
    ],
)
def test_in_doubt_everything_is_killed(arguments: list[str]) -> None:
    """Stopping does not depend on spelling: what is not understood stops everything."""
    assert parse_kill(arguments)[1:3] == ("global", "")


def test_reason_and_home_are_read(tmp_path: Path) -> None:
    """The reason goes into the latch; the home may be named, and an empty one is the default."""
    order = parse_kill(["--reason", "unexpected orders", "--home", "/srv/other"])
    assert (order.home, order.reason) == (Path("/srv/other"), "unexpected orders")
    assert parse_kill(["--home", "", "--reason", ""]) == (tmp_path, "global", "", "interlock kill")
    assert parse_kill(["--reason", "odd \udcff byte"]).reason == "odd ? byte"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--strategy", "a", "--help"]])
def test_help_is_not_a_kill(arguments: list[str]) -> None:
    """Who asks how to kill does not kill."""
    assert asks_for_help(arguments)


@pytest.mark.parametrize("arguments", [[], ["--reason", "--help"], ["--reason", "-h"], ["--reason=-h"], ["--strategy", "-h"], ["--json"]])
def test_a_value_that_reads_like_help_does_not_keep_a_kill_from_happening(arguments: list[str]) -> None:
    """`--reason -h` is a reason, however odd."""
    assert not asks_for_help(arguments)


def test_engaging_says_what_became_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The person is told at once, before anything slow is imported."""
    engage_from_command_line(["--strategy", "ema_cross", "--reason", "a test"])
    path = latch_path(tmp_path, "strategy", "ema_cross")
    assert read_latch(path) == (True, "a test")
    assert capsys.readouterr().err == f"the latch {path} is engaged\n"


def test_a_home_that_cannot_be_written_is_said_and_not_raised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest of the command, which asks the service, still runs."""
    (tmp_path / "file").write_text("")
    engage_from_command_line(["--home", str(tmp_path / "file")])
    said = capsys.readouterr().err
    assert said.startswith("error: the latch ")
    assert "stop the service process" in said
