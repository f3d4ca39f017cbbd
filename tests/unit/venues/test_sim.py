"""The simulated venue: every rule of its docstring, and nothing that a real venue would not allow."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.core import inputs
from live.core.effects import CancelOrder, QueryOrder, SubmitOrder
from live.core.entities import Order
from live.core.errors import InputError
from live.core.instruments import Instrument
from live.core.orders import OrderState
from live.core.vocabulary import EffectAction, Liquidity, OrderType, Outcome, Side, TimeInForce
from live.venues.protocol import OpenGate
from live.venues.request_log import RequestLog
from live.venues.sim import CostModel, FillModel, FillPrice, SimulatedVenue, SimulationSettings

BTC = Instrument(
    instrument_id="sim:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3, tick_size=5, lot_size=10, minimum_quantity=10,
    maximum_quantity=1_000,
)  # fmt: skip
FREE = CostModel(maker_fee_ppm=0, taker_fee_ppm=0, slippage_basis_points=0)


class ClosedGate:
    """Hold everything back."""

    def refusal(self, request):
        """Refuse."""
        return "closed"


class Sim:
    """A venue with its answers, and a market that moves bar by bar."""

    def __init__(self, costs=FREE, fill_price=FillPrice.NEXT_OPEN, gate=None, request_log=None):
        self.answers = []
        self.dues = []
        simulation = SimulationSettings(fill=FillModel(price=fill_price), costs=costs)
        self.venue = SimulatedVenue("sim", {BTC.instrument_id: BTC}, simulation, self._take, gate or OpenGate(), request_log=request_log)
        self.now = 0

    def _take(self, due, answer):
        self.dues.append(due)
        self.answers.append(answer)

    def bar(self, open_, high=None, low=None, close=None):
        """Observe the next bar, and give what it executed."""
        self.now += 60
        self.answers.clear()
        close = open_ if close is None else close
        bar = inputs.Bar(self.now, self.now, BTC.instrument_id, open_, high or max(open_, close), low or min(open_, close), close, 1)
        self.venue.observe(bar)
        return self.fills

    @property
    def fills(self):
        """Give the executions among the answers as (price, quantity, liquidity)."""
        return [(one.price, one.quantity, one.liquidity) for one in self.answers if isinstance(one, inputs.ExecutionReported)]

    def submit(self, side, limit_price=None, quantity=100, order_id="O1", **changes):
        """Send an order, and give the kinds of answers."""
        self.answers.clear()
        kind = (
            (OrderType.MARKET, TimeInForce.IMMEDIATE_OR_CANCEL)
            if limit_price is None
            else (OrderType.LIMIT, TimeInForce.GOOD_TILL_CANCELED)
        )
        fields = {"instrument_id": BTC.instrument_id, "order_type": kind[0], "time_in_force": kind[1], **changes}
        self.venue.submit(
            SubmitOrder(
                order_id,
                "alpha",
                "paper",
                fields["instrument_id"],
                side,
                fields["order_type"],
                fields["time_in_force"],
                quantity,
                limit_price,
            ),
            self.now,
        )
        return [type(one).__name__ for one in self.answers]


def test_a_market_order_fills_whole_at_the_next_bars_open():
    """Not at the bar it was decided on, and once."""
    sim = Sim()
    sim.bar(10_000)
    assert sim.submit(Side.BUY) == ["EffectOutcome", "OrderAccepted"]
    assert sim.bar(10_100, high=10_300, low=9_900) == [(10_100, 100, Liquidity.TAKER)]
    assert sim.bar(10_200) == []


def test_slippage_moves_a_taker_against_itself_to_the_next_tick_away():
    """Two basis points of 10,000 are 2 units, which is one tick of 5: up for a buy, down for a sell."""
    for side, price in ((Side.BUY, 10_005), (Side.SELL, 9_995)):
        sim = Sim(CostModel(maker_fee_ppm=0, taker_fee_ppm=0, slippage_basis_points=2))
        sim.bar(10_000)
        sim.submit(side)
        assert sim.bar(10_000) == [(price, 100, Liquidity.TAKER)]


def test_slippage_never_makes_a_price_of_nothing():
    """A sell never fills below one tick."""
    assert CostModel(slippage_basis_points=9_999).slipped(5, Side.SELL, BTC) == 5


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, 3), (Side.SELL, 5)])
def test_an_offer_below_one_tick_is_moved_to_it_against_a_sell_without_any_slippage(side, price):
    """As it is with slippage: the rule is of the price, not of how far it moves."""
    sim = Sim(CostModel(maker_fee_ppm=0, taker_fee_ppm=0, slippage_basis_points=0))
    sim.bar(3)
    sim.submit(side)
    assert sim.bar(3) == [(price, 100, Liquidity.TAKER)]


def test_where_declared_a_market_order_fills_at_the_same_bars_close():
    """At once, at the close of the bar it was decided on."""
    sim = Sim(fill_price=FillPrice.SAME_CLOSE)
    sim.bar(10_000, close=10_050)
    sim.submit(Side.BUY)
    assert sim.fills == [(10_050, 100, Liquidity.TAKER)]
    assert sim.bar(10_200) == []


def test_before_the_first_bar_a_same_close_order_waits():
    """There is no close yet."""
    sim = Sim(fill_price=FillPrice.SAME_CLOSE)
    sim.submit(Side.BUY)
    assert sim.fills == []
    assert sim.bar(10_200) == [(10_200, 100, Liquidity.TAKER)]


@pytest.mark.parametrize(("side", "limit", "opened"), [(Side.BUY, 10_000, 9_900), (Side.SELL, 10_000, 10_100)])
def test_a_limit_order_that_the_next_open_betters_takes_at_that_open(side, limit, opened):
    """A new order meets the market as it finds it."""
    sim = Sim()
    sim.bar(10_000)
    sim.submit(side, limit)
    assert sim.bar(opened) == [(opened, 100, Liquidity.TAKER)]


@pytest.mark.parametrize(("side", "opened"), [(Side.BUY, 9_999), (Side.SELL, 10_001)])
def test_slippage_of_a_limit_order_ends_at_its_limit(side, opened):
    """One per cent of slippage would be far beyond."""
    sim = Sim(CostModel(maker_fee_ppm=0, taker_fee_ppm=0, slippage_basis_points=100))
    sim.bar(10_000)
    sim.submit(side, 10_000)
    assert sim.bar(opened) == [(10_000, 100, Liquidity.TAKER)]


@pytest.mark.parametrize(
    ("side", "extreme", "fills"), [(Side.BUY, 9_900, False), (Side.BUY, 9_899, True), (Side.SELL, 10_100, False), (Side.SELL, 10_101, True)]
)
def test_a_touch_is_no_fill_and_a_trade_through_is(side, extreme, fills):
    """A bid at 9,900 fills when the market trades below it, at its own price, as a maker."""
    limit = 9_900 if side is Side.BUY else 10_100
    sim = Sim()
    sim.bar(10_000)
    sim.submit(side, limit)
    done = sim.bar(10_000, high=max(10_000, extreme), low=min(10_000, extreme))
    assert done == ([(limit, 100, Liquidity.MAKER)] if fills else [])


@pytest.mark.parametrize(("side", "opened"), [(Side.BUY, 9_500), (Side.SELL, 10_500)])
def test_a_resting_order_that_a_gap_jumps_over_fills_at_its_own_price(side, opened):
    """The better open is not given to us."""
    limit = 9_900 if side is Side.BUY else 10_100
    sim = Sim()
    sim.bar(10_000)
    sim.submit(side, limit)
    assert sim.bar(10_000) == []
    assert sim.bar(opened) == [(limit, 100, Liquidity.MAKER)]


@pytest.mark.parametrize("side", Side)
def test_an_open_exactly_at_the_limit_is_a_touch(side):
    """Equal is not better."""
    sim = Sim()
    sim.bar(10_000)
    sim.submit(side, 10_000)
    assert sim.bar(10_000) == []


def test_a_bar_that_was_known_before_the_order_never_fills_it():
    """The order waits for the next one."""
    sim = Sim()
    sim.bar(10_000, low=9_000)
    sim.submit(Side.BUY, 9_900)
    assert sim.fills == []
    assert sim.venue.open_order_ids() == ["O1"]


def test_an_execution_is_dated_when_the_market_traded():
    """A take at the open happened when the bar before closed, a fill inside the bar by its close; both are known at the close."""
    sim = Sim()
    sim.bar(10_000)
    sim.submit(Side.BUY)
    sim.bar(10_000)
    assert (sim.answers[0].ts_event, sim.answers[0].ts_init) == (60, 120)
    sim.submit(Side.BUY, 9_900, order_id="O2")
    sim.bar(10_000, low=9_800)
    assert (sim.answers[0].ts_event, sim.answers[0].ts_init) == (180, 180)
    assert sim.dues[-1] == 180


# Fees


@settings(derandomize=True)
@given(st.integers(1, 10**12), st.integers(0, 999_999))
def test_fees_are_rounded_up_to_the_next_unit(notional, ppm):
    """Never less than the rate says, and less than one unit more."""
    fee = CostModel(maker_fee_ppm=ppm, taker_fee_ppm=ppm).fee(notional, Liquidity.MAKER)
    assert 0 <= fee * 1_000_000 - notional * ppm < 1_000_000


def test_makers_and_takers_pay_their_own_rate():
    """In the quote asset, on the notional at the price of the fill."""
    costs = CostModel(maker_fee_ppm=100, taker_fee_ppm=1_000, slippage_basis_points=0)
    sim = Sim(costs)
    sim.bar(10_000)
    sim.submit(Side.BUY)
    sim.bar(10_000)
    assert (sim.answers[0].fee, sim.answers[0].fee_asset) == (1_000_000, "USDT")
    sim.submit(Side.BUY, 9_900, order_id="O2")
    sim.bar(10_000, low=9_800)
    assert sim.answers[0].fee == 99_000


@pytest.mark.parametrize(
    "changes", [{"maker_fee_ppm": -1_000_000}, {"taker_fee_ppm": -1}, {"taker_fee_ppm": 1_000_000}, {"slippage_basis_points": 10_000}]
)
def test_a_cost_out_of_range_is_refused(changes):
    """A rebate of everything, one for takers, or a slippage of everything is a mistake."""
    with pytest.raises(InputError, match=next(iter(changes))):
        CostModel(**changes)


# The book


def test_a_canceled_order_is_off_the_book():
    """And is not filled any more."""
    sim = Sim()
    sim.bar(10_000)
    sim.submit(Side.BUY, 9_900)
    sim.answers.clear()
    sim.venue.cancel(CancelOrder("O1", "paper", BTC.instrument_id), sim.now)
    assert [type(one).__name__ for one in sim.answers] == ["EffectOutcome", "OrderCanceled"]
    assert sim.bar(9_000) == []


@pytest.mark.parametrize("instrument_id", [BTC.instrument_id, "sim:NOTHING"])
def test_a_cancel_of_what_is_not_there_is_rejected(instrument_id):
    """In a real venue's words."""
    sim = Sim()
    sim.venue.cancel(CancelOrder("O9", "paper", instrument_id), 0)
    assert [type(one).__name__ for one in sim.answers] == ["EffectOutcome", "CancelRejected"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"instrument_id": "sim:NOTHING"}, "Invalid symbol."),
        ({"quantity": 5}, "Filter failure: LOT_SIZE"),
        ({"quantity": 15}, "Filter failure: LOT_SIZE"),
        ({"quantity": 1_010}, "Filter failure: LOT_SIZE"),
        ({"limit_price": 9_999}, "Filter failure: PRICE_FILTER"),
        ({"limit_price": -5}, "Filter failure: PRICE_FILTER"),
        ({"order_type": OrderType.LIMIT}, "Unsupported order combination."),
        ({"order_type": OrderType.MARKET, "limit_price": 9_900}, "Unsupported order combination."),
    ],
)
def test_what_a_real_venue_would_refuse_is_rejected(changes, reason):
    """With the venue's reason, and nothing on the book."""
    sim = Sim()
    assert sim.submit(Side.BUY, **changes) == ["EffectOutcome", "OrderRejected"]
    assert sim.answers[1].reason == reason
    assert sim.venue.open_order_ids() == []


