import pytest

from dagster_project.equity import (
    DAY,
    EquityError,
    EquityPoint,
    FillFact,
    FundingFact,
    drawdown,
    equity_curve,
    read_fills,
    read_funding,
    returns_by_day,
)
from live.core.inputs import Bar, InstrumentDefined
from live.core.instruments import Instrument
from live.core.records import FillRecorded, FundingRecorded
from live.core.vocabulary import InstrumentKind, Liquidity, Side
from live.journal import JournalFile

BTC = Instrument(instrument_id="venue:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=6)
ETH = Instrument(instrument_id="venue:ETHUSDT", base="ETH", quote="USDT", price_scale=2, quantity_scale=6)
INSTRUMENTS = {BTC.instrument_id: BTC, ETH.instrument_id: ETH}
MONEY = 10**8


def bar(ts, close, instrument=BTC):
    """Make a bar that closes at `ts` with a price in whole quote units."""
    price = close * 100
    return Bar(ts, ts, instrument.instrument_id, price, price, price, price, 1)


def fill(ts, sign, price, quantity, fee=0, instrument=BTC):
    """Make a fill of so many whole base units at a price in whole quote units, with a fee in whole quote units."""
    return FillFact(ts, instrument.instrument_id, sign, price * 100, quantity * 10**6, fee * MONEY)


def test_equity_is_cash_and_positions_at_the_last_closes():
    """A purchase changes nothing but its fee, then every close moves equity by the held quantity."""
    bars = [bar(1, 100), bar(2, 100), bar(3, 110), bar(4, 90)]
    fills = [fill(2, +1, 100, 2, fee=1), fill(4, -1, 95, 2, fee=1)]
    curve = equity_curve(fills, bars, INSTRUMENTS, 1000 * MONEY)
    assert [(point.ts, point.equity // MONEY) for point in curve] == [(1, 1000), (2, 999), (3, 1019), (4, 988)]


def test_bars_of_one_time_are_one_point():
    """Two instruments that close together are valued together, each at its own close."""
    bars = [bar(1, 100), bar(1, 10, ETH), bar(2, 120), bar(2, 20, ETH)]
    fills = [fill(1, +1, 100, 1), fill(1, +1, 10, 1, instrument=ETH)]
    curve = equity_curve(fills, bars, INSTRUMENTS, 1000 * MONEY)
    assert curve == [EquityPoint(1, 1000 * MONEY), EquityPoint(2, 1030 * MONEY)]


def test_a_perpetual_is_valued_by_its_gain_and_its_funding():
    """Ten contracts of 0.1 BTC at 100, now at 110, gained 10; 3 were paid at the second bar."""
    perpetual = Instrument(
        instrument_id="venue:BTCPERP",
        base="BTC",
        quote="USDT",
        price_scale=2,
        quantity_scale=0,
        kind=InstrumentKind.PERPETUAL,
        contract_scale=1,
    )
    bars = [bar(1, 100, perpetual), bar(2, 110, perpetual), bar(3, 100, perpetual)]
    fills = [FillFact(1, perpetual.instrument_id, 1, 100 * 100, 10, 0)]
    curve = equity_curve(fills, bars, {perpetual.instrument_id: perpetual}, 1000 * MONEY, [FundingFact(2, -3 * MONEY)])
    assert [point.equity // MONEY for point in curve] == [1000, 1007, 997]


def test_a_position_without_a_bar_yet_is_valued_at_its_fill():
    """What was just bought is worth what was paid until a close says otherwise."""
    curve = equity_curve([fill(1, +1, 50, 1, instrument=ETH)], [bar(1, 100), bar(2, 100)], INSTRUMENTS, 1000 * MONEY)
    assert [point.equity for point in curve] == [1000 * MONEY] * 2


def test_fills_and_bars_out_of_order_are_refused():
    """A curve from shuffled facts would be wrong without looking wrong."""
    with pytest.raises(EquityError, match="fills must be in order"):
        equity_curve([fill(2, 1, 1, 1), fill(1, 1, 1, 1)], [bar(1, 1)], INSTRUMENTS, 0)
    with pytest.raises(EquityError, match="bars must be in order"):
        equity_curve([], [bar(2, 1), bar(1, 1)], INSTRUMENTS, 0)


def test_two_quote_assets_make_no_curve():
    """Dollars and euros are not added up."""
    other = Instrument(instrument_id="venue:ETHEUR", base="ETH", quote="EUR", price_scale=2, quantity_scale=6)
    fills = [fill(1, 1, 1, 1), fill(1, 1, 1, 1, instrument=other)]
    with pytest.raises(EquityError, match="EUR, USDT"):
        equity_curve(fills, [bar(1, 1)], {**INSTRUMENTS, other.instrument_id: other}, 0)


def test_a_day_closes_with_its_last_point_and_midnight_belongs_to_the_day_before():
    """The first day counts from the first point, each other from the close before it."""
    curve = [EquityPoint(1, 100), EquityPoint(DAY, 110), EquityPoint(DAY + 1, 500), EquityPoint(2 * DAY, 99)]
    assert returns_by_day(curve) == [(0, pytest.approx(0.1)), (1, pytest.approx(-0.1))]
    assert returns_by_day([]) == []


def test_a_return_of_nothing_is_refused():
    """A share of zero equity is no number."""
    with pytest.raises(EquityError, match="equity above zero"):
        returns_by_day([EquityPoint(1, 0), EquityPoint(2, 5)])


def test_drawdown_is_the_deepest_fall_from_a_peak():
    """A later, smaller fall does not hide it, and a rising curve has none."""
    curve = [EquityPoint(number, equity) for number, equity in enumerate([100, 120, 60, 130, 117])]
    assert drawdown(curve) == pytest.approx(0.5)
    assert drawdown(curve[:2]) == 0.0


def recorded(trade, strategy, fee, fee_asset):
    """Make the record of a purchase of one BTC at 50."""
    return FillRecorded(
        7,
        "order",
        strategy,
        "account",
        BTC.instrument_id,
        "v",
        trade,
        Side.BUY,
        5000,
        10**6,
        fee,
        fee_asset,
        Liquidity.TAKER,
        6,
        late=False,
    )


def write_journal(path, *fills):
    """Write a journal that defines the instrument and holds fills."""
    file = JournalFile.create(path, session_id="test", durable=False, created_at=0)
    file.append_step(InstrumentDefined(1, BTC), fills, (1, 0))
    file.close()


def test_fills_are_read_from_a_journal_by_strategy(tmp_path):
    """Fees in the base asset are valued at the fill's own price, rounded up."""
    write_journal(tmp_path / "j", recorded("t1", "one", 5, "USDT"), recorded("t2", "two", 3, "BTC"))
    assert read_fills(tmp_path / "j") == [
        FillFact(7, BTC.instrument_id, 1, 5000, 10**6, 5),
        FillFact(7, BTC.instrument_id, 1, 5000, 10**6, 150),
    ]
    assert [one.fee for one in read_fills(tmp_path / "j", "two")] == [150]


def test_funding_is_read_from_a_journal_by_strategy(tmp_path):
    """What no strategy explains is the account's, and counts only in all of them together."""
    payments = [FundingRecorded(7, "a", strategy_id, BTC.instrument_id, "f", amount) for strategy_id, amount in (("one", 5), ("", -2))]
    write_journal(tmp_path / "j", *payments)
    assert read_funding(tmp_path / "j") == [FundingFact(7, 5), FundingFact(7, -2)]
    assert read_funding(tmp_path / "j", "one") == [FundingFact(7, 5)]


def test_a_fee_without_a_price_is_refused(tmp_path):
    """A discount token is not guessed to be worth nothing."""
    write_journal(tmp_path / "j", recorded("t1", "one", 5, "BNB"))
    with pytest.raises(EquityError, match="BNB"):
        read_fills(tmp_path / "j")
