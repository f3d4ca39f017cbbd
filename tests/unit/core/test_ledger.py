"""Ledger: every unit is somewhere, after any fills."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.core.decimals import LARGEST_INTEGER
from live.core.errors import LedgerError
from live.core.instruments import Instrument
from live.core.ledger import Account, Ledger, _check_identities
from live.core.records import FillRecorded, FundingRecorded
from live.core.vocabulary import AccountType, InstrumentKind, Liquidity, Side

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


def test_a_flat_position_has_no_average_price():
    """Nothing is held, so nothing was paid for it."""
    ledger = book(fill(Side.BUY, 10, 100), fill(Side.SELL, 10, 100))
    assert ledger.positions["a", "s", BTC.instrument_id].average_price(BTC) is None


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


def test_a_base_fee_takes_at_most_what_is_held():
    """The rest of it the account owes: a position must not end short for a fee."""
    ledger = book(fill(Side.BUY, 5, 100, fee=8 * BASE_UNIT, fee_asset="BTC"))
    assert (ledger.quantity("a", "s", BTC.instrument_id), ledger.balance("a", "BTC")) == (0, -3 * BASE_UNIT)


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


PERP = Instrument(
    instrument_id="v:BTCPERP",
    base="BTC",
    quote="USDT",
    price_scale=1,
    quantity_scale=0,
    kind=InstrumentKind.PERPETUAL,
    contract_size=1,
    contract_scale=3,
    initial_margin_ppm=50_000,
    maintenance_margin_ppm=25_000,
)
USDT = 10**8


def trade(
    ledger: Ledger, signed: int, price: int, fee: int = 0, fee_asset: str = "USDT", instrument: Instrument = PERP, strategy_id: str = "s"
):
    """Book a fill of the perpetual on the margin account, a sale when `signed` is negative; gives the position."""
    side = Side.BUY if signed > 0 else Side.SELL
    one = FillRecorded(
        0,
        "o",
        strategy_id,
        "m",
        instrument.instrument_id,
        "v",
        "t",
        side,
        price,
        abs(signed),
        fee,
        fee_asset,
        Liquidity.TAKER,
        0,
        late=False,
    )
    position = ledger.apply_fill(one, instrument)
    ledger.check({BTC.instrument_id: BTC, PERP.instrument_id: PERP})
    return position


@pytest.fixture
def margin() -> Ledger:
    """Give a ledger with 1,000 USDT in a margin account."""
    ledger = Ledger()
    ledger.accounts["m"] = Account(AccountType.MARGIN, 10_000_000)
    ledger.deposit("m", "USDT", 1_000 * USDT)
    return ledger


def test_a_perpetual_moves_only_its_fee_when_it_opens(margin):
    """Nothing changes hands for 5 contracts of 0.001 BTC at 40,000, though they are worth 200 USDT."""
    position = trade(margin, 5, 400_000, fee=USDT)
    assert (position.quantity, position.cost, position.cash) == (5, 200 * USDT, -USDT)
    assert margin.balance("m", "USDT") == 999 * USDT
    assert margin.balance("m", "BTC") == 0


@pytest.mark.parametrize(("opens", "price", "gained"), [(10, 420_000, 10 * USDT), (-10, 420_000, -10 * USDT), (-10, 380_000, 10 * USDT)])
def test_a_perpetual_pays_out_what_closing_realises(margin, opens, price, gained):
    """Half of ten contracts closed 2,000 away from 40,000 realises 10 USDT, in the direction of the position."""
    trade(margin, opens, 400_000)
    position = trade(margin, -opens // 2, price)
    assert (position.realised, position.cash) == (gained, gained)
    assert position.average_price(PERP) == 400_000
    assert margin.balance("m", "USDT") == 1_000 * USDT + gained


def test_a_perpetual_turned_around_realises_once_and_opens_the_other_way(margin):
    """Selling 15 of 10 held closes ten and opens five short at the new price."""
    trade(margin, 10, 400_000)
    position = trade(margin, -15, 410_000)
    assert (position.quantity, position.realised, position.average_price(PERP)) == (-5, 10 * USDT, 410_000)
    assert position.unrealised(PERP.notional(400_000, -5)) == 5 * USDT
    assert position.profit(PERP.notional(400_000, -5)) == 15 * USDT


def test_a_fee_of_a_perpetual_in_its_base_asset_takes_nothing_from_the_position(margin):
    """The position is contracts, so such a fee is the account's, by the strategy that caused it."""
    margin.deposit("m", "BTC", 1_000)
    assert trade(margin, 5, 400_000, fee=10, fee_asset="BTC").quantity == 5
    assert margin.balance("m", "BTC") == 990
    assert margin.strategy_fees == {("m", "s", "BTC"): 10}


