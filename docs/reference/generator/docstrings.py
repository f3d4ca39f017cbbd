"""What docstrings say: of a class or function, of its attributes, and of the members of an enumeration."""

import ast
import inspect
import re
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

_ATTRIBUTE = re.compile(r"^    (?P<name>\w+): (?P<text>.*)$")


def summary(subject: Any) -> str:
    """Give the first paragraph of a docstring on one line, empty when there is none."""
    return " ".join((inspect.getdoc(subject) or "").partition("\n\n")[0].split())


def description(subject: Any) -> str:
    """Give a docstring up to its first section, with its paragraphs."""
    kept: list[str] = []
    for line in (inspect.getdoc(subject) or "").splitlines():
        if re.fullmatch(r"(Args|Attributes|Raises|Returns):", line):
            break
        kept.append(line)
    return "\n".join(kept).strip()


def attributes(subject: type[Any]) -> dict[str, str]:
    """Read the `Attributes:` section of a class."""
    found: dict[str, str] = {}
    name = ""
    inside = False
    for line in (inspect.getdoc(subject) or "").splitlines():
        if line == "Attributes:":
            inside = True
        elif inside and line and not line.startswith(" "):
            break
        elif inside and (match := _ATTRIBUTE.match(line)):
            name = match["name"]
            found[name] = match["text"]
        elif inside and name and line.strip():
            found[name] += f" {line.strip()}"
    return found


def member_texts(enumeration: type[Any]) -> dict[str, str]:
    """Read the text that stands after each member of an enumeration."""
    (node,) = ast.parse(inspect.getsource(enumeration)).body
    assert isinstance(node, ast.ClassDef), "an enumeration is a class"
    texts: dict[str, str] = {}
    name = ""
    for statement in node.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            texts[name] = ""
        elif name and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            texts[name] = " ".join(str(statement.value.value).split())
    return texts


def type_text(annotation: Any) -> str:
    """Write an annotation the way it stands in the source."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(inner[0])
    if origin is Literal:
        return " | ".join(f'"{value}"' for value in inner)
    if origin in {Union, UnionType}:
        return " | ".join(type_text(one) for one in inner)
    if origin is not None:
        return f"{origin.__name__}[{', '.join('...' if one is Ellipsis else type_text(one) for one in inner)}]"
    return "None" if annotation is type(None) else getattr(annotation, "__name__", str(annotation))
