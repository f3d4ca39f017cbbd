"""Standing of a LIVE deployment: what stands in the way of sending its orders, what its lease rests on, and what a person should see."""

from collections.abc import Callable
from typing import Any

import msgspec

from live.configuration import Configuration, read_account_key
from live.configuration.venues import adapter_address
from live.core.decimals import MONEY_SCALE, format_scaled
from live.core.errors import InterlockError
from live.promotion.conformance import ConformanceRefused, VerifiedConformance, conformance_path, read_conformance, verify_conformance
from live.promotion.documents import sha256_hex
from live.service.deployments import DeploymentStatus
from live.service.session import Session
from live.venues.conformance.numbering import CASE_NUMBERS, KIT_VERSION

NANOSECONDS = 1_000_000_000
DAY = 24 * 3600 * NANOSECONDS
_MILLISECOND = 1_000_000

_Stamp = tuple[int, ...]


class LiveStanding(msgspec.Struct, frozen=True):
    """Say how a LIVE deployment stands.

    Attributes:
        blocks: what forbids arming it now.
        bound: what a lease would rest on, beside what every lease does.
        shown: what a person should look at.
        expires_at: when the evidence that a lease would rest on stops counting, nanoseconds UTC.
    """

    blocks: tuple[str, ...]
    bound: dict[str, str]
    shown: dict[str, Any]
    expires_at: int


class LiveStandings:
    """Look at LIVE deployments of one session; `wall` is the machine's time, nanoseconds UTC."""

    def __init__(self, configuration: Configuration, session: Session, wall: Callable[[], int]) -> None:
        self._configuration = configuration
        self._session = session
        self._wall = wall
        self._verified: dict[str, tuple[_Stamp, VerifiedConformance]] = {}

    def look(self, status: DeploymentStatus) -> LiveStanding:
        """Look at what a deployment rests on at its venue: evidence, key, clock and account."""
        settings = status.settings
        blocks: list[str] = []
        bound: dict[str, str] = {"mode": settings.mode}
        shown: dict[str, Any] = {"simulated_venue": self._configuration.venues[settings.venue].simulated}
        expires_at = 0
        try:
            conformance = self.conformance(settings.venue)
            bound["conformance"], expires_at = conformance.digest, conformance.expires_at
            shown["conformance"] = self._describe_evidence(conformance)
        except ConformanceRefused as refused:
            blocks.append(f"conformance {refused.code}: {refused}")
        try:
            key = read_account_key(self._configuration.keys, settings.account)
            bound["key"] = sha256_hex(key.key.encode())
            age = "" if key.since is None else f", {max(self._wall() - key.since, 0) // DAY} days old"
            shown["key"] = f"from {key.origin}{age}"
        except InterlockError as error:
            blocks.append(str(error))
        for name, (what, block) in {"clock": self._clock(status), "reconciliation": self._reconciliation(settings.account)}.items():
            shown[name] = what
            if block:
                blocks.append(block)
        shown["balances"] = self._balances(settings.account)
        feed = self._session.feeds.get(settings.venue)
        faults = {} if feed is None else feed.faults()
        shown["market_data"] = "; ".join(f"{name}: {detail}" for name, detail in sorted(faults.items())) or "flows"
        return LiveStanding(tuple(blocks), bound, shown, expires_at)

    def conformance(self, venue_id: str) -> VerifiedConformance:
        """Give the evidence of a venue's adapter, verified again whenever its file changed, and its age at each look.

        Raises:
            ConformanceRefused: there is none that counts.
        """
        stamp, known = self._stamp(venue_id), self._verified.get(venue_id)
        if known is not None and stamp == known[0] and self._wall() < known[1].expires_at:
            return known[1]
        self._verified.pop(venue_id, None)
        adapter = adapter_address(venue_id, self._configuration.venues[venue_id], KIT_VERSION)
        raw = read_conformance(self._configuration.home, venue_id)
        verified = verify_conformance(raw, self._configuration.trusted_keys, adapter, self._wall(), CASE_NUMBERS)
        if stamp is not None and stamp == self._stamp(venue_id):
            self._verified[venue_id] = (stamp, verified)
        return verified

    def _stamp(self, venue_id: str) -> _Stamp | None:
        try:
            status = conformance_path(self._configuration.home, venue_id).stat()
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_size)

    def _describe_evidence(self, conformance: VerifiedConformance) -> str:
        days = (self._wall() - conformance.evidence.finished_at) // DAY
        skipped = f", without {', '.join(conformance.skipped)}" if conformance.skipped else ""
        cases = len(conformance.evidence.cases) - len(conformance.skipped)
        return f"{cases} cases passed{skipped}, signed by {', '.join(conformance.signers)}, {max(days, 0)} days old"

    def _clock(self, status: DeploymentStatus) -> tuple[str, str]:
        """Say how far the venue's clock is from ours, and why that forbids arming, if it does."""
        driver, venue_id = self._session.driver, status.settings.venue
        state = driver.engine.state
        sample = state.clocks.get(venue_id)
        if sample is None or driver.now() > sample.valid_until:
            return "unknown", f"the clock of {venue_id} was not measured, or too long ago: wait for a measurement"
        allowed = sample.allowed(state.bounds[status.settings.strategy].limits.maximum_clock_offset)
        said = f"{sample.offset / _MILLISECOND:+.1f} ms, uncertain by {sample.uncertainty / _MILLISECOND:.1f} ms"
        if sample.distance > allowed:
            return said, f"the clock of {venue_id} is off by {said}, allowed are {allowed / _MILLISECOND:.1f} ms: run an NTP client"
        return said, ""

    def _reconciliation(self, account_id: str) -> tuple[str, str]:
        """Say whether the account equals the venue's, and why arming is forbidden, if it is."""
        driver = self._session.driver
        answer = driver.engine.state.reconciliations.get(account_id)
        if answer is None or driver.now() > answer.valid_until:
            return "unknown", f"account {account_id} was not compared with the venue's, or too long ago: wait for reconciliation"
        if not answer.clean:
            return answer.detail, f"account {account_id} differs from the venue's: {answer.detail}"
        return "clean", ""

    def _balances(self, account_id: str) -> dict[str, str]:
        balances = self._session.driver.engine.state.ledger.balances
        return {asset: format_scaled(amount, MONEY_SCALE) for (account, asset), amount in sorted(balances.items()) if account == account_id}
