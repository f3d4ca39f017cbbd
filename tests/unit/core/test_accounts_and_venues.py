"""One engine serves several strategies, accounts and venues, and keeps them apart."""

import pytest

from live.core import inputs, records
from live.core.engine import Engine
from live.core.ports import DeclaredRouter, FlatReserve, Ports, Route
from live.core.vocabulary import OperatorAction, Scope, TradingState

BTC = "binance-spot:BTCUSDT"
ETH = "binance-spot:ETHUSDT"
KRAKEN = "kraken-spot:BTC:USD"


@pytest.fixture
def two_venues(new_desk, make):
    """Open a desk with one strategy on each of two venues, in an account of its own."""
    limits = make.limits(maximum_order_quantity={KRAKEN: 10_000})
    desk = new_desk(
        make.deployment("alpha"),
        make.deployment("beta", account_id="other", venue_id="kraken-spot", instrument_ids=(KRAKEN,), limits=limits),
    )
    desk.open(make.btc(), make.btc(instrument_id=KRAKEN, quote="USD"))
    desk.feed(inputs.BalanceChanged(desk.now, "other", "USD", 5_000 * 10**8, "opening balance"))
    for name, instrument_id in (("alpha", BTC), ("beta", KRAKEN)):
        desk.strategies[name].script = lambda bar, context: context.target_units(bar.instrument_id, 100)
        desk.bar(instrument_id=instrument_id)
    return desk


def test_an_order_goes_to_the_account_and_venue_of_its_strategy(two_venues):
    """Each carries one allocation, which names its strategy and intent."""
    orders = list(two_venues.state.live_orders.values())
    assert [(one.strategy_id, one.account_id, one.instrument_id) for one in orders] == [("alpha", "paper", BTC), ("beta", "other", KRAKEN)]
    intents = [entry for entry in two_venues.journal if isinstance(entry, records.IntentRecorded)]
    assert [one.allocations for one in intents] == [
        (records.Allocation("alpha", intents[0].intent_id, 100),),
        (records.Allocation("beta", intents[1].intent_id, 100),),
    ]


def test_a_fill_is_attributed_to_the_strategy_of_its_order(two_venues):
    """Balances and positions of the other account stay as they were."""
    first, second = two_venues.state.live_orders.values()
    two_venues.fill(order=second, fee_asset="USD")
    ledger = two_venues.state.ledger
    assert (two_venues.held("beta", KRAKEN, "other"), two_venues.held("alpha", BTC, "paper")) == (100, 0)
    assert (ledger.balance("other", "USD"), ledger.balance("paper", "USDT")) == (4_990 * 10**8, 10_000 * 10**8)
    two_venues.fill(order=first)
    assert two_venues.held("alpha", BTC, "paper") == 100


def test_a_kill_of_one_venue_leaves_the_other_trading(two_venues):
    """Its orders are canceled, and only its."""
    second = list(two_venues.state.live_orders.values())[1]
    two_venues.command(OperatorAction.KILL, Scope.VENUE, "kraken-spot")
    assert two_venues.canceled == [second.order_id]
    assert (two_venues.trading("alpha"), two_venues.trading("beta")) == (TradingState.ARMED, TradingState.KILLED)


def test_an_order_left_at_a_venue_that_its_strategy_left_is_canceled(desk, make):
    """Nothing is armed at the old venue, however armed the strategy is at the new one."""
    desk.want(100, limit_price=99.0)
    desk.feed(inputs.InstrumentDefined(desk.now, make.btc(instrument_id=KRAKEN)))
    moved = desk.restart(
        "SESSION2",
        make.deployment(venue_id="kraken-spot", instrument_ids=(KRAKEN,), limits=make.limits(maximum_order_quantity={KRAKEN: 10_000})),
    )
    moved.clear_latches()
    moved.arm()
    assert moved.trading() is TradingState.ARMED
    moved.observe(found=True)
    assert moved.canceled == [moved.order.order_id]


def test_an_order_left_in_an_account_that_its_strategy_left_is_canceled(desk, make):
    """The same for accounts."""
    desk.want(100, limit_price=99.0)
    moved = desk.restart("SESSION2", make.deployment(account_id="second"))
    moved.clear_latches()
    moved.arm()
    assert moved.trading() is TradingState.ARMED
    moved.observe(found=True)
    assert moved.canceled == [moved.order.order_id]


def test_two_strategies_on_one_account_have_positions_of_their_own(new_desk, make):
    """What one sells is never what the other holds."""
    desk = new_desk(make.deployment("alpha"), make.deployment("beta")).open()
    desk.want(100)
    desk.fill()
    desk.strategies["alpha"].script = None
    desk.want(-100, strategy_id="beta")
    assert desk.code == "POSITION_BELOW_ZERO"
    assert (desk.held("alpha"), desk.held("beta")) == (100, 0)


def test_the_router_and_the_cost_model_are_ports():
    """Today's say what the deployment says, and set the same share aside for all."""
    from tests.unit.core.conftest import deployment

    assert DeclaredRouter().route(deployment(), BTC) == Route("paper", BTC)
    assert FlatReserve().fee_reserve_ppm("paper", BTC) == 2_000
    assert isinstance(Ports().router, DeclaredRouter)


def test_an_engine_asks_its_router(desk, make):
    """Another router sends orders elsewhere, and nothing else has to change."""

    class Elsewhere:
        def route(self, deployment, instrument_id):
            return Route("second", ETH if asked_for_ether else instrument_id)

    from tests.unit.core.conftest import Scripted

    strategy, asked_for_ether = Scripted(), False
    other = type(desk)(make.deployment(instrument_ids=(BTC, ETH)))
    other.engine = Engine({"alpha": (strategy, 0)}, ports=Ports(router=Elsewhere()))
    other.strategies = {"alpha": strategy}
    other.open()
    other.feed(inputs.BalanceChanged(other.now, "second", "USDT", 10**12, "opening balance"))
    other.want(100)
    assert (other.order.account_id, other.order.instrument_id) == ("second", BTC)
    asked_for_ether = True
    other.ask(lambda bar, context: context.submit_order(BTC, "BUY", 100))
    assert (other.order.account_id, other.order.instrument_id) == ("second", ETH)
