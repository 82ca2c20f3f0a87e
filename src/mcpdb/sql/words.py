"""How a refusal is worded: what it is, at which character, and what to write instead."""

import difflib
from collections.abc import Iterable

from mcpdb.errors import SqlRefused

_NAME_LENGTH = 63  # PostgreSQL's own limit of a name
_MESSAGE_LENGTH = 160


class Text:
    """The SQL, and where in it a byte of it stands.

    Args:
        sql: Without lone surrogates.
    """

    def __init__(self, sql: str) -> None:
        self.sql = sql

    def position(self, offset: int | None) -> int | None:
        """The character, from 1, that begins at this byte, from 0; None where there is none.

        libpg_query counts the bytes of UTF-8 in its tree, and characters in its errors.
        """
        if offset is None or offset < 0:
            return None
        if self.sql.isascii():
            return min(offset, len(self.sql)) + 1
        return len(self.sql.encode()[:offset].decode(errors="ignore")) + 1

    def refuse(self, what: str, hint: str, offset: int | None = None) -> SqlRefused:
        """The error for what begins at this byte."""
        return refusal(what, hint, self.position(offset))


def refusal(what: str, hint: str, position: int | None = None) -> SqlRefused:
    """The error whose message is this sentence, with its position."""
    where = "" if position is None else f" (at character {position})"
    return SqlRefused(f"{what.removesuffix('.')}{where}.", hint=hint, position=position)


def listed(names: str) -> frozenset[str]:
    """The names of a table that is written as one text."""
    return frozenset(names.split())


def shown(*names: str) -> str:
    """A name as a message may hold it: one line, and never longer than a name can be."""
    name = _one_line(".".join(names))
    return name if len(name) <= _NAME_LENGTH else f"{name[:_NAME_LENGTH]}..."


def bounded(message: str) -> str:
    """Another library's short message, in one line."""
    message = _one_line(message)
    return message if len(message) <= _MESSAGE_LENGTH else f"{message[:_MESSAGE_LENGTH]}..."


def near(name: str, names: Iterable[str]) -> str:
    """A sentence with the names that are most like this one, or nothing."""
    found = difflib.get_close_matches(name[:_NAME_LENGTH], sorted(names), n=3)
    return f"Near it: {', '.join(found)}." if found else ""


def _one_line(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())
