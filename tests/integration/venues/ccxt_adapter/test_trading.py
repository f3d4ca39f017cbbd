"""One account's orders through the adapter, against the local exchange over real sockets, with what goes wrong there ordered by name."""

import asyncio
import json
import time
from typing import Any

import pytest
from adapter_desk import BTC, Desk, LocalExchange, open_desk

from live.core.inputs import (
    CancelRejected,
    EffectOutcome,
    ExecutionReported,
    ExternalOrderObserved,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderObserved,
    OrderRejected,
)
from live.core.instruments import Instrument
from live.core.reconciliation import WITNESSES
from live.core.vocabulary import EffectAction, Liquidity, OrderType, Outcome, Side, TimeInForce
from live.venues.ccxt_adapter import TradingSettings
from live.venues.ccxt_adapter.calls import CallFailedError
from live.venues.ccxt_adapter.ccxt_exchange import exchange_class, use_addresses
from live.venues.ccxt_adapter.dialects import DIALECTS
from live.venues.request_budget import BudgetLimits, Priority, RequestBudget

ANSWER_ABOUT_ANOTHER = json.dumps(
    {
        "symbol": "BTCUSDT",
        "orderId": 28,
        "orderListId": -1,
        "clientOrderId": "of-somebody-else",
        "transactTime": 1_507_725_176_595,
        "price": "50000.00000000",
        "origQty": "0.00100000",
        "executedQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "fills": [],
    }
)


def placed(exchange: LocalExchange, order_id: str) -> int:
    """Count how often an order's request reached the exchange."""
    return sum(order_id in str(one) for one in exchange.log("order.place"))


async def found_open(desk: Desk, order_id: str) -> bool:
    """Ask the venue whether an order rests there."""
    return order_id in {one.order_id for one in await desk.venue.open_orders()}


def test_an_order_lives_through_the_adapter_and_its_numbers_are_exact(exchange: LocalExchange) -> None:
    """Sent, accepted, filled with its fee, and told twice over two ways under one key."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            order_id = desk.submit(desk.order(OrderType.MARKET, 2_000))

            def told() -> list[ExecutionReported]:
                return desk.sinks.of(ExecutionReported, order_id)

            await desk.sinks.until(lambda: sum(one.quantity for one in told()) == 2 * 2_000)
            fills = {(one.trade_id, one.venue_order_id, one.price, one.quantity, one.fee) for one in told()}
            assert sum(one[3] for one in fills) == 2_000
            assert all(one.fee == one.quantity and (one.fee_asset, one.liquidity) == ("BTC", Liquidity.TAKER) for one in told())
            assert [one.outcome for one in desk.sinks.of(EffectOutcome, order_id)] == [Outcome.SENT]
            trades = await desk.venue.trades_since(BTC, since=told()[0].ts_event)
            mine = {(one.trade_id, one.venue_order_id, one.price, one.quantity, one.fee) for one in trades if one.order_id == order_id}
            assert mine == fills

    asyncio.run(scenario())


def test_every_form_of_order_that_the_venue_is_said_to_take_it_takes(exchange: LocalExchange) -> None:
    """What the capabilities list is written in the venue's language, and what they do not list never leaves."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            for order_type, time_in_force in sorted(desk.venue.capabilities.combinations):
                limited = order_type in {OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.STOP_LIMIT}
                trigger = 45_000_00 if order_type in {OrderType.STOP, OrderType.STOP_LIMIT} else None
                side = Side.BUY if trigger is None else Side.SELL
                price = (50_000_00 if trigger is None else 44_900_00) if limited else None
                order = desk.order(order_type, 200, price, time_in_force=time_in_force, trigger_price=trigger, side=side)
                order_id = desk.submit(order)
                accepted = await desk.sinks.until(
                    lambda wanted=order_id: desk.sinks.of(OrderAccepted, wanted) or desk.sinks.of(OrderRejected, wanted)
                )
                assert isinstance(accepted[0], OrderAccepted), (order_type, time_in_force, accepted)
            impossible = desk.submit(desk.order(OrderType.MARKET, 100, time_in_force=TimeInForce.FILL_OR_KILL))
            outcome = await desk.sinks.outcome(impossible)
            assert outcome.outcome is Outcome.REFUSED
            assert placed(exchange, impossible) == 0
            await desk.venue.cancel_all(BTC)
            await desk.venue.cancel_all(BTC)
            assert await desk.venue.open_orders() == ()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset"},
        {"kind": "drop"},
        {"kind": "answer", "status": 502},
        {"kind": "answer", "status": 504, "body": '{"code":-1007,"msg":"Timeout"}', "content_type": "application/json"},
        {"kind": "answer", "status": 403},
        {"kind": "answer", "status": 200, "body": "{}", "content_type": "application/json"},
        {"kind": "answer", "status": 200, "body": ANSWER_ABOUT_ANOTHER, "content_type": "application/json"},
        {"kind": "bad_body", "form": "truncated"},
        {"kind": "bad_body", "form": "html"},
        {"kind": "bad_body", "form": "empty"},
    ],
    ids=lambda fault: "-".join(str(one) for one in fault.values())[:24],
)
def test_a_lost_acknowledgement_leaves_one_order_unknown_until_the_venue_shows_it(exchange: LocalExchange, fault: dict[str, Any]) -> None:
    """After an answer that never came or cannot be read, nothing is sent again; the question finds the order."""

    async def scenario() -> None:
        budget = RequestBudget(BudgetLimits(penalty=300_000_000))  # the firewall's 403 makes questions wait
        async with open_desk(exchange, answer_timeout=400, budget=budget) as desk:
            exchange.fault(fault["kind"], "order.place", **{name: value for name, value in fault.items() if name != "kind"})
            order_id = desk.rest()
            outcome = await desk.sinks.outcome(order_id)
            assert (outcome.action, outcome.outcome) == (EffectAction.SUBMIT, Outcome.FAILED), outcome
            desk.query(order_id)
            observed = await desk.sinks.first(OrderObserved, order_id)
            assert observed.found
            assert placed(exchange, order_id) == 1
            desk.cancel(order_id)
            await desk.sinks.first(OrderCanceled, order_id)

    asyncio.run(scenario())


