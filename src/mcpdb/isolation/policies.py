"""The policies of a wall's tables, and what in a table stands in their way."""

import hashlib
from collections.abc import Sequence
from typing import Final

from mcpdb.isolation.names import column_name, in_sql, quoted, shown, spoken
from mcpdb.isolation.script import Piece
from mcpdb.isolation.snapshot import Snapshot, TableState
from mcpdb.isolation.wall import Lookup, Protected, Shared, Wall

# To cast an id to one of these fails or keeps what it means: " 7" and "7" are one integer, but no
# cast makes another tenant's of it, as that to a type with a length does, which cuts off.
_TYPES: Final = {
    "text": "text",
    "character varying": "text",
    "uuid": "uuid",
    "smallint": "smallint",
    "integer": "integer",
    "bigint": "bigint",
}


def column_problem(table: TableState, column: str, lookup: Lookup | None) -> str | None:
    """Why this column cannot say whose a row is, or None."""
    name = spoken((table.schema, table.name))
    if column not in table.types:
        return f"The table {name} has no column {shown(column)}: declare one that it has."
    shape, kind = table.types[column]
    if lookup is None and kind != "e" and shape not in _TYPES:
        return (
            f"The column {name}.{shown(column)} is of the type {shape}, to which ids cannot be"
            " cast safely: declare a lookup whose type is the column's."
        )
    if column in table.folds:
        return (
            f"The column {name}.{shown(column)} has a collation that holds different texts for"
            " equal, so that one tenant's id may be another's: give it a deterministic one."
        )
    return None


def policy_pieces(
    wall: Wall, snapshot: Snapshot, each: Protected | Shared, table: TableState
) -> Sequence[Piece]:
    """The policies of a declared table."""
    whom = ", ".join(map(quoted, wall.roles.behind))
    tenant = _condition(each, table)
    pieces = [
        # Restrictive: no policy that somebody adds later, for everyone, can open more rows.
        _piece(
            snapshot, table, "mcpdb_tenant", f"AS RESTRICTIVE FOR SELECT TO {whom} USING ({tenant})"
        ),
        _piece(snapshot, table, "mcpdb_read", f"FOR SELECT TO {whom} USING (true)"),
    ]
    writers = [role for role in wall.writers if _is_new_to(role, snapshot, table)]
    readers = [role for role in wall.readers if _is_new_to(role, snapshot, table)]
    if writers:
        pieces.append(_piece(snapshot, table, "mcpdb_writers", _all_rows(writers)))
    if readers:
        roles = ", ".join(map(quoted, readers))
        pieces.append(
            _piece(snapshot, table, "mcpdb_readers", f"FOR SELECT TO {roles} USING (true)")
        )
    if wall.roles.loader is not None:
        pieces.append(_piece(snapshot, table, "mcpdb_loader", _all_rows([wall.roles.loader])))
    return pieces


def keeper_piece(wall: Wall, snapshot: Snapshot, table: TableState) -> Piece:
    """The policy by which lookups see a table."""
    keeper = quoted(wall.roles.keeper)
    return _piece(snapshot, table, "mcpdb_keeper", f"FOR SELECT TO {keeper} USING (true)")


def flag_pieces(table: TableState) -> Sequence[Piece]:
    """Row-level security, for the table's owner too."""
    name = in_sql((table.schema, table.name))
    return [
        Piece(
            key=("rls", table.schema, table.name),
            do=[f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"],
            role=table.owner,
            is_there=table.rls,
        ),
        Piece(
            key=("force", table.schema, table.name),
            do=[f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY"],
            role=table.owner,
            is_there=table.forced,
        ),
    ]


def was_bound(role: str, snapshot: Snapshot, table: TableState) -> bool:
    """Whether policies held for this role on this table before there was a wall."""
    name = (table.schema, table.name)
    made = set(snapshot.state.made)
    if not table.rls or ("rls", *name) in made:
        return False
    owns = ("owner", *name, role) in made or any(
        each.owns for each in snapshot.access if each.role == role and each.table == name
    )
    return not owns or (table.forced and ("force", *name) not in made)


def _is_new_to(role: str, snapshot: Snapshot, table: TableState) -> bool:
    # A policy for all rows would open more to a role whose rows were chosen by policies before.
    return not was_bound(role, snapshot, table)


def _all_rows(roles: Sequence[str]) -> str:
    return f"FOR ALL TO {', '.join(map(quoted, roles))} USING (true) WITH CHECK (true)"


def _condition(each: Protected | Shared, table: TableState) -> str:
    # In a sub-select everywhere: called once for each query, and not for each row.
    if isinstance(each, Shared):
        if each.lookup is not None:
            return f"cardinality({_ids('', each.lookup)}) > 0"
        return "(SELECT mcpdb.tenant()) IS NOT NULL"
    if each.using is not None:
        return each.using.replace("{ids}", _ids("text", each.lookup))
    assert each.tenant is not None
    column = column_name(each.tenant)
    shape, _ = table.types[column]
    ids = _ids(_TYPES.get(shape, shape), each.lookup)
    return f"{quoted(column)} = ANY ({ids})"


def _ids(shape: str, lookup: Lookup | None) -> str:
    # The cast outside makes it an array, and not a query of rows to compare with; the cast inside
    # is made once.
    if lookup is not None:
        return f"(SELECT mcpdb.{quoted(lookup.name)}())::{lookup.type}[]"
    if shape == "text":
        return "(SELECT mcpdb.ids())::text[]"
    return f"(SELECT mcpdb.ids()::{shape}[])::{shape}[]"


def _piece(snapshot: Snapshot, table: TableState, name: str, rule: str) -> Piece:
    where = in_sql((table.schema, table.name))
    create = f"CREATE POLICY {name} ON {where} {rule}"
    source = hashlib.sha256(create.encode()).hexdigest()[:16]
    noted, now = f"{table.schema}.{table.name}.{name}", table.policies.get(name)
    drop = [f"DROP POLICY IF EXISTS {name} ON {where}"] if now is not None else []
    return Piece(
        key=("policy", table.schema, table.name, name),
        do=[*drop, create],
        role=table.owner,
        source=source,
        is_there=now is not None
        and snapshot.state.policies.get(noted) == now
        and snapshot.state.sources.get(noted) == source,
    )
