"""Gate `look_ahead`: does any decision depend on bars that came after it?

A strategy is handed one finished bar at a time, so it reaches the future by ways around that: weights that were fitted on
rows to come, tables that were computed with hindsight, module-level caches that survive a run, files. The probes:

- fit: the weights that are shipped must be what the declared fit gives, and weights without a fit prove nothing;
- repeat: a second run in the same process must say the same, so no cache carries the future into it;
- prefix: with every bar after a cut gone, and the weights fitted on what is left, decisions up to the cut must not change;
- poison: with every bar after a cut turned to garbage, and the weights fitted on all of it, neither;
- translation: with all of history 28 years later, where weekdays, months and leap years fall alike, nothing may change, so
  no table keyed by time was written with hindsight.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from dagster_project.gates.fitting import FitFailed, Fitter, differing_weight, weight_files
from dagster_project.gates.policy import LookAheadPolicy
from dagster_project.gates.probing import History, Probe, Recording, Said
from live.core.inputs import Bar
from live.core.records import FillRecorded
from live.promotion import GateResult, LoadedStrategy, PromotionError, unload

TRANSLATION = 10_227 * 24 * 3600 * 1_000_000_000
"""28 years of the Gregorian calendar between 1901 and 2099, nanoseconds."""


_CIRCUMSTANCES = {
    "repeat": "run again in the same process",
    "prefix": "with the first {cut} bars alone",
    "poison": "with garbage after the first {cut} bars",
    "translation": "with all of history 28 years later",
}


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """Name a decision that the future changed.

    Attributes:
        probe: which probe noticed.
        instrument_id: instrument of the bar.
        bar: number of the bar within its instrument's history, from 0.
        ts: close of the bar, nanoseconds UTC.
        cut: bars of history that were left as they were.
        said: what the strategy said in the whole run.
        instead: what it said under the probe.
    """

    probe: str
    instrument_id: str
    bar: int
    ts: int
    cut: int
    said: str
    instead: str


class LookAheadFindings(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what the probes found.

    Attributes:
        cuts: how many cuts were tried, or could have been when a leak ended the search.
        leaks: at most one a probe, the earliest bar of each.
        problems: why weights could not be proven.
        fit_until: the bars that the fit was allowed, nanoseconds UTC; None when all or when there is no fit.
    """

    cuts: int
    leaks: tuple[Leak, ...]
    problems: tuple[str, ...]
    fit_until: int | None


def probe_look_ahead(probe: Probe, loaded: LoadedStrategy, recording: Recording, policy: LookAheadPolicy) -> LookAheadFindings:
    """Run every probe against a strategy that was recorded over the whole of history."""
    return _Search(probe, loaded, recording, policy).run()


def look_ahead_gate(findings: LookAheadFindings, violations: Sequence[str], policy: LookAheadPolicy) -> GateResult:
    """Demand that no probe changed a decision, that weights are proven, and that nothing but bars was reached for."""
    leaks = sorted(findings.leaks, key=lambda leak: leak.ts)
    measured: dict[str, int | float | str] = {
        "differing": len(leaks),
        "problems": len(findings.problems),
        "violations": len(violations),
        "cuts": findings.cuts,
    }
    if findings.fit_until is not None:
        measured["fit_until"] = _iso(findings.fit_until)
    said = [*findings.problems, *violations]
    if leaks:
        first = leaks[0]
        others = ", ".join(leak.probe for leak in leaks[1:])
        said.append(f"{_describe(first)}{f' (so does: {others})' if others else ''}")
        measured |= {
            "probe": first.probe,
            "first_leaking_bar": first.bar,
            "first_leaking_instrument": first.instrument_id,
            "first_leaking_time": _iso(first.ts),
        }
    if findings.cuts < policy.minimum_cuts:
        said.append(f"history leaves room for {findings.cuts} cuts, {policy.minimum_cuts} are needed")
    return GateResult(
        gate="look_ahead",
        passed=not said,
        kind="integrity",
        measured=measured,
        threshold={"maximum_differing": 0, "maximum_problems": 0, "maximum_violations": 0, "minimum_cuts": policy.minimum_cuts},
        detail="; ".join(said) or f"no decision changed at {findings.cuts} cuts, under poison, in a second run, or 28 years later",
    )


