import pytest

from live.core.decimals import MONEY_SCALE
from live.service.challenges import MAXIMUM_CHALLENGES, Challenges, Preflight, changed_names
from live.service.errors import ConflictError

SECOND = 10**9
BOUND = {"bundle": "b", "configuration": "c", "limits": "l", "account": "a", "session": "s"}


class Bench:
    """Challenges that live for a minute, at a time that the test sets."""

    def __init__(self) -> None:
        self.now = 1_700_000_000 * SECOND
        self.challenges = Challenges(lambda: self.now, 60)


def preflight(*blocks: str, ceiling: int = 2_000 * 10**MONEY_SCALE, venue_id: str = "binance-spot", **bound: str) -> Preflight:
    """Make a preflight."""
    return Preflight("probe", venue_id, blocks, {**BOUND, **bound}, ceiling, "USDT", {})


@pytest.fixture(name="bench")
def _bench() -> Bench:
    return Bench()


def test_the_phrase_names_strategy_venue_and_largest_order(bench: Bench) -> None:
    """Who types it has read what is about to be armed, and how large an order may be."""
    assert bench.challenges.issue(preflight()).phrase == "arm probe on binance-spot up to 2000.00000000 USDT"


def test_the_phrase_arms_once(bench: Bench) -> None:
    """A challenge is used up by its phrase."""
    challenge = bench.challenges.issue(preflight())
    bench.challenges.use(bench.challenges.find(challenge.challenge_id), challenge.phrase, preflight())
    with pytest.raises(ConflictError, match="not known or was used"):
        bench.challenges.find(challenge.challenge_id)


@pytest.mark.parametrize(
    "typed", ["", "yes", "ARM probe on binance-spot up to 2000.00000000 USDT", "arm probe on binance-spot up to 2000 USDT"]
)
def test_another_phrase_arms_nothing_and_uses_nothing_up(bench: Bench, typed: str) -> None:
    """A typing error costs another try, not another preflight; letters and digits must be the very ones."""
    challenge = bench.challenges.issue(preflight())
    with pytest.raises(ConflictError, match="type exactly 'arm probe on binance-spot up to"):
        bench.challenges.use(challenge, typed, preflight())
    bench.challenges.use(bench.challenges.find(challenge.challenge_id), f"  {challenge.phrase}\n", preflight())


def test_a_challenge_expires(bench: Bench) -> None:
    """What was looked at a minute ago may not be so any more."""
    challenge = bench.challenges.issue(preflight())
    bench.now = challenge.expires_at - 1
    assert bench.challenges.find(challenge.challenge_id) == challenge
    bench.now = challenge.expires_at
    with pytest.raises(ConflictError, match="expired"):
        bench.challenges.find(challenge.challenge_id)
    with pytest.raises(ConflictError, match="not known"):
        bench.challenges.find(challenge.challenge_id)


@pytest.mark.parametrize("name", sorted(BOUND))
def test_anything_it_is_bound_to_voids_it_when_it_changes(bench: Bench, name: str) -> None:
    """Each bound thing is named when it is what changed, and the challenge is gone."""
    challenge = bench.challenges.issue(preflight())
    with pytest.raises(ConflictError, match=f"stale: {name} changed"):
        bench.challenges.use(challenge, challenge.phrase, preflight(**{name: "changed"}))
    with pytest.raises(ConflictError, match="not known"):
        bench.challenges.find(challenge.challenge_id)


@pytest.mark.parametrize("changed", [{"ceiling": 1}, {"venue_id": "kraken"}])
def test_ceiling_and_venue_are_bound_too(bench: Bench, changed: dict[str, object]) -> None:
    """The phrase says them, so they cannot differ either."""
    challenge = bench.challenges.issue(preflight())
    with pytest.raises(ConflictError, match="stale"):
        bench.challenges.use(challenge, challenge.phrase, preflight(**changed))


def test_what_blocks_gives_no_challenge_and_voids_an_open_one(bench: Bench) -> None:
    """A kill between the two steps stops the second, and every block is listed."""
    with pytest.raises(ConflictError, match="it is killed; it is halted") as refused:
        bench.challenges.issue(preflight("it is killed", "it is halted"))
    assert refused.value.details == {"blocks": ["it is killed", "it is halted"]}
    challenge = bench.challenges.issue(preflight())
    with pytest.raises(ConflictError, match="it is killed"):
        bench.challenges.use(challenge, challenge.phrase, preflight("it is killed"))
    with pytest.raises(ConflictError, match="not known"):
        bench.challenges.find(challenge.challenge_id)


def test_two_open_challenges_are_two(bench: Bench) -> None:
    """Using one leaves the other open, to be judged by what holds then."""
    one, other = bench.challenges.issue(preflight()), bench.challenges.issue(preflight())
    assert one.challenge_id != other.challenge_id
    bench.challenges.use(one, one.phrase, preflight())
    assert bench.challenges.find(other.challenge_id) == other


def test_open_challenges_are_bounded(bench: Bench) -> None:
    """Asking again and again fills no memory; expired ones make room."""
    for _ in range(MAXIMUM_CHALLENGES):
        bench.challenges.issue(preflight())
    with pytest.raises(ConflictError, match="challenges are open"):
        bench.challenges.issue(preflight())
    bench.now += 60 * SECOND
    bench.challenges.issue(preflight())


def test_changes_are_named() -> None:
    """Names that differ, appeared or went are listed in order."""
    assert changed_names({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "4", "d": "5"}) == ["b", "c", "d"]