def test_a_rebate_is_a_negative_fee(margin):
    """A maker that is paid has more than before, in its profit as in its balance."""
    position = trade(margin, 5, 400_000, fee=-USDT)
    assert (position.fees, position.cash, margin.balance("m", "USDT")) == (-USDT, USDT, 1_001 * USDT)


def test_funding_moves_the_balance_and_the_position_it_is_for(margin):
    """What a strategy received is profit of its position; what is nobody's stays with the account."""
    position = trade(margin, 5, 400_000, fee=2)
    margin.apply_funding(FundingRecorded(0, "m", "s", PERP.instrument_id, "f1", -3), PERP)
    margin.apply_funding(FundingRecorded(0, "m", "", PERP.instrument_id, "f2", 10), PERP)
    margin.check({PERP.instrument_id: PERP})
    assert (position.funding, position.cash, position.profit(position.cost)) == (-3, -5, -5)
    assert margin.balance("m", "USDT") == 1_000 * USDT + 5
    assert margin.strategy_fees == {("m", "", "USDT"): -10}


def test_a_margin_account_may_borrow_base_and_quote(margin):
    """A spot short owes the base asset; a purchase beyond the balance owes the quote asset."""
    short = trade(margin, -1_000, 10_000, instrument=BTC)
    assert (short.quantity, short.cost, margin.balance("m", "BTC")) == (-1_000, -100 * USDT, -(10**8))
    assert short.average_price(BTC) == 10_000
    trade(margin, 20_000, 10_000, instrument=BTC)
    assert margin.balance("m", "USDT") == -900 * USDT


def test_an_exact_sell_out_ends_flat_though_its_fee_is_in_the_base_asset():
    """What rounding left of an earlier fee pays the next one, so that nothing is short for a unit nobody sold."""
    ledger = book(fill(Side.BUY, 1_000, 100, fee=1, fee_asset="BTC"), fill(Side.SELL, 999, 100, fee=1, fee_asset="BTC"))
    assert ledger.quantity("a", "s", BTC.instrument_id) == 0
    assert ledger.balance("a", "BTC") == BASE_UNIT - 2


def test_a_third_asset_that_pays_fees_is_counted_by_strategy():
    """Two strategies share the account's BNB, and each sees what it cost."""
    ledger = book(fill(Side.BUY, 1, 1, 5, "BNB"), fill(Side.BUY, 1, 1, 7, "BNB", strategy_id="t"), fill(Side.SELL, 1, 1, -1, "BNB"))
    assert ledger.strategy_fees == {("a", "s", "BNB"): 4, ("a", "t", "BNB"): 7}
    assert ledger.balance("a", "BNB") == -11


def test_fees_of_an_earlier_release_are_nobodys_in_particular():
    """Its snapshots do not say which strategy caused them; what is known since then is kept apart."""
    ledger = book(fill(Side.BUY, 1, 1, 5, "BNB"))
    for asset, fee in (("BNB", 7), ("KCS", 3)):
        ledger.other_fees["a", asset] = ledger.other_fees.get(("a", asset), 0) + fee
        ledger.balances["a", asset] = ledger.balance("a", asset) - fee
    ledger.derive({BTC.instrument_id: BTC})
    ledger.check({BTC.instrument_id: BTC})
    assert ledger.strategy_fees == {("a", "s", "BNB"): 5, ("a", "", "BNB"): 7, ("a", "", "KCS"): 3}
    ledger.other_fees["a", "BNB"] += 2
    ledger.derive({BTC.instrument_id: BTC})
    assert ledger.strategy_fees["a", "", "BNB"] == 9


def test_a_transfer_moves_an_amount_and_leaves_the_sum(margin):
    """What one account sends arrives in the other, and counts for both as paid in and out."""
    assert margin.transfer("m", "b", "USDT", 400 * USDT) == (600 * USDT, 400 * USDT)
    margin.check({})
    assert (margin.deposits["m", "USDT"], margin.deposits["b", "USDT"]) == (600 * USDT, 400 * USDT)


