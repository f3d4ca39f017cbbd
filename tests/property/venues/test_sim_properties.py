"""Whatever the orders, the market and the settings: the simulated venue gives nothing that the market did not."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_market import BTC, Market

from live.core import inputs
from live.core.effects import CancelOrder
from live.core.entities import Order
from live.core.orders import OrderState
from live.core.vocabulary import Liquidity, OrderType, Side, TimeInForce
from live.venues.sim import CostModel, FillModel, FillPrice, SimulationSettings
from live.venues.sim.latency import Delay, Distribution, LatencyModel
from live.venues.sim.settings import Excess, Improvement, IntrabarPath, QueueCancels, QueueModel

PRICES = st.integers(95, 105)
SMALL = st.integers(0, 6)


@st.composite
def bars(draw):
    """Draw open, high, low, close and volume near 100."""
    open_, close = draw(PRICES), draw(PRICES)
    return ("bar", open_, max(open_, close) + draw(SMALL), min(open_, close) - draw(SMALL), close, draw(st.integers(0, 200)))


@st.composite
def quotes(draw):
    """Draw a quote."""
    bid = draw(PRICES)
    return ("quote", bid, draw(st.integers(1, 40)), bid + draw(st.integers(1, 4)), draw(st.integers(1, 40)))


trades = st.tuples(st.just("trade"), PRICES, st.integers(1, 60), st.sampled_from(Side))


@st.composite
def orders(draw):
    """Draw an order of any type."""
    kind = draw(st.sampled_from(OrderType))
    fields = {"kind": kind}
    if kind in {OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP_LIMIT}:
        fields["limit"] = draw(PRICES)
    if kind in {OrderType.STOP, OrderType.STOP_LIMIT}:
        fields["trigger"] = draw(PRICES)
    if kind in {OrderType.LIMIT, OrderType.STOP_LIMIT}:
        fields["time_in_force"] = draw(
            st.sampled_from([TimeInForce.GOOD_TILL_CANCELED, TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL])
        )
    fields["reduce_only"] = draw(st.integers(0, 3)) == 0
    return ("order", draw(st.sampled_from(Side)), draw(st.integers(1, 50)), fields)


cancels = st.tuples(st.just("cancel"), st.integers(0, 20))


def steps(*events, size=40):
    """Draw a session: market events with orders and cancels between them."""
    return st.lists(st.one_of(*events, orders(), orders(), cancels), min_size=1, max_size=size)


simulations = st.builds(
    lambda fill, participation, queue, seed: SimulationSettings(
        fill=fill,
        costs=CostModel(slippage_basis_points=0, maker_fee_ppm=0, taker_fee_ppm=0),
        participation_ppm=participation,
        queue=queue,
        seed=seed,
    ),
    st.builds(
        FillModel,
        price=st.sampled_from(FillPrice),
        path=st.sampled_from(IntrabarPath),
        touch=st.booleans(),
        improvement=st.sampled_from(Improvement),
        standing=st.booleans(),
        excess=st.sampled_from([Excess.WAIT, Excess.EXPIRE]),
    ),
    st.sampled_from([0, 0, 100_000, 500_000]),
    st.builds(QueueModel, enabled=st.booleans(), ahead=st.integers(0, 30), cancels=st.sampled_from(QueueCancels)),
    st.integers(0, 3),
)


def play(sim, session, seen=None):
    """Play a session; `seen` is called after every step with its number, the step and the executions that it brought."""
    for number, step in enumerate(session):
        begun = len(sim.executions())
        kind, *values = step
        if kind == "order":
            side, quantity, fields = values
            sim.submit(side, quantity, f"O{number}", **fields)
        elif kind == "cancel":
            sim.cancel(f"O{values[0]}")
        else:
            getattr(sim, kind)(*values)
        if seen is not None:
            seen(number, step, sim.executions()[begun:])
    return sim


@settings(derandomize=True, max_examples=300, deadline=None)
@given(steps(bars(), bars(), quotes(), trades), simulations)
def test_no_order_fills_beyond_its_quantity_its_limit_or_its_end(session, simulation):
    """And every execution has an id of its own, every end comes once, and reduce-only never opens."""
    sim = Market(simulation)
    asked = {f"O{number}": step for number, step in enumerate(session) if step[0] == "order"}
    position, ended, filled, ids = 0, set(), Counter(), set()
    play(sim, session)
    for answer in sim.answers:
        if isinstance(answer, inputs.ExecutionReported):
            _, side, quantity, fields = asked[answer.order_id]
            assert answer.order_id not in ended
            assert answer.quantity > 0
            filled[answer.order_id] += answer.quantity
            assert filled[answer.order_id] <= quantity
            assert (answer.order_id, answer.trade_id) not in ids
            ids.add((answer.order_id, answer.trade_id))
            if "limit" in fields:
                assert side.sign * (fields["limit"] - answer.price) >= 0
            if fields["kind"] is OrderType.LIMIT_MAKER:
                assert answer.liquidity is Liquidity.MAKER
            if fields["reduce_only"]:
                assert 0 < answer.quantity <= -side.sign * position
            position += side.sign * answer.quantity
        elif isinstance(answer, inputs.OrderExpired | inputs.OrderCanceled | inputs.OrderRejected):
            assert answer.order_id not in ended
            ended.add(answer.order_id)
            if isinstance(answer, inputs.OrderExpired):
                assert answer.executed_quantity == filled[answer.order_id]
            fields = asked[answer.order_id][3]
            if fields.get("time_in_force") is TimeInForce.FILL_OR_KILL:
                assert not filled[answer.order_id]
    assert sim.venue.position("paper", BTC.instrument_id) == position
    assert not ended & set(sim.venue.open_order_ids())
    for order_id in sim.venue.open_order_ids():
        assert sim.venue.remaining(order_id) == asked[order_id][2] - filled[order_id] > 0


@settings(derandomize=True, max_examples=300, deadline=None)
@given(steps(bars()), simulations)
def test_on_bars_no_fill_is_better_than_the_bar_and_none_takes_more_than_its_share(session, simulation):
    """A buy pays the low at least, a sell gets the high at most; what takes at the same bar's close pays that."""
    last, shares, sides = None, Counter(), {}

    def seen(number, step, executions):
        nonlocal last
        if step[0] == "order":
            sides[f"O{number}"] = step[1]
        if step[0] == "bar":
            last = (number, *step[1:])
        for one in executions:
            bar, _, high, low, close, volume = last
            assert one.price >= low if sides[one.order_id] is Side.BUY else one.price <= high
            if step[0] == "order":
                assert one.price == close
            if simulation.participation_ppm:
                shares[bar] += one.quantity
                assert shares[bar] <= volume * simulation.participation_ppm // 1_000_000

    play(Market(simulation), session, seen)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(steps(quotes()), simulations)
