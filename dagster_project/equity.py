"""Equity of a strategy, reconstructed from its fills and the bars they are valued at, and from nothing else.

A report that read the engine's own ledger would only repeat it; these numbers come by another way and can disagree.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from live.core.decimals import divide_up
from live.core.errors import InterlockError
from live.core.inputs import Bar, InstrumentDefined
from live.core.instruments import Instrument
from live.core.records import FillRecorded, FundingRecorded
from live.core.vocabulary import Side
from live.journal import JournalReader

DAY = 24 * 3600 * 1_000_000_000
"""Nanoseconds of a UTC day."""


class EquityError(InterlockError):
    """Equity cannot be told from these fills and bars."""


class FillFact(NamedTuple):
    """State what of an execution moves equity.

    Attributes:
        ts: engine time of the execution, nanoseconds UTC.
        instrument_id: what was traded.
        side_sign: +1 for a purchase, -1 for a sale.
        price: price units.
        quantity: quantity units.
        fee: money units of the quote asset; a fee in the base asset is valued at the fill's price.
    """

    ts: int
    instrument_id: str
    side_sign: int
    price: int
    quantity: int
    fee: int


class FundingFact(NamedTuple):
    """State a funding payment of a perpetual: money units of the quote asset, positive when received, at a time in nanoseconds UTC."""

    ts: int
    amount: int


class EquityPoint(NamedTuple):
    """State equity in money units of the quote asset at a time in nanoseconds UTC."""

    ts: int
    equity: int


def read_fills(journal: Path, strategy_id: str | None = None) -> list[FillFact]:
    """Read the fills of a journal in order, of one strategy or of all.

    Raises:
        JournalError: the journal cannot be read.
        EquityError: a fee was taken in an asset that is neither base nor quote, so it has no price here.
    """
    instruments: dict[str, Instrument] = {}
    fills: list[FillFact] = []
    with JournalReader(journal) as reader:
        for row in reader.rows(kinds=("InstrumentDefined", "FillRecorded")):
            entry = row.entry()
            if isinstance(entry, InstrumentDefined):
                instruments[entry.instrument.instrument_id] = entry.instrument
            elif isinstance(entry, FillRecorded) and strategy_id in {None, entry.strategy_id}:
                sign = 1 if entry.side is Side.BUY else -1
                fee = _fee_in_quote(entry, instruments[entry.instrument_id])
                fills.append(FillFact(entry.ts, entry.instrument_id, sign, entry.price, entry.quantity, fee))
    return fills


def read_funding(journal: Path, strategy_id: str | None = None) -> list[FundingFact]:
    """Read the funding payments of a journal in order, those of one strategy or all, with what no strategy explains.

    Raises:
        JournalError: the journal cannot be read.
    """
    with JournalReader(journal) as reader:
        entries = [row.entry() for row in reader.rows(kinds=("FundingRecorded",))]
    return [
        FundingFact(entry.ts, entry.amount)
        for entry in entries
        if isinstance(entry, FundingRecorded) and strategy_id in {None, entry.strategy_id}
    ]


def equity_curve(
    fills: Sequence[FillFact],
    bars: Iterable[Bar],
    instruments: Mapping[str, Instrument],
    opening_cash: int,
    funding: Sequence[FundingFact] = (),
) -> list[EquityPoint]:
    """Value cash and positions at the last closes after each distinct bar time; a fill or payment at that time is in it.

    A perpetual is valued like a spot position: what is not paid for it when it opens is owed, so equity is the same.

    Args:
        fills: in order of time.
        bars: in order of receipt; of instruments that never traded, too, if their times are to be points.
        instruments: the definition of each instrument that was filled.
        opening_cash: money units of the quote asset, which all instruments share.
        funding: in order of time.

    Raises:
        EquityError: fills, bars or payments are out of order, or the instruments have several quote assets.
    """
    _check_order([fill.ts for fill in fills], "fills")
    _check_order([payment.ts for payment in funding], "payments")
    quotes = sorted({instruments[fill.instrument_id].quote for fill in fills})
    if len(quotes) > 1:
        raise EquityError(f"one curve needs one quote asset, received fills in {', '.join(quotes)}: draw a curve for each")
    cash, done, paid = opening_cash, 0, 0
    held: dict[str, int] = {}
    marks: dict[str, int] = {}
    curve: list[EquityPoint] = []
    for ts, closes in _by_time(bars):
        while done < len(fills) and fills[done].ts <= ts:
            fill = fills[done]
            cash -= fill.side_sign * instruments[fill.instrument_id].notional(fill.price, fill.quantity) + fill.fee
            held[fill.instrument_id] = held.get(fill.instrument_id, 0) + fill.side_sign * fill.quantity
            marks[fill.instrument_id] = fill.price
            done += 1
        while paid < len(funding) and funding[paid].ts <= ts:
            cash += funding[paid].amount
            paid += 1
        marks.update(closes)
        curve.append(EquityPoint(ts, cash + sum(instruments[name].notional(marks[name], quantity) for name, quantity in held.items())))
    return curve


def returns_by_day(curve: Sequence[EquityPoint]) -> list[tuple[int, float]]:
    """Give the simple return of each UTC day that has a point, by day number since 1970-01-01.

    A day closes with its last point; a point at midnight closes the day before it. The first day is measured from the
    first point.

    Raises:
        EquityError: equity was not above zero at the start of a day, so a return has no meaning.
    """
    closing: dict[int, int] = {}
    for point in curve:
        closing[(point.ts - 1) // DAY] = point.equity
    returns: list[tuple[int, float]] = []
    base = curve[0].equity if curve else 0
    for day, equity in closing.items():
        if base <= 0:
            raise EquityError(f"day {day} began with an equity of {base} money units: a return needs equity above zero")
        returns.append((day, equity / base - 1.0))
        base = equity
    return returns


def drawdown(curve: Sequence[EquityPoint]) -> float:
    """Give the deepest fall from a peak, as a share of that peak; 0.0 for a curve that never fell."""
    peak, deepest = 0, 0.0
    for point in curve:
        peak = max(peak, point.equity)
        if peak > 0:
            deepest = max(deepest, (peak - point.equity) / peak)
    return deepest


def _fee_in_quote(fill: FillRecorded, instrument: Instrument) -> int:
    if fill.fee_asset == instrument.quote or not fill.fee:
        return fill.fee
    if fill.fee_asset == instrument.base:
        return divide_up(fill.fee * fill.price, 10**instrument.price_scale)
    raise EquityError(
        f"trade {fill.trade_id} of {fill.instrument_id} paid its fee in {fill.fee_asset}, which has no price here: "
        f"take fees in {instrument.base} or {instrument.quote}"
    )


def _by_time(bars: Iterable[Bar]) -> Iterable[tuple[int, dict[str, int]]]:
    """Gather the closes that became known at one time."""
    ts: int | None = None
    closes: dict[str, int] = {}
    for bar in bars:
        if bar.ts_init != ts:
            if ts is not None:
                _check_order([ts, bar.ts_init], "bars")
                yield ts, closes
            ts, closes = bar.ts_init, {}
        closes[bar.instrument_id] = bar.close
    if ts is not None:
        yield ts, closes


def _check_order(times: Sequence[int], what: str) -> None:
    for earlier, later in itertools.pairwise(times):
        if later < earlier:
            raise EquityError(f"{what} must be in order of time, received {later} after {earlier}: sort them")
