"""The figures of a replay, as people read them: exact money, rounded shares."""

from live.driver.replay import ReplayResult

UNKNOWN = "not defined"


def figures_of(result: ReplayResult) -> list[tuple[str, str]]:
    """List a replay's figures as (name, text), in the order in which they are shown."""
    figures = [("events", f"{result.events:,}")]
    performance = result.performance
    if performance is not None:
        quote = performance.quote
        figures += [
            ("profit after fees", f"{performance.profit} {quote}"),
            ("return", _percent(performance.total_return)),
            ("maximum drawdown", _percent(performance.maximum_drawdown)),
            ("Sharpe ratio, per year", UNKNOWN if performance.sharpe_ratio is None else f"{performance.sharpe_ratio:.4f}"),
            ("trades (round trips)", f"{performance.trades:,}"),
            ("win rate", _percent(performance.win_rate)),
            ("exposure time", _percent(performance.exposure_time)),
            ("fees", f"{performance.fees} {quote}"),
            ("funding", f"{performance.funding} {quote}"),
            ("profit realised", f"{performance.realised} {quote}"),
            ("equity at the end", f"{performance.equity} {quote}"),
        ]
    for account_id, balances in result.balances.items():
        figures += [(f"balance {asset} ({account_id})", amount) for asset, amount in balances.items()]
    figures += [(f"position {instrument_id}", quantity) for instrument_id, quantity in result.positions.items()]
    figures += [
        ("decisions", f"{result.decisions:,}"),
        ("orders asked for (intents)", f"{result.intents:,}"),
        ("fills", f"{result.fills:,}"),
        ("denials", _counts(result.denials)),
        ("alarms", _counts(result.alarms)),
        ("records", f"{result.records:,}"),
        ("parity digest", result.parity_digest),
    ]
    return figures


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{100 * share:.4f} %"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{code} {count}" for code, count in counts.items()) or "none"
