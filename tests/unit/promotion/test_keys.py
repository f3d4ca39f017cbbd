import hashlib
import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from live.cli.keys import trusted_key_toml
from live.promotion import (
    KeyFileError,
    KeyFiles,
    SigningKey,
    TrustedKey,
    generate_key,
    load_public_key,
    load_signing_key,
    parse_trusted_key,
)


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> KeyFiles:
    return generate_key("gate-host", "gate", tmp_path / "keys")


def test_a_private_key_is_readable_by_its_owner_only(files: KeyFiles) -> None:
    """The directory is 0700 and the key 0600 whatever the umask, and the key is plain PKCS #8."""
    assert stat.S_IMODE(files.private_path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(files.private_path.stat().st_mode) == 0o600
    assert files.private_path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")


def test_the_private_key_file_never_exists_with_a_wider_mode(tmp_path: Path) -> None:
    """Even under umask 0 the file is created for its owner alone."""
    previous = os.umask(0)
    try:
        files = generate_key("gate-host", "gate", tmp_path / "keys")
    finally:
        os.umask(previous)
    assert stat.S_IMODE(files.private_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.private_path.parent.stat().st_mode) == 0o700


def test_the_key_id_is_the_digest_of_the_raw_public_key(files: KeyFiles) -> None:
    """Anyone can recompute a key id from the key."""
    public = json.loads(files.public_path.read_text())
    assert public == {"name": "gate-host", "role": "gate", "keyid": files.public.keyid, "public": files.public.public}
    assert public["keyid"] == hashlib.sha256(bytes.fromhex(public["public"])).hexdigest()


def test_keys_read_back(files: KeyFiles) -> None:
    """Both files give the key that was made, and the private key does not show in a print or a log."""
    key = load_signing_key(files.private_path)
    assert key.public == load_public_key(files.public_path) == files.public
    assert "private" not in repr(key)


@pytest.mark.parametrize("missing", ["neither", "private_path", "public_path"])
def test_an_existing_key_is_never_overwritten(files: KeyFiles, missing: str) -> None:
    """A second key of the same name is refused while either half is there, and nothing is touched."""
    if missing != "neither":
        getattr(files, missing).unlink()
    before = {path.name: path.read_bytes() for path in files.private_path.parent.iterdir()}
    with pytest.raises(KeyFileError, match="never overwritten"):
        generate_key("gate-host", "approver", files.private_path.parent)
    assert {path.name: path.read_bytes() for path in files.private_path.parent.iterdir()} == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_private_key_others_can_read_is_refused(files: KeyFiles, mode: int) -> None:
    """A key that may have been copied does not sign."""
    files.private_path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_signing_key(files.private_path)


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o777])
def test_a_directory_others_can_enter_is_refused(tmp_path: Path, mode: int) -> None:
    """A key is not written where others could replace it."""
    directory = tmp_path / "keys"
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 700"):
        generate_key("gate-host", "gate", directory)
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("name", ["", "../gate", "a/b", "a b", 'a"b', "a.pem", "x" * 65, "-gate", "ä"])
def test_a_key_name_is_a_plain_file_name(tmp_path: Path, name: str) -> None:
    """A name cannot leave the directory, and cannot break out of the TOML it is pasted into."""
    with pytest.raises(KeyFileError, match="key name"):
        generate_key(name, "gate", tmp_path / "keys")
    assert not (tmp_path / "keys").exists()


def test_an_unknown_role_is_refused(tmp_path: Path) -> None:
    """A key has one of the known roles."""
    with pytest.raises(KeyFileError, match="gate, approver, spec"):
        generate_key("gate-host", "admin", tmp_path / "keys")  # type: ignore[arg-type]


def test_two_halves_of_different_keys_are_refused(files: KeyFiles) -> None:
    """The `.pub` file beside a key gives its role, so it must belong to it."""
    other = generate_key("other", "approver", files.private_path.parent)
    files.public_path.write_bytes(other.public_path.read_bytes())
    with pytest.raises(KeyFileError, match="two different keys"):
        load_signing_key(files.private_path)
    files.public_path.unlink()
    with pytest.raises(KeyFileError, match="cannot be read"):
        load_signing_key(files.private_path)


def test_other_kinds_of_key_are_refused(files: KeyFiles) -> None:
    """An elliptic-curve key, an encrypted key, a public key and plain text are each refused as what they are not."""
    private = load_pem_private_key(files.private_path.read_bytes(), None)
    elliptic = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    encrypted = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    for content, words in (
        (elliptic, "no Ed25519 key"),
        (encrypted, "unencrypted"),
        (files.public_path.read_bytes(), "unencrypted"),
        (b"", "unencrypted"),
    ):
        files.private_path.write_bytes(content)
        with pytest.raises(KeyFileError, match=words):
            load_signing_key(files.private_path)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    """The error says which file was expected."""
    with pytest.raises(KeyFileError, match=r"gone\.pem cannot be read"):
        load_signing_key(tmp_path / "gone.pem")


@pytest.mark.parametrize(
    "change",
    [
        {"keyid": "0" * 64},
        {"public": "00" * 31},
        {"public": "xy" * 32},
        {"role": "admin"},
        {"name": "a b"},
        {"name": 1},
        {"extra": 1},
    ],
)
def test_a_pinned_key_that_contradicts_itself_is_refused(gate_key: SigningKey, change: dict[str, Any]) -> None:
    """A mangled paste into interlock.toml is an error at start-up, not a refusal of every bundle later."""
    fields = {name: getattr(gate_key.public, name) for name in TrustedKey.__struct_fields__}
    assert parse_trusted_key(fields) == gate_key.public
    with pytest.raises(KeyFileError):
        parse_trusted_key({**fields, **change})
    upper = {**fields, "public": gate_key.public.public.upper()}
    with pytest.raises(KeyFileError):
        parse_trusted_key(upper)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"not json"])
def test_a_broken_public_key_file_is_named(tmp_path: Path, content: bytes) -> None:
    """The error begins with the file."""
    path = tmp_path / "gate.pub"
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match=r"gate\.pub: "):
        load_public_key(path)


def test_the_block_to_paste_is_the_key(files: KeyFiles) -> None:
    """What `interlock keys new` prints reads back as the trusted key it stands for."""
    (table,) = tomllib.loads(trusted_key_toml(files.public))["trusted_keys"]
    assert parse_trusted_key(table) == files.public
