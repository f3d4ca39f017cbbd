"""Ledger: every unit is somewhere, after any fills."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.core.decimals import LARGEST_INTEGER
from live.core.errors import LedgerError
from live.core.instruments import Instrument
from live.core.ledger import Ledger
from live.core.records import FillRecorded
from live.core.vocabulary import Liquidity, Side

BTC = Instrument(instrument_id="v:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)
BASE_UNIT = 10**5


def fill(side: Side, quantity: int, price: int, fee: int = 0, fee_asset: str = "USDT", account_id: str = "a", strategy_id: str = "s"):
    """Make a fill."""
    return FillRecorded(
        0, "o", strategy_id, account_id, BTC.instrument_id, "v", "t", side, price, quantity, fee, fee_asset, Liquidity.TAKER, 0, False
    )


def book(*fills: FillRecorded) -> Ledger:
    """Book fills on a ledger with a deposit."""
    ledger = Ledger()
    ledger.deposit("a", "USDT", 10**12)
    for one in fills:
        ledger.apply_fill(one, BTC)
    ledger.check({BTC.instrument_id: BTC})
    return ledger


fills = st.lists(
    st.builds(
        fill,
        st.sampled_from(Side),
        st.integers(1, 10_000),
        st.integers(1, 10_000_000),
        st.integers(-1_000, 10**7),
        st.sampled_from(["USDT", "BTC", "BNB"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["s", "t"]),
    ),
    max_size=30,
)


@settings(derandomize=True, max_examples=200)
@given(fills)
def test_every_identity_holds_after_any_fills(some):
    """Whatever is bought, sold and charged, by whom and where: balances, positions and fees add up."""
    book(*some)


def test_a_sale_releases_cost_by_the_average():
    """Half of what was bought leaves with half of its cost."""
    ledger = book(fill(Side.BUY, 10, 100), fill(Side.BUY, 10, 200), fill(Side.SELL, 10, 300))
    position = ledger.positions["a", "s", BTC.instrument_id]
    assert (position.quantity, position.cost, position.realised) == (10, 1_500 * 1000, 1_500 * 1000)


def test_the_division_of_cost_loses_nothing():
    """What rounding leaves over stays in the cost until the position is flat, when nothing is left."""
    ledger = book(fill(Side.BUY, 3, 100), fill(Side.SELL, 1, 100), fill(Side.SELL, 1, 100), fill(Side.SELL, 1, 100))
    position = ledger.positions["a", "s", BTC.instrument_id]
    assert (position.quantity, position.cost, position.realised) == (0, 0, 0)


def test_a_fill_through_zero_opens_the_other_way():
    """Selling more than is held realises the held part and opens a short with the rest."""
    ledger = book(fill(Side.BUY, 10, 100), fill(Side.SELL, 15, 120))
    position = ledger.positions["a", "s", BTC.instrument_id]
    assert (position.quantity, position.cost, position.realised) == (-5, -600_000, 200_000)


def test_a_fee_in_the_base_asset_leaves_the_position():
    """What the venue keeps of a purchase was never held, so it is not there to be sold."""
    ledger = book(fill(Side.BUY, 1_000, 100, fee=BASE_UNIT, fee_asset="BTC"))
    position = ledger.positions["a", "s", BTC.instrument_id]
    assert position.quantity == 999
    assert ledger.balance("a", "BTC") == 999 * BASE_UNIT


def test_a_fee_of_part_of_a_unit_takes_a_whole_one_from_the_position():
    """A position is whole units, so the account keeps the rest of the one that a fee broke."""
    ledger = book(fill(Side.BUY, 1_000, 100, fee=1, fee_asset="BTC"))
    assert ledger.quantity("a", "s", BTC.instrument_id) == 999
    assert ledger.balance("a", "BTC") == 1_000 * BASE_UNIT - 1


def test_a_base_fee_costs_what_the_units_cost():
    """The cost of what the fee took is a realised loss, so that the rest keeps its average."""
    ledger = book(fill(Side.BUY, 1_000, 100, fee=BASE_UNIT, fee_asset="BTC"))
    position = ledger.positions["a", "s", BTC.instrument_id]
    assert (position.cost, position.realised) == (999 * 100 * 1000, -100 * 1000)


def test_the_same_strategy_in_two_accounts_has_two_positions():
    """A fill in one account never moves what the strategy holds in another."""
    ledger = book(fill(Side.BUY, 10, 100, account_id="a"), fill(Side.BUY, 3, 100, account_id="b"))
    assert ledger.quantity("a", "s", BTC.instrument_id) == 10
    assert ledger.quantity("b", "s", BTC.instrument_id) == 3


def test_a_withdrawal_of_more_than_there_is_is_refused():
    """A balance never goes below zero by a withdrawal."""
    with pytest.raises(LedgerError, match="holds too little USDT"):
        book().deposit("a", "USDT", -(10**12) - 1)


def test_a_balance_that_would_not_fit_a_journal_is_refused():
    """No amount grows beyond what 64 bits can hold."""
    ledger = Ledger()
    ledger.deposit("a", "USDT", LARGEST_INTEGER)
    with pytest.raises(LedgerError, match="does not fit"):
        ledger.deposit("a", "USDT", 1)
    with pytest.raises(LedgerError, match="does not fit"):
        book(*[fill(Side.SELL, 10**9, 10**6)] * 5)


def test_a_balance_that_was_tampered_with_is_found():
    """One unit that no deposit, fill or fee explains fails the check and is named."""
    ledger = book(fill(Side.BUY, 10, 100))
    ledger.balances["a", "USDT"] += 1
    with pytest.raises(LedgerError, match="the USDT balance is"):
        ledger.check({BTC.instrument_id: BTC})
