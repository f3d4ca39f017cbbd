"""Delta tables of what archived sessions traded: `lake/fills` and `lake/orders`, each session's rows replaced as one.

Integers are the journal's own units; the columns beside them without `_units` are the same as floating point numbers, in
the quote asset and in the base asset, for reading. `day` is the UTC day of the machine's clock, `time` is engine time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dagster_project.lake.session_days import WallClock
from live.core.decimals import MONEY_SCALE
from live.core.inputs import InstrumentDefined
from live.core.instruments import Instrument
from live.core.orders import OrderState
from live.core.records import FillRecorded, IntentRecorded, OrderDenied, OrderTransitioned
from live.core.snapshots import restore_state
from live.journal import JournalReader

if TYPE_CHECKING:
    import pyarrow as pa

FILLS = "fills"
ORDERS = "orders"

_KINDS = tuple(kind.__name__ for kind in (InstrumentDefined, IntentRecorded, OrderDenied, OrderTransitioned, FillRecorded))


class PublishedRows(msgspec.Struct, frozen=True):
    """Count the rows that a session gave to each table."""

    fills: int
    orders: int


def publish_tables(lake: Path, session_id: str, journal: Path, clock: WallClock) -> PublishedRows:
    """Write a session's fills and orders; what the tables held of that session before is replaced."""
    reading = _Reading(session_id, clock)
    with JournalReader(journal) as reader:
        snapshot = reader.first_snapshot()
        if snapshot is not None:
            reading.instruments.update(restore_state(snapshot[1]).instruments)
        for row in reader.rows(kinds=_KINDS):
            reading.take(row.seq, row.entry())
    _replace(lake / FILLS, session_id, reading.fills, _fill_schema())
    orders = list(reading.orders.values())
    _replace(lake / ORDERS, session_id, orders, _order_schema())
    return PublishedRows(len(reading.fills), len(orders))


def withdraw_tables(lake: Path, session_id: str) -> None:
    """Take a session's fills and orders out of the tables."""
    _replace(lake / FILLS, session_id, [], _fill_schema())
    _replace(lake / ORDERS, session_id, [], _order_schema())


class _Reading:
    """Collect the rows of one session."""

    def __init__(self, session_id: str, clock: WallClock) -> None:
        self.instruments: dict[str, Instrument] = {}
        self.fills: list[dict[str, Any]] = []
        self.orders: dict[str, dict[str, Any]] = {}
        self._session_id = session_id
        self._clock = clock

    def take(self, seq: int, entry: object) -> None:
        if isinstance(entry, InstrumentDefined):
            self.instruments[entry.instrument.instrument_id] = entry.instrument
        elif isinstance(entry, IntentRecorded):
            self.orders[entry.order_id] = self._order(seq, entry)
        elif isinstance(entry, FillRecorded):
            self.fills.append(self._fill(seq, entry))
            if order := self.orders.get(entry.order_id):
                order["filled_units"] += entry.quantity
        elif isinstance(entry, OrderDenied | OrderTransitioned) and (order := self.orders.get(entry.order_id)):
            denied = isinstance(entry, OrderDenied)
            order["state"] = str(OrderState.DENIED if denied else entry.state)
            order["denial_code"] = str(entry.code) if denied else order["denial_code"]
            order["detail"] = entry.detail or order["detail"]

    def _order(self, seq: int, intent: IntentRecorded) -> dict[str, Any]:
        instrument = self.instruments[intent.instrument_id]
        return {
            **self._place(seq, intent.ts),
            "order_id": intent.order_id,
            "strategy_id": intent.strategy_id,
            "account_id": intent.account_id,
            "instrument_id": intent.instrument_id,
            "side": str(intent.side),
            "order_type": str(intent.order_type),
            "time_in_force": str(intent.time_in_force),
            "quantity_units": intent.quantity,
            "quantity": intent.quantity / 10**instrument.quantity_scale,
            "limit_price_units": intent.limit_price,
            "reference_price_units": intent.reference_price,
            "state": str(OrderState.INTENT_RECORDED),
            "filled_units": 0,
            "denial_code": None,
            "detail": "",
        }

    def _fill(self, seq: int, fill: FillRecorded) -> dict[str, Any]:
        instrument = self.instruments[fill.instrument_id]
        return {
            **self._place(seq, fill.ts),
            "order_id": fill.order_id,
            "trade_id": fill.trade_id,
            "strategy_id": fill.strategy_id,
            "account_id": fill.account_id,
            "instrument_id": fill.instrument_id,
            "side": str(fill.side),
            "price_units": fill.price,
            "price": fill.price / 10**instrument.price_scale,
            "quantity_units": fill.quantity,
            "quantity": fill.quantity / 10**instrument.quantity_scale,
            "fee_units": fill.fee,
            "fee": fill.fee / 10**MONEY_SCALE,
            "fee_asset": fill.fee_asset,
            "liquidity": str(fill.liquidity),
            "late": fill.late,
        }

    def _place(self, seq: int, ts: int) -> dict[str, Any]:
        return {"session_id": self._session_id, "seq": seq, "day": self._clock.day(seq), "ts": ts, "time": ts // 1_000}


def _replace(table: Path, session_id: str, rows: list[dict[str, Any]], schema: "pa.Schema") -> None:
    import pyarrow as pa
    from deltalake import DeltaTable, write_deltalake

    table.parent.mkdir(parents=True, exist_ok=True)
    data = pa.Table.from_pylist(rows, schema=schema)
    predicate = f"session_id = '{session_id}'" if DeltaTable.is_deltatable(str(table)) else None
    write_deltalake(table, data, mode="overwrite", partition_by=["session_id"], predicate=predicate)


def _fill_schema() -> "pa.Schema":
    return _schema(
        _place_fields(),
        _text("order_id", "trade_id", "strategy_id", "account_id", "instrument_id", "side"),
        _number("price", "quantity", "fee"),
        _text("fee_asset", "liquidity"),
        _flag("late"),
    )


def _order_schema() -> "pa.Schema":
    return _schema(
        _place_fields(),
        _text("order_id", "strategy_id", "account_id", "instrument_id", "side", "order_type", "time_in_force"),
        _number("quantity"),
        _integer("limit_price_units", "reference_price_units"),
        _text("state"),
        _integer("filled_units"),
        _text("denial_code", "detail"),
    )


def _schema(*groups: Iterator[tuple[str, "pa.DataType"]]) -> "pa.Schema":
    import pyarrow as pa

    return pa.schema([field for group in groups for field in group])


def _place_fields() -> Iterator[tuple[str, "pa.DataType"]]:
    import pyarrow as pa

    yield from (("session_id", pa.string()), ("seq", pa.int64()), ("day", pa.date32()), ("ts", pa.int64()))
    yield "time", pa.timestamp("us", tz="UTC")


def _text(*names: str) -> Iterator[tuple[str, "pa.DataType"]]:
    import pyarrow as pa

    yield from ((name, pa.string()) for name in names)


def _integer(*names: str) -> Iterator[tuple[str, "pa.DataType"]]:
    import pyarrow as pa

    yield from ((name, pa.int64()) for name in names)


def _number(*names: str) -> Iterator[tuple[str, "pa.DataType"]]:
    import pyarrow as pa

    for name in names:
        yield f"{name}_units", pa.int64()
        yield name, pa.float64()


def _flag(*names: str) -> Iterator[tuple[str, "pa.DataType"]]:
    import pyarrow as pa

    yield from ((name, pa.bool_()) for name in names)
