"""Warm-up: whoever waits for a strategy's first order sees what it waits for."""

import pytest

pytestmark = pytest.mark.anyio


async def test_how_far_the_warm_up_has_come_is_shown_until_it_is_over(host, run_desk):
    """Bars that it had of those it needs; the bar after them is the first that it may decide on."""
    host.bundle("probe", (host.BTC, host.ETH), warm_up=2)
    host.configure(feed=False)
    async with run_desk() as desk:

        async def shown():
            (deployment,) = await desk.call("GET", "/v1/deployments")
            assert list(deployment)[-1] == "warm_up", "what is added to the answer comes last"
            return deployment["warm_up"]

        assert await shown() == {"lasts": True, "needed": 2, "had": {host.BTC: 0, host.ETH: 0}}
        for _ in range(4):
            await desk.bar(instrument_id=host.BTC)
        await desk.bar(instrument_id=host.ETH)
        assert await shown() == {"lasts": True, "needed": 2, "had": {host.BTC: 2, host.ETH: 1}}
        await desk.bar(instrument_id=host.ETH)
        assert (await shown())["lasts"], "it had them, and decides on the next"
        await desk.bar(instrument_id=host.ETH)
        assert await shown() == {"lasts": False, "needed": 2, "had": {host.BTC: 2, host.ETH: 2}}


async def test_a_strategy_that_does_not_run_warms_up_for_nothing(host, run_desk):
    """A refused bundle has no warm-up to show."""
    host.bundle("probe").unlink()
    host.configure(feed=False)
    async with run_desk() as desk:
        (deployment,) = await desk.call("GET", "/v1/deployments")
        assert (deployment["status"], deployment["warm_up"]) == ("REFUSED", None)
