"""Views: engine state and journal rows as JSON, money and prices as decimal text."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

from live.core.decimals import MONEY_SCALE, format_scaled
from live.core.engine import Engine
from live.core.entities import Order
from live.core.instruments import Instrument
from live.core.state import EngineState
from live.driver.recovery import session_journals
from live.journal import JournalReader
from live.service.deployments import DeploymentStatus
from live.service.promotions import Standing
from live.service.session import Session


def show_session(session: Session) -> dict[str, Any]:
    """Describe the session, every scope's trading state, leases and balances."""
    engine, state, player = session.driver.engine, session.driver.engine.state, session.player
    return {
        "session_id": session.session_id,
        "halted": session.driver.failure,
        "engine_time": engine.now,
        "trading_states": [
            {"scope": scope, "target": target, "state": value.name} for (scope, target), value in sorted(state.trading_states.items())
        ],
        "strategies": {name: {"state": state.strictest_state(name).name, **_strategy_figures(engine, name)} for name in state.deployments},
        "accounts": [_show_account(engine, account_id, quote) for account_id, quote in state.accounts_in_use()],
        "leases": {
            name: {
                "lease_id": lease.lease_id,
                "expires_at": lease.expires_at,
                "maximum_order_notional": money(lease.maximum_order_notional),
            }
            for name, lease in state.leases.items()
        },
        "balances": [
            {"account_id": account, "asset": asset, "amount": money(amount)}
            for (account, asset), amount in sorted(state.ledger.balances.items())
        ],
        "open_orders": len(state.live_orders),
        "feed": None if player is None else {"played": player.played, "ended": player.ended is not None, "detail": player.ended or ""},
        "venues": _show_venues(session),
        "recovered": {
            "from_session": session.recovered.number,
            "tape_truncated_bytes": session.recovered.truncated_bytes,
            "tape_complete": session.recovered.tape_complete,
        },
    }


def _show_venues(session: Session) -> dict[str, Any]:
    """Describe what ties the session to real venues: market data, accounts, and inputs that wait."""
    state, now = session.driver.engine.state, session.driver.now()
    accounts: dict[str, Any] = {}
    for account_id, connection in session.trading.items():
        answer = state.reconciliations.get(account_id)
        holds = answer is not None and now <= answer.valid_until
        accounts[account_id] = {
            "venue_id": connection.venue_id,
            "connected": connection.connected,
            "detail": connection.detail or "",
            "reconciled": answer.clean if answer is not None and holds else None,
            "differences": answer.detail if answer is not None and holds else "",
        }
    return {
        "feeds": {venue_id: {"flows": not (faults := feed.faults()), "faults": faults} for venue_id, feed in session.feeds.items()},
        "accounts": accounts,
        "waiting_inputs": 0 if session.queue is None else session.queue.depth,
        "dropped_market_events": 0 if session.queue is None else session.queue.dropped,
    }


def show_deployments(session: Session) -> list[dict[str, Any]]:
    """Describe each configured deployment: what is loaded and what is not, why, and where it stands with the registry."""
    return [_show_deployment(session, name, status) for name, status in session.deployments.items()]


def _show_deployment(session: Session, name: str, status: DeploymentStatus) -> dict[str, Any]:
    bundle, standing, state = status.bundle, session.promotions.of(name), session.driver.engine.state
    warm_up = session.driver.engine.warm_up(name)
    asked, pending, withdrawn = standing.asked, standing.pending, standing.withdrawn
    return {
        "strategy_id": name,
        "mode": status.settings.mode,
        "account_id": status.settings.account,
        "venue_id": status.settings.venue,
        "alias": status.settings.alias,
        "status": _status_name(status, standing),
        "reason": status.refused or status.waiting or (None if withdrawn is None else f"{withdrawn.code}: {withdrawn.reason}"),
        "bundle": None if bundle is None else bundle.digest,
        "version": None if bundle is None else bundle.version.label,
        "registry_version": None if status.accepted is None else status.accepted.registry_version,
        "pending": None if pending is None else msgspec.to_builtins(pending),
        "asked": None
        if asked is None
        else {
            "registry_version": asked.registry_version,
            "status": asked.status,
            "code": asked.code or None,
            "reason": asked.reason,
            "since": asked.since,
        },
        "registry_checked_at": standing.checked_at or None,
        "registry_unreachable": standing.unreachable or None,
        "engine_matches_evidence": None if bundle is None else bundle.engine_matches,
        "state": state.strictest_state(name).name if name in state.deployments else "DISARMED",
        "warm_up": None if warm_up is None else warm_up._asdict(),
    }


def _status_name(status: DeploymentStatus, standing: Standing) -> str:
    if standing.withdrawn is not None:
        return "WITHDRAWN"
    if status.refused is not None:
        return "REFUSED"
    if standing.pending is not None:
        return "PENDING"
    return "LOADED" if status.waiting is None else "WAITING"


