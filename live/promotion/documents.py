"""Canonical JSON: the one spelling of a document, so that equal documents have equal bytes and equal digests.

Keys are sorted by code point, there is no white space, text is UTF-8 and unescaped where JSON allows it, and a float is
written in its shortest form that reads back equal. NaN and infinity do not exist.
"""

import hashlib
import json
from typing import Any, NoReturn

import msgspec

from live.promotion.errors import DocumentError


def encode_canonical(value: object) -> bytes:
    """Write a value of plain types or msgspec structs as canonical JSON.

    Raises:
        DocumentError: the value holds a number that is not finite, broken text, or a type JSON does not have.
    """
    try:
        plain = msgspec.to_builtins(value, str_keys=True)
        return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise DocumentError(
            f"the document cannot be written as canonical JSON: {error}; use text, whole numbers and finite floats"
        ) from error


def parse_json(raw: bytes) -> Any:
    """Read UTF-8 JSON, refusing NaN and infinity.

    Raises:
        DocumentError: the bytes are not UTF-8 or not JSON.
    """
    try:
        return json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"JSON in UTF-8 was expected, received {raw[:40]!r}: {error}") from error


def is_canonical(raw: bytes, value: object) -> bool:
    """Say whether `raw` is the canonical spelling of `value`, which was parsed from it."""
    try:
        return encode_canonical(value) == raw
    except DocumentError:
        return False


def parse_canonical(raw: bytes) -> Any:
    """Read JSON and insist on its canonical spelling, so that a digest over the bytes is a digest over the meaning.

    Raises:
        DocumentError: the bytes are not JSON, or are spelled in another way.
    """
    value = parse_json(raw)
    if not is_canonical(raw, value):
        raise DocumentError(
            "the JSON is not in canonical form (sorted keys, no spaces, UTF-8): it was edited or written by another program"
        )
    return value


def sha256_hex(raw: bytes) -> str:
    """Give the SHA-256 of `raw` as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(raw).hexdigest()


def _refuse_constant(name: str) -> NoReturn:
    raise DocumentError(f"{name} is not a number JSON has")
