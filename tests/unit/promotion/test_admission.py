import pytest

from live.promotion import BundleRefused, build_bundle, sha256_hex, sign_bundle
from live.promotion.admission import AdmissionRefused, Demands, admit
from live.promotion.evidence import Evidence

NOW = 1_700_000_000_000_000_000 + 1


@pytest.fixture(name="ask")
def _ask(payload, gate_key, approver_key):
    """Ask for an alias of ema_cross, with everything in order but what a test changes."""

    def ask(alias="candidate", *, approved=False, content=None, demands=None, **changed):
        envelope = sign_bundle(payload if content is None else content, gate_key)
        envelope = sign_bundle(envelope, approver_key) if approved else envelope
        asked = {"strategy_id": "ema_cross", "digest": sha256_hex(payload if content is None else content), "now": NOW, **changed}
        trusted = (gate_key.public, approver_key.public)
        return admit(envelope, alias=alias, demands=Demands(trusted, **{"requirements": {}, "revoked": (), **(demands or {})}), **asked)

    return ask


def test_a_candidate_needs_the_gate_and_a_champion_a_person_too(ask):
    """The gate's signature lets a version run without a venue's money; asking for more takes a person's."""
    assert ask().version.strategy_id == "ema_cross"
    assert ask(approved=True).version.strategy_id == "ema_cross"
    assert ask("champion", approved=True).version.strategy_id == "ema_cross"
    with pytest.raises(AdmissionRefused) as refused:
        ask("champion")
    assert refused.value.code == "WRONG_ROLE"


def test_a_champion_needs_evidence_gates_and_a_candidate_does_not(ask, folder, evidence):
    """A version whose evidence gates failed may be dry run, and no signature makes it champion."""
    integrity = tuple(result for result in evidence.results if result.kind == "integrity")
    weak = Evidence(**{**{name: getattr(evidence, name) for name in evidence.__struct_fields__}, "results": integrity})
    content = build_bundle(folder, weak, NOW - 1, NOW + 10**15)
    assert ask(content=content)
    with pytest.raises(AdmissionRefused, match="there are none in the evidence") as refused:
        ask("champion", content=content, approved=True)
    assert refused.value.code == "EVIDENCE_GATES"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"strategy_id": "other"}, "WRONG_STRATEGY"),
        ({"digest": "0" * 64}, "WRONG_DIGEST"),
        ({"now": NOW + 10**18}, "EXPIRED"),
        ({"now": 1}, "NOT_YET_VALID"),
        ({"demands": {"requirements": {"replay": {"minimum_fills": 20}}}}, "REQUIREMENTS"),
        ({"demands": {"requirements": {"deflated_sharpe": {"minimum_probability": 0.99}}}}, "REQUIREMENTS"),
    ],
)
def test_each_demand_of_the_host_has_its_own_code(ask, changed, code):
    """Whatever an alias says, the host's own demands decide, and the code says which of them."""
    with pytest.raises(AdmissionRefused) as refused:
        ask(**changed)
    assert refused.value.code == code


def test_a_revoked_bundle_is_refused_under_its_code(ask, payload):
    """A reason of the bundle's own verification keeps its code."""
    with pytest.raises(AdmissionRefused) as refused:
        ask(demands={"revoked": (sha256_hex(payload),)})
    assert refused.value.code == "REVOKED"
    assert isinstance(refused.value.__cause__, BundleRefused)