def test_an_order_that_cannot_reach_the_venue_was_provably_never_sent(exchange: LocalExchange) -> None:
    """A refused connection is no unknown: no byte was written."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            desk.venue._started().client.exchange.urls["api"]["private"] = "http://127.0.0.1:1/api/v3"
            outcome = await desk.sinks.outcome(desk.rest())
            assert (outcome.outcome, outcome.reason.partition(":")[0]) == (Outcome.REFUSED, "NOT_SENT")
            assert desk.gate.asked == []

    asyncio.run(scenario())


def test_the_gate_is_read_when_the_connection_stands_and_what_it_refuses_never_arrives(exchange: LocalExchange) -> None:
    """A kill that falls while an order waits for its turn holds it back; a cancel is asked about as well."""

    async def scenario() -> None:
        budget = RequestBudget(BudgetLimits(in_flight=(8, 1, 8, 4)))
        async with open_desk(exchange, budget=budget) as desk:
            budget.spend(Priority.PLACE, 1, 0)
            order_id = desk.rest()
            await asyncio.sleep(0)
            assert desk.gate.asked == []
            desk.gate.closed = "KILLED: by a test"
            desk.venue._queue.settle(Priority.PLACE, 1)
            outcome = await desk.sinks.outcome(order_id)
            assert (outcome.outcome, outcome.reason) == (Outcome.REFUSED, "KILLED: by a test")
            assert desk.gate.asked == [order_id]
            assert placed(exchange, order_id) == 0

    asyncio.run(scenario())


def test_a_reused_id_says_nothing_about_the_order_that_uses_it(exchange: LocalExchange) -> None:
    """A duplicate is FAILED, never REJECTED: the first one may be live."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            order = desk.order(OrderType.LIMIT, 100, 50_000_00)
            desk.submit(order)
            await desk.sinks.first(OrderAccepted, order.order_id)
            desk.submit(order)
            outcome = await desk.sinks.outcome(order.order_id)
            assert outcome.outcome is Outcome.FAILED
            assert outcome.reason.startswith("DUPLICATE")
            assert desk.sinks.of(OrderRejected, order.order_id) == []
            await desk.venue.cancel_all(BTC)

    asyncio.run(scenario())


