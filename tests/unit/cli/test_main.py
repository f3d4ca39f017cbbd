import json
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from live.cli import control, main
from live.cli.main import app, run

OWN = {
    "replay",
    "reduce-only",
    "cancel-only",
    "serve",
    "doctor",
    "status",
    "arm",
    "disarm",
    "kill",
    "release",
    "load",
    "sync",
    "explain",
    "latency",
    "exchange",
}
OWN_GROUPS = {"strategy", "keys", "promote", "token", "journal", "session", "config", "spec", "venue"}


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the path of every command of the live host."""
    inner: dict[str, Any] = getattr(command, "commands", {})
    if not inner:
        yield path
    for name, one in inner.items():
        if path or name in OWN | OWN_GROUPS:
            yield from commands(one, (*path, name))


ALL = sorted(commands(typer.main.get_command(app)))


def test_the_commands_are_the_ones_that_are_documented() -> None:
    """A new command is added to this list when it gets its page."""
    assert {path[0] for path in ALL} == OWN | OWN_GROUPS


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_explains_itself_with_an_example(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Its help says what it does, shows one line to type, and names --json."""
    assert run([*path, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Example" in shown
    assert f"interlock {' '.join(path)}" in shown.partition("Example")[2]
    assert "--json" in shown


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_shows_every_word_and_breaks_a_paragraph_only_where_the_terminal_ends(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text in brackets is no markup, and the lines of the source are not those of the terminal."""
    monkeypatch.setenv("COLUMNS", "1000")
    command: Any = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    assert run([*path, "--help"]) == 0
    lines = {line.strip() for line in capsys.readouterr().out.splitlines()}
    assert {" ".join(paragraph.split()) for paragraph in command.help.split("\n\n")} <= lines


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_wrong_usage_exits_with_2_for_people_and_for_programs(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """With --json the error is a document on standard output that says where to read on."""
    assert run([*path, "--no-such-option"]) == 2
    assert "No such option" in capsys.readouterr().err
    assert run([*path, "--no-such-option", "--json"]) == 2
    said = json.loads(capsys.readouterr().out)["error"]
    assert said == f"No such option: --no-such-option: see `interlock {' '.join(path)} --help`"


def test_without_a_command_it_shows_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Who types only the name is shown what there is."""
    assert run([]) == 2
    assert "kill" in capsys.readouterr().out


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Also for programs."""
    assert run(["slay"]) == 2
    assert "No such command" in capsys.readouterr().err
    assert run(["slay", "--json"]) == 2
    assert "No such command 'slay'" in json.loads(capsys.readouterr().out)["error"]


def test_a_missing_library_is_a_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of the pipeline say what to install; a module of ours that is missing is a defect and is not hidden."""

    def missing(name: str) -> Any:
        def call(*_: Any, **__: Any) -> None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        return call

    monkeypatch.setattr(main, "_call", missing("pyarrow.parquet"))
    assert run(["dataset", "to-tape"]) == 1
    assert "`interlock dataset to-tape` needs pyarrow.parquet, which is not installed" in capsys.readouterr().err
    monkeypatch.setattr(main, "_call", missing("live.nowhere"))
    with pytest.raises(ModuleNotFoundError):
        run(["doctor"])


def test_a_person_who_stops_a_prompt_gets_a_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at the phrase arms nothing and is no traceback."""

    def stop(*_: Any, **__: Any) -> None:
        raise typer.Abort

    monkeypatch.setattr(control, "call", stop)
    assert run(["arm", "probe", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"] == "stopped by the person at the terminal"
