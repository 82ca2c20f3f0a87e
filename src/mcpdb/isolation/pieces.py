"""Everything that a wall adds to a database, in the order in which it is added: roles, the schema
`mcpdb` with its keys and functions, then table by table ownership, grants, policies and flags."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from mcpdb.isolation.functions import Function, executor, functions, set_comment
from mcpdb.isolation.names import in_sql, literal, quoted, table_name
from mcpdb.isolation.script import Piece
from mcpdb.isolation.seal import KEYS_TABLE, SEARCH_PATH
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
_SQL_SETTINGS: Final = {
    **_SETTINGS,
    "statement_timeout": "10s",
    "transaction_timeout": "30s",
    "lock_timeout": "2s",
    "work_mem": "16MB",
    "max_parallel_workers_per_gather": "0",
}
"""Of the login for a model's SQL, which is to take little, whatever it asks for."""
SQL_CONNECTIONS: Final = 8
"""The most that the login for a model's SQL gets when it is made here: functions that PostgreSQL
does not interrupt keep a connection, and a processor, for as long as they run."""
_SINCE: Final = {"transaction_timeout": 17}


def pieces_of(wall: Wall, snapshot: Snapshot) -> Sequence[Piece]:
    """All of them, each once. What the declaration says has been found possible before."""
    path = _path(wall)
    found = [
        *_roles(wall, snapshot),
        *_settings(snapshot, wall.roles.app, {**_SETTINGS, **wall.settings, "search_path": path}),
    ]
    if wall.roles.sql is not None:
        own = {**_SQL_SETTINGS, **wall.sql_settings, "search_path": SEARCH_PATH}
        found += _settings(snapshot, wall.roles.sql, own)
    found += _schema(wall, snapshot)
    for each in wall.tables:
        found += table_pieces(wall, snapshot, each)
    declared = {table_name(each.table) for each in wall.tables}
    if wall.roles.sql is not None:
        found.append(_function(wall, snapshot, executor(path)))
    for name, columns in read_by_keeper(wall).items():
        if name not in declared:
            table = snapshot.tables[name]
            found += keeper_pieces(wall, snapshot, table, columns, has_policies=table.rls)
    return list({piece.key: piece for piece in found}.values())


def _roles(wall: Wall, snapshot: Snapshot) -> Iterable[Piece]:
    logins = wall.roles.logins
    owner = [wall.owner] if wall.owner is not None else []
    for role in dict.fromkeys([*wall.roles.own, *owner]):
        login = "LOGIN" if role in logins else "NOLOGIN"
        limit = f" CONNECTION LIMIT {SQL_CONNECTIONS}" if role == wall.roles.sql else ""
        yield Piece(
            key=("role", role),
            do=[f"CREATE ROLE {quoted(role)} {login} NOINHERIT{limit}"],
            is_there=role in snapshot.roles,
        )
    for login in logins if not snapshot.public_connects else ():
        database = quoted(snapshot.database)
        yield Piece(
            key=("connect", login),
            do=[f"GRANT CONNECT ON DATABASE {database} TO {quoted(login)}"],
            is_there=(login, "CONNECT", "") in snapshot.grants,
        )


def _path(wall: Wall) -> str:
    """Where the names of a query are looked up."""
    schemas = dict.fromkeys([*(table_name(each.table)[0] for each in wall.tables), "public"])
    # What PostgreSQL offers comes before what somebody may have put beside it.
    return ", ".join(["pg_catalog", *map(quoted, schemas), "pg_temp"])


def _settings(snapshot: Snapshot, login: str, wanted: Mapping[str, str]) -> Iterable[Piece]:
    state = snapshot.roles.get(login)
    found = dict(each.split("=", 1) for each in (state.settings if state else ()))
    noted = {key[2]: key for key in snapshot.state.made if key[:2] == ("setting", login)}
    where = f"ALTER ROLE {quoted(login)} IN DATABASE {quoted(snapshot.database)}"
    for name, value in wanted.items():
        if _SINCE.get(name, 0) > snapshot.major:
            continue
        # A path is a list of names, and as one literal it would be one name.
        to = value if name == "search_path" else literal(value)
        yield Piece(
            # With the value that it had before, if any, to be given back.
            key=noted.get(name, ("setting", login, name, *_former(found, name))),
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
    callers = [*wall.roles.behind, *wall.roles.logins]
    for role in dict.fromkeys([*callers, *([wall.owner] if wall.owner else sorted(owners))]):
        yield Piece(
            key=("privilege", "USAGE", "mcpdb", role),
            do=[f"GRANT USAGE ON SCHEMA mcpdb TO {quoted(role)}"],
            role=keeper,
            is_there=role == keeper or (role, "USAGE", "mcpdb") in snapshot.grants,
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
    owner, callers = function.owner(wall.roles), function.callable_by(wall.roles)
    found = snapshot.functions.get(function.name)
    rights = [f"REVOKE ALL ON FUNCTION {function.signature} FROM PUBLIC"]
    if found is not None:
        _, now, *_ = found.split("\n")
        former = [role for role in now.split(",") if role not in {"", "public", *callers}]
        rights += [
            f"REVOKE ALL ON FUNCTION {function.signature} FROM {quoted(role)}" for role in former
        ]
    rights += [
        f"GRANT EXECUTE ON FUNCTION {function.signature} TO {quoted(role)}" for role in callers
    ]
    before: list[str] = []
    if function.is_readers:
        # What it runs must not call it again; but who replaces a function must be able to.
        rights.append(f"REVOKE ALL ON FUNCTION {function.signature} FROM {quoted(owner)}")
        if found is not None:
            before.append(f"GRANT EXECUTE ON FUNCTION {function.signature} TO {quoted(owner)}")
    return Piece(
        key=("function", function.name, function.types),
        do=[*before, function.create(), *rights, set_comment(function)],
        role=owner,
        lender=wall.roles.keeper if function.is_readers else None,
        is_there=found == function.described(wall.roles),
    )
