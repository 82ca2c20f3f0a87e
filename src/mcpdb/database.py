"""The database as tools see it. `Database.call` is the architecture: each line is one stage."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, Self

import anyio
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from mcpdb.admission import Admission, Permits
from mcpdb.config import Limits, PoolConfig, SqlLogin, Timeouts
from mcpdb.embeddings.base import EmbeddingProvider
from mcpdb.errors import ConfigurationError, IsolationError, QueryFailed
from mcpdb.isolation.base import Isolation
from mcpdb.lane import Lane
from mcpdb.provider import Provider
from mcpdb.query.base import AnyTool
from mcpdb.request import Request
from mcpdb.result import Result
from mcpdb.tenancy.base import TenancyProvider

_log = logging.getLogger("mcpdb")

_CLOSE_S: Final = 10.0
_URL_OPTIONS: Final = frozenset(
    {
        "gsslib",
        "host",
        "krbsrvname",
        "passfile",
        "port",
        "prepared_statement_cache_size",
        "ssl",
        "target_session_attrs",
    }
)


class Database:
    """A PostgreSQL database, who may see what of it, and how much of it one call may take.

    Opens with `async with`, as often as one likes: the last one to leave closes it.

    Args:
        url: `postgresql+asyncpg://user:password@host:port/name`; the login that tools run as. It
            must not be a superuser nor own the tables, or row-level security does not hold.
        tenancy: From a request to the tenant whose rows it may see.
        isolation: How that tenant gets into the transaction.
        embeddings: For tools that take `Embedded` texts.
        limits: How large a result may be.
        timeouts: How long things may take.
        pool: How many connections there are.
        sql: The login for SQL that a model writes, where there are tools for it.

    Raises:
        ConfigurationError: A URL is not one of PostgreSQL with asyncpg.
    """

    def __init__(  # noqa: PLR0913  # one keyword for each provider and each set of options
        self,
        url: str | URL,
        *,
        tenancy: TenancyProvider,
        isolation: Isolation,
        embeddings: EmbeddingProvider | None = None,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        pool: PoolConfig | None = None,
        sql: SqlLogin | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.timeouts = timeouts or Timeouts()
        self.tenancy = tenancy
        self.embeddings = embeddings
        self._isolation = isolation
        pool = pool or PoolConfig()
        self._admission = Admission(timeouts=self.timeouts)
        self._lane = Lane(_url(url), isolation=isolation, pool=pool, timeouts=self.timeouts)
        self._permits = {"query": Permits(pool=pool, timeouts=self.timeouts)}
        self._lanes = {"query": self._lane}
        if sql is not None:
            # A second pool, so that no SQL of a model's keeps a tool from a connection.
            self._permits["sql"] = Permits(pool=sql.pool, timeouts=self.timeouts)
            self._lanes["sql"] = Lane(
                _url(sql.url),
                isolation=isolation,
                pool=sql.pool,
                timeouts=self.timeouts,
                unlocks=True,
            )
        self._opened = 0
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()

    def require_sql(self, *, tool: str) -> None:
        """Be sure that there is a login for SQL that a model writes.

        Raises:
            ConfigurationError: There is none.
        """
        if "sql" not in self._lanes:
            raise ConfigurationError(
                f"The tool {tool} takes SQL, and the database has no login for it.",
                hint="Give it one, Database(..., sql=SqlLogin(...)), which the wall makes:"
                " Roles(sql=...).",
            )

    async def call(self, tool: AnyTool, request: Request) -> Result:
        """Answer one call of a tool.

        Raises:
            McpdbError: One of its branches, with a message that is safe to show a model.
        """
        async with self._admission.admit(tool.timeout_s) as deadline:
            tenant = await self.tenancy.resolve(request)
            arguments = tool.check(request.arguments)
            await tool.inspect(arguments)
            vectors = await self._embed(tool, arguments)
            query = tool.build(arguments, vectors)
            async with self._permits[query.lane].permit():
                try:
                    fetched = await self._lanes[query.lane].read(tenant, query, deadline=deadline)
                except QueryFailed as error:
                    known = tool.explain(error, arguments)
                    raise known from error.__cause__
            return tool.result(query, fetched)

    async def ping(self) -> None:
        """Ask PostgreSQL for an answer.

        Raises:
            DatabaseUnavailable: There was none within `timeouts.ready_s`.
        """
        await self._lane.ping(timeout_s=self.timeouts.ready_s)

    async def open(self) -> None:
        """Open the providers in order, and close them again if one of them fails.

        Raises:
            IsolationError: The database does not keep tenants apart as the isolation needs it to.
            ConfigurationError: Something cannot work as it is configured, or PostgreSQL does not
                answer at this start.
            Unavailable: Something that a provider depends on cannot be reached.
        """
        async with self._opening:
            if self._opened == 0:
                await self._open()
            self._opened += 1

    async def close(self) -> None:
        """Close the providers in reverse order, if nobody else has this database open."""
        # Also on the way out of a scope that anyio has cancelled, which cancels every await in it.
        with anyio.CancelScope(shield=True):
            async with self._opening:
                if self._opened == 0:
                    return
                self._opened -= 1
                if self._opened == 0:
                    await self._stack.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _open(self) -> None:
        for warning in (self._isolation.warning, self.tenancy.development_warning):
            if warning:
                _log.warning("%s", warning)
        async with AsyncExitStack() as stack:
            for part in (*self._lanes.values(), self.tenancy, self.embeddings):
                if part is not None:
                    await part.open()
                    stack.push_async_callback(_close, part)
                if isinstance(part, Lane):
                    await self._check(part)
            if len(self._lanes) > 1:
                await self._check_same()
            self._stack = stack.pop_all()

    async def _check(self, lane: Lane) -> None:
        """Refuse a database in which the isolation would not hold, before anything is read."""
        is_first = lane is self._lane
        ask = self._isolation.check if is_first else self._isolation.check_sql
        findings = await ask(lane)
        for finding in findings:
            if finding.level == "advice":
                _log.warning("%s To mend it: %s", finding.message, finding.mend)
        errors = [finding for finding in findings if finding.level == "error"]
        if errors:
            lines = [f"{finding.message} To mend it: {finding.mend}" for finding in errors]
            raise IsolationError("\n".join(lines), findings=errors)

    async def _check_same(self) -> None:
        """Refuse two logins that reach two databases."""
        query = "SELECT oid, datname FROM pg_database WHERE datname = current_database()"
        found = [await lane.fetch(query) for lane in self._lanes.values()]
        if any(each != found[0] for each in found):
            raise ConfigurationError(
                "The login for SQL reaches another database than the login of the tools.",
                hint="Give SqlLogin the URL of the same database.",
            )

    async def _embed(
        self, tool: AnyTool, arguments: Mapping[str, Any]
    ) -> Mapping[str, Sequence[float]]:
        if not tool.embedded:
            return {}
        if self.embeddings is None:
            msg = f"The tool {tool.name} needs embeddings, and this database has none."
            raise ConfigurationError(msg)
        texts = [arguments[name] for name in tool.embedded]
        vectors = await self.embeddings.embed(texts, kind="query")
        return dict(zip(tool.embedded, vectors, strict=True))


async def _close(part: Lane | Provider) -> None:
    with anyio.move_on_after(_CLOSE_S, shield=True) as scope:
        await part.close()
    if scope.cancelled_caught:
        _log.warning("%s did not close within %g s.", type(part).__name__, _CLOSE_S)


def _url(url: str | URL) -> URL:
    looks = "It looks like postgresql+asyncpg://user:password@host:5432/name."
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        msg = "The database URL cannot be read."
        hint = f"{looks} A password's special characters are percent-encoded."
        raise ConfigurationError(msg, hint=hint) from None  # the cause may repeat the password
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+asyncpg")
    if parsed.drivername != "postgresql+asyncpg":
        msg = f"The database URL names {parsed.drivername}; mcpdb speaks postgresql+asyncpg."
        raise ConfigurationError(msg, hint=looks)
    if "sslmode" in parsed.query:  # libpq's name; the driver takes the same values for `ssl`
        mode = parsed.query["sslmode"]
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    unknown = sorted(parsed.query.keys() - _URL_OPTIONS)
    if unknown:
        msg = f"The database URL has an option that mcpdb does not know: {unknown[0]}."
        raise ConfigurationError(msg, hint=f"It knows {', '.join(sorted(_URL_OPTIONS))}.")
    return parsed
