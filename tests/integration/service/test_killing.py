import pytest

pytestmark = pytest.mark.anyio


async def test_a_kill_cancels_what_rests_and_proves_it(run_desk, host):
    """After a kill nothing is open at the venue, the report says so, and the scope stays KILLED."""
    async with run_desk() as desk:
        order_id = await desk.rest_an_order()
        report = await desk.call("POST", "/v1/kill", {"reason": "a test"})
        assert report["canceled"] == [order_id]
        assert report["open_orders"] == []
        assert (report["state"], report["proven"], report["latched"], report["recorded"]) == ("KILLED", True, True, True)
        assert host.requests() == [f"SUBMIT {order_id}", f"CANCEL {order_id}"]
        assert report["seconds"] < 1.0
