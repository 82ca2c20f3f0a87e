"""The corpus: SQL that a model could send, as data in `corpus/`, one file for each class.

A statement follows the line `-- name: ...`; lines of the same form right after it, and those at
the top of the file for all that is in it, say more:

    aim: value | metadata | side-effect | resource | parser (what a hostile one is after)
    since: the first major version of PostgreSQL that has the syntax
    needs: vector
    varies: true, where two runs over the same rows may give different answers

Placeholders are in `Target`. `<U+00A0>` is that character, `<x300:(>` is 300 times what follows.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

CORPUS: Final = Path(__file__).parent / "corpus"
AIMS: Final = frozenset({"value", "metadata", "side-effect", "resource", "parser"})
KEYS: Final = frozenset({"name", "aim", "since", "needs", "varies"})

_HEADER: Final = re.compile(r"-- (name|aim|since|needs|varies): (.+)")
_CHARACTER: Final = re.compile(r"<U\+([0-9A-F]{4,6})>")
_REPEATED: Final = re.compile(r"<x(\d+):([^>]+)>")
_PLACE: Final = re.compile(r"\{(setting|foreign|foreign_text|foreign_email|victim_pid|all)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the placeholders of a statement stand for.

    Attributes:
        setting: The setting that policies, or the functions that they ask, look at.
        foreign: The other tenant's id, or what else is worth a try as the value of the setting.
        foreign_text: The other tenant, as the seal holds it.
        foreign_email: Of one of the other tenant's customers.
        victim_pid: The backend of the other tenant's session.
        all: What stands for all tenants.
    """

    setting: str
    foreign: str
    foreign_text: str
    foreign_email: str
    victim_pid: str
    all: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One of the corpus.

    Attributes:
        name: Unique in the corpus.
        of: Its class: the name of its file.
        aim: What it is after; empty for an honest one.
        since: The first major version that has the syntax.
        needs_vector: Whether it uses pgvector.
        varies: Whether two runs may give different answers.
        template: The SQL, with placeholders.
    """

    name: str
    of: str
    aim: str
    since: int
    needs_vector: bool
    varies: bool
    template: str

    def sql(self, target: Target | None = None) -> str:
        """The statement itself."""
        if target is None:
            return self.template
        found = target  # for the closure
        return _PLACE.sub(lambda match: str(getattr(found, match[1])), self.template)

    @property
    def is_forgery(self) -> bool:
        """Whether it sets the setting: other values are worth a try too."""
        return "{setting}" in self.template

    @property
    def signals(self) -> bool:
        """Whether it is about the other tenant's session: a signal takes a moment."""
        return "{victim_pid}" in self.template or "pg_terminate" in self.template

    def runs_on(self, version: int, *, has_vector: bool) -> bool:
        """Whether a server has all that it uses."""
        return version >= self.since and (has_vector or not self.needs_vector)


@cache
def hostile() -> Sequence[Statement]:
    """What no tenant gains anything by."""
    return list(_read(CORPUS / "hostile"))


@cache
def honest() -> Sequence[Statement]:
    """What an analyst would want to know."""
    return list(_read(CORPUS / "honest"))


def _read(folder: Path) -> Iterable[Statement]:
    for path in sorted(folder.glob("*.sql")):
        head, *parts = re.split(r"(?m)^(?=-- name: )", path.read_text("utf-8"))
        common = dict(_HEADER.findall(head))
        for part in parts:
            lines = part.splitlines()
            own: dict[str, str] = {}
            while lines and (match := _HEADER.fullmatch(lines[0])):
                own[match[1]] = match[2].strip()
                del lines[0]
            yield _statement(path.stem, "\n".join(lines).rstrip("\n"), {**common, **own})


def _statement(of: str, body: str, headers: Mapping[str, str]) -> Statement:
    text = _CHARACTER.sub(lambda match: chr(int(match[1], 16)), body)
    return Statement(
        name=headers["name"],
        of=of,
        aim=headers.get("aim", ""),
        since=int(headers.get("since", "0")),
        needs_vector=headers.get("needs") == "vector",
        varies=headers.get("varies") == "true",
        template=_REPEATED.sub(lambda match: match[2] * int(match[1]), text),
    )