def test_on_quotes_no_fill_is_better_than_the_spread_or_larger_than_the_quote(session, simulation):
    """Takers pay the ask or get the bid; makers get their own price only once the other side has come to it."""
    last, taken, sides = None, Counter(), {}

    def seen(number, step, executions):
        nonlocal last
        if step[0] == "quote":
            if last is None or last[1:] != step[1:]:
                taken.clear()
            last = step
        if step[0] == "order":
            sides[f"O{number}"] = step[1]
        for one in executions:
            _, bid, bid_quantity, ask, ask_quantity = last
            buys = sides[one.order_id] is Side.BUY
            if one.liquidity is Liquidity.TAKER:
                assert one.price == (ask if buys else bid)
            else:
                assert one.price >= ask if buys else one.price <= bid
            taken[buys] += one.quantity
            assert taken[buys] <= (ask_quantity if buys else bid_quantity)

    play(Market(simulation), session, seen)


LATENCY = LatencyModel(
    submit=Delay(distribution=Distribution.UNIFORM, nanoseconds=1, maximum=90),
    cancel=Delay(distribution=Distribution.LOGNORMAL, nanoseconds=20, sigma=1.0, maximum=200),
    answer=Delay(distribution=Distribution.UNIFORM, nanoseconds=0, maximum=150),
    market_data=Delay(nanoseconds=5),
)


def far_away(simulation):
    """Put the same venue far away."""
    return SimulationSettings(
        fill=simulation.fill, costs=simulation.costs, latency=LATENCY, participation_ppm=simulation.participation_ppm, seed=simulation.seed
    )


