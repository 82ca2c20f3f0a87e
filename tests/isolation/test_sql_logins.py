"""The two logins of a server are what the wall has made them, and no other; what they are not is
said in a line without a password."""

from typing import Any, Final

import pytest
from sqlalchemy.engine import make_url

from isolation.sql_breaking import (
    broken,
    database_with,
    findings,
    only_typed,
    refused,
    url_of,
)
from isolation.sql_server import CATALOG, database_of
from isolation.walled import NORTH, Walled
from mcpdb import (
    ConfigurationError,
    Database,
    FixedTenancy,
    PlainSetting,
    PoolConfig,
    Server,
    SqlLogin,
    SqlToolOptions,
    Tenant,
)

SECRET: Final = "s3cret"

# What is done to a role, what undoes it, and what is then found.
ROLES: Final = {
    "the reader logs in": (
        "ALTER ROLE {reader} LOGIN",
        "ALTER ROLE {reader} NOLOGIN",
        "reader_powerful",
    ),
    "the reader bypasses": (
        "ALTER ROLE {reader} BYPASSRLS",
        "ALTER ROLE {reader} NOBYPASSRLS",
        "reader_powerful",
    ),
    "the reader makes roles": (
        "ALTER ROLE {reader} CREATEROLE",
        "ALTER ROLE {reader} NOCREATEROLE",
        "reader_powerful",
    ),
    "the reader is a member": (
        "CREATE ROLE {group}; GRANT {group} TO {reader}",
        "DROP ROLE {group}",
        "reader_powerful",
    ),
    "the reader has a member": (
        "CREATE ROLE {group}; GRANT {reader} TO {group}",
        "DROP ROLE {group}",
        "reader_has_members",
    ),
    "the login is a member of the reader": (
        "GRANT {reader} TO {sql}",
        "REVOKE {reader} FROM {sql}",
        "login_member",
    ),
    "the login is a member": (
        "CREATE ROLE {group}; GRANT {group} TO {sql}",
        "DROP ROLE {group}",
        "login_member",
    ),
    "the login makes databases": (
        "ALTER ROLE {sql} CREATEDB",
        "ALTER ROLE {sql} NOCREATEDB",
        "login_powerful",
    ),
    "the login bypasses": (
        "ALTER ROLE {sql} BYPASSRLS",
        "ALTER ROLE {sql} NOBYPASSRLS",
        "login_bypasses_rls",
    ),
    "the keeper has a member": (
        "GRANT {keeper} TO {sql}",
        "REVOKE {keeper} FROM {sql}",
        "keeper_has_members",
    ),
}


@pytest.mark.parametrize("case", ROLES)
async def test_it_does_not_start_with_roles_that_may_more(walled: Walled, case: str) -> None:
    breaks, mends, code = ROLES[case]
    async with broken(walled, breaks, mends):
        error = await refused(database_of(walled, Tenant.of(NORTH)))
        assert code in {each.code for each in error.findings}
    assert await findings(walled) == set()


async def test_the_two_logins_are_not_to_be_swapped(walled: Walled) -> None:
    app, sql = walled.dsn(), walled.dsn(walled.sql)
    await refused(database_with(walled, sql, app))
    for one in (app, walled.admin_dsn, walled.superuser_dsn):
        error = await refused(database_with(walled, app, one))
        codes = {each.code for each in error.findings}
        assert codes & {"sql_login_reads", "login_superuser", "login_owner"}, codes
    error = await refused(database_with(walled, sql, sql))
    assert "nothing_to_read" in {each.code for each in error.findings}


async def test_sql_of_a_model_needs_the_seal(walled: Walled) -> None:
    database = Database(
        url_of(walled.dsn()),
        tenancy=FixedTenancy(Tenant.of(NORTH)),
        isolation=PlainSetting(setting="app.tenant"),
        sql=SqlLogin(url=url_of(walled.dsn(walled.sql))),
    )
    with pytest.raises(ConfigurationError):
        await database.open()


async def test_a_tool_for_sql_needs_a_login_for_it(walled: Walled) -> None:
    server = Server("shop", only_typed(walled))
    with pytest.raises(ConfigurationError, match="no login for it") as raised:
        server.sql_tool("query", catalog=CATALOG, options=SqlToolOptions())
    assert "Roles(sql=...)" in raised.value.hint
    assert server.tools == {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"username": "nobody"}, "does not accept the login"),
        ({"database": "nowhere"}, "no database of this name"),
        ({"host": "127.0.0.1", "port": 1, "query": {}}, "nothing listens there"),
    ],
)
async def test_a_login_for_sql_that_does_not_get_in_is_told_in_one_line(
    walled: Walled, change: dict[str, Any], says: str
) -> None:
    url = make_url(walled.dsn(walled.sql)).set(password=SECRET, **change)
    database = database_with(walled, walled.dsn(), url.render_as_string(hide_password=False))
    for _ in range(2):
        with pytest.raises(ConfigurationError) as raised:
            await database.open()
        told = str(raised.value)
        assert says in told
        assert url.username is not None
        assert url.username in told  # which of the two it is
        assert "\n" not in told
        assert SECRET not in told + raised.value.detail + repr(database)


def test_the_url_of_the_login_is_not_shown() -> None:
    login = SqlLogin(url=f"postgresql://sql:{SECRET}@localhost/shop")
    assert SECRET not in repr(login)
    with pytest.raises(ConfigurationError) as raised:
        SqlLogin(url="", pool=PoolConfig(size=0))
    assert SECRET not in str(raised.value)
