"""Probing: play history to a strategy outside the engine, as often as it takes, and compare what it says.

The engine replays history once, with orders and fills. Every probe then hands a fresh instance the same bars, fills, timers
and news of its orders, and shows it the same account, that the strategy had in that replay, so a decision that differs was
caused by what the probe changed and by nothing else. Playing costs no orders, so hundreds of cuts are affordable.
"""

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from dagster_project.gates.isolation import Isolation
from dagster_project.gates.witness import Listening, Said, ShownContext, Step, Target, make_witness
from live.core.errors import CoreError
from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.core.strategy import BarView, Strategy
from live.driver.replay import ReplaySetup, replay
from live.promotion import LoadedStrategy, StrategyFolder, load_archive, pack_files, read_archive, sha256_hex

SOURCES = Path("/strategy")
"""Where probed sources say they are; nothing is there, so a strategy cannot read its own folder either."""


class Recording(NamedTuple):
    """Hold a replay as the strategy saw it.

    Attributes:
        steps: its calls.
        said: what it said at each; what it said before it was warm is left out.
        failure: why the replay ended early; empty when it did not.
        parity_digest: of the replay's records; empty when it ended early.
    """

    steps: list[Step]
    said: list[Said]
    failure: str
    parity_digest: str

    def before(self, cut: int) -> int:
        """Give the number of calls that belong to the first `cut` bars."""
        return bisect_left(self.steps, cut, key=lambda step: step.bar)


class History:
    """Hold bars in order, and each as a strategy sees it."""

    def __init__(self, bars: Sequence[Bar], instruments: dict[str, Instrument]) -> None:
        self.bars = list(bars)
        self.instruments = instruments
        units = {name: (10**one.price_scale, 10**one.quantity_scale) for name, one in instruments.items()}
        self.views = [
            BarView(bar.instrument_id, bar.ts_event, bar.close / units[bar.instrument_id][0], bar, *units[bar.instrument_id])
            for bar in self.bars
        ]

    def __len__(self) -> int:
        return len(self.bars)

    def warm_from(self, start: int, warm_up_bars: int, instrument_ids: Sequence[str]) -> int:
        """Give the index of the first bar whose targets count when history begins at `start`; beyond the end when there is none."""
        if warm_up_bars <= 0:
            return start
        lacking = dict.fromkeys(instrument_ids, warm_up_bars + 1)
        waiting = len(lacking)
        for index in range(start, len(self.bars)):
            name = self.bars[index].instrument_id
            lacking[name] -= 1
            if lacking[name] == 0:
                waiting -= 1
                if waiting == 0:
                    return index
        return len(self.bars)


class Probe:
    """Load a strategy as often as needed, with its own weights or others, and play history to it.

    Attributes:
        folder: the strategy.
        history: what it is judged on.
        isolation: what watches its code.
    """

    def __init__(self, folder: StrategyFolder, history: History, setup: ReplaySetup, isolation: Isolation) -> None:
        self._setup = setup
        self.folder = folder
        self.history = history
        self.isolation = isolation
        self.files = read_archive(folder.archive)
        self.instrument_ids = tuple(one.instrument_id for one in folder.version.instruments)
        self._declared = {name: history.instruments[name] for name in self.instrument_ids}

    def load(self, weights: dict[str, bytes] | None = None) -> LoadedStrategy:
        """Load the strategy anew, its modules too; `weights` replace the files of these names.

        Raises:
            PromotionError: it cannot be loaded.
        """
        archive = self.folder.archive if weights is None else pack_files({**self.files, **weights})
        version = msgspec.structs.replace(self.folder.version, source_digest=sha256_hex(archive))
        with self.isolation.watch():
            return load_archive(version, archive, SOURCES)

    def warm_from(self, loaded: LoadedStrategy, start: int = 0) -> int:
        """Give the index of the first bar whose targets count when history begins at `start`."""
        return self.history.warm_from(start, loaded.warm_up_bars, self.instrument_ids)

    def record(self, loaded: LoadedStrategy, bars: Sequence[Bar]) -> Recording:
        """Replay bars through the engine with the instance that was loaded, as far as it goes."""
        witness = make_witness(loaded.strategy, self._declared, self.isolation)
        failure = parity_digest = ""
        try:
            result = replay({self.folder.version.strategy_id: (witness, loaded.warm_up_bars)}, bars, self._setup)
            parity_digest = result.parity_digest
        except CoreError as error:
            failure = str(error)
        except SystemExit as error:
            failure = f"the strategy ended the process with SystemExit: {error.code}"
        return Recording(witness.steps, witness.said, failure, parity_digest)

    def play(self, loaded: LoadedStrategy, steps: Sequence[Step], *, views: Sequence[BarView] | None = None, warm: int = 0) -> list[Said]:
        """Hand a fresh instance these calls and give what it says at each; what it says before the bar `warm` is left out.

        An instance that fails says that, and nothing more.

        Args:
            loaded: what to make the instance of; the module is not loaded anew.
            steps: the calls.
            views: the bars to hand out by index; those of history when left out.
            warm: index of the first bar whose targets count.
        """
        shown = self.history.views if views is None else views
        context = ShownContext(self._setup.deployments[0], self._declared, self._setup.seed)
        listening = Listening(context)
        said: list[Said] = []
        try:
            with self.isolation.watch():
                strategy: Strategy = loaded.strategy_class(loaded.parameters)
                for step in steps:
                    if not said:
                        context.begin(step)
                    # A bar ends the warm-up before it is handed over, so what comes between it and the bar before is still in it.
                    warming_up = step.bar < warm or (step.bar == warm and not step.is_bar and loaded.warm_up_bars > 0)
                    context.show(step, warming_up=warming_up)
                    if step.is_bar:
                        strategy.on_bar(shown[step.bar], listening)
                    elif step.handler == "on_start":
                        strategy.on_start(listening)
                    else:
                        getattr(strategy, step.handler)(step.argument, listening)
                    said.append(() if warming_up else tuple(listening.said))
                    listening.said.clear()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - strategy code can raise anything, and that is an answer too
            said.append((Target("", None, None, None, f"it failed with {type(error).__name__}: {error}"),))
        return said
