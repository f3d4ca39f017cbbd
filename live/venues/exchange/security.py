"""Who may ask what: API keys, their signatures, and how long a signed request stays good.

Source: Binance Spot API documentation, "Request Security". Times in microseconds UTC.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Struct

from live.core.errors import InterlockError
from live.venues.exchange import errors
from live.venues.exchange.parameters import Parameters

API_KEY_HEADER = "X-MBX-APIKEY"

DEFAULT_WINDOW = 5_000_000
"""How long after its timestamp a request is good that does not say."""

LARGEST_WINDOW_MILLISECONDS = 60_000
_AHEAD = 1_000_000
"""How far ahead of the server a timestamp may be."""

_KEY_FORMAT = re.compile(r"[A-Za-z0-9_.-]{1,128}", re.ASCII)


class KeyRingError(InterlockError, ValueError):
    """An API key cannot be added as it was given."""


class Security(Enum):
    """What a caller must show for an endpoint; everything but NONE is signed."""

    NONE = "NONE"
    TRADE = "TRADE"
    USER_DATA = "USER_DATA"
    USER_STREAM = "USER_STREAM"


EVERY_PERMISSION = frozenset({Security.TRADE, Security.USER_DATA, Security.USER_STREAM})


class ApiKey(Struct, frozen=True, kw_only=True):
    """A key of an account, and what its signatures are checked with: a shared secret (HMAC) or a public key (Ed25519)."""

    key: str
    account: str
    secret: bytes | None = None
    public_key: Ed25519PublicKey | None = None
    permissions: frozenset[Security] = EVERY_PERMISSION


class KeyRing:
    """Know the API keys of all accounts."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}

    def add_secret(self, key: str, secret: str, account: str | None = None, permissions: frozenset[Security] = EVERY_PERMISSION) -> ApiKey:
        """Add a key that signs by HMAC SHA-256; the account's name is the key unless given.

        Raises:
            KeyRingError: the key or the secret cannot be one, or the key is taken.
        """
        if not secret:
            raise KeyRingError(f"API key {key!r} has an empty secret: give one, as KEY:SECRET")
        return self._add(ApiKey(key=key, account=account or key, secret=secret.encode(), permissions=permissions))

    def add_public_key(
        self, key: str, pem: bytes, account: str | None = None, permissions: frozenset[Security] = EVERY_PERMISSION
    ) -> ApiKey:
        """Add a key that signs by Ed25519, whose public half is given as PEM.

        Raises:
            KeyRingError: this is no Ed25519 public key, or the key is taken.
        """
        try:
            public_key = load_pem_public_key(pem)
        except ValueError:
            raise KeyRingError(f"API key {key!r} needs a public key in PEM form; what was given cannot be read as one") from None
        if not isinstance(public_key, Ed25519PublicKey):
            raise KeyRingError(f"API key {key!r} needs an Ed25519 public key, received {type(public_key).__name__}")
        return self._add(ApiKey(key=key, account=account or key, public_key=public_key, permissions=permissions))

    def add_text(self, text: str) -> ApiKey:
        """Add a key written as KEY:SECRET or KEY:path-to-public-key.pem.

        Raises:
            KeyRingError: it is written in neither way, or the file cannot be read.
        """
        key, separator, secret = text.partition(":")
        if not separator:
            raise KeyRingError("an account is written KEY:SECRET or KEY:path-to-public-key.pem; the text received has no colon")
        if not secret.endswith(".pem"):
            return self.add_secret(key, secret)
        try:
            pem = Path(secret).read_bytes()
        except OSError as error:
            raise KeyRingError(f"the public key of {key!r} cannot be read from {secret}: {error.strerror}") from error
        return self.add_public_key(key, pem)

    @property
    def accounts(self) -> tuple[str, ...]:
        """Name the accounts that have keys, in the order in which they came."""
        return tuple(dict.fromkeys(key.account for key in self._keys.values()))

    def find(self, key: str | None) -> ApiKey:
        """Give the key that a caller names.

        Raises:
            VenueError: -2014 when it cannot be a key, -2015 when nobody has it.
        """
        if key is None or _KEY_FORMAT.fullmatch(key) is None:
            raise errors.bad_api_key_format()
        found = self._keys.get(key)
        if found is None:
            raise errors.rejected_api_key()
        return found

    def _add(self, api_key: ApiKey) -> ApiKey:
        if _KEY_FORMAT.fullmatch(api_key.key) is None:
            raise KeyRingError(f"an API key has 1 to 128 letters, digits, '_', '.' or '-', received {api_key.key!r}")
        if api_key.key in self._keys:
            raise KeyRingError(f"API key {api_key.key!r} was given twice: every key belongs to one account")
        self._keys[api_key.key] = api_key
        return api_key


