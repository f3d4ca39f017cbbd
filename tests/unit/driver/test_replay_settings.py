"""Replay settings: what is written is what is read, what is meant is checked, and nothing is guessed."""

import msgspec
import pytest

from live.core.vocabulary import AccountType
from live.driver.close_out import CloseOut
from live.driver.replay_settings import ReplaySettings, ReplaySettingsError, parse_moment, read_settings, write_settings
from live.venues.sim import FillPrice


def test_settings_that_are_written_are_read_back(tmp_path):
    """Every kind of value comes back: texts with quotes, nested tables, ids with colons, numbers, lists, booleans."""
    changes = {
        "data": ['a "b"\\c.tape', "d\n.tape"],
        "parameters": {"fast": 10, "share": 0.25, "on": True, "mode": "x"},
        "balances": {"USDT": "1000.5", "BTC": "2"},
        "account": {"type": "MARGIN", "leverage": "2.5"},
        "venue": {
            "fill": {"price": "SAME_CLOSE"},
            "costs": {"taker_fee_ppm": 7, "instruments": {"x:A": {"maker_fee_ppm": 1, "taker_fee_ppm": 2}}},
        },
        "instruments": {"*": {"kind": "PERPETUAL"}, "binance-spot:BTCUSDT": {"lot_size": 1000}},
        "limits": {"price_collar_ppm": 5, "maximum_order_quantity": {"x:A": "1"}},
        "start": "2022-01-01",
        "close_out": "LAST_PRICE",
    }
    settings = read_settings(None, changes)
    file = tmp_path / "replay.toml"
    file.write_text(write_settings(settings))
    assert read_settings(file, {}) == settings
    assert (settings.leverage_ppm, settings.close_out, settings.venue.fill.price) == (2_500_000, CloseOut.LAST_PRICE, FillPrice.SAME_CLOSE)
    assert settings.account.type is AccountType.MARGIN
    assert settings.opening_balances() == {"USDT": 1000_50000000, "BTC": 2_00000000}


def test_what_is_said_on_the_command_line_comes_before_the_file(tmp_path):
    """A table is merged key by key."""
    file = tmp_path / "replay.toml"
    file.write_text('balances = { USDT = "1", BTC = "2" }\n[venue.costs]\nmaker_fee_ppm = 1\ntaker_fee_ppm = 2\n')
    settings = read_settings(file, {"balances": {"USDT": "5"}, "venue": {"costs": {"taker_fee_ppm": 9}}})
    assert settings.balances == {"USDT": "5", "BTC": "2"}
    assert (settings.venue.costs.maker_fee_ppm, settings.venue.costs.taker_fee_ppm) == (1, 9)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fees": 1}, "unknown field `fees`"),
        ({"venue": {"costs": {"fee": 1}}}, "unknown field `fee`"),
        ({"account": {"leverage": "2"}}, "a cash account has no leverage"),
        ({"account": {"type": "MARGIN", "leverage": "0.5"}}, "leverage must be at least 1"),
        ({"start": "2022-01-02", "end": "2022-01-01"}, "start must lie before end"),
        ({"start": "yesterday"}, "start must be a time"),
        ({"history_bars": -1}, "history_bars"),
        ({"close_out": "SOMEHOW"}, "close_out"),
        ({"bar_opens": True, "venue": {"fill": {"price": "NEXT_CLOSE"}}}, "would fill before the NEXT_CLOSE of their bar"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes, said):
    """With the key in the sentence."""
    with pytest.raises(ReplaySettingsError, match=said):
        read_settings(None, changes)


def test_opens_are_played_to_whoever_fills_at_closes_without_trades():
    """A strategy acts on the open, and its market orders wait for the close."""
    assert read_settings(None, {"bar_opens": True, "venue": {"fill": {"price": "NEXT_CLOSE", "sources": ["BARS"]}}}).bar_opens


@pytest.mark.parametrize("balances", [{"USDT": "-1"}, {"USDT": "1.123456789"}, {"USDT": "much"}])
def test_an_opening_balance_is_exact_and_not_negative(balances):
    """A digit that no money unit holds is not dropped in silence."""
    with pytest.raises(ReplaySettingsError, match=r"balances\.USDT"):
        read_settings(None, {"balances": balances}).opening_balances()


def test_a_file_that_is_missing_or_no_toml_is_one_sentence(tmp_path):
    """Both name the file."""
    with pytest.raises(ReplaySettingsError, match=r"gone\.toml cannot be read"):
        read_settings(tmp_path / "gone.toml", {})
    file = tmp_path / "bad.toml"
    file.write_text("data = [")
    with pytest.raises(ReplaySettingsError, match=r"bad\.toml is not TOML"):
        read_settings(file, {})


def test_a_time_without_a_zone_is_utc():
    """To the microsecond."""
    assert parse_moment("start", "2022-01-01T00:00:00.000001") == 1_640_995_200_000_001_000
    assert parse_moment("start", "2022-01-01T01:00:00+01:00") == parse_moment("start", "2022-01-01")


def test_every_setting_is_described():
    """Each field stands in the docstring that the guide's table is read from."""
    described = ReplaySettings.__doc__ or ""
    assert all(f"        {field.name}: " in described for field in msgspec.structs.fields(ReplaySettings))


def test_a_bare_number_stands_for_its_decimal_text(tmp_path):
    """Where an amount is text, 5 and 0.000001 are as good as "5" and "0.000001"."""
    path = tmp_path / "replay.toml"
    path.write_text(
        "balances = { USD = 100 }\n[account]\ntype = 'MARGIN'\nleverage = 2.5\n[venue.costs]\nfee_per_order = 5\nminimum_fee = 0.000001\n"
    )
    settings = read_settings(path, {})
    assert (settings.balances, settings.account.leverage) == ({"USD": "100"}, "2.5")
    assert (settings.venue.costs.fee_per_order, settings.venue.costs.minimum_fee) == ("5", "0.000001")
