"""Fitting: repeat the fit that a strategy declares for its weights, on as much of history as a probe allows."""

import importlib
import json
from collections.abc import Sequence
from typing import Any

from dagster_project.gates.errors import GateError
from dagster_project.gates.probing import Probe
from live.core.strategy import BarView
from live.promotion import Fit, unload
from live.promotion.sources import split_entry_point
from live.promotion.weights import WEIGHT_FOLDER


class FitFailed(GateError):
    """A fit did not give weights."""


class Fitter:
    """Repeat the fit of a probed strategy.

    Attributes:
        fit: the declaration.
    """

    def __init__(self, probe: Probe, fit: Fit) -> None:
        self.fit = fit
        self._probe = probe
        self._module, self._function = split_entry_point(fit.entry_point)

    def weights(self, bars: Sequence[BarView], shift: int = 0) -> dict[str, bytes]:
        """Fit on these bars, in modules that were loaded anew, and give the files by their names in the archive.

        Args:
            bars: what there is of history; the fit is handed those up to its `until`.
            shift: by how many nanoseconds these bars, and so `until`, lie later than they did.

        Raises:
            FitFailed: the fit raised something, or gave what is no weights.
            PromotionError: the strategy cannot be loaded.
        """
        until = self.fit.until
        shown = list(bars) if until is None else [bar for bar in bars if bar.ts_event <= until + shift]
        loaded = self._probe.load()
        try:
            with self._probe.isolation.watch():
                module = importlib.import_module(f"{loaded.module_name}.{self._module}")
                contents = getattr(module, self._function)(loaded.parameters, shown)
            return {f"{WEIGHT_FOLDER}/{name}": _encode(content) for name, content in contents.items()}
        except (Exception, SystemExit) as error:
            raise FitFailed(f"the fit failed on {len(shown)} bars with {type(error).__name__}: {error}") from error
        finally:
            unload(loaded)


def weight_files(probe: Probe) -> dict[str, bytes]:
    """Give the weights that the strategy ships."""
    return {name: content for name, content in probe.files.items() if name.startswith(f"{WEIGHT_FOLDER}/")}


def differing_weight(shipped: dict[str, bytes], fitted: dict[str, bytes]) -> str:
    """Name the first file that is not what the fit gives; empty when all are. JSON is compared by value, the rest by byte."""
    for name in sorted(shipped.keys() | fitted.keys()):
        one, other = shipped.get(name), fitted.get(name)
        if one is None or other is None or _value(name, one) != _value(name, other):
            return name
    return ""


def _encode(content: Any) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def _value(name: str, content: bytes) -> Any:
    return json.loads(content) if name.endswith(".json") else content
