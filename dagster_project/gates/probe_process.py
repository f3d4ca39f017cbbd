"""The process in which a strategy is probed: fresh, so that nothing of a run before is left, and watched from its start.

Run as a module it prints one JSON report.
"""

import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import msgspec

from dagster_project.gates.bars import check_judged_on_bars, read_bar_tape
from dagster_project.gates.errors import GateError
from dagster_project.gates.isolation import Isolation
from dagster_project.gates.leak_search import probe_look_ahead
from dagster_project.gates.look_ahead import LookAheadFindings
from dagster_project.gates.policy import LookAheadPolicy, WarmUpPolicy
from dagster_project.gates.probing import SOURCES, History, Probe
from dagster_project.gates.warm_up import WarmUpFindings, probe_warm_up
from live.core.errors import InterlockError
from live.core.instruments import merge_instruments
from live.driver.tape_replay import TapeReplayOptions, setup_of
from live.promotion import PromotionError, load_strategy_folder


class ProbeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Say what to probe; paths as text, and the digest of the version that the folder must still hold."""

    folder: str
    version_digest: str
    tape: str
    look_ahead: LookAheadPolicy
    warm_up: WarmUpPolicy


class ProbeReport(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what the probes found; findings are None when the strategy never got through history under watch.

    Attributes:
        violations: what the strategy reached for and must not have.
        failure: why it did not get through history, or empty.
        parity_digest: of the records of the watched replay, empty without one.
    """

    look_ahead: LookAheadFindings | None
    warm_up: WarmUpFindings | None
    violations: tuple[str, ...]
    failure: str
    parity_digest: str = ""


class RunningProbe:
    """Follow a probe process that was started; end it with `close`."""

    def __init__(self, request: ProbeRequest) -> None:
        command = [sys.executable, "-m", "dagster_project.gates.probe_process", msgspec.json.encode(request).decode()]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self) -> ProbeReport:
        """Wait for the report.

        Raises:
            GateError: the process gave none (carries its error).
        """
        said, errors = self._process.communicate()
        if self._process.returncode != 0:
            last = errors.decode(errors="replace").strip().splitlines()[-1:]
            raise GateError(f"the probes could not be run: {last[0] if last else f'exit {self._process.returncode}'}")
        try:
            return msgspec.json.decode(said, type=ProbeReport)
        except msgspec.MsgspecError as error:
            failure = f"it wrote to standard output or ended the process ({error})"
            return ProbeReport(look_ahead=None, warm_up=None, violations=(), failure=failure)

    def close(self) -> None:
        """Leave nothing running."""
        self._process.kill()
        with self._process:
            pass


def probe(request: ProbeRequest) -> ProbeReport:
    """Probe a strategy in this process, which is of no other use afterwards: its clocks are replaced.

    Raises:
        GateError: the folder changed meanwhile, or strategy or tape are not about bars alone.
        PromotionError: the folder cannot be read.
        JournalError: the tape cannot be read.
    """
    folder = load_strategy_folder(Path(request.folder))
    version = folder.version
    if version.digest != request.version_digest:
        raise GateError(f"{request.folder} was changed while it was judged: submit it again")
    check_judged_on_bars(version)
    header, bars = read_bar_tape(Path(request.tape))
    history = History(bars, merge_instruments(version.instruments, header.instruments))
    isolation = Isolation(SOURCES)
    prober = Probe(folder, history, setup_of(version, header.instruments, TapeReplayOptions()), isolation)
    try:
        loaded = prober.load()
        recording = prober.record(loaded, history.bars)
    except PromotionError as error:
        return ProbeReport(look_ahead=None, warm_up=None, violations=tuple(isolation.violations), failure=str(error))
    if recording.failure:
        return ProbeReport(look_ahead=None, warm_up=None, violations=tuple(isolation.violations), failure=recording.failure)
    warm_up = probe_warm_up(prober, loaded, recording, request.warm_up)
    look_ahead = probe_look_ahead(prober, loaded, recording, request.look_ahead)
    return ProbeReport(
        look_ahead=look_ahead,
        warm_up=warm_up,
        violations=tuple(isolation.violations),
        failure="",
        parity_digest=recording.parity_digest,
    )


def main(arguments: list[str]) -> None:
    """Probe once: a JSON request as the only argument, a JSON report on standard output.

    Exits with 1 and one sentence on standard error when it cannot be done.
    """
    request = msgspec.json.decode(arguments[0], type=ProbeRequest)
    try:
        with redirect_stdout(sys.stderr):  # what a strategy prints is no part of the report
            report = probe(request)
    except InterlockError as error:
        sys.exit(str(error))
    sys.stdout.buffer.write(msgspec.json.encode(report))


if __name__ == "__main__":
    main(sys.argv[1:])
