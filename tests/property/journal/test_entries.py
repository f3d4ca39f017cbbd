"""Every kind of entry, with any values, survives its encoding."""

from types import UnionType
from typing import Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live.core.instruments import Instrument
from live.core.records import SCHEMA_VERSIONS
from live.journal import decode_entry, encode_entry
from live.journal.entries import KINDS

INTEGERS = st.integers(-(2**63), 2**63 - 1)
INSTRUMENTS = st.builds(
    Instrument,
    instrument_id=st.builds("{}:{}".format, st.text("abc-", min_size=1), st.text("ABC", min_size=1)),
    base=st.text("ABC", min_size=1, max_size=5),
    quote=st.text("XYZ", min_size=1, max_size=5),
    price_scale=st.integers(0, 4),
    quantity_scale=st.integers(0, 4),
)


def _values(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    fields = {field.name: st.deferred(lambda wanted=field.type: _of_type(wanted)) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields)


def _of_type(wanted: Any) -> st.SearchStrategy[Any]:
    arguments = get_args(wanted)
    if wanted is int:
        return INTEGERS
    if wanted is Instrument:
        return INSTRUMENTS
    if isinstance(wanted, UnionType):
        return st.one_of(*(_of_type(argument) for argument in arguments))
    if get_origin(wanted) is tuple:
        return st.lists(_of_type(arguments[0]), max_size=3).map(tuple)
    if get_origin(wanted) is dict:
        return st.dictionaries(_of_type(arguments[0]), _of_type(arguments[1]), max_size=3)
    if issubclass(wanted, msgspec.Struct):
        return _values(wanted)
    return st.from_type(wanted)


@pytest.mark.parametrize("kind", list(KINDS), ids=lambda kind: kind.__name__)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_entry_comes_back_as_it_was_from_bytes_that_only_it_has(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    """Decoding undoes encoding, and equal bytes mean equal entries."""
    entry, other = data.draw(_values(kind)), data.draw(_values(kind))
    body = encode_entry(entry)
    assert decode_entry(kind.__name__, SCHEMA_VERSIONS.get(kind.__name__, 1), body) == entry
    assert (encode_entry(other) == body) == (other == entry)
