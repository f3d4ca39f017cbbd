from live.driver.recovery import session_journals


def test_a_strategy_is_refused_when_tampered_traded_when_armed_and_stopped_for_good_when_killed(live_host):
    """The whole life of a live host: refuse, load, arm, trade, kill, crash, stay killed, release, verify, replay."""
    live_host.prepare(bars=6_000)
    tampered = live_host.home / "tampered.bundle.json"
    content = bytearray(live_host.bundles["ema_cross"].read_bytes())
    content[len(content) // 3] ^= 1
    tampered.write_bytes(bytes(content))
    live_host.write_config(speed=180_000, bundles={"ema_cross": tampered, "mean_reversion": live_host.bundles["mean_reversion"]})
    live_host.start()
    statuses = {one["strategy_id"]: one["status"] for one in live_host.call("GET", "/v1/deployments")}
    assert statuses == {"ema_cross": "REFUSED", "mean_reversion": "LOADED"}
    live_host.call("GET", "/readyz", expect=503)
    live_host.call("POST", "/v1/arm", {"strategy_id": "ema_cross"}, expect=409)
    assert live_host.stop() == 0

    live_host.write_config(speed=180_000)
    live_host.start()
    assert {one["state"] for one in live_host.call("GET", "/v1/deployments")} == {"DISARMED"}
    for strategy in ("ema_cross", "mean_reversion"):
        live_host.arm(strategy)
    live_host.wait_for(lambda: len({fill["strategy_id"] for fill in live_host.call("GET", "/v1/fills?limit=1000")}) == 2)
    live_host.wait_for(lambda: live_host.call("GET", "/v1/orders?open_only=true"))
    report = live_host.interlock("kill", "--reason", "end to end test")
    assert report["latch_engaged"]
    assert report["service"]["proven"]
    assert report["service"]["open_orders"] == []
    live_host.stop(kill=True)

    live_host.start()
    state = live_host.call("GET", "/v1/state")
    assert next(one["state"] for one in state["trading_states"] if one["scope"] == "GLOBAL") == "KILLED"
    assert state["open_orders"] == 0
    live_host.call("POST", "/v1/arm", {"strategy_id": "ema_cross"}, expect=409)
    assert live_host.interlock("release", "--reason", "the test goes on")["state"] == "DISARMED"
    assert live_host.stop() == 0

    journals = session_journals(live_host.home)
    assert len(journals) == 3
    for journal in journals:
        live_host.interlock("journal", "verify", str(journal), "--anchors", str(live_host.home / "journal" / "anchors.jsonl"))
    replayed = live_host.interlock("session", "replay", str(journals[1]))
    assert replayed["identical"]
    assert replayed["records"] > 100


def test_kill_without_a_service_holds_for_the_next_one(live_host):
    """`interlock kill` works while nothing runs, and the service that starts afterwards boots KILLED."""
    live_host.prepare(bars=1_000)
    live_host.write_config(speed=180_000)
    report = live_host.interlock("kill", "--reason", "before the first start")
    assert report["latch_engaged"]
    assert report["service"] is None
    assert "no service answers" in report["unproven"]
    live_host.start()
    state = live_host.call("GET", "/v1/state")
    assert next(one["state"] for one in state["trading_states"] if one["scope"] == "GLOBAL") == "KILLED"
    live_host.call("POST", "/v1/arm", {"strategy_id": "ema_cross"}, expect=409)