class Validity(Struct, frozen=True):
    """When a signed request was made, and how long it is good."""

    timestamp: int
    window: int

    def check(self, now: int) -> None:
        """Refuse a request that comes too late or from the future.

        Raises:
            VenueError: -1021.
        """
        if self.timestamp >= now + _AHEAD:
            raise errors.ahead_of_server()
        self.check_before_engine(now)

    def check_before_engine(self, now: int) -> None:
        """Refuse a request that has become too old while it was processed: asked once more right before the engine.

        Raises:
            VenueError: -1021.
        """
        if now - self.timestamp > self.window:
            raise errors.outside_receive_window()


def read_validity(parameters: Parameters) -> Validity:
    """Read `timestamp`, in milliseconds or microseconds, and `recvWindow`, in milliseconds with up to three decimals.

    Raises:
        VenueError: -1102 without a timestamp or with too large a window, -1100 when either is no number.
    """
    timestamp = parameters.required_time("timestamp")
    window = parameters.milliseconds("recvWindow")
    if window is None:
        return Validity(timestamp, DEFAULT_WINDOW)
    if window > LARGEST_WINDOW_MILLISECONDS * 1_000:
        message = f"'recvWindow' contains unexpected value. Cannot be greater than {LARGEST_WINDOW_MILLISECONDS}."
        raise errors.VenueError(errors.MANDATORY_PARAM_EMPTY_OR_MALFORMED, message)
    return Validity(timestamp, window)


def signed_text(query: str, body: str) -> str:
    """Give what a REST request signs: query and body as they were sent, joined by nothing, both without `signature`."""
    return _without_signature(query) + _without_signature(body)


def signed_web_socket_text(parameters: Mapping[str, str]) -> str:
    """Give what a WebSocket API request signs: its parameters but `signature`, sorted by name, as `name=value` joined by `&`."""
    return "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if name != "signature")


def verify_signature(api_key: ApiKey, text: str, signature: str) -> None:
    """Check a signature over a text: hexadecimal in any case for HMAC, base64 for Ed25519.

    Raises:
        VenueError: -1022.
    """
    if api_key.secret is not None:
        expected = hmac.new(api_key.secret, text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
            raise errors.invalid_signature()
        return
    assert api_key.public_key is not None, "a key without a secret has a public key"
    try:
        api_key.public_key.verify(base64.b64decode(signature, validate=True), text.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        raise errors.invalid_signature() from None


def authenticate(
    keys: KeyRing, security: Security, key: str | None, text: str, parameters: Parameters, now: int
) -> tuple[ApiKey, Validity]:
    """Give the key behind a signed request, and how long the request is good.

    Raises:
        VenueError: -2014 or -2015 for the key, -1102 for what is missing, -1021 for its time, -1022 for its signature.
    """
    api_key = keys.find(key)
    signature = parameters.required_text("signature")
    validity = read_validity(parameters)
    validity.check(now)
    verify_signature(api_key, text, signature)
    if security not in api_key.permissions:
        raise errors.rejected_api_key()
    return api_key, validity


def _without_signature(text: str) -> str:
    return text if "signature=" not in text else "&".join(part for part in text.split("&") if not part.startswith("signature="))
