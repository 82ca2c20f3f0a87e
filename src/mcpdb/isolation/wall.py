"""The declaration: whose rows are in which table, and who else works with them. It is written once
and says nothing of how; statements are made from it in `plan`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Column, Table

from mcpdb.errors import ConfigurationError
from mcpdb.isolation.names import checked, column_name, table_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """How the ids of a tenant become the values of a column that does not hold them.

    It becomes a function `mcpdb.<name>()`, which runs with the rights of the keeper, so that
    nobody else has to read whose id is whose.

    Attributes:
        name: Of the function.
        type: Of one value, such as `integer`. Types of other schemas than PostgreSQL's own are
            qualified.
        select: A query of one column for the ids in the variable `tenant_ids`, a `text[]`. It runs
            with a search_path of `pg_catalog`, in UTC and with ISO dates, whatever the caller
            has set. Names are qualified by their schema: `SELECT store_id FROM
            retail.store_access WHERE manager = ANY (tenant_ids)`.
        select_all: The same for the tenant that is all. None: all is refused.
        reads: The tables that both read, each with its columns.
    """

    name: str
    type: str
    select: str
    select_all: str | None = None
    reads: Mapping[str, Sequence[str]]

    def __post_init__(self) -> None:
        checked(self.name, what="A lookup")
        if "(" in self.type:
            raise ConfigurationError(
                f"A type with a length, such as {self.type}, cuts values off: leave the length out."
            )
        if self.name in {"enter", "tenant", "ids", "ids_of", "new_key", "keys", "run", "state"}:
            raise ConfigurationError(f"The name {self.name!r} of a lookup is taken.")
        for query in (self.select, self.select_all):
            if query is not None and ";" in query:
                raise ConfigurationError("A lookup is one query, without a semicolon.")
        for table, columns in self.reads.items():
            table_name(table)
            _checked_columns(table, columns)


@dataclass(frozen=True, slots=True)
class Protected:
    """A table in which each row belongs to a tenant.

    Attributes:
        table: `schema.table`, or a SQLAlchemy Table.
        tenant: The column that says whose a row is. It holds a tenant's id, or with `lookup` one
            of its values. A row without one is nobody's.
        lookup: How ids become values of that column.
        using: A condition instead of `tenant`, with `{ids}` for the array of the values:
            `home = ANY ({ids}) OR EXISTS (...)`. Other names in it are qualified by their schema.
            It runs with the settings of the query, which can change them: what depends on the
            clock, the time zone or formats belongs into a lookup.
        columns: Those that the server's login may read. None: all, also later ones.
    """

    table: str | Table
    tenant: "str | Column[Any] | None" = None
    lookup: Lookup | None = field(default=None, kw_only=True)
    using: str | None = field(default=None, kw_only=True)
    columns: Sequence[str] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        table_name(self.table)
        if (self.tenant is None) == (self.using is None):
            raise ConfigurationError(
                f"{self.table} is protected by its tenant column or by a condition: say one."
            )
        if self.tenant is not None:
            column_name(self.tenant)
        if self.using is not None and "{ids}" not in self.using:
            raise ConfigurationError(f"The condition of {self.table} does not ask for {{ids}}.")
        _checked_columns(self.table, self.columns)


@dataclass(frozen=True, slots=True)
class Shared:
    """A table whose rows every tenant may read, and nobody without a tenant.

    Attributes:
        table: `schema.table`, or a SQLAlchemy Table.
        lookup: Only for tenants for whom it finds a value: an id that is well-formed and nobody's
            reads nothing then. None: for every tenant that is sealed in.
        columns: Those that the server's login may read. None: all, also later ones.
    """

    table: str | Table
    lookup: Lookup | None = field(default=None, kw_only=True)
    columns: Sequence[str] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        table_name(self.table)
        _checked_columns(self.table, self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The roles of a wall. They are made where they are missing.

    Attributes:
        app: The server's login. It may only read, and is a member of nothing.
        keeper: Owns the schema `mcpdb` with its keys and functions. It cannot log in.
        loader: May write all declared tables: for seeding and for refreshing embeddings. It cannot
            log in; grant it to who does that. None: there is none.
        sql: The login for SQL that a model wrote. It may read nothing, only have `reader` read for
            it, one query at a time. None: there is none, and no such SQL.
        reader: Reads what `app` may, for `sql`. It cannot log in, and is only made with that.
    """

    app: str = "mcpdb_app"
    keeper: str = "mcpdb_keeper"
    loader: str | None = None
    sql: str | None = None
    reader: str = "mcpdb_reader"

    @property
    def own(self) -> Sequence[str]:
        """All of them."""
        for_sql = (self.sql, self.reader) if self.sql is not None else ()
        return [name for name in (self.app, self.keeper, self.loader, *for_sql) if name is not None]

    @property
    def logins(self) -> Sequence[str]:
        """Those that log in."""
        return [name for name in (self.app, self.sql) if name is not None]

    @property
    def behind(self) -> Sequence[str]:
        """Those that read, and for whom the policies choose rows."""
        return [self.app, *((self.reader,) if self.sql is not None else ())]

    def __post_init__(self) -> None:
        for name in self.own:
            _checked_role(name)
        if len(set(self.own)) != len(self.own):
            raise ConfigurationError("The roles of a wall are different roles.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """Which rows belong to whom, and which roles besides the server work with them.

    Attributes:
        tables: Those that the server may read.
        roles: Names of the wall's own roles. They belong to the cluster: choose others where a
            second database in it has a wall that is to have logins of its own.
        tenants: Where the ids of all tenants stand, as table and column, for a head office that
            sees all. None: all is refused where a tenant column holds ids.
        writers: Roles that read and write the tables today, and go on doing so. Groups cover
            their members, also PostgreSQL's own such as `pg_read_all_data`.
        readers: Roles that read them today, and go on doing so.
        shut_out: Roles that could read or write them, and shall no longer see a row.
        owner: A role that the tables are to belong to from now on. None: owners stay.
        settings: Of the server's login, beside or instead of the usual ones; not `search_path`,
            which is made of the tables' schemas.
        sql_settings: Likewise of the login for SQL that a model wrote.
    """

    tables: Sequence[Protected | Shared]
    roles: Roles = field(default_factory=Roles)
    tenants: tuple[str, str] | None = None
    writers: Sequence[str] = ()
    readers: Sequence[str] = ()
    shut_out: Sequence[str] = ()
    owner: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    sql_settings: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        if not self.tables:
            raise ConfigurationError("A wall protects at least one table.")
        names = [table_name(each.table) for each in self.tables]
        twice = sorted({".".join(name) for name in names if names.count(name) > 1})
        if twice:
            raise ConfigurationError(f"The table {twice[0]} is declared twice.")
        declared = [*self.writers, *self.readers, *self.shut_out]
        for role in declared:
            _checked_role(role, predefined=True)
            if declared.count(role) > 1:
                raise ConfigurationError(f"The role {role} is declared twice.")
            if role in self.roles.own:
                raise ConfigurationError(f"The role {role} is one of the wall's own.")
        if self.owner is not None:
            _checked_role(self.owner)
        self._check_settings()
        if self.tenants is not None:
            table_name(self.tenants[0])
            column_name(self.tenants[1])
        lookups = {each.name: each for each in self.lookups}
        if any(lookups[each.name] != each for each in self.lookups):
            raise ConfigurationError("Two lookups have the same name.")

    def _check_settings(self) -> None:
        if self.sql_settings and self.roles.sql is None:
            raise ConfigurationError("sql_settings are for a login that is not there: Roles(sql=).")
        if "search_path" in {*self.settings, *self.sql_settings}:
            raise ConfigurationError("The search_path is made of the schemas of the tables.")

    @property
    def lookups(self) -> Sequence[Lookup]:
        """Those of the tables."""
        return [table.lookup for table in self.tables if table.lookup is not None]


def _checked_role(name: str, *, predefined: bool = False) -> None:
    checked(name, what="A role")
    if (name.startswith("pg_") and not predefined) or name in {"public", "none"}:
        raise ConfigurationError(
            f"{name} is not a role that a wall can name.",
            hint="Name the roles that log in, or groups of your own.",
        )


def _checked_columns(table: str | Table, columns: Sequence[str] | None) -> None:
    if isinstance(columns, str) or (columns is not None and not columns):
        raise ConfigurationError(f"The columns of {table} are a list of at least one name.")
    for column in columns or ():
        checked(column, what="A column")


def declared_tables(wall: Wall) -> Sequence[tuple[str, str]]:
    """All tables that a wall is about, also those that only its lookups read."""
    names = [table_name(each.table) for each in wall.tables]
    names += [table_name(table) for lookup in wall.lookups for table in lookup.reads]
    if wall.tenants is not None:
        names.append(table_name(wall.tenants[0]))
    return list(dict.fromkeys(names))


def with_types(wall: Wall, types: Mapping[str, str | None]) -> Wall:
    """The wall with the types of its lookups as PostgreSQL itself says them, if it knows them."""

    def known(each: Protected | Shared) -> Protected | Shared:
        if each.lookup is None:
            return each
        name = types.get(each.lookup.type) or each.lookup.type
        return replace(each, lookup=replace(each.lookup, type=name))

    return replace(wall, tables=[known(each) for each in wall.tables])
