"""`interlock exchange`, asked for what it cannot do."""

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--speed", "0"), "--speed is how many times faster than it was recorded, more than 0 and finite, received 0.0"),
        (("--speed", "-1", "--play", "day.tape"), "more than 0 and finite, received -1.0"),
        (("--speed", "nan"), "more than 0 and finite, received nan"),
        (("--speed", "60"), "--speed 60 plays a recording faster, and none is played: name one with --play, or leave --speed out"),
    ],
)
def test_a_speed_that_means_nothing_is_refused(interlock: Any, options: tuple[str, ...], said: str) -> None:
    """It would play backwards, never or at once, or is asked for where nothing is played."""
    answer = interlock("exchange", "--port", "0", *options)
    assert answer.code == 1
    assert said in answer.error
