"""The page of the HTTP interface, from the application's own OpenAPI document and its routes."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generator.markdown import code, page, table
from live.configuration import load_configuration
from live.service.bootstrap import create_application

NO_TOKEN = "none"


def render() -> str:
    """Write the page."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "interlock.toml"
        file.write_text("schema = 1\n")
        app = create_application(load_configuration(file, {"INTERLOCK_HOME": scratch, "INTERLOCK_KEYS": scratch}))
    document: dict[str, Any] = app.openapi()
    scopes = dict(_scopes(app.routes))
    operations: list[tuple[str, str, dict[str, Any]]] = [
        (method.upper(), path, operation) for path, methods in document["paths"].items() for method, operation in methods.items()
    ]
    return page(
        "HTTP interface",
        "The service listens on the address of `[service]` and shows this interface at `/docs`, with nothing fetched from elsewhere. A "
        "call carries `Authorization: Bearer TOKEN`; `interlock token new` makes one. A call that lacks the scope it needs gets 401 or "
        "403, and is recorded in the journal as `AccessDenied` before it is answered.",
        "Every error is an `application/problem+json` body (RFC 9457) whose `detail` is one sentence. Prices, quantities and money are "
        "decimal text, times are nanoseconds UTC. Nothing is answered before the records it rests on are durable.",
        "## Routes",
        table(
            ("method", "path", "scope", "what it does"),
            ((method, code(path), _scope(scopes, method, path), one.get("description", "")) for method, path, one in operations),
        ),
        "## Query parameters",
        table(("path", "parameter", "default", "meaning"), (row for _, path, one in operations for row in _parameters(path, one))),
        "## Bodies",
        *(_body(name, schema) for name, schema in document["components"]["schemas"].items() if "ValidationError" not in name),
    )


def _scope(scopes: dict[tuple[str, str], str], method: str, path: str) -> str:
    return code(scopes[method, path]) if scopes[method, path] != NO_TOKEN else NO_TOKEN


def _scopes(routes: list[Any]) -> Iterator[tuple[tuple[str, str], str]]:
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from _scopes(inner.routes)
        dependant = getattr(route, "dependant", None)
        if dependant is None:
            continue
        names = [str(getattr(one.call, "__name__", "")) for one in dependant.dependencies]
        scope = next((name.removeprefix("require_") for name in names if name.startswith("require_")), NO_TOKEN)
        yield from (((method, route.path), scope) for method in route.methods)


def _parameters(path: str, operation: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for parameter in operation.get("parameters", ()):
        default = parameter["schema"].get("default", "required" if parameter.get("required") else "")
        yield code(path), code(parameter["name"]), code(default) if default != "required" else default, parameter.get("description", "")


def _body(name: str, schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            code(field),
            _kind(one),
            "required" if field in required else code(one["default"]) if one.get("default") else "",
            one.get("description", "") or ", ".join(f"such as {code(example)}" for example in one.get("examples", ())),
        )
        for field, one in schema.get("properties", {}).items()
    ]
    return f"### {name}\n\n{schema.get('description', '')}\n\n" + table(("field", "type", "default", "meaning"), rows)


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    return str(schema.get("type", ""))
