"""Routing by account: a request goes where its account's money is, and market data to the simulated side."""

from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.inputs import Bar
from live.core.instruments import Instrument
from live.core.market_events import FundingRate
from live.core.vocabulary import OrderType, Side, TimeInForce
from live.venues.by_account import VenueByAccount
from live.venues.protocol import OpenGate
from live.venues.sim import SimulatedVenue, SimulationSettings

BTC = Instrument(instrument_id="v:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)


def venue(answers: list) -> SimulatedVenue:
    """Make a venue that answers into a list."""
    return SimulatedVenue("v", {BTC.instrument_id: BTC}, SimulationSettings(), lambda due, answer: answers.append(answer), OpenGate())


def order(order_id: str, account_id: str) -> SubmitOrder:
    """Make an order that rests."""
    kind = (Side.BUY, OrderType.LIMIT, TimeInForce.GOOD_TILL_CANCELED)
    return SubmitOrder(order_id, "s", account_id, BTC.instrument_id, *kind, 10, 9_000)


def test_each_request_goes_to_its_accounts_venue():
    """One that is not named is imagined."""
    real_answers: list = []
    simulated_answers: list = []
    real, simulated = venue(real_answers), venue(simulated_answers)
    both = VenueByAccount("v", {"main": real}, simulated)
    both.submit(order("A", "main"), 1)
    both.submit(order("B", "paper"), 1)
    assert (real.open_order_ids(), simulated.open_order_ids()) == (["A"], ["B"])
    both.query(QueryOrder("A", "main", BTC.instrument_id, 1), 2)
    assert {answer.order_id for answer in real_answers} == {"A"}
    both.cancel(CancelOrder("A", "main", BTC.instrument_id), 3)
    both.cancel(CancelOrder("B", "paper", BTC.instrument_id), 3)
    assert (real.open_order_ids(), simulated.open_order_ids()) == ([], [])


def test_the_market_moves_the_simulated_side_only():
    """A real venue has a market of its own: what we see of it fills nothing there."""
    real, simulated = venue([]), venue([])
    both = VenueByAccount("v", {"main": real}, simulated)
    both.submit(order("A", "main"), 1)
    both.submit(order("B", "paper"), 1)
    bar = Bar(60, 60, BTC.instrument_id, 8_000, 8_000, 8_000, 8_000, 100_000)
    both.observe(bar)
    assert (real.open_order_ids(), simulated.open_order_ids()) == (["A"], [])
    assert both.observer(Bar, "v:OTHER") is None
    assert both.observer(FundingRate, BTC.instrument_id) is not None
