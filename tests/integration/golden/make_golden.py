"""Write the golden files of this version's schemas; they are made once for a version and never changed afterwards.

Run as `.venv/bin/python tests/integration/golden/make_golden.py FOLDER` with an empty or new folder.
"""

import sys
import tempfile
from itertools import islice
from pathlib import Path

import msgspec

from dagster_project.datasets import open_bars, write_tape
from live.driver.evidence import gather_evidence
from live.driver.tape_replay import TapeReplayOptions, replay_on_tape
from live.journal import write_segment
from live.promotion import build_bundle, generate_key, load_signing_key, load_strategy_folder, sign_bundle, write_bundle

ROOT = Path(__file__).parents[3]
BARS = 1_500
CREATED_AT = 1_700_000_000 * 10**9
EXPIRES_AT = CREATED_AT + 300 * 86_400 * 10**9


def main(folder: Path) -> None:
    """Write a tape, a journal, a bundle and the public half of the key that signed it."""
    folder.mkdir(parents=True, exist_ok=True)
    bars = open_bars(ROOT / "data" / "sample" / "btcusdt_30m.parquet")
    strategy = load_strategy_folder(ROOT / "strategies" / "ema_cross")
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        whole = write_tape([bars], home / "whole.tape.gz").path
        tape = write_segment(folder / "bars.tape.gz", islice(bars.events(), BARS), [bars.instrument], "golden").path
        replay_on_tape(strategy, tape, home, TapeReplayOptions(), journal=folder / "replay.journal")
        files = generate_key("golden", "gate", home / "keys")
        evidence = msgspec.structs.replace(gather_evidence(strategy, whole, home), created_at=CREATED_AT)
        envelope = sign_bundle(build_bundle(strategy, evidence, CREATED_AT, EXPIRES_AT), load_signing_key(files.private_path))
        write_bundle(envelope, folder)
        (folder / "golden.pub").write_bytes(files.public_path.read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
