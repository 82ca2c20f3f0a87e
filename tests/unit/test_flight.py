import struct
from collections.abc import Iterator

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpdb import flight

VALUES = st.lists(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.binary(max_size=50)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=50)
)


def messages(octets: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each, by the lengths that they give."""
    while octets:
        (length,) = struct.unpack("!I", octets[1:5])
        yield octets[:1], octets[5 : length + 1]
        octets = octets[length + 1 :]


def bound(body: bytes) -> tuple[bytes, list[bytes | None]]:
    """The name of the statement, and the values, of a Bind."""
    portal, name, rest = body.split(b"\x00", 2)
    assert portal == b""
    formats, count = struct.unpack("!HH", rest[:4])
    assert formats == 0
    values: list[bytes | None] = []
    rest = rest[4:]
    for _ in range(count):
        (length,) = struct.unpack("!i", rest[:4])
        values.append(None if length < 0 else rest[4 : 4 + length])
        rest = rest[4 + max(0, length) :]
    assert rest == b"\x00\x00"
    return name, values


@given(VALUES)
def test_the_values_are_in_the_flight_as_they_are(values: list[object]) -> None:
    parts = list(messages(flight.beginning("SELECT $1", values, name="enter")))
    assert [kind for kind, _ in parts] == [b"P", b"B", b"E", b"B", b"E"]
    assert parts[0][1] == b"\x00BEGIN READ ONLY\x00\x00\x00"
    name, sent = bound(parts[3][1])
    assert name == b"enter"
    assert [_read(octets, value) for octets, value in zip(sent, values, strict=True)] == values


def _read(octets: bytes | None, value: object) -> object:
    if octets is None:
        return None
    if isinstance(value, bytes):
        return bytes.fromhex(octets.decode().removeprefix("\\x"))
    if isinstance(value, bool):
        return octets == b"true"
    return int(octets) if isinstance(value, int) else octets.decode()


def test_without_a_name_the_statement_is_parsed_in_the_same_flight() -> None:
    kinds = [kind for kind, _ in messages(flight.beginning("SELECT 1", []))]
    assert kinds == [b"P", b"B", b"E", b"P", b"B", b"E"]


def test_there_is_no_sync_in_it() -> None:
    assert b"S" not in [kind for kind, _ in messages(flight.beginning("SELECT 1", []))]


@pytest.mark.parametrize("value", [1.5, object(), ["a"], bytearray(b"a")])
def test_what_has_no_known_text_is_refused_before_anything_is_made(value: object) -> None:
    with pytest.raises(TypeError):
        flight.beginning("SELECT $1", [value])


def test_only_a_driver_that_the_suite_has_seen_flies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncpg, "__version__", "0.99.0")
    assert not flight.is_tried()
    monkeypatch.setattr(asyncpg, "__version__", next(iter(flight.TRIED)))
    assert flight.is_tried()
