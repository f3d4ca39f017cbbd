"""The page of configuration: every key of interlock.toml and every environment variable that is read."""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec

import live
from generator.docstrings import attributes, description, type_text
from generator.markdown import code, page, table
from live.configuration import CONFIGURATION_SCHEMA, ConfigurationFile, VenueSettings
from live.core.limits import LATER_LIMITS, SCALAR_LIMITS, Limits
from live.core.scope_limits import ScopeLimits
from live.promotion import TrustedKey
from live.venues.sim import CostModel

ENVIRONMENT = {
    "INTERLOCK_HOME": "Directory of all mutable state; `data` in the working directory when it is not set.",
    "INTERLOCK_KEYS": "Directory of private keys and of tokens' digests; `~/.interlock/keys` when it is not set. Never in a repository.",
    "INTERLOCK_CONFIG": "The configuration file; `interlock.toml` in the working directory when it is not set. `--config` goes before it.",
    "INTERLOCK_PORT": "Port of the control plane, in place of `service.port`; 0 takes any free one.",
    "INTERLOCK_TOKEN": "Bearer token that the command line sends to the service.",
    "INTERLOCK_LOCKS": "Directory of locks that keep two processes off one account; `~/.interlock/locks` when it is not set.",
    "INTERLOCK_KEY_": "With an account's name in capitals behind it: the key of a LIVE account at its venue, in place of "
    "`venues/ACCOUNT.toml` in the directory of keys.",
    "INTERLOCK_SECRET_": "The same for its secret.",
}

TABLES: tuple[tuple[str, str], ...] = (
    ("service", "[service]"),
    ("arming", "[arming]"),
    ("live", "[live]"),
    ("promotion", "[promotion]"),
    ("registry", "[registry]"),
    ("trusted_keys", "[[trusted_keys]]"),
    ("accounts", "[accounts.NAME]"),
    ("venues", '[venues."NAME"]'),
    ("venues.clock", '[venues."NAME".clock]'),
    ("feed", "[feed]"),
    ("deployment", "[[deployment]]"),
)
"""The tables of the file in the order people write them, each with how it is spelled."""

FORMS = {"trusted_keys": TrustedKey}
"""Tables that the file's own type reads as plain tables, with the type that reads them afterwards."""

MEANINGS = {
    "service.host": "address to listen on",
    "service.port": "port to listen on",
    "arming.challenge_seconds": "how long a person has to type the phrase",
    "arming.maximum_lease_seconds": "the longest a lease may live; at most a day",
    "accounts.balances": "opening balance of each asset, posted once, when the account is first seen",
    "accounts.limits": "limits for every strategy on the account, tighter than the bundle's",
}
"""What a key means, where the structure that reads it does not say it."""

MONEY = ("notional", "loss", "drawdown")
UNITS = {
    name: "decimal text, in the quote asset"
    for name in (*SCALAR_LIMITS, *LATER_LIMITS, *(field.name for field in msgspec.structs.fields(ScopeLimits)))
    if any(word in name for word in MONEY)
}
TIMES = {
    "maximum_data_age": ("maximum_data_age_seconds", "whole seconds"),
    "maximum_clock_offset": ("maximum_clock_offset_milliseconds", "whole milliseconds"),
    "duplicate_window": ("duplicate_window_milliseconds", "whole milliseconds"),
}


