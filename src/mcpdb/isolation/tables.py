"""What a wall adds to one table and its schema: an owner, privileges, and the keeper's way in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from mcpdb.isolation.names import in_sql, quoted, table_name
from mcpdb.isolation.policies import flag_pieces, keeper_piece, policy_pieces
from mcpdb.isolation.script import Piece
from mcpdb.isolation.snapshot import Snapshot, TableState
from mcpdb.isolation.undo import schema_role
from mcpdb.isolation.wall import Protected, Shared, Wall


def table_pieces(wall: Wall, snapshot: Snapshot, each: Protected | Shared) -> Iterable[Piece]:
    """What a declared table gets, its policies before they hold."""
    table = snapshot.tables[table_name(each.table)]
    yield from _moved(wall, snapshot, table)
    owned = replace(table, owner=wall.owner or table.owner)
    for role in wall.roles.behind:
        yield _on_schema(snapshot, table.schema, "USAGE", role)
        for column in each.columns or (None,):
            yield _grant(snapshot, owned, role, "SELECT", column)
    if wall.roles.loader is not None:
        yield from _loads(wall.roles.loader, snapshot, owned)
    columns = read_by_keeper(wall).get((table.schema, table.name))
    if columns:
        yield from keeper_pieces(wall, snapshot, owned, columns, has_policies=True)
    for piece in policy_pieces(wall, snapshot, each, table):
        yield replace(piece, role=owned.owner)
    yield from flag_pieces(owned)


def read_by_keeper(wall: Wall) -> Mapping[tuple[str, str], Sequence[str]]:
    """The tables that the keeper's functions read, with their columns."""
    found: dict[tuple[str, str], list[str]] = {}
    for lookup in wall.lookups:
        for table, columns in lookup.reads.items():
            found.setdefault(table_name(table), []).extend(columns)
    if wall.tenants is not None:
        found.setdefault(table_name(wall.tenants[0]), []).append(wall.tenants[1])
    return {table: list(dict.fromkeys(columns)) for table, columns in found.items()}


def keeper_pieces(
    wall: Wall,
    snapshot: Snapshot,
    table: TableState,
    columns: Sequence[str],
    *,
    has_policies: bool,
) -> Iterable[Piece]:
    """How the keeper's functions come to read a table."""
    keeper = wall.roles.keeper
    yield _on_schema(snapshot, table.schema, "USAGE", keeper)
    for column in columns:
        yield _grant(snapshot, table, keeper, "SELECT", column)
    if has_policies:
        yield keeper_piece(wall, snapshot, table)


def _moved(wall: Wall, snapshot: Snapshot, table: TableState) -> Iterable[Piece]:
    """Moves a table to the owner that was asked for, and leaves its former owner what it needs."""
    key, name = (table.schema, table.name), in_sql((table.schema, table.name))
    if wall.owner is None:
        return
    # Also where it owns the table already: it needs them as long as it does.
    yield _on_schema(snapshot, table.schema, "CREATE", wall.owner)
    yield _on_schema(snapshot, table.schema, "USAGE", wall.owner)
    made = set(snapshot.state.made)
    noted = [each[3] for each in snapshot.state.made if each[:3] == ("owner", *key)]
    former, is_moved = noted[0] if noted else table.owner, table.owner == wall.owner
    if former == wall.owner:
        return
    yield Piece(
        key=("owner", *key, former),
        do=[f"ALTER TABLE {name} OWNER TO {quoted(wall.owner)}"],
        borrows=wall.owner,
        is_there=is_moved,
    )
    if former in (*wall.writers, *wall.readers):
        rights = "ALL" if former in wall.writers else "SELECT"
        yield Piece(
            key=("former", *key, former),
            do=[f"GRANT {rights} ON TABLE {name} TO {quoted(former)}"],
            role=wall.owner,
            is_there=is_moved and ("former", *key, former) in made,
        )
        for sequence in table.sequences:
            yield Piece(
                key=("sequence", *key, former, *sequence),
                do=[f"GRANT ALL ON SEQUENCE {in_sql(sequence)} TO {quoted(former)}"],
                role=wall.owner,
                is_there=is_moved and ("sequence", *key, former, *sequence) in made,
            )


def _loads(loader: str, snapshot: Snapshot, table: TableState) -> Iterable[Piece]:
    yield _on_schema(snapshot, table.schema, "USAGE", loader)
    for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        yield _grant(snapshot, table, loader, privilege, None)
    for sequence in table.sequences:
        yield Piece(
            key=("sequence", table.schema, table.name, loader, *sequence),
            do=[f"GRANT USAGE ON SEQUENCE {in_sql(sequence)} TO {quoted(loader)}"],
            role=table.owner,
            is_there=(loader, "USAGE", ".".join(sequence)) in snapshot.grants,
        )


def _on_schema(snapshot: Snapshot, schema: str, rights: str, role: str) -> Piece:
    return Piece(
        key=("privilege", rights, schema, role),
        do=[f"GRANT {rights} ON SCHEMA {quoted(schema)} TO {quoted(role)}"],
        role=schema_role(snapshot, schema),
        is_there=(role, rights, schema) in snapshot.grants,
    )


def _grant(
    snapshot: Snapshot, table: TableState, role: str, privilege: str, column: str | None
) -> Piece:
    columns = [column] if column is not None else []
    what = f"{privilege} ({quoted(column)})" if column is not None else privilege
    name = in_sql((table.schema, table.name))
    held = ".".join((table.schema, table.name, *columns))
    return Piece(
        key=("grant", table.schema, table.name, privilege, role, *columns),
        do=[f"GRANT {what} ON TABLE {name} TO {quoted(role)}"],
        role=table.owner,
        is_there=(role, privilege, held) in snapshot.grants,
    )
