"""The whole kit against the local exchange; on an exchange of its own, since it uses most of a minute's request limit."""

import time
from pathlib import Path

import pytest
from check_command import check

from live.configuration import load_configuration
from live.configuration.venues import adapter_address
from live.promotion.conformance import read_conformance, verify_conformance
from live.venues.conformance.numbering import CASE_NUMBERS, KIT_VERSION


@pytest.mark.slow
def test_the_shipped_adapter_passes_every_case_at_the_local_exchange_and_signs_it(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The evidence counts for this address and adapter, has every case, and what the cases bought was sold again."""
    code, document = check(capfd, file)
    assert [one for one in document["cases"] if one["outcome"] != "passed"] == []
    assert (code, document["passed"], document["left"], document["signer_is_pinned"]) == (0, len(CASE_NUMBERS), "", True)
    configuration = load_configuration(file)
    adapter = adapter_address("local", configuration.venues["local"], KIT_VERSION)
    raw = read_conformance(configuration.home, "local")
    verified = verify_conformance(raw, configuration.trusted_keys, adapter, time.time_ns(), CASE_NUMBERS)
    assert verified.signers == ("checker",)
    assert [one.case for one in verified.evidence.cases] == list(CASE_NUMBERS)
