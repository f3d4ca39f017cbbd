import itertools

import pytest

from live.core.errors import InterlockError
from live.driver.evidence import HASH_SEEDS, MINIMUM_FILLS, EvidenceFailed, gather_evidence, policy_digest
from live.promotion import load_strategy_folder

TRADING = [1, 2, 0, 3, 0]
"""What the probe is told, bar by bar: rest, buy, wait for the fill, sell, wait for the fill."""


def folder_of(host):
    """Read the strategy folder that the last bundle was made of."""
    newest = sorted((host.directory / "strategies").iterdir(), key=lambda path: int(path.name.rpartition("-")[2]))[-1]
    return load_strategy_folder(newest)


def write_trading_tape(host, rounds):
    """Write a tape on which the probe buys and sells so many times."""
    told = itertools.chain.from_iterable([TRADING] * rounds)
    host.write_tape(*(host.make_bar(host.MARKET + number * host.MINUTE, told=what) for number, what in enumerate(told)))


def gates(evidence):
    """Give the results by gate."""
    return {result.gate: result for result in evidence.results}


def test_a_strategy_that_trades_enough_within_its_limits_passes(host):
    """Two processes with different hash seeds gave the same records, enough was traded, and the limit is within reach."""
    write_trading_tape(host, MINIMUM_FILLS)
    folder = folder_of(host)
    evidence = gather_evidence(folder, host.tape, host.home)
    assert evidence.integrity_passed, evidence.results
    assert (evidence.strategy_version_digest, evidence.policy_digest) == (folder.version.digest, policy_digest())
    found = gates(evidence)
    assert found["determinism"].measured["differing"] == 0
    assert found["replay"].measured["fills"] >= MINIMUM_FILLS
    assert 0 < found["limits"].measured["looseness"] <= 20


def test_a_strategy_that_hardly_trades_is_not_judged(host):
    """A few fills say nothing, and a limit that no order came near was not tested."""
    write_trading_tape(host, 1)
    found = gates(gather_evidence(folder_of(host), host.tape, host.home))
    assert found["determinism"].passed
    assert not found["replay"].passed
    host.write_tape(*(host.make_bar(host.MARKET + number * host.MINUTE) for number in range(50)))
    found = gates(gather_evidence(folder_of(host), host.tape, host.home))
    assert not found["limits"].passed
    assert found["limits"].detail == "no order was sent, so no limit was tested"


def test_an_order_limit_out_of_reach_does_not_pass(host):
    """A limit of many times the largest order would not stop a wrong one."""
    host.bundle("timid", source=host.PROBE.replace("0.1", "0.002"))
    write_trading_tape(host, MINIMUM_FILLS)
    result = gates(gather_evidence(folder_of(host), host.tape, host.home))["limits"]
    assert not result.passed
    assert "times the largest order sent" in result.detail


def test_a_strategy_that_depends_on_the_order_of_a_set_is_found(host):
    """Each process has its own hash seed, and the first record that differs is named."""
    source = host.PROBE.replace('reason="told to buy"', 'reason=", ".join({"a", "b", "c", "d", "e", "f", "g", "h"})')
    host.bundle("chancy", source=source)
    write_trading_tape(host, MINIMUM_FILLS)
    result = gates(gather_evidence(folder_of(host), host.tape, host.home))["determinism"]
    assert not result.passed
    assert "two processes gave different records" in result.detail
    assert "DecisionRecorded" in result.detail
    assert len(set(HASH_SEEDS)) == 2


def test_a_strategy_that_fails_is_one_sentence(host):
    """The replay's own error is given, without a traceback, and nothing is left running."""
    host.write_tape(*(host.make_bar(host.MARKET + number * host.MINUTE, told=9) for number in range(3)))
    with pytest.raises(EvidenceFailed) as failed:
        gather_evidence(folder_of(host), host.tape, host.home)
    assert "RuntimeError: told to fail" in str(failed.value)
    assert "Traceback" not in str(failed.value)


def test_a_strategy_that_prints_spoils_no_result(host):
    """What it writes to standard output is no part of the evidence."""
    host.bundle(
        "chatty", source=host.PROBE.replace('        """Obey the volume."""', '        """Obey the volume."""\n        print("{}")')
    )
    write_trading_tape(host, MINIMUM_FILLS)
    assert gather_evidence(folder_of(host), host.tape, host.home).integrity_passed


def test_a_tape_that_cannot_be_read_is_one_sentence(host):
    """The file is named."""
    host.tape.write_bytes(b"not a tape")
    with pytest.raises(InterlockError, match=host.tape.name):
        gather_evidence(folder_of(host), host.tape, host.home)