def test_an_order_id_that_is_on_the_book_is_rejected():
    """A client id is used once."""
    sim = Sim()
    sim.submit(Side.BUY, 9_900)
    assert sim.submit(Side.BUY, 9_900) == ["EffectOutcome", "OrderRejected"]


def test_what_the_gate_holds_back_never_reaches_the_book():
    """Neither orders nor cancels, and the answer says that it never left."""
    sim = Sim(gate=ClosedGate())
    assert sim.submit(Side.BUY) == ["EffectOutcome"]
    assert (sim.answers[0].outcome, sim.answers[0].reason) == (Outcome.REFUSED, "closed")
    sim.venue.cancel(CancelOrder("O1", "paper", BTC.instrument_id), 0)
    assert (sim.answers[1].action, sim.answers[1].outcome) == (EffectAction.CANCEL, Outcome.REFUSED)
    assert sim.venue.open_order_ids() == []


@pytest.mark.parametrize("on_book", [True, False])
def test_every_witness_says_whether_an_order_works(on_book):
    """Past the fence, since nothing is in flight inside one process."""
    sim = Sim()
    if on_book:
        sim.submit(Side.BUY, 9_900)
    sim.answers.clear()
    sim.venue.query(QueryOrder("O1", "paper", BTC.instrument_id, 0), 7)
    assert [(one.endpoint, one.found, one.venue_time > one.fence) for one in sim.answers] == [
        ("order", on_book, True),
        ("open_orders", on_book, True),
        ("trades", on_book, True),
    ]


def test_a_restored_order_fills_for_what_is_left_of_it():
    """After a restart the book is what the journal says was accepted."""
    kind = (OrderType.LIMIT, TimeInForce.GOOD_TILL_CANCELED)
    sim = Sim()
    sim.venue.restore(
        [
            Order(
                "O1", 1, 1, "alpha", "paper", BTC.instrument_id, Side.BUY, *kind, 100, 9_900, 10_000, 0, OrderState.OPEN, filled_quantity=40
            )
        ]
    )
    assert sim.venue.open_order_ids() == ["O1"]
    assert sim.bar(9_800) == [(9_900, 60, Liquidity.MAKER)]


def test_every_request_that_crosses_is_on_the_request_log(tmp_path):
    """What the gate holds back is not."""
    log = RequestLog(tmp_path / "log" / "requests.log")
    sim = Sim(request_log=log)
    sim.bar(10_000)
    sim.submit(Side.BUY, 9_900)
    sim.venue.cancel(CancelOrder("O1", "paper", BTC.instrument_id), 61)
    Sim(request_log=log, gate=ClosedGate()).submit(Side.BUY)
    log.close()
    assert (tmp_path / "log" / "requests.log").read_text() == "SUBMIT O1 60\nCANCEL O1 61\n"