def test_a_rate_limit_holds_orders_back_and_lets_cancels_through(exchange: LocalExchange) -> None:
    """After a 429 an order that cannot wait is given up unsent; the cancel of another leaves."""

    async def scenario() -> None:
        async with open_desk(exchange, settings=TradingSettings(order_patience=0.05, scan_interval=3_600.0)) as desk:
            resting = desk.rest()
            await desk.sinks.first(OrderAccepted, resting)
            exchange.fault("ban", "order.place", status=429, retry_after_seconds=60)
            rejected: OrderRejected = await desk.sinks.first(OrderRejected, desk.rest())
            assert rejected.reason.startswith("REJECTED_RATE")
            held = desk.rest()
            outcome = await desk.sinks.outcome(held)
            assert outcome.outcome is Outcome.REFUSED
            desk.cancel(resting)
            await desk.sinks.first(OrderCanceled, resting)
            assert placed(exchange, held) == 0

    asyncio.run(scenario())


def test_a_firewalls_refusal_holds_orders_back_and_lets_cancels_through(exchange: LocalExchange) -> None:
    """Who goes on asking a firewall is banned; what its page was the answer to may have been carried out all the same."""

    async def scenario() -> None:
        async with open_desk(exchange, settings=TradingSettings(order_patience=0.05, scan_interval=3_600.0)) as desk:
            resting = desk.rest()
            await desk.sinks.first(OrderAccepted, resting)
            exchange.fault("answer", "order.place", status=403)
            blocked = await desk.sinks.outcome(desk.rest())
            assert blocked.outcome is Outcome.FAILED
            assert blocked.reason.startswith("BLOCKED: HTTP 403")
            held = desk.rest()
            assert (await desk.sinks.outcome(held)).outcome is Outcome.REFUSED
            desk.cancel(resting)
            await desk.sinks.first(OrderCanceled, resting)
            assert placed(exchange, held) == 0
            await desk.venue.cancel_all(BTC)

    asyncio.run(scenario())


async def cancel_everything(exchange: LocalExchange) -> None:
    """Take what a test left off the book."""
    async with open_desk(exchange) as desk:
        await desk.venue.cancel_all(BTC)


def test_a_refused_key_is_not_mistaken_for_a_rate_limit(exchange: LocalExchange) -> None:
    """To ccxt -2015 is a rate limit once the key has worked; the order is rejected for its key."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            await desk.venue.balances()
            exchange.fault("refuse", "order.place", code=-2015, message="Invalid API-key, IP, or permissions for action.", status=401)
            rejected: OrderRejected = await desk.sinks.first(OrderRejected, desk.rest())
            assert rejected.reason.startswith("REJECTED_AUTH")

    asyncio.run(scenario())


def test_a_cancel_tells_how_much_had_filled_before_it(exchange: LocalExchange) -> None:
    """Half of it fills on the way: the end counts it, so that the engine waits for the fill if it has not come."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            order_id = desk.rest(quantity=2_000)
            await desk.sinks.first(OrderAccepted, order_id)
            exchange.fault("fill_first", "order.cancel", parts_per_million=500_000)
            desk.cancel(order_id)
            ended: OrderCanceled = await desk.sinks.first(OrderCanceled, order_id)
            assert ended.executed_quantity == 1_000
            fill = await desk.sinks.first(ExecutionReported, order_id)
            assert (fill.quantity, fill.liquidity) == (1_000, Liquidity.MAKER)

    asyncio.run(scenario())


