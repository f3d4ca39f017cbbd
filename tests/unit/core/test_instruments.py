"""Instruments: definitions that contradict themselves are refused."""

import pytest

from live.core.errors import InstrumentError


@pytest.mark.parametrize(
    "changes",
    [
        {"instrument_id": "BTCUSDT"},
        {"instrument_id": ":BTCUSDT"},
        {"instrument_id": "venue:"},
        {"price_scale": -1},
        {"quantity_scale": -1},
        {"price_scale": 19},
        {"quantity_scale": 19},
        {"contract_scale": 19},
        {"contract_scale": -1},
        {"contract_size": 0},
        {"base": "USDT"},
        {"quote": ""},
        {"tick_size": 2**62},
        {"minimum_notional": 2**62},
        {"initial_margin_ppm": 1_000_001},
        {"maintenance_margin_ppm": 0},
        {"initial_margin_ppm": 10_000, "maintenance_margin_ppm": 10_001},
        {"tick_size": 0},
        {"lot_size": 0},
        {"minimum_quantity": 0},
        {"maximum_quantity": 9},
        {"minimum_notional": -1},
    ],
)
def test_a_definition_that_contradicts_itself_is_refused(make, changes):
    """Each scale, step, bound and name is judged by itself."""
    with pytest.raises(InstrumentError):
        make.btc(**changes)


def test_a_notional_is_exact(make):
    """0.123 BTC at 100.01 USDT is worth 12.30123 USDT, to the last of eight places."""
    assert make.btc().notional(10_001, 123) == 1_230_123_000


def test_the_venue_is_in_the_id(make):
    """What stands before the colon is the venue."""
    assert make.btc().venue_id == "binance-spot"
