"""The chain over a commit's rows is the same whether they are folded in one by one or all at once."""

import pytest

from live.journal.schema import ChainLink

HEAD = "00" * 32


@pytest.mark.parametrize("count", [1, 15, 16, 65_535, 65_536])
def test_rows_folded_in_together_give_the_head_of_rows_folded_in_one_by_one(count):
    """At every length at which MessagePack writes the header of an array another way."""
    rows = [(seq, 1, "DayOpened", 1, 0, 1, 0, b"body") for seq in range(count)]
    one_by_one, together = ChainLink(HEAD), ChainLink(HEAD)
    for row in rows:
        one_by_one.add(row)
    together.add_all(rows)
    assert together.head() == one_by_one.head()
