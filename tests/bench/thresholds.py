"""What was measured against what must be reached: figures out of runs, with no clock, file or process of their own.

Speed against a peer is judged by the ratio of CPU rates in the same run, because absolute rates on a shared machine move by
a factor of two or three. The rate of an engine is the median of its runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

OURS = "interlock"
Run = dict[str, Any]

WHERE_BOUNDS_WERE_SET = {
    ("bars", "nautilus_trader"): 44_200.0,
    ("bars", "backtesting.py"): 163_700.0,
    ("ticks", "nautilus_trader"): 122_100.0,
}
"""Rows a CPU second of the peers, in the same versions at the same works, on the machine and day that a bound in microseconds is from."""


@dataclass(frozen=True)
class Figure:
    """One measured number and what it is held to.

    Attributes:
        name: what was measured.
        value: the number.
        unit: what it counts.
        must: the benchmark fails beyond it; None when nothing is demanded.
        aim: what is striven for; None when nothing is named.
        at_least: whether larger is better.
    """

    name: str
    value: float
    unit: str
    must: float | None = None
    aim: float | None = None
    at_least: bool = False

    @property
    def passed(self) -> bool:
        """Tell whether the number is within what must be reached; a number that is none is not."""
        return self.must is None or self._reaches(self.must)

    @property
    def reached_aim(self) -> bool | None:
        """Tell whether the number is within the aim; None when there is no aim."""
        return None if self.aim is None else self._reaches(self.aim)

    def _reaches(self, bound: float) -> bool:
        return self.value >= bound if self.at_least else self.value <= bound


def cpu_rate(runs: Sequence[Run]) -> float:
    """Give the median of events a CPU second."""
    return median(run["events"] / run["cpu_seconds"] for run in runs)


def machine_speed(runs: Sequence[Run]) -> float | None:
    """Give how fast the machine was against where bounds in microseconds were set: the median over the peers' works; None without any."""
    ratios = [
        cpu_rate(some) / rate
        for (group, peer), rate in WHERE_BOUNDS_WERE_SET.items()
        if (some := [run for run in runs if run["group"] == group and run["engine"] == peer])
    ]
    return median(ratios) if ratios else None


def judge(runs: Sequence[Run]) -> list[Figure]:
    """Make every figure that the runs allow; each run carries the `group` it belongs to."""
    return [
        *_against_peers(runs, "bars", "1 M bars", {"nautilus_trader": (4.0, 10.0), "backtesting.py": (1.0, None)}),
        *_against_peers(runs, "ticks", "2 M ticks", {"nautilus_trader": (3.0, 10.0)}),
        *_against_peers(runs, "resting", "20 resting orders", {"nautilus_trader": (None, None)}),
        *_growth([run for run in runs if run["group"] == "growth"]),
        *_order_life([run for run in runs if run["group"] == "order"], machine_speed(runs)),
        *_memory([run for run in runs if run["group"] == "bars" and run["engine"] == OURS]),
        *_writer([run for run in runs if run["group"] == "writer"]),
        *_adapter([run for run in runs if run["group"] == "adapter"]),
        *_exchange([run for run in runs if run["group"] == "exchange"]),
        *_live_loop([run for run in runs if run["group"] == "live_loop"]),
        *_same_records(runs),
    ]


def disagreements(runs: Sequence[Run]) -> list[str]:
    """Say where engines that were given the same work did not do the same number of things, or ours denied orders: then a figure lies.

    Orders must agree to the last one. How many of them could still be canceled hangs on when the others filled, and that on
    each engine's own fill rule, so cancels may differ by a hundredth.
    """
    said = [f"{run['work']}: of ours, orders were denied, which nobody else's were: {run['denials']}" for run in runs if run.get("denials")]
    for group in ("bars", "ticks", "resting"):
        for count, share in (("orders", 0.0), ("cancels", 0.01)):
            counts = {run["engine"]: run.get(count, 0) for run in runs if run["group"] == group}
            if counts and max(counts.values()) - min(counts.values()) > share * max(counts.values()):
                said.append(f"{group}: {count} differ: " + ", ".join(f"{engine} {number:,}" for engine, number in counts.items()))
    return said


