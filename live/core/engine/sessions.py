"""Sessions: boot closed, whatever the session before left."""

from collections.abc import Iterable, Mapping
from functools import partial

from live.core import inputs
from live.core.engine.authority import Authority
from live.core.engine.deciding import Deciding
from live.core.engine.market_data import MarketData
from live.core.engine.valuation import equity
from live.core.engine.watch import Watch
from live.core.engine.workspace import Workspace
from live.core.errors import InputError, LimitError
from live.core.inputs import Deployment
from live.core.limits import check_ceilings
from live.core.orders import UNKNOWN, OrderEvent, OrderState
from live.core.retention import RETENTION
from live.core.runner import StrategyRunner
from live.core.strategy import Strategy
from live.core.vocabulary import Scope, TradingState

NONCE_LENGTH = 8
"""Characters of a session's nonce, digits and capital letters: part of every order id, so never used twice."""


class Sessions:
    """Open sessions."""

    __slots__ = ("_authority", "_beyond_live", "_deciding", "_market_data", "_strategies", "_watch", "_work")

    def __init__(
        self,
        work: Workspace,
        strategies: Mapping[str, tuple[Strategy, int]],
        authority: Authority,
        deciding: Deciding,
        watch: Watch,
        market_data: MarketData,
        *,
        beyond_live: bool = False,
    ) -> None:
        self._work = work
        self._strategies = strategies
        self._authority = authority
        self._deciding = deciding
        self._watch = watch
        self._market_data = market_data
        self._beyond_live = beyond_live

    def on_session_started(self, event: inputs.SessionStarted) -> None:
        """Boot closed: every scope DISARMED unless KILLED, no lease, and every order in flight of unknown fate.

        Raises:
            InputError: the deployments are not the loaded strategies, contradict what is defined, or limit nothing; or the
                nonce was used.
        """
        self._check_nonce(event.nonce)
        self._check_deployments(event.deployments)
        work = self._work
        state = work.state
        state.apply_input(event)
        work.runners = {
            deployment.strategy_id: StrategyRunner(
                *_loaded(self._strategies, deployment), state, work.markets, partial(equity, state, work.markets), event.seed
            )
            for deployment in event.deployments
        }
        self._disarm_all()
        self._take_over_orders()
        self._name_orphans()
        self._deciding.begin_session()
        self._market_data.begin_session()

    def _check_nonce(self, nonce: str) -> None:
        state = self._work.state
        if len(nonce) != NONCE_LENGTH or not nonce.isascii() or not nonce.isalnum() or nonce != nonce.upper():
            raise InputError(f"a session's nonce is {NONCE_LENGTH} digits and capital letters, received {nonce!r}")
        if nonce == state.nonce or any(order_id[2 : 2 + NONCE_LENGTH] == nonce for order_id in state.orders):
            raise InputError(f"the nonce {nonce} was used by an earlier session, so its order ids would come again: draw another")

    def _check_deployments(self, deployments: Iterable[Deployment]) -> None:
        deployed = [deployment.strategy_id for deployment in deployments]
        if len(set(deployed)) != len(deployed):
            raise InputError(f"each strategy may be deployed once, received {', '.join(sorted(deployed))}")
        if missing := sorted(set(deployed) ^ set(self._strategies)):
            raise InputError(f"deployments and loaded strategies differ in {missing}: load exactly the deployed strategies")
        for deployment in deployments:
            self._check_instruments(deployment)
            try:
                check_ceilings(deployment.limits, beyond_live=self._beyond_live)
            except LimitError as error:
                raise InputError(f"{deployment.strategy_id} cannot be deployed: {error}") from None

    def _check_instruments(self, deployment: Deployment) -> None:
        quotes: set[str] = set()
        for instrument_id in deployment.instrument_ids:
            instrument = self._work.state.instruments.get(instrument_id)
            if instrument is None:
                raise InputError(f"{deployment.strategy_id} trades {instrument_id}, which is not defined: send InstrumentDefined first")
            if instrument.venue_id != deployment.venue_id:
                raise InputError(f"{deployment.strategy_id} is deployed on {deployment.venue_id} and cannot trade {instrument_id}")
            quotes.add(instrument.quote)
        if len(quotes) > 1:
            raise InputError(
                f"{deployment.strategy_id} has instruments in {', '.join(sorted(quotes))}: its limits are in one quote asset, "
                "deploy one strategy a quote asset"
            )

    def _disarm_all(self) -> None:
        work = self._work
        state = work.state
        scopes: dict[tuple[Scope, str], None] = {(Scope.GLOBAL, ""): None}
        for strategy_id in state.deployments:
            scopes.update(dict.fromkeys(state.scopes_of(strategy_id)[1:]))
        scopes.update(dict.fromkeys(sorted(state.trading_states)))
        for scope, target in scopes:
            if state.trading_state(scope, target) is not TradingState.KILLED:
                work.set_trading_state(scope, target, TradingState.DISARMED, "session started")
        for strategy_id in sorted(state.leases):
            self._authority.end_lease(strategy_id, "session started")

    def _take_over_orders(self) -> None:
        """Ask about every order that was in flight, and cancel every open one: nothing is armed."""
        work, ended = self._work, "the session before ended"
        for order in list(work.state.live_orders.values()):
            if order.state in (OrderState.SUBMITTING, OrderState.CANCEL_REQUESTED):
                work.transition(order, OrderEvent.LOSE, ended)
            if order.state in UNKNOWN or order.announced is not None:
                self._watch.doubt(order)
            else:
                work.request_cancel(order, "session started")
        for order in list(work.state.orders.values()):
            if order.state in (OrderState.INTENT_RECORDED, OrderState.APPROVED):
                work.transition(order, OrderEvent.HOLD_BACK, ended)
            elif order.state is OrderState.NOT_PLACED and work.now < order.ended_at + RETENTION:
                work.query(order)
                self._watch.scan_later(order)

    def _name_orphans(self) -> None:
        """Alarm about positions that no deployed strategy manages."""
        state = self._work.state
        for key in sorted(state.ledger.positions):
            position = state.ledger.positions[key]
            deployment = state.deployments.get(position.strategy_id)
            if position.quantity and (deployment is None or deployment.account_id != position.account_id):
                said = f"{position.strategy_id} holds {position.quantity} units of {position.instrument_id} in {position.account_id}"
                self._work.alarm("POSITION_NOT_DEPLOYED", "", f"{said}, and is not deployed there: nothing manages it")


def _loaded(strategies: Mapping[str, tuple[Strategy, int]], deployment: Deployment) -> tuple[Strategy, Deployment, int]:
    strategy, warm_up_bars = strategies[deployment.strategy_id]
    return strategy, deployment, warm_up_bars