def test_a_cancel_that_came_too_late_is_refused_and_the_question_finds_the_end(exchange: LocalExchange) -> None:
    """The order had filled: the cancel is rejected, and its execution is what the question brings."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            order_id = desk.submit(desk.order(OrderType.MARKET, 1_000))
            await desk.sinks.first(ExecutionReported, order_id)
            desk.cancel(order_id)
            refused: CancelRejected = await desk.sinks.first(CancelRejected, order_id)
            assert refused.reason.startswith("CANCEL_TOO_LATE")
            before = len(desk.sinks.of(ExecutionReported, order_id))
            desk.query(order_id)
            await desk.sinks.until(lambda: desk.venue.unanswered or len(desk.sinks.of(ExecutionReported, order_id)) > before)
            assert not desk.venue.unanswered
            assert desk.sinks.of(OrderObserved, order_id) == []

    asyncio.run(scenario())


def test_a_lost_cancel_is_unknown(exchange: LocalExchange) -> None:
    """The venue canceled and its answer was lost: FAILED, and the stream or the question says the rest."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            order_id = desk.rest()
            await desk.sinks.first(OrderAccepted, order_id)
            exchange.fault("answer", "order.cancel", status=500)
            desk.cancel(order_id)
            outcome = await desk.sinks.outcome(order_id)
            assert (outcome.action, outcome.outcome) == (EffectAction.CANCEL, Outcome.FAILED)
            await desk.sinks.first(OrderCanceled, order_id)

    asyncio.run(scenario())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cancel_whose_connection_broke_is_not_sent_again_behind_our_back(exchange: LocalExchange, when: str) -> None:
    """The HTTP client repeats a DELETE in silence: its "unknown order" would be read as the answer to the one that canceled."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            order_id = desk.rest()
            await desk.sinks.first(OrderAccepted, order_id)
            exchange.fault("reset", "order.cancel", when=when)
            desk.cancel(order_id)
            outcome = await desk.sinks.outcome(order_id)
            assert (outcome.action, outcome.outcome) == (EffectAction.CANCEL, Outcome.FAILED)
            assert outcome.reason.startswith("UNKNOWN")
            assert len(exchange.log("order.cancel")) == 1
            assert [one.outcome for one in desk.sinks.of(EffectOutcome, order_id)].count(Outcome.SENT) == 2, "the order and its one cancel"
            if when == "after":
                await desk.sinks.first(OrderCanceled, order_id)
            else:
                desk.cancel(order_id)
                await desk.sinks.first(OrderCanceled, order_id)
            assert desk.sinks.of(CancelRejected, order_id) == []

    asyncio.run(scenario())


def test_a_kills_cancel_of_everything_gets_through_a_broken_connection(exchange: LocalExchange) -> None:
    """Nothing is concluded from its answer, so it may be asked twice."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            order_id = desk.rest()
            await desk.sinks.first(OrderAccepted, order_id)
            exchange.fault("reset", "openOrders.cancelAll", when="before")
            await desk.venue.cancel_all(BTC)
            assert len(exchange.log("openOrders.cancelAll")) == 2
            assert await desk.venue.open_orders() == ()

    asyncio.run(scenario())


def test_a_missing_fill_frame_is_made_good_by_one_scan(exchange: LocalExchange) -> None:
    """The stream lost the fill; the trade history has it, once."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            order_id = desk.rest(quantity=1_000)
            await desk.sinks.first(OrderAccepted, order_id)
            exchange.fault("lose_event", match={"event": "executionReport", "execution": "TRADE"})
            exchange.control("/fills", {"account": "desk-key", "symbol": "BTCUSDT", "client_order_id": order_id})
            assert await desk.venue.scan_fills() >= 1
            fills = desk.sinks.of(ExecutionReported, order_id)
            assert [one.quantity for one in fills] == [1_000]

    asyncio.run(scenario())


def test_the_same_fill_three_times_is_one_execution_by_its_key(exchange: LocalExchange) -> None:
    """Whatever repeats it, trade and order name it."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            order_id = desk.rest(quantity=1_000)
            await desk.sinks.first(OrderAccepted, order_id)
            exchange.fault("repeat_event", match={"event": "executionReport", "execution": "TRADE"}, times=3)
            exchange.control("/fills", {"account": "desk-key", "symbol": "BTCUSDT", "client_order_id": order_id})
            await desk.sinks.until(lambda: len(desk.sinks.of(ExecutionReported, order_id)) == 3)
            assert len({(one.trade_id, one.venue_order_id) for one in desk.sinks.of(ExecutionReported, order_id)}) == 1

    asyncio.run(scenario())


def test_fills_of_a_gap_are_reported_when_the_stream_is_open_again(exchange: LocalExchange) -> None:
    """The socket breaks, the order fills meanwhile, and nobody asks: the adapter reconnects and reads the history by itself."""

    async def scenario() -> None:
        async with open_desk(exchange, settings=TradingSettings(reconnect_wait=0.5, scan_interval=3_600.0)) as desk:
            order_id = desk.rest(quantity=1_000)
            await desk.sinks.first(OrderAccepted, order_id)
            exchange.control("/faults", {"kind": "disconnect", "sockets": "api"})
            exchange.control("/fills", {"account": "desk-key", "symbol": "BTCUSDT", "client_order_id": order_id})
            fill = await desk.sinks.first(ExecutionReported, order_id)
            assert fill.quantity == 1_000
            later = desk.rest()
            await desk.sinks.until(lambda: len(desk.sinks.of(OrderAccepted, later)) >= 2)
            desk.cancel(later)
            await desk.sinks.first(OrderCanceled, later)

    asyncio.run(scenario())


