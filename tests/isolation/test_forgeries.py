"""Forms of forging the tenant within one SELECT: on policies of a plain setting they get foreign
rows, which shows that they are attacks; on the seal none does."""

from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

import asyncpg
import pytest

from isolation.forgeries import NAMES, Form, Own, forms, is_foreign
from isolation.walled import NORTH, SOUTH, Connection, Walled, connected, entered, rolled_back, seal
from mcpdb import PlainSetting, Tenant
from mcpdb.isolation import Backend

_DIRECTIONS: Final = ((NORTH, SOUTH), (SOUTH, NORTH))
_FEWEST: Final = 25

# The usual design: policies compare with a setting.
_PLAIN: Final = """
CREATE SCHEMA plain;
CREATE TABLE plain.orders AS SELECT * FROM shop.orders;
CREATE INDEX ON plain.orders (tenant);
ALTER TABLE plain.orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE plain.orders FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON plain.orders FOR SELECT TO {login}
  USING (tenant = (SELECT current_setting('app.tenant', true)));
CREATE ROLE {login} LOGIN;
GRANT USAGE ON SCHEMA plain TO {login};
GRANT SELECT ON plain.orders TO {login};
"""


async def _run(connection: Connection, query: str) -> Sequence[Sequence[Any]] | str:
    """Rows, or the SQLSTATE; the transaction goes on."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)
    finally:
        await savepoint.rollback()


async def _owned(superuser: Connection) -> dict[str, Own]:
    rows = await superuser.fetch("SELECT tenant, count(*), sum(amount) FROM shop.orders GROUP BY 1")
    return {row[0]: (row[1], int(row[2])) for row in rows}


@pytest.fixture
async def plain_dsn(own_walled: Walled) -> AsyncGenerator[str]:
    """The same rows under policies of a plain setting, as the login that they hold for."""
    login = own_walled.fresh.role("plain")
    create = _PLAIN.replace("CREATE ROLE {login} LOGIN;", "").format(login=login)
    async with connected(own_walled.superuser_dsn) as superuser:
        await superuser.execute(f"DROP ROLE IF EXISTS {login}; CREATE ROLE {login} LOGIN")
        await superuser.execute(create)
        yield own_walled.dsn(login)
        await superuser.execute(f"DROP SCHEMA plain CASCADE; DROP ROLE {login}")


async def _plainly(
    connection: Connection, form: Form, *, own: str, other: str, owned: dict[str, Own]
) -> str:
    """`rows` where the form gets foreign ones, else why not."""
    isolation = PlainSetting(setting="app.tenant")
    values = isolation.parameters(Tenant.of(own), Backend(database="any", pid=None))
    query = form.sql(setting="app.tenant", value=other, table="plain.orders")
    async with rolled_back(connection):
        (value,) = values.values()
        await connection.execute("SELECT set_config('app.tenant', $1, true)", value)
        found = await _run(connection, query)
    if isinstance(found, str):
        return found
    return "rows" if is_foreign(found, tenant=own, own=owned[own]) else "own rows only"


async def test_most_forms_get_foreign_rows_from_a_plain_setting(
    plain_dsn: str, walled: Walled, superuser: Connection
) -> None:
    owned = await _owned(superuser)
    results: dict[str, str] = {}
    version = walled.fresh.cluster.version
    async with connected(plain_dsn) as app:
        for form in forms(version):
            both = [
                await _plainly(app, form, own=own, other=other, owned=owned)
                for own, other in _DIRECTIONS
            ]
            assert len(set(both)) == 1, (form.name, both)
            results[form.name] = both[0]
    leaking = [name for name, result in results.items() if result == "rows"]
    print(f"\nPostgreSQL {version}, plain setting: {len(leaking)} of {len(results)} forms leak")  # noqa: T201  # to be quoted
    for name, result in results.items():
        print(f"  {name:36} {'LEAK' if result == 'rows' else result}")  # noqa: T201  # to be quoted
    assert len(leaking) >= _FEWEST, results


async def _forged(
    walled: Walled, app: Connection, victim: Connection, form: Form, *, own: str, other: str
) -> dict[str, Sequence[Sequence[Any]] | str]:
    """What the form gets with each value that is worth a try."""
    found: dict[str, Sequence[Sequence[Any]] | str] = {}
    async with entered(walled, victim, other):
        live = await seal(victim)
        async with entered(walled, app, own):
            mine = await seal(app)
            values = {
                "plain id": other,
                "canonical text": Tenant.of(other).text,
                "own seal, their tenant": mine[:66] + Tenant.of(other).text,
                "own seal, all": mine[:66] + "*",
                "their live seal": live,
                "nothing": "",
            }
            for what, value in values.items():
                query = form.sql(setting="mcpdb.ctx", value=value, table="shop.orders")
                found[what] = await _run(app, query)
    return found


@pytest.mark.parametrize("name", NAMES)
async def test_no_form_gets_a_foreign_row_from_the_seal(
    walled: Walled, app: Connection, other: Connection, superuser: Connection, name: str
) -> None:
    form = {each.name: each for each in forms(walled.fresh.cluster.version)}.get(name)
    if form is None:
        return  # this version has not got the syntax
    owned = await _owned(superuser)
    for own, foreign in _DIRECTIONS:
        for what, result in (
            await _forged(walled, app, other, form, own=own, other=foreign)
        ).items():
            if not isinstance(result, str):
                assert not is_foreign(result, tenant=own, own=owned[own]), (what, result)


async def test_the_seal_by_classes(walled: Walled, app: Connection, superuser: Connection) -> None:
    owned = await _owned(superuser)
    table: Counter[tuple[str, str]] = Counter()
    every = forms(walled.fresh.cluster.version)
    async with AsyncExitStack() as stack:
        victim = await stack.enter_async_context(connected(walled.dsn()))
        for form in every:
            found = await _forged(walled, app, victim, form, own=NORTH, other=SOUTH)
            for what, result in found.items():
                if isinstance(result, str):
                    table[what, result] += 1
                else:
                    leaks = is_foreign(result, tenant=NORTH, own=owned[NORTH])
                    table[what, "LEAK" if leaks else "own rows only"] += 1
    print(f"\nPostgreSQL {walled.fresh.cluster.version}, seal: {len(every)} forms for each value")  # noqa: T201  # to be quoted
    for (what, result), count in sorted(table.items()):
        print(f"  {what:24} {result:14} {count}")  # noqa: T201  # to be quoted
    assert not [key for key in table if key[1] == "LEAK"]
    # Refused for the seal, and not for a mistake in the form.
    refused = sum(count for (_, result), count in table.items() if result == "42501")
    assert refused >= _FEWEST * 6


async def test_the_detector_sees_rows_and_numbers() -> None:
    own = (40, 40_820)
    assert is_foreign([("x", "c102-7")], tenant=NORTH, own=own)
    assert is_foreign([("n=41;s=40820;",)], tenant=NORTH, own=own)
    assert is_foreign([("n=40;s=40821;",)], tenant=NORTH, own=own)
    assert not is_foreign([("c101-7", "n=40;s=40820;c101-1"), ("n=0;s=0;",)], tenant=NORTH, own=own)
