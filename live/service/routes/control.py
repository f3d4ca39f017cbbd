"""The control plane: arm in two steps, disarm, kill, release, and vouch for what no venue answers."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from live.core.decimals import MONEY_SCALE, parse_scaled
from live.core.errors import DecimalError
from live.core.vocabulary import OperatorAction, Resolution, Scope
from live.service.access import Armer, Disarmer, Killer, Releaser, Service
from live.service.challenges import Challenge, Preflight
from live.service.errors import ServiceError
from live.service.runtime import TradingService
from live.service.views import money

router = APIRouter(prefix="/v1", tags=["control"])

ScopeName = Literal["GLOBAL", "VENUE", "ACCOUNT", "STRATEGY"]


class Body(BaseModel):
    """Refuse fields that are not known."""

    model_config = ConfigDict(extra="forbid")


class ArmRequest(Body):
    """Ask to arm a deployment."""

    strategy_id: str = Field(max_length=100, examples=["ema_cross"])
    maximum_order_notional: str | None = Field(
        None, max_length=40, description="Ceiling of one order in the quote asset; the limit when left out.", examples=["2000.00"]
    )


class ArmConfirmation(Body):
    """Confirm a challenge with its phrase."""

    challenge_id: str = Field(max_length=100)
    phrase: str = Field(max_length=300, description="The phrase of the challenge, typed by a person.")
    code: str = Field("", max_length=20, description="The one-time code of whoever holds the token; arming LIVE needs it.")
    lease_seconds: int | None = Field(None, ge=1, le=86_400, description="How long the lease lives; the longest allowed when left out.")


class ScopedCommand(Body):
    """Name a scope, its target and a reason."""

    scope: ScopeName = "GLOBAL"
    target: Annotated[str, Field(max_length=100)] = ""
    reason: str = Field(min_length=1, max_length=200, examples=["unexpected orders"])


class Explanation(Body):
    """Vouch for what a balance at the venue differs by."""

    asset: str = Field(min_length=1, max_length=20, examples=["USDT"])
    difference: str | None = Field(
        None,
        max_length=40,
        description="What the venue has minus what is here; posted only if it is that by now.",
        examples=["-1.00000000"],
    )
    reason: str = Field(min_length=1, max_length=200, examples=["a deposit by hand, ticket 12"])


class OrderFinding(Body):
    """Say what became of an order that the venue stays silent about."""

    resolution: Resolution = Field(
        description="NEVER_PLACED: the venue never had it. ENDED: it no longer rests there; its fills come by themselves."
    )
    reason: str = Field(min_length=1, max_length=200, examples=["the venue's support confirmed it, ticket 12"])


class Reason(Body):
    """Give a reason."""

    reason: str = Field("killed over HTTP", min_length=1, max_length=200)


@router.post("/arm")
async def request_arming(body: ArmRequest, service: Service, principal: Armer) -> dict[str, Any]:
    """Take the first step of arming: a preflight, and a challenge that expires soon."""
    ceiling = _amount("maximum_order_notional", body.maximum_order_notional)
    return _show_challenge(*service.request_arming(body.strategy_id, ceiling, principal.name))


@router.get("/arm/{challenge_id}")
async def find_arming(challenge_id: Annotated[str, Path(max_length=100)], service: Service, principal: Armer) -> dict[str, Any]:
    """Show an open challenge to a person who is to confirm it too, with everything as it stands now."""
    del principal
    return _show_challenge(*service.find_arming(challenge_id))


@router.post("/arm/confirm")
async def confirm_arming(body: ArmConfirmation, service: Service, principal: Armer) -> dict[str, Any]:
    """Take the second step of arming: type the phrase, and get a lease, or wait for another person where two are needed."""
    done = await service.confirm_arming(body.challenge_id, body.phrase, principal.name, body.lease_seconds, body.code)
    persons = {"confirmed_by": list(done.challenge.confirmed), "waits_for_persons": done.challenge.waits_for}
    lease = done.lease
    if lease is None:
        return {"lease_id": None, "challenge_id": done.challenge.challenge_id, "expires_at": done.challenge.expires_at, **persons}
    ceiling = money(lease.maximum_order_notional)
    return {"lease_id": lease.lease_id, "expires_at": lease.expires_at, "maximum_order_notional": ceiling, **persons}


@router.post("/deployments/load")
async def load(service: Service, principal: Armer) -> dict[str, Any]:
    """Load every pending version: close the session and open the next one, DISARMED. Refused while anything is armed."""
    loaded = await service.load(principal.name)
    return {"session_id": service.session.session_id, "loaded": msgspec.to_builtins(loaded)}


@router.post("/disarm")
async def disarm(body: ScopedCommand, service: Service, principal: Disarmer) -> dict[str, Any]:
    """End leases and cancel orders in a scope."""
    scope = _scope(service, body.scope, body.target)
    await service.disarm(scope, body.target, body.reason, principal.name)
    return _state(service, scope, body.target)


@router.post("/reduce-only")
async def reduce_only(body: ScopedCommand, service: Service, principal: Disarmer) -> dict[str, Any]:
    """Let orders only reduce positions in a scope; a stricter state stays."""
    scope = _scope(service, body.scope, body.target)
    await service.command(OperatorAction.REDUCE_ONLY, scope, body.target, body.reason, principal.name)
    return _state(service, scope, body.target)


@router.post("/cancel-only")
async def cancel_only(body: ScopedCommand, service: Service, principal: Disarmer) -> dict[str, Any]:
    """Let only cancels out in a scope; a stricter state stays."""
    scope = _scope(service, body.scope, body.target)
    await service.command(OperatorAction.CANCEL_ONLY, scope, body.target, body.reason, principal.name)
    return _state(service, scope, body.target)


@router.post("/kill")
async def kill(service: Service, principal: Killer, body: ScopedCommand | None = None) -> dict[str, Any]:
    """Stop everything in a scope at once: latch, gate, cancels, proof. Without a body everything is killed."""
    command = ScopedCommand(reason="killed over HTTP") if body is None else body
    scope = _scope(service, command.scope, command.target)
    return msgspec.to_builtins(await service.kill(scope, command.target, command.reason, principal.name))


@router.post("/strategies/{strategy_id}/kill")
async def kill_strategy(strategy_id: str, service: Service, principal: Killer, body: Reason | None = None) -> dict[str, Any]:
    """Stop one strategy at once."""
    reason = (body or Reason(reason="killed over HTTP")).reason
    return msgspec.to_builtins(await service.kill(_scope(service, "STRATEGY", strategy_id), strategy_id, reason, principal.name))


@router.post("/release")
async def release(body: ScopedCommand, service: Service, principal: Releaser) -> dict[str, Any]:
    """Clear a kill, with a reason, into DISARMED."""
    scope = _scope(service, body.scope, body.target)
    await service.release(scope, body.target, body.reason, principal.name)
    return _state(service, scope, body.target)


@router.post("/accounts/{account_id}/explain")
async def explain(
    account_id: Annotated[str, Path(max_length=100)], body: Explanation, service: Service, principal: Releaser
) -> dict[str, Any]:
    """Post the difference of a balance between a LIVE account's venue and here, for which a person vouches."""
    difference = _amount("difference", body.difference)
    balance = await service.explain_balance(account_id, body.asset, body.reason, principal.name, difference)
    return {"account_id": account_id, "asset": body.asset, "balance": money(balance)}


