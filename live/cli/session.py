"""`interlock session`: recorded sessions."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from live.cli.output import CommandError, Finding, JsonOption, answer, print_table
from live.cli.serve import ConfigOption
from live.core.errors import InterlockError
from live.core.inputs import Deployment
from live.core.strategy import Strategy
from live.latch import home_directory
from live.promotion.errors import BundleRefused
from live.promotion.verification import VerifiedBundle

app = typer.Typer(help="List recorded sessions, and run one again.", no_args_is_help=True)


@app.command("list", epilog="Example: interlock session list")
def list_sessions(as_json: JsonOption = False) -> None:
    """List the sessions of INTERLOCK_HOME, oldest first."""
    from live.driver.recovery import JOURNALS, session_journals

    home = home_directory()
    sessions = [_describe(path) for path in session_journals(home)]

    def text(console: Console) -> None:
        print_table(console, f"Sessions in {home}", sessions, ("session_id", "started", "rows", "state"), numbers=("rows",))
        console.print(f"The journal of each is {home / JOURNALS}/SESSION_ID.journal", markup=False)

    answer({"home": str(home), "sessions": sessions}, as_json=as_json, text=text)


@app.command("replay", epilog="Example: interlock session replay data/journal/000001-ABCDEFGH.journal")
def replay(
    journal: Annotated[Path, typer.Argument(help="The session's journal, below INTERLOCK_HOME/journal.")],
    tape: Annotated[
        Path | None, typer.Option("--tape", help="The session's tape directory; found beside the journal when left out.")
    ] = None,
    bundle: Annotated[
        list[Path] | None, typer.Option("--bundle", help="A bundle to take strategy code from; else the configured ones. Repeat it.")
    ] = None,
    what_if: Annotated[bool, typer.Option("--what-if", help="Go on although the code differs; the result is no proof.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a session's recorded inputs through the engine again and compare every record.

    Exits 2 when a record differs (the first one is named) or when the code is not the code the session ran with.
    """
    from live.driver.session_replay import replay_session

    result = replay_session(journal, _loader(config, bundle or []), tape=tape)
    payload = {"identical": result.identical, "what_if": what_if, **msgspec.to_builtins(result)}
    if result.code_differs and not what_if:
        raise Finding("CODE_DIFFERS: this program is not the engine that the session ran with; use that version, or --what-if", payload)
    if result.difference is not None:
        first = result.difference
        raise Finding(f"record {first.seq} ({first.kind}) differs: recorded {first.recorded}, replayed {first.replayed}", payload)

    def text(console: Console) -> None:
        fed = f"{result.inputs:,} inputs and {result.market_events:,} market events"
        console.print(f"session {result.session_id}: {result.records:,} records from {fed}", markup=False)
        verdict = "no parity claim: the code differs (--what-if)" if result.code_differs else "identical, record for record"
        console.print(f"{verdict}; parity digest {result.replayed_digest}", markup=False)
        if result.failure is not None:
            console.print(f"the engine failed at the end, as it did then: {result.failure}", markup=False)
        elif not result.closed:
            lost = f"{result.tail_records} records after the last durable one were not kept, and none of them left"
            console.print(f"the session did not close: {lost}", markup=False)

    answer(payload, as_json=as_json, text=text)


def _describe(path: Path) -> dict[str, Any]:
    """Say what a journal holds; one that cannot be read says why, and hides none of the others."""
    from live.journal import JournalReader

    try:
        with JournalReader(path) as reader:
            commit = reader.last_commit()
            closed = next(reader.rows(kinds=("SessionClosed",), limit=1), None)
            started = datetime.fromtimestamp(reader.meta.created_at / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            rows = 0 if commit is None else commit.last_seq
            state = "closed" if closed is not None else "running, crashed or halted"
            return {"session_id": path.stem, "started": started, "rows": rows, "state": state, "journal": str(path)}
    except InterlockError as error:
        return {"session_id": path.stem, "started": None, "rows": None, "state": f"unreadable: {error}", "journal": str(path)}


def _loader(config: Path | None, named: list[Path]) -> Callable[[tuple[Deployment, ...]], Mapping[str, tuple[Strategy, int]]]:
    """Load strategies from bundles that this host trusts, by the version label that the session recorded."""
    from live.configuration import load_configuration
    from live.promotion import load_strategy
    from live.promotion.cache import cached_bundles

    configuration = load_configuration(config)
    configured = [configuration.path(deployment.bundle) for deployment in configuration.deployments if deployment.bundle is not None]
    paths = named or [*configured, *cached_bundles(configuration.home)]

    def load(deployments: tuple[Deployment, ...]) -> Mapping[str, tuple[Strategy, int]]:
        wanted = {deployment.version: deployment.strategy_id for deployment in deployments}
        found: dict[str, tuple[Strategy, int]] = {}
        refusals: list[str] = []
        for verified in _verified(paths, list(configuration.trusted_keys), refusals):
            if verified.version.label in wanted:
                loaded = load_strategy(verified, configuration.home)
                found[verified.version.strategy_id] = (loaded.strategy, loaded.warm_up_bars)
        if missing := [label for label, strategy_id in wanted.items() if strategy_id not in found]:
            looked = "; ".join(refusals) or f"looked at {', '.join(map(str, paths)) or 'none'}"
            raise CommandError(f"no trusted bundle holds {', '.join(missing)}, which the session ran ({looked}): name it with --bundle")
        return found

    return load


def _verified(paths: list[Path], trusted: list[Any], refusals: list[str]) -> Iterator[VerifiedBundle]:
    from live.driver.engine_digest import engine_digest
    from live.promotion import verify_bundle

    for path in paths:
        try:
            raw = path.read_bytes()
            # A session is judged as of when it ran: a bundle that expired since still holds the code it ran with.
            yield verify_bundle(raw, trusted, created_at_of(raw), engine_digest=engine_digest())
        except OSError as error:
            refusals.append(f"{path} cannot be read: {error.strerror}")
        except BundleRefused as error:
            refusals.append(f"{path}: {error}")


def created_at_of(raw: bytes) -> int:
    """Read when a bundle was made, nanoseconds UTC; its signature is checked by whoever verifies it then."""
    from live.promotion.bundle import open_envelope, read_bundle

    return read_bundle(open_envelope(raw).payload).created_at