@pytest.mark.parametrize(
    ("source", "target", "amount", "message"),
    [("b", "m", 1, "holds too little"), ("m", "m", 1, "two accounts"), ("m", "b", 0, "positive"), ("m", "b", -1, "positive")],
)
def test_a_transfer_that_cannot_be_is_refused_whole(margin, source, target, amount, message):
    """Neither account changes."""
    before = dict(margin.balances)
    with pytest.raises(LedgerError, match=message):
        margin.transfer(source, target, "USDT", amount)
    assert margin.balances == before


def test_an_account_holds_something_by_a_balance_or_a_position(margin):
    """Of its own; a debt counts, and so does a position when every balance is zero."""
    assert margin.holds_anything("m")
    assert not margin.holds_anything("b")
    trade(margin, 5, 400_000)
    margin.deposit("m", "USDT", -1_000 * USDT)
    assert margin.holds_anything("m")
    trade(margin, -5, 400_000)
    assert not margin.holds_anything("m")


L = LARGEST_INTEGER


@pytest.mark.parametrize(
    "fields",
    [
        {"cost": L + 1},
        {"realised": L, "funding": 1, "cash": L + 1},
        {"realised": L + 1, "fees": 1, "cash": L},
        {"fees": L + 1, "realised": 1, "cash": -L},
        {"funding": L + 1, "fees": 1, "cash": L},
        {"quantity": L + 1, "bought": L + 1},
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_position_that_would_not_fit_a_journal_is_refused(margin, fields, sign):
    """Each number by itself, though the identities hold, and the largest that fits is none too many."""
    position = trade(margin, 5, 400_000)
    position.quantity = position.bought = 0
    position.realised = position.cash = L * sign
    _check_identities(position, PERP, "it")
    position.realised = position.cash = 0
    for name, value in fields.items():
        setattr(position, name, value * sign)
    with pytest.raises(LedgerError, match="does not fit after it"):
        _check_identities(position, PERP, "it")


@pytest.mark.parametrize(
    "fields",
    [{"cost": L}, {"realised": L, "cash": L}, {"fees": L, "cash": -L}, {"funding": L, "cash": L}, {"quantity": L, "bought": L}],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_position_of_the_largest_numbers_fits(margin, fields, sign):
    """What a journal can hold is not refused."""
    position = trade(margin, 5, 400_000)
    position.quantity = position.bought = position.cost = 0
    for name, value in fields.items():
        setattr(position, name, value * sign)
    _check_identities(position, PERP, "it")


def test_a_margin_account_may_send_what_it_borrows(margin):
    """Whether the venue lends it is the venue's to say."""
    assert margin.transfer("m", "b", "USDT", 1_001 * USDT)[0] == -USDT


def test_a_deposit_that_does_not_cover_a_debt_is_taken(margin):
    """Only a withdrawal can ask for too much."""
    trade(margin, -1_000, 10_000, instrument=BTC)
    assert margin.deposit("m", "BTC", 10) == 10 - 10**8
    assert margin.deposit("m", "BTC", 0) == 10 - 10**8
    with pytest.raises(LedgerError, match="holds too little BTC"):
        margin.deposit("m", "BTC", -1)


def test_a_position_whose_record_was_tampered_with_is_found(margin):
    """Each position is held to its own identities, apart from the balance."""
    position = trade(margin, 5, 400_000)
    position.funding += 1
    with pytest.raises(LedgerError, match="does not balance"):
        margin.check({PERP.instrument_id: PERP})


def test_the_payment_after_which_a_position_does_not_balance_is_named(margin):
    """Whoever looks for the cause begins with the event before it."""
    trade(margin, 5, 400_000).funding += 1
    with pytest.raises(LedgerError, match="does not balance after funding-7"):
        margin.apply_funding(FundingRecorded(0, "m", "s", PERP.instrument_id, "funding-7", 1), PERP)


@pytest.mark.parametrize(("asset", "event"), [
    ("USDT", lambda ledger: trade(ledger, 5, 400_000)),
    ("USDT", lambda ledger: ledger.deposit("m", "USDT", 1)),
    ("USDT", lambda ledger: ledger.transfer("b", "m", "USDT", 1)),
    ("USDT", lambda ledger: ledger.apply_funding(FundingRecorded(0, "m", "", PERP.instrument_id, "f", 1), PERP)),
    ("USDT", lambda ledger: ledger.apply_funding(FundingRecorded(0, "m", "s", PERP.instrument_id, "f", 1), PERP)),
    ("BNB", lambda ledger: trade(ledger, 5, 400_000, fee=1, fee_asset="BNB")),
    ("BTC", lambda ledger: trade(ledger, 5, 10_000, instrument=BTC)),
    ("BTC", lambda ledger: trade(ledger, 1_000, 10_000, fee=1, fee_asset="BTC", instrument=BTC)),
])  # fmt: skip
def test_a_balance_that_does_not_follow_from_its_events_is_found_at_the_next_one(margin, asset, event):
    """Whatever the event, and not only by a full check."""
    trade(margin, 5, 400_000)
    margin.deposit("b", "USDT", 1)
    margin.balances["m", asset] = margin.balance("m", asset) + 1
    with pytest.raises(LedgerError, match="events add up to"):
        event(margin)


@pytest.mark.parametrize("fee_asset", ["USDT", "BNB"])
@pytest.mark.parametrize(("borne", "wrong"), [(0, -1), (3, 3), (3, 6)])
def test_a_balance_that_is_wrong_by_what_fees_could_hide_is_found_at_the_next_fill(margin, borne, wrong, fee_asset):
    """3 money units of funding that no strategy bears count as a fee of the account; fees in another asset hide nothing of this one."""
    trade(margin, 5, 400_000, fee=1, fee_asset=fee_asset)
    if borne:
        margin.apply_funding(FundingRecorded(0, "m", "", PERP.instrument_id, "f", -borne), PERP)
    margin.balances["m", "USDT"] += wrong
    with pytest.raises(LedgerError, match="events add up to"):
        trade(margin, 5, 400_000)


@pytest.mark.parametrize(
    ("asset", "signed", "change"), [("USDT", -10, USDT), ("USDT", 10, -USDT), ("BTC", 10, 10**6), ("BTC", -10, -(10**6))]
)
@pytest.mark.parametrize("beyond", [0, 1])
def test_a_fill_after_which_a_balance_would_not_fit_is_refused_and_the_last_that_fits_is_not(margin, asset, signed, change, beyond):
    """At both ends of what 64 bits can hold; the balance that does not fit is not kept."""
    most, unit = (LARGEST_INTEGER, 1) if change > 0 else (-LARGEST_INTEGER, -1)
    margin.balances["m", asset] = margin.deposits["m", asset] = most - change + beyond * unit
    if not beyond:
        trade(margin, signed, 10_000, instrument=BTC)
        assert margin.balance("m", asset) == most
        return
    with pytest.raises(LedgerError, match=f"account m: a {asset} balance of {most + unit} does not fit"):
        trade(margin, signed, 10_000, instrument=BTC)
    assert margin.balance("m", asset) == most - change + unit


def test_turnover_that_no_longer_fits_is_counted_anew():
    """At 18 decimal places a few units traded back and forth would fill 62 bits; what is held still adds up."""
    wei = Instrument(instrument_id="v:W", base="W", quote="USDT", price_scale=0, quantity_scale=18)
    ledger = Ledger()
    ledger.accounts["m"] = Account(AccountType.MARGIN, 1_000_000)
    for _ in range(9):
        for signed in (10**18, -(10**18) + 1):
            trade_of(ledger, wei, signed)
            position = ledger.positions["m", "s", "v:W"]
            assert max(position.bought, position.sold) <= LARGEST_INTEGER
    ledger.check({"v:W": wei})
    assert position.quantity == 9


@pytest.mark.parametrize("sign", [1, -1])
def test_turnover_that_just_fits_is_kept(sign):
    """The largest number is none too many, on either side."""
    wei = Instrument(instrument_id="v:W", base="W", quote="USDT", price_scale=0, quantity_scale=18)
    ledger = Ledger()
    ledger.accounts["m"] = Account(AccountType.MARGIN, 1_000_000)
    for signed in (5, -5, LARGEST_INTEGER - 5):
        trade_of(ledger, wei, sign * signed)
    position = ledger.positions["m", "s", "v:W"]
    assert {position.bought, position.sold} == {LARGEST_INTEGER, 5}


def trade_of(ledger: Ledger, instrument: Instrument, signed: int) -> None:
    """Book a fill at a price of 1."""
    side = Side.BUY if signed > 0 else Side.SELL
    ledger.apply_fill(
        FillRecorded(0, "o", "s", "m", instrument.instrument_id, "v", "t", side, 1, abs(signed), 0, "USDT", Liquidity.TAKER, 0, late=False),
        instrument,
    )