def test_an_order_that_never_arrived_is_denied_by_every_witness_in_turn_and_past_the_fence(exchange: LocalExchange) -> None:
    """Each answer is stamped with a time of the venue that lies before it, and the trades were read after the open orders."""

    async def scenario() -> None:
        settings = TradingSettings(engine_timeout=0, read_lag=0, future_allowance=0, scan_interval=3_600.0)
        async with open_desk(exchange, settings=settings) as desk:
            exchange.fault("reset", "order.place", when="before")
            order_id = desk.rest()
            outcome = await desk.sinks.outcome(order_id)
            assert outcome.outcome is Outcome.FAILED
            await asyncio.sleep(2.1)
            desk.query(order_id, submitted_at=0)
            denials = await desk.sinks.until(lambda: len(found := desk.sinks.of(OrderObserved, order_id)) == 3 and found)
            assert [one.endpoint for one in denials] == list(WITNESSES)
            assert not any(one.found for one in denials)
            assert all(one.venue_time > one.fence for one in denials)
            assert denials[1].venue_time <= denials[2].venue_time
            assert await found_open(desk, order_id) is False

    asyncio.run(scenario())


def test_the_fence_counts_from_the_stamp_and_never_falls_while_the_order_may_still_leave(exchange: LocalExchange) -> None:
    """An order that waits for its turn is asked about: no denial of it may count, whatever the engine's clock says."""

    async def scenario() -> None:
        budget = RequestBudget(BudgetLimits(in_flight=(8, 1, 8, 4)))
        async with open_desk(exchange, budget=budget) as desk:
            budget.spend(Priority.PLACE, 1, 0)
            order_id = desk.rest()
            await asyncio.sleep(0)
            desk.query(order_id, submitted_at=0)
            denial = await desk.sinks.first(OrderObserved, order_id)
            assert denial.fence > denial.venue_time + 10**18
            desk.venue._queue.settle(Priority.PLACE, 1)
            await desk.sinks.first(OrderAccepted, order_id)
            unknown = f"{order_id}none"
            now = time.time_ns()
            desk.query(unknown, submitted_at=now)
            denial = await desk.sinks.first(OrderObserved, unknown)
            assert denial.fence - now == pytest.approx(14_000_000_000, abs=50_000_000)
            await desk.venue.cancel_all(BTC)

    asyncio.run(scenario())


def test_an_order_of_somebody_else_is_external_and_not_booked(exchange: LocalExchange) -> None:
    """Under an id that is not ours it is reported as external, its fills as its being there."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk, open_desk(exchange, prefix="web") as other:
            resting = other.rest()
            external: ExternalOrderObserved = await desk.sinks.until(
                lambda: next((one for one in desk.sinks.answers if isinstance(one, ExternalOrderObserved)), None)
            )
            assert (external.client_order_id, external.remaining, external.limit_price) == (resting, 100, 50_000_00)
            traded = other.submit(other.order(OrderType.MARKET, 500))
            await other.sinks.until(
                lambda: [one for one in other.sinks.answers if isinstance(one, ExternalOrderObserved) and one.client_order_id == traded]
            )
            await desk.venue.scan_fills()
            assert desk.sinks.of(ExecutionReported, traded) == []
            await desk.venue.cancel_all(BTC)

    asyncio.run(scenario())


def test_an_order_that_ends_at_once_is_accepted_and_ended_by_its_answer(exchange: LocalExchange) -> None:
    """An order that must fill or end, and cannot fill, expires."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            order_id = desk.submit(desk.order(OrderType.LIMIT, 100, 50_000_00, time_in_force=TimeInForce.FILL_OR_KILL))
            ended: OrderExpired = await desk.sinks.first(OrderExpired, order_id)
            assert ended.executed_quantity == 0
            assert desk.sinks.answers.index(desk.sinks.of(OrderAccepted, order_id)[0]) < desk.sinks.answers.index(ended)

    asyncio.run(scenario())