@settings(derandomize=True, max_examples=200, deadline=None)
@given(steps(bars(), quotes(), trades), simulations)
def test_the_same_seed_gives_the_same_answers_at_the_same_times_and_none_comes_out_of_turn(session, simulation):
    """Delays are drawn, and yet everything repeats; what the venue says about one order arrives in the order it happened."""
    first, second = play(Market(far_away(simulation)), session), play(Market(far_away(simulation)), session)
    assert (first.answers, first.dues) == (second.answers, second.dues)
    assert first.dues == sorted(first.dues)
    happened = [one.ts_init for one in first.answers]
    assert happened == sorted(happened)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(steps(bars(), quotes(), trades), simulations)
def test_no_order_fills_before_it_arrives(session, simulation):
    """The execution is dated no earlier than the acceptance, since standing data may be no older than the order."""
    sim = play(Market(far_away(simulation)), session)
    sim.run_due(sim.now + 1_000)
    arrived = {one.order_id: one.ts_event for one in reversed(sim.answers) if isinstance(one, inputs.OrderAccepted)}
    for one in sim.executions():
        assert one.ts_event >= arrived[one.order_id]


def has_triggered(side, trigger, later):
    """Tell whether a bar since an order came, the last one at 100 included, reached its trigger."""
    if trigger is None:
        return False
    bars_since = [step for step in later if step[0] == "bar"] + [("bar", 100, 100, 100, 100, 0)]
    return any(high >= trigger if side is Side.BUY else low <= trigger for _, _, high, low, _, _ in bars_since)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(steps(bars(), size=30), st.lists(bars(), min_size=1, max_size=10), simulations)
def test_a_restart_changes_nothing_for_orders_that_met_the_market(before, after, simulation):
    """The venue put together again from what was recorded answers as the one that went on."""
    sim = Market(simulation)
    play(sim, before)
    # One bar that reaches nothing lets every order meet the market: whether it had is not recorded.
    sim.bar(100, 100, 100, 100, 0)
    other = Market(simulation)
    other.now = sim.now
    other.venue.observe(inputs.Bar(sim.now, sim.now, BTC.instrument_id, 100, 100, 100, 100, 0))
    venue_ids = {one.order_id: one.venue_order_id for one in sim.answers if isinstance(one, inputs.OrderAccepted)}
    filled = Counter()
    for one in sim.executions():
        filled[one.order_id] += one.quantity
    kept = []
    for order_id in list(sim.venue.open_order_ids()):
        _, side, quantity, fields = before[int(order_id[1:])]
        if not filled[order_id] and has_triggered(side, fields.get("trigger"), before[int(order_id[1:]) + 1 :]):
            # That a stop has triggered shows in its first fill alone: until then a restart makes it a stop again.
            sim.venue.cancel(CancelOrder(order_id, "paper", BTC.instrument_id), sim.now)
            continue
        kept.append(
            Order(
                order_id, 1, 1, "alpha", "paper", BTC.instrument_id, side, fields["kind"],
                fields.get("time_in_force") or TimeInForce.GOOD_TILL_CANCELED, quantity, fields.get("limit"), 100, 0, OrderState.OPEN,
                filled_quantity=filled[order_id], venue_order_id=venue_ids[order_id], trigger_price=fields.get("trigger"),
                reduce_only=fields["reduce_only"],
            )
        )  # fmt: skip
    other.venue.restore(kept, {("paper", BTC.instrument_id): sim.venue.position("paper", BTC.instrument_id)})
    sim.run_due(sim.now)
    begun = len(sim.answers)
    play(sim, after)
    play(other, after)
    assert [one for one in other.answers if not isinstance(one, inputs.ExecutionReported)] == [
        one for one in sim.answers[begun:] if not isinstance(one, inputs.ExecutionReported)
    ]
    plain = [(one.order_id, one.trade_id, one.price, one.quantity, one.liquidity, one.ts_event) for one in other.executions()]
    assert plain == [
        (one.order_id, one.trade_id, one.price, one.quantity, one.liquidity, one.ts_event)
        for one in sim.answers[begun:]
        if isinstance(one, inputs.ExecutionReported)
    ]
