"""The escapes for tools that take SQL: data in `escapes/*.toml`, and how one becomes SQL."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Literal

Level = Literal["leak", "metadata", "side-effect", "resource", "note"]
"""How bad a finding is; see `Report`."""

COUNTED: Final = "mcpdb:n="
"""Before the number of rows that a statement has seen."""
SEEN: Final = "mcpdb:seen="
"""Before what an escape got where it should have got nothing."""

_PLACE: Final = re.compile(
    r"\{(set|call|keep|inner|name|value|setting|raw|table|relation|column|n|read|read_all|probe|seconds"
    r"|long)\}"
)
_LONG: Final = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Escape:
    """One way out, as a template.

    Attributes:
        family: Its class, such as `settings`.
        name: Unique within its file.
        template: The statement, with places in braces.
        answered: How bad it is if the statement is answered with what it asks for; None: its
            answer is looked at like that of any call.
        why: What an answer means, for people.
        is_lasting: Whether it may outlive its own call.
        is_oracle: Whether it asks about a value, twice.
        is_slow: Whether it is answered late.
        wants_plan: Whether a plan is what it asks for.
    """

    family: str
    name: str
    template: str
    answered: Level | None = None
    why: str = ""
    is_lasting: bool = False
    is_oracle: bool = False
    is_slow: bool = False
    wants_plan: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What the statements of an attack are about.

    Attributes:
        table: As it stands in SQL: `retail.orders`.
        column: One of its columns that tells tenants apart.
        settings: The settings that may hold the tenant, the likeliest first.
        foreign: What they are to be set to.
        probe: A value to ask an oracle about.
        seconds: How long a query would have to sleep to be too long.
    """

    table: str
    column: str
    settings: Sequence[str]
    foreign: str
    probe: str = ""
    seconds: int = 30

    @property
    def count(self) -> str:
        """The statement that counts the rows that its caller sees."""
        return f"SELECT '{COUNTED}' || count(*) FROM {self.table}"  # noqa: S608  # that is its job

    def statement(self, template: str) -> str:
        """The template, with everything in its place."""
        local = self._calls(is_local="true")
        name = self.settings[0]
        parts = {
            "set": local,
            "call": f"set_config({literal(name)}, {literal(_value(name, self.foreign))}, true)",
            "keep": self._calls(is_local="false"),
            "inner": local.replace("'", "''"),
            "name": literal(name),
            "value": literal(_value(name, self.foreign)),
            "setting": ".".join(f'"{part}"' for part in name.split(".")),
            "raw": self.foreign,
            "table": self.table,
            "relation": self.table.rpartition(".")[2].strip('"'),
            "column": self.column,
            "n": f"'{COUNTED}' || count(*)",
            "read": f"({self.count})",
            "read_all": self.count,
            "probe": literal(self.probe),
            "seconds": str(self.seconds),
            "long": "x" * _LONG,
        }
        return _PLACE.sub(lambda match: parts[match[1]], template)

    def _calls(self, *, is_local: str) -> str:
        """All settings in one expression: one statement forges whichever of them counts."""
        calls = [
            f"set_config({literal(name)}, {literal(_value(name, self.foreign))}, {is_local})"
            for name in self.settings
        ]
        return calls[0] if len(calls) == 1 else f"({' || '.join(calls)})"


def load_escapes() -> list[Escape]:
    """All of them, in the order of their classes."""
    found: list[Escape] = []
    folder = files("mcpdb.attack") / "escapes"
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            table = tomllib.loads(file.read_text(encoding="utf-8"))
            found += [_escape(table, name, sql) for name, sql in table["escapes"].items()]
    # What lasts comes last, and what is slow after that.
    return sorted(found, key=lambda each: (each.is_slow, each.is_lasting))


def literal(text: str) -> str:
    """The text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def _escape(table: dict[str, Any], name: str, template: str) -> Escape:
    return Escape(
        family=table["class"],
        name=name,
        template=template,
        answered="leak" if table.get("plans") else table.get("answered"),
        why=table.get("why", ""),
        is_lasting=table.get("lasting", False),
        is_oracle=table.get("oracle", False),
        is_slow=table.get("slow", False),
        wants_plan=table.get("plans", False),
    )


def _value(setting: str, foreign: str) -> str:
    """Claims are JSON; other settings hold the id itself."""
    if not setting.endswith("claims"):
        return foreign
    names = ("sub", "tenant", "tenant_id", "org_id", "user_id")
    inside = ", ".join(f'"{name}": "{foreign}"' for name in names)
    return "{" + inside + "}"
