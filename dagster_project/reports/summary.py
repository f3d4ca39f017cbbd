"""Summarise a UTC day out of the archived sessions: the same archive gives the same summary, byte for byte."""

from collections import Counter
from datetime import date
from itertools import pairwise

from dagster_project.home import Home
from dagster_project.lake.session_copies import ArchivedSession, files_of
from dagster_project.lake.sessions import SessionStatus
from dagster_project.reports import wording
from dagster_project.reports.contents import (
    SUMMARY_SCHEMA,
    AccountDay,
    DailySummary,
    DeploymentDay,
    FillLine,
    Gap,
    PositionLine,
    ResultLine,
    SessionLine,
)
from dagster_project.reports.coverage import CountedSession, Coverage, cover_day, day_inputs
from dagster_project.reports.fold import DayFold, Owner, SessionSpan
from dagster_project.reports.marks import Marks
from live.core.decimals import MONEY_SCALE, format_scaled
from live.core.ledger import Position
from live.core.records import FillRecorded
from live.core.vocabulary import Side
from live.journal import read_tape


def summarise_day(home: Home, day: date, *, over: bool = True) -> DailySummary:
    """Summarise what sessions recorded on a UTC day of the machine's clock.

    A session that has not ended is counted as far as it published itself; once that reaches beyond the day, nothing of the
    day is missing. One that published nothing, or was refused, is named and not counted.

    Args:
        home: where the archive is.
        day: the UTC day.
        over: whether the day is over; else the summary says that it tells what was so far.

    Raises:
        SessionArchiveError, JournalError, TapeError: the archive was damaged since it was verified.
    """
    coverage = cover_day(home, day)
    folds: list[DayFold] = []
    spans: dict[str, SessionSpan] = {}
    for sessions in coverage.hosts:
        fold = DayFold(day, _marks_before(home, coverage, sessions[0].session.session_id))
        for one in sessions:
            spans[one.session.session_id] = fold.session(one.session.session_id, one.files.journal, one.files.tape, one.files.clock())
        folds.append(fold)
    lines = (
        *(_counted_line(one, spans[one.session.session_id]) for one in coverage.counted),
        *map(_left_out_line, coverage.left_out),
    )
    breaks = _breaks(coverage)
    times = [ts for span in spans.values() for ts in (span.first_market, span.last_market) if ts is not None]
    deployments = tuple(_deployment(fold, owner) for fold in folds for owner in fold.owners())
    totals = _totals(folds, len(coverage.counted))
    return DailySummary(
        schema=SUMMARY_SCHEMA,
        day=str(day),
        over=over,
        complete=not coverage.left_out and not breaks and coverage.reaches is None,
        reaches=coverage.reaches,
        inputs=day_inputs(home, day, over=over),
        headline=_headline(totals, deployments, coverage),
        warnings=(*breaks, *_warnings(totals, folds, coverage)),
        totals=totals,
        first_market=min(times, default=None),
        last_market=max(times, default=None),
        sessions=lines,
        accounts=tuple(one for fold in folds for one in _accounts(fold)),
        deployments=deployments,
        alarms=tuple(event for fold in folds for event in fold.alarms),
        controls=tuple(event for fold in folds for event in fold.controls),
        gaps=tuple(gap for fold in folds for gap in _gaps(fold)),
    )


def _marks_before(home: Home, coverage: Coverage, session_id: str) -> dict[str, int]:
    """Give the last prices of its host's session before the given one, which value what was held overnight."""
    first = coverage.first_sessions()
    earlier = [one for one in coverage.known if one.session_id < session_id and one.segments and first[one.session_id] == first[session_id]]
    marks = Marks()
    for _, _, event in read_tape(files_of(home, earlier[-1]).tape) if earlier else ():
        marks.observe(event)
    return marks.prices


def _counted_line(one: CountedSession, span: SessionSpan) -> SessionLine:
    session, through = one.session, one.through
    if through is not None:
        known = "all that it recorded on this day is counted" if one.whole else f"it is counted up to {wording.time(through.at)} UTC"
        return SessionLine(
            session_id=session.session_id,
            status="provisional",
            note=f"it had not ended when this was made; {known}",
            records=span.records,
            tape_complete=session.tape_complete,
            head=through.head,
            predecessor_head=session.predecessor_head,
            reaches=through.at,
            first_market=span.first_market,
            last_market=span.last_market,
        )
    note = "" if session.closed else "it did not close in an orderly way: a crash or a halt ended it"
    return SessionLine(
        session_id=session.session_id,
        status="archived",
        note=note if session.tape_complete else f"{note}; its tape ends before its journal".removeprefix("; "),
        records=span.records,
        orderly=session.closed,
        tape_complete=session.tape_complete,
        head=session.head,
        predecessor_head=session.predecessor_head,
        parity_digest=session.parity_digest,
        file_sha256=session.file_sha256,
        sealed_at=session.sealed_at,
        first_market=span.first_market,
        last_market=span.last_market,
    )


