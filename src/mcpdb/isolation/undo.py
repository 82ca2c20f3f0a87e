"""How a piece of a wall is taken away again, made from its key: statements, and who runs them."""

from collections.abc import Sequence

from mcpdb.isolation.names import in_sql, literal, quoted
from mcpdb.isolation.snapshot import Snapshot


def schema_role(snapshot: Snapshot, schema: str) -> str | None:
    """Who grants on a schema."""
    owner = snapshot.schemas.get(schema)
    # The owner of `public` is a role that nobody can become; the database's owner has its rights.
    return None if owner == "pg_database_owner" else owner


def undone(kind: str, names: Sequence[str], snapshot: Snapshot) -> tuple[Sequence[str], str | None]:
    """The statements that take away what has this kind of key, and the role that runs them."""
    if kind in {"policy", "rls", "force", "grant", "sequence", "former"}:
        return _undone_on_table(kind, names, snapshot)
    if kind in {"connect", "setting"}:
        return [_undone_on_role(kind, names, snapshot)], None
    if kind == "schema":
        return ["DROP SCHEMA mcpdb CASCADE"], snapshot.schema_owner
    if kind == "function":
        return [f"DROP FUNCTION mcpdb.{quoted(names[0])}({names[1]})"], snapshot.schema_owner
    rights, schema, role = names
    owner = snapshot.schema_owner if schema == "mcpdb" else schema_role(snapshot, schema)
    return [f"REVOKE {rights} ON SCHEMA {quoted(schema)} FROM {quoted(role)}"], owner


def _undone_on_role(kind: str, names: Sequence[str], snapshot: Snapshot) -> str:
    role, *rest = names
    database = f"DATABASE {quoted(snapshot.database)}"
    if kind == "connect":
        return f"REVOKE CONNECT ON {database} FROM {quoted(role)}"
    setting, *former = rest
    if not former:
        return f"ALTER ROLE {quoted(role)} IN {database} RESET {quoted(setting)}"
    value = former[0] if setting == "search_path" else literal(former[0])
    return f"ALTER ROLE {quoted(role)} IN {database} SET {quoted(setting)} = {value}"


def _undone_on_table(
    kind: str, names: Sequence[str], snapshot: Snapshot
) -> tuple[Sequence[str], str | None]:
    schema, name, *rest = names
    table = in_sql((schema, name))
    if kind == "policy":
        statements = [f"DROP POLICY IF EXISTS {quoted(rest[0])} ON {table}"]
    elif kind == "rls":
        statements = [f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"]
    elif kind == "force":
        statements = [f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"]
    elif kind == "grant":
        privilege, role, *column = rest
        what = f"{privilege} ({quoted(column[0])})" if column else privilege
        statements = [f"REVOKE {what} ON TABLE {table} FROM {quoted(role)}"]
    elif kind == "sequence":
        role, *sequence = rest
        where = in_sql((sequence[0], sequence[1]))
        statements = [f"REVOKE ALL ON SEQUENCE {where} FROM {quoted(role)}"]
    else:
        statements = [f"REVOKE ALL ON TABLE {table} FROM {quoted(rest[0])}"]
    return statements, snapshot.tables[schema, name].owner
