"""Settings of a replay: everything besides strategy and market data that decides its outcome, as one TOML table.

A replay's report prints its effective settings in this form, so that the same run can be asked for again.
"""

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec

from live.core.decimals import MONEY_SCALE, PARTS_PER_MILLION, parse_scaled
from live.core.errors import InterlockError
from live.core.vocabulary import AccountType
from live.driver.close_out import CloseOut
from live.venues.sim import SimulationSettings
from live.venues.sim.settings import LATE_PRICES, Source

END_OF_TIME = 2**63 - 1
NANOSECONDS = 1_000_000_000
_AMOUNTS = frozenset({"fee_per_fill", "fee_per_order", "fee_per_unit", "minimum_fee", "other_asset_price"})


class ReplaySettingsError(InterlockError):
    """A setting of a replay cannot be understood, or contradicts another one."""


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Say what the account may hold.

    Attributes:
        type: CASH holds what was paid in and bought; MARGIN may go short and beyond its equity.
        leverage: largest gross value of positions over equity, decimal text; only for MARGIN.
    """

    type: AccountType = AccountType.CASH
    leverage: str = "1"


class ReplaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fix a replay. Every key may be left out; the default stands here.

    Attributes:
        data: tapes, journals of recorded sessions, bar files, datasets or raw files, merged by time.
        import_options: how raw files are to be read where their content does not say, like instrument_id or bar_time.
        parameters: values of the strategy's parameters, over its defaults.
        balances: opening balances as asset = decimal text.
        account: what the account may hold.
        venue: how the simulated venue fills, charges, delays and refuses, with the tables `fill`, `costs`, `latency`, `queue`, `filters`.
        instruments: changes to instrument definitions by instrument id; the key "*" changes all of them. One with base, quote and both
            scales defines an instrument that files of other programs do not.
        limits: changes to the limits, with the keys of `[limits]` in strategy.toml.
        beyond_live_limits: take limits above the ceilings that every live session is held to, and derive those of a bare file without them.
        start: leave out market data received at or before this time, ISO 8601; UTC unless it says otherwise. Empty: from the first.
        end: leave out market data received after this time. Empty: to the last.
        history_bars: bars of each instrument before `start` that are handed to the strategy as history.
        bar_opens: play each bar's open as a trade of its own before the bar, so that a strategy may act on it.
        sizing_fee_ppm: leave room for a fee of so many parts per million of the notional when a fraction of equity is sized.
        close_out: what happens to positions at the end.
        seed: of the chance that strategies and the venue are handed.
    """

    data: tuple[str, ...] = ()
    import_options: dict[str, Any] = {}
    parameters: dict[str, int | float | str | bool] = {}
    balances: dict[str, str] = {}
    account: AccountSettings = AccountSettings()
    venue: SimulationSettings = SimulationSettings()
    instruments: dict[str, dict[str, Any]] = {}
    limits: dict[str, Any] = {}
    beyond_live_limits: bool = False
    start: str = ""
    end: str = ""
    history_bars: Annotated[int, msgspec.Meta(ge=0)] = 0
    bar_opens: bool = False
    sizing_fee_ppm: Annotated[int, msgspec.Meta(ge=0, lt=PARTS_PER_MILLION)] = 0
    close_out: CloseOut = CloseOut.NONE
    seed: int = 0

    @property
    def after(self) -> int:
        """Give the time up to which market data is left out, nanoseconds UTC."""
        return 0 if not self.start else parse_moment("start", self.start)

    @property
    def until(self) -> int:
        """Give the time after which market data is left out, nanoseconds UTC."""
        return END_OF_TIME if not self.end else parse_moment("end", self.end)

    @property
    def leverage_ppm(self) -> int:
        """Give the leverage in parts per million."""
        return _amount("account.leverage", self.account.leverage, 6)

    def opening_balances(self) -> dict[str, int]:
        """Give the opening balances in money units by asset."""
        return {asset: _amount(f"balances.{asset}", text, MONEY_SCALE) for asset, text in self.balances.items()}