def _against_peers(runs: Sequence[Run], group: str, label: str, peers: dict[str, tuple[float | None, float | None]]) -> list[Figure]:
    rates = {
        engine: cpu_rate(some)
        for engine in (OURS, *peers)
        if (some := [run for run in runs if run["group"] == group and run["engine"] == engine])
    }
    if OURS not in rates:
        return []
    ours = [run for run in runs if run["group"] == group and run["engine"] == OURS]
    handicapped = median(run["events"] / (run["cpu_seconds"] + run["reading_cpu_seconds"]) for run in ours)
    figures: list[Figure] = []
    for peer, (must, aim) in peers.items():
        if peer in rates:
            figures += [
                Figure(f"{label}, speed against {peer}", rates[OURS] / rates[peer], "x", must, aim, at_least=True),
                Figure(f"{label}, the same with our reading of the file counted, and not {peer}'s", handicapped / rates[peer], "x"),
            ]
    return figures


def _growth(runs: Sequence[Run]) -> list[Figure]:
    sizes = sorted({run["events"] for run in runs})
    if len(sizes) < 2:
        return []
    small, large = ([run for run in runs if run["events"] == size] for size in (sizes[0], sizes[-1]))
    name = f"{sizes[-1] / 1e6:g} M bars against {sizes[0] / 1e6:g} M"
    memory = max(run["peak_rss_mb"] for run in large) / max(run["peak_rss_mb"] for run in small)
    return [
        Figure(f"{name}: bars a CPU second", cpu_rate(large) / cpu_rate(small), "x", 0.9, 1.0, at_least=True),
        Figure(f"{name}: peak memory", memory, "x", 1.15, 1.0),
    ]


def _order_life(runs: Sequence[Run], speed: float | None) -> list[Figure]:
    """Say what an order adds to a bar, now and at the speed of the machine that its bound is from; unjudged without peers' works."""
    lives = {engine: life for engine in (OURS, "nautilus_trader") if (life := _life([run for run in runs if run["engine"] == engine]))}
    if OURS not in lives:
        return []
    microseconds, records = lives[OURS]
    figures = [Figure("one order's life, all its records", microseconds, "us"), Figure("records of one order's life", records, "")]
    if speed is not None:
        figures += [
            Figure("this machine now, by its peers' rates, against the one that bounds in us are from", speed, "x"),
            Figure("one order's life, all its records, at that one's speed", microseconds * speed, "us", 100.0, 40.0),
        ]
    for peer, (theirs, _) in lives.items():
        if peer != OURS:
            figures += [
                Figure(f"one order's life in {peer}, which records none", theirs, "us"),
                Figure(f"one order's life against one in {peer}", microseconds / theirs, "x"),
            ]
    return figures


def _life(runs: Sequence[Run]) -> tuple[float, float] | None:
    """Give the CPU microseconds and the records that an order adds; None when one of both works was not run."""
    trading, idle = ([run for run in runs if run["work"] == work] for work in ("order_each_bar", "idle"))
    if not trading or not idle:
        return None
    extra = median(run["cpu_seconds"] for run in trading) - median(run["cpu_seconds"] for run in idle)
    placed = trading[0]["orders"]
    return extra / placed * 1e6, (trading[0].get("records", 0) - idle[0].get("records", 0)) / placed


def _memory(runs: Sequence[Run]) -> list[Figure]:
    return [Figure("peak memory, 1 M bars", max(run["peak_rss_mb"] for run in runs), "MB", 500.0, 300.0)] if runs else []


