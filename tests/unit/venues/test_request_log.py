from pathlib import Path

import pytest

from live.core.vocabulary import EffectAction
from live.venues.request_log import RequestLog


def test_on_a_full_disk_a_cancel_crosses_and_an_order_does_not() -> None:
    """Nothing new leaves without its line, and no full disk keeps risk from being reduced."""
    log = RequestLog(Path("/dev/full"))
    log.write(EffectAction.CANCEL, "IL1", 1)
    with pytest.raises(OSError, match="No space left"):
        log.write(EffectAction.SUBMIT, "IL2", 1)
    log.close()
