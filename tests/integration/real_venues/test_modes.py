"""DRY_RUN, SHADOW and LIVE on the local exchange: one engine, and what differs is who answers."""

import pytest
from real_desk import BTC, BUY, FLAT, REST, VENUE

from live.core.vocabulary import Side
from live.driver.session_replay import replay_session
from live.promotion import load_strategy, verify_bundle
from live.venues.protocol import MarketKind

pytestmark = pytest.mark.anyio


async def test_a_dry_run_trades_the_venues_market_and_sends_nothing(real_host, exchange, account):
    """Market data comes from the venue and is as deep as for real orders, fills come from this process, and no key is in it."""
    name = account()
    real_host.configure(("dry", name, "DRY_RUN"))
    async with real_host.run() as desk:
        await desk.ready()
        assert MarketKind.BOOK in desk.session.feeds[VENUE].kinds, "less than the order may rest at the best price"
        assert desk.session.trading == {}
        await desk.lease("dry")
        desk.tell(REST)
        resting = await desk.order("dry", "OPEN")
        assert desk.session.venues[VENUE].open_order_ids() == [resting.order_id]
        desk.tell(BUY)
        await desk.order("dry", "FILLED")
        assert desk.state.ledger.quantity(name, "dry", BTC) == 2_000
    assert exchange.asked("order.place", name) == []
    assert exchange.balances(name)["BTC"] == 20.0


async def test_a_live_order_rests_at_the_venue_fills_there_and_the_ledger_equals_it(real_host, exchange, account):
    """Opening balances are the venue's; after a fill at the market and one back, reconciliation finds no difference."""
    name = account()
    real_host.configure(("real", name, "LIVE"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("real")
        desk.tell(REST)
        resting = await desk.order("real", "OPEN")
        assert exchange.open_orders(name) == [resting.order_id]
        desk.tell(BUY)
        bought = await desk.order("real", "FILLED")
        assert (bought.side, bought.filled_quantity, resting.state) == (Side.BUY, 2_000, "CANCELED")
        desk.tell(FLAT)
        await desk.until(lambda: len(desk.orders("real", "FILLED")) == 2, "the position is sold")
        since = desk.session.driver.now()
        answer = await desk.until(lambda: (one := desk.answer(name)).ts_init > since and one, "the account is compared again")
        assert (answer.clean, answer.detail) == (True, "")
        there = exchange.balances(name)
        for (account_id, asset), amount in desk.state.ledger.balances.items():
            assert account_id == name
            assert amount == round(there[asset] * 10**8)
    assert exchange.open_orders(name) == []


async def test_a_session_on_a_real_venue_replays_to_the_same_records(real_host, account):
    """LIVE, SHADOW and their venue's own market: what was recorded gives, fed again without any venue, every record anew."""
    real, imagined = account(), account()
    real_host.configure(("champion", real, "LIVE"), ("shadow", imagined, "SHADOW"), warm_up=2)
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("champion")
        await desk.lease("shadow")
        desk.tell(REST)
        await desk.order("champion", "OPEN")
        desk.tell(BUY)
        await desk.order("champion", "FILLED")
        desk.tell(FLAT)
        await desk.until(lambda: len(desk.orders("champion", "FILLED")) == 2, "the position is sold")
        journal = desk.session.journal_path

    def load(deployments):
        loaded = {}
        for deployment in deployments:
            host = real_host.host
            raw = host.bundles[deployment.strategy_id].read_bytes()
            strategy = load_strategy(verify_bundle(raw, host.configuration().trusted_keys, host.created_at), host.home)
            loaded[deployment.strategy_id] = (strategy.strategy, strategy.warm_up_bars)
        return loaded

    replayed = replay_session(journal, load)
    assert replayed.difference is None
    assert replayed.identical
    assert (replayed.recorded_digest, replayed.closed) == (replayed.replayed_digest, True)
    assert replayed.market_events > 0


async def test_a_shadow_runs_beside_its_champion_and_only_one_of_them_trades(real_host, exchange, account):
    """Both are told the same; the shadow's order fills on an account of its own, which the venue never hears of."""
    real, imagined = account(), account()
    real_host.configure(("champion", real, "LIVE"), ("shadow", imagined, "SHADOW"))
    async with real_host.run() as desk:
        await desk.ready()
        await desk.lease("champion")
        await desk.lease("shadow")
        desk.tell(BUY)
        await desk.order("champion", "FILLED")
        await desk.order("shadow", "FILLED")
        assert desk.state.ledger.quantity(real, "champion", BTC) == pytest.approx(1_998, abs=2)  # less the venue's fee, in what was bought
        assert desk.state.ledger.quantity(imagined, "shadow", BTC) == 2_000
        assert list(desk.session.trading) == [real]
        sent = [one["parameters"]["newClientOrderId"] for one in exchange.asked("order.place", real)]
        assert sent == [order.order_id for order in desk.orders("champion")]
    assert exchange.asked("order.place", imagined) == []


async def test_strategies_are_warmed_up_by_the_venues_history(real_host, account):
    """What a strategy needs of history comes before anything else, flagged as history."""
    real_host.configure(("dry", account(), "DRY_RUN"), warm_up=3)
    async with real_host.run() as desk:
        await desk.ready()
        market = desk.engine._work.markets[BTC]
        assert market.slow_reference() is not None
        tape = desk.session.tape
        await desk.until(lambda: tape.position[1] >= 3, "history is on the tape")
