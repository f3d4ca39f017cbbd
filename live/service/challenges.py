"""Challenges: what a person must look at and type before a strategy is armed, and what voids it."""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from live.core.decimals import MONEY_SCALE, format_scaled
from live.service.errors import ConflictError

NANOSECONDS = 1_000_000_000
MAXIMUM_CHALLENGES = 100


class Preflight(msgspec.Struct, frozen=True):
    """Say what stands in the way of arming, and everything that a lease would bind.

    Attributes:
        strategy_id: the deployment.
        venue_id: where it trades.
        blocks: what forbids arming now; empty when nothing does.
        bound: what a lease is bound to; any change voids the challenge.
        maximum_order_notional: the ceiling asked for, money units.
        quote: the asset of the ceiling.
        shown: what a person should look at before confirming: limits, positions, profit.
        live: whether orders would leave for a venue; then each who confirms needs a one-time code.
        persons: how many must confirm.
    """

    strategy_id: str
    venue_id: str
    blocks: tuple[str, ...]
    bound: dict[str, str]
    maximum_order_notional: int
    quote: str
    shown: dict[str, Any]
    live: bool = False
    persons: int = 1

    @property
    def binding(self) -> str:
        """Hash what a lease would bind, in hexadecimal sha256."""
        parts = (self.strategy_id, self.venue_id, self.bound, self.maximum_order_notional, self.live, self.persons)
        return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()

    @property
    def phrase(self) -> str:
        """Give the words that a person must type: strategy, venue and the largest notional of an order."""
        what = f"LIVE {self.strategy_id}" if self.live else self.strategy_id
        return f"arm {what} on {self.venue_id} up to {format_scaled(self.maximum_order_notional, MONEY_SCALE)} {self.quote}"


class Challenge(msgspec.Struct, frozen=True):
    """Hold an open challenge.

    Attributes:
        challenge_id: what it is confirmed by.
        strategy_id: the deployment.
        maximum_order_notional: the ceiling asked for, money units.
        binding: hash of all it is bound to.
        bound: what a lease is bound to, by name.
        phrase: what has to be typed.
        expires_at: wall time, nanoseconds UTC.
        live: whether each who confirms needs a one-time code.
        persons: how many must confirm.
        confirmed: who did, with the seconds of lease that each allowed.
    """

    challenge_id: str
    strategy_id: str
    maximum_order_notional: int
    binding: str
    bound: dict[str, str]
    phrase: str
    expires_at: int
    live: bool = False
    persons: int = 1
    confirmed: dict[str, int] = {}

    @property
    def waits_for(self) -> int:
        """Give how many persons must still confirm."""
        return self.persons - len(self.confirmed)


class Challenges:
    """Keep open challenges: each is used once, lives briefly, and is void when anything it is bound to changed."""

    def __init__(self, wall: Callable[[], int], challenge_seconds: int) -> None:
        self._wall = wall
        self._challenge_seconds = challenge_seconds
        self._open: dict[str, Challenge] = {}

    def issue(self, preflight: Preflight) -> Challenge:
        """Issue a challenge for a preflight without blocks.

        Raises:
            ConflictError: something blocks arming.
        """
        if preflight.blocks:
            raise ConflictError(f"{preflight.strategy_id} cannot be armed: {'; '.join(preflight.blocks)}", blocks=list(preflight.blocks))
        now = self._wall()
        self._open = {key: challenge for key, challenge in self._open.items() if challenge.expires_at > now}
        if len(self._open) >= MAXIMUM_CHALLENGES:
            raise ConflictError(f"{MAXIMUM_CHALLENGES} challenges are open: wait until they expire")
        challenge = Challenge(
            secrets.token_urlsafe(16),
            preflight.strategy_id,
            preflight.maximum_order_notional,
            preflight.binding,
            preflight.bound,
            preflight.phrase,
            now + self._challenge_seconds * NANOSECONDS,
            preflight.live,
            preflight.persons,
        )
        self._open[challenge.challenge_id] = challenge
        return challenge

    def find(self, challenge_id: str) -> Challenge:
        """Find an open challenge.

        Raises:
            ConflictError: it is not known, was used, or expired.
        """
        challenge = self._open.get(challenge_id)
        if challenge is None:
            raise ConflictError("the challenge is not known or was used already: request arming again")
        if self._wall() >= challenge.expires_at:
            del self._open[challenge_id]
            raise ConflictError("the challenge expired: request arming again and confirm in time")
        return challenge

    def use(self, challenge: Challenge, phrase: str, preflight: Preflight) -> None:
        """Use a challenge up: the phrase must be typed exactly, and nothing it is bound to may have changed.

        Raises:
            ConflictError: the phrase differs, something blocks arming now, or something bound changed.
        """
        self.check(challenge, phrase, preflight)
        self._open.pop(challenge.challenge_id, None)

    def check(self, challenge: Challenge, phrase: str, preflight: Preflight) -> None:
        """Check a phrase and everything that a challenge is bound to; what changed voids it, another phrase does not.

        Raises:
            ConflictError: the phrase differs, something blocks arming now, or something bound changed.
        """
        if not hmac.compare_digest(phrase.strip().encode(), challenge.phrase.encode()):
            raise ConflictError(f"the phrase does not match: type exactly {challenge.phrase!r}", expected_phrase=challenge.phrase)
        if not preflight.blocks and preflight.binding == challenge.binding:
            return
        self._open.pop(challenge.challenge_id, None)
        if preflight.blocks:
            raise ConflictError(f"{preflight.strategy_id} cannot be armed: {'; '.join(preflight.blocks)}", blocks=list(preflight.blocks))
        changed = changed_names(challenge.bound, preflight.bound)
        raise ConflictError(
            f"the challenge is stale: {', '.join(changed)} changed since it was issued; request arming again", changed=changed
        )

    def confirm(self, challenge: Challenge, operator: str, lease_seconds: int) -> Challenge:
        """Note that one person confirmed, and give the challenge as it is then; the last one uses it up."""
        noted = msgspec.structs.replace(challenge, confirmed={**challenge.confirmed, operator: lease_seconds})
        if noted.waits_for > 0:
            self._open[challenge.challenge_id] = noted
        else:
            self._open.pop(challenge.challenge_id, None)
        return noted


def changed_names(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """List the names whose values differ."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
