"""Keys and tokens: a token is good for exactly what it was made for, and for nothing else."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcpdb import ConfigurationError
from mcpdb.isolation import Backend
from mcpdb.isolation.key import EnterKey

_SECRETS = st.binary(min_size=32, max_size=32)
_NUMBERS = st.integers(1, 999_999_999)
_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
_DELIMITED = st.text("0123456789:|*-", max_size=12)
_BACKENDS = st.builds(
    Backend,
    database=_TEXTS.filter(bool) | _DELIMITED.filter(bool),
    pid=st.none() | st.integers(1, 2**31 - 1),
)
_TENANTS = _TEXTS | _DELIMITED
_WHAT = st.tuples(_TENANTS, _BACKENDS, st.integers(0, 2**62))


def _text(number: int, secret: bytes) -> str:
    return f"mcpdb-key-{number}-" + base64.urlsafe_b64encode(secret).decode().rstrip("=")


@given(number=_NUMBERS, secret=_SECRETS)
def test_a_key_is_read_from_its_text(number: int, secret: bytes) -> None:
    for text in (_text(number, secret), f"\n {_text(number, secret)} \n"):
        assert EnterKey.parse(text) == EnterKey(number, secret)


@given(text=st.text(min_size=4) | st.from_regex(r"mcpdb-key-[0-9]{0,11}-[A-Za-z0-9_\-+/=]{20,50}"))
@example("mcpdb-key-0-" + "A" * 43)
@example("mcpdb-key-01-" + "A" * 43)
@example("mcpdb-key-1-" + "A" * 42)
@example("mcpdb-key-1-" + "A" * 44)
@example("mcpdb-key-1-" + "A" * 42 + "=")
@example("mcpdb-key-1-" + "+" * 43)
@example("mcpdb-key-\u0661-" + "A" * 43)
@example("MCPDB-KEY-1-" + "A" * 43)
@example("postgresql://user:password@host/name")
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    try:
        key = EnterKey.parse(text)
    except ConfigurationError as error:
        said = f"{error} {error!r} {error.__cause__!r}"
        parts = [part for part in (text, *text.split("-")) if len(part) > 12]
        assert not any(part in said for part in parts)
    else:
        assert (
            text.strip() == _text(key.number, key.secret)
            or text.strip()[:-1]
            == (
                _text(key.number, key.secret)[:-1]  # the last letter has bits to spare
            )
        )


@given(number=_NUMBERS, secret=_SECRETS.filter(lambda secret: len(set(secret)) > 8))
def test_a_key_is_shown_without_its_secret(number: int, secret: bytes) -> None:
    shown = repr(EnterKey(number, secret))
    assert str(number) in shown
    for form in (repr(secret), secret.hex(), _text(number, secret)[-43:]):
        assert form not in shown


@given(key=_SECRETS, one=_WHAT, other=_WHAT)
@example(
    key=bytes(32),
    one=("1:a", Backend(database="d", pid=1), 5),
    other=("1:a", Backend(database="d", pid=15), 5),
)
@example(
    key=bytes(32),
    one=("1|x", Backend(database="d", pid=None), 2),
    other=("x", Backend(database="d", pid=2), 1),
)
@example(
    key=bytes(32),
    one=("x", Backend(database="d|1", pid=None), 2),
    other=("x", Backend(database="d", pid=1), 2),
)
def test_a_token_is_good_for_one_thing(
    key: bytes, one: tuple[str, Backend, int], other: tuple[str, Backend, int]
) -> None:
    made, again = (
        EnterKey(1, key).token(tenant, backend=backend, expires_us=expires_us)
        for tenant, backend, expires_us in (one, other)
    )
    assert len(made) == 32
    assert (made == again) == (one == other)


@given(one=_SECRETS, other=_SECRETS, what=_WHAT)
def test_another_key_makes_another_token(
    one: bytes, other: bytes, what: tuple[str, Backend, int]
) -> None:
    tenant, backend, expires_us = what
    tokens = [
        EnterKey(1, key).token(tenant, backend=backend, expires_us=expires_us)
        for key in (one, other)
    ]
    assert (tokens[0] == tokens[1]) == (one == other)


def test_the_token_is_the_one_that_the_database_computes() -> None:
    backend = Backend(database="größe", pid=7)
    made = EnterKey(3, b"k" * 32).token("3:101", backend=backend, expires_us=9)
    message = "mcpdb-enter-1|7|größe|7|9|3:101".encode()
    assert made == hmac.new(b"k" * 32, message, hashlib.sha256).digest()


def test_tokens_know_nothing_of_the_number() -> None:
    # The number only says which key to look up.
    backend = Backend(database="d", pid=None)
    one, other = (EnterKey(n, b"k" * 32).token("*", backend=backend, expires_us=1) for n in (1, 2))
    assert one == other


def test_an_empty_text_is_no_key() -> None:
    with pytest.raises(ConfigurationError, match="not a key"):
        EnterKey.parse("")
