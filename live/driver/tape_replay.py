"""Replay a strategy folder on a tape: what `interlock replay` does, and each process that gathers evidence.

Run as a module it prints one JSON result, so that evidence can come from processes that share nothing.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import NoReturn

import msgspec

from live.core.decimals import MONEY_SCALE, parse_scaled
from live.core.errors import InstrumentError, InterlockError, StrategyError
from live.core.inputs import Deployment, MarketEvent
from live.core.instruments import Instrument, merge_instruments
from live.driver.replay import ReplayResult, ReplaySetup, replay
from live.journal import JournalFile, read_segment
from live.promotion import StrategyFolder, StrategyLoadError, StrategyVersion, load_strategy_folder, load_strategy_source
from live.venues.sim import CostModel, FillPrice

ACCOUNT = "replay"
STRATEGY_FAILED = 3
"""Exit code of a replay process whose strategy is to blame; with any other but 0 something else broke."""


class TapeReplayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Choose account and costs of a replay.

    Attributes:
        cash: opening balance as decimal text, in the quote asset of the strategy's first instrument.
        costs: fees and slippage.
        fill_price: which price a market order fills at.
        after: leave out events received at or before this time, nanoseconds UTC.
        until: leave out events received after this time.
    """

    cash: str = "10000.00"
    costs: CostModel = CostModel()
    fill_price: FillPrice = FillPrice.NEXT_OPEN
    after: int = 0
    until: int = 2**63 - 1


def replay_on_tape(
    folder: StrategyFolder,
    tape: Path,
    home: Path,
    options: TapeReplayOptions,
    *,
    journal: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> ReplayResult:
    """Replay a strategy on a tape and, when `journal` is given, keep its entries there.

    Args:
        folder: the strategy.
        tape: a closed tape segment.
        home: where the strategy's sources are unpacked.
        options: account and costs.
        journal: file to write; nothing may be there yet, and nothing is left there when the replay fails.
        progress: called with the number of events so far, now and then.

    Raises:
        TapeError: the tape cannot be read.
        PromotionError: the strategy cannot be loaded.
        CoreError: the tape and the strategy do not fit, or the strategy misbehaves.
    """
    header, events = read_segment(tape)
    version = folder.version
    setup = setup_of(version, header.instruments, options)
    loaded = load_strategy_source(folder, home)
    strategies = {version.strategy_id: (loaded.strategy, loaded.warm_up_bars)}
    chosen = _between(_counted(events, progress), options)
    if journal is None:
        return replay(strategies, chosen, setup)
    file = JournalFile.create(journal, session_id="replay", durable=False, created_at=0)
    try:
        result = replay(strategies, chosen, setup, journal=file)
        file.close()
    except BaseException:
        file.abandon()
        journal.unlink(missing_ok=True)
        raise
    return result


def setup_of(version: StrategyVersion, instruments: Iterable[Instrument], options: TapeReplayOptions) -> ReplaySetup:
    """Declare the replay of one strategy version, alone in one account, on a tape of these instruments.

    Raises:
        InstrumentError: the tape and the version disagree about an instrument.
    """
    merged = merge_instruments(version.instruments, instruments)
    first = version.instruments[0]
    deployment = Deployment(
        version.strategy_id,
        version.label,
        ACCOUNT,
        first.venue_id,
        tuple(instrument.instrument_id for instrument in version.instruments),
        version.limits,
    )
    return ReplaySetup(
        deployments=(deployment,),
        instruments=tuple(merged.values()),
        balances=((ACCOUNT, first.quote, parse_scaled(options.cash, MONEY_SCALE)),),
        costs=options.costs,
        fill_price=options.fill_price,
    )


def _between(events: Iterator[MarketEvent], options: TapeReplayOptions) -> Iterator[MarketEvent]:
    return (event for event in events if options.after < event.ts_init <= options.until)


def _counted(events: Iterator[MarketEvent], progress: Callable[[int], None] | None) -> Iterator[MarketEvent]:
    if progress is None:
        yield from events
        return
    for number, event in enumerate(events, start=1):
        if number % 1000 == 0:
            progress(number)
        yield event


class TapeReplayError(InterlockError):
    """What a replay was asked for is not there any more."""


class ProcessRequest(msgspec.Struct, frozen=True):
    """Say what a replay process is to do; paths as text, and the digest of the version that the folder must still hold."""

    folder: str
    version_digest: str
    parameters: dict[str, int | float | str | bool]
    tape: str
    home: str
    journal: str
    costs: CostModel = CostModel()


def main(arguments: list[str]) -> None:
    """Run one replay as its own process: a JSON request as the only argument, a JSON result on standard output.

    Exits with one sentence on standard error when the replay cannot be run: with STRATEGY_FAILED because of the strategy, else with 1.
    """
    request = msgspec.json.decode(arguments[0], type=ProcessRequest)
    try:
        with redirect_stdout(sys.stderr):  # what a strategy prints is no part of the result
            folder = load_strategy_folder(Path(request.folder), request.parameters)
            if folder.version.digest != request.version_digest:
                raise TapeReplayError(f"{request.folder} was changed while evidence was gathered: save it, then gather the evidence again")
            result = replay_on_tape(
                folder, Path(request.tape), Path(request.home), TapeReplayOptions(costs=request.costs), journal=Path(request.journal)
            )
    except (StrategyError, StrategyLoadError, InstrumentError) as error:
        _leave(str(error))
    except InterlockError as error:
        sys.exit(str(error))
    sys.stdout.buffer.write(msgspec.json.encode(result))


def _leave(sentence: str) -> NoReturn:
    sys.stderr.write(f"{' '.join(sentence.split())}\n")
    sys.exit(STRATEGY_FAILED)


if __name__ == "__main__":
    main(sys.argv[1:])
