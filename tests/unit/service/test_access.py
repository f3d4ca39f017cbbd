from live.service.access import RECORDED_PER_MINUTE, RefusalBudget


def test_so_many_refusals_are_recorded_in_a_minute_and_no_more() -> None:
    """Whoever hammers at the door fills the metrics and not the journal; a minute later there is room again."""
    now = 0.0
    budget = RefusalBudget(lambda: now)
    assert [budget.take() for _ in range(RECORDED_PER_MINUTE + 5)] == [True] * RECORDED_PER_MINUTE + [False] * 5
    now = 59.9
    assert not budget.take()
    now = 60.0
    assert budget.take()
