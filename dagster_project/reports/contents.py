"""What a daily summary holds: plain values in the order of the page; amounts are decimal text, times nanoseconds UTC."""

import msgspec

SUMMARY_SCHEMA = 2


class SessionLine(msgspec.Struct, frozen=True, kw_only=True):
    """Describe one session of the day and what vouches for it.

    Attributes:
        status: archived, provisional, open or refused.
        note: why it is not counted, or what is worth knowing about one that is.
        records: records of this day, inputs and outputs.
        head: chain head of the whole journal; of a provisional session, at the anchor up to which this day counts it.
        predecessor_head: chain head that it began from.
        reaches: time of that anchor, None once the session ended.
        first_market: engine time of its first market event on this day.
        last_market: engine time of its last market event on this day.
    """

    session_id: str
    status: str
    note: str
    records: int = 0
    orderly: bool = False
    tape_complete: bool = False
    head: str = ""
    predecessor_head: str = ""
    parity_digest: str = ""
    file_sha256: str = ""
    sealed_at: int | None = None
    reaches: int | None = None
    first_market: int | None = None
    last_market: int | None = None


class FillLine(msgspec.Struct, frozen=True):
    """State one fill."""

    session_id: str
    seq: int
    ts: int
    instrument_id: str
    side: str
    price: str
    quantity: str
    fee: str
    fee_asset: str
    late: bool


class PositionLine(msgspec.Struct, frozen=True):
    """State a position at the end of the day; mark, value and unrealised profit are None while it has no price."""

    instrument_id: str
    quote: str
    quantity: str
    cost: str
    mark: str | None
    value: str | None
    unrealised: str | None


class ResultLine(msgspec.Struct, frozen=True):
    """State what a deployment earned in one quote asset.

    Attributes:
        realised: profit of what was sold on the day, before fees.
        fees: fees in the quote asset.
        profit: total profit of the day, realised and not, after fees; None while something held has no price.
        profit_to_date: the same since the strategy first traded.
        bought: value of what was bought.
        sold: value of what was sold.
    """

    quote: str
    realised: str
    fees: str
    profit: str | None
    profit_to_date: str | None
    bought: str
    sold: str


class CurvePoint(msgspec.Struct, frozen=True, array_like=True):
    """State a value, in money units, at engine time `ts`."""

    ts: int
    value: int


class Curve(msgspec.Struct, frozen=True):
    """Hold how a value in a quote asset went with the market's time.

    Attributes:
        points: thinned for drawing: of each stretch the first, lowest, highest and last.
        drawdown: largest fall from a peak, over every point, as decimal text.
    """

    quote: str
    points: tuple[CurvePoint, ...]
    drawdown: str


class DeploymentDay(msgspec.Struct, frozen=True, kw_only=True):
    """State what one strategy did in one account on the day.

    Attributes:
        orders: orders that were begun or moved on the day, by the state they were in at its end.
        denials: orders that risk denied, by code.
        fees: fees of the day by asset.
        profits: total profit to date with the market's time.
    """

    strategy_id: str
    account_id: str
    versions: tuple[str, ...]
    orders: dict[str, int]
    denials: dict[str, int]
    fills: tuple[FillLine, ...]
    fees: dict[str, str]
    results: tuple[ResultLine, ...]
    positions: tuple[PositionLine, ...]
    profits: tuple[Curve, ...]


class AccountDay(msgspec.Struct, frozen=True):
    """State what an account was worth in one quote asset: cash and positions; None while something held has no price."""

    account_id: str
    quote: str
    opening: str | None
    deposits: str
    closing: str | None
    curve: Curve


class Event(msgspec.Struct, frozen=True):
    """State something that happened, with the record that says so; `wall` is the machine's time by which it was written."""

    session_id: str
    seq: int
    ts: int
    wall: int
    kind: str
    subject: str
    detail: str


class Gap(msgspec.Struct, frozen=True):
    """State that market data of an instrument is missing between two times."""

    instrument_id: str
    after: int
    until: int
    missing_bars: int
    detail: str


class DailySummary(msgspec.Struct, frozen=True, kw_only=True):
    """Summarise a UTC day.

    Attributes:
        over: whether the day was over when this was made; else it says what was so far.
        complete: whether every session of the day is counted, and all of it.
        reaches: time up to which everything is counted; None when that is the whole day.
        inputs: digest of what this was made from, by which a newer one is told to be due.
        totals: counts over all deployments.
        warnings: sentences a reader must not miss.
    """

    schema: int
    day: str
    over: bool
    complete: bool
    reaches: int | None
    inputs: str
    headline: str
    warnings: tuple[str, ...]
    totals: dict[str, int]
    first_market: int | None
    last_market: int | None
    sessions: tuple[SessionLine, ...]
    accounts: tuple[AccountDay, ...]
    deployments: tuple[DeploymentDay, ...]
    alarms: tuple[Event, ...]
    controls: tuple[Event, ...]
    gaps: tuple[Gap, ...]
