from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.promotion import DocumentError, encode_canonical, parse_canonical

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda children: st.lists(children) | st.dictionaries(TEXT, children),
    max_leaves=20,
)


def same(first: Any, second: Any) -> bool:
    """Compare with types, because 1, 1.0 and True are equal to Python and different in JSON."""
    return repr(first) == repr(second)


@given(DOCUMENTS)
def test_a_document_has_one_spelling_and_reads_back(document: Any) -> None:
    """Writing, reading and writing again gives the same bytes, so a digest names the meaning."""
    raw = encode_canonical(document)
    read = parse_canonical(raw)
    assert encode_canonical(read) == raw
    assert read == document


@given(DOCUMENTS, DOCUMENTS)
def test_different_documents_have_different_bytes(first: Any, second: Any) -> None:
    """Two documents share their bytes only when they are the same."""
    if encode_canonical(first) == encode_canonical(second):
        assert same(parse_canonical(encode_canonical(first)), parse_canonical(encode_canonical(second)))
        assert first == second


@given(st.binary(max_size=60))
def test_any_bytes_are_canonical_or_refused(raw: bytes) -> None:
    """Reading either refuses or has read the canonical spelling of what it gives."""
    try:
        value = parse_canonical(raw)
    except DocumentError:
        return
    assert encode_canonical(value) == raw


@given(DOCUMENTS.map(encode_canonical), st.data())
def test_white_space_is_refused_wherever_it_is_put(raw: bytes, data: st.DataObject) -> None:
    """A blank outside of text changes no meaning, and inside text changes it: neither passes as the original."""
    offset = data.draw(st.integers(0, len(raw)))
    changed = raw[:offset] + b" " + raw[offset:]
    try:
        value = parse_canonical(changed)
    except DocumentError:
        return
    assert not same(value, parse_canonical(raw))


def test_a_lone_surrogate_cannot_be_written() -> None:
    """Text that has no UTF-8 form is refused."""
    with pytest.raises(DocumentError):
        encode_canonical({"text": "\ud800"})