def read_settings(path: Path | None, changes: Mapping[str, Any]) -> ReplaySettings:
    """Read settings from a TOML file, with changes over them; a table in `changes` is merged into the one in the file.

    Raises:
        ReplaySettingsError: the file cannot be read, or a key is unknown or malformed.
    """
    table: dict[str, Any] = {}
    if path is not None:
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ReplaySettingsError(f"{path} cannot be read ({error.strerror}): name a TOML file of replay settings") from error
        except ValueError as error:
            raise ReplaySettingsError(f"{path} is not TOML in UTF-8: {error}") from error
    try:
        settings = msgspec.convert(_with_texts(_merged(table, changes)), ReplaySettings)
    except (msgspec.ValidationError, InterlockError) as error:
        raise ReplaySettingsError(
            f"replay settings{f' of {path}' if path else ''}: {error}; the guide's replay page lists every key"
        ) from error
    if settings.account.type is AccountType.CASH and settings.leverage_ppm != PARTS_PER_MILLION:
        raise ReplaySettingsError(f"a cash account has no leverage, received {settings.account.leverage}: set account.type to MARGIN")
    if settings.leverage_ppm < PARTS_PER_MILLION:
        raise ReplaySettingsError(f"account.leverage must be at least 1, received {settings.account.leverage}")
    if settings.after >= settings.until:
        raise ReplaySettingsError(f"start must lie before end, received {settings.start} and {settings.end}")
    fill = settings.venue.fill
    if settings.bar_opens and fill.price in LATE_PRICES and Source.TRADES in fill.sources:
        raise ReplaySettingsError(
            f"bar_opens plays opens as trades, at which market orders would fill before the {fill.price} of their bar: leave one of the "
            "two out, or TRADES out of venue.fill.sources"
        )
    return settings


def write_settings(settings: ReplaySettings) -> str:
    """Write settings as TOML text that `read_settings` reads, defaults included."""
    return write_table(msgspec.to_builtins(settings))


def write_table(table: Mapping[str, Any]) -> str:
    """Write a table of plain values as TOML text: values first, then tables."""
    lines = [f"{_key(name)} = {_value(value)}" for name, value in table.items() if not isinstance(value, dict)]
    for name, value in table.items():
        if isinstance(value, dict):
            _write_table(lines, (name,), value)  # pyright: ignore[reportUnknownArgumentType] - plain values out of msgspec
    return "\n".join(lines).strip() + "\n"


def parse_moment(name: str, text: str) -> int:
    """Read a time such as 2022-01-01 or 2022-01-01T08:00:00Z as nanoseconds UTC.

    Raises:
        ReplaySettingsError: it is no time in ISO 8601, or lies before 1970.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ReplaySettingsError(f"{name} must be a time such as 2022-01-01T00:00:00Z, received {text!r}") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = int(moment.replace(microsecond=0).timestamp())
    if seconds < 0:
        raise ReplaySettingsError(f"{name} must lie after 1970, received {text!r}")
    return seconds * NANOSECONDS + moment.microsecond * 1_000


def _amount(name: str, text: str, scale: int) -> int:
    try:
        amount = parse_scaled(text, scale)
    except InterlockError as error:
        raise ReplaySettingsError(f"{name}: {error}") from error
    if amount < 0:
        raise ReplaySettingsError(f"{name} must not be negative, received {text}")
    return amount


def _merged(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(table)
    for name, value in changes.items():
        known = merged.get(name)
        merged[name] = _merged(known, value) if isinstance(known, dict) and isinstance(value, Mapping) else value  # pyright: ignore[reportUnknownArgumentType]
    return merged


def _with_texts(table: dict[str, Any]) -> dict[str, Any]:
    """Take a bare number for the decimal text that it stands for, where an amount is text."""
    venue: dict[str, Any] = _table(table, "venue")
    costs = _table(venue, "costs")
    changed = {
        "balances": {asset: _decimal_text(value) for asset, value in _table(table, "balances").items()},
        "account": {name: _decimal_text(value) for name, value in _table(table, "account").items()},
        "venue": {**venue, "costs": {name: _decimal_text(value) if name in _AMOUNTS else value for name, value in costs.items()}},
    }
    return {name: changed[name] if name in changed and isinstance(value, dict) else value for name, value in table.items()}


def _table(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = table.get(name)
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType] - what is no table is refused later


def _decimal_text(value: object) -> object:
    return format(Decimal(repr(value)), "f") if isinstance(value, int | float) and not isinstance(value, bool) else value


def _write_table(lines: list[str], path: tuple[str, ...], table: Mapping[str, Any]) -> None:
    plain = {name: value for name, value in table.items() if not isinstance(value, dict)}
    if plain or not table:
        lines += ["", f"[{'.'.join(map(_key, path))}]", *(f"{_key(name)} = {_value(value)}" for name, value in plain.items())]
    for name, value in table.items():
        if isinstance(value, dict):
            _write_table(lines, (*path, name), value)  # pyright: ignore[reportUnknownArgumentType] - plain values out of msgspec


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _text(name)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        case _:
            return _text(str(value))


def _text(text: str) -> str:
    """Write a TOML basic string, whose escapes JSON shares."""
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")