class _Search:
    def __init__(self, probe: Probe, loaded: LoadedStrategy, recording: Recording, policy: LookAheadPolicy) -> None:
        self.probe = probe
        self.loaded = loaded
        self.recording = recording
        self.policy = policy
        self.history = probe.history
        self.fitter = None if probe.folder.fit is None else Fitter(probe, probe.folder.fit)
        self.warm = probe.warm_from(loaded)
        self.problems: list[str] = []
        self.leaks: list[Leak] = []

    def run(self) -> LookAheadFindings:
        fit = self.probe.folder.fit
        until = None if fit is None else fit.until
        cuts = self._cuts(until)
        self._note(self._compare("repeat", len(self.history), self._play(self.loaded, len(self.history))))
        # Fitting loads the modules anew. What needs the ones that have seen all of history comes before it.
        if not self._fits_each_cut:
            self._prefix(cuts)
        provable = self._check_weights()
        if self._fits_each_cut and provable:
            self._prefix(cuts)
        if provable:
            for cut in _spread(cuts, self.policy.poisoned_cuts):
                if self._note(self._attempt("poison", self._poison, cut)):
                    break
        self._note(self._attempt("translation", self._translate, len(self.history)))
        return LookAheadFindings(cuts=len(cuts), leaks=tuple(self.leaks), problems=tuple(self.problems), fit_until=until)

    @property
    def _fits_each_cut(self) -> bool:
        """Say whether a cut changes what the weights are fitted on; with an `until` it does not."""
        return self.fitter is not None and self.fitter.fit.until is None

    def _cuts(self, until: int | None) -> list[int]:
        """Choose how many bars each cut leaves, from the first bar that counts; what a fit was allowed to see proves nothing."""
        first = self.warm
        if until is not None:
            first = max(first, sum(bar.ts_init <= until for bar in self.history.bars))
        later = list(range(first + 1, len(self.history)))
        opening, rest = later[: self.policy.opening_cuts], later[self.policy.opening_cuts :]
        # Without weights to fit, neighbouring cuts play the same instance and can only say the same.
        each = self.policy.cuts_at_each_place if self._fits_each_cut else 1
        spread = {cut for place in _spread(rest, self.policy.spread_places) for cut in range(place - each + 1, place + 1)}
        return opening + sorted(spread & set(rest))

    def _check_weights(self) -> bool:
        """Say whether the shipped weights are what the fit gives, so that fitting again means something."""
        shipped = weight_files(self.probe)
        if self.fitter is None:
            if shipped:
                self.problems.append(
                    f"{next(iter(shipped))} is shipped and strategy.toml declares no [fit], and weights without a fit cannot be proven"
                )
            return not shipped
        try:
            fitted = self.fitter.weights(self.history.views)
        except (FitFailed, PromotionError) as error:
            self.problems.append(str(error))
            return False
        if name := differing_weight(shipped, fitted):
            self.problems.append(f"{name} is not what the declared fit gives on this dataset")
        return not self.problems

    def _prefix(self, cuts: Sequence[int]) -> None:
        sound = 0
        for cut in cuts:
            leak = self._attempt("prefix", self._cut_off, cut)
            if leak is None:
                sound = cut
                continue
            # Between two cuts of the spread the first that leaks is found by halving.
            low, high = sound, cut
            while sound and high - low > 1:
                middle = (low + high) // 2
                found = self._attempt("prefix", self._cut_off, middle)
                low, high, leak = (middle, high, leak) if found is None else (low, middle, found)
            self._note(leak)
            return

    def _attempt(self, probe: str, run: Callable[[int], Leak | None], cut: int) -> Leak | None:
        """Run a probe; a strategy or fit that fails only where the future is missing has leaned on it."""
        try:
            return run(cut)
        except (FitFailed, PromotionError) as error:
            return self._leak(probe, cut, self.recording.before(cut) - 1, (), str(error))

    def _cut_off(self, cut: int) -> Leak | None:
        if self.fitter is None or not self._fits_each_cut:
            return self._compare("prefix", cut, self._play(self.loaded, cut))
        with_weights = self.probe.load(self.fitter.weights(self.history.views[:cut]))
        try:
            return self._compare("prefix", cut, self._play(with_weights, cut))
        finally:
            unload(with_weights)

    def _poison(self, cut: int) -> Leak | None:
        poisoned = _poisoned(self.history, cut)
        weights = None if self.fitter is None else self.fitter.weights(poisoned.views)
        loaded = self.probe.load(weights)
        try:
            return self._compare("poison", cut, self.probe.record(loaded, poisoned.bars).said)
        finally:
            unload(loaded)

    def _translate(self, cut: int) -> Leak | None:
        later = History([_later(bar) for bar in self.history.bars], self.history.instruments)
        weights = None if self.fitter is None else self.fitter.weights(later.views, TRANSLATION)
        loaded = self.probe.load(weights)
        steps = [step if step.fill is None else step._replace(fill=_fill_later(step.fill)) for step in self.recording.steps]
        try:
            return self._compare("translation", cut, self.probe.play(loaded, steps, views=later.views, warm=self.warm))
        finally:
            unload(loaded)

    def _play(self, loaded: LoadedStrategy, cut: int) -> list[Said]:
        return self.probe.play(loaded, self.recording.steps[: self.recording.before(cut)], warm=self.warm)

    def _compare(self, probe: str, cut: int, said: Sequence[Said]) -> Leak | None:
        count = self.recording.before(cut)
        whole = self.recording.said
        if whole[:count] == said[:count]:
            return None
        step = next((step for step in range(min(count, len(said))) if whole[step] != said[step]), len(said))
        return self._leak(probe, cut, step, whole[step], _spell(said[step]) if step < len(said) else "nothing any more")

    def _leak(self, probe: str, cut: int, step: int, said: Said, instead: str) -> Leak:
        index = min(self.recording.steps[step].bar, len(self.history) - 1)
        bar = self.history.bars[index]
        number = sum(other.instrument_id == bar.instrument_id for other in self.history.bars[:index])
        return Leak(probe=probe, instrument_id=bar.instrument_id, bar=number, ts=bar.ts_event, cut=cut, said=_spell(said), instead=instead)

    def _note(self, leak: Leak | None) -> bool:
        if leak is not None:
            self.leaks.append(leak)
        return leak is not None


