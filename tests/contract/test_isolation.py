"""The isolation contract, on both of ours and on the documentation's; and on isolations that break
it, each of which turns red in the test that is about it."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

import asyncpg
import pytest
from custom_isolation_test import TestAccountSettings  # the documentation's, run here
from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    func,
    literal_column,
)
from typing_extensions import override

from mcpdb import Backend, IsolationError, PlainSetting, Tenant
from mcpdb.embedded import EmbeddedPostgres
from mcpdb.isolation import Protected, Roles, Sealed, Wall
from mcpdb.operate import apply_wall
from mcpdb.testing import IsolationContract
from mcpdb.testing.isolation_contract import Owned
from servers import Cluster, Fresh, fresh_database

__all__ = ["TestAccountSettings"]

_INVOICES = """
CREATE TABLE invoices (id int PRIMARY KEY, account text NOT NULL);
INSERT INTO invoices VALUES (1, 'north'), (2, 'north'), (3, 'south'), (4, 'south'), (5, 'south');
"""
_PLAIN = """
CREATE ROLE {login} LOGIN;
GRANT SELECT ON invoices TO {login};
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON invoices FOR SELECT TO {login} USING (
  account = ANY (string_to_array(nullif(current_setting('{setting}', true), ''), ','))
  OR current_setting('{setting}', true) = '*');
"""


@pytest.fixture
async def invoices(postgres: EmbeddedPostgres) -> AsyncGenerator[Fresh]:
    """A database with a table of two tenants."""
    async with fresh_database(await Cluster.of(postgres)) as fresh:
        await _execute(fresh, _INVOICES)
        yield fresh


async def _execute(fresh: Fresh, statements: str) -> None:
    admin = await asyncpg.connect(fresh.dsn(), timeout=10)
    try:
        await admin.execute(statements)
    finally:
        await admin.close()


async def _plain(fresh: Fresh, setting: str) -> str:
    login = fresh.role("login")
    await _execute(fresh, _PLAIN.format(login=login, setting=setting))
    return fresh.dsn(login)


@pytest.fixture
async def plain_dsn(invoices: Fresh) -> str:
    """With policies on the usual setting."""
    return await _plain(invoices, "app.tenant")


@pytest.fixture
async def accounts_dsn(invoices: Fresh) -> str:
    """With policies on the documentation's setting."""
    return await _plain(invoices, "account.id")


class _OnInvoices(IsolationContract):
    @pytest.fixture
    def table(self) -> Table:
        return Table("invoices", MetaData(), Column("id", Integer), Column("account", Text))

    @pytest.fixture
    def tenants(self) -> Owned:
        return [(Tenant.of("north"), [1, 2]), (Tenant.of("south"), [3, 4, 5])]


class TestPlainSetting(_OnInvoices):
    @pytest.fixture
    def isolation(self) -> PlainSetting:
        return PlainSetting(setting="app.tenant", all_value="*")

    @pytest.fixture
    def dsn(self, plain_dsn: str) -> str:
        return plain_dsn


class TestSealed(_OnInvoices):
    @pytest.fixture
    async def key(self, invoices: Fresh) -> str:
        wall = Wall(
            tables=[Protected("invoices", "account")],
            roles=Roles(app=invoices.role("app"), keeper=invoices.role("keeper")),
            writers=[invoices.admin],
        )
        admin = await asyncpg.connect(invoices.dsn(), timeout=10)
        try:
            applied = await apply_wall(admin, wall)
        finally:
            await admin.close()
        assert applied.key is not None
        return applied.key

    @pytest.fixture
    def isolation(self, key: str) -> Sealed:
        return Sealed(key=key)

    @pytest.fixture
    def dsn(self, invoices: Fresh, key: str) -> str:
        assert key
        return invoices.dsn(invoices.role("app"))


class SetsForTheSession(PlainSetting):
    """Wrong where a transaction is committed; those below break one part of the contract each."""

    @override
    def expressions(self) -> Sequence[ColumnElement[Any]]:
        value = bindparam("mcpdb_tenant", type_=Text)
        return (func.set_config("app.tenant", value, False),)


class IgnoresTheTenant(PlainSetting):
    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        return super().parameters(Tenant.of("north"), backend)


class RemembersTheFirst(PlainSetting):
    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        self._first = getattr(self, "_first", None) or super().parameters(tenant, backend)
        return self._first


class WritesItIntoTheText(PlainSetting):
    _last = ""

    @override
    def expressions(self) -> Sequence[ColumnElement[Any]]:
        return (*super().expressions(), literal_column(f"'{self._last}'", Text))

    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        self._last = tenant.text
        return super().parameters(tenant, backend)


class TakesOneOfSeveral(PlainSetting):
    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        one = tenant if tenant.is_all else Tenant.of(min(tenant.ids))
        return super().parameters(one, backend)


class TakesAllForOne(PlainSetting):
    @override
    def parameters(self, tenant: Tenant, backend: Backend) -> Mapping[str, Any]:
        return super().parameters(Tenant.of("north") if tenant.is_all else tenant, backend)


_ISOLATION: list[tuple[type[PlainSetting], str]] = [
    (SetsForTheSession, "test_what_it_sets_ends_with_the_transaction_even_where_that_is_committed"),
    (IgnoresTheTenant, "test_each_tenant_sees_exactly_its_own_rows"),
    (IgnoresTheTenant, "test_tenants_at_once_do_not_mix"),
    (IgnoresTheTenant, "test_parameters_are_each_tenants_own"),
    (RemembersTheFirst, "test_each_tenant_sees_exactly_its_own_rows"),
    (RemembersTheFirst, "test_nothing_is_left_after_a_call_that_failed"),
    (WritesItIntoTheText, "test_no_value_of_a_tenant_stands_in_the_statement"),
    (TakesOneOfSeveral, "test_several_ids_see_the_rows_of_each"),
    (TakesAllForOne, "test_all_tenants_are_all_or_refused"),
]


def _isolation(isolation: PlainSetting, dsn: str, name: str) -> None:
    test: Callable[..., None] = getattr(IsolationContract(), name)
    arguments: dict[str, Any] = {
        "isolation": isolation,
        "dsn": dsn,
        "table": Table("invoices", MetaData(), Column("id", Integer)),
        "tenants": [(Tenant.of("north"), [1, 2]), (Tenant.of("south"), [3, 4, 5])],
        "what": "error",
    }
    wanted = test.__code__.co_varnames[1 : test.__code__.co_argcount]
    test(**{name: arguments[name] for name in wanted})


@pytest.mark.parametrize(("kind", "name"), _ISOLATION)
def test_a_wrong_isolation_fails_where_it_is_wrong(
    plain_dsn: str, kind: type[PlainSetting], name: str
) -> None:
    _isolation(PlainSetting(setting="app.tenant"), plain_dsn, name)
    with pytest.raises(AssertionError):
        _isolation(kind(setting="app.tenant"), plain_dsn, name)


def test_a_database_without_policies_fails(invoices: Fresh) -> None:
    isolation = PlainSetting(setting="app.tenant")
    for name in ("test_nobody_sees_anything", "test_each_tenant_sees_exactly_its_own_rows"):
        with pytest.raises((AssertionError, IsolationError)):
            _isolation(isolation, invoices.dsn(), name)  # its owner, whom they do not hold
