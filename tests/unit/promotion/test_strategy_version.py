from typing import Any

import msgspec
import pytest

from live.core.errors import LimitError
from live.core.instruments import Instrument
from live.core.limits import Limits, complete
from live.core.vocabulary import InstrumentKind
from live.promotion import (
    DataNeeds,
    DocumentError,
    PromotionError,
    StrategyVersion,
    describe_version,
    encode_canonical,
    parse_canonical,
    read_version,
)

BTC = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=6)
VERSION = StrategyVersion(
    schema=1,
    strategy_id="ema_cross",
    entry_point="strategy:EmaCross",
    parameters={"fast": 20, "fraction": 0.5, "trailing": True, "side": "long"},
    instruments=(BTC,),
    data=DataNeeds(kind="bars", interval_seconds=1800, warm_up_bars=200),
    limits=Limits(
        maximum_order_quantity={"binance-spot:BTCUSDT": 5_000_000},
        maximum_order_notional=20_000 * 10**8,
        maximum_position_notional=30_000 * 10**8,
        maximum_open_orders=2,
        maximum_orders_per_minute=4,
        maximum_daily_loss=400 * 10**8,
        price_collar_ppm=50_000,
        maximum_data_age=3_600 * 10**9,
    ),
    source_digest="5" * 64,
)

replace = msgspec.structs.replace
OTHER_FIELDS: dict[str, Any] = {
    "strategy_id": "ema_cross_2",
    "entry_point": "strategy:Other",
    "parameters": {**VERSION.parameters, "fast": 21},
    "instruments": (BTC, replace(BTC, instrument_id="binance-spot:ETHUSDT")),
    "data": replace(VERSION.data, warm_up_bars=201),
    "limits": replace(VERSION.limits, maximum_open_orders=1),
    "source_digest": "6" * 64,
}
OTHER_INSTRUMENT: dict[str, Any] = {
    "instrument_id": "binance-spot:BTCUSDC",
    "base": "XBT",
    "quote": "USDC",
    "price_scale": 1,
    "quantity_scale": 5,
    "tick_size": 2,
    "lot_size": 2,
    "minimum_quantity": 2,
    "maximum_quantity": 2,
    "minimum_notional": 2,
    "version": 2,
    "kind": InstrumentKind.PERPETUAL,
    "contract_size": 2,
    "contract_scale": 1,
    "initial_margin_ppm": 999_999,
    "maintenance_margin_ppm": 999_999,
}


@pytest.mark.parametrize("field", [field for field in StrategyVersion.__struct_fields__ if field != "schema"])
def test_every_field_is_part_of_the_digest(field: str) -> None:
    """Two versions that differ in one field have different digests; a new field must be added to this test."""
    assert replace(VERSION, **{field: OTHER_FIELDS[field]}).digest != VERSION.digest


@pytest.mark.parametrize("field", Instrument.__struct_fields__)
def test_every_field_of_an_instrument_is_part_of_the_digest(field: str) -> None:
    """A changed scale, step or bound is another version."""
    second = replace(BTC, instrument_id="binance-spot:SECOND", maintenance_margin_ppm=500_000)
    changed = replace(second, **{field: OTHER_INSTRUMENT[field]})
    assert replace(VERSION, instruments=(BTC, changed)).digest != replace(VERSION, instruments=(BTC, second)).digest


@pytest.mark.parametrize("field", Limits.__struct_fields__)
def test_every_limit_is_part_of_the_digest(field: str) -> None:
    """A limit one unit tighter is another version."""
    value = getattr(VERSION.limits, field)
    if isinstance(value, dict):
        other = {name: quantity - 1 for name, quantity in value.items()}
    elif isinstance(value, bool):
        other = not value
    else:
        other = (value or getattr(complete(VERSION.limits), field)) - 1
    assert replace(VERSION, limits=replace(VERSION.limits, **{field: other})).digest != VERSION.digest


@pytest.mark.parametrize(
    "parameters",
    [{}, {"fast": 20}, {**VERSION.parameters, "slow": 50}, {**VERSION.parameters, "fast": 20.0}, {**VERSION.parameters, "trailing": 1}],
)
def test_every_parameter_is_part_of_the_digest(parameters: dict[str, Any]) -> None:
    """A missing, added or differently typed parameter is another version."""
    assert replace(VERSION, parameters=parameters).digest != VERSION.digest


