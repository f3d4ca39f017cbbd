"""`interlock sync`: follow the registry's aliases into the cache that the live service loads from."""

import json
import signal
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console

from live.cli.output import CommandError, JsonOption, answer, console, print_table
from live.cli.serve import ConfigOption
from live.core.errors import InterlockError

if TYPE_CHECKING:
    from live.configuration import Configuration, RegistrySettings
    from live.promotion.cache import StrategyState

EXAMPLE = "Example: interlock sync --watch"


def sync(
    config: ConfigOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on until SIGINT or SIGTERM, and print a line only when something changed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch what the registry's aliases ask for, verify it as this host demands, and write the verdict back as tags.

    It looks at every strategy that a [[deployment]] names by alias. What is accepted lies in registry/ under INTERLOCK_HOME; the
    service shows it as PENDING, and `interlock load` loads it while nothing is armed. A registry that does not answer takes
    nothing away: one pass exits with 1, --watch goes on. With --watch --json each change is one line.
    """
    if watch:
        _watch(config, as_json=as_json)
        return
    states = _pass(_load(config))
    unreachable = [state.unreachable for state in states if state.unreachable]
    payload: dict[str, Any] = {"strategies": [msgspec.to_builtins(state) for state in states]}
    if unreachable:
        payload["error"] = unreachable[0]
    answer(payload, as_json=as_json, text=lambda console: _print(console, states))
    if unreachable:
        if not as_json:
            sys.stderr.write(f"error: {unreachable[0]}\n")
        raise typer.Exit(1)


def followed(configuration: "Configuration") -> list[str]:
    """List the strategies that a deployment names by alias."""
    return [deployment.strategy for deployment in configuration.deployments if deployment.alias is not None]


def _load(config: Path | None) -> "Configuration":
    from live.configuration import load_configuration

    return load_configuration(config)


def _registry_of(configuration: "Configuration") -> "RegistrySettings":
    if configuration.registry is None:
        raise CommandError("no registry is configured, so there is nothing to follow: add [registry] with its url to interlock.toml")
    return configuration.registry


def _pass(configuration: "Configuration") -> "list[StrategyState]":
    from live.promotion.cache import CacheError
    from live.promotion.registry import ModelRegistry
    from live.promotion.synchronisation import Synchroniser

    with ModelRegistry(_registry_of(configuration).url) as registry:
        synchroniser = Synchroniser(registry, configuration.home, configuration.demands, time.time_ns)
        states: list[StrategyState] = []
        failures: list[CacheError] = []
        for strategy_id in followed(configuration):
            try:
                states.append(synchroniser.synchronise(strategy_id))
            except CacheError as error:  # what is withdrawn from the others must reach the service all the same
                failures.append(error)
    if failures:
        raise failures[0]
    return states


def _watch(config: Path | None, *, as_json: bool) -> None:
    """Make pass after pass; the configuration is read anew each time, so that a revocation counts with the next one."""
    settings = _registry_of(_load(config))
    told: dict[str, dict[str, Any]] = {}
    with suppress(KeyboardInterrupt), _interrupted():
        while True:
            try:
                configuration = _load(config)
                news = _describe(_pass(configuration))
                settings = _registry_of(configuration)
            except InterlockError as error:  # a file that is being edited, a full disk: said once, and looked at again
                news = {"": {"error": str(error)}}
            _tell(news, told, as_json=as_json)
            time.sleep(settings.poll_seconds)


def _describe(states: "list[StrategyState]") -> dict[str, dict[str, Any]]:
    """Say what each strategy and each of its aliases is at, by a name; times are left out, so that only news differs."""
    found: dict[str, dict[str, Any]] = {"": {"error": ""}}
    for state in states:
        found[state.strategy] = {"strategy": state.strategy, "unreachable": state.unreachable}
        for alias, entry in state.aliases.items():
            described = msgspec.to_builtins(entry)
            del described["since"]
            found[f"{state.strategy} {alias}"] = {"strategy": state.strategy, "alias": alias, **described}
    return found


def _tell(news: Mapping[str, dict[str, Any]], told: dict[str, dict[str, Any]], *, as_json: bool) -> None:
    """Print what differs from what was told before."""
    for name, document in news.items():
        if document == told.get(name, {"error": ""}):
            continue
        before, told[name] = told.get(name), document
        if as_json:
            sys.stdout.write(json.dumps(document, sort_keys=True) + "\n")
        else:
            sentence = _sentence(name, document, first=before is None)
            if sentence:
                console().print(f"{datetime.now(UTC):%H:%M:%S} {sentence}", markup=False)
    sys.stdout.flush()


def _sentence(name: str, document: Mapping[str, Any], *, first: bool) -> str:
    if "error" in document:
        return str(document["error"] or "the error is mended")
    if "unreachable" in document:
        answers = "" if first else f"{name}: the registry answers again"
        return f"{name}: {document['unreachable']}" if document["unreachable"] else answers
    version = "" if document["registry_version"] is None else f" version {document['registry_version']}"
    note = f" ({document['note']})" if document["note"] else ""
    return f"{name}{version}: {document['status']}, {document['reason']}{note}"


def _print(console: Console, states: "list[StrategyState]") -> None:
    rows = [
        {
            "strategy": state.strategy,
            "alias": alias,
            "asks_for": entry.registry_version,
            "status": entry.status,
            "loadable": None if entry.accepted is None else f"{entry.accepted.version} ({entry.accepted.registry_version})",
            "reason": entry.reason + (f" ({entry.note})" if entry.note else ""),
        }
        for state in states
        for alias, entry in state.aliases.items()
    ]
    if not states:
        console.print("no [[deployment]] names an alias: there is nothing to follow", markup=False)
        return
    print_table(console, "Aliases", rows, ("strategy", "alias", "asks_for", "status", "loadable", "reason"), numbers=("asks_for",))


@contextmanager
def _interrupted() -> Generator[None]:
    """Let SIGINT and SIGTERM interrupt the body wherever it is: every file is written in one step, so there is none to finish."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
