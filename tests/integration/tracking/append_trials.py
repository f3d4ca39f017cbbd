"""Append trials to a ledger until told otherwise or for a count, and report each as it is durable."""

import sys
from itertools import count
from pathlib import Path

from dagster_project.tracking.trials import Attempt, TrialLedger
from live.promotion import sha256_hex

ledger, name = TrialLedger(Path(sys.argv[1])), sys.argv[2]
numbers = range(int(sys.argv[3])) if len(sys.argv) > 3 else count()
for number in numbers:
    attempt = Attempt(
        at=number,
        strategy_id=name,
        version_digest=sha256_hex(f"{name} {number}".encode()),
        dataset_digest=sha256_hex(b"dataset"),
        parameters={"fast": number},
        sharpe=None,
        days=number,
        run_id=f"run {number}",
        source="gates",
    )
    sys.stdout.write(f"{ledger.append(attempt).number}\n")
    sys.stdout.flush()
