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
        *_of_reader(wall, snapshot),
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


def _of_reader(wall: Wall, snapshot: Snapshot) -> Iterable[str]:
    found = snapshot.functions.get("run")
    owner = found.split("|")[0] if found is not None else wall.roles.reader
    if wall.roles.sql is not None and owner != wall.roles.reader:
        yield (
            f"The function mcpdb.run belongs to {shown(owner)}, and the wall's reader is"
            f" {shown(wall.roles.reader)}: declare the reader that it has, or apply once without"
            " a login for SQL."
        )


def _of_roles(wall: Wall, snapshot: Snapshot) -> Iterable[str]:
    made = set(snapshot.state.made)
    for role in wall.roles.own:
        state = snapshot.roles.get(role)
        if state is None:
            continue
        for risk in state.risks:
            yield f"The role {shown(state.name)} {risk}, which a wall's must not: name another."
        if state.login != (role in wall.roles.logins) and role != wall.roles.loader:
            can, must = ("can", "must not") if state.login else ("cannot", "must")
            yield f"The role {shown(state.name)} {can} log in, and {must}: name another."
        # Not by what it has access to: an owner may be without USAGE on the schema, until now.
        owners = {table.owner for table in snapshot.tables.values()}
        if role in owners and role in {*wall.roles.logins, *wall.roles.behind}:
            yield f"The role {shown(state.name)} owns declared tables: name another in its place."
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
    yield from _of_company(wall, snapshot, table)
    yield from _of_privileges(wall, snapshot, each, table)
    for column in each.columns or ():
        if column not in table.types:
            yield f"The table {spoken(name)} has no column {shown(column)}: declare one it has."
    if isinstance(each, Protected) and each.tenant is not None:
        problem = column_problem(table, column_name(each.tenant), each.lookup)
        if problem is not None:
            yield problem


def _of_company(wall: Wall, snapshot: Snapshot, table: TableState) -> Iterable[str]:
    """What else is about the table, and would be other than it seems behind a wall."""
    name = spoken((table.schema, table.name))
    if table.has_children:
        yield (
            f"Other tables inherit from {name}, and rows that are read through it are not held by"
            " their policies: declare tables without children, or partitioned ones."
        )
    if table.is_replicated and not table.forced:
        yield (
            f"A subscription fills {name}, and PostgreSQL does not replicate into tables whose"
            " policies hold the owner: leave it out, or put the wall up at the publisher."
        )
    for policy in table.restricts:
        yield (
            f"The restrictive policy {shown(policy)} of {name} would hold the wall's roles and the"
            " declared ones too: limit it to those for whom it is, with ALTER POLICY ... TO."
        )
    if wall.owner not in {None, table.owner} and list(_held(wall.owner or "", table, snapshot)):
        yield (
            f"{shown(wall.owner or '')} has privileges of its own on {name}, which it would lose"
            " when the wall comes down: revoke them first."
        )


def _of_privileges(
    wall: Wall, snapshot: Snapshot, each: Protected | Shared, table: TableState
) -> Iterable[str]:
    """Privileges by which the server's roles would read, or do, more than is declared."""
    name = (table.schema, table.name)
    columns = set(each.columns or [])
    made = {
        (key[4], key[3], *key[5:])
        for key in snapshot.state.made
        if key[0] == "grant" and (key[1], key[2]) == name
    }
    for role in dict.fromkeys([*wall.roles.behind, *wall.roles.logins]):
        for privilege, column in _held(role, table, snapshot):
            may_read = role in wall.roles.behind and (not columns or column in columns)
            noted = (role, privilege, column) if column else (role, privilege)
            if not (privilege == "SELECT" and may_read) and noted not in made:
                on = f"({shown(column)}) ON {spoken(name)}" if column else f"ON {spoken(name)}"
                yield (
                    f"{shown(role)} has {privilege} {on}, which is not declared:"
                    f" REVOKE {privilege} {on} FROM {shown(role)}."
                )
    open_to_all = {
        column for privilege, column in _held("public", table, snapshot) if privilege == "SELECT"
    }
    if columns and open_to_all - columns:
        yield (
            f"Everyone may read more of {spoken(name)} than its declared columns: REVOKE SELECT ON"
            f" {spoken(name)} FROM PUBLIC, and grant it to those who need it."
        )


def _held(role: str, table: TableState, snapshot: Snapshot) -> Iterable[tuple[str, str]]:
    """Privileges of a role on a table, each with the column or an empty name."""
    name = f"{table.schema}.{table.name}"
    for holder, privilege, on in snapshot.grants:
        if holder == role and (on == name or on.startswith(f"{name}.")):
            yield privilege, on.removeprefix(name).removeprefix(".")


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


_CUTTING: Final = frozenset({"character", '"char"', "bit", "name"})
"""Types to which a cast cuts a value off, and so may make another one of it."""


def _of_lookups(wall: Wall, snapshot: Snapshot) -> Iterable[str]:
    for lookup in {each.name: each for each in wall.lookups}.values():
        if snapshot.types.get(lookup.type, lookup.type) is None:
            yield (
                f"The lookup {lookup.name} has the type {lookup.type}, which PostgreSQL does not"
                " know: qualify types that are not its own by their schema."
            )
        elif lookup.type in _CUTTING:
            yield (
                f"The lookup {lookup.name} has the type {lookup.type}, to which values are cut"
                " off: use text."
            )
        found = snapshot.functions.get(lookup.name)
        if found is not None and found.split("\n")[0].split("|")[-2] != f"{lookup.type}[]":
            yield (
                f"The lookup {lookup.name} had another type, and policies depend on it: give it"
                " another name."
            )
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
