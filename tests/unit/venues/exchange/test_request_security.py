"""Signatures and times of signed requests, against the examples that Binance published."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from live.venues.exchange.errors import VenueError
from live.venues.exchange.parameters import Parameters
from live.venues.exchange.security import (
    ApiKey,
    KeyRing,
    KeyRingError,
    Security,
    Validity,
    authenticate,
    read_validity,
    signed_text,
    signed_web_socket_text,
    verify_signature,
)

KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
REST = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
TIME = 1_499_827_319_559_000
PUBLISHED = {
    "a form body": ("", f"symbol=LTCBTC&{REST}", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
    "a query string": (f"symbol=LTCBTC&{REST}", "", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
    "both, joined by nothing": (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
        "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
        "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
    ),
    "a symbol beyond ASCII, percent-encoded": (
        f"symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&{REST}",
        "",
        "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
    ),
}
"""The documentation's HMAC examples: query, body, signature."""


@pytest.fixture
def ring() -> KeyRing:
    """The documentation's example key."""
    keys = KeyRing()
    keys.add_secret(KEY, SECRET, account="alice")
    return keys


def ask(keys: KeyRing, query: str, body: str, *, key: str | None = KEY, now: int = TIME, security: Security = Security.TRADE) -> ApiKey:
    """Send a signed request and give whose it is."""
    return authenticate(keys, security, key, signed_text(query, body), Parameters.from_form(query, body), now)[0]


def code_of(keys: KeyRing, query: str, **asked: object) -> int:
    """Give the code with which a request is refused."""
    with pytest.raises(VenueError) as refusal:
        ask(keys, query, "", **asked)
    return refusal.value.code


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("case", [str, str.upper])
def test_the_published_signatures_are_accepted(name: str, case: type[str], ring: KeyRing) -> None:
    """Binance's own examples verify, in either case of hexadecimal, wherever the signature is sent."""
    query, body, signature = PUBLISHED[name]
    sent = f"signature={case(signature)}"
    if query:
        assert ask(ring, f"{query}&{sent}", body).account == "alice"
        assert ask(ring, f"{sent}&{query}", body).account == "alice"
    if body:
        assert ask(ring, query, f"{body}&{sent}").account == "alice"


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_changed_request_is_refused(name: str, ring: KeyRing) -> None:
    """A request that differs from what was signed by one character gets -1022."""
    query, body, signature = PUBLISHED[name]
    with pytest.raises(VenueError) as refusal:
        ask(ring, query.replace("side=BUY", "side=BUX"), f"{body.replace('price=0.1', 'price=0.2')}&signature={signature}")
    assert refusal.value.code == -1022


def test_what_is_missing_is_named_before_what_is_wrong(ring: KeyRing) -> None:
    """A signed endpoint first wants a key that can be one, then a known one, a signature, a timestamp, and a right signature."""
    assert code_of(ring, REST, key=None) == -2014
    assert code_of(ring, REST, key="not a key!") == -2014
    assert code_of(ring, REST, key="unknown") == -2015
    assert code_of(ring, REST) == -1102
    assert code_of(ring, "signature=00") == -1102
    assert code_of(ring, f"{REST}&signature=00") == -1022
    assert code_of(ring, f"{REST}&signature=%C3%A4") == -1022


def test_a_late_request_is_refused_whatever_its_signature(ring: KeyRing) -> None:
    """A rightly signed request gets -1021 outside its window, and so does a wrongly signed one: its time is looked at first."""
    query, _, signature = PUBLISHED["a query string"]
    for late in (5_000_001, -1_000_000):
        for sent in (signature, "00"):
            assert code_of(ring, f"{query}&signature={sent}", now=TIME + late) == -1021


def test_a_key_may_do_what_its_permissions_say() -> None:
    """A key that may only read gets -2015 when it trades."""
    keys = KeyRing()
    keys.add_secret(KEY, SECRET, permissions=frozenset({Security.USER_DATA}))
    query = f"symbol=LTCBTC&{REST}&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    assert ask(keys, query, "", security=Security.USER_DATA).key == KEY
    assert code_of(keys, query, security=Security.TRADE) == -2015


