import math

import pytest

from live.promotion import DocumentError, encode_canonical, parse_canonical, sha256_hex


def test_equal_documents_have_equal_bytes() -> None:
    """Keys are sorted, nothing is padded, and text is written in UTF-8 as it is."""
    assert encode_canonical({"b": [1, 0.5, True, None], "a": "Zürich"}) == '{"a":"Zürich","b":[1,0.5,true,null]}'.encode()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_cannot_be_written(value: float) -> None:
    """NaN and infinity have no JSON form, so a document that holds one is refused rather than changed to null."""
    with pytest.raises(DocumentError, match="finite"):
        encode_canonical({"measured": value})


def test_a_type_json_lacks_cannot_be_written() -> None:
    """A value without a JSON form is an error, not its string form."""
    with pytest.raises(DocumentError):
        encode_canonical({"value": object()})


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.50}',
        b'{"a":1e0}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
    ],
)
def test_another_spelling_of_the_same_document_is_refused(raw: bytes) -> None:
    """Space, order, repetition, number form and needless escapes are all one spelling only."""
    with pytest.raises(DocumentError, match="canonical"):
        parse_canonical(raw)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"NaN", b'{"a":Infinity}', b"\xff\xfe", b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), b"[" * 100_000]
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    """Broken text, other encodings, NaN and absurd nesting end in one clear error."""
    with pytest.raises(DocumentError, match="JSON in UTF-8 was expected"):
        parse_canonical(raw)


def test_the_digest_is_plain_sha256() -> None:
    """Anyone can check a digest with sha256sum (the value is the published one of the empty input)."""
    assert sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