def test_the_digest_of_a_version_is_fixed() -> None:
    """This digest may change only together with the schema number, or old evidence would be for nothing."""
    assert VERSION.digest == "62ad9832fc14c2dc99b581b6e0e0a6b8a20586ce820c0ca4b7f1ff71fd593c72"
    assert VERSION.label == "ema_cross@62ad983"


def test_the_order_of_parameters_does_not_matter() -> None:
    """Parameters are named, so their order says nothing."""
    assert replace(VERSION, parameters=dict(reversed(VERSION.parameters.items()))).digest == VERSION.digest


def test_a_version_reads_back_from_its_document() -> None:
    """Writing and reading give an equal version with the same digest."""
    read = read_version(parse_canonical(encode_canonical(describe_version(VERSION))))
    assert read == VERSION
    assert read.digest == VERSION.digest


def test_limits_are_written_by_name() -> None:
    """A person who reads a bundle sees which limit is which."""
    assert describe_version(VERSION)["limits"]["price_collar_ppm"] == 50_000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limits", {}),
        ("limits", [1]),
        ("limits", None),
        ("schema", 2),
        ("schema", "1"),
        ("strategy_id", "a/b"),
        ("source_digest", "5" * 63),
        ("source_digest", "A" * 64),
        ("source_digest", "5" * 64 + "\n"),
        ("parameters", {"fast": None}),
        ("instruments", []),
        ("surprise", 1),
    ],
)
def test_a_malformed_document_is_refused(field: str, value: object) -> None:
    """A field that is missing, unknown, mistyped or contradictory is an error."""
    with pytest.raises(DocumentError):
        read_version({**describe_version(VERSION), field: value})


@pytest.mark.parametrize("field", StrategyVersion.__struct_fields__)
def test_a_missing_field_is_refused(field: str) -> None:
    """Nothing has a default that could stand in for what was not said."""
    document = describe_version(VERSION)
    del document[field]
    with pytest.raises(DocumentError):
        read_version(document)


@pytest.mark.parametrize("document", [None, [], "x", {}])
def test_what_is_no_document_is_refused(document: object) -> None:
    """Another type is an error, not an exception of the parser."""
    with pytest.raises(DocumentError):
        read_version(document)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("price_collar_ppm", 100_001),
        ("maximum_open_orders", 0),
        ("maximum_order_quantity", {"binance-spot:OTHER": 1}),
        ("maximum_order_quantity", {}),
    ],
)
def test_limits_that_limit_nothing_are_refused_with_their_own_error(name: str, value: object) -> None:
    """Reading checks the limits again, whatever was true when they were written."""
    document = describe_version(VERSION)
    with pytest.raises(LimitError):
        read_version({**document, "limits": {**document["limits"], name: value}})


def test_a_version_made_in_code_is_checked_too() -> None:
    """A contradiction is refused where it is made, not only where it is read."""
    with pytest.raises(LimitError):
        replace(VERSION, instruments=(replace(BTC, instrument_id="binance-spot:ETHUSDT"),))
    with pytest.raises(PromotionError):
        replace(VERSION, schema=2)


@pytest.mark.parametrize(
    ("data", "written"),
    [
        (VERSION.data, {"kind": "bars", "interval_seconds": 1800, "warm_up_bars": 200}),
        (DataNeeds(kind="bars", interval_seconds=60, warm_up_bars=0), {"kind": "bars", "interval_seconds": 60, "warm_up_bars": 0}),
        (DataNeeds(kind="trades", warm_up_bars=0), {"kind": "trades", "warm_up_bars": 0}),
        (
            DataNeeds(kinds=("bars", "funding"), interval_seconds=60, warm_up_bars=5),
            {"kinds": ["bars", "funding"], "interval_seconds": 60, "warm_up_bars": 5},
        ),
    ],
)
def test_data_needs_are_written_as_they_were_before_there_was_a_choice(data: DataNeeds, written: dict[str, Any]) -> None:
    """A version on bars is the same document as ever, so that old digests hold; other needs are read back as they were."""
    version = replace(VERSION, data=data)
    document = describe_version(version)
    assert parse_canonical(encode_canonical(document["data"])) == written
    assert read_version(parse_canonical(encode_canonical(document))) == version
