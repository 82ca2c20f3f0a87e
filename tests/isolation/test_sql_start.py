"""A server with a tool for SQL starts where the database keeps such SQL behind the wall, and
nowhere else."""

from typing import Final

import pytest

from isolation.sql_breaking import (
    broken,
    database_with,
    findings,
    findings_with,
    only_typed,
    refused,
)
from isolation.sql_server import ask, database_of, server_of
from isolation.walled import NORTH, SOUTH, Walled
from mcpdb import ConfigurationError, Tenant


@pytest.mark.parametrize(("tenant", "count"), [(NORTH, 40), (SOUTH, 80)])
async def test_it_starts_with_the_wall(walled: Walled, tenant: str, count: int) -> None:
    server = server_of(walled, Tenant.of(tenant))
    async with server.database:
        found = await ask(server, "SELECT tenant, count(*) FROM shop.orders GROUP BY 1")
    assert found.structured["rows"] == [[tenant, count]]


async def test_nothing_is_wrong_with_the_wall(walled: Walled) -> None:
    assert await findings(walled) == set()


_OTHER: Final = (
    "CREATE OR REPLACE FUNCTION mcpdb.run(query text, max_rows integer, max_bytes integer,"
    " memory text) RETURNS SETOF text LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path ="
    " pg_catalog, shop, public, pg_temp AS $x$ BEGIN RETURN QUERY EXECUTE query; END $x$"
)
_ALTERED: Final = "function_altered"
# What is done to a function or a table of one database, and what is then found.
HALF: Final = {
    "the function is gone": ("DROP FUNCTION {run}", "no_sql_lane"),
    "it has another body": (_OTHER, "function_altered"),
    "it is volatile": ("ALTER FUNCTION {run} VOLATILE", "function_altered"),
    "it is immutable": ("ALTER FUNCTION {run} IMMUTABLE", "function_altered"),
    "there are two of it": (
        "CREATE FUNCTION mcpdb.run(query text) RETURNS text LANGUAGE sql AS 'SELECT query'",
        "function_altered",
    ),
    "it runs as its caller": ("ALTER FUNCTION {run} SECURITY INVOKER", "function_altered"),
    "it belongs to the keeper": ("ALTER FUNCTION {run} OWNER TO {keeper}", "function_altered"),
    "its owner may call it": ("GRANT EXECUTE ON FUNCTION {run} TO {reader}", "function_altered"),
    "everyone may call it": ("GRANT EXECUTE ON FUNCTION {run} TO PUBLIC", "function_altered"),
    "the login may not call it": (
        "REVOKE EXECUTE ON FUNCTION {run} FROM {sql}",
        "function_altered",
    ),
    "it has another path": (
        "ALTER FUNCTION {run} SET search_path = pg_temp, pg_catalog",
        "function_altered",
    ),
    "it has no path": ("ALTER FUNCTION {run} RESET search_path", "function_altered"),
    "its literals mean something else": (
        "ALTER FUNCTION {run} SET standard_conforming_strings = off",
        "function_altered",
    ),
    "it is off row security": ("ALTER FUNCTION {run} SET row_security = off", "function_altered"),
    "the login may make keys": (
        "GRANT EXECUTE ON FUNCTION mcpdb.new_key(text) TO {sql}",
        "function_altered",
    ),
    "the login may ask who it is": (
        "GRANT EXECUTE ON FUNCTION mcpdb.tenant() TO {sql}",
        "function_altered",
    ),
    "the login reads a table": ("GRANT SELECT ON shop.orders TO {sql}", "sql_login_reads"),
    "the login reads a column": ("GRANT SELECT (id) ON shop.stores TO {sql}", "sql_login_reads"),
    "the login writes a table": ("GRANT INSERT ON shop.orders TO {sql}", "sql_login_reads"),
    "the login uses a sequence": (
        "GRANT USAGE ON SEQUENCE shop.items_id_seq TO {sql}",
        "sql_login_reads",
    ),
    "the login reads the keys": ("GRANT SELECT ON mcpdb.keys TO {sql}", "sql_login_reads"),
    "the reader reads the keys": ("GRANT SELECT ON mcpdb.keys TO {reader}", "keys_readable"),
    "the reader reads an open table": (
        "CREATE TABLE shop.plain (x int); GRANT SELECT ON shop.plain TO {reader}",
        "table_without_rls",
    ),
    "the reader has no policy that asks": (
        (
            "CREATE TABLE shop.held (x int); ALTER TABLE shop.held ENABLE ROW LEVEL SECURITY;"
            " ALTER TABLE shop.held FORCE ROW LEVEL SECURITY; CREATE POLICY p ON shop.held"
            " USING (true); GRANT SELECT ON shop.held TO {reader}"
        ),
        "table_without_tenant",
    ),
    "a policy is not for the reader": (
        "ALTER POLICY mcpdb_tenant ON shop.orders TO {app}",
        "table_without_tenant",
    ),
    "the reader may call a definer's function": (
        (
            "CREATE FUNCTION shop.all_orders() RETURNS SETOF shop.orders LANGUAGE sql SECURITY"
            " DEFINER AS 'TABLE shop.orders'; REVOKE ALL ON FUNCTION shop.all_orders FROM PUBLIC;"
            " GRANT EXECUTE ON FUNCTION shop.all_orders TO {reader}"
        ),
        "definer_function",
    ),
    "the reader sees through a view": (
        (
            "CREATE VIEW shop.seen AS SELECT * FROM shop.orders;"
            " GRANT SELECT ON shop.seen TO {reader}"
        ),
        "view_without_invoker",
    ),
    "the reader has a copy": (
        (
            "CREATE MATERIALIZED VIEW shop.copy AS SELECT * FROM shop.orders;"
            " GRANT SELECT ON shop.copy TO {reader}"
        ),
        "materialized_view",
    ),
    "the reader sees samples": ("GRANT SELECT ON pg_statistic TO {reader}", "catalog_readable"),
    "the reader owns a table": (
        "CREATE TABLE shop.mine (x int); ALTER TABLE shop.mine OWNER TO {reader}",
        "reader_powerful",
    ),
    "the reader owns a function": (
        (
            "CREATE FUNCTION shop.own() RETURNS int LANGUAGE sql AS 'SELECT 1';"
            " ALTER FUNCTION shop.own OWNER TO {reader}"
        ),
        "reader_powerful",
    ),
    "the reader owns a schema": ("CREATE SCHEMA s AUTHORIZATION {reader}", "reader_powerful"),
    "it looks for names elsewhere": (
        (
            "CREATE SCHEMA elsewhere; ALTER FUNCTION {run} SET search_path ="
            " pg_catalog, elsewhere, shop, public, pg_temp"
        ),
        "function_altered",
    ),
    "a function runs in a worker": ("ALTER FUNCTION mcpdb.tenant() PARALLEL SAFE", _ALTERED),
    "a policy lets more through": (
        "ALTER POLICY mcpdb_tenant ON shop.orders USING (tenant = ANY (mcpdb.ids()) OR true)",
        "policy_altered",
    ),
    "a view over a copy in a closed schema": (
        (
            "CREATE SCHEMA inner_; CREATE MATERIALIZED VIEW inner_.copy AS TABLE shop.orders;"
            " GRANT SELECT ON inner_.copy TO PUBLIC; CREATE VIEW shop.seen WITH"
            " (security_invoker = true) AS TABLE inner_.copy; GRANT SELECT ON shop.seen TO {reader}"
        ),
        "materialized_view",
    ),
    "an operator that calls a definer": (
        (
            "CREATE SCHEMA inner_; CREATE FUNCTION inner_.peek(text) RETURNS bigint LANGUAGE sql"
            " SECURITY DEFINER AS 'SELECT count(*) FROM shop.orders';"
            " CREATE OPERATOR shop.@ (RIGHTARG = text, FUNCTION = inner_.peek)"
        ),
        "definer_function",
    ),
    "a function whose body calls a definer": (
        (
            "CREATE SCHEMA inner_; CREATE FUNCTION inner_.peek() RETURNS bigint LANGUAGE sql"
            " SECURITY DEFINER AS 'SELECT count(*) FROM shop.orders';"
            " CREATE FUNCTION shop.total() RETURNS bigint BEGIN ATOMIC SELECT inner_.peek(); END"
        ),
        "definer_function",
    ),
    "the login may call a definer's function": (
        (
            "CREATE FUNCTION shop.all_orders() RETURNS SETOF shop.orders LANGUAGE sql SECURITY"
            " DEFINER AS 'TABLE shop.orders'; REVOKE ALL ON FUNCTION shop.all_orders FROM PUBLIC;"
            " GRANT EXECUTE ON FUNCTION shop.all_orders TO {sql};"
            " GRANT USAGE ON SCHEMA shop TO {sql}"
        ),
        "definer_function",
    ),
    "files of the server are open": (
        "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC",
        "catalog_function",
    ),
    "a function has a name of PostgreSQL's": (
        ("CREATE FUNCTION public.round(text) RETURNS text VOLATILE LANGUAGE sql AS 'SELECT $1';"),
        "function_overloads",
    ),
    "any number of connections": ("ALTER ROLE {sql} CONNECTION LIMIT -1", "sql_login_unlimited"),
    "the reader reads nothing": (
        "REVOKE ALL ON ALL TABLES IN SCHEMA shop, public FROM {reader}",
        "nothing_to_read",
    ),
    "the login owns a table": (
        "CREATE TABLE shop.mine (x int); ALTER TABLE shop.mine OWNER TO {sql}",
        "login_owner",
    ),
}


