"""The search for leaks: every probe of the gate `look_ahead`, run against one strategy; `look_ahead` says what each is for."""

from collections.abc import Callable, Sequence

from dagster_project.gates.fitting import FitFailed, Fitter, differing_weight, weight_files
from dagster_project.gates.histories import CALENDAR, WEEKS, jittered, poisoned, shortened, translated, translated_said, translated_step
from dagster_project.gates.look_ahead import CIRCUMSTANCES, Leak, LookAheadFindings, spell
from dagster_project.gates.memory import lost_edge
from dagster_project.gates.policy import LookAheadPolicy
from dagster_project.gates.probing import History, Probe, Recording
from dagster_project.gates.source_review import review_sources
from dagster_project.gates.witness import Said
from live.promotion import LoadedStrategy, PromotionError, unload


def probe_look_ahead(probe: Probe, loaded: LoadedStrategy, recording: Recording, policy: LookAheadPolicy) -> LookAheadFindings:
    """Run every probe against a strategy that was recorded over the whole of history."""
    return _Search(probe, loaded, recording, policy).run()


class _Search:
    def __init__(self, probe: Probe, loaded: LoadedStrategy, recording: Recording, policy: LookAheadPolicy) -> None:
        self.probe = probe
        self.loaded = loaded
        self.recording = recording
        self.policy = policy
        self.history = probe.history
        self.fitter = None if probe.folder.fit is None else Fitter(probe, probe.folder.fit)
        self.warm = probe.warm_from(loaded)
        self.problems = review_sources(probe.files, probe.folder.version.parameters)
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
        edges = self._remember(self._first_that_counts(until))
        return LookAheadFindings(cuts=len(cuts), leaks=tuple(self.leaks), problems=tuple(self.problems), edges_lost=edges, fit_until=until)

    @property
    def _fits_each_cut(self) -> bool:
        """Say whether a cut changes what the weights are fitted on; with an `until` it does not."""
        return self.fitter is not None and self.fitter.fit.until is None

    def _cuts(self, until: int | None) -> list[int]:
        """Choose how many bars each cut leaves, from the first bar that counts; what a fit was allowed to see proves nothing."""
        later = list(range(self._first_that_counts(until) + 1, len(self.history)))
        opening, rest = later[: self.policy.opening_cuts], later[self.policy.opening_cuts :]
        # Without weights to fit, neighbouring cuts play the same instance and can only say the same.
        each = self.policy.cuts_at_each_place if self._fits_each_cut else 1
        spread = {cut for place in _spread(rest, self.policy.spread_places) for cut in range(place - each + 1, place + 1)}
        return opening + sorted(spread & set(rest))

    def _first_that_counts(self, until: int | None) -> int:
        return self.warm if until is None else max(self.warm, sum(bar.ts_init <= until for bar in self.history.bars))

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
            return False
        return True

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
        # A fit is handed all of the garbage. A replay hands out one bar after the other, so it ends with the first bar past those compared.
        return self._compare("poison", cut, self._record(poisoned(self.history, cut), bars=cut + 1).said)

    def _remember(self, first: int) -> dict[str, float]:
        """Replay other histories through the engine: positions that were recorded on the true one would tell what it knew there."""
        edges: dict[str, float] = {}
        later = shortened(self.history)
        left_out = len(self.history) - len(later)
        first = max(first, self.probe.warm_from(self.loaded, left_out))
        for name, other, shift in (("jitter", jittered(later), 0), ("weeks", translated(later, WEEKS), WEEKS)):
            try:
                recording = self._record(other, shift)
            except (FitFailed, PromotionError) as error:
                self.problems.append(f"{CIRCUMSTANCES[name]} it failed: {error}")
                continue
            if recording.failure:
                self.problems.append(f"{CIRCUMSTANCES[name]} it failed: {recording.failure}")
            else:
                edges[name] = round(lost_edge(self.history, self.recording, recording, left_out, first), 3)
        return edges

    def _record(self, other: History, shift: int = 0, *, bars: int | None = None) -> Recording:
        loaded = self.probe.load(None if self.fitter is None else self.fitter.weights(other.views, shift))
        try:
            return self.probe.record(loaded, other.bars[:bars])
        finally:
            unload(loaded)

    def _translate(self, cut: int) -> Leak | None:
        later = translated(self.history, CALENDAR)
        weights = None if self.fitter is None else self.fitter.weights(later.views, CALENDAR)
        loaded = self.probe.load(weights)
        steps = [translated_step(step, CALENDAR) for step in self.recording.steps]
        try:
            said = self.probe.play(loaded, steps, views=later.views, warm=self.warm)
            return self._compare("translation", cut, [translated_said(one, -CALENDAR) for one in said])
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
        return self._leak(probe, cut, step, whole[step], spell(said[step]) if step < len(said) else "nothing any more")

    def _leak(self, probe: str, cut: int, step: int, said: Said, instead: str) -> Leak:
        index = min(self.recording.steps[step].bar, len(self.history) - 1)
        bar = self.history.bars[index]
        number = sum(other.instrument_id == bar.instrument_id for other in self.history.bars[:index])
        return Leak(probe=probe, instrument_id=bar.instrument_id, bar=number, ts=bar.ts_event, cut=cut, said=spell(said), instead=instead)

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
