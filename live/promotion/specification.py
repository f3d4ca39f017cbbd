"""The specification's detached signature: which version of SPEC.md was signed, with which content, by whom.

The signature lies beside the file as `SPEC.md.sig`. Signing a changed text needs a new version number, so that a
version, once signed, always means the same words.
"""

import re
from pathlib import Path
from typing import Annotated

import msgspec

from live.promotion.documents import encode_canonical, sha256_hex
from live.promotion.durable_files import replace_file
from live.promotion.errors import PromotionError
from live.promotion.keys import SigningKey, TrustedKey
from live.promotion.signatures import sign_payload, signature_holds

PAYLOAD_TYPE = "application/vnd.interlock.specification+json"
_VERSION = re.compile(r"^Version: (?P<version>\d+\.\d+(?:\.\d+)?)$", re.MULTILINE)


class SpecificationError(PromotionError):
    """The specification is not signed, or not as it stands now."""


class AwaitingSignature(SpecificationError):
    """Nobody has signed this version yet."""


class SignedSpecification(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold what was signed: the version, and the sha256 of every byte of the file."""

    version: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class SignatureFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold a detached signature over the canonical encoding of `signed`."""

    signed: SignedSpecification
    keyid: str
    signature: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{2})+$")]


def signature_path(specification: Path) -> Path:
    """Name the file of the detached signature."""
    return specification.with_name(f"{specification.name}.sig")


def read_specification(path: Path) -> SignedSpecification:
    """Read the version and content digest of a specification.

    Raises:
        SpecificationError: the file cannot be read, or does not say its version once.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SpecificationError(f"{path} cannot be read ({error.strerror}): give the path of SPEC.md") from None
    versions = _VERSION.findall(content.decode("utf-8", "replace"))
    if len(versions) != 1:
        raise SpecificationError(f"{path} must say `Version: X.Y` on one line of its own, found {len(versions)} such lines")
    return SignedSpecification(version=versions[0], sha256=sha256_hex(content))


def sign_specification(path: Path, key: SigningKey) -> Path:
    """Sign a specification and write the signature beside it.

    Raises:
        SpecificationError: the key has another role, or this version was signed with other words.
    """
    if key.public.role != "spec":
        raise SpecificationError(f"a specification is signed with a key of role spec, received {key.public.name} of role {key.public.role}")
    signed = read_specification(path)
    target = signature_path(path)
    if target.exists():
        earlier = _read_signature(target).signed
        if earlier.version == signed.version and earlier.sha256 != signed.sha256:
            raise SpecificationError(
                f"version {signed.version} was signed with other words ({earlier.sha256[:12]}): an edit after signing needs a new version"
            )
    signature = sign_payload(encode_canonical(signed), PAYLOAD_TYPE, key.private)
    document = SignatureFile(signed=signed, keyid=key.public.keyid, signature=signature.hex())
    replace_file(target, encode_canonical(document) + b"\n")
    return target


def verify_specification(path: Path, keys: list[TrustedKey]) -> tuple[SignedSpecification, TrustedKey]:
    """Check that a specification is signed as it stands by one of `keys`.

    Raises:
        AwaitingSignature: there is no signature.
        SpecificationError: the words or the version changed, the key is not trusted, or the signature is bad.
    """
    found = read_specification(path)
    target = signature_path(path)
    if not target.exists():
        raise AwaitingSignature(f"{path} version {found.version} is awaiting signature: `interlock spec sign` makes one")
    document = _read_signature(target)
    if document.signed.version != found.version:
        raise AwaitingSignature(
            f"{path} is version {found.version}, version {document.signed.version} was signed: it is awaiting signature"
        )
    if document.signed.sha256 != found.sha256:
        raise SpecificationError(f"{path} was edited after version {found.version} was signed: give it a new version and sign that")
    key = next((key for key in keys if key.keyid == document.keyid and key.role == "spec"), None)
    if key is None:
        raise SpecificationError(
            f"the signature is by key {document.keyid[:12]}, which is not trusted in the role spec: give its .pub file"
        )
    if not signature_holds(encode_canonical(document.signed), PAYLOAD_TYPE, key.public, bytes.fromhex(document.signature)):
        raise SpecificationError(f"the signature in {target} does not hold: it was damaged or forged, sign again")
    return found, key


def _read_signature(path: Path) -> SignatureFile:
    try:
        return msgspec.json.decode(path.read_bytes(), type=SignatureFile)
    except (OSError, msgspec.MsgspecError) as error:
        raise SpecificationError(f"the signature {path} cannot be read ({error}): restore it, or remove it and sign again") from None
