"""`interlock session`: recorded sessions."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from live.cli.output import CommandError, Finding, JsonOption, answer
from live.cli.serve import ConfigOption
from live.core.inputs import Deployment
from live.core.strategy import Strategy

app = typer.Typer(help="List recorded sessions, and run one again.", no_args_is_help=True)


@app.command("list")
def list_sessions(as_json: JsonOption = False) -> None:
    """List the sessions of INTERLOCK_HOME, oldest first.

    Example: interlock session list
    """
    from live.driver.recovery import session_journals

    home = Path(os.environ.get("INTERLOCK_HOME") or "data")
    found = [str(path) for path in session_journals(home)]
    answer({"journals": found}, as_json=as_json, text=lambda console: console.print("\n".join(found) or f"no sessions in {home}"))


@app.command("replay")
def replay(
    journal: Annotated[Path, typer.Argument(help="The session's journal, below INTERLOCK_HOME/journal.")],
    tape: Annotated[Path | None, typer.Option("--tape", help="The session's tape directory; found beside the journal when left out.")] = None,
    bundle: Annotated[list[Path] | None, typer.Option("--bundle", help="A bundle to take strategy code from; else the configured ones.")] = None,
    what_if: Annotated[bool, typer.Option("--what-if", help="Go on although the code differs; the result is no proof.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a session's recorded inputs through the engine again and compare every record.

    Exits 2 when a record differs (the first one is named) or when the code is not the code the session ran with.

    Example: interlock session replay data/journal/000001-ABCDEFGH.journal
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
        console.print(
            f"session {result.session_id}: {result.records:,} records from {result.inputs:,} inputs and {result.market_events:,} market events"
        )
        verdict = "no parity claim: the code differs (--what-if)" if result.code_differs else "[green]identical, record for record[/]"
        console.print(f"{verdict}; parity digest {result.replayed_digest}")
        if not result.closed:
            console.print(f"the session crashed: {result.tail_records} records after the last durable one were not kept, and none of them left")

    answer(payload, as_json=as_json, text=text)


def _loader(config: Path | None, bundles: list[Path]):  # noqa: ANN202 - a LoadStrategies callable
    """Load strategies from bundles that this host trusts, by the version label that the session recorded."""
    from live.configuration import load_configuration
    from live.driver.engine_digest import engine_digest
    from live.promotion import load_strategy, verify_bundle

    configuration = load_configuration(config)
    paths = bundles or [configuration.path(deployment.bundle) for deployment in configuration.deployments]

    def load(deployments: tuple[Deployment, ...]) -> Mapping[str, tuple[Strategy, int]]:
        wanted = {deployment.version: deployment.strategy_id for deployment in deployments}
        found: dict[str, tuple[Strategy, int]] = {}
        for path in paths:
            try:
                raw = path.read_bytes()
            except OSError as error:
                raise CommandError(f"the bundle {path} cannot be read: {error.strerror}") from None
            # A session is judged as of when it ran: a bundle that expired since still holds the code it ran with.
            verified = verify_bundle(raw, configuration.trusted_keys, created_at_of(raw), engine_digest=engine_digest())
            if verified.version.label in wanted:
                loaded = load_strategy(verified, configuration.home)
                found[verified.version.strategy_id] = (loaded.strategy, int(loaded.strategy_class.warm_up_bars(loaded.parameters)))
        if missing := sorted(set(wanted.values()) - set(found)):
            raise CommandError(f"no bundle holds the recorded version of {', '.join(missing)}: name it with --bundle")
        return found

    return load


def created_at_of(raw: bytes) -> int:
    """Read when a bundle was made, nanoseconds UTC; its signature is checked by whoever verifies it then."""
    from live.promotion.bundle import open_envelope, read_bundle

    return read_bundle(open_envelope(raw).payload).created_at