def _left_out_line(status: SessionStatus) -> SessionLine:
    return SessionLine(session_id=status.session_id, status=status.status, note=status.reason)


def _breaks(coverage: Coverage) -> tuple[str, ...]:
    """Name each session whose predecessor is not archived; one without a predecessor is the first of its live host."""
    heads = {one.head for one in coverage.known}
    return tuple(
        f"The archive has a gap before {one.session_id}: the session that it goes on from is not in it"
        for one in coverage.sessions
        if one.predecessor_head and one.predecessor_head not in heads
    )


def _warnings(totals: dict[str, int], folds: list[DayFold], coverage: Coverage) -> list[str]:
    ended: list[ArchivedSession] = [one.session for one in coverage.counted if one.through is None]
    ids = {one.session_id for one in coverage.sessions}
    said = [
        f"Session {one.session_id} is {one.status} and not counted{' further' if one.session_id in ids else ''}: {one.reason}"
        for one in coverage.left_out
    ]
    said += [
        f"Session {one.session.session_id} has not ended and is counted up to {wording.time(one.through.at)} UTC"
        for one in coverage.counted
        if one.through is not None and not one.whole
    ]
    said += [f"Session {one.session_id} did not close in an orderly way" for one in ended if not one.closed]
    said += [f"The tape of session {one.session_id} ends before its journal" for one in ended if not one.tape_complete]
    if totals["alarms"]:
        said.append(f"Alarms raised: {totals['alarms']}")
    if totals["kills"]:
        said.append(f"Kill commands given: {totals['kills']}")
    if late := sum(one.fill.late for fold in folds for one in fold.fills):
        said.append(f"Fills that came after their order had ended: {late}")
    if totals["refused_calls"]:
        said.append(f"Calls to the control plane that were refused: {totals['refused_calls']}")
    return said


def _totals(folds: list[DayFold], sessions: int) -> dict[str, int]:
    return {
        "sessions": sessions,
        "orders": sum(len(fold.orders) for fold in folds),
        "fills": sum(len(fold.fills) for fold in folds),
        "denials": sum(fold.denials.total() for fold in folds),
        "alarms": sum(len(fold.alarms) for fold in folds),
        "kills": sum(fold.kills for fold in folds),
        "refused_calls": sum(fold.refused_calls for fold in folds),
    }


def _headline(totals: dict[str, int], deployments: tuple[DeploymentDay, ...], coverage: Coverage) -> str:
    until = "" if coverage.reaches is None else f", up to {wording.time(coverage.reaches)} UTC"
    if not totals["sessions"]:
        return "Nothing is counted yet: no session of this day is in the archive." if coverage.left_out else "No session ran on this day."
    ran = _count(totals["sessions"], "session")
    if not totals["orders"] and not totals["fills"]:
        return f"Nothing was traded in {ran}{until}."
    strategies = _count(len({one.strategy_id for one in deployments if one.orders or one.fills}), "strategy", "strategies")
    return f"{_count(totals['orders'], 'order')} and {_count(totals['fills'], 'fill')} by {strategies} in {ran}{until}."


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _accounts(fold: DayFold) -> tuple[AccountDay, ...]:
    found: list[AccountDay] = []
    for account_id, quote in sorted({(owner[1], quote) for owner, quotes in fold.quotes.items() for quote in quotes}):
        opening = 0 if fold.opening is None else fold.opening.balances.get((account_id, quote), 0)
        held = [] if fold.opening is None else list(fold.opening.positions.values())
        held = [one for one in held if one.account_id == account_id and fold.instruments[one.instrument_id].quote == quote]
        values = [fold.equity_in(one, fold.opening_marks) for one in held]
        found.append(
            AccountDay(
                account_id,
                quote,
                None if None in values else _money(opening + sum(value or 0 for value in values)),
                _money(fold.deposits[account_id, quote]),
                _optional(fold.worth(account_id, quote)),
                fold.equity[account_id, quote].curve(quote),
            )
        )
    return tuple(found)


