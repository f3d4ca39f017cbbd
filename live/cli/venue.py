"""`interlock venue`: let the adapter of a venue show, case by case, that it does there what trading relies on."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console

from live.cli.keys import public_key_files, trusted_key_toml
from live.cli.output import CommandError, Finding, JsonOption, answer, console, print_table
from live.cli.serve import ConfigOption
from live.core.errors import InterlockError
from live.promotion.keys import SigningKey, load_public_key, load_signing_key

if TYPE_CHECKING:
    from live.cli.venue_gate import KillLatches
    from live.configuration import Configuration
    from live.configuration.credentials import AccountKey
    from live.venues.ccxt_adapter import Endpoint
    from live.venues.conformance.kit import CaseRun
    from live.venues.protocol import Gate, MarketFeed, TradingVenue

app = typer.Typer(
    name="venue",
    help="Let the adapter of a venue show that it does there what trading relies on.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SIGNING_ROLES = ("conformance", "gate")
"""Roles that sign evidence, the one that is chosen first in front."""

_COLUMNS = ("case", "outcome", "milliseconds", "shows", "detail")


class _Plan(msgspec.Struct, frozen=True):
    """Hold what a run is of."""

    venue_id: str
    dialect: str
    endpoint: "Endpoint"
    account: "AccountKey"
    instrument_id: str
    cases: tuple[str, ...]


@app.callback()
def venues() -> None:
    """Let the adapter of a venue show that it does there what trading relies on."""


@app.command(epilog="Example: interlock venue check local --account desk")
def check(
    venue: Annotated[str, typer.Argument(help="A venue of the configuration, of kind ccxt.")],
    account: Annotated[str, typer.Option("--account", help="Whose key trades; the venue's LIVE account when left out.")] = "",
    instrument: Annotated[str, typer.Option("--instrument", help="What is traded, as the venue calls it.")] = "BTCUSDT",
    case: Annotated[list[str] | None, typer.Option("--case", help="Only this case, like AC-07; then no evidence is written.")] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="Private key that signs the evidence; the one of role conformance when left out.")
    ] = None,
    real_money: Annotated[
        bool, typer.Option("--real-money", help="Trade although the venue is not flagged `simulated`: the orders are small, and real.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trade at a venue with the smallest orders it takes, break what can break, and sign what became of every case.

    Between adapter and venue stands a relay on this machine that loses answers, cuts bodies off and freezes sockets; the venue needs
    nothing for it. It wants an account of its own, without open orders. The evidence is what arming LIVE asks for: it counts for
    this address, this adapter and 30 days. Exits 2 when a case failed.
    """
    import asyncio

    from live.cli.venue_gate import KillLatches
    from live.configuration import load_configuration

    configuration = load_configuration(config)
    plan = _plan(configuration, venue, account, instrument, tuple(case or ()))
    if not configuration.venues[venue].simulated and not real_money:
        raise CommandError(
            f"{venue} is not flagged simulated, so the kit's orders cost real money: about ten of the smallest size are bought and sold "
            "again; give --real-money if that is meant"
        )
    latches = KillLatches(configuration.home, venue, plan.account.account_id)
    if killed := latches.engaged():
        raise CommandError(f"{killed}: the kit trades, so it obeys a kill; release it first")
    signing_key = None if plan.cases else _signing_key(configuration, key)
    started = time.time_ns()
    with ExitStack() as held:
        from live.service.account_lock import lock_account

        held.enter_context(lock_account(plan.endpoint.http, plan.account.key, venue, plan.account.account_id, configuration.home))
        runs, left = asyncio.run(_run(plan, latches, _progress(as_json=as_json)))
    written = None if signing_key is None else _write(configuration, plan, signing_key, started, runs)
    _answer(configuration, plan, runs, left, written, signing_key, as_json=as_json)


