"""What FLOX 0.10.1 makes of the strategy that `flox new` writes: prints what that prints, and more digits.

    pip install flox-py==0.10.1
    python flox_reference.py btcusdt_1m.csv

The file is that of FLOX's own examples, docs/examples/data/btcusdt_1m.csv. Of its 3,000 bars it printed -48.8508 and 58 trades; of
the first 500, which `flox new` brings as data/btcusdt_sample.csv, -14.7771, 10 trades and -0.1478 %. Its net PnL is what was closed, less
all fees: a position that is still open at the end counts at what it cost.
"""

import sys

import flox_py


class SmaCross(flox_py.Strategy):
    """Its research template: long while the fast average is above the slow one."""

    def __init__(self, symbols):
        """Declare both averages."""
        super().__init__(symbols)
        self.fast, self.slow = flox_py.SMA(10), flox_py.SMA(30)

    def on_trade(self, ctx, trade):
        """Follow the averages."""
        fast, slow = self.fast.update(trade.price), self.slow.update(trade.price)
        if fast is None or slow is None:
            return
        if fast > slow and ctx.is_flat():
            self.market_buy(0.01)
        elif fast < slow and ctx.is_long():
            self.close_position()


registry = flox_py.SymbolRegistry()
symbol = registry.add_symbol("exchange", "BTCUSDT", tick_size=0.01)
runner = flox_py.BacktestRunner(registry, fee_rate=0.0004, initial_capital=10_000)
runner.set_strategy(SmaCross([symbol]))
result = runner.run_csv(sys.argv[1], symbol="BTCUSDT")
sys.stdout.write(f"return {result['return_pct']:+.4f} %, net PnL {result['net_pnl']:.4f}, {result['total_trades']} trades\n")
