"""What is wrong, and what could be better, between a server and its database: asked as the server's
login, also where the server itself would not start. Nothing is changed."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.engine import make_url

from mcpdb.compiled import Compiler
from mcpdb.config import PoolConfig
from mcpdb.isolation.base import Backend, Finding, Isolation
from mcpdb.isolation.check import catalog_findings
from mcpdb.operate.advice import advice
from mcpdb.operate.connect import Connection
from mcpdb.request import Tenant
from mcpdb.translate import translated

_LIMIT: Final = "SELECT set_config('statement_timeout', '10s', true)"

_SERVER: Final = """
SELECT current_database()::text AS database, session_user::text AS login, pg_backend_pid() AS pid,
  current_setting('server_version_num')::int AS version,
  extract(epoch FROM clock_timestamp())::float8 AS clock
"""

# The values that a session begins with, its role's own among them: not those of this transaction.
_SETTINGS: Final = "SELECT name, reset_val AS value FROM pg_settings"

_AROUND: Final = """
SELECT r.rolconnlimit AS role_limit, d.datconnlimit AS database_limit,
  current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0) AS server_limit,
  EXISTS (SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
    WHERE a.grantee = 0 AND a.privilege_type = 'TEMPORARY') AS public_temporary,
  EXISTS (SELECT FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
    WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE') AS public_creates,
  inet_client_addr() IS NULL OR inet_client_addr() = inet_server_addr()
    OR inet_client_addr() <<= inet '127.0.0.0/8' OR inet_client_addr() = inet '::1' AS is_local,
  coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)
    OR coalesce((SELECT encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid()), false)
    AS is_encrypted
FROM pg_roles r, pg_database d
WHERE r.rolname = session_user AND d.datname = current_database()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was found.

    Attributes:
        database: Its own name.
        login: Of the server.
        version: Of PostgreSQL, as 180004.
        pooler: The one that is declared and there, `undeclared` for one that is only there.
        clock_s: How far this machine's clock is behind the database's.
        notes: What was not looked at.
        findings: The errors first.
    """

    database: str
    login: str
    version: int
    pooler: str | None
    clock_s: float
    notes: Sequence[str] = ()
    findings: Sequence[Finding]

    @property
    def is_ok(self) -> bool:
        """Whether there is no error."""
        return all(finding.level != "error" for finding in self.findings)


class Login:
    """Looks at the database as the server does, one READ ONLY transaction for each query."""

    def __init__(
        self, connection: Connection, *, isolation: Isolation | None, backend: Backend
    ) -> None:
        self._connection = connection
        self._isolation = isolation
        self._backend = backend

    async def fetch(
        self, query: str, *arguments: object, tenant: Tenant | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """See `Prober`."""
        with translated():
            transaction = self._connection.transaction(readonly=True)
            await transaction.start()
            try:
                await self._run(_LIMIT)
                if tenant is not None:
                    await self._enter(tenant)
                return await self._run(query, *arguments)
            finally:
                if not self._connection.is_closed():
                    await transaction.rollback()

    async def _enter(self, tenant: Tenant) -> None:
        assert self._isolation is not None, "nobody is entered without an isolation"
        # The dialect has not met the server, which it need not for expressions like these.
        dialect = make_url("postgresql+asyncpg://").get_dialect()()
        template = Compiler(dialect).template(select(*self._isolation.expressions()))
        bound = template.bind(self._isolation.parameters(tenant, self._backend))
        await self._run(bound.sql, *bound.arguments)

    async def _run(self, query: str, *arguments: object) -> Sequence[Mapping[str, Any]]:
        # Without a name: behind a pooler, a named statement would stay for whoever is next.
        statement = await self._connection.prepare(query, name="")
        return [dict(row) for row in await statement.fetch(*arguments)]


async def examine(
    connection: Connection,
    *,
    isolation: Isolation | None = None,
    pool: PoolConfig | None = None,
    is_for_sql: bool = False,
) -> Diagnosis:
    """Look at everything.

    Args:
        connection: Of one of the server's logins.
        isolation: The server's. None: only what the catalogs show of a sealed one.
        pool: The server's. None: not known.
        is_for_sql: Whether it is the login for SQL that a model writes.

    Raises:
        McpdbError: The database cannot be looked at.
    """
    declared = pool.pooler if pool else None
    nowhere = Backend(database="", pid=None)
    (server,) = await Login(connection, isolation=None, backend=nowhere).fetch(_SERVER)
    clock_s = server["clock"] - time.time()
    is_pooled = server["pid"] != connection.get_server_pid()
    backend = Backend(
        database=server["database"], pid=None if is_pooled or declared else server["pid"]
    )
    login = Login(connection, isolation=isolation, backend=backend)
    found = [*_pooler(is_pooled=is_pooled, pool=pool)]
    notes: list[str] = []
    if isolation is None:
        found += await catalog_findings(login)
        notes.append("Without a key: no tenant was entered, and the wall was not attacked.")
    else:
        found += await (isolation.check_sql(login) if is_for_sql else isolation.check(login))
        if isolation.warning:
            found.append(
                Finding(
                    code="not_against_attackers",
                    message=isolation.warning,
                    mend="Use Sealed, after `mcpdb isolation apply`.",
                    level="advice",
                )
            )
    settings = {row["name"]: row["value"] for row in await login.fetch(_SETTINGS)}
    (around,) = await login.fetch(_AROUND)
    found += advice(server, settings, around, pool=None if is_pooled else pool)
    return Diagnosis(
        database=server["database"],
        login=server["login"],
        version=server["version"],
        pooler=(declared or "undeclared") if is_pooled else None,
        clock_s=clock_s,
        notes=notes,
        findings=sorted(found, key=lambda finding: finding.level != "error"),
    )


def _pooler(*, is_pooled: bool, pool: PoolConfig | None) -> Iterable[Finding]:
    if is_pooled and (pool is None or pool.pooler is None):
        yield Finding(
            code="pooler_undeclared",
            message="Between here and PostgreSQL is a pooler that gives each transaction another"
            " server connection, and it is not declared.",
            mend='Database(..., pool=PoolConfig(pooler="pgbouncer-transaction"))',
            level="advice" if pool is None else "error",
        )
    if not is_pooled and pool is not None and pool.pooler is not None:
        yield Finding(
            code="pooler_missing",
            message="A pooler is declared, and there is none: tokens are not bound to a"
            " connection, and statements are parsed anew for each call.",
            mend="Leave out PoolConfig(pooler=...).",
            level="advice",
        )
