"""What of a database may be asked for: an allow-list of tables and views, each with its columns."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Table

from mcpdb.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or a view, and the columns of it that may be read.

    Attributes:
        schema: As PostgreSQL keeps it: in lower case, unless it was quoted when it was made.
        name: Likewise.
        columns: Likewise, at least one.
    """

    schema: str
    name: str
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        given: object = self.columns  # a text would be a list of its letters
        if isinstance(given, str) or not given:
            raise ConfigurationError(f"The columns of {self} are a list of at least one name.")

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


class Catalog:
    """Relations by name.

    Args:
        relations: Different ones. A name that two schemas have is only found with its schema.

    Raises:
        ConfigurationError: There is none, or one of them twice, or one of PostgreSQL's own.
    """

    def __init__(self, relations: Iterable[Relation]) -> None:
        self.relations: tuple[Relation, ...] = tuple(relations)
        self._by_name: dict[tuple[str, str], Relation] = {}
        if not self.relations:
            raise ConfigurationError("A catalog has at least one relation.")
        for one in self.relations:
            if one.schema in {"information_schema", "mcpdb"} or one.schema.startswith("pg_"):
                raise ConfigurationError(f"{one} is not a relation of yours: leave it out.")
            if one.name.startswith("pg_"):
                # Unqualified, PostgreSQL would look among its own first.
                raise ConfigurationError(
                    f"{one} has a name as PostgreSQL's own have: leave it out."
                )
            if (one.schema, one.name) in self._by_name:
                raise ConfigurationError(f"The catalog has {one} twice.")
            self._by_name[one.schema, one.name] = one

    @classmethod
    def of(cls, *tables: Table, columns: Mapping[str, Sequence[str]] | None = None) -> "Catalog":
        """The catalog of SQLAlchemy tables; those without a schema are in `public`.

        Args:
            tables: Each with all its columns, but for those in `columns`.
            columns: From `schema.name` to the columns that may be read.

        Raises:
            ConfigurationError: `columns` names a table or a column that is not there.
        """
        given = dict(columns or {})
        found: list[Relation] = []
        for table in tables:
            schema, own = table.schema or "public", [column.name for column in table.columns]
            chosen = given.pop(f"{schema}.{table.name}", own)
            unknown = [name for name in chosen if name not in own]
            if unknown:
                raise ConfigurationError(f"{schema}.{table.name} has no column {unknown[0]}.")
            found.append(Relation(schema, table.name, tuple(chosen)))
        if given:
            raise ConfigurationError(f"There is no table {next(iter(given))} in the catalog.")
        return cls(found)

    def find(self, schema: str | None, name: str) -> Relation | None:
        """The relation of this name; without a schema, the only one of it."""
        if schema is not None:
            return self._by_name.get((schema, name))
        found = [one for one in self.relations if one.name == name]
        return found[0] if len(found) == 1 else None

    @property
    def columns(self) -> frozenset[str]:
        """The names of all columns of all relations."""
        return frozenset(name for one in self.relations for name in one.columns)

    def near_relations(self, name: str) -> list[str]:
        """At most three relations whose names are like this one, nearest first."""
        holders: dict[str, list[str]] = {}
        for one in self.relations:
            holders.setdefault(one.name, []).append(str(one))
        near = difflib.get_close_matches(name, holders, n=3)
        return [each for found in near for each in holders[found]][:3]

    def near_columns(self, name: str, *, among: Iterable[Relation] = ()) -> list[str]:
        """At most three columns whose names are like this one, as `table.column`, nearest first.

        Args:
            name: Misspelt.
            among: The relations to look into; all of them by default.
        """
        holders: dict[str, Relation] = {}
        for one in among or self.relations:
            for column in one.columns:
                holders.setdefault(column, one)
        near = difflib.get_close_matches(name, holders, n=3)
        return [f"{holders[column].name}.{column}" for column in near]
