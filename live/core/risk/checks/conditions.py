"""Is the house in order: the journal keeps up, the clock is right, and the account equals the venue's."""

from live.core.risk.candidate import Candidate, Denial
from live.core.risk.codes import DenialCode


def check_journal(candidate: Candidate) -> Denial | None:
    """Deny while the journal was not reported to keep up in this session."""
    if candidate.state.journal_healthy:
        return None
    return Denial(DenialCode.JOURNAL_UNHEALTHY, "no report of a healthy journal holds")


def check_clock(candidate: Candidate) -> Denial | None:
    """Deny while the distance of our clock from the venue's is not known, or may be larger than strategy or venue allow."""
    venue_id = candidate.bounds.venue[1]
    sample = candidate.state.clocks.get(venue_id)
    if sample is None or candidate.now > sample.valid_until:
        return Denial(DenialCode.CLOCK_UNKNOWN, f"no sample of {venue_id} holds")
    uncertainty, stop_above, limit = sample.uncertainty, sample.stop_above, candidate.limits.maximum_clock_offset
    distance = abs(sample.offset) + uncertainty
    # What `ClockSampled.allowed` says, without the call: the venue's bound, where it has one, can only be tighter.
    if uncertainty < 0 or distance > limit or (stop_above and distance > stop_above):
        allowed = sample.allowed(limit)
        return Denial(DenialCode.CLOCK_OFFSET_EXCEEDED, f"{sample.offset} ns, uncertain by {uncertainty} ns, allowed {allowed} ns")
    return None


def check_reconciliation(candidate: Candidate) -> Denial | None:
    """Deny while the account is not known to equal the venue's."""
    answer = candidate.state.reconciliations.get(candidate.intent.account_id)
    if answer is None or candidate.now > answer.valid_until:
        return Denial(DenialCode.RECONCILIATION_UNKNOWN, f"no answer for {candidate.intent.account_id} holds")
    if not answer.clean:
        return Denial(DenialCode.RECONCILIATION_UNCLEAN, answer.detail)
    return None
