"""Signing keys: Ed25519, private part in a file only its owner reads, public part pinned where bundles are verified.

The key id is the SHA-256, in hexadecimal, of the 32 raw bytes of the public key (RFC 8032). It names the key in a
signature; trust comes from the key being pinned, never from the id.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from live.promotion.documents import encode_canonical, parse_json, sha256_hex
from live.promotion.durable_files import sync_directory, write_new
from live.promotion.errors import DocumentError, KeyFileError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Role = Literal["gate", "approver", "spec", "conformance"]
ROLES: tuple[Role, ...] = get_args(Role)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class TrustedKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pin one public key to a name and to the one role it may sign in.

    Attributes:
        name: who or what holds the private key.
        role: `gate` on the pipeline host, `approver` for a person, `spec` for releases of the specification,
            `conformance` where venue adapters are checked.
        keyid: SHA-256 of the raw public key, hexadecimal.
        public: the 32 raw bytes of the public key, hexadecimal.
    """

    name: str
    role: Role
    keyid: str
    public: str

    def __post_init__(self) -> None:
        """Refuse a key whose id does not belong to it.

        Raises:
            KeyFileError: the name or role is not usable, or the public key is malformed or not the one the id names.
        """
        check_key_name(self.name)
        check_role(self.role)
        try:
            raw = bytes.fromhex(self.public)
        except ValueError:
            raw = b""
        if len(raw) != 32 or raw.hex() != self.public:
            raise KeyFileError(
                f"key {self.name}: a public key is 64 lower-case hexadecimal digits, received {self.public!r}: copy the .pub file"
            )
        if sha256_hex(raw) != self.keyid:
            raise KeyFileError(
                f"key {self.name}: keyid {self.keyid!r} does not belong to this public key: copy both from the same .pub file"
            )


@dataclass(frozen=True)
class SigningKey:
    """Hold a private key in memory; `public` says whose it is and in which role it signs."""

    public: TrustedKey
    private: "Ed25519PrivateKey" = field(repr=False)


@dataclass(frozen=True)
class KeyFiles:
    """Say where a new key was written."""

    private_path: Path
    public_path: Path
    public: TrustedKey


def generate_key(name: str, role: Role, directory: Path) -> KeyFiles:
    """Write a new key pair as `<name>.pem` (PKCS #8, mode 0600) and `<name>.pub` (JSON) in a directory of mode 0700.

    Raises:
        KeyFileError: the name or role is not usable, a key of that name is there already, or others may enter the directory.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    check_key_name(name)
    check_role(role)
    private_path, public_path = directory / f"{name}.pem", directory / f"{name}.pub"
    _prepare_directory(directory)
    for path in (private_path, public_path):
        if path.exists() or path.is_symlink():
            raise KeyFileError(f"{path} is there already and a key is never overwritten: choose another name, or move the old key away")
    private_key = Ed25519PrivateKey.generate()
    raw = private_key.public_key().public_bytes_raw()
    public = TrustedKey(name=name, role=role, keyid=sha256_hex(raw), public=raw.hex())
    try:
        write_new(private_path, private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
        write_new(public_path, encode_canonical(public) + b"\n", 0o644)
        sync_directory(directory)
    except OSError as error:
        raise KeyFileError(
            f"the key could not be written to {directory} ({error.strerror}): nothing was overwritten, choose another place"
        ) from error
    return KeyFiles(private_path, public_path, public)


def load_signing_key(path: Path) -> SigningKey:
    """Read a private key; its name and role come from the `.pub` file beside it.

    Raises:
        KeyFileError: the file is missing, readable by others, no Ed25519 key, or does not belong to its `.pub` file.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content = _read_private(path)
    try:
        private_key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"{path} is not an unencrypted PEM key ({error}): make one with `interlock keys new`") from error
    if not isinstance(private_key, Ed25519PrivateKey):
        raise KeyFileError(f"{path} holds no Ed25519 key: make one with `interlock keys new`")
    public = load_public_key(path.with_suffix(".pub"))
    if private_key.public_key().public_bytes_raw().hex() != public.public:
        raise KeyFileError(f"{path} and {path.with_suffix('.pub')} are two different keys: put the matching files together")
    return SigningKey(public, private_key)


def load_public_key(path: Path) -> TrustedKey:
    """Read a `.pub` file.

    Raises:
        KeyFileError: the file is missing or malformed.
    """
    try:
        return parse_trusted_key(parse_json(path.read_bytes()))
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read ({error.strerror}): give the .pub file that `interlock keys new` wrote") from error
    except (DocumentError, KeyFileError) as error:
        raise KeyFileError(f"{path}: {error}") from error


def parse_trusted_key(table: Mapping[str, Any]) -> TrustedKey:
    """Read one key as it stands in a `.pub` file or under `[[trusted_keys]]`.

    Raises:
        KeyFileError: a field is missing, unknown or malformed.
    """
    try:
        return msgspec.convert(table, TrustedKey)
    except msgspec.ValidationError as error:
        raise KeyFileError(f"a key has name, role, keyid and public: {error}") from error


def check_key_name(name: str) -> None:
    """Refuse a key name that cannot be a file name everywhere.

    Raises:
        KeyFileError: the name holds other characters, or is too long.
    """
    if not _NAME.fullmatch(name):
        raise KeyFileError(f"a key name is up to 64 ASCII letters, digits, '_' and '-', received {name!r}: write it like gate-host")


def check_role(role: str) -> None:
    """Refuse a role that does not exist.

    Raises:
        KeyFileError: the role is none of `ROLES`.
    """
    if role not in ROLES:
        raise KeyFileError(f"a key signs in one of the roles {', '.join(ROLES)}, received {role!r}")


def _prepare_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = directory.stat().st_mode
    except OSError as error:
        raise KeyFileError(f"{directory} cannot hold keys ({error.strerror}): choose another directory") from error
    if mode & _OTHERS:
        raise KeyFileError(f"{directory} can be entered by others (mode {stat.S_IMODE(mode):04o}): run chmod 700 {directory}")


def _read_private(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & _OTHERS:
                raise KeyFileError(
                    f"{path} can be read by others (mode {stat.S_IMODE(mode):04o}): run chmod 600 {path}, and replace the key if it leaked"
                )
            return file.read()
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read ({error.strerror}): give the .pem file that `interlock keys new` wrote") from error
