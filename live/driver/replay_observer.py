"""Observer of a replay: equity after every market event, and what of orders, fills and prices a report shows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from msgspec.structs import replace

from live.core import records
from live.core.decimals import MONEY_SCALE, format_scaled
from live.core.engine import Engine
from live.core.inputs import MarketEvent
from live.core.instruments import Instrument
from live.core.market_events import Trade
from live.driver.bar_opens import OPEN
from live.driver.performance import Performance, PerformanceMeter
from live.driver.sampling import Sampler
from live.report.contents import CurvePoint, FillMark, OrderLine, PricePanel

LARGEST_ORDERS = 2_000
"""Orders that a report lists: the last ones."""
LARGEST_MARKS = 3_000
"""Fills of one instrument that a report marks, evenly chosen."""

LONGEST_PRICE = 18
"""Characters of an average price that are shown whole."""


class ReplayObserver:
    """Watch one replay; with `detail`, keep what a report draws.

    Attributes:
        meter: equity, drawdown, round trips.
        orders: the last orders, by id.
        all_orders: how many orders there were.
        denials: how many orders were denied, by code.
    """

    def __init__(self, account_id: str, quote: str, *, detail: bool = False) -> None:
        self.meter = PerformanceMeter(quote)
        self.orders: dict[str, OrderLine] = {}
        self.all_orders = 0
        self.denials: Counter[str] = Counter()
        self._account_id = account_id
        self._quote = quote
        self._detail = detail
        self._engine: Engine | None = None
        self._equity: int | None = None
        self._held: dict[str, tuple[Instrument, int, int]] = {}
        self._changed = True
        self._curves = (Sampler(), Sampler(), Sampler())
        self._prices: dict[str, Sampler] = {}
        self._marks: dict[str, _Marks] = {}
        self._filled: dict[str, tuple[int, int, int]] = {}

    def attach(self, engine: Engine) -> None:
        """Look at an engine from now on."""
        self._engine = engine

    def take(self, outputs: Sequence[records.OutputRecord]) -> None:
        """Take in what the engine said."""
        self._changed = True
        self.meter.take(outputs)
        if self._detail:
            for record in outputs:
                self._keep(record)

    def watch(self, events: Iterable[MarketEvent]) -> Iterator[MarketEvent]:
        """Pass events on, and look after each of them has been settled; a bar's open is part of the bar, which is still to come."""
        for event in events:
            yield event
            if not (event.warm_up or (type(event) is Trade and event.trade_id == OPEN)):
                self.look(event.ts_init, event.instrument_id)

    def look(self, ts: int, instrument_id: str = "") -> None:
        """Value the account; `instrument_id` names the only instrument whose price may have moved since, empty says any."""
        engine = self._engine
        assert engine is not None, "the replay attaches the engine first"
        if self._changed or not instrument_id:
            self._value(engine)
        elif instrument_id in self._held:
            instrument, quantity, before = self._held[instrument_id]
            price = engine.last_price(instrument_id)
            if price is not None and self._equity is not None:
                value = instrument.notional(price, quantity)
                self._equity += value - before
                self._held[instrument_id] = (instrument, quantity, value)
        if self._equity is not None:
            self.meter.value(ts, self._equity)
        if self._detail:
            self._sample(engine, ts, instrument_id)

    def performance(self) -> Performance:
        """Give the performance so far."""
        assert self._engine is not None, "the replay attaches the engine first"
        return self.meter.report(self._engine.state)

    def curves(self) -> tuple[tuple[CurvePoint, ...], ...]:
        """Give equity, drawdown and exposure."""
        return tuple(curve.points() for curve in self._curves)

    def panels(self) -> tuple[PricePanel, ...]:
        """Give price and fills of each instrument."""
        nothing = _Marks()
        return tuple(
            PricePanel(name, prices.points(), tuple(marks.kept), marks.seen)
            for name, prices in self._prices.items()
            for marks in (self._marks.get(name, nothing),)
        )

    def _value(self, engine: Engine) -> None:
        """Value everything anew after a record: balances and positions may have changed."""
        state = engine.state
        self._changed = False
        self._equity = engine.equity(self._account_id, self._quote)
        self._held.clear()
        held: Counter[str] = Counter()
        for position in state.ledger.positions.values():
            if position.quantity and position.account_id == self._account_id:
                held[position.instrument_id] += position.quantity
        for instrument_id, quantity in held.items():
            instrument, price = state.instruments[instrument_id], engine.last_price(instrument_id)
            if instrument.quote == self._quote and price is not None:
                self._held[instrument_id] = (instrument, quantity, instrument.notional(price, quantity))

    def _sample(self, engine: Engine, ts: int, instrument_id: str) -> None:
        price = engine.last_price(instrument_id) if instrument_id else None
        if price is not None:
            unit = 10 ** engine.state.instruments[instrument_id].price_scale
            self._prices.setdefault(instrument_id, Sampler()).add(ts, price / unit)
        if self._equity is not None:
            equity, drawdown, exposure = self._curves
            equity.add(ts, self._equity / 10**MONEY_SCALE)
            drawdown.add(ts, self.meter.drawdown)
            gross = sum(abs(value) for _, _, value in self._held.values())
            exposure.add(ts, gross / self._equity if self._equity > 0 else 0.0)

    def _keep(self, record: records.OutputRecord) -> None:
        match record:
            case records.IntentRecorded():
                self._open(record)
            case records.OrderDenied():
                self.denials[record.code] += 1
                self._change(record.order_id, state="DENIED", detail=f"{record.code}: {record.detail}")
            case records.OrderTransitioned():
                self._change(record.order_id, state=record.state.value, detail=record.detail)
            case records.FillRecorded():
                self._fill(record)
            case _:
                pass

    def _open(self, record: records.IntentRecorded) -> None:
        scale = self._instrument(record.instrument_id).quantity_scale
        self.all_orders += 1
        self.orders[record.order_id] = OrderLine(
            record.ts,
            record.order_id,
            record.strategy_id,
            record.instrument_id,
            record.side.value,
            record.order_type.value,
            format_scaled(record.quantity, scale),
            format_scaled(0, scale),
            "",
            "",
            "INTENT_RECORDED",
            "",
        )
        if len(self.orders) > LARGEST_ORDERS:
            oldest = next(iter(self.orders))
            del self.orders[oldest]
            self._filled.pop(oldest, None)

    def _fill(self, record: records.FillRecorded) -> None:
        instrument = self._instrument(record.instrument_id)
        price = record.price / 10**instrument.price_scale
        quantity = format_scaled(record.quantity, instrument.quantity_scale)
        self._marks.setdefault(record.instrument_id, _Marks()).add(FillMark(record.ts, price, record.side.value, quantity))
        if record.order_id in self.orders:
            value, filled, fees = self._filled.get(record.order_id, (0, 0, 0))
            value, filled, fees = value + record.price * record.quantity, filled + record.quantity, fees + record.fee
            self._filled[record.order_id] = (value, filled, fees)
            average = (Decimal(value) / filled).scaleb(-instrument.price_scale)
            self._change(
                record.order_id,
                filled=format_scaled(filled, instrument.quantity_scale),
                average_price=f"{average:f}" if len(f"{average:f}") < LONGEST_PRICE else f"{average:.8f}",
                fees=f"{format_scaled(fees, MONEY_SCALE)} {record.fee_asset}",
            )

    def _change(self, order_id: str, **changes: str) -> None:
        known = self.orders.get(order_id)
        if known is not None:
            self.orders[order_id] = replace(known, **changes)

    def _instrument(self, instrument_id: str) -> Instrument:
        assert self._engine is not None, "the replay attaches the engine first"
        return self._engine.state.instruments[instrument_id]


class _Marks:
    """Keep every n-th fill, with n growing so that never more than twice the largest number are kept."""

    def __init__(self) -> None:
        self.kept: list[FillMark] = []
        self.seen = 0
        self._every = 1

    def add(self, mark: FillMark) -> None:
        if self.seen % self._every == 0:
            self.kept.append(mark)
        self.seen += 1
        if len(self.kept) > LARGEST_MARKS:
            self.kept, self._every = self.kept[::2], self._every * 2
