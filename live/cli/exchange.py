"""`interlock exchange`: run the local exchange."""

import math
import sys
from pathlib import Path
from typing import Annotated

import typer

from live.cli.output import CommandError, JsonOption, answer

EXAMPLE = "Example: interlock exchange --account key:secret --play data/sample/btcusdt_30m.parquet --speed 600 --faults-port 18081"

PortOption = Annotated[int, typer.Option("--port", help="Port of the exchange on this machine; 0 takes a free one.", min=0, max=65535)]
AccountOption = Annotated[
    list[str] | None,
    typer.Option("--account", help="A funded account: KEY:SECRET, or KEY:public.pem for an Ed25519 key. Repeat it for more accounts."),
]
PlayOption = Annotated[
    list[str] | None, typer.Option("--play", help="Recording that moves the market instead of chance: a tape, a bar file, a dataset.")
]
SpeedOption = Annotated[float, typer.Option("--speed", help="How many times faster than it was recorded; needs --play.")]
FaultsOption = Annotated[
    int | None, typer.Option("--faults-port", help="Port of the control plane for faults; there is none without.", min=0, max=65535)
]
StateOption = Annotated[Path | None, typer.Option("--state", help="Directory that keeps the exchange's state; it is forgotten without.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of the background market.")]
ReadLagOption = Annotated[int, typer.Option("--read-lag", help="Milliseconds until queries find a new order or trade.", min=0)]


def exchange_command(  # noqa: PLR0913, PLR0917 -- one parameter an option
    port: PortOption = 18080,
    account: AccountOption = None,
    play: PlayOption = None,
    speed: SpeedOption = 1.0,
    faults_port: FaultsOption = None,
    state: StateOption = None,
    seed: SeedOption = 1,
    read_lag: ReadLagOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Run an exchange on this machine that speaks Binance Spot, until SIGINT or SIGTERM.

    REST is at http://127.0.0.1:PORT/api/v3, market streams at ws://127.0.0.1:PORT/ws and /stream, the WebSocket API at /ws-api/v3. It
    trades BTCUSDT and ETHUSDT in play money, with a market that moves by itself or plays a recording. Nothing of it reaches a real venue.
    """
    from live.driver.market_source import open_market_source
    from live.venues.exchange.process import ExchangePlan, run_exchange

    if not 0 < speed < math.inf:
        raise CommandError(f"--speed is how many times faster than it was recorded, more than 0 and finite, received {speed}")
    if speed != 1 and not play:
        raise CommandError(f"--speed {speed:g} plays a recording faster, and none is played: name one with --play, or leave --speed out")
    source = open_market_source(play, 2**63 - 1) if play else None
    plan = ExchangePlan(
        port=port,
        accounts=tuple(account or ()),
        faults_port=faults_port,
        state=state,
        seed=seed,
        read_lag_milliseconds=read_lag,
        speed=speed,
        instruments=source.instruments if source else (),
    )

    def announce(listening: dict[str, str]) -> None:
        answer(listening, as_json=as_json, text=lambda console: console.print("\n".join(f"{name}: {at}" for name, at in listening.items())))
        sys.stdout.flush()

    run_exchange(plan, source.events if source else None, announce)
