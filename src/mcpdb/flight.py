"""The beginning of a transaction as bytes that ride before its first select, in one flight: BEGIN
and the statement that enters the tenant, in the extended protocol, without a Sync of their own.

The driver has no word for this, so it leans on what the driver does with answers that it has not
asked for: it passes over them, as long as none is a row. Only with versions of the driver that the
test suite has run with; see `PoolConfig.single_flight`.
https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
"""

from collections.abc import Sequence
from typing import Final

import asyncpg
from sqlalchemy import ColumnElement, Integer, Select, and_, literal_column, select

TRIED: Final = frozenset({"0.32.0"})
"""Versions of asyncpg with which the suite has run."""

_EXECUTE: Final = b"E" + (9).to_bytes(4) + b"\x00" + (0).to_bytes(4)


def is_tried() -> bool:
    """Whether this version of the driver is one of them."""
    return asyncpg.__version__ in TRIED


def silent(expressions: Sequence["ColumnElement[object]"]) -> Select[int]:
    """A select that computes the expressions and returns no row.

    OFFSET 0 keeps the planner from merging the sub-select, and so from leaving any of it out.

    Args:
        expressions: The first of them is never NULL.
    """
    named = [each.label(f"e{number}") for number, each in enumerate(expressions)]
    inner = select(*named).offset(literal_column("0", Integer)).subquery("entered")
    return (
        select(literal_column("1", Integer))
        .select_from(inner)
        .where(and_(*(column.is_(None) for column in inner.c)))
    )


def beginning(sql: str, arguments: Sequence[object], *, name: str = "") -> bytes:
    """BEGIN READ ONLY, then the statement, as messages of the protocol.

    Args:
        sql: The statement; it returns no row.
        arguments: Texts, integers, truths, octets or None.
        name: Of the prepared statement with this SQL. Empty: it is parsed in the same flight.

    Raises:
        TypeError: An argument is something else. Nothing has been sent then.
    """
    values = [_octets(argument) for argument in arguments]
    parse = b"" if name else _parse(sql)
    return _BEGIN + parse + _bind(name, values) + _EXECUTE


def _parse(sql: str) -> bytes:
    return _message(b"P", b"\x00" + sql.encode() + b"\x00" + (0).to_bytes(2))


def _bind(name: str, values: Sequence[bytes | None]) -> bytes:
    """All values as texts, whatever their types are."""
    parts = [b"\x00", name.encode(), b"\x00", (0).to_bytes(2), len(values).to_bytes(2)]
    for value in values:
        if value is None:
            parts.append((-1).to_bytes(4, signed=True))
        else:
            parts += [len(value).to_bytes(4), value]
    return _message(b"B", b"".join([*parts, (0).to_bytes(2)]))


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4) + body


def _octets(value: object) -> bytes | None:
    # Exactly these: a subclass may say itself in another way.
    if value is None:
        return None
    if type(value) is bool:
        return b"true" if value else b"false"
    if type(value) is str:
        return value.encode()
    if type(value) is int:
        return str(value).encode()
    if type(value) is bytes:
        return b"\\x" + value.hex().encode()
    raise TypeError(f"A {type(value).__name__} has no text that is known here.")


_BEGIN: Final = _parse("BEGIN READ ONLY") + _bind("", []) + _EXECUTE
