"""Bar opens: known before the bar, after everything before it, and of no other bar."""

from live.core.market_events import Bar, Trade
from live.driver.bar_opens import with_bar_opens


def bar(ts: int, instrument_id: str, opened: int, **changes) -> Bar:
    """Make a bar that closes at `ts`."""
    return Bar(ts, ts, instrument_id, opened, opened + 5, opened - 5, opened + 1, 100, **changes)


def test_each_bar_but_the_first_is_led_by_a_trade_at_its_open():
    """It is stamped with the close before it, and as large as the bar."""
    events = list(with_bar_opens([bar(60, "x:A", 10), bar(120, "x:A", 20)]))
    assert [type(event) for event in events] == [Bar, Trade, Bar]
    trade = events[1]
    assert isinstance(trade, Trade)
    assert (trade.ts_init, trade.ts_event, trade.price, trade.quantity) == (60, 60, 20, 100)


def test_the_opens_of_one_time_come_before_all_its_bars():
    """Otherwise the close of one instrument would be known before the open of another."""
    events = list(with_bar_opens([bar(60, "x:A", 10), bar(60, "x:B", 11), bar(120, "x:A", 20), bar(120, "x:B", 21)]))
    assert [(type(event).__name__, event.instrument_id) for event in events[2:]] == [
        ("Trade", "x:A"), ("Trade", "x:B"), ("Bar", "x:A"), ("Bar", "x:B"),
    ]  # fmt: skip


def test_time_never_runs_backwards():
    """An instrument with a gap opens when the others are further on."""
    events = list(with_bar_opens([bar(60, "x:A", 10), bar(60, "x:B", 11), bar(120, "x:B", 21), bar(180, "x:A", 30)]))
    times = [event.ts_init for event in events]
    assert times == sorted(times)


def test_the_open_of_history_is_history():
    """It must not fill anything either."""
    events = list(with_bar_opens([bar(60, "x:A", 10, warm_up=True), bar(120, "x:A", 20, warm_up=True)]))
    assert all(event.warm_up for event in events)
