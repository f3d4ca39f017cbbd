"""What hftbacktest 2.4.2 makes of a market order each 30 seconds on recorded depth: prints balance, fee and trades.

    pip install hftbacktest==2.4.2
    python hftbacktest_reference.py spot_btcusdt_20240808.gz spot_btcusdt_20240809.gz

The files are raw logs of the spot websocket of Binance, from its own examples. It printed
-616.7452 without its fee of 12.95684120, and 21 trades.
"""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
from hftbacktest import GTC, MARKET, BacktestAsset, HashMapMarketDepthBacktest
from hftbacktest.types import (
    BUY_EVENT,
    DEPTH_EVENT,
    DEPTH_SNAPSHOT_EVENT,
    EXCH_EVENT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    event_dtype,
)
from numba import njit

BOTH = EXCH_EVENT | LOCAL_EVENT
rows, last = [], 0
for path in map(Path, sys.argv[1:]):
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        time, _, body = line.partition(" ")
        message = json.loads(body)
        if "lastUpdateId" in message:
            last, kind, bids, asks = message["lastUpdateId"], DEPTH_SNAPSHOT_EVENT, message["bids"], message["asks"]
        else:
            data = message["data"]
            if data.get("e") == "trade":
                side = SELL_EVENT if data["m"] else BUY_EVENT
                rows.append((TRADE_EVENT | side | BOTH, int(time), int(time), float(data["p"]), float(data["q"]), 0, 0, 0.0))
            if data.get("e") != "depthUpdate" or not last or data["u"] <= last:
                continue
            kind, bids, asks = DEPTH_EVENT, data["b"], data["a"]
        for side, levels in ((BUY_EVENT, bids), (SELL_EVENT, asks)):
            rows += [(kind | side | BOTH, int(time), int(time), float(price), float(size), 0, 0, 0.0) for price, size in levels]


@njit
def run(engine):
    """Take turns."""
    number = 0
    while engine.elapse(30_000_000_000) == 0:
        number += 1
        depth = engine.depth(0)
        if number % 2:
            engine.submit_buy_order(0, number, depth.best_ask, 0.01, GTC, MARKET, False)
        else:
            engine.submit_sell_order(0, number, depth.best_bid, 0.01, GTC, MARKET, False)
        engine.elapse(1)


events = np.array(rows, dtype=event_dtype)
asset = BacktestAsset().data(events).linear_asset(1.0).constant_order_latency(0, 0).risk_adverse_queue_model()
asset = asset.no_partial_fill_exchange().trading_value_fee_model(0.001, 0.001).tick_size(0.01).lot_size(0.00001)
engine = HashMapMarketDepthBacktest([asset])
run(engine)
state = engine.state_values(0)
sys.stdout.write(f"{state.balance:.8f}, fee {state.fee:.8f}, {state.num_trades} trades\n")
