"""Ed25519 signatures over a DSSE envelope; the only module that speaks to securesystemslib.

What is signed is the standard pre-authentication encoding, `DSSEv1 <len> <type> <len> <payload>`, so any DSSE
implementation can check a bundle.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# The package re-exports its public classes without marking them as exported, which a strict type checker minds.
# pyright: reportPrivateImportUsage=false


def sign_payload(payload: bytes, payload_type: str, private_key: "Ed25519PrivateKey") -> bytes:
    """Give the 64-byte signature of a payload under its type."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

    signature = Envelope(payload, payload_type, {}).sign(CryptoSigner(private_key))
    return bytes.fromhex(signature.signature)


def signature_holds(payload: bytes, payload_type: str, public: str, signature: bytes) -> bool:
    """Say whether `signature` is one of the key whose 32 raw bytes `public` gives in hexadecimal."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Signature, SSlibKey

    key = SSlibKey("key", "ed25519", "ed25519", {"public": public})
    try:
        key.verify_signature(Signature("key", signature.hex()), Envelope(payload, payload_type, {}).pae())
    except UnverifiedSignatureError:
        return False
    return True
