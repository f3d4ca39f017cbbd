"""The words of orders and trading states, spelled the same in code, journal, API, metrics and docs."""

from enum import IntEnum, StrEnum


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """Give +1 for a buy and -1 for a sell."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """How an order is priced."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    """A limit order that the venue refuses when it would take liquidity."""
    STOP = "STOP"
    """A market order that begins when the trigger price trades."""
    STOP_LIMIT = "STOP_LIMIT"
    """A limit order that begins when the trigger price trades."""


class TimeInForce(StrEnum):
    """How long an order may rest."""

    GOOD_TILL_CANCELED = "GTC"
    IMMEDIATE_OR_CANCEL = "IOC"
    FILL_OR_KILL = "FOK"
    GOOD_TILL_DATE = "GTD"
    """Rests until a time that the order names, and then expires."""


class Liquidity(StrEnum):
    """Whether a fill took liquidity or made it."""

    MAKER = "MAKER"
    TAKER = "TAKER"


class AccountType(StrEnum):
    """What an account may hold."""

    CASH = "CASH"
    """What was paid in and bought: no asset goes below zero."""
    MARGIN = "MARGIN"
    """Long and short positions against collateral, up to a leverage."""


class InstrumentKind(StrEnum):
    """What a trade exchanges."""

    SPOT = "SPOT"
    """The base asset against the quote asset."""
    PERPETUAL = "PERPETUAL"
    """A linear perpetual contract: nothing changes hands but profit, fees and funding, in the quote asset."""


class Scope(StrEnum):
    """The level at which a trading state or a kill latch holds."""

    GLOBAL = "GLOBAL"
    VENUE = "VENUE"
    ACCOUNT = "ACCOUNT"
    STRATEGY = "STRATEGY"


class TradingState(IntEnum):
    """What may be sent; a larger value is stricter, and the strictest of all scopes holds."""

    ARMED = 0
    REDUCE_ONLY = 1
    CANCEL_ONLY = 2
    DISARMED = 3
    KILLED = 4


class OperatorAction(StrEnum):
    """What a person can ask of the engine."""

    KILL = "KILL"
    RELEASE = "RELEASE"
    DISARM = "DISARM"
    REDUCE_ONLY = "REDUCE_ONLY"
    CANCEL_ONLY = "CANCEL_ONLY"


class Resolution(StrEnum):
    """What a person found out, outside this program, about an order that the venue stays silent about."""

    NEVER_PLACED = "NEVER_PLACED"
    """The venue never had it."""
    ENDED = "ENDED"
    """It is no longer on the venue's book; its fills, if any, come as executions."""


class EffectAction(StrEnum):
    """What an effect asks of a venue."""

    SUBMIT = "SUBMIT"
    CANCEL = "CANCEL"


class Outcome(StrEnum):
    """What became of an effect on its way out."""

    SENT = "SENT"
    """It was handed to the transport."""
    REFUSED = "REFUSED"
    """The gate held it back: it provably never left."""
    FAILED = "FAILED"
    """The transport failed; the venue may or may not have it."""
