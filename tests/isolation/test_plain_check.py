"""What a plain setting asks of the database: not much, but that policies hold its login."""

import itertools

import pytest

from isolation.walled import connected, make_application
from mcpdb import Database, Finding, FixedTenancy, IsolationError, PlainSetting, Tenant
from mcpdb.isolation.base import Backend
from mcpdb.operate.doctor import Login
from servers import Fresh

POLICY = """
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY plain ON shop.orders USING (tenant = current_setting('app.tenant', true));
"""


async def findings(fresh: Fresh, user: str) -> dict[str, list[Finding]]:
    isolation = PlainSetting(setting="app.tenant")
    backend = Backend(database=fresh.name, pid=None)
    found: dict[str, list[Finding]] = {}
    async with connected(fresh.dsn(user)) as connection:
        login = Login(connection, isolation=isolation, backend=backend)
        for finding in await isolation.check(login):
            found.setdefault(finding.code, []).append(finding)
    return found


@pytest.fixture
async def fresh(database: Fresh) -> Fresh:
    await make_application(database)
    await change(database, POLICY)
    return database


async def change(fresh: Fresh, sql: str) -> None:
    async with connected(fresh.superuser_dsn) as superuser:
        await superuser.execute(sql)


async def test_a_login_that_policies_hold_gets_advice_alone(fresh: Fresh) -> None:
    found = await findings(fresh, fresh.role("reporting"))
    assert set(found) - {"minor_version"} == {"table_without_rls"}
    open_tables = " ".join(each.message for each in found["table_without_rls"])
    assert "shop.items" in open_tables
    assert "shop.orders" not in open_tables
    assert {each.level for each in itertools.chain(*found.values())} == {"advice"}


@pytest.mark.parametrize(
    ("attribute", "code"), [("SUPERUSER", "login_superuser"), ("BYPASSRLS", "login_bypasses_rls")]
)
async def test_a_login_that_no_policy_holds_is_an_error(
    fresh: Fresh, attribute: str, code: str
) -> None:
    role = fresh.role("reporting")
    await change(fresh, f"ALTER ROLE {role} {attribute}")
    found = await findings(fresh, role)
    assert [each.level for each in found[code]] == ["error"]


async def test_what_else_is_wrong_with_a_login_is_advice(fresh: Fresh) -> None:
    role = fresh.role("reporting")
    await change(fresh, f"ALTER ROLE {role} CREATEDB; GRANT {fresh.role('intern')} TO {role}")
    found = await findings(fresh, role)
    assert [each.level for each in found["login_powerful"]] == ["advice"]
    assert [each.level for each in found["login_member"]] == ["advice"]


async def test_an_owner_is_held_by_force_alone(fresh: Fresh) -> None:
    (finding,) = (await findings(fresh, fresh.admin))["owner_without_force"]
    assert finding.level == "error"
    await change(fresh, finding.mend)
    assert "owner_without_force" not in await findings(fresh, fresh.admin)


async def test_a_member_of_the_owner_is_no_better(fresh: Fresh) -> None:
    role = fresh.role("member")
    await change(fresh, f"CREATE ROLE {role} LOGIN IN ROLE {fresh.admin}")
    (finding,) = (await findings(fresh, role))["owner_without_force"]
    assert finding.level == "error"
    async with connected(fresh.dsn(role)) as connection:  # and indeed it sees all of them
        assert await connection.fetchval("SELECT count(*) FROM shop.orders") > 0


async def test_a_server_does_not_start_with_an_error(fresh: Fresh) -> None:
    database = Database(
        fresh.superuser_dsn,
        tenancy=FixedTenancy(Tenant.of("101")),
        isolation=PlainSetting(setting="app.tenant"),
    )
    with pytest.raises(IsolationError) as caught:
        await database.open()
    assert [each.code for each in caught.value.findings] == ["login_superuser"]
