"""Two books are equal, or the difference is named; and evidence of which one bit was changed is still an envelope."""

import base64
import json
from collections import Counter
from decimal import Decimal

import pytest

from dagster_project.demo.books import Book, Execution, differences
from dagster_project.demo.live import with_one_bit_changed

BOUGHT = Execution("7", "IL1", "BUY", Decimal("60000.10"), Decimal("0.01000"), Decimal("0.00001"), "BTC")
SOLD = Execution("8", "IL2", "SELL", Decimal("60001.00"), Decimal("0.00999"), Decimal("0.59940999"), "USDT")


def book(*executions, orders=("IL1", "IL2"), **balances):
    """Make a book."""
    amounts = {"BTC": "20", "USDT": "999999.4"} | balances
    return Book(Counter(executions or (BOUGHT, SOLD)), {asset: Decimal(amount) for asset, amount in amounts.items()}, Counter(orders))


def test_numbers_are_equal_however_they_are_written():
    """The venue writes eight places and the live host as many as an instrument has: the numbers are what counts."""
    assert differences(book(USDT="999999.40000000"), book(BTC="20.00000000")) == []
    longer = BOUGHT._replace(quantity=Decimal("0.01000000"), price=Decimal("60000.10000000"))
    assert differences(book(BOUGHT, SOLD), book(longer, SOLD)) == []


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (book(BOUGHT), "only here"),
        (book(BOUGHT, SOLD, SOLD), "only at the venue"),
        (book(BOUGHT, SOLD._replace(fee=Decimal("0.5994100"))), "only at the venue"),
        (book(USDT="999999.40000001"), "USDT: 999999.4 here, 999999.40000001 at the venue"),
        (book(BNB="1"), "BNB: 0 here, 1 at the venue"),
        (book(orders=("IL1",)), "order IL2: 1 here, 0 at the venue"),
        (book(orders=("IL1", "IL2", "IL2")), "order IL2: 1 here, 2 at the venue"),
    ],
)
def test_each_difference_is_named(there, said):
    """What is missing, what is there twice, and what differs in its last digit are differences."""
    assert any(said in one for one in differences(book(), there))


def test_one_bit_of_the_evidence_is_changed_and_its_form_is_kept():
    """The signature stays, and the payload differs in one byte: what refuses it looked at the signature."""
    payload = b'{"cases":[{"case":"AC-01","outcome":"passed"}]}'
    envelope = json.dumps({"payload": base64.b64encode(payload).decode(), "signatures": [{"sig": "AAAA"}]}).encode()
    changed = json.loads(with_one_bit_changed(envelope))
    assert changed["signatures"] == [{"sig": "AAAA"}]
    said = base64.b64decode(changed["payload"])
    assert sum((one ^ other).bit_count() for one, other in zip(payload, said, strict=True)) == 1
