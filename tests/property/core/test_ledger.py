"""Ledger: after any fills, fees, funding and transfers it equals a model in fractions that knows no cost, only flows."""

from collections import defaultdict
from fractions import Fraction
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from live.core.engine import valuation
from live.core.engine.authority import Authority
from live.core.engine.performance import Performance
from live.core.engine.workspace import Workspace
from live.core.inputs import Deployment
from live.core.instruments import Instrument
from live.core.ledger import Account, Ledger
from live.core.limits import Limits
from live.core.market import InstrumentMarket
from live.core.records import AlarmRaised, FillRecorded, FundingRecorded
from live.core.snapshots import restore_state, take_snapshot
from live.core.state import EngineState
from live.core.vocabulary import AccountType, InstrumentKind, Liquidity, Side

PERPETUAL = InstrumentKind.PERPETUAL
INSTRUMENTS = {
    one.instrument_id: one
    for one in (
        Instrument(instrument_id="v:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3),
        Instrument(instrument_id="v:PEPEUSDT", base="PEPE", quote="USDT", price_scale=9, quantity_scale=2),
        Instrument(instrument_id="v:WEIUSDT", base="WEI", quote="USDT", price_scale=3, quantity_scale=12),
        Instrument(
            instrument_id="v:BTCPERP", base="XBT", quote="USDT", price_scale=1, quantity_scale=0, kind=PERPETUAL, contract_size=1,
            contract_scale=3, initial_margin_ppm=50_000, maintenance_margin_ppm=25_000,
        ),
        Instrument(
            instrument_id="v:FINEPERP", base="FINE", quote="USDT", price_scale=7, quantity_scale=4, kind=PERPETUAL, contract_size=25,
            contract_scale=1, initial_margin_ppm=500_000, maintenance_margin_ppm=10_000,
        ),
    )
}  # fmt: skip
ACCOUNTS = {"cash": AccountType.CASH, "margin": AccountType.MARGIN}
STRATEGIES = ("s", "t")


class Fill(NamedTuple):
    """State an execution; the fee is in the quote, base or a third asset."""

    account_id: str
    strategy_id: str
    instrument_id: str
    side: Side
    price: int
    quantity: int
    fee: int
    fee_asset: str


class Funding(NamedTuple):
    """State a part of a funding payment; an empty strategy means the account."""

    account_id: str
    strategy_id: str
    instrument_id: str
    amount: int


class Transfer(NamedTuple):
    """State a transfer out of the margin account, which may borrow it."""

    asset: str
    amount: int


class Deposit(NamedTuple):
    """State a deposit."""

    account_id: str
    asset: str
    amount: int


def _fill(account_id: str, strategy_id: str, name: str, side: Side, price: int, quantity: int, fee: int, fee_in: str) -> Fill:
    instrument = INSTRUMENTS[name]
    asset = {"quote": instrument.quote, "base": instrument.base, "third": "BNB"}[fee_in]
    return Fill(account_id, strategy_id, name, side, price, quantity, fee, asset)


accounts, traders = st.sampled_from(sorted(ACCOUNTS)), st.sampled_from(STRATEGIES)
fills = st.builds(
    _fill,
    accounts,
    traders,
    st.sampled_from(sorted(INSTRUMENTS)),
    st.sampled_from(Side),
    st.integers(1, 10**7),
    st.integers(1, 10**5),
    st.integers(-(10**6), 10**7),
    st.sampled_from(["quote", "base", "third"]),
)
PERPETUALS = ["v:BTCPERP", "v:FINEPERP"]
fundings = st.builds(Funding, accounts, st.sampled_from(["", *STRATEGIES]), st.sampled_from(PERPETUALS), st.integers(-(10**8), 10**8))
events = st.lists(
    st.one_of(
        fills,
        fills,
        fundings,
        st.builds(Transfer, st.sampled_from(["USDT", "BTC"]), st.integers(1, 10**9)),
        st.builds(Deposit, accounts, st.sampled_from(["USDT", "BTC", "BNB"]), st.integers(1, 10**12)),
    ),
    max_size=25,
)
marks = st.fixed_dictionaries({name: st.integers(1, 10**7) for name in INSTRUMENTS})


def book(ledger: Ledger, event: Any) -> bool:
    """Book an event; funding of a position that never was is left out."""
    match event:
        case Fill(account, strategy, name, side, price, quantity, fee, asset):
            fill = FillRecorded(
                0, "o", strategy, account, name, "v", "t", side, price, quantity, fee, asset, Liquidity.TAKER, 0, late=False
            )
            ledger.apply_fill(fill, INSTRUMENTS[name])
        case Funding(account, strategy, name, amount):
            if strategy and (account, strategy, name) not in ledger.positions:
                return False
            ledger.apply_funding(FundingRecorded(0, account, strategy, name, "f", amount), INSTRUMENTS[name])
        case Transfer(asset, amount):
            ledger.transfer("margin", "cash", asset, amount)
        case Deposit(account, asset, amount):
            ledger.deposit(account, asset, amount)
    return True


def new_state() -> EngineState:
    """Make a state with both accounts; strategy `s` is deployed on cash and `t` on margin."""
    state = EngineState()
    state.instruments.update(INSTRUMENTS)
    state.accounts.update({name: Account(kind, 1_000_000) for name, kind in ACCOUNTS.items()})
    return state


def exact_value(instrument: Instrument, price: int, quantity: int) -> Fraction:
    """Give a value in money units, from the definition alone."""
    contract = Fraction(instrument.contract_size, 10**instrument.contract_scale)
    return Fraction(price, 10**instrument.price_scale) * Fraction(quantity, 10**instrument.quantity_scale) * contract * 10**8


class Model:
    """Add up flows: what was paid and received for each position, and what was charged; it knows no cost and no realised profit."""

    def __init__(self) -> None:
        self.paid_in: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.flows: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self.bought: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        self.charged: defaultdict[tuple[str, str], int] = defaultdict(int)
        self.unattributed: defaultdict[str, int] = defaultdict(int)

    def take(self, event: Any) -> None:
        """Add an event."""
        match event:
            case Fill(account, strategy, name, side, price, quantity, fee, asset):
                instrument = INSTRUMENTS[name]
                self.flows[account, strategy, name] -= side.sign * round(exact_value(instrument, price, quantity))
                self.bought[account, strategy, name] += side.sign * quantity
                if asset == instrument.quote:
                    self.flows[account, strategy, name] -= fee
                else:
                    self.charged[account, asset] += fee
            case Funding(account, strategy, name, amount):
                if strategy:
                    self.flows[account, strategy, name] += amount
                else:
                    self.unattributed[account] += amount
            case Transfer(asset, amount):
                self.paid_in["margin", asset] -= amount
                self.paid_in["cash", asset] += amount
            case Deposit(account, asset, amount):
                self.paid_in[account, asset] += amount


def run(some: list[Any]) -> tuple[EngineState, Model]:
    """Book events, proving every identity after each, and take them into the model."""
    state, model = new_state(), Model()
    for event in some:
        if book(state.ledger, event):
            model.take(event)
            state.ledger.check(INSTRUMENTS)
    return state, model


def markets_at(prices: dict[str, int]) -> dict[str, InstrumentMarket]:
    """Give markets with last prices."""
    markets = {name: InstrumentMarket() for name in prices}
    for name, price in prices.items():
        markets[name].last_price = price
    return markets


def deploy(state: EngineState, account_id: str) -> None:
    """Deploy all strategies on one account."""
    limits = Limits({}, 1, 1, 1, 1, 1, 1, 1)
    state.deployments = {one: Deployment(one, "1", account_id, "v", tuple(INSTRUMENTS), limits) for one in STRATEGIES}


@settings(derandomize=True, max_examples=150, deadline=None)
@given(events, marks)
def test_equity_and_profit_are_what_flowed_and_what_is_held(some, prices):
    """Cash, margin, spot, perpetual, whatever the scales: equity is paid-in money, flows and the value of what is held."""
    state, model = run(some)
    markets = markets_at(prices)
    for account_id in ACCOUNTS:
        deploy(state, account_id)
        profits = 0
        for strategy_id in STRATEGIES:
            expected = 0
            for name, instrument in INSTRUMENTS.items():
                key = (account_id, strategy_id, name)
                quantity = state.ledger.quantity(account_id, strategy_id, name)
                expected += model.flows[key] + round(exact_value(instrument, prices[name], quantity))
            profit = valuation.profit(state, markets, strategy_id)
            assert profit == expected
            profits += expected
        paid_in = model.paid_in[account_id, "USDT"]
        assert valuation.equity(state, markets, account_id, "USDT") == paid_in + profits + model.unattributed[account_id]
        assert valuation.account_profit(state, markets, account_id, "USDT") == profits + model.unattributed[account_id]


@settings(derandomize=True, max_examples=150, deadline=None)
@given(events)
def test_balances_and_quantities_are_what_was_paid_traded_and_charged(some):
    """Base assets hold what was bought less what was charged, a third asset only charges, and a perpetual moves no base."""
    state, model = run(some)
    ledger = state.ledger
    for account_id in ACCOUNTS:
        for name, instrument in INSTRUMENTS.items():
            charged, unit = model.charged[account_id, instrument.base], Fraction(10**8, 10**instrument.quantity_scale)
            moved = Fraction(0)
            for strategy_id in STRATEGIES:
                bought = model.bought[account_id, strategy_id, name]
                position = ledger.positions.get((account_id, strategy_id, name))
                assert ledger.quantity(account_id, strategy_id, name) == bought - (0 if position is None else position.fee_quantity)
                moved += bought * unit
            if instrument.kind is PERPETUAL:
                moved = Fraction(0)
            expected = model.paid_in[account_id, instrument.base] + moved - charged
            room = 0 if unit.denominator == 1 else len(some) * 2
            assert abs(ledger.balance(account_id, instrument.base) - expected) <= room
        third = sum(fee for (account, _, asset), fee in ledger.strategy_fees.items() if (account, asset) == (account_id, "BNB"))
        assert third == model.charged[account_id, "BNB"]
        assert ledger.balance(account_id, "BNB") == model.paid_in[account_id, "BNB"] - third


@settings(derandomize=True, max_examples=75, deadline=None)
@given(st.lists(fills, max_size=25))
def test_the_order_of_fills_of_different_positions_does_not_matter(some):
    """Only within one position does the order of fills say anything; what the account holds is the same either way."""
    one, _ = run(some)
    two, _ = run(sorted(some, key=lambda fill: fill[:3]))
    assert one.ledger.balances == two.ledger.balances
    assert one.ledger.positions == two.ledger.positions
    assert one.ledger.strategy_fees == two.ledger.strategy_fees


@settings(derandomize=True, max_examples=75, deadline=None)
@given(events)
def test_what_is_derived_is_found_again_from_what_is_stored(some):
    """A restored ledger goes on as the one it was stored from."""
    state, _ = run(some)
    restored = restore_state(take_snapshot(state)).ledger
    assert restored.held == {account_id: held for account_id, held in state.ledger.held.items() if held}
    for event in some:
        book(restored, event)
    restored.check(INSTRUMENTS)


held = st.lists(
    st.tuples(traders, st.sampled_from(["v:BTCUSDT", *PERPETUALS]), st.sampled_from(Side), st.integers(100, 500)), min_size=1, max_size=4
)
path = st.lists(st.tuples(st.sampled_from(["v:BTCUSDT", *PERPETUALS]), st.integers(-20, 20)), max_size=60)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(held, path, st.integers(0, 60))
def test_a_margin_call_comes_at_the_first_price_that_needs_it(some, steps, spare):
    """Prices at which no account is judged are only those at which none can be short, whatever is held and moves."""
    state = new_state()
    ledger = state.ledger
    prices = {"v:BTCUSDT": 500_000, "v:BTCPERP": 50_000, "v:FINEPERP": 200_000_000_000}
    for strategy_id, name, side, quantity in some:
        book(ledger, Fill("margin", strategy_id, name, side, prices[name], quantity, 0, "USDT"))
    work = Workspace(state)
    work.markets = markets_at({**dict.fromkeys(INSTRUMENTS, 1), **prices})
    equity, needed = _equity_and_margin(work)
    gross = sum(abs(INSTRUMENTS[name].notional(prices[name], quantity)) for _, name, _, quantity in some)
    ledger.deposit("margin", "USDT", max(0, needed - equity) + gross * spare // 1_000)
    performance = Performance(work, Authority(work))
    was_short = False
    for name, step in [("v:BTCUSDT", 0), *steps]:
        work.markets[name].last_price = (work.markets[name].last_price or 0) * (1_000 + step) // 1_000
        said = len(work.records)
        performance.on_price(name)
        equity, needed = _equity_and_margin(work)
        is_short = bool(ledger.held.get("margin")) and equity < needed
        calls = [one for one in work.records[said:] if isinstance(one, AlarmRaised)]
        assert len(calls) == (is_short and not was_short)
        was_short = is_short


def _equity_and_margin(work: Workspace) -> tuple[int, int]:
    equity = valuation.equity(work.state, work.markets, "margin", "USDT")
    needed = valuation.maintenance_margin(work.state, work.markets, "margin", "USDT")
    assert equity is not None
    assert needed is not None
    return equity, needed
