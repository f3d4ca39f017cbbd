from pathlib import Path

import msgspec
import pytest

from live.promotion import SigningKey
from live.promotion.specification import (
    AwaitingSignature,
    SpecificationError,
    read_specification,
    sign_specification,
    signature_path,
    verify_specification,
)

TEXT = "# Specification\n\nVersion: 1.0\n\nNothing trades unseen.\n"


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "SPEC.md"
    path.write_text(TEXT)
    return path


@pytest.fixture(name="owner")
def _owner(gate_key: SigningKey) -> SigningKey:
    """Make the gate key the owner's, with the role that signs specifications."""
    return SigningKey(msgspec.structs.replace(gate_key.public, name="owner", role="spec"), gate_key.private)


def test_a_signed_specification_is_verified(path: Path, owner: SigningKey) -> None:
    """The version, every byte and who signed are known."""
    assert sign_specification(path, owner) == signature_path(path)
    signed, signer = verify_specification(path, [owner.public])
    assert (signed.version, signer.name) == ("1.0", "owner")
    assert signed == read_specification(path)


def test_signing_the_same_words_again_changes_nothing(path: Path, owner: SigningKey) -> None:
    """The signature of the same words by the same key is the same."""
    first = sign_specification(path, owner).read_bytes()
    assert sign_specification(path, owner).read_bytes() == first


def test_an_unsigned_version_awaits_its_signature(path: Path, owner: SigningKey) -> None:
    """So does a later version beside the signature of an earlier one."""
    with pytest.raises(AwaitingSignature, match=r"version 1\.0 is awaiting signature"):
        verify_specification(path, [owner.public])
    sign_specification(path, owner)
    path.write_text(TEXT.replace("1.0", "1.1"))
    with pytest.raises(AwaitingSignature, match=r"is version 1\.1, version 1\.0 was signed"):
        verify_specification(path, [owner.public])


def test_a_version_means_the_same_words_for_ever(path: Path, owner: SigningKey) -> None:
    """Edited words fail, and cannot be signed under the version that is taken."""
    sign_specification(path, owner)
    path.write_text(TEXT.replace("unseen", "seen"))
    with pytest.raises(SpecificationError, match=r"was edited after version 1\.0 was signed"):
        verify_specification(path, [owner.public])
    with pytest.raises(SpecificationError, match="an edit after signing needs a new version"):
        sign_specification(path, owner)


def test_another_key_does_not_vouch(path: Path, owner: SigningKey, approver_key: SigningKey) -> None:
    """Neither a key that is not trusted, nor a trusted one of another role."""
    with pytest.raises(SpecificationError, match="a key of role spec, received ann of role approver"):
        sign_specification(path, approver_key)
    sign_specification(path, owner)
    for trusted in ([], [approver_key.public], [msgspec.structs.replace(owner.public, role="gate")]):
        with pytest.raises(SpecificationError, match="is not trusted in the role spec"):
            verify_specification(path, trusted)


@pytest.mark.parametrize("damage", ["signature", "version", "no hexadecimal", "odd", "empty", "no document"])
def test_a_damaged_signature_is_one_sentence(path: Path, owner: SigningKey, damage: str) -> None:
    """Whatever happened to the file, the sentence says what to do."""
    target = sign_specification(path, owner)
    text = target.read_text()
    signature = text.partition('"signature":"')[2].partition('"')[0]
    replacement = {
        "signature": ("0" if signature[0] != "0" else "1") + signature[1:],
        "no hexadecimal": "z" * len(signature),
        "odd": signature[1:],
        "empty": "",
    }
    if damage == "no document":
        target.write_text("[")
    elif damage == "version":
        path.write_text(TEXT.replace("1.0", "1.1"))
        target.write_text(text.replace('"1.0"', '"1.1"'))
    else:
        target.write_text(text.replace(signature, replacement[damage]))
    with pytest.raises(SpecificationError, match=r"does not hold|cannot be read|was edited"):
        verify_specification(path, [owner.public])


@pytest.mark.parametrize("text", ["", "# Specification\n", "Version: 1\n", "Version: 1.0\nVersion: 1.0\n", " Version: 1.0\n"])
def test_a_specification_says_its_version_once(path: Path, text: str) -> None:
    """A version that could be read two ways is none."""
    path.write_text(text)
    with pytest.raises(SpecificationError, match=r"must say `Version: X\.Y` on one line of its own"):
        read_specification(path)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    """The path is named."""
    with pytest.raises(SpecificationError, match=r"give the path of SPEC\.md"):
        read_specification(tmp_path / "SPEC.md")
