import threading
from pathlib import Path

import pytest

from live.service.authority import ACCESS_SCOPES, TOKENS_FILE, Authority, TokenError, create_token, load_principals, revoke_token


def test_a_token_is_recognised_with_its_scopes_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    """Only the digest is stored; the token is shown once."""
    token = create_token(tmp_path, "desk", ("read", "kill", "read"))
    principal = Authority(tmp_path).recognise(token)
    assert principal is not None
    assert (principal.name, principal.scopes) == ("desk", ("read", "kill"))
    assert token not in (tmp_path / TOKENS_FILE).read_text()


@pytest.mark.parametrize("token", ["", "ilk_", "ilk_guess", "Bearer x"])
def test_another_token_is_nobody(tmp_path: Path, token: str) -> None:
    """What is not known is refused, and so is everything while there is no token at all."""
    assert Authority(tmp_path).recognise(token) is None
    create_token(tmp_path, "desk", ("read",))
    assert Authority(tmp_path).recognise(token) is None


def test_a_new_token_and_a_revocation_count_at_the_next_call(tmp_path: Path) -> None:
    """A running service needs no restart to let somebody in or keep somebody out."""
    authority = Authority(tmp_path)
    token = create_token(tmp_path, "desk", ("read",))
    other = create_token(tmp_path, "viewer", ("read",))
    assert authority.recognise(token) is not None
    revoke_token(tmp_path, "desk")
    assert authority.recognise(token) is None
    assert authority.recognise(other) is not None


@pytest.mark.parametrize("damage", ["readable", "malformed", "unknown scope"])
def test_a_file_that_cannot_be_trusted_any_more_recognises_nobody(tmp_path: Path, damage: str) -> None:
    """A change of rights alone is noticed, and what was known before does not go on being known."""
    token = create_token(tmp_path, "desk", ("read",))
    authority = Authority(tmp_path)
    path = tmp_path / TOKENS_FILE
    if damage == "readable":
        path.chmod(0o644)
    elif damage == "malformed":
        path.write_bytes(b"[{")
    else:
        path.write_text(path.read_text().replace('"read"', '"root"'))
    for _ in range(2):
        with pytest.raises(TokenError):
            authority.recognise(token)


def test_a_file_that_others_can_read_is_refused_from_the_start(tmp_path: Path) -> None:
    """The sentence says what to run."""
    create_token(tmp_path, "desk", ("read",))
    (tmp_path / TOKENS_FILE).chmod(0o640)
    with pytest.raises(TokenError, match="chmod 600"):
        Authority(tmp_path)


@pytest.mark.parametrize(
    ("name", "scopes", "expected"),
    [
        ("desk", (), "at least one scope of read, arm, disarm, kill, release"),
        ("desk", ("root",), "scope 'root' is not known"),
        ("", ("read",), "1 to 64 letters"),
        ("two words", ("read",), "1 to 64 letters"),
        ("line\nbreak", ("read",), "1 to 64 letters"),
        ("x" * 65, ("read",), "1 to 64 letters"),
        ("taken", ("read",), "a token named 'taken' exists"),
    ],
)
def test_a_token_that_cannot_be_made_is_refused(tmp_path: Path, name: str, scopes: tuple[str, ...], expected: str) -> None:
    """A name goes into journal and logs, so it holds nothing that could be mistaken there."""
    create_token(tmp_path, "taken", ("read",))
    with pytest.raises(TokenError, match=expected):
        create_token(tmp_path, name, scopes)
    assert [principal.name for principal in load_principals(tmp_path)] == ["taken"]


def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    """Directory and file are made for one user."""
    create_token(tmp_path / "keys", "desk", ACCESS_SCOPES)
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0
    assert (tmp_path / "keys" / TOKENS_FILE).stat().st_mode & 0o777 == 0o600


def test_revoking_nobody_says_who_there_is(tmp_path: Path) -> None:
    """A misspelt name must not look like a revocation."""
    create_token(tmp_path, "desk", ("read",))
    with pytest.raises(TokenError, match="no token is named 'dsek': known are desk"):
        revoke_token(tmp_path, "dsek")


def test_tokens_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    """Of two writers, the slower one does not undo what the other did."""
    makers = [threading.Thread(target=create_token, args=(tmp_path, f"desk{number}", ("read",))) for number in range(20)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(load_principals(tmp_path)) == 20


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The sentence says what to set."""
    (tmp_path / "file").write_text("")
    with pytest.raises(TokenError, match="set INTERLOCK_KEYS"):
        create_token(tmp_path / "file" / "keys", "desk", ("read",))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
