"""What an isolation finds wrong with the database decides whether it opens."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest
from typing_extensions import override

from calls.support import Admin, Dsn, call, no_backends
from mcpdb import (
    ConfigurationError,
    DatabaseUnavailable,
    Finding,
    IsolationError,
    PlainSetting,
    PoolConfig,
    QueryFailed,
    Tenant,
    Timeouts,
)
from mcpdb.isolation.base import Prober
from shop import ROWS_PER_TENANT, TENANTS, shop_server


def finding(code: str, level: Literal["error", "advice"] = "error") -> Finding:
    """Something that is wrong."""
    return Finding(code=code, message=f"It is {code}.", mend=f"DROP {code};", level=level)


class Checking(PlainSetting):
    """Finds what it is told to find, and looks at the database as it is told to."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(setting="app.tenant", all_value="*")
        self.findings = findings
        self.seen: list[Sequence[Mapping[str, Any]]] = []
        self.queries: list[tuple[str, tuple[object, ...], Tenant | None]] = []

    @override
    async def check(self, prober: Prober) -> Sequence[Finding]:
        for query, arguments, tenant in self.queries:
            self.seen.append(await prober.fetch(query, *arguments, tenant=tenant))
        return self.findings


async def test_an_error_keeps_the_database_closed(shop: Dsn, admin: Admin) -> None:
    """One line for each, with what mends it; nothing stays open, and mended it opens."""
    isolation = Checking(finding("torn"), finding("dusty", "advice"), finding("bent"))
    server = shop_server(shop(), isolation=isolation)
    with pytest.raises(IsolationError) as raised:
        await server.database.open()
    error = raised.value
    lines = str(error).splitlines()
    assert lines == [
        "It is torn. To mend it: DROP torn;",
        "It is bent. To mend it: DROP bent;",
    ]
    assert [one.code for one in error.findings] == ["torn", "bent"]
    assert isinstance(error, ConfigurationError)
    assert error.code == "isolation"
    await no_backends(admin)
    with pytest.raises(ConfigurationError, match="The database is not open"):
        await call(server, "shares", tenant="north")
    isolation.findings = ()
    async with server.database:
        await call(server, "shares", tenant="north")


async def test_advice_is_logged_and_the_database_opens(
    shop: Dsn, caplog: pytest.LogCaptureFixture
) -> None:
    """As a warning, with what mends it."""
    server = shop_server(shop(), isolation=Checking(finding("dusty", "advice")))
    with caplog.at_level(logging.WARNING, logger="mcpdb"):
        async with server.database:
            await call(server, "shares", tenant="north")
    (record,) = (one for one in caplog.records if "dusty" in one.getMessage())
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "It is dusty. To mend it: DROP dusty;"


async def test_a_check_looks_as_the_login_and_as_a_tenant(shop: Dsn) -> None:
    """Each query in a READ ONLY transaction of its own; without a tenant nobody is entered."""
    isolation = Checking()
    count = "SELECT count(*) AS n, current_user::text AS login FROM sales WHERE id > $1"
    setting = "SELECT current_setting('transaction_read_only') AS read_only"
    isolation.queries = [
        (count, (0,), None),
        *((count, (0,), Tenant.of(tenant)) for tenant in TENANTS),
        (count, (0,), None),
        (setting, (), None),
    ]
    server = shop_server(shop(), isolation=isolation, pool=PoolConfig(size=1))
    async with server.database:
        counts = [0, *(ROWS_PER_TENANT[tenant] for tenant in TENANTS), 0]
        expected = [[{"n": n, "login": "shop_app"}] for n in counts]
        assert isolation.seen == [*expected, [{"read_only": "on"}]]


@pytest.mark.parametrize(
    ("query", "kind", "words"),
    [
        ("SELECT 1 FROM no_such_table", QueryFailed, "42P01"),
        ("SELECT pg_sleep(50)", (QueryFailed, DatabaseUnavailable), "time was up|in time"),
    ],
)
async def test_a_check_that_fails_keeps_the_database_closed(
    shop: Dsn, admin: Admin, query: str, kind: Any, words: str
) -> None:
    """With the error of its query, within the time for connecting."""
    isolation = Checking()
    isolation.queries = [(query, (), None)]
    server = shop_server(shop(), isolation=isolation, timeouts=Timeouts(connect_s=1))
    with pytest.raises(kind, match=words):
        await server.database.open()
    await no_backends(admin)
