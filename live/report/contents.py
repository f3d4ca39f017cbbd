"""Contents of a replay report: plain values, so that drawing needs neither engine nor journal."""

import msgspec


class CurvePoint(msgspec.Struct, frozen=True, gc=False):
    """State a value at a time in nanoseconds UTC."""

    ts: int
    value: float


class FillMark(msgspec.Struct, frozen=True, gc=False):
    """Mark an execution over the price: `side` is BUY or SELL, `quantity` decimal text."""

    ts: int
    price: float
    side: str
    quantity: str


class PricePanel(msgspec.Struct, frozen=True):
    """Hold an instrument's price with the fills over it.

    Attributes:
        instrument_id: the instrument.
        prices: thinned so that the lowest and the highest of each stretch are kept.
        fills: marks, thinned evenly when there are too many.
        all_fills: how many fills there were.
    """

    instrument_id: str
    prices: tuple[CurvePoint, ...]
    fills: tuple[FillMark, ...]
    all_fills: int


class OrderLine(msgspec.Struct, frozen=True, gc=False):
    """State one order as it ended; amounts are decimal text."""

    ts: int
    order_id: str
    strategy_id: str
    instrument_id: str
    side: str
    order_type: str
    quantity: str
    filled: str
    average_price: str
    fees: str
    state: str
    detail: str


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """Hold everything that the page shows.

    Attributes:
        title: strategy and version.
        period: first and last event, nanoseconds UTC.
        quote: asset that equity is counted in.
        figures: the result table as (name, value).
        equity: equity in the quote asset.
        drawdown: share of the peak that was lost, 0 to 1.
        exposure: gross value of positions over equity.
        panels: price and fills of each instrument.
        orders: the last orders, oldest first.
        all_orders: how many orders there were.
        denials: how many orders were denied, by code.
        settings: the effective settings as TOML.
        limits: the effective limits as TOML.
        notes: what a reader must know to judge the result.
    """

    title: str
    period: tuple[int, int]
    quote: str
    figures: tuple[tuple[str, str], ...]
    equity: tuple[CurvePoint, ...]
    drawdown: tuple[CurvePoint, ...]
    exposure: tuple[CurvePoint, ...]
    panels: tuple[PricePanel, ...]
    orders: tuple[OrderLine, ...]
    all_orders: int
    denials: dict[str, int]
    settings: str
    limits: str
    notes: tuple[str, ...] = ()