def test_a_cancel_behind_twenty_polls_leaves_at_once(exchange: LocalExchange) -> None:
    """The polls are slow and wait for each other; the cancel waits for none of them."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            order_id = desk.rest()
            await desk.sinks.first(OrderAccepted, order_id)
            exchange.fault("delay", "account.status", milliseconds=300, count=None)
            polls = [asyncio.create_task(desk.venue.balances()) for _ in range(20)]
            await asyncio.sleep(0.05)
            started = time.monotonic()
            desk.cancel(order_id)
            await desk.sinks.first(OrderCanceled, order_id)
            assert time.monotonic() - started < 0.25
            assert sum(poll.done() for poll in polls) < 10
            for poll in polls:
                poll.cancel()
            await asyncio.gather(*polls, return_exceptions=True)

    asyncio.run(scenario())


def test_what_is_under_way_when_the_adapter_stops_is_failed_and_not_forgotten(exchange: LocalExchange) -> None:
    """The request had left: its order is unknown."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            exchange.fault("delay", "order.place", milliseconds=2_000)
            order_id = desk.rest()
            await desk.sinks.first(EffectOutcome, order_id)
        outcomes = [one.outcome for one in desk.sinks.of(EffectOutcome, order_id)]
        assert outcomes == [Outcome.SENT, Outcome.FAILED]

    asyncio.run(scenario())
    time.sleep(2.0)
    asyncio.run(cancel_everything(exchange))


def test_questions_without_an_answer_raise(exchange: LocalExchange) -> None:
    """Nothing open and no answer are two things."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            exchange.fault("answer", "openOrders.status", status=502)
            with pytest.raises(CallFailedError, match="UNKNOWN: HTTP 502"):
                await desk.venue.open_orders()
            assert await desk.venue.open_orders() == ()
            balances = {one.asset: one for one in await desk.venue.balances()}
            assert balances["USDT"].total > 0

    asyncio.run(scenario())


def test_a_quantity_leaves_as_it_was_decided_and_is_never_rounded_on_the_way(exchange: LocalExchange) -> None:
    """One that is finer than the venue's lot is refused by the venue, where ccxt would have sent less."""

    async def scenario() -> None:
        fine = Instrument(instrument_id=BTC, base="BTC", quote="USDT", price_scale=4, quantity_scale=8)
        async with open_desk(exchange, instrument=fine) as desk:
            quantity = desk.submit(desk.order(OrderType.LIMIT, 100_050, 50_000_0000))
            rejected: OrderRejected = await desk.sinks.first(OrderRejected, quantity)
            assert "LOT_SIZE" in rejected.reason
            price = desk.submit(desk.order(OrderType.LIMIT, 100_000, 50_000_0050))
            rejected = await desk.sinks.first(OrderRejected, price)
            assert "PRICE_FILTER" in rejected.reason

    asyncio.run(scenario())


def test_instruments_keep_their_scales_and_take_the_venues_filters(exchange: LocalExchange) -> None:
    """A filter that differs from the definition is a new version of it on the same scale."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            found = {one.instrument_id: one for one in await desk.venue.instruments()}
            assert (found[BTC].price_scale, found[BTC].quantity_scale, found[BTC].version) == (2, 5, 2)
            assert found[BTC].minimum_notional > 0
            assert set(found) >= {"local:BTCUSDT", "local:ETHUSDT"}

    asyncio.run(scenario())


def test_nothing_can_dial_out_and_no_secret_is_shown(exchange: LocalExchange) -> None:
    """Every address ccxt knows points at the configured venue, those that are not used at a path that it does not have."""

    async def scenario() -> None:
        async with open_desk(exchange) as desk:
            client = desk.venue._started().client
            addresses: list[str] = []

            def walk(tree: Any) -> None:
                for value in tree.values():
                    if isinstance(value, dict):
                        walk(value)
                    elif isinstance(value, str):
                        addresses.append(value)

            walk(client.exchange.urls["api"])
            assert len(addresses) > 20
            assert all(one.startswith((exchange.http, exchange.web_socket)) for one in addresses)
            assert "desk-secret" not in repr(desk.venue._credentials)

    asyncio.run(scenario())


def test_requests_over_sockets_go_to_their_own_address_where_the_venue_has_one() -> None:
    """Streams and requests have two hosts at Binance; a socket of either is one of the spot market, whatever it is called."""

    async def scenario() -> None:
        exchange = exchange_class("binance")({})
        try:
            use_addresses(exchange, "https://api.example", "wss://stream.example", "wss://requests.example", DIALECTS["binance"])
            sockets = exchange.urls["api"]["ws"]
            assert (sockets["spot"], sockets["ws-api"]["spot"]) == ("wss://stream.example/ws", "wss://requests.example/ws-api/v3")
            assert exchange.is_spot_url(exchange.client("wss://data.example/ws/1"))
        finally:
            await exchange.close()

    asyncio.run(scenario())
