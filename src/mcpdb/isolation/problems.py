"""Why a wall cannot stand on this database as it is declared, each with what to do instead."""

from collections.abc import Iterable, Sequence
from typing import Final

from mcpdb.isolation.names import column_name, shown, spoken, table_name
from mcpdb.isolation.policies import column_problem
from mcpdb.isolation.snapshot import Snapshot, TableState
from mcpdb.isolation.tables import read_by_keeper
from mcpdb.isolation.wall import Protected, Shared, Wall

_OLDEST: Final = 15


def problems(wall: Wall, snapshot: Snapshot) -> Sequence[str]:
    """All of them."""
    if snapshot.major < _OLDEST:
        return [f"This server is PostgreSQL {snapshot.major}: a wall needs {_OLDEST} or newer."]
    return [
        *_of_schema(wall, snapshot),
        *_of_roles(wall, snapshot),
        *(text for each in wall.tables for text in _of_table(wall, snapshot, each)),
        *_of_lookups(wall, snapshot),
    ]


def _of_schema(wall: Wall, snapshot: Snapshot) -> Iterable[str]:
    if snapshot.schema_owner is not None and not snapshot.state.made:
        yield (
            "The database has a schema mcpdb that is not a wall's, or a wall whose comment on"
            " the schema is lost: rename or drop it."
        )
    elif snapshot.schema_owner not in {None, wall.roles.keeper}:
        yield (
            f"The schema mcpdb belongs to {shown(snapshot.schema_owner or '')}, and the wall's"
            f" keeper is {shown(wall.roles.keeper)}: declare the keeper that it has, or take the"
            " wall down first."
        )


def _of_roles(wall: Wall, snapshot: Snapshot) -> Iterable[str]:
    made = set(snapshot.state.made)
    for role in (wall.roles.app, wall.roles.keeper, wall.roles.loader):
        state = snapshot.roles.get(role or "")
        if state is None:
            continue
        for risk in state.risks:
            yield f"The role {shown(state.name)} {risk}, which a wall's must not: name another."
        if state.login != (role == wall.roles.app) and role != wall.roles.loader:
            can, must = ("can", "must not") if state.login else ("cannot", "must")
            yield f"The role {shown(state.name)} {can} log in, and {must}: name another."
        # Not by what it has access to: an owner may be without USAGE on the schema, until now.
        if role == wall.roles.app and role in {table.owner for table in snapshot.tables.values()}:
            yield f"The role {shown(state.name)} owns declared tables: name another as app."
    for role in (*wall.writers, *wall.readers, *wall.shut_out):
        if role not in snapshot.roles:
            yield f"There is no role {shown(role)}: declare roles that exist."
    if wall.owner is not None and ("role", wall.owner) not in made:
        state = snapshot.roles.get(wall.owner)
        if state is not None and (state.bypasses or state.login):
            yield (
                f"The role {shown(wall.owner)} can log in or bypasses row-level security: tables"
                " are to belong to a role that does neither."
            )


def _of_table(wall: Wall, snapshot: Snapshot, each: Protected | Shared) -> Iterable[str]:
    name = table_name(each.table)
    table = snapshot.tables.get(name)
    if table is None:
        yield f"There is no table {spoken(name)}: declare tables that exist."
        return
    if table.kind not in {"r", "p"}:
        yield (
            f"{spoken(name)} is not a table, and row-level security is for tables: declare the"
            " tables under it."
        )
        return
    yield from _of_owner(wall, snapshot, table)
    for column in each.columns or ():
        if column not in table.types:
            yield f"The table {spoken(name)} has no column {shown(column)}: declare one it has."
    if isinstance(each, Protected) and each.tenant is not None:
        problem = column_problem(table, column_name(each.tenant), each.lookup)
        if problem is not None:
            yield problem


def _of_owner(wall: Wall, snapshot: Snapshot, table: TableState) -> Iterable[str]:
    if snapshot.is_superuser:
        return
    name = spoken((table.schema, table.name))
    owner = snapshot.roles.get(table.owner)
    # To the wall's own owner it is lent while apply runs.
    if table.owner != wall.owner and (owner is None or not owner.mine):
        yield (
            f"{shown(snapshot.me)} cannot become {shown(table.owner)}, who owns {name}: run this"
            f" as its owner, or have an administrator GRANT {shown(table.owner)} TO"
            f" {shown(snapshot.me)}."
        )
    elif wall.owner not in {None, table.owner} and table.owner != snapshot.me:
        yield (
            f"Only its owner {shown(table.owner)} or a superuser can give {name} away: run this"
            " as one of them, or leave owner= out."
        )
    schema_owner = snapshot.roles.get(table.schema_owner)
    if schema_owner is None or not schema_owner.mine:
        yield (
            f"{shown(snapshot.me)} cannot become {shown(table.schema_owner)}, who owns the schema"
            f" {shown(table.schema)}: run this as its owner or as a superuser."
        )


def _of_lookups(wall: Wall, snapshot: Snapshot) -> Iterable[str]:
    for name, columns in read_by_keeper(wall).items():
        table = snapshot.tables.get(name)
        if table is None:
            yield f"A lookup reads {spoken(name)}, which is not there: declare what it reads."
            continue
        for column in columns:
            if column not in table.types:
                yield (
                    f"A lookup reads {spoken(name)}.{shown(column)}, which is not there: declare"
                    " what it reads."
                )
        yield from _of_owner(wall, snapshot, table)
