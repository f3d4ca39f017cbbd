from pathlib import Path

import msgspec
import pytest

from live.service.address import ADDRESS_FILE, ServiceAddress, read_address


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:8420"), ("::1", "http://[::1]:8420")])
def test_an_address_becomes_a_url(host: str, url: str) -> None:
    """An IPv6 address stands in brackets."""
    assert ServiceAddress(host, 8420, 1).url == url


def test_what_the_service_wrote_is_read(tmp_path: Path) -> None:
    """The command line finds the service by the file in its home."""
    address = ServiceAddress("127.0.0.1", 8420, 1)
    (tmp_path / ADDRESS_FILE).write_bytes(msgspec.json.encode(address))
    assert read_address(tmp_path) == address


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"host": 3}'])
def test_a_missing_or_damaged_file_names_no_service(tmp_path: Path, content: bytes | None) -> None:
    """Then the configuration says where to look."""
    if content is not None:
        (tmp_path / ADDRESS_FILE).write_bytes(content)
    assert read_address(tmp_path) is None
