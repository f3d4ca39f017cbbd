"""Requests that changed the exchange, as they are written down: applied again in their order, they give the same exchange.

A frame is the payload's length and CRC-32, four bytes each and little-endian, then the payload in MessagePack.
"""

from collections.abc import Iterator
from struct import Struct as Layout
from zlib import crc32

import msgspec
from msgspec import Struct

from live.core.errors import InterlockError
from live.venues.exchange.commissions import CommissionRates
from live.venues.exchange.errors import VenueError
from live.venues.exchange.exchange import Exchange, ExchangeState
from live.venues.exchange.fixed8 import Fixed8
from live.venues.exchange.orders import CancelReplaceMode, CancelRestrictions, OrderRequest

SCHEMA_VERSION = 1
"""Version of what is written down; a change of any field below, or of the structs that they hold, raises it."""


class ExchangeStateError(InterlockError):
    """What was written down cannot be read: it is damaged, or of another version."""


class OpenAccount(Struct, tag="open", array_like=True, frozen=True):
    """An account was opened."""

    account: str
    balances: dict[str, Fixed8]
    rates: CommissionRates | None
    house: bool
    now: int


class Deposit(Struct, tag="deposit", array_like=True, frozen=True):
    """An account was paid into or from."""

    account: str
    asset: str
    delta: Fixed8
    now: int


class Place(Struct, tag="place", array_like=True, frozen=True):
    """An order was sent."""

    account: str
    request: OrderRequest
    now: int


class Cancel(Struct, tag="cancel", array_like=True, frozen=True):
    """A cancellation was sent."""

    account: str
    symbol: str
    order_id: int | None
    original_client_order_id: str | None
    new_client_order_id: str | None
    restrictions: CancelRestrictions | None
    now: int


class CancelAll(Struct, tag="cancel_all", array_like=True, frozen=True):
    """The cancellation of all orders of a symbol was sent."""

    account: str
    symbol: str
    now: int


class CancelReplace(Struct, tag="cancel_replace", array_like=True, frozen=True):
    """A cancellation with an order in its stead was sent."""

    account: str
    request: OrderRequest
    mode: CancelReplaceMode
    cancel_order_id: int | None
    cancel_original_client_order_id: str | None
    cancel_new_client_order_id: str | None
    restrictions: CancelRestrictions | None
    now: int


Record = OpenAccount | Deposit | Place | Cancel | CancelAll | CancelReplace


class WrittenState(Struct, array_like=True, frozen=True):
    """A whole exchange, from which its records go on."""

    version: int
    state: ExchangeState


_HEADER = Layout("<II")
_ENCODER = msgspec.msgpack.Encoder()
_RECORD_DECODER = msgspec.msgpack.Decoder(Record)
_VERSION_DECODER = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw])
_STATE_DECODER = msgspec.msgpack.Decoder(ExchangeState)


def frame(record: Record) -> bytes:
    """Give a record as it is appended to the log."""
    payload = _ENCODER.encode(record)
    return _HEADER.pack(len(payload), crc32(payload)) + payload


def read_frames(data: bytes) -> Iterator[tuple[int, Record]]:
    """Give the records of a log, each with the position behind it; a last frame that is not whole was never applied and is left out.

    Raises:
        ExchangeStateError: a whole frame does not hold what was written.
    """
    position, size = 0, _HEADER.size
    while position + size <= len(data):
        length, checksum = _HEADER.unpack_from(data, position)
        end = position + size + length
        if end > len(data):
            return
        payload = data[position + size : end]
        if crc32(payload) != checksum:
            raise ExchangeStateError(
                f"The record at byte {position} of the exchange's log is damaged; restore it or start with a new directory."
            )
        try:
            record = _RECORD_DECODER.decode(payload)
        except msgspec.MsgspecError as error:
            raise ExchangeStateError(f"The record at byte {position} of the exchange's log is of another version: {error}.") from error
        position = end
        yield position, record


def apply(record: Record, exchange: Exchange) -> None:
    """Do again what a record says; a request that was refused is refused again, which changes nothing."""
    try:
        _apply(record, exchange)
    except VenueError:
        return


def encode_state(state: ExchangeState) -> bytes:
    """Give a whole exchange as bytes."""
    payload = _ENCODER.encode(WrittenState(SCHEMA_VERSION, state))
    return _HEADER.pack(len(payload), crc32(payload)) + payload


def decode_state(data: bytes) -> ExchangeState:
    """Give the exchange that `encode_state` wrote.

    Raises:
        ExchangeStateError: the bytes are not whole, not what was written, or of another version.
    """
    if len(data) < _HEADER.size:
        raise ExchangeStateError("The exchange's state is cut off; restore it or start with a new directory.")
    length, checksum = _HEADER.unpack_from(data)
    payload = data[_HEADER.size :]
    if len(payload) != length or crc32(payload) != checksum:
        raise ExchangeStateError("The exchange's state is damaged; restore it or start with a new directory.")
    try:
        version, raw = _VERSION_DECODER.decode(payload)
        if version != SCHEMA_VERSION:
            raise ExchangeStateError(
                f"The exchange's state is of version {version}, where {SCHEMA_VERSION} is read; start with a new directory."
            )
        return _STATE_DECODER.decode(raw)
    except msgspec.MsgspecError as error:
        raise ExchangeStateError(f"The exchange's state is of another version: {error}; start with a new directory.") from error


def _apply(record: Record, exchange: Exchange) -> None:
    match record:
        case Place():
            exchange.place(record.account, record.request, record.now)
        case Cancel():
            exchange.cancel(
                record.account,
                record.symbol,
                record.order_id,
                record.original_client_order_id,
                record.new_client_order_id,
                record.restrictions,
                record.now,
            )
        case CancelAll():
            exchange.cancel_all(record.account, record.symbol, record.now)
        case CancelReplace():
            exchange.cancel_replace(
                record.account,
                record.request,
                record.mode,
                record.now,
                cancel_order_id=record.cancel_order_id,
                cancel_original_client_order_id=record.cancel_original_client_order_id,
                cancel_new_client_order_id=record.cancel_new_client_order_id,
                restrictions=record.restrictions,
            )
        case OpenAccount():
            exchange.add_account(record.account, record.balances, record.now, rates=record.rates, house=record.house)
        case Deposit():
            exchange.deposit(record.account, record.asset, record.delta, record.now)
