"""The page of the command line: every command's help, from the application itself."""

from collections.abc import Iterator
from enum import Enum
from importlib.metadata import entry_points
from typing import Any

import typer

from generator.docstrings import type_text
from generator.markdown import code, page, table
from live.cli.main import app

EXIT_CODES = (
    ("0", "done, and what was checked holds"),
    ("1", "an error: one sentence on standard error says what was wrong, what was received and what to do"),
    ("2", "the command ran and what it checked does not hold, or it was called wrongly"),
)


def render() -> str:
    """Write the page."""
    for entry in entry_points(group="interlock.commands"):
        app.add_typer(entry.load(), name=entry.name)
    found = list(_commands(typer.main.get_command(app), "interlock"))
    return page(
        "Command line",
        "Every command takes `--json` where it has an answer for programs, and `--help`. `dataset` and `demo` need the pipeline's "
        "libraries; the rest runs on the live host's small install.",
        table(("exit code", "meaning"), EXIT_CODES),
        "## Commands",
        table(("command", "what it does"), ((f"[`{path}`](#{path.replace(' ', '-')})", _first(command)) for path, command in found)),
        *(_section(path, command) for path, command in found),
    )


def _commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    inner: dict[str, Any] = getattr(command, "commands", {})
    if not inner:
        yield path, command
    for name, one in inner.items():
        yield from _commands(one, f"{path} {name}")


def _first(command: Any) -> str:
    return str(command.help or "").partition("\n\n")[0]


def _section(path: str, command: Any) -> str:
    arguments = [one for one in command.params if type(one).__name__.endswith("Argument")]
    options = [one for one in command.params if one not in arguments and one.name not in {"help", "install_completion", "show_completion"}]
    usage = " ".join((path, *(["[OPTIONS]"] if options else []), *(_placeholder(one) for one in arguments)))
    parts = [f"## {path}", "\n".join(line.strip() for line in str(command.help or "").splitlines()), f"```\n{usage}\n```"]
    rows = [(code(_placeholder(one)), _type(one), _default(one), one.help or "") for one in arguments]
    rows += [(code(", ".join(one.opts)), _type(one), _default(one), one.help or "") for one in options]
    if rows:
        parts.append(table(("argument or option", "type", "default", "meaning"), rows))
    if command.epilog:
        parts.append(command.epilog)
    return "\n\n".join(parts)


def _placeholder(argument: Any) -> str:
    name = str(argument.metavar or argument.name).upper()
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name}]"


def _type(parameter: Any) -> str:
    if getattr(parameter, "is_flag", False):
        return "flag"
    annotation = parameter.type_descriptor.annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(code(member.value) for member in annotation)
    return code(type_text(annotation))


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if parameter.default is None or parameter.default is False or parameter.default == "":
        return ""
    value = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    return code(value)