def _spread(values: Sequence[int], count: int) -> list[int]:
    """Choose up to `count` values, evenly, the last one always among them."""
    if not values:
        return []
    count = min(count, len(values))
    return [values[(number + 1) * len(values) // count - 1] for number in range(count)]


def _poisoned(history: History, cut: int) -> History:
    """Mirror every later price at the last one before the cut, which turns trends around and stays a valid bar."""
    last = {bar.instrument_id: bar.close for bar in history.bars[:cut]}
    later = [_mirrored(bar, last.get(bar.instrument_id, bar.open)) for bar in history.bars[cut:]]
    return History([*history.bars[:cut], *later], history.instruments)


def _mirrored(bar: Bar, centre: int) -> Bar:
    def mirror(price: int) -> int:
        return max(1, 2 * centre - price)

    return replace(
        bar, open=mirror(bar.open), high=mirror(bar.low), low=mirror(bar.high), close=mirror(bar.close), volume=bar.volume * 3 + 1
    )


def _later(bar: Bar) -> Bar:
    return replace(bar, ts_init=bar.ts_init + TRANSLATION, ts_event=bar.ts_event + TRANSLATION)


def _fill_later(fill: FillRecorded) -> FillRecorded:
    return replace(fill, ts=fill.ts + TRANSLATION, ts_event=fill.ts_event + TRANSLATION)


def _spell(said: Said) -> str:
    """Write what was said for people."""
    parts = []
    for target in said:
        amount = f"{target.units} units" if target.units is not None else f"fraction {target.fraction}"
        parts.append(str(target.reason) if not target.instrument_id else f"{amount} of {target.instrument_id} ({target.reason})")
    return ", ".join(parts) or "nothing"


def _describe(leak: Leak) -> str:
    return (
        f"the {leak.probe} probe leaks first at bar {leak.bar} of {leak.instrument_id}, {_iso(leak.ts)}: "
        f"the whole run said {leak.said}, {_CIRCUMSTANCES[leak.probe].format(cut=leak.cut)} it said {leak.instead}"
    )


def _iso(ts: int) -> str:
    return datetime.fromtimestamp(ts // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")