def show_order(order: Order, instruments: dict[str, Instrument]) -> dict[str, Any]:
    """Describe an order."""
    instrument = instruments[order.instrument_id]

    def price(units: int | None) -> str | None:
        return None if units is None else format_scaled(units, instrument.price_scale)

    return {
        "order_id": order.order_id,
        "venue_order_id": order.venue_order_id or None,
        "strategy_id": order.strategy_id,
        "account_id": order.account_id,
        "instrument_id": order.instrument_id,
        "side": order.side,
        "order_type": order.order_type,
        "time_in_force": order.time_in_force,
        "quantity": format_scaled(order.quantity, instrument.quantity_scale),
        "filled_quantity": format_scaled(order.filled_quantity, instrument.quantity_scale),
        "limit_price": price(order.limit_price),
        "reference_price": price(order.reference_price),
        "state": order.state,
        "detail": order.detail or None,
        "created_at": order.created_at,
        "decision_id": order.decision_id,
    }


def show_positions(engine: Engine) -> list[dict[str, Any]]:
    """Describe every position with its mark and profit."""
    state = engine.state
    shown: list[dict[str, Any]] = []
    for _, position in sorted(state.ledger.positions.items()):
        instrument = state.instruments[position.instrument_id]
        mark = engine.last_price(position.instrument_id)
        value = instrument.notional(mark or 0, position.quantity) if mark is not None or not position.quantity else None
        average = position.average_price(instrument)
        shown.append(
            {
                "strategy_id": position.strategy_id,
                "account_id": position.account_id,
                "instrument_id": position.instrument_id,
                "quantity": format_scaled(position.quantity, instrument.quantity_scale),
                "cost": money(position.cost),
                "average_price": None if average is None else format_scaled(average, instrument.price_scale),
                "realised": money(position.realised),
                "unrealised": None if value is None else money(position.unrealised(value)),
                "fees": money(position.fees),
                "funding": money(position.funding),
                "mark": None if mark is None else format_scaled(mark, instrument.price_scale),
                "profit": None if value is None else money(position.profit(value)),
                "quote": instrument.quote,
            }
        )
    return shown


def journal_entries(home: Path, kinds: Collection[str], limit: int) -> list[dict[str, Any]]:
    """Give the newest durable entries of some kinds over all sessions, newest first, fields by name."""
    return list(_newest(home, kinds, limit))


def _newest(home: Path, kinds: Collection[str], limit: int) -> Iterator[dict[str, Any]]:
    left = limit
    for path in reversed(session_journals(home)):
        if left <= 0:
            return
        with JournalReader(path) as reader:
            for row in reader.rows(kinds=kinds, newest_first=True, limit=left):
                left -= 1
                yield {"session_id": path.stem, "seq": row.seq, "kind": row.kind, **fields(row.entry())}


def fields(entry: msgspec.Struct) -> dict[str, Any]:
    """Give an entry's fields by name, nested ones as they encode."""
    return {name: msgspec.to_builtins(getattr(entry, name)) for name in entry.__struct_fields__}


def scale_fields(shown: dict[str, Any], state: EngineState) -> dict[str, Any]:
    """Rewrite an entry's integer prices, quantities and money as decimal text on its instrument's scales."""
    instrument = state.instruments.get(shown.get("instrument_id", ""))
    if instrument is None:
        return shown
    scales = {
        "price": instrument.price_scale,
        "limit_price": instrument.price_scale,
        "reference_price": instrument.price_scale,
        "quantity": instrument.quantity_scale,
        "target": instrument.quantity_scale,
        "fee": MONEY_SCALE,
    }
    return {
        name: format_scaled(value, scales[name]) if name in scales and isinstance(value, int) else value for name, value in shown.items()
    }


def money(amount: int) -> str:
    """Write money units as decimal text."""
    return format_scaled(amount, MONEY_SCALE)


def _strategy_figures(engine: Engine, strategy_id: str) -> dict[str, str | None]:
    figures = engine.strategy_figures(strategy_id)
    return {
        "profit": _optional(figures.profit),
        "unrealised": _optional(figures.unrealised),
        "profit_today": _optional(figures.profit_today),
        "drawdown": _optional(figures.drawdown),
        "gross_exposure": _optional(figures.exposure and figures.exposure.gross),
        "net_exposure": _optional(figures.exposure and figures.exposure.net),
    }


def _show_account(engine: Engine, account_id: str, quote: str) -> dict[str, str | None]:
    figures = engine.account_figures(account_id, quote)
    return {
        "account_id": account_id,
        "account_type": engine.state.ledger.account(account_id).account_type,
        "quote": quote,
        "equity": _optional(figures.equity),
        "profit_today": _optional(figures.profit_today),
        "drawdown": _optional(figures.drawdown),
        "gross_exposure": _optional(figures.exposure and figures.exposure.gross),
        "net_exposure": _optional(figures.exposure and figures.exposure.net),
        "initial_margin": _optional(figures.margin and figures.margin.initial),
        "maintenance_margin": _optional(figures.margin and figures.margin.maintenance),
    }


def _optional(amount: int | None) -> str | None:
    return None if amount is None else money(amount)
