import msgspec
import pytest

from live.promotion.cache import (
    CACHE_SCHEMA,
    Accepted,
    AliasState,
    CacheError,
    StrategyState,
    cached_bundle_path,
    cached_bundles,
    read_state,
    state_path,
    write_cached_bundle,
    write_state,
)
from live.promotion.errors import PromotionError

ACCEPTED = Accepted(3, "a" * 64, "ema_cross@3f9a1c2")
STATE = StrategyState(
    CACHE_SCHEMA,
    "ema_cross",
    "http://127.0.0.1:5000",
    7,
    "",
    ("b" * 64,),
    {"candidate": AliasState("accepted", "", "it may", 3, "a" * 64, 7, ACCEPTED)},
)


def test_a_state_is_read_as_it_was_written(tmp_path):
    """What sync wrote is what the service reads; where nothing was written there is nothing."""
    assert read_state(tmp_path, "ema_cross") is None
    write_state(tmp_path, STATE)
    assert read_state(tmp_path, "ema_cross") == STATE


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"\xff",
        b"[]",
        msgspec.json.encode(msgspec.structs.replace(STATE, strategy="other")),
        msgspec.json.encode(msgspec.structs.replace(STATE, schema=2)),
        msgspec.json.encode(STATE).replace(b"a" * 64, b"../../../elsewhere"),
        msgspec.json.encode(STATE).replace(b'"candidate"', b'"staging"'),
    ],
)
def test_a_state_that_is_not_whole_or_another_ones_is_an_error(tmp_path, content):
    """A damaged file never reads as an empty one, and a digest that is none never becomes a path."""
    state_path(tmp_path, "ema_cross").parent.mkdir()
    state_path(tmp_path, "ema_cross").write_bytes(content)
    with pytest.raises(CacheError, match="run `interlock sync`"):
        read_state(tmp_path, "ema_cross")


def test_bundles_are_found_by_their_digest(tmp_path):
    """Bundles of earlier promotions stay, so that old sessions can be replayed."""
    write_cached_bundle(tmp_path, "a" * 64, b"first")
    write_cached_bundle(tmp_path, "b" * 64, b"second")
    assert cached_bundle_path(tmp_path, "b" * 64).read_bytes() == b"second"
    assert [path.name[0] for path in cached_bundles(tmp_path)] == ["a", "b"]


def test_a_state_is_never_written_outside_its_folder(tmp_path):
    """A strategy id is a name before it is a file."""
    with pytest.raises(PromotionError):
        write_state(tmp_path, msgspec.structs.replace(STATE, strategy="../ema_cross"))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_is_a_sentence(tmp_path):
    """What cannot be written says where and what to do."""
    (tmp_path / "registry").write_text("in the way")
    with pytest.raises(CacheError, match="cannot be written"):
        write_state(tmp_path, STATE)