def _plan(configuration: "Configuration", venue_id: str, account: str, instrument: str, cases: tuple[str, ...]) -> _Plan:
    """Find out what is to be checked with what.

    Raises:
        CommandError: it is not configured, or a case does not exist.
        ConfigurationError: the account has no key.
    """
    from live.configuration.credentials import read_account_key
    from live.service.real_venues import endpoint_of
    from live.venues.conformance.numbering import CASE_NUMBERS

    found = configuration.venues.get(venue_id)
    if found is None or found.kind != "ccxt" or found.dialect is None:
        real = ", ".join(sorted(name for name, one in configuration.venues.items() if one.kind == "ccxt"))
        raise CommandError(f'a venue of kind "ccxt" was expected, received {venue_id}: the configuration has {real or "none"}')
    unknown = sorted(set(cases) - set(CASE_NUMBERS))
    if unknown:
        raise CommandError(f"there is no case {', '.join(unknown)}: they are {CASE_NUMBERS[0]} to {CASE_NUMBERS[-1]}")
    live = sorted(name for name, at in configuration.live_accounts.items() if at == venue_id)
    if not account and len(live) != 1:
        raise CommandError(f"{venue_id} has {len(live)} LIVE accounts: say with --account whose key trades")
    key = read_account_key(configuration.keys, account or live[0])
    return _Plan(venue_id, found.dialect, endpoint_of(venue_id, found), key, f"{venue_id}:{instrument}", cases)


def _signing_key(configuration: "Configuration", path: Path | None) -> SigningKey:
    """Load the key that signs, before anything trades: the one that is given, else the only one of a role that signs."""
    if path is not None:
        return load_signing_key(path)
    public = [(load_public_key(file), file.with_suffix(".pem")) for file in public_key_files(configuration.keys)]
    for role in SIGNING_ROLES:
        found = [private for one, private in public if one.role == role and private.exists()]
        if len(found) == 1:
            return load_signing_key(found[0])
        if found:
            raise CommandError(f"{configuration.keys} holds {len(found)} keys of role {role}: say with --key which one signs")
    raise CommandError(
        f"{configuration.keys} holds no key that signs conformance evidence: make one with `interlock keys new NAME --role conformance`"
    )


class _Maker:
    """Make adapters as the service would, at whatever address they are told."""

    def __init__(self, plan: _Plan, latches: "KillLatches") -> None:
        self._plan = plan
        self._latches = latches
        self._began = time.time_ns() - 1_000_000_000

    def trading(
        self, http: str, web_socket: str, gate: "Gate", *, wall: Callable[[], int] = time.time_ns, spoil_secret: bool = False
    ) -> "TradingVenue":
        from live.cli.venue_gate import LatchedGate
        from live.venues.ccxt_adapter import CcxtTradingVenue, Credentials

        account = self._plan.account
        secret = _spoiled(account.secret) if spoil_secret else account.secret
        credentials = Credentials(account.account_id, account.key, secret, account.place)
        return CcxtTradingVenue(
            self._at(http, web_socket), credentials, LatchedGate(self._latches, gate), history_since=self._began, wall=wall
        )

    def feed(self, http: str, web_socket: str) -> "MarketFeed":
        from live.venues.ccxt_adapter import CcxtMarketFeed

        return CcxtMarketFeed(self._at(http, web_socket))

    def _at(self, http: str, web_socket: str) -> "Endpoint":
        return msgspec.structs.replace(self._plan.endpoint, http=http, web_socket=web_socket, web_socket_api="")


def _spoiled(secret: str) -> str:
    """Give a secret of the same form that is another one."""
    if "PRIVATE KEY" not in secret:
        return f"{secret}x"
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