def _writer(runs: Sequence[Run]) -> list[Figure]:
    if not runs:
        return []
    bounds: dict[str, tuple[str, float | None, float | None]] = {
        "alone_p50_us": ("durable intent before send, alone, median", None, 0.2),
        "alone_p99_us": ("durable intent before send, alone, 99th percentile", 1.0, None),
        "grouped_p50_us": ("durable intent before send, in bursts of 50, median", None, None),
        "grouped_p99_us": ("durable intent before send, in bursts of 50, 99th percentile", 6.0, None),
    }
    return [Figure(name, median(run[key] for run in runs) / 1_000, "ms", must, aim) for key, (name, must, aim) in bounds.items()]


def _adapter(runs: Sequence[Run]) -> list[Figure]:
    if not runs:
        return []
    waits = _ratio(runs, "cancel_behind_p50_ms", "questions_p50_ms")
    before = max(run["most_answered_before_the_cancel"] for run in runs)
    return [
        Figure("place an order, median: adapter against a bare ccxt call", _ratio(runs, "adapter_p50_ms", "bare_p50_ms"), "x", 1.3),
        Figure("the same until the venue's first word, by whichever way", _ratio(runs, "adapter_first_p50_ms", "bare_p50_ms"), "x"),
        Figure("place an order by a bare ccxt call, median", _median(runs, "bare_p50_ms"), "ms"),
        Figure("a cancel behind 20 queued questions: its wait against theirs", waits, "x", 0.25),
        Figure("questions answered before that cancel left, of 8 under way", before, "", 8.0),
    ]


def _exchange(runs: Sequence[Run]) -> list[Figure]:
    if not runs:
        return []
    return [
        Figure("exchange: orders a second of its CPU", _median(runs, "orders_per_cpu_second"), "/s", 500.0, at_least=True),
        Figure("exchange: orders a second, its load generator beside it", _median(runs, "orders_per_second"), "/s"),
        Figure("exchange: stream messages a second of its CPU", _median(runs, "messages_per_cpu_second"), "/s", 2_000.0, at_least=True),
        Figure("exchange: stream messages a second, their receivers beside it", _median(runs, "messages_per_second"), "/s"),
        Figure(
            "load generator: requests a second alone, against those to the exchange",
            _ratio(runs, "generator_requests_per_second", "requests_per_second"),
            "x",
            1.5,
            at_least=True,
        ),
        Figure(
            "receivers: messages a second alone, against those of the exchange",
            _ratio(runs, "receiver_messages_per_second", "messages_per_second"),
            "x",
        ),
    ]


def _live_loop(runs: Sequence[Run]) -> list[Figure]:
    if not runs:
        return []
    rate, alone = _median(runs, "events_per_cpu_second"), _median(runs, "generator_events_per_cpu_second")
    return [
        Figure("live loop: market events a CPU second, with risk and journal", rate, "/s", 5_000.0, at_least=True),
        Figure("live loop: events dropped at 5,000 a second", max(run["dropped"] for run in runs), "", 0.0),
        Figure("live loop: wait of an event at 5,000 a second, 99th percentile", _median(runs, "wait_p99_ms"), "ms"),
        Figure("live loop: market events a second when they come as fast as they can", _median(runs, "events_per_second_at_once"), "/s"),
        Figure("making and handing over the same events alone, a CPU second", alone, "/s"),
    ]


def _median(runs: Sequence[Run], key: str) -> float:
    return median(run[key] for run in runs)


def _ratio(runs: Sequence[Run], key: str, against: str) -> float:
    """Give the median of ratios, each of one run: what else the machine did then, it did to both."""
    return median(run[key] / run[against] for run in runs)


def _same_records(runs: Sequence[Run]) -> list[Figure]:
    digests: dict[tuple[str, int], set[str]] = {}
    for run in runs:
        if "digest" in run:
            digests.setdefault((run["work"], run["events"]), set()).add(run["digest"])
    return [Figure("most different journals of the same work", float(max(map(len, digests.values()))), "", 1.0)] if digests else []