def _deployment(fold: DayFold, owner: Owner) -> DeploymentDay:
    fills = [one for one in fold.fills if (one.fill.strategy_id, one.fill.account_id) == owner]
    fees: Counter[str] = Counter()
    for one in fills:
        fees[one.fill.fee_asset] += one.fill.fee
    quotes = sorted(fold.quotes[owner])
    return DeploymentDay(
        strategy_id=owner[0],
        account_id=owner[1],
        versions=tuple(fold.versions.get(owner, ())),
        orders=dict(sorted(Counter(str(state) for one, state in fold.orders.values() if one == owner).items())),
        denials={str(code): count for (one, code), count in sorted(fold.denials.items()) if one == owner},
        fills=tuple(_fill(fold, one.session_id, one.seq, one.fill) for one in fills),
        fees={asset: _money(amount) for asset, amount in sorted(fees.items())},
        results=tuple(_result(fold, owner, quote) for quote in quotes),
        positions=tuple(
            _position(fold, position, quote) for quote in quotes for position in fold.positions_of(owner, quote) if position.quantity
        ),
        profits=tuple(fold.profits[owner, quote].curve(quote) for quote in quotes),
    )


def _result(fold: DayFold, owner: Owner, quote: str) -> ResultLine:
    positions = fold.positions_of(owner, quote)
    opened = {} if fold.opening is None else fold.opening.positions
    before = [
        one for one in opened.values() if (one.strategy_id, one.account_id) == owner and fold.instruments[one.instrument_id].quote == quote
    ]
    opening, closing = fold.profit(before, fold.opening_marks), fold.profit(positions, fold.marks)
    traded = {Side.BUY: 0, Side.SELL: 0}
    for one in (one.fill for one in fold.fills):
        instrument = fold.instruments[one.instrument_id]
        if (one.strategy_id, one.account_id) == owner and instrument.quote == quote:
            traded[one.side] += instrument.notional(one.price, one.quantity)
    return ResultLine(
        quote=quote,
        realised=_money(sum(one.realised for one in positions) - sum(one.realised for one in before)),
        fees=_money(sum(one.fees for one in positions) - sum(one.fees for one in before)),
        profit=None if opening is None or closing is None else _money(closing - opening),
        profit_to_date=_optional(closing),
        bought=_money(traded[Side.BUY]),
        sold=_money(traded[Side.SELL]),
    )


def _position(fold: DayFold, position: Position, quote: str) -> PositionLine:
    instrument = fold.instruments[position.instrument_id]
    mark, value = fold.marks.get(position.instrument_id), fold.value(position, fold.marks)
    return PositionLine(
        instrument_id=position.instrument_id,
        quote=quote,
        quantity=format_scaled(position.quantity, instrument.quantity_scale),
        cost=_money(position.cost),
        mark=None if mark is None else format_scaled(mark, instrument.price_scale),
        value=_optional(value),
        unrealised=None if value is None else _money(value - position.cost),
    )


def _fill(fold: DayFold, session_id: str, seq: int, fill: FillRecorded) -> FillLine:
    instrument = fold.instruments[fill.instrument_id]
    return FillLine(
        session_id,
        seq,
        fill.ts,
        fill.instrument_id,
        str(fill.side),
        format_scaled(fill.price, instrument.price_scale),
        format_scaled(fill.quantity, instrument.quantity_scale),
        _money(fill.fee),
        fill.fee_asset,
        fill.late,
    )


def _gaps(fold: DayFold) -> tuple[Gap, ...]:
    """Name each pair of bars of an instrument between which others are missing; the usual distance is its most common one."""
    found = [Gap(one.instrument_id, one.ts_init, one.ts_init, 0, f"the feed was down: {one.detail}") for one in fold.outages]
    for (_, instrument_id), times in sorted(fold.bar_times.items()):
        distances = Counter(later - earlier for earlier, later in pairwise(times))
        if not distances:
            continue
        usual = min(distances, key=lambda distance: (-distances[distance], distance))
        for earlier, later in pairwise(times):
            if later - earlier > usual:
                missing = (later - earlier) // usual - 1
                found.append(Gap(instrument_id, earlier, later, missing, f"{missing} bars of {usual // 1_000_000_000} s are missing"))
    return tuple(found)


def _money(amount: int) -> str:
    return format_scaled(amount, MONEY_SCALE)


def _optional(amount: int | None) -> str | None:
    return None if amount is None else _money(amount)