def render() -> str:
    """Write the page."""
    fields = {field.name: field for field in msgspec.structs.fields(ConfigurationFile)}
    fields["venues.clock"] = next(field for field in msgspec.structs.fields(VenueSettings) if field.name == "clock")
    known = {name for name, _ in TABLES} | {"schema"}
    if unknown := sorted(set(fields) ^ known):
        raise SystemExit(f"the tables {', '.join(unknown)} of interlock.toml are not described: add them to TABLES in {__file__}")
    return page(
        "Configuration",
        "`interlock.toml` says what a live host runs. A key that is not known is refused, and so is a reference to an account or "
        "venue that is not there. `interlock config show` prints every value and where it came from: the file, the environment or "
        "the default.",
        f"`schema = {CONFIGURATION_SCHEMA}` must be there. A path is relative to the file it stands in. "
        "[`interlock.example.toml`](../../interlock.example.toml) is a whole file with comments.",
        *(_section(name, spelled, fields[name]) for name, spelled in TABLES),
        "## Limits",
        "`[accounts.NAME.limits]` and `limits` of a deployment may hold any of these. They only ever tighten: the tightest of bundle, "
        "account and deployment holds.",
        _limits(),
        "## Environment",
        _environment(),
    )


def _section(name: str, spelled: str, field: Any) -> str:
    struct = FORMS.get(name) or _struct(field.type)
    known = {**attributes(CostModel), **attributes(struct)}
    rows: list[tuple[str, str, str, str]] = []
    for one in msgspec.structs.fields(struct):
        meaning = known.get(one.name) or MEANINGS.get(f"{name}.{one.name}")
        if meaning is None:
            raise SystemExit(f"say what {name}.{one.name} means, in the docstring of {struct.__name__} or in MEANINGS in {__file__}")
        rows.append((code(one.name), code(type_text(one.type)), _default(one), meaning))
    return f"## `{spelled}`\n\n{description(struct)}\n\n" + table(("key", "type", "default", "meaning"), rows)


def _struct(annotation: Any) -> type[Any]:
    """Find the structure inside an annotation such as `dict[str, AccountSettings]`."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation
    return next(_struct(inner) for inner in get_args(annotation) if inner is not type(None) and (get_args(inner) or _is_struct(inner)))


def _is_struct(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)


def _default(field: Any) -> str:
    if field.default is not msgspec.NODEFAULT:
        value = getattr(field.default, "value", field.default)
    elif field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    else:
        return "required"
    if value in ("", [], {}, None) or isinstance(value, msgspec.Struct):
        return "empty"
    return code(f'"{value}"' if isinstance(value, str) else value)


def _limits() -> str:
    texts = attributes(Limits)
    rows = [(code("maximum_order_quantity"), "table of instrument id = decimal text", texts["maximum_order_quantity"])]
    for name in SCALAR_LIMITS:
        key, unit = TIMES.get(name, (name, UNITS.get(name, "whole number")))
        rows.append((code(key), unit, texts[name].partition(", nanoseconds")[0]))
    for name in (*LATER_LIMITS, "requires_quotes"):
        key, unit = TIMES.get(name, (name, UNITS.get(name, "true or false" if name == "requires_quotes" else "whole number")))
        rows.append((code(key), f"{unit}; may be left out", texts[name].partition(", nanoseconds")[0]))
    scope = attributes(ScopeLimits)
    names = [field.name for field in msgspec.structs.fields(ScopeLimits)]
    kinds = dict.fromkeys(("order_types", "times_in_force"), "list of text")
    together = [(code(name), kinds.get(name, UNITS.get(name, "whole number")), scope[name]) for name in names]
    return (
        table(("key", "written as", "meaning"), rows)
        + "\n\n### `total_limits`\n\nWhat all strategies of an account or a venue may do together. All of it may be left out.\n\n"
        + table(("key", "written as", "meaning"), together)
    )


def _environment() -> str:
    root = Path(str(live.__file__)).parent
    read = {name for path in root.rglob("*.py") for name in re.findall(r"INTERLOCK_[A-Z]+_?", path.read_text(encoding="utf-8"))}
    if differing := sorted(read ^ set(ENVIRONMENT)):
        raise SystemExit(f"{', '.join(differing)}: describe what live/ reads, and nothing else, in ENVIRONMENT in {__file__}")
    return table(("variable", "meaning"), ((code(name), text) for name, text in ENVIRONMENT.items()))