@router.post("/orders/{order_id}/resolve")
async def resolve(
    order_id: Annotated[str, Path(max_length=100)], body: OrderFinding, service: Service, principal: Releaser
) -> dict[str, Any]:
    """Settle an order that no answer of its venue settles, by the finding of a person who vouches for it."""
    state = await service.resolve_order(order_id, body.resolution, body.reason, principal.name)
    return {"order_id": order_id, "resolution": body.resolution, "state": state}


def _show_challenge(preflight: Preflight, challenge: Challenge) -> dict[str, Any]:
    return {
        "challenge_id": challenge.challenge_id,
        "strategy_id": challenge.strategy_id,
        "phrase": challenge.phrase,
        "expires_at": challenge.expires_at,
        "needs_code": challenge.live,
        "persons": challenge.persons,
        "confirmed_by": list(challenge.confirmed),
        "preflight": {"blocks": list(preflight.blocks), "bound": preflight.bound, **preflight.shown},
    }


def _scope(service: TradingService, name: str, target: str) -> Scope:
    scope = Scope(name)
    service.check_scope(scope, target)
    return scope


def _state(service: TradingService, scope: Scope, target: str) -> dict[str, Any]:
    return {"scope": scope, "target": target, "state": service.session.driver.engine.state.trading_state(scope, target).name}


def _amount(field: str, text: str | None) -> int | None:
    try:
        return None if text is None else parse_scaled(text, MONEY_SCALE)
    except DecimalError as error:
        raise ServiceError(f"{field}: {error}") from None