@pytest.mark.parametrize(
    ("late", "good"),
    [(5_000_000, True), (5_000_001, False), (0, True), (-999_999, True), (-1_000_000, False)],
)
def test_a_request_is_good_from_a_second_before_its_time_to_its_window_after(late: int, good: bool) -> None:
    """`timestamp < now + 1 s` and `now - timestamp <= recvWindow`, 5 s unless told otherwise, to the microsecond."""
    validity = read_validity(Parameters({"timestamp": "1499827319559"}))
    if good:
        validity.check(TIME + late)
    else:
        with pytest.raises(VenueError, match="-1021"):
            validity.check(TIME + late)


def test_the_second_check_looks_at_age_alone() -> None:
    """Right before the engine a request may only have become too old."""
    validity = Validity(TIME, 1_000_000)
    validity.check_before_engine(TIME - 10_000_000)
    validity.check_before_engine(TIME + 1_000_000)
    with pytest.raises(VenueError, match=r"-1021 Timestamp for this request is outside of the recvWindow\."):
        validity.check_before_engine(TIME + 1_000_001)


def test_times_are_read_in_milliseconds_or_microseconds_and_windows_to_the_microsecond() -> None:
    """A 16-digit timestamp is in microseconds; a window of 6000.346 ms is 6,000,346 microseconds."""
    assert read_validity(Parameters({"timestamp": "1499827319559123", "recvWindow": "6000.346"})) == Validity(
        1_499_827_319_559_123, 6_000_346
    )
    assert read_validity(Parameters({"timestamp": "1499827319559", "recvWindow": "60000"})).window == 60_000_000
    for window, code in (("60000.001", -1102), ("-1", -1100), ("1.2345", -1100), ("5e3", -1100)):
        with pytest.raises(VenueError) as refusal:
            read_validity(Parameters({"timestamp": "1499827319559", "recvWindow": window}))
        assert refusal.value.code == code


def test_an_ed25519_key_signs_in_base64() -> None:
    """A request signed with the private half verifies; another text, another key, and no base64 do not."""
    private = Ed25519PrivateKey.generate()
    keys = KeyRing()
    key = keys.add_public_key("ed", private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    signature = base64.b64encode(private.sign(REST.encode())).decode()
    verify_signature(key, REST, signature)
    other = base64.b64encode(Ed25519PrivateKey.generate().sign(REST.encode())).decode()
    for text, sent in ((f"{REST}0", signature), (REST, other), (REST, signature[:-4]), (REST, "no base64 at all"), (REST, "ä")):
        with pytest.raises(VenueError, match="-1022"):
            verify_signature(key, text, sent)


def test_web_socket_requests_sign_their_parameters_by_name(ring: KeyRing) -> None:
    """The WebSocket API signs `name=value` joined by `&`, sorted by name, without the signature; the documentation's order example."""
    sent: dict[str, object] = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01000000",
        "price": "52000.00",
        "newOrderRespType": "ACK",
        "recvWindow": 100,
        "timestamp": 1645423376532,
        "apiKey": KEY,
        "signature": "cc15477742bd704c29492d96c7ead9414dfd8e0ec4a00f947bb5bb454ddbd08a",
    }
    parameters = Parameters.from_json(sent)
    text = signed_web_socket_text(parameters.values)
    assert text.startswith("apiKey=")
    assert text.endswith("timestamp=1645423376532&type=LIMIT")
    now = 1_645_423_376_532_000
    assert authenticate(ring, Security.TRADE, KEY, text, parameters, now)[0].account == "alice"


def test_keys_are_written_as_key_and_secret_or_path(tmp_path: Path) -> None:
    """KEY:SECRET and KEY:path.pem become keys whose account is the key; anything else says what is wrong."""
    keys = KeyRing()
    pem = tmp_path / "public.pem"
    public = Ed25519PrivateKey.generate().public_key()
    pem.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert keys.add_text("k:s:with:colons").secret == b"s:with:colons"
    assert keys.add_text(f"ed:{pem}").public_key == public
    assert keys.accounts == ("k", "ed")
    wrong = tmp_path / "wrong.pem"
    wrong.write_bytes(generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for text, message in (
        ("alone", "no colon"),
        ("k:again", "given twice"),
        ("empty:", "empty secret"),
        ("a b:s", "letters, digits"),
        (f"x:{tmp_path}/none.pem", "cannot be read"),
        (f"x:{wrong}", "Ed25519"),
        (f"x:{__file__}.pem", "cannot be read"),
    ):
        with pytest.raises(KeyRingError, match=message):
            keys.add_text(text)
