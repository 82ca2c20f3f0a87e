"""The written list of what the database leaves open where there is no guard: `open.md`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LIST: Final = Path(__file__).parent / "open.md"

_ROW: Final = re.compile(r"\| `([\w-]+)` \| (open|closed) \| (open|closed) \| (all|\d+|\d+\+) \|.*")
_CLASS: Final = re.compile(r"## `(\w+)`.*")


@dataclass(frozen=True, slots=True)
class Row:
    """One statement that shows that something is open.

    Attributes:
        of: Its class.
        name: Its name.
        login: Whether it is open to the login of the query lane.
        lane: Whether it is open through the SQL lane.
        versions: `all`, or `15`, or `17+`.
    """

    of: str
    name: str
    login: bool
    lane: bool
    versions: str

    def holds_on(self, version: int) -> bool:
        """Whether this is about that major version."""
        if self.versions == "all":
            return True
        least = int(self.versions.rstrip("+"))
        return version >= least if self.versions.endswith("+") else version == least


def rows() -> list[Row]:
    """The list."""
    found: list[Row] = []
    of = ""
    for line in LIST.read_text("utf-8").splitlines():
        if heading := _CLASS.fullmatch(line):
            of = heading[1]
        if match := _ROW.fullmatch(line):
            found.append(Row(of, match[1], match[2] == "open", match[3] == "open", match[4]))
    return found


def listed(configuration: str, version: int) -> Mapping[str, frozenset[str]]:
    """By class, the statements to which something is open.

    Args:
        configuration: `login` or `lane`.
        version: The major version.
    """
    found: dict[str, set[str]] = {}
    for row in rows():
        is_open = row.login if configuration == "login" else row.lane
        if is_open and row.holds_on(version):
            found.setdefault(row.of, set()).add(row.name)
    return {of: frozenset(names) for of, names in found.items()}
