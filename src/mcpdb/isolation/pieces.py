"""Everything that a wall adds to a database, in the order in which it is added: roles, the schema
`mcpdb` with its keys and functions, then table by table ownership, grants, policies and flags."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mcpdb.isolation.functions import Function, functions, set_comment
from mcpdb.isolation.names import in_sql, literal, quoted, table_name
from mcpdb.isolation.script import Piece
from mcpdb.isolation.seal import KEYS_TABLE
from mcpdb.isolation.snapshot import Snapshot
from mcpdb.isolation.tables import keeper_pieces, read_by_keeper, table_pieces
from mcpdb.isolation.wall import Wall

_SETTINGS: Final = {
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "transaction_timeout": "60s",
    "idle_in_transaction_session_timeout": "15s",
    "lock_timeout": "5s",
    "client_connection_check_interval": "1s",
}
_SINCE: Final = {"transaction_timeout": 17}


def pieces_of(wall: Wall, snapshot: Snapshot) -> Sequence[Piece]:
    """All of them, each once. What the declaration says has been found possible before."""
    found = [*_roles(wall, snapshot), *_settings(wall, snapshot), *_schema(wall, snapshot)]
    for each in wall.tables:
        found += table_pieces(wall, snapshot, each)
    declared = {table_name(each.table) for each in wall.tables}
    for name, columns in read_by_keeper(wall).items():
        if name not in declared:
            table = snapshot.tables[name]
            found += keeper_pieces(wall, snapshot, table, columns, has_policies=table.rls)
    return list({piece.key: piece for piece in found}.values())


def _roles(wall: Wall, snapshot: Snapshot) -> Iterable[Piece]:
    roles = {wall.roles.keeper: "NOLOGIN", wall.roles.app: "LOGIN"}
    for role in (wall.roles.loader, wall.owner):
        if role is not None:
            roles[role] = "NOLOGIN"
    for role, login in roles.items():
        yield Piece(
            key=("role", role),
            do=[f"CREATE ROLE {quoted(role)} {login} NOINHERIT"],
            is_there=role in snapshot.roles,
        )
    if not snapshot.public_connects:
        database, app = quoted(snapshot.database), quoted(wall.roles.app)
        yield Piece(
            key=("connect", wall.roles.app),
            do=[f"GRANT CONNECT ON DATABASE {database} TO {app}"],
            is_there=f"{wall.roles.app} CONNECT " in snapshot.grants,
        )


def _settings(wall: Wall, snapshot: Snapshot) -> Iterable[Piece]:
    schemas = dict.fromkeys([*(table_name(each.table)[0] for each in wall.tables), "public"])
    # What PostgreSQL offers comes before what somebody may have put beside it.
    path = ", ".join(["pg_catalog", *map(quoted, schemas), "pg_temp"])
    usual = {k: v for k, v in _SETTINGS.items() if _SINCE.get(k, 0) <= snapshot.major}
    state = snapshot.roles.get(wall.roles.app)
    found = dict(each.split("=", 1) for each in (state.settings if state else ()))
    noted = {key[2]: key for key in snapshot.state.made if key[:2] == ("setting", wall.roles.app)}
    where = f"ALTER ROLE {quoted(wall.roles.app)} IN DATABASE {quoted(snapshot.database)}"
    for name, value in {**usual, **wall.settings, "search_path": path}.items():
        # A path is a list of names, and as one literal it would be one name.
        to = value if name == "search_path" else literal(value)
        yield Piece(
            # With the value that it had before, if any, to be given back.
            key=noted.get(name, ("setting", wall.roles.app, name, *_former(found, name))),
            do=[f"{where} SET {quoted(name)} = {to}"],
            is_there=found.get(name, "").replace('"', "") == value.replace('"', ""),
        )


def _former(found: Mapping[str, str], name: str) -> Sequence[str]:
    return [found[name]] if name in found else []


def _schema(wall: Wall, snapshot: Snapshot) -> Iterable[Piece]:
    keeper = wall.roles.keeper
    yield Piece(
        key=("schema",),
        do=[f"CREATE SCHEMA mcpdb AUTHORIZATION {quoted(keeper)}"],
        borrows=keeper,
        is_there=snapshot.schema_owner is not None,
    )
    yield Piece(
        key=("keys",),
        do=[
            "REVOKE ALL ON SCHEMA mcpdb FROM PUBLIC",
            KEYS_TABLE,
            "REVOKE ALL ON mcpdb.keys FROM PUBLIC",
        ],
        role=keeper,
        is_there=snapshot.has_keys,
    )
    owners = {snapshot.tables[table_name(each.table)].owner for each in wall.tables}
    for role in dict.fromkeys([wall.roles.app, *([wall.owner] if wall.owner else sorted(owners))]):
        yield Piece(
            key=("privilege", "USAGE", "mcpdb", role),
            do=[f"GRANT USAGE ON SCHEMA mcpdb TO {quoted(role)}"],
            role=keeper,
            is_there=role == keeper or f"{role} USAGE mcpdb" in snapshot.grants,
        )
    tenants = wall.tenants and (in_sql(table_name(wall.tenants[0])), quoted(wall.tenants[1]))
    lookups = {lookup.name: lookup for lookup in wall.lookups}
    for function in functions(tenants=tenants, lookups=lookups):
        yield _function(wall, snapshot, function)
    yield Piece(
        key=("first keys",),
        do=["SELECT mcpdb.new_key('seal')", "SELECT mcpdb.new_key('enter')"],
        role=keeper,
        is_there=snapshot.has_keys,
    )


def _function(wall: Wall, snapshot: Snapshot, function: Function) -> Piece:
    keeper, app = wall.roles.keeper, wall.roles.app
    found = snapshot.functions.get(function.name)
    described = function.described(owner=keeper, caller=app)
    rights = [f"REVOKE ALL ON FUNCTION {function.signature} FROM PUBLIC"]
    if found is not None:
        _, callers, *_ = found.split("\n")
        former = [role for role in callers.split(",") if role not in {"", "public", app}]
        rights += [
            f"REVOKE ALL ON FUNCTION {function.signature} FROM {quoted(role)}" for role in former
        ]
    if function.for_app:
        rights.append(f"GRANT EXECUTE ON FUNCTION {function.signature} TO {quoted(app)}")
    return Piece(
        key=("function", function.name, function.types),
        do=[function.create(), *rights, set_comment(function)],
        role=keeper,
        is_there=found == described,
    )
