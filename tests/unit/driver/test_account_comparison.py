"""What a venue says of an account beside what the journal says: each difference has its sentence, and news its sighting."""

import pytest

from live.core.entities import ExternalOrder
from live.core.inputs import InstrumentDefined, OrderCanceled, SessionStarted
from live.core.instruments import Instrument
from live.core.orders import OrderEvent, OrderState
from live.core.records import BalancePosted, FillRecorded, IntentRecorded, OrderTransitioned
from live.core.state import EngineState
from live.core.vocabulary import Liquidity, OrderType, Side, TimeInForce
from live.driver.account_comparison import AccountReading, compare_account, is_settled, standing
from live.venues.protocol import AssetBalance, OpenOrder

NOW = 1_700_000_000 * 10**9
BTC = Instrument(instrument_id="v:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)
ID = "ILAAAAAAAA1"


def opened(*, balance: int = 1_000 * 10**8) -> EngineState:
    """Make an account with a balance and one open order of 10 units."""
    state = EngineState()
    state.apply(InstrumentDefined(NOW, BTC))
    state.apply(SessionStarted(NOW, "1", "AAAAAAAA", 0, "", "", "", "", ()))
    if balance:
        state.apply(BalancePosted(NOW, "main", "USDT", balance, balance, "opening"))
    kind = (Side.BUY, OrderType.LIMIT, TimeInForce.GOOD_TILL_CANCELED)
    state.apply(IntentRecorded(NOW, ID, 1, 0, "s", "main", BTC.instrument_id, *kind, 10, 9_000, 9_000, ()))
    for event, to in (
        (OrderEvent.APPROVE, OrderState.APPROVED),
        (OrderEvent.SUBMIT, OrderState.SUBMITTING),
        (OrderEvent.ACCEPT, OrderState.OPEN),
    ):
        state.apply(OrderTransitioned(NOW, ID, event, to, ""))
    return state


def there(order_id: str = ID, **changed: object) -> OpenOrder:
    """Make the order as the venue lists it."""
    fields = {"venue_order_id": "7", "side": Side.BUY, "quantity": 10, "executed_quantity": 0, "limit_price": 9_000, **changed}
    return OpenOrder(instrument_id=BTC.instrument_id, order_id=order_id, ts_event=NOW, **fields)  # pyright: ignore[reportArgumentType]


def reading(*orders: OpenOrder, usdt: int = 1_000 * 10**8, **others: int) -> AccountReading:
    """Make what the venue says."""
    balances = {"USDT": usdt, **others}
    return AccountReading(orders, tuple(AssetBalance(asset, amount, 0) for asset, amount in balances.items()))


def test_an_account_that_equals_the_venues_has_no_difference():
    """Same orders, same balances: nothing to say."""
    found = compare_account(opened(), "main", reading(there()))
    assert (found.differences, found.missing, found.sightings, found.opening) == ((), (), (), ())


def test_an_order_that_the_venue_does_not_list_is_missing():
    """Its end or its fills did not reach us; it is for asking about, and concluded from nothing."""
    found = compare_account(opened(), "main", reading())
    assert found.differences == (f"the venue does not have {ID}, which is open here",)
    assert [order.order_id for order in found.missing] == [ID]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"executed_quantity": 4}, f"the venue says executed quantity 4 of {ID}, here it is 0"),
        ({"quantity": 11}, f"the venue says quantity 11 of {ID}, here it is 10"),
        ({"side": Side.SELL}, f"the venue says side SELL of {ID}, here it is BUY"),
        ({"limit_price": 1}, f"the venue says limit price 1 of {ID}, here it is 9000"),
    ],
)
def test_an_order_that_is_another_than_ours_differs(changed, said):
    """Each of its parts is compared."""
    assert compare_account(opened(), "main", reading(there(**changed))).differences == (said,)


