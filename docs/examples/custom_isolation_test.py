from collections.abc import Sequence

import pytest
from custom_isolation import AccountSettings
from sqlalchemy import Column, Integer, MetaData, Table, Text

from mcpdb import Tenant
from mcpdb.testing import IsolationContract


class TestAccountSettings(IsolationContract):
    """The contract, held on a database that has the policies."""

    several = False

    @pytest.fixture
    def isolation(self) -> AccountSettings:
        return AccountSettings()

    @pytest.fixture
    def dsn(self, accounts_dsn: str) -> str:
        return accounts_dsn  # of the server's login, to a database made for the test

    @pytest.fixture
    def table(self) -> Table:
        return Table("invoices", MetaData(), Column("id", Integer), Column("account", Text))

    @pytest.fixture
    def tenants(self) -> Sequence[tuple[Tenant, Sequence[object]]]:
        return [(Tenant.of("north"), [1, 2]), (Tenant.of("south"), [3, 4, 5])]