async def _run(plan: _Plan, latches: "KillLatches", on_case: "Callable[[CaseRun], None]") -> "tuple[list[CaseRun], str]":
    """Run the cases, and sell what they bought; gives what became of them, and why something is left."""
    from live.service.boot import make_nonce
    from live.venues.conformance.kit import open_bench, run_cases, sell_back

    endpoint = plan.endpoint
    opening = open_bench(
        _Maker(plan, latches),
        plan.dialect,
        endpoint.http,
        endpoint.web_socket,
        plan.instrument_id,
        make_nonce(),
        web_socket_api=endpoint.web_socket_api,
    )
    async with opening as bench:
        runs = await run_cases(bench, on_case, plan.cases)
        try:
            await sell_back(bench)
        except InterlockError as error:
            return runs, f"what the cases bought was not sold again: {error}"
        return runs, ""


def _progress(*, as_json: bool) -> "Callable[[CaseRun], None]":
    """Say on standard error what became of each case as it ends, where a person looks."""
    out = Console(stderr=True, soft_wrap=True, highlight=False)

    def tell(run: "CaseRun") -> None:
        if not as_json:
            out.print(f"{run.case.number} {run.outcome:<7} {run.milliseconds:>6} ms", markup=False)

    return tell


def _write(configuration: "Configuration", plan: _Plan, key: SigningKey, started: int, runs: "list[CaseRun]") -> Path:
    """Sign what became of every case, whatever it is, and put it where arming looks."""
    from live.configuration.venues import adapter_address
    from live.promotion.conformance import CONFORMANCE_SCHEMA, CaseResult, ConformanceEvidence, sign_conformance, write_conformance
    from live.venues.conformance.numbering import KIT_VERSION

    evidence = ConformanceEvidence(
        schema=CONFORMANCE_SCHEMA,
        adapter=adapter_address(plan.venue_id, configuration.venues[plan.venue_id], KIT_VERSION),
        started_at=started,
        finished_at=time.time_ns(),
        cases=tuple(
            CaseResult(
                case=run.case.number, sentence=run.case.sentence, outcome=run.outcome, detail=run.detail, milliseconds=run.milliseconds
            )
            for run in runs
        ),
    )
    return write_conformance(configuration.home, plan.venue_id, sign_conformance(evidence, key))


def _answer(
    configuration: "Configuration",
    plan: _Plan,
    runs: "list[CaseRun]",
    left: str,
    written: Path | None,
    key: SigningKey | None,
    *,
    as_json: bool,
) -> None:
    """Say what became of the cases.

    Raises:
        Finding: one failed.
    """
    rows = [
        {
            "case": run.case.number,
            "outcome": run.outcome,
            "milliseconds": run.milliseconds,
            "shows": run.case.sentence,
            "detail": run.detail,
        }
        for run in runs
    ]
    counts = {outcome: sum(run.outcome == outcome for run in runs) for outcome in ("passed", "failed", "skipped")}
    pinned = key is None or any(key.public == one for one in configuration.trusted_keys)
    payload: dict[str, Any] = {
        "venue": plan.venue_id,
        "account": plan.account.account_id,
        "instrument": plan.instrument_id,
        "http": plan.endpoint.http,
        **counts,
        "cases": rows,
        "evidence": None if written is None else str(written),
        "signed_by": None if key is None else key.public.name,
        "signer_is_pinned": pinned,
        "left": left,
    }

    def text(out: Console) -> None:
        print_table(out, f"{plan.venue_id} at {plan.endpoint.http}", rows, _COLUMNS, ("milliseconds",))
        out.print(", ".join(f"{number} {outcome}" for outcome, number in counts.items()), markup=False)
        if left:
            out.print(left, markup=False)
        if written is not None and key is not None:
            out.print(f"evidence signed by {key.public.name}: {written}", markup=False)
            if not pinned:
                out.print(f"{key.public.name} is not pinned, so arming refuses this: paste its lines into the configuration", markup=False)
                out.print(f"\n{trusted_key_toml(key.public)}", markup=False)

    if counts["failed"]:
        if not as_json:
            text(console())
        failed = ", ".join(run.case.number for run in runs if run.outcome == "failed")
        raise Finding(f"the adapter does not conform at {plan.venue_id}: {failed}", payload)
    answer(payload, as_json=as_json, text=text)