def test_an_order_that_ended_here_and_works_there_differs_and_is_seen():
    """The sighting lets the engine take it back where it holds that the venue never had it."""
    state = opened()
    state.apply(OrderTransitioned(NOW, ID, OrderEvent.CANCEL, OrderState.CANCELED, ""))
    found = compare_account(state, "main", reading(there()))
    assert found.differences == (f"the venue has {ID}, which is CANCELED here",)
    assert [one.client_order_id for one in found.sightings] == [ID]


def test_an_order_of_another_session_differs_and_anybody_elses_is_only_seen():
    """An id of ours that this journal never gave out means a second process; a person's order is news and no fault."""
    strangers = (there("ILZZZZZZZZ1", venue_order_id="8"), there("by-hand", venue_order_id="9", executed_quantity=4))
    found = compare_account(opened(), "main", reading(there(), *strangers))
    assert found.differences == ("the venue has ILZZZZZZZZ1 (8), which another session sent",)
    assert [(one.client_order_id, one.remaining) for one in found.sightings] == [("ILZZZZZZZZ1", 10), ("by-hand", 6)]


def test_a_strangers_order_is_told_again_only_when_it_changed_or_went():
    """What is known of it is no news."""
    state = opened()
    key = ("main", BTC.instrument_id, "9")
    state.external_orders[key] = ExternalOrder(*key, "by-hand", Side.BUY, 10, 9_000)
    by_hand = there("by-hand", venue_order_id="9")
    assert compare_account(state, "main", reading(there(), by_hand)).sightings == ()
    partly = there("by-hand", venue_order_id="9", executed_quantity=3)
    assert [one.remaining for one in compare_account(state, "main", reading(there(), partly)).sightings] == [7]
    assert [one.remaining for one in compare_account(state, "main", reading(there())).sightings] == [0]


def test_what_an_account_holds_is_taken_over_once():
    """Nothing was ever posted to it: the venue's word opens it; a later difference is one."""
    found = compare_account(opened(balance=0), "main", reading(there(), ETH=5, BNB=0))
    assert [(one.asset, one.total) for one in found.opening] == [("USDT", 1_000 * 10**8), ("ETH", 5)]
    assert found.differences == ()
    later = compare_account(opened(), "main", reading(there(), usdt=999 * 10**8, ETH=5))
    assert later.opening == ()
    assert later.differences == (
        "the venue has 0.00000005 ETH, here it is 0.00000000",
        "the venue has 999.00000000 USDT, here it is 1000.00000000",
    )


def test_a_position_that_the_venue_does_not_cover_differs():
    """Strategies hold what was bought; the venue has to have at least that."""
    state = opened()
    state.apply(
        FillRecorded(NOW, ID, "s", "main", BTC.instrument_id, "7", "1", Side.BUY, 9_000, 10, 0, "USDT", Liquidity.MAKER, NOW, False)
    )
    state.apply(OrderTransitioned(NOW, ID, OrderEvent.COMPLETE, OrderState.FILLED, ""))
    spent = 1_000 * 10**8 - BTC.notional(9_000, 10)
    assert compare_account(state, "main", reading(usdt=spent, BTC=BTC.base_amount(10))).differences == ()
    assert compare_account(state, "main", reading(usdt=spent)).differences == (
        "the venue has 0.00000000 BTC, here it is 0.01000000",
        "strategies hold 0.01000000 BTC, the venue has 0.00000000",
    )


def test_a_reading_counts_only_while_nothing_moves():
    """A cancel on its way, or an end that waits for fills, is no time to compare; another account's is."""
    announced = opened()
    announced.apply(OrderCanceled(NOW, NOW, ID, "by the venue", 4))
    assert not is_settled(announced, "main")
    state = opened()
    assert is_settled(state, "main")
    before = standing(state, "main")
    state.apply(OrderTransitioned(NOW, ID, OrderEvent.REQUEST_CANCEL, OrderState.CANCEL_REQUESTED, ""))
    assert not is_settled(state, "main")
    assert is_settled(state, "other")
    assert standing(state, "main") != before