# Some only, as a server meets them: each way of being refused is one.
@pytest.mark.parametrize("case", ["the function is gone", "the login reads a table"])
async def test_a_server_with_such_a_login_does_not_start(own_walled: Walled, case: str) -> None:
    """With a tool for SQL; without one it does."""
    breaks, code = HALF[case]
    async with broken(own_walled, breaks):
        error = await refused(database_of(own_walled, Tenant.of(NORTH)))
        assert [each.code for each in error.findings] == [code]
        assert own_walled.key not in str(error)
        async with only_typed(own_walled):
            pass


@pytest.mark.parametrize("case", HALF)
async def test_half_a_wall_is_found(walled: Walled, case: str) -> None:
    breaks, code = HALF[case]
    assert code in await findings_with(walled, breaks)


async def test_with_nothing_broken_nothing_is_found(walled: Walled) -> None:
    assert await findings_with(walled, "SELECT") == set()


async def test_who_inherits_from_the_reader_is_found(walled: Walled) -> None:
    """Without being able to become it, too: it may change the function that the reader owns."""
    options = " WITH INHERIT TRUE, SET FALSE" if walled.fresh.cluster.version >= 16 else ""
    breaks = f"CREATE ROLE {{group}} NOLOGIN; GRANT {{reader}} TO {{group}}{options}"
    assert "reader_has_members" in await findings_with(walled, breaks)


async def test_two_logins_that_reach_two_databases_are_refused(
    walled: Walled, own_walled: Walled
) -> None:
    """The other one is as good as the first, with the same keys."""
    sql = own_walled.dsn(own_walled.sql)
    with pytest.raises(ConfigurationError, match="another database"):
        await database_with(walled, walled.dsn(), sql).open()
    async with database_with(own_walled, own_walled.dsn(), sql):
        pass
